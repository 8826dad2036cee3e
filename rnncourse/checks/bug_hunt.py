"""Exercises that ask which lines of a slide are wrong: the answer is letters."""

from collections.abc import Callable, Mapping
from typing import Any

from .compare import kind
from .exercise import Property
from .rng import Rng


class BugHunt:
    """The properties of such an exercise.

    right: the reference, which returns the letters of the wrong lines: a set, or a dict of sets.
    lines: the letters of all lines: a string, or a dict of strings with the reference's keys.
    whose: the possessive in "of … lines you call 3 wrong": a string, or a dict of strings.
    """

    def __init__(
        self,
        right: Callable[[], Any],
        lines: str | Mapping[str, str],
        whose: str | Mapping[str, str],
    ):
        self.lines = _by_key(lines)
        self.whose = _by_key(whose)
        self.all = "".join(self.lines.values())
        self.correct = set(self.all) - self.letters(right())

    def letters(self, answer: Any) -> set[str]:
        """All line letters in an answer, in whatever containers."""
        if isinstance(answer, str):
            return {letter for letter in answer if letter in self.all}
        if isinstance(answer, dict):
            answer = list(answer.values())
        if isinstance(answer, (list, tuple, set, frozenset)):
            return set().union(*map(self.letters, answer))
        return set()

    def form(self, points: float) -> Property:
        """The answer is a set of letters, or a dict of such sets."""

        def form_of(letters: Any, allowed: str) -> str:
            span = f"from {allowed[0]} to {allowed[-1]}"
            if not isinstance(letters, (set, frozenset)):
                return repr(letters) if isinstance(letters, str) else kind(letters)
            if all(
                isinstance(item, str) and len(item) == 1 and item in allowed for item in letters
            ):
                return f"set of letters {span}"
            return f"{kind(letters)}, which holds more than that"

        def observe(subject: Any, rng: Rng) -> dict[str, str]:
            answer = subject()
            if None in self.lines:
                return {"the answer": form_of(answer, self.all)}
            if not isinstance(answer, dict):
                return {"the answer": kind(answer)}
            keys = ", ".join(sorted(map(str, answer)))
            return {"the answer": f"dict with the keys {keys}"} | {
                f'answer["{key}"]': form_of(answer.get(key), allowed)
                for key, allowed in self.lines.items()
            }

        return Property("form", "the answer has the right form", points, observe)

    def count(self, points: float) -> Property:
        """How many lines are named; only grading tells which of them are right."""

        def observe(subject: Any, rng: Rng) -> dict[str | None, list[str]]:
            answer = subject()
            if None in self.lines:
                answer = {None: answer}
            if not isinstance(answer, dict):
                answer = {}
            return {key: sorted(self.letters(answer.get(key))) for key in self.lines}

        def judge(got: Any, expected: Any) -> str | None:
            for key, whose in self.whose.items():
                if len(got[key]) != len(expected[key]):
                    return (
                        f"of {whose} lines you call {len(got[key])} wrong; {len(expected[key])} are"
                    )
            return None

        return Property("count", "as many lines are named as are wrong", points, observe, judge)

    def finds(self, name: str, title: str, points: float, group: str) -> Property:
        """Some wrong lines are found; this counts only where no correct line is named."""

        def observe(subject: Any, rng: Rng) -> dict[str, Any]:
            named = self.letters(subject())
            return {
                "found": sorted(named & set(group)),
                "accused": sorted(named & self.correct),
                # Not judged, but keeps an empty answer from being taken for a catalogued mistake.
                "named": bool(named),
            }

        def judge(got: Any, expected: Any) -> str | None:
            if got["accused"]:
                return "a correct line is accused, so what was found does not count"
            if got["found"] != expected["found"]:
                return f"{len(got['found'])} of {len(group)} found"
            return None

        return Property(name, title, points, observe, judge)

    def accuses_nobody(self, points: float) -> Property:
        """No correct line is named, and some line is."""

        def observe(subject: Any, rng: Rng) -> list[str]:
            return sorted(self.letters(subject()))

        def judge(got: Any, expected: Any) -> str | None:
            if not got:
                return "no line is named"
            accused = [letter for letter in got if letter in self.correct]
            return f"correct, but named as wrong: {', '.join(accused)}" if accused else None

        return Property("accused", "no correct line is accused", points, observe, judge)


def _by_key(texts: str | Mapping[str, str]) -> dict[str | None, str]:
    """The texts by key; a single text has the key None."""
    return {None: texts} if isinstance(texts, str) else dict(texts.items())
