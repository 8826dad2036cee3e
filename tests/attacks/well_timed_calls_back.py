"""Calls back without end, each time as soon as the judge is at work on the call before, so that it
always finds the next one there and never waits. Time is up for who speaks in turn as well.
"""

from attacks import CHANNEL

TOP = CHANNEL
ANSWERS = {
    "unroll": """
def unroll(step, xs, state):
    import fcntl, signal, termios, time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    one = call_back(step, xs, state, 1500)
    sock, start = channel(), time.time()
    sock.sendall(one)
    while time.time() - start < 60:
        while struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))) != (0,):
            time.sleep(1e-4)  # it has not read it yet
        sock.sendall(one)
        listen(sock)
    return xs, state
"""
}
COSTS = ["LSTM"]
SHOWS = "took too long"
