"""Tags every test skip-execution: stock nbgrader gives full marks to a test without output.

The tags of a submission are not read; the tests run all the same.
"""

SAFE = True
NBGRADER = True
BLANK = ["gru_step", "nas_step"]
SUSPICIOUS = "skip-execution"


def edit(notebook, folder, course):
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["skip-execution"]
