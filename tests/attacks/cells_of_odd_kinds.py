"""Hands in cells that are no cells: lists as their type, numbers as their source, null, text.

What is no cell is left out with a note, or the notebook is refused in words.
"""

import json

BLANK = ["gru_step"]
COSTS = "all"


def edit(notebook, folder, course):
    raw = json.loads(json.dumps(notebook))
    for kind in ([], {}, 3, None, True, "evil", ["code"]):
        raw["cells"].insert(0, {"cell_type": kind, "metadata": {}, "source": "1 / 0"})
    for source in (3, None, {"a": 1}, [1, None, ["x"]], ["1", 2]):
        raw["cells"].insert(0, {"cell_type": "code", "metadata": {}, "source": source})
    raw["cells"] += [None, 3, "cell", [], [[]], {}, {"cell_type": "code"}]
    return json.dumps(raw).encode()
