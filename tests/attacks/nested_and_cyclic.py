"""Returns lists within lists a hundred thousand deep, lists that hold themselves, dictionaries that
are their own values, and lists of a hundred million lists.

What is sent is bounded in depth and in size.
"""

SAFE = True
ANSWERS = {
    "gru_step": """
def gru_step(*args):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    return deep
""",
    "nas_step": """
def nas_step(*args):
    one, table = [], {}
    one.append(one)
    table["self"] = table
    return one, table
""",
    "slide_bugs": "def slide_bugs():\n    return [[[[[]] * 100] * 100] * 100] * 100",
    "additive_step": "def additive_step(x, h):\n    return [[0] * 1000] * 1000",
}
SECONDS = 40
