"""Hands in symbolic links to the gradebook, the solutions, a neighbour's work and the course, under
harmless names, and reads them in a cell.

Links are not followed, not even where nbgrader copies files; that there were some is noted.
"""

SAFE = True
NBGRADER = True
TOP = """
import pathlib, re
for name in ("data.txt", "notes.txt", "more.txt", "exam.txt", "folder/exam.txt", "up.txt",
             "folder/class/gradebook.db"):
    try:
        text = pathlib.Path(name).read_bytes().decode(errors="replace")
        print(name, "READ", re.findall("canary" + "-.{30}|def gru.{300}", text, re.S)[:5])
    except OSError as error:
        print(name, "refused:", error.strerror)
"""
BLANK = ["gru_step"]
SHOWS = "data.txt refused: No such file"
SUSPICIOUS = "holds a link"


def edit(notebook, folder, course):
    (folder / "data.txt").symlink_to(course / "class" / "gradebook.db")
    (folder / "notes.txt").symlink_to(course / "solutions" / "ps1_cells" / "ps1_cells.ipynb")
    (folder / "more.txt").symlink_to("../../!honest/ps1_cells/ps1_cells.ipynb")
    (folder / "exam.txt").symlink_to(course / "exam.txt")
    (folder / "up.txt").symlink_to("../../../../nbgrader_config.py")
    (folder / "folder").symlink_to(course)
    (folder / "self").symlink_to(".")
    (folder / "environ").symlink_to("/proc/self/environ")
