"""Rewrites the worker in the jail: every call is answered with the arguments, errors are dropped.

The worker belongs to the attacker; whatever it says is compared with the right result.
"""

TOP = """
import jailed.rpc, jailed.wire, jailed.worker

def serve_call(self, header, data):
    encoder = jailed.wire.Encoder(self._export)
    decoder = jailed.wire.Decoder(data, self._resolve)
    args, kwargs = decoder.value(header["args"])
    target = self._objects[header["target"]]
    right = getattr(target, "__name__", "") != "gru_step"
    result = target(*args, **kwargs) if right else args[1]
    return {"value": encoder.node(result)}, encoder.buffers

jailed.rpc.Endpoint.serve_call = serve_call
jailed.worker.Worker.explain = lambda self, error: {"type": "", "message": ""}
print("patched")
"""
ANSWERS = {"gru_step": "def gru_step(*args):\n    raise AssertionError"}
ALLOWED = {"gru_step": 1.5}  # as for h itself: shape, dtype, rows, nothing changed
COSTS = "all"  # without tapes there are no gradients
SHOWS = "patched"
