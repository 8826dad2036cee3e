"""Hands in files whose names are tricks: dots, dashes, line breaks, percent signs, backslashes,
braces, markup, terminal escapes, as long as they may be, and not even UTF-8.

They stay in the submission's folder and hurt no page, no table and no file of the grader's.
"""

import os

SAFE = True
names = [
    "..foo",
    "...",
    "..\\..\\gradebook.db",
    "-rf",
    "--config=evil.py",
    "%2e%2e%2fgradebook.db",
    "a\nb",
    "\x1b[2J\x1b[31mred",
    "{student_id}",
    "$(touch PWNED)",
    "[bold]markup",
    "<script>alert(1)",
    "C:\\gradebook.db",
    "result.json",
    "seed.json",
    "gradebook.db",
    ".nbgrader.log",
    "x" * 250,
    "\N{RIGHT-TO-LEFT OVERRIDE}bpyni.1sp",
]
ABSENT = "<script>alert"
BLANK = ["gru_step"]


def edit(notebook, folder, course):
    for name in names:
        (folder / name).write_text("x")
    with open(os.path.join(os.fsencode(folder), b"\xff\xfe.txt"), "wb") as file:
        file.write(b"not UTF-8")
    (folder / "loop").symlink_to("loop")
    os.symlink(b"/etc/passwd", os.path.join(os.fsencode(folder), b"\xff\xfdlink"))
