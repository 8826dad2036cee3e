"""Adds graded cells of its own which import the grader: were they taken for tests, they would run
on the trusted side. There they would write PWNED into the course's folder.
"""

from nbformat.v4 import new_code_cell

SAFE = True
NBGRADER = True
BLANK = ["gru_step"]
source = """
try:
    import autograder
    import pathlib
    pathlib.Path("@COURSE@/PWNED").write_text("own test")
except (ImportError, OSError) as error:
    print("refused:", error)
1000.0
"""
SHOWS = "refused: No module named 'autograder'"
SUSPICIOUS = "autograder"


def edit(notebook, folder, course):
    for number, name in enumerate(["test_mine", "gru_step", "test_gru_step_", "TEST_GRU_STEP"]):
        cell = new_code_cell(source.replace("@COURSE@", str(course)))
        cell.metadata["nbgrader"] = {
            "grade": True,
            "grade_id": name,
            "locked": True,
            "points": 1000,
            "schema_version": 3,
            "solution": False,
            "task": False,
        }
        notebook.cells.insert(number, cell)
