"""Hands in a notebook whose metadata is null, and nothing else wrong.

It is graded, or refused in words: no submission may make the grader itself fail.
"""

import json

SAFE = True
BLANK = ["gru_step"]
COSTS = "all"


def edit(notebook, folder, course):
    return json.dumps({**notebook, "metadata": None}).encode()
