"""Opens files, pipes and sockets without end, and passes them through sockets to keep more of them
than a process may have. There is an end, and it is the attacker's.
"""

TOP = """
import os, socket, array
kept, passed = [], 0
try:
    while len(kept) < 100_000:
        kept.append(open("/dev/null"))
except OSError as error:
    print("open", len(kept), error.strerror)
    kept.pop()
    kept.pop()
a, b = socket.socketpair()
try:
    for _ in range(100_000):
        a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [b.fileno()]))],
                  socket.MSG_DONTWAIT)
        passed += 1
except OSError as error:
    print("passed", passed, error.strerror)
del kept, a, b
"""
BLANK = ["gru_step"]
SHOWS = r"open \d{3} "
