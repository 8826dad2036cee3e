"""Hands in a notebook of four hundred cells, each of which prints all that a cell may print.

What is kept of all outputs together is bounded, not only of each.
"""

from nbformat.v4 import new_code_cell

BLANK = ["gru_step"]
COSTS = "all"  # the time for the whole notebook may run out
SECONDS = 60


def edit(notebook, folder, course):
    notebook.cells[:0] = [new_code_cell("print('x' * 190_000)") for _ in range(400)]
