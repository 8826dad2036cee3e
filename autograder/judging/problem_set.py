"""What a problem set of ours asks for, accepts, hides and forbids."""

import importlib
import importlib.util
from typing import Any

from rnncourse.checks.exercise import Exercise

from ..imports import importers, modules


def problem_set_exercises(assignment: str) -> dict[str, Exercise]:
    """The exercises of one of our problem sets; empty for any other assignment."""
    name = f"rnncourse.checks.{assignment}"
    if not assignment.isidentifier() or importlib.util.find_spec(name) is None:
        return {}
    return importlib.import_module(name).EXERCISES


def handed_in(assignment: str) -> dict[str, int]:
    """The files that students hand in beside their notebooks, and how many bytes are accepted."""
    return _said_by_checks(assignment, "HANDED_IN", {})


def _said_by_checks(assignment: str, name: str, otherwise: Any) -> Any:
    """A constant of the checks of one of our problem sets."""
    if not problem_set_exercises(assignment):
        return otherwise
    return getattr(importlib.import_module(f"rnncourse.checks.{assignment}"), name, otherwise)


def hidden_modules(assignment: str) -> list[str]:
    """The references that a submission of this assignment must not see: those it asks for, what
    its checks say computes the same (ALSO_HIDDEN), and all that is built on them, which could not
    be imported and would give them away."""
    hidden = {one.reference.__module__ for one in problem_set_exercises(assignment).values()}
    hidden |= set(_said_by_checks(assignment, "ALSO_HIDDEN", ()))
    # Not the checks and packages: what of them a jail gets imports no answer.
    candidates = [
        name
        for name, path in modules().items()
        if name.startswith("rnncourse.")
        and not name.startswith("rnncourse.checks.")
        and path.name != "__init__.py"
    ]
    return sorted(importers(hidden, candidates))


def forbidden_names(assignment: str) -> list[str]:
    """The ready-made equivalents that this assignment forbids."""
    found = problem_set_exercises(assignment).values()
    return sorted({name for one in found for name in one.forbids})
