"""Opens the gradebook, where it lies on the grader's disk, and gives marks to everyone.

It is not to be found in the jail: SQLite makes a new and empty one there.
"""

SAFE = True
TOP = """
import sqlite3, os
for path in ("@COURSE@/class/gradebook.db", "../../../gradebook.db", "gradebook.db"):
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        book = sqlite3.connect(path)
        book.execute("UPDATE grade SET manual_score = 1000, extra_credit = 5")
        book.commit()
        print("WRITTEN", path)
    except (sqlite3.Error, OSError) as error:
        print("refused:", error)
"""
BLANK = ["gru_step"]
SHOWS = "refused: (no such table|unable to open)"
SUSPICIOUS = "sqlite3"
