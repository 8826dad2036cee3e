"""Sends requests of its own to the judge: calls of every handle from 0 to 200, gradients for tapes
that are not there, attributes, cells, look-ups, files, operations that do not exist.

Only what the judge has handed out can be called; the first other request ends the process.
"""

from attacks import CHANNEL

TOP = (
    CHANNEL
    + """
import itertools
requests = itertools.cycle([
    *({"op": "call", "target": n, "args": ["tuple", ["tuple", "exam"], ["dict"]]}
      for n in (0, -1, 1, 50, 199, "grade", None, True, 1.0)),
    {"op": "backward", "tape": 1, "cotangents": ["list"]},
    {"op": "backward", "tape": ["list"], "cotangents": None},
    {"op": "getattr", "target": 1, "name": "__globals__"},
    {"op": "cell", "source": "import os; os.system('touch @COURSE@/PWNED')"},
    {"op": "begin", "names": ["grade"]},
    {"op": "write", "path": "@COURSE@/PWNED"},
    {"op": "forever"},
    {"op": "forget", "tapes": "all"},
    {"op": "call", "target": ["list"], "args": 3},
    {"op": "call", "target": 1, "args": ["tuple"]},
])

def ask():
    sock = channel()
    sock.sendall(frame(next(requests)))
    return listen(sock)
"""
)
ANSWERS = {
    name: f"def {name}(*args):\n    return ask().get('value')"
    for name in ("gru_step", "nas_step", "additive_step", "elman_step", "enas_step", "slide_bugs")
}
COSTS = "all"
SUSPICIOUS = "malformed answer"
