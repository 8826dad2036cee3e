"""Gives the graded cells metadata of every wrong kind: lists, numbers, nan, null, nested, huge.

The notebook is graded from what the gradebook knows, or refused in words; the grader stays whole.
"""

import json

BLANK = ["gru_step"]
COSTS = "all"


def edit(notebook, folder, course):
    odd = [None, [], 3, "nbgrader", {"grade_id": []}, {"grade_id": {}}, {"grade_id": None}, True]
    odd += [{"grade_id": "test_gru_step", "points": one} for one in ("many", [], float("nan"))]
    raw = json.loads(json.dumps(notebook))
    graded = [cell for cell in raw["cells"] if "nbgrader" in cell["metadata"]]
    for cell, value in zip(graded, odd, strict=False):
        cell["metadata"] = {"nbgrader": value, "tags": {"skip-execution": 1}}
    graded[-1]["metadata"]["nbgrader"]["points"] = -1e308
    raw["cells"] += [{"cell_type": "code", "metadata": one, "source": "1"} for one in odd]
    return json.dumps(raw).encode()
