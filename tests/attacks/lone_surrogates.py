"""Prints, raises and returns text that has no encoding: lone surrogates, nulls, control characters.

It is written down with replacements; the mark is recorded like any other.
"""

SAFE = True
TOP = r"""
text = "\ud800 \udfff \0 \x1b[31m \x9b \u202e \uffff \N{PILE OF POO}"
print("text", text)
from IPython.display import display
display({"text/plain": text, "text/latex": text}, raw=True)
"""
END = "raise type(text, (Exception,), {})(text)"
ANSWERS = {
    "gru_step": "def gru_step(*args):\n    raise ValueError(text)",
    "nas_step": "def nas_step(*args):\n    return {text: text}, text",
    "slide_bugs": "def slide_bugs():\n    return {text: {text}}",
}
SHOWS = "text "
