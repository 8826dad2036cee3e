"""Returns generators without an end, of numbers and of themselves, and ranges of 2**60.

What is drawn from a generator is bounded.
"""

ANSWERS = {
    "gru_step": """
def gru_step(*args):
    while True:
        yield args[1]
""",
    "nas_step": """
def nas_step(*args):
    import itertools
    return itertools.repeat(itertools.count())
""",
    "slide_bugs": "def slide_bugs():\n    return range(2**60)",
}
SECONDS = 40
