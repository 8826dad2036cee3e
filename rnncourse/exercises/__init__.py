"""The exercises of the course, a folder for each problem set and a module for each exercise.

A module is named after the function or class that students write and has it as `exercise`: how its
inputs are drawn, what is checked in sight of the student, and the mistakes people make. What only
the grader checks mirrors this in `autograder/rubrics`.
"""

import importlib
import pkgutil
from difflib import get_close_matches

from ..checks.exercise import Exercise


def problem_sets() -> list[str]:
    """The names of the problem sets, in the order of the course."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(names, key=lambda name: (not name.startswith("ps"), name))


def exercises_of(problem_set: str) -> dict[str, Exercise]:
    """The exercises of a problem set by name, in the order of its notebook; {} for another name."""
    if problem_set not in problem_sets():
        return {}
    return importlib.import_module(f"{__name__}.{problem_set}").EXERCISES


def exercises() -> dict[str, Exercise]:
    """All exercises of the course by name, in the order of the problem sets."""
    return {
        name: exercise
        for problem_set in problem_sets()
        for name, exercise in exercises_of(problem_set).items()
    }


def find(name: str) -> Exercise:
    """The exercise of this name; KeyError with a suggestion where there is none."""
    known = exercises()
    if name not in known:
        close = get_close_matches(str(name), known, 1)
        suggestion = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise KeyError(f"there is no exercise {name!r}; {suggestion}")
    return known[name]
