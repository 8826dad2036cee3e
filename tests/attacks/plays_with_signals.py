"""Sends signals to process 1, to everyone, to its own group, sets alarms and timers, stops itself
and others. Process 1 of the jail takes no signals from its children.
"""

SAFE = True
TOP = """
import os, signal
for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGSEGV,
               signal.SIGUSR1, signal.SIGCONT, signal.SIGPIPE, signal.SIGHUP, 34, 64):
    for pid in (1, -1):
        try:
            os.kill(pid, number)
        except OSError as error:
            pass
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for pid in range(2, 40):
    try:
        if pid != os.getpid():
            os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
print("still here")
"""
ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import signal
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    while True:
        pass
"""
}
COSTS = "all"
SHOWS = "still here"
