"""Hands in files named torch.py, numpy.py, json.py and pickle.py, which agree with everything.

The grader imports nothing from a submission, and the worker has imported its own before.
"""

SAFE = True
NBGRADER = True
fake = """
import sys
print("SHADOWED", __name__)
def __getattr__(name):
    return lambda *args, **kwargs: True
"""
FILES = {name: fake for name in ("torch.py", "numpy.py", "json.py", "pickle.py", "nbgrader.py")}
TOP = "import torch, numpy, json\nprint(torch.__file__)"
BLANK = ["gru_step"]
SHOWS = "site-packages/torch/__init__"
ABSENT = "SHADOWED"
