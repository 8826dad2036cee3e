"""Hands in thirty thousand small cells: each is soon run, but a page of them takes nbgrader hours,
and whoever waits for the class's pages waits for this one. It is refused in words.
"""

from nbformat.v4 import new_code_cell

BLANK = ["gru_step"]
COSTS = "all"
SHOWS = r"it has 300\d\d cells"


def edit(notebook, folder, course):
    notebook.cells += [new_code_cell("1")] * 30_000
