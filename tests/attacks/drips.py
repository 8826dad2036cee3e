"""Sends a long answer a few bytes at a time, from several processes, so that there is always a little
more of it when the judge looks. Time is up all the same.
"""

from attacks import CHANNEL

TOP = CHANNEL
ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import signal, time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = channel()
    sock.sendall(struct.pack("!II", 60 << 20, 100))
    for _ in range(4):
        if os.fork() == 0:
            break
    start = time.time()
    while time.time() - start < 20:
        sock.sendall(b"  ")
"""
}
SHOWS = "took too long and could not be interrupted"
SECONDS = 15
