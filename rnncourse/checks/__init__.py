"""Visible checks: what is right, what is wrong, and which mistake it looks like."""

import importlib
import os
import pkgutil
from difflib import get_close_matches
from typing import Any

from .exercise import Exercise
from .report import Report

VISIBLE_SEED = 0


class CheckFailed(AssertionError):
    """Raised by `check` under `nbgrader validate`, which knows only exceptions."""


def exercises() -> dict[str, Exercise]:
    """All exercises of the course by name, in the order of the problem sets."""
    found: dict[str, Exercise] = {}
    names = sorted(one.name for one in pkgutil.iter_modules(__path__))
    sets = [name for name in names if name.startswith("ps")]
    for name in [*sets, *(name for name in names if name == "capstone")]:
        found |= importlib.import_module(f"{__name__}.{name}").EXERCISES
    return found


def find(name: str) -> Exercise:
    """The exercise of this name; KeyError with a suggestion where there is none."""
    known = exercises()
    if name not in known:
        close = get_close_matches(str(name), known, 1)
        raise KeyError(
            f"there is no exercise {name!r}"
            + (f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}")
        )
    return known[name]


def check(name: str, subject: Any) -> Report | None:
    """Run the visible checks of an exercise on your own function or class and say what holds.

    name: the exercise's name, such as "elman_step"; subject: what you wrote.
    Returns a report that shows itself as a table. Under autograding it does nothing (the hidden
    tests contain these checks); under `nbgrader validate` it raises CheckFailed unless all pass.
    """
    mode = os.environ.get("NBGRADER_EXECUTION")
    if mode == "autograde":
        return None
    report = find(name).evaluate(subject, VISIBLE_SEED)
    if mode == "validate" and not report.passed:
        raise CheckFailed(f"\n{report!r}")
    return report
