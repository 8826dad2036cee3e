"""Writes scripts into its text cells, which the feedback page and the formgrader show.

They may not run in the browser of whoever marks the work.
"""

from nbformat.v4 import new_markdown_cell, new_raw_cell

SAFE = True
ABSENT = r"<script>alert|<img src=x onerror"
BLANK = ["gru_step"]


def edit(notebook, folder, course):
    script = "<script>alert(document.cookie)</script><img src=x onerror=alert(1)>"
    notebook.cells.insert(0, new_markdown_cell(f"Hello\n\n{script}\n\n[x](javascript:alert(1))"))
    notebook.cells.insert(0, new_raw_cell(script))
