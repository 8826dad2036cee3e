"""Starts processes from threads, whose children are not listed with those of the process itself.

All processes of the jail are counted, whoever started them.
"""

ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import os, threading, time

    def forking():
        os.posix_spawn("/bin/sleep", ["sleep", "20"], {})
        time.sleep(20)

    for _ in range(40):
        threading.Thread(target=forking, daemon=True).start()
    time.sleep(20)
"""
}
SUSPICIOUS = "more processes than allowed"
SHOWS = "more than 8 processes"
