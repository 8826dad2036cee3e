"""Takes memory in ten processes, each of them less than is allowed. All together are counted."""

ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import os, time
    for _ in range(10):
        if os.fork() == 0:
            kept = bytearray(300 << 20)
            time.sleep(10)
            os._exit(0)
    time.sleep(10)
"""
}
SHOWS = "more than 2048 MB of memory"
