"""Sends messages whose sizes lie: tensors of more numbers than bytes, of fewer, of negative and of
2**62 numbers, buffers that are not there. They are malformed and are not believed.
"""

from attacks import CHANNEL

TOP = (
    CHANNEL
    + """
import itertools
lies = itertools.cycle([
    ["tensor", "float64", [1 << 40], 0, {}],
    ["tensor", "float64", [-1, -8], 0, {}],
    ["tensor", "float64", [1 << 62, 4], 0, {}],
    ["tensor", "float64", [0, 1 << 62, 1 << 62], 1, {}],
    ["tensor", "float64", [8], 7, {}],
    ["tensor", "float64", [1] * 100, 0, {}],
    ["array", "float64", [1 << 50], 0],
    ["array", "object", [1], 0],
    ["bytes", 10**9],
    ["tensor", "float64", [1], 0, {"grad": ["tensor", "float64", [1], 0, {"grad": None}]}],
    ["tensor", "float64", [1], 0, {"graph": 10**18}],
])

def lie():
    channel().sendall(frame({"value": next(lies)}, b"x" * 8, b""))
"""
)
ANSWERS = {
    name: f"def {name}(*args):\n    lie()"
    for name in ("gru_step", "nas_step", "additive_step", "elman_step", "enas_step", "slide_bugs")
}
COSTS = "all"  # the process is ended, and the notebook is run again, so often
SUSPICIOUS = "malformed answer"
