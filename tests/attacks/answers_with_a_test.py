"""Turns the question that a person marks, whose cell belongs to the student, into an automatic
test: it imports the grader and gives itself full marks. Were it believed, the student's code would
run on the trusted side. What kind a cell is stands in the gradebook.
"""

SAFE = True
NBGRADER = True
BLANK = ["gru_step"]
SHOWS = "refused: No module named 'autograder'"


def edit(notebook, folder, course):
    from attacks import by_id

    cell = by_id(notebook, "essay")
    cell.source = f"""
try:
    import autograder
    import pathlib
    pathlib.Path({str(course / "PWNED")!r}).write_text("essay")
except (ImportError, OSError) as error:
    print("refused:", error)
1.0
"""
    cell.metadata.nbgrader |= {"solution": False, "locked": False, "grade": True}
