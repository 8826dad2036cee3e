"""`check`: the visible checks of an exercise, on what the student wrote."""

import os
from typing import Any

from .checks.report import Report

VISIBLE_SEED = 0


class CheckFailed(AssertionError):
    """Raised by `check` under `nbgrader validate`, which knows only exceptions."""


def check(name: str, subject: Any) -> Report | None:
    """Run the visible checks of an exercise on your own function or class and say what holds.

    name: the exercise's name, such as "elman_step"; subject: what you wrote.
    Returns a report that shows itself as a table. Under autograding it does nothing (the hidden
    tests contain these checks); under `nbgrader validate` it raises CheckFailed unless all pass.
    """
    mode = os.environ.get("NBGRADER_EXECUTION")
    if mode == "autograde":
        return None  # the sandbox does not even have the exercises
    from .exercises import find

    report = find(name).evaluate(subject, VISIBLE_SEED)
    if mode == "validate" and not report.passed:
        raise CheckFailed(f"\n{report!r}")
    return report
