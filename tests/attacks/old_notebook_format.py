"""Hands in notebook format 3, which has no cell metadata checks, with tests that are emptied.

It is raised to the current format and then treated like any other.
"""

import json

import nbformat

SAFE = True
BLANK = ["gru_step"]
COSTS = "all"


def edit(notebook, folder, course):
    from attacks import by_id

    by_id(notebook, "test_gru_step").source = "1000.0"
    return json.dumps(nbformat.convert(notebook, 3)).encode()
