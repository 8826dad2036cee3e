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
    *({"op": "call", "target": n, "args": ["tuple", ["tuple", "exam"], ["dict"]], "drop": []}
      for n in (0, -1, 1, 50, 199, "grade", None, True, 1.0)),
    {"op": "backward", "tape": 1, "cotangents": ["list"], "drop": []},
    {"op": "backward", "tape": ["list"], "cotangents": None, "drop": []},
    {"op": "getattr", "target": 1, "name": "__globals__", "drop": []},
    {"op": "cell", "source": "import os; os.system('touch @COURSE@/PWNED')", "drop": []},
    {"op": "lookup", "names": ["grade"], "drop": []},
    {"op": "write", "path": "@COURSE@/PWNED", "drop": []},
    {"op": "forever", "drop": []},
    {"op": "call", "target": ["list"], "args": 3, "drop": [1, 2, 3]},
    {"op": "call", "target": 1, "args": ["tuple"], "drop": "all"},
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
SUSPICIOUS = "no answer"
