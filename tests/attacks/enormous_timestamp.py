"""Hands in a timestamp.txt of thirty megabytes, for the grader to find a time in.

No time is that long; it is refused without being read through.
"""

BLANK = ["gru_step"]
SECONDS = 10


def edit(notebook, folder, course):
    (folder / "timestamp.txt").write_text("Mon 1 12:00 " * 2_500_000)
