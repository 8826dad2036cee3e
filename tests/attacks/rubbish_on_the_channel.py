"""Writes what is no message: random bytes, half a message, lengths of four gigabytes, a header that
is no JSON, deep JSON, text in another encoding, a message of nothing.
"""

from attacks import CHANNEL

TOP = (
    CHANNEL
    + """
import itertools
rubbish = itertools.cycle([
    b"\\xff" * 400, b"\\0" * 400, struct.pack("!II", 8, 4) + b"null", os.urandom(4000),
    struct.pack("!II", 2**32 - 1, 2**32 - 1), struct.pack("!II", 104, 100) + b"[" * 100,
    struct.pack("!II", 6, 2) + b"{}", frame({"value": None})[:-4] + b"\\xff\\xfe\\xfd\\xfc",
    struct.pack("!II", 400_004, 400_000) + b"[" * 400_000,
    frame({"error": 3}), frame({"error": {"type": [], "message": {}}}), frame({"value": {"a": 1}}),
])
"""
)
ANSWERS = {
    name: f"def {name}(*args):\n    channel().sendall(next(rubbish))"
    for name in ("gru_step", "nas_step", "additive_step", "elman_step", "enas_step", "slide_bugs")
}
COSTS = "all"
SUSPICIOUS = "malformed answer"
