"""Forks without end, in sessions of their own. More processes than are allowed end the submission,
and all of them with it.
"""

ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import os, time
    for _ in range(11):
        try:
            os.fork()
            os.setsid()
        except OSError:
            pass
    time.sleep(20)
    os._exit(0)
"""
}
SUSPICIOUS = "more processes than allowed"
SHOWS = "more than 8 processes"
