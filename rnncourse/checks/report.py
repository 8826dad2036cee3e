"""The report of a check: a small table, the same in a notebook, a terminal and a feedback page."""

import re
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

PRINTED = 2000  # characters of a student's own output that a report shows


@dataclass(frozen=True)
class Outcome:
    """One property after its check; `message` is None where it holds."""

    name: str
    title: str
    points: float
    message: str | None
    misconception: str | None = None
    hint: str | None = None
    seconds: float = 0.0
    measured: float | None = None  # a number to record, such as a score

    @property
    def passed(self) -> bool:
        return self.message is None

    @property
    def line(self) -> str:
        """The title, and what was measured."""
        return self.title if self.measured is None else f"{self.title}: {self.measured:.1f}"


class Report:
    """What the check of one exercise found. Prints as text, shows as a table in a notebook.

    exercise_points is what the whole exercise is worth: more than the sum over `outcomes` where
    some of its properties are tested only in the grading.
    """

    def __init__(
        self,
        name: str,
        outcomes: list[Outcome],
        exercise_points: float,
        seed: int,
        printed: str = "",
    ):
        self.name = name
        self.outcomes = outcomes
        self.exercise_points = exercise_points
        self.seed = seed
        self.printed = printed  # by the student's code while it was checked

    @property
    def points(self) -> float:
        return sum(one.points for one in self.outcomes if one.passed)

    @property
    def max_points(self) -> float:
        return sum(one.points for one in self.outcomes)

    @property
    def passed(self) -> bool:
        return all(one.passed for one in self.outcomes)

    @property
    def unwritten(self) -> bool:
        return all(one.message == "not written yet" for one in self.outcomes)

    @property
    def hints(self) -> list[str]:
        """The sentences of the mistakes that were recognised, each once."""
        return list(dict.fromkeys(one.hint for one in self.outcomes if one.hint))

    def _messages(self) -> list[str | None]:
        """What is said under each property. An error that each call runs into is told once."""
        told: set[str] = set()
        messages = []
        for message in (one.message for one in self.outcomes):
            called, raised, error = (message or "").partition("it raised ")
            alone = raised and (not called or called.endswith(": "))
            again = alone and error in told
            messages.append(f"{called}the same error as above" if again else message)
            if alone:
                told.add(error)
        return messages

    def _printed(self) -> list[str]:
        lines = self.printed[:PRINTED].rstrip().split("\n")
        return [*lines, "…"] if len(self.printed) > PRINTED else lines

    def headline(self) -> str:
        """One line: how much holds, and how much of the exercise that is."""
        good = sum(one.passed for one in self.outcomes)
        if self.unwritten:
            return f"{self.name}: not written yet"
        if self.max_points >= self.exercise_points:
            return f"{self.name}: {self.points:g} of {self.max_points:g} points"
        if self.passed:
            return (
                f"{self.name}: all visible checks pass, worth {self.max_points:g} of "
                f"{self.exercise_points:g} points; the grading tests the rest"
            )
        return f"{self.name}: {good} of {len(self.outcomes)} visible checks pass"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for the gradebook's companion files."""
        return {
            "exercise": self.name,
            "points": self.points,
            "max_points": self.max_points,
            "seed": self.seed,
            "properties": [{**asdict(one), "passed": one.passed} for one in self.outcomes],
        }

    def __repr__(self) -> str:
        lines = [self.headline()]
        if not self.unwritten:
            for one, message in zip(self.outcomes, self._messages(), strict=True):
                lines.append(f"  {'✓' if one.passed else '✗'} {one.line}  ({one.points:g})")
                if message:
                    lines.append(f"      {message}")
        lines += [f"  → {hint}" for hint in self.hints]
        if self.printed:
            lines += ["  your code printed:", *(f"    {one}" for one in self._printed()[:5])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        # Colours that read on a light and on a dark page; the marks carry the meaning alone.
        good, bad = "#2a9d3a", "#d9480f"
        # A feedback page leaves no room of its own between columns.
        sides = "padding-left:.5em;padding-right:.5em"
        rows = []
        shown = [] if self.unwritten else zip(self.outcomes, self._messages(), strict=True)
        for one, message in shown:
            mark, colour = ("✓", good) if one.passed else ("✗", bad)
            note = f"<br><code>{escape(message)}</code>" if message else ""
            points = f"{one.points if one.passed else 0:g} / {one.points:g}"
            rows.append(
                f'<tr><td style="color:{colour};font-weight:bold;text-align:center">{mark}</td>'
                f'<td style="{sides};text-align:left">{escape(one.line)}{note}</td>'
                f'<td style="text-align:right;white-space:nowrap">{points}</td></tr>'
            )
        hints = "".join(
            f'<p style="border-left:4px solid {bad};padding-left:.6em;margin:.4em 0">'
            f"{with_code(hint)}</p>"
            for hint in self.hints
        )
        if self.printed:
            hints += (
                "<details><summary>what your code printed</summary>"
                f"<pre>{escape(chr(10).join(self._printed()))}</pre></details>"
            )
        return (
            f'<div><p style="margin:.3em 0"><b>{escape(self.headline())}</b></p>'
            f'<table style="margin:0"><tbody>{"".join(rows)}</tbody></table>{hints}</div>'
        )


def with_code(text: str) -> str:
    """Text as HTML, what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
