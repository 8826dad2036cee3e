"""Computes in C, where no interrupt is looked at, the sum of a million million ones."""

SAFE = True
ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import itertools
    return sum(itertools.repeat(1, 10**12))
"""
}
SHOWS = "could not be interrupted"
