"""Sends answers which claim that the arguments were changed, into values that no call could make:
other sizes, other types, infinite, the judge's own handles, and deletes the graph of a cell.

What is claimed is done to the test's own copies at most.
"""

from attacks import CHANNEL

TOP = (
    CHANNEL
    + """
import itertools
right = ["tensor", "float64", [], 0, {}]
claims = itertools.cycle([
    ["tuple", ["tuple"], ["dict"]],
    ["tuple", ["tuple", None, 3, ["dict"], ["list"], ["dict", ["nodes", 3]]], ["dict"]],
    ["tuple", ["tuple", right, right, right, right, ["dict"]], ["dict"]],
    ["tuple", ["list", right], ["dict", ["a", "b"]]],
    ["tuple", ["tuple", ["object", 1, "function", "f"], ["object", 2, "class", "C"]], ["dict"]],
    3, None, ["dict"],
])

def claim():
    channel().sendall(frame({"value": None, "changed": next(claims)}, b"\\0" * 8))
    listen(channel())
"""
)
ANSWERS = {
    "enas_step": "def enas_step(x, h, W_0, W, graph):\n    claim()",
    "gru_step": "def gru_step(*args):\n    claim()",
}
COSTS = "all"
