"""Hands in a file whose path is as long as the system allows. Where it lies it can be read, but the
folder of what is graded has a longer name: there it could not be written, so that this submission
would be graded anew in each run, and the seed of the first would stay that of all.
"""

import os

SAFE = True
BLANK = ["gru_step"]
SHOWS = "its path is too long"


def edit(notebook, folder, course):
    path = folder
    while len(os.fsencode(path)) < 3800:
        path /= "a" * 240
    path /= "b" * (4088 - len(os.fsencode(path)))
    path.mkdir(parents=True)
    (path / "c").write_text("here")
