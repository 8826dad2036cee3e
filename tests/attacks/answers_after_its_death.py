"""Ends its process while a grandchild keeps the channel open and answers in its place, from another
session. It can say what it likes, as the worker could, and ends with the submission.
"""

from attacks import CHANNEL

TOP = CHANNEL
ANSWERS = {
    "gru_step": """
def gru_step(x, h, *weights):
    sock = channel()
    if os.fork():
        os._exit(0)
    os.setsid()
    answer = frame({"value": ["tensor", "float64", list(h.shape), 0, {}]}, bytes(8 * h.numel()))
    for _ in range(50):
        sock.sendall(answer)
        listen(sock)
    os._exit(0)
"""
}
ALLOWED = {"gru_step": 1}
COSTS = "all"
