"""Unlocks the tests, empties them and corrects their checksums, as if they had been released so.

Locked cells are restored from the gradebook.
"""

from nbgrader.utils import compute_checksum

SAFE = True
NBGRADER = True
BLANK = ["gru_step", "nas_step"]
SHOWS = "the locked cell test_gru_step had been edited"


def edit(notebook, folder, course):
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.metadata.nbgrader["locked"]:
            cell.source = "1000.0"
            cell.metadata.nbgrader["locked"] = False
            cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
