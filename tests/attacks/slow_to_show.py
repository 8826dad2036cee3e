"""Hands in hundreds of text cells, each of them thousands of small tables: a page of them would take
nbgrader hours, and whoever waits for the class's pages waits for this one. The rest is cut.
"""

from nbformat.v4 import new_markdown_cell

SAFE = True
BLANK = ["gru_step"]
SHOWS = "all cells have more than 500000 characters"


def edit(notebook, folder, course):
    notebook.cells += [new_markdown_cell("|a|\n|-|\n" * 5_000)] * 200
