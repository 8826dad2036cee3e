"""Makes two hundred thousand empty files, which take no room on a disk, but of the machine's memory,
and must all be deleted again. Their number is bounded."""

TOP = """
import os
os.mkdir("many")
made = 0
try:
    for made in range(200_000):
        os.mknod(f"many/{made}")
except OSError as error:
    print(error.strerror)
print("made", made)
"""
BLANK = ["gru_step"]
SHOWS = "made too many files"
