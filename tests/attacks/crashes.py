"""Crashes in every way: a segmentation fault, an abort, an exit, an endless recursion in C and in
Python, a signal that has no name. Each costs its own exercise.
"""

SAFE = True
ANSWERS = {
    "gru_step": "def gru_step(*args):\n    import ctypes\n    ctypes.string_at(0)",
    "nas_step": "def nas_step(*args):\n    import os\n    os._exit(0)",
    "elman_step": "def elman_step(*args):\n    return elman_step(*args)",
    "additive_step": "def additive_step(*args):\n    import os\n    os.kill(os.getpid(), 40)",
    "slide_bugs": """
def slide_bugs():
    import sys
    sys.setrecursionlimit(10**9)
    return repr(slide_bugs())
""",
    "enas_step": "def enas_step(*args):\n    import os\n    os.kill(os.getpid(), 19)",
}
SHOWS = "(?s)RecursionError"
SUSPICIOUS = "ctypes"
SECONDS = 40
