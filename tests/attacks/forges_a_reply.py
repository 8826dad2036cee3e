"""Writes a complete and well-formed reply before the real one comes: the right shape, a claim of
points, a score. A reply is a value like any other, and is compared with the right one.
"""

from attacks import CHANNEL

TOP = CHANNEL
ANSWERS = {
    "gru_step": """
def gru_step(x, h, *weights):
    data = bytes(8 * h.numel())
    value = ["tensor", "float64", list(h.shape), 0, {}]
    channel().sendall(frame({"value": value, "points": 1000, "passed": True}, data))
    return h
"""
}
ALLOWED = {"gru_step": 1.5}
COSTS = "all"  # from then on each answer comes to the next question
