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
    n, D = 1500, xs.shape[2]
    H = state.shape[1] if isinstance(state, torch.Tensor) else 1
    args = ["tuple", ["tuple", ["tensor", "float64", [n, 1, D], 0, {}],
                      ["tensor", "float64", [1, n, H], 1, {}]], ["dict"]]
    one = frame({"op": "call", "target": step._handle, "args": args, "grad": True},
                bytes(8 * n * D), bytes(8 * n * H))
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
