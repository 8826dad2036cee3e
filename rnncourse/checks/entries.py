"""Judging some entries of an observation: those whose names match a pattern.

The names are sentences that people change. So a pattern that matches nothing in what the
reference does is an error, not a property that always holds.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from .compare import difference

Judge = Callable[[Any, Any], str | None]


def judging(*patterns: str) -> Judge:
    """A judge of the entries whose names match one of the patterns, such as "* gradient"."""
    return _judge_entries(patterns, lambda name: _matches(name, patterns))


def judging_all_but(*patterns: str) -> Judge:
    """A judge of the entries whose names match none of the patterns."""
    return _judge_entries(patterns, lambda name: not _matches(name, patterns))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _judge_entries(patterns: tuple[str, ...], selects: Callable[[str], bool]) -> Judge:
    def judge(got: Any, expected: Any) -> str | None:
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in expected):
                raise LookupError(
                    f"{pattern!r} matches none of the entries observed: {', '.join(expected)}"
                )
        if not any(map(selects, expected)):
            raise LookupError(f"no entry is left to judge; observed: {', '.join(expected)}")
        if not isinstance(got, dict):
            return difference(got, expected)
        return difference(
            {name: value for name, value in got.items() if selects(name)},
            {name: value for name, value in expected.items() if selects(name)},
        )

    return judge
