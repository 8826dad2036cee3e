"""Defines its names as data and as other people's functions: a number, a tensor, a dictionary,
torch's own functions, builtins, the library's check. None of them does what was asked.
"""

SAFE = True
ANSWERS = {
    "gru_step": "gru_step = torch.tanh",
    "nas_step": "nas_step = 1000.0",
    "elman_step": "elman_step = {'points': 1000}",
    "slide_bugs": "import rnncourse\nslide_bugs = rnncourse.check",
    "additive_step": "additive_step = print",
    "enas_step": "enas_step = object()",
}
