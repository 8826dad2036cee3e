"""Declares the cells of its answers to be tests that import the grader.

What kind a cell is stands in the gradebook.
"""

SAFE = True
NBGRADER = True
BLANK = ["nas_step"]
ANSWERS = {
    "gru_step": """
def gru_step(*args):
    return None

try:
    import autograder, pathlib
    pathlib.Path("@COURSE@/PWNED").write_text("solution")
except (ImportError, OSError) as error:
    print("refused:", error)
6.0
"""
}
SHOWS = "refused: No module named 'autograder'|MissingEntry"


def edit(notebook, folder, course):
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.metadata.nbgrader |= {"grade": True, "solution": False, "points": 6}
