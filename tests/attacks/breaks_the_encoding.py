"""Patches json and struct in the jail, so that every message is nonsense or carries other numbers.

Nonsense ends the attacker's process; it is no answer, and that is noted.
"""

TOP = """
import json, jailed.wire
real = json.dumps
jailed.wire.json = type("J", (), {
    "dumps": staticmethod(lambda *a, **k: real(*a, **k)[:-3] + "???"),
    "loads": staticmethod(json.loads),
})
print("patched")
"""
ANSWERS = {"gru_step": "def gru_step(*args):\n    return None"}
COSTS = "all"
SUSPICIOUS = "no answer"
