"""The report of a check: a small table, the same in a notebook, a terminal and a feedback page."""

import re
from dataclasses import dataclass
from html import escape

from .status import Status

PRINTED = 2000  # characters of a student's own output that a report shows


@dataclass(frozen=True)
class Outcome:
    """One property after its check."""

    name: str
    title: str
    points: float
    status: Status
    message: str | None = None  # what is wrong; None where the property holds
    misconception: str | None = None
    hint: str | None = None
    seconds: float = 0.0
    measured: float | None = None  # a number to record, such as a score
    stopped_by: str | None = None  # where status.stopped: the crash or the limit, in words

    @property
    def passed(self) -> bool:
        return self.status is Status.PASSED

    @property
    def line(self) -> str:
        """The title, and what was measured."""
        return self.title if self.measured is None else f"{self.title}: {self.measured:.1f}"


class Report:
    """The outcomes of one exercise. Prints as text, shows as a table in a notebook.

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
        return sum(outcome.points for outcome in self.outcomes if outcome.passed)

    @property
    def max_points(self) -> float:
        return sum(outcome.points for outcome in self.outcomes)

    @property
    def passed(self) -> bool:
        return all(outcome.passed for outcome in self.outcomes)

    @property
    def unwritten(self) -> bool:
        """Whether the stub is still in place."""
        return all(outcome.status is Status.NOT_WRITTEN for outcome in self.outcomes)

    @property
    def hints(self) -> list[str]:
        """The sentences of the mistakes that were recognised, each once."""
        return list(dict.fromkeys(outcome.hint for outcome in self.outcomes if outcome.hint))

    def _messages(self) -> list[str | None]:
        """The message shown with each property. An error that repeats is shown in full once."""
        shown: set[str] = set()
        messages: list[str | None] = []
        for outcome in self.outcomes:
            call, raised, error = (outcome.message or "").partition("it raised ")
            is_error = bool(raised) and (not call or call.endswith(": "))
            if is_error and error in shown:
                messages.append(f"{call}the same error as above")
            else:
                messages.append(outcome.message)
            if is_error:
                shown.add(error)
        return messages

    def _printed(self) -> list[str]:
        lines = self.printed[:PRINTED].rstrip().split("\n")
        return [*lines, "…"] if len(self.printed) > PRINTED else lines

    def headline(self) -> str:
        """One line: how much passes, and how much of the exercise that is."""
        passed = sum(outcome.passed for outcome in self.outcomes)
        if self.unwritten:
            return f"{self.name}: not written yet"
        if self.max_points >= self.exercise_points:
            return f"{self.name}: {self.points:g} of {self.max_points:g} points"
        if self.passed:
            return (
                f"{self.name}: all visible checks pass, worth {self.max_points:g} of "
                f"{self.exercise_points:g} points; the grading tests the rest"
            )
        return f"{self.name}: {passed} of {len(self.outcomes)} visible checks pass"

    def __repr__(self) -> str:
        lines = [self.headline()]
        if not self.unwritten:
            for outcome, message in zip(self.outcomes, self._messages(), strict=True):
                mark = "✓" if outcome.passed else "✗"
                lines.append(f"  {mark} {outcome.line}  ({outcome.points:g})")
                if message:
                    lines.append(f"      {message}")
        lines += [f"  → {hint}" for hint in self.hints]
        if self.printed:
            lines += ["  your code printed:", *(f"    {line}" for line in self._printed()[:5])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        # Colours that are legible on light and dark pages; ticks and crosses carry the meaning.
        green, red = "#2a9d3a", "#d9480f"
        # The style sheet of a feedback page sets no padding between columns.
        padding = "padding-left:.5em;padding-right:.5em"
        rows = []
        shown = [] if self.unwritten else zip(self.outcomes, self._messages(), strict=True)
        for outcome, message in shown:
            mark, colour = ("✓", green) if outcome.passed else ("✗", red)
            note = f"<br><code>{escape(message)}</code>" if message else ""
            points = f"{outcome.points if outcome.passed else 0:g} / {outcome.points:g}"
            rows.append(
                f'<tr><td style="color:{colour};font-weight:bold;text-align:center">{mark}</td>'
                f'<td style="{padding};text-align:left">{escape(outcome.line)}{note}</td>'
                f'<td style="text-align:right;white-space:nowrap">{points}</td></tr>'
            )
        hints = "".join(
            f'<p style="border-left:4px solid {red};padding-left:.6em;margin:.4em 0">'
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
    """Text as HTML, with code where there are backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
