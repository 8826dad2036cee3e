"""Replaces torch, numpy, json, struct and the worker itself in sys.modules by something that
answers everything. What was imported before goes on as it was.
"""

TOP = """
import sys

class Anything:
    def __getattr__(self, name): return Anything()
    def __call__(self, *args, **kwargs): return Anything()
    def __bool__(self): return True
    def __eq__(self, other): return True

for name in [*sys.modules]:
    if name.split(".")[0] in ("json", "struct", "numpy", "rnncourse", "jailed"):
        sys.modules[name] = Anything()
print("replaced", bool(sys.modules["jailed"]))
"""
ANSWERS = {"gru_step": "def gru_step(*args):\n    return sys.modules['jailed'].right"}
COSTS = "all"
SHOWS = "replaced True"
SUSPICIOUS = "sys.modules"
