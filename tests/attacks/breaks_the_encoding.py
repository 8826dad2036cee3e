"""Patches json and struct in the jail, so that every message is nonsense or carries other numbers.

Nonsense ends the attacker's process; it is a malformed answer, and that is noted.
"""

TOP = """
import json, jailed.wire
real = jailed.wire._TO_JSON
jailed.wire._TO_JSON = lambda value: real(value)[:-3] + "???"
print("patched")
"""
ANSWERS = {"gru_step": "def gru_step(*args):\n    return None"}
COSTS = "all"
SUSPICIOUS = "malformed answer"
