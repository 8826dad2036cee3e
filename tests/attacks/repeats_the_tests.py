"""Hands in each test twice more, before and after, with the answer "all right" in place of it.

Only one cell of a name is graded, with the source that the gradebook has.
"""

import copy

SAFE = True
BLANK = ["gru_step"]
SHOWS = "the cell test_gru_step was there more than once"


def edit(notebook, folder, course):
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.metadata.get("nbgrader", {}).get("grade"):
            twin = copy.deepcopy(cell)
            twin.source = "1000.0"
            cells = [copy.deepcopy(twin), *cells, twin]
    notebook.cells = cells
