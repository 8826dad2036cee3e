"""Hands in a file of many gigabytes that takes no room on the disk.

Sizes are looked at before anything is read; nobody waits for them.
"""

import os

BLANK = ["gru_step"]
SHOWS = "was left out"


def edit(notebook, folder, course):
    with open(folder / "data.bin", "wb") as file:
        os.truncate(file.fileno(), 12 << 30)
