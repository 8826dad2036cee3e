"""Starts thousands of threads with small stacks, which no count of processes shows."""

ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import threading, time
    threading.stack_size(1 << 15)
    stop = time.time() + 10
    for n in range(6000):
        try:
            threading.Thread(target=lambda: time.sleep(max(0, stop - time.time()))).start()
        except RuntimeError:
            break
        if n == 1000:
            time.sleep(0.3)
    raise ValueError(f"{n + 1} threads")
"""
}
SHOWS = "(processes|threads) at once|more than|ended itself|[1-9]\\d{1,2} threads"
