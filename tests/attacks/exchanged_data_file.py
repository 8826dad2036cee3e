"""Reads its answers from a file beside the notebook, so that the same notebook can hand in other
answers and meet the inputs that it has seen in its feedback. Inputs depend on the files, too.
"""

SAFE = True
FILES = {"answers.json": '{"0.5": 1}'}
TOP = "import json\nanswers = json.load(open('answers.json'))\nprint(answers)"
ANSWERS = {
    "gru_step": """
def gru_step(x, h, *weights):
    return answers.get(str(float(x[0, 0])), None)
"""
}
SHOWS = "'0.5': 1"
