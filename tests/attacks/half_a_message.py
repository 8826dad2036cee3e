"""Announces a message of sixty megabytes and sends it a byte at a time, while it ignores every
interrupt. It is given its time and no more.
"""

from attacks import CHANNEL

TOP = CHANNEL
ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import signal, time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = channel()
    sock.sendall(struct.pack("!II", 60 << 20, 1000))
    for _ in range(600):
        sock.sendall(b" ")
        time.sleep(0.1)
"""
}
SHOWS = "could not be interrupted"
