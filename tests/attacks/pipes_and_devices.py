"""Hands in a named pipe, a socket and a file that no one may read: whoever opens them would wait.

Only regular files are read.
"""

import os
import socket

BLANK = ["gru_step"]


def edit(notebook, folder, course):
    os.mkfifo(folder / "pipe.txt")
    os.mkfifo(folder / "timestamp.txt")
    here = os.getcwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind("socket.txt")
    finally:
        os.chdir(here)
    (folder / "closed.txt").write_text("x")
    (folder / "closed.txt").chmod(0)
