"""Hands in tests that already show their marks, and forged remarks of the grader in the metadata.

Outputs and metadata of a submission are not read.
"""

from nbformat.v4 import new_output

SAFE = True
NBGRADER = True
BLANK = ["gru_step"]
ABSENT = "forged-remark"


def edit(notebook, folder, course):
    notebook.metadata["nbgrader"] = {"points": {"test_gru_step": 6}, "note": "forged-remark"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            data = {"text/plain": "1000", "text/html": "forged-remark"}
            cell.outputs = [new_output("execute_result", data, execution_count=1)]
            cell.execution_count = 1
        cell.metadata["points"] = 1000
        cell.metadata["autograder"] = {"points": 1000, "note": "forged-remark"}
