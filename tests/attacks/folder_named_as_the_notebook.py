"""Hands in a folder where the notebook should be, and others named as the grader's own files.

There is then no notebook, which is said in words; nothing fails when the result is written.
"""

BLANK = ["gru_step"]
COSTS = "all"
SHOWS = "was not submitted|could not be read"


def edit(notebook, folder, course):
    for name in ("ps1_cells.ipynb", "timestamp.txt", "result.json", ".ps1_cells.new"):
        (folder / name).mkdir()
        (folder / name / "file.txt").write_text("x")
    (folder / "ps1_cells.ipynb" / "ps1_cells.ipynb").write_text("{}")
