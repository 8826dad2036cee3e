"""Writes the kernel's settings under /proc, among them the program that is run, by the machine's
root, when a process crashes. They are the machine's and cannot be written to.
"""

TOP = """
import os
opened = []
for top, folders, names in os.walk("/proc"):
    folders[:] = [one for one in folders if not one.isdigit() and one not in
                  ("self", "thread-self", "pressure")]
    for name in names:
        path = os.path.join(top, name)
        try:
            os.close(os.open(path, os.O_WRONLY))
            opened.append(path)
        except OSError:
            pass
print(len(opened), "OPEN", opened[:20])
"""
BLANK = ["gru_step"]
SHOWS = r"^0 OPEN|\n0 OPEN"
