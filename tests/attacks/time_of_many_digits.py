"""Hands in a timestamp of so many digits that parsing it ends in an error of the decimal numbers,
which is no ValueError. It is read in the process that grades the whole class.
"""

SAFE = True
FILES = {"timestamp.txt": f"{'1' * 30}99h{'1' * 30}d\n"}
BLANK = ["gru_step"]
SHOWS = "holds no time"
