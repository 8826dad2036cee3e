"""Correct solutions in other styles, one module a problem set: all must get full marks."""

from collections.abc import Callable
from typing import Any


class Alternatives(dict[str, list[Any]]):
    """Exercise name → the correct alternatives, entered by a decorator."""

    def of(self, name: str) -> Callable[[Any], Any]:
        def enter(solution: Any) -> Any:
            self.setdefault(name, []).append(solution)
            return solution

        return enter
