"""Nests the metadata of one cell nine hundred deep, just below what the parser refuses.

It is not read; if it cannot be read, that is said in words.
"""

import json

BLANK = ["gru_step"]
COSTS = "all"


def edit(notebook, folder, course):
    raw = json.loads(json.dumps(notebook))
    raw["cells"][3]["metadata"]["deep"] = "@"
    deep = "[" * 900 + "]" * 900
    return json.dumps(raw).replace('"@"', deep).encode()
