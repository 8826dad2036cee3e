"""How far a reader is: exercise by exercise, in words, and what to do next."""

import contextlib
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from ..checks.exercise import Exercise
from ..checks.report import with_code
from .notebooks import Notebook

GOOD, BAD, DIM, HEAD = "green", "red", "dim", "bold"
MARKS = {"done": ("✓", GOOD), "begun": ("✗", BAD), "open": ("·", DIM)}


@dataclass
class Step:
    """An exercise, or a question to be answered in words, and how far it is."""

    name: str
    points: float
    state: str  # "done", "begun" or "open"
    words: str
    earned: float | None = None  # points so far; None where a person must say
    advice: str | None = None  # what is wrong with it
    question: bool = False

    @property
    def verb(self) -> str:
        if self.question:
            return "answer"
        return "mend" if self.state == "begun" else "write"


@dataclass
class SetProgress:
    """How far a problem set is."""

    name: str
    title: str
    path: Path
    steps: list[Step]
    graded: bool
    problem: str | None  # why nothing is known
    notes: list[str] = field(default_factory=list)

    @property
    def earned(self) -> float:
        return sum(one.earned or 0 for one in self.steps)

    @property
    def points(self) -> float:
        return sum(one.points for one in self.steps)

    @property
    def done(self) -> int:
        return sum(one.state == "done" for one in self.steps)


class Progress:
    """How far all problem sets of a folder are. Prints as text, shows as tables in a notebook."""

    def __init__(self, folder: Path, sets: list[SetProgress], notes: list[str]):
        self.folder, self.sets, self.notes = folder, sets, notes

    @property
    def next(self) -> str:
        """What to do next, in a sentence."""
        for one in self.sets:
            if one.problem:
                return f"{shown(one.path)} first: {one.problem}"
            for step in one.steps:
                if step.state != "done":
                    return f"{step.verb} {step.name} in {shown(one.path)}"
        if not self.sets:
            return f"there is no problem set in {shown(self.folder)}; use --assignments DIR"
        if not all(one.graded for one in self.sets):
            return "all visible checks pass; `rnncourse progress --grade` tests the rest"
        return "nothing is left to do here"

    def lines(self) -> list[list[tuple[str, str]]]:
        """The text, line by line, in pieces with a style."""
        width = max((len(step.name) for one in self.sets for step in one.steps), default=0)
        found = [[(f"Your progress in {shown(self.folder)}", HEAD)]]
        for one in self.sets:
            by = "graded" if one.graded else "by visible checks"
            found += [[], [(f"{one.name}: {one.title}", HEAD)]]
            total = f"  {one.done} of {len(one.steps)} done, "
            found.append([(f"{total}{one.earned:g} of {one.points:g} points {by}", DIM)])
            for step in one.steps:
                mark, style = MARKS[step.state]
                earned = "–" if step.earned is None else f"{step.earned:g}"
                row = f" {step.name:{width}}  {earned:>5} / {step.points:<4g} {step.words}"
                found.append([("  ", ""), (mark, style), (row, "")])
                if step.advice:
                    found.append([(f"      → {step.advice}", "")])
            found += [[(f"  ! {note}", BAD)] for note in one.notes]
        found += [[], [("Next: ", HEAD), (self.next, "")]]
        found += [[(note, DIM)] for note in self.notes]
        return found

    def __repr__(self) -> str:
        return "\n".join("".join(text for text, _ in line) for line in self.lines())

    def print(self) -> None:
        """To the terminal; in colour where rich is installed."""
        try:
            from rich.console import Console
            from rich.text import Text
        except ImportError:
            print(self)
            return
        console = Console()
        for line in self.lines():
            console.print(Text.assemble(*line), soft_wrap=True)

    def _repr_html_(self) -> str:
        # Colours that read on a light and on a dark page; the marks carry the meaning alone.
        colours = {GOOD: "#2a9d3a", BAD: "#d9480f", DIM: "inherit"}
        left, right = "text-align:left", "text-align:right;white-space:nowrap"
        parts = [f"<p><b>Next:</b> {with_code(self.next)}</p>"]
        for one in self.sets:
            by = "graded" if one.graded else "by visible checks"
            rows = ""
            for step in one.steps:
                mark, style = MARKS[step.state]
                earned = "–" if step.earned is None else f"{step.earned:g}"
                rows += (
                    f'<tr><td style="color:{colours[style]};font-weight:bold">{mark}</td>'
                    f'<td style="{left}"><code>{escape(step.name)}</code></td>'
                    f'<td style="{right}">{earned} / {step.points:g}</td>'
                    f'<td style="{left}">{escape(step.words)}'
                    f"{f'<br>→ {with_code(step.advice)}' if step.advice else ''}</td></tr>"
                )
            notes = "".join(f"<p>! {with_code(note)}</p>" for note in one.notes)
            parts.append(
                f"<details{' open' if one.done < len(one.steps) else ''}><summary><b>"
                f"{escape(one.title)}</b>: {one.done} of {len(one.steps)} done, "
                f"{one.earned:g} of {one.points:g} points {by}</summary>"
                f"<table><tbody>{rows}</tbody></table>{notes}</details>"
            )
        parts += [f"<p>{with_code(note)}</p>" for note in self.notes]
        parts.append("<p><small>Of the notebooks as they were last saved.</small></p>")
        return f"<div>{''.join(parts)}</div>"


def shown(path: Path) -> str:
    """A path as short as it can be."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def judge(
    notebook: Notebook,
    asked: list[Exercise],
    ran: dict[str, Any] | None,
    graded: dict[str, Any] | None,
) -> SetProgress:
    """Put together what the file, the run and the grading say of a problem set."""
    marks = (graded or {}).get("exercises", {})
    notes = [
        f"{shown(one.path)}: {one.problem or 'not looked at, there is one more of this set'}"
        for one in (*([notebook] if notebook.problem else []), *notebook.others)
    ]
    if graded and "problem" in graded:
        notes.append(graded["problem"])
    if ran:
        notes += _complaints(notebook, asked, ran)
    steps = [_graded_step(one, _step(notebook, one, ran), marks.get(one.name)) for one in asked]
    for name, points, answered in notebook.questions:
        words = "answered; a person reads it" if answered else "not answered yet"
        state = "done" if answered else "open"
        steps.append(Step(name, points, state, words, question=True))
    return SetProgress(
        notebook.problem_set,
        notebook.title,
        notebook.path,
        steps,
        bool(marks),
        notebook.problem,
        notes,
    )


def _complaints(notebook: Notebook, asked: list[Exercise], ran: dict[str, Any]) -> list[str]:
    """What went wrong beside the exercises."""
    found = [ran["ended"]] if ran["ended"] else []
    for number, why in ran["failed"].items():
        cell = notebook.to_run[int(number)]
        own = any(_defines(cell["source"], one.name) for one in asked)
        if not own and "check(" not in cell["source"]:
            first = cell["source"].strip().split("\n")[0][:60]
            found.append(f"the cell that begins with `{first}` fails: {why}")
    return found


def _defines(source: str, name: str) -> bool:
    return re.search(rf"^(?:def|class) {name}\b|^{name}\s*=", source, re.MULTILINE) is not None


def _step(notebook: Notebook, exercise: Exercise, ran: dict[str, Any] | None) -> Step:
    """How far an exercise is by its visible checks."""
    name, points = exercise.name, exercise.points
    if ran is None:
        return Step(name, points, "open", "not known", 0)
    report = ran["reports"].get(name)
    if report is None:
        words = _why_unchecked(notebook, name, ran)
        return Step(name, points, "begun", words, 0)
    if report["unwritten"]:
        return Step(name, points, "open", "not written yet", 0)
    failed = [one for one in report["properties"] if not one["passed"]]
    if not failed:
        return Step(name, points, "done", "all visible checks pass", report["points"])
    all_of = len(report["properties"])
    words = f"{all_of - len(failed)} of {all_of} visible checks pass"
    return Step(name, points, "begun", words, report["points"], _advice(failed))


def _advice(failed: list[dict[str, Any]]) -> str:
    """The sentence about the mistake, else what the first property that fails has to say."""
    hints = [one["hint"] for one in failed if one["hint"]]
    return hints[0] if hints else f"{failed[0]['title']}: {failed[0]['message']}"


def _why_unchecked(notebook: Notebook, name: str, ran: dict[str, Any]) -> str:
    if name in ran["unchecked"]:
        return f"its check did not end: {ran['unchecked'][name]}"
    where = [n for n, one in enumerate(notebook.to_run) if _defines(one["source"], name)]
    if not where:
        return "not in the notebook: was it renamed or deleted?"
    if why := ran["failed"].get(str(where[-1])):
        return f"its cell fails: {why}"
    if ran["ended"]:
        return f"not checked: {ran['ended']}"
    return "not defined when all cells have run"


def _graded_step(exercise: Exercise, step: Step, mark: dict[str, Any] | None) -> Step:
    """The same with the points that the grading gave."""
    if mark is None:
        return step
    step.earned = mark["points"]
    if step.state == "done" and mark["points"] >= exercise.points:
        step.words = "full marks"
    elif step.state == "done" and mark["lost"]:
        step.state = "begun"
        step.words = f"all visible checks pass, {len(mark['lost'])} of the hidden tests fail"
        step.advice = _advice(mark["lost"])
    return step
