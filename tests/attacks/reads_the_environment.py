"""Prints every environment and command line that can be seen: its own, the parent's, of process 1.

The jail's environment is made anew; it holds nothing of the grader's.
"""

SAFE = True
TOP = """
import os, glob
print(dict(os.environ))
for path in sorted(glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline")):
    try:
        print(path, open(path).read().replace("\\0", " "))
    except OSError as error:
        print(path, "refused:", error.strerror)
!env
"""
BLANK = ["gru_step"]
SHOWS = "/proc/1/environ refused: Permission denied"
SUSPICIOUS = "/proc/"
