"""Returns objects whose __reduce__, __deepcopy__, __array__, __dlpack__ and __index__ run commands
when they are pickled, copied or converted. Nothing is pickled, and nothing is converted out there.
"""

SAFE = True
TOP = """
import os

class Bomb:
    def __reduce__(self): return os.system, ("echo PWNED > @COURSE@/PWNED",)
    def run(self, *args, **kwargs):
        os.system("echo PWNED > @COURSE@/PWNED 2>/dev/null")
        return self
    __deepcopy__ = __copy__ = __array__ = __dlpack__ = __getstate__ = __setstate__ = run
    def __index__(self): return os.system("echo PWNED > @COURSE@/PWNED 2>/dev/null")
    __int__ = __len__ = __index__
    __float__ = lambda self: 1.0
    __del__ = run
"""
ANSWERS = {
    "gru_step": "def gru_step(*args):\n    return Bomb()",
    "nas_step": "def nas_step(*args):\n    return [Bomb(), {Bomb(): Bomb()}]",
    "slide_bugs": "def slide_bugs():\n    import numpy\n    return numpy.array([Bomb()])",
}
