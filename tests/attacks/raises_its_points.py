"""Claims that every test is worth 1000 points. What a test is worth stands in the gradebook."""

SAFE = True
NBGRADER = True
BLANK = ["gru_step"]
SUSPICIOUS = "the points of test_gru_step had been changed"


def edit(notebook, folder, course):
    for cell in notebook.cells:
        if "points" in cell.metadata.get("nbgrader", {}):
            cell.metadata.nbgrader["points"] = 1000
