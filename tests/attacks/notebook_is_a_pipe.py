"""Hands in a named pipe in place of the notebook: whoever opens it would wait for ever."""

import os

BLANK = ["gru_step"]
COSTS = "all"
SHOWS = "not a regular file"


def edit(notebook, folder, course):
    os.mkfifo(folder / "ps1_cells.ipynb")
    return b""
