"""Ends its process in the first cell by a signal that has no name. It is a crash like any other, of
that cell alone; the grader finds words for it.
"""

SAFE = True
TOP = "import os\nos.kill(os.getpid(), 40)"
BLANK = ["gru_step"]
SHOWS = "was ended by"
