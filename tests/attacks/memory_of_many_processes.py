"""Takes memory in five processes, each of them less than is allowed. All together are counted."""

ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import os, time
    for _ in range(5):
        if os.fork() == 0:
            kept = bytearray(700 << 20)
            time.sleep(10)
            os._exit(0)
    time.sleep(10)
"""
}
SHOWS = "more than 2048 MB of memory"
