"""Patches the one function of the course that the worker in the jail calls itself: where an error
was raised. It raises, lies and is endless in turn; only the attacker's own words are touched.
"""

SAFE = True
TOP = """
import itertools
import rnncourse.checks.compare as compare

ways = itertools.cycle(["raise", "lie", "object"])

def where_raised(error):
    way = next(ways)
    if way == "raise":
        raise SystemExit(0)
    return "line 1: `full marks`" * 100_000 if way == "lie" else object()

compare.where_raised = where_raised
import sys
if "jailed.worker" in sys.modules:
    sys.modules["jailed.worker"].where_raised = where_raised
    print("patched in the worker")
else:
    print("patched")
"""
ANSWERS = {"gru_step": "def gru_step(*args):\n    return args[0] @ args[0]"}
COSTS = "all"  # an error without a place cannot be told
SHOWS = "patched in the worker"
