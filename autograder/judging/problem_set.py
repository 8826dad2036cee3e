"""What a problem set of ours accepts, hides and forbids."""

import importlib
from typing import Any

from rnncourse.exercises import exercises_of

from ..imports import importers, modules


def accepted_files(assignment: str) -> dict[str, int]:
    """The files that students submit beside their notebooks, and their largest sizes in bytes."""
    files: dict[str, int] = _constant(assignment, "ACCEPTED_FILES", {})
    return files


def hidden_modules(assignment: str) -> list[str]:
    """The references that a submission of this assignment must not see.

    Those it asks for, those that compute the same (ALSO_HIDDEN), and all that import one of
    them: importing these would fail, and reading them would give the answers away.
    """
    hidden = {exercise.reference.__module__ for exercise in exercises_of(assignment).values()}
    hidden |= set(_constant(assignment, "ALSO_HIDDEN", ()))
    # The engine of the checks holds no answer, and the exercises are not in the sandbox at all.
    candidates = [
        name
        for name, path in modules().items()
        if name.startswith("rnncourse.")
        and not name.startswith(("rnncourse.checks.", "rnncourse.exercises."))
        and path.name != "__init__.py"
    ]
    return sorted(importers(hidden, candidates))


def forbidden_names(assignment: str) -> list[str]:
    """The ready-made equivalents that this assignment forbids."""
    exercises = exercises_of(assignment).values()
    return sorted({name for exercise in exercises for name in exercise.forbids})


def _constant(assignment: str, name: str, default: Any) -> Any:
    """A constant of a problem set's package; the default where there is none."""
    if not exercises_of(assignment):
        return default
    return getattr(importlib.import_module(f"rnncourse.exercises.{assignment}"), name, default)
