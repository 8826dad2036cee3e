"""Sends a set of thirty thousand numbers that all have one hash, and pairs of numbers likewise.
To put them into a set takes a judge minutes, in which nothing can interrupt it.

Numbers have at most 64 bits and sets are small.
"""

from attacks import CHANNEL

TOP = CHANNEL
ANSWERS = {
    "additive_step": """
def additive_step(x, h):
    prime = 2**61 - 1
    channel().sendall(frame({"value": ["set", *(prime * n for n in range(1, 30_000))]}))
""",
    "slide_bugs": """
def slide_bugs():
    # The hash of a pair is computed from those of its parts; it can be turned round.
    one, two, five, full = (11400714785074694791, 14029467366897019727, 2870177450012600261,
                            (1 << 64) - 1)
    rotated = lambda a, n: ((a << n) | (a >> (64 - n))) & full
    back, found, a = pow(two, -1, 1 << 64), [], 1
    undone = rotated(12345678901234567 * pow(one, -1, 1 << 64) & full, 33)
    while len(found) < 15_000:
        a += 1
        after = rotated((five + a * two) & full, 31) * one & full
        b = (undone - after) * back & full
        if 0 < b < (1 << 61) - 1:
            found.append(["tuple", a, b])
    channel().sendall(frame({"value": ["set", *found]}))
""",
}
COSTS = "all"
SECONDS = 12
