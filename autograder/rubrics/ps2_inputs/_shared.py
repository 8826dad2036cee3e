"""Shared by rubrics of ps2_inputs: whether the inputs were left as they were."""

from typing import Any

from rnncourse.checks.compare import difference


def changed(now: Any, before: Any) -> str:
    return "as it was" if now == before else "changed"


def judge_inputs(got: Any, expected: Any) -> str | None:
    """A result of the right type is enough: its content is judged elsewhere."""
    got = dict(got)
    if isinstance(got["the result"], type(expected["the result"])):
        got["the result"] = expected["the result"]
    return difference(got, expected)
