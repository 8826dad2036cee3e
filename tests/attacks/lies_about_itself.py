"""Defines functions with lying names, signatures and attributes: __getattr__ raises, __repr__ is
endless, __name__ is a script, __call__ appears later. Only what a call returns is looked at.
"""

SAFE = True
TOP = """
class Odd:
    __name__ = "<script>alert(1)</script>" * 1000
    def __getattr__(self, name): raise SystemExit(name)
    def __repr__(self): return "x" * (1 << 26)
    __str__ = __repr__
    def __call__(self, *args, **kwargs): raise type("E" * 100_000, (Exception,), {})(self)
"""
ANSWERS = {
    "gru_step": "gru_step = Odd()",
    "nas_step": "nas_step = type('M', (type,), {'__call__': lambda *a: 1 / 0})('C', (), {})",
    "slide_bugs": "slide_bugs = property(lambda self: 1)",
}
ABSENT = r"<script>alert\(1"
