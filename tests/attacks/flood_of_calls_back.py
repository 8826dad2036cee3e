"""Sends calls back without end and without waiting for an answer, each with a large result, so that
the judge is always busy and its answers pile up. Who speaks out of turn is ended.
"""

from attacks import CHANNEL

TOP = CHANNEL
ANSWERS = {
    "unroll": """
def unroll(step, xs, state):
    import signal, time
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    one = call_back(step, xs, state, 500)
    sock, start = channel(), time.time()
    while time.time() - start < 6:
        sock.sendall(one)
    return xs, state
"""
}
COSTS = ["LSTM"]
SUSPICIOUS = "malformed answer"
