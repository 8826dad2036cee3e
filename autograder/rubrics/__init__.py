"""How exercises are graded: hidden properties, and right answers that must get full marks.

`rubrics/<set>/<exercise>.py` mirrors `rnncourse/exercises/<set>/<exercise>.py`: what a student may
see is there, what only the grader may see is here.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rnncourse.checks.exercise import Property
from rnncourse.exercises import find


@dataclass
class Rubric:
    """What only the grader knows of an exercise.

    properties: tested beside the visible ones. alternatives: right answers in other styles, each
    submitted by the audit.
    """

    properties: Sequence[Property]
    alternatives: list[Any] = field(default_factory=list)

    def alternative(self, answer: Any) -> Any:
        """Decorator: enter another right answer."""
        self.alternatives.append(answer)
        return answer


def rubric_of(name: str) -> Rubric:
    """The rubric of the exercise of this name; KeyError with a suggestion where there is none."""
    exercise = find(name)
    return importlib.import_module(f"{__name__}.{exercise.problem_set}.{name}").rubric


def graded_properties(name: str) -> tuple[Property, ...]:
    """All properties that an exercise is graded by: the visible ones, then the hidden ones."""
    return (*find(name).properties, *rubric_of(name).properties)


def solution_files(assignment: str) -> dict[str, bytes]:
    """What the solution of an assignment submits beside its notebook."""
    module = importlib.import_module(f"{__name__}.{assignment}")
    return getattr(module, "SOLUTION_FILES", {})
