"""Runs for ever: in a cell, in a function, in one that catches the interrupt, and in one that
ignores it. Each is given its time; the rest of the notebook is graded.
"""

SAFE = True
TOP = "import time\nwhile True:\n    time.sleep(1)"
ANSWERS = {
    "gru_step": "def gru_step(*args):\n    while True:\n        pass",
    "nas_step": """
def nas_step(*args):
    import signal
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pass
""",
}
SHOWS = "(?s)it took too long.*could not be interrupted|could not be interrupted.*it took too long"
SECONDS = 40
