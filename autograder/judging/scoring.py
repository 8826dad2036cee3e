"""`grade`: the hidden tests of one exercise, called from a grading cell."""

import secrets
from contextvars import ContextVar
from typing import Any

from rnncourse.checks.report import Report
from rnncourse.exercises import find

from ..rubrics import graded_properties
from ..sandbox.limits import MAX_RECORD

# The judge sets the seed of the submission that it grades; elsewhere each run draws its own.
current_seed: ContextVar[int | None] = ContextVar("current_seed", default=None)


class Score:
    """The score of a grading cell. nbgrader reads the number, people read the report."""

    def __init__(self, report: Report, record: dict[str, str] | None = None):
        self.report = report
        self.record = record or {}

    def __float__(self) -> float:
        return float(self.report.points)

    def __repr__(self) -> str:
        # nbgrader reads this: a number from 0 to the points of the cell.
        return f"{self.report.points:g}"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def grade(
    name: str, subject: Any, *, seed: int | None = None, record: dict[str, Any] | None = None
) -> Score:
    """Grade what a student wrote, by every property, on fresh random inputs.

    name: the exercise; subject: the student's function or class, or the judge's proxy of it.
    seed: repeats the inputs of an earlier run; by default the judge's, else a new one.
    record: texts of the student's to keep with the result; only short strings are kept.
    Returns a Score: put the call last in a grading cell, so that nbgrader sees it.
    """
    if seed is None:
        seed = current_seed.get()
    if seed is None:
        seed = secrets.randbits(32)
    short_texts = {
        key: value
        for key, value in (record or {}).items()
        if isinstance(value, str) and len(value) <= MAX_RECORD
    }
    return Score(find(name).evaluate(subject, seed, graded_properties(name)), short_texts)
