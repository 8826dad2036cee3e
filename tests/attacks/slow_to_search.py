"""Hands in cells that are slow to look through for words worth a look: an import with nothing but
spaces after it, or with thousands of brackets that stay open.

This is done outside the jail, where no limit of time ends it: it must not take long.
"""

from nbformat.v4 import new_code_cell

SAFE = True
BLANK = ["gru_step"]


def edit(notebook, folder, course):
    for package in ("rnncourse.reference", "rnncourse.recipes"):
        spaces = f"# from {package} import{' ' * 49_000}"
        brackets = "# " + f"from {package} import (" * 1200
        lines = f"'''\nfrom {package} import" + "\n" * 49_000 + "'''"
        notebook.cells += map(new_code_cell, (spaces, brackets, lines))
