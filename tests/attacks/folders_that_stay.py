"""Leaves folders that are hard to delete: three thousand deep, closed to their owner, with links
out of them, with names that are no text. Process 1 deletes them all the same.
"""

TOP = """
import os
start = os.getcwd()
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
os.chdir(start)
os.makedirs("closed/inner/inner")
os.symlink("/usr", "closed/inner/link")
os.symlink("/jail", "closed/inner/inner/link")
os.chmod("closed/inner/inner", 0)
os.chmod("closed/inner", 0)
os.chmod("closed", 0o500)
os.makedirs(b"/tmp/\\xff\\xfe/\\n")
os.symlink(".", "/tmp/self")
os.chmod(".", 0)
os.chmod("/tmp", 0)
print("made")
"""
BLANK = ["gru_step"]
SHOWS = "made"
