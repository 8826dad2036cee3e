"""Shared by rubrics of ps1_cells: steps that follow each other."""

from typing import Any

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases
from rnncourse.checks.pytree import copied
from rnncourse.checks.rng import Rng


def chain(cases: Cases, points: float) -> Property:
    """The steps of a sequence: each step gets the state that the step before returned."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        s = rng.sizes()
        _, state, *rest = cases.draw(rng, s)
        seen = {}
        for t in range(1, s.T + 1):
            state = subject(rng.normal(s.B, s.D), state, *rest)
            seen[f"the state after step {t}"] = copied(state)
        return seen

    return Property("chain", "steps can follow each other", points, observe)
