"""The status of each exercise of a reader, in words, and what to do next."""

import contextlib
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal

from ..checks.exercise import Exercise
from ..checks.report import with_code
from .hidden_marks import HiddenMarks
from .notebooks import Notebook, Question
from .protocol import ExerciseResult, NotebookRun, PropertyResult

GOOD, BAD, DIM, HEAD = "green", "red", "dim", "bold"
State = Literal["done", "begun", "open"]
MARKS: dict[State, tuple[str, str]] = {
    "done": ("✓", GOOD),
    "begun": ("✗", BAD),
    "open": ("·", DIM),
}


@dataclass
class Step:
    """The status of an exercise, or of a question that a person grades.

    earned: points so far, None for a question. advice: what is wrong with the answer.
    """

    name: str
    points: float
    state: State
    status: str
    earned: float | None = None
    advice: str | None = None
    question: bool = False

    @property
    def verb(self) -> str:
        if self.question:
            return "answer"
        return "fix" if self.state == "begun" else "write"


@dataclass
class SetProgress:
    """The status of a problem set. problem: why nothing is known about it."""

    name: str
    title: str
    path: Path
    steps: list[Step]
    graded: bool
    problem: str | None
    notes: list[str] = field(default_factory=list)

    @property
    def earned(self) -> float:
        return sum(step.earned or 0 for step in self.steps)

    @property
    def points(self) -> float:
        return sum(step.points for step in self.steps)

    @property
    def done(self) -> int:
        return sum(step.state == "done" for step in self.steps)

    def summary(self) -> str:
        source = "graded" if self.graded else "by visible checks"
        done = f"{self.done} of {len(self.steps)} done"
        return f"{done}, {self.earned:g} of {self.points:g} points {source}"


class Progress:
    """The status of all problem sets of a folder. Prints as text, shows as tables in a notebook."""

    def __init__(self, folder: Path, sets: list[SetProgress], notes: list[str]):
        self.folder, self.sets, self.notes = folder, sets, notes

    @property
    def next(self) -> str:
        """What to do next, in a sentence."""
        for problem_set in self.sets:
            if problem_set.problem:
                return f"{relative(problem_set.path)} first: {problem_set.problem}"
            for step in problem_set.steps:
                if step.state != "done":
                    return f"{step.verb} {step.name} in {relative(problem_set.path)}"
        if not self.sets:
            return f"there is no problem set in {relative(self.folder)}; use --assignments DIR"
        if not all(problem_set.graded for problem_set in self.sets):
            return "all visible checks pass; `rnncourse progress --grade` runs the hidden tests"
        return "nothing is left to do here"

    def lines(self) -> list[list[tuple[str, str]]]:
        """The text, line by line, in pieces with a style."""
        names = [step.name for problem_set in self.sets for step in problem_set.steps]
        width = max(map(len, names), default=0)
        lines = [[(f"Your progress in {relative(self.folder)}", HEAD)]]
        for problem_set in self.sets:
            lines.append([])
            lines.append([(f"{problem_set.name}: {problem_set.title}", HEAD)])
            lines.append([(f"  {problem_set.summary()}", DIM)])
            for step in problem_set.steps:
                mark, style = MARKS[step.state]
                row = f" {step.name:{width}}  {_earned(step):>5} / {step.points:<4g} {step.status}"
                lines.append([("  ", ""), (mark, style), (row, "")])
                if step.advice:
                    lines.append([(f"      → {step.advice}", "")])
            lines += [[(f"  ! {note}", BAD)] for note in problem_set.notes]
        lines += [[], [("Next: ", HEAD), (self.next, "")]]
        lines += [[(note, DIM)] for note in self.notes]
        return lines

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
        parts = [f"<p><b>Next:</b> {with_code(self.next)}</p>"]
        for problem_set in self.sets:
            rows = "".join(map(_html_row, problem_set.steps))
            notes = "".join(f"<p>! {with_code(note)}</p>" for note in problem_set.notes)
            opened = " open" if problem_set.done < len(problem_set.steps) else ""
            parts.append(
                f"<details{opened}><summary><b>{escape(problem_set.title)}</b>: "
                f"{problem_set.summary()}</summary>"
                f"<table><tbody>{rows}</tbody></table>{notes}</details>"
            )
        parts += [f"<p>{with_code(note)}</p>" for note in self.notes]
        parts.append("<p><small>Shows the notebooks as last saved.</small></p>")
        return f"<div>{''.join(parts)}</div>"


# They read on a light and on a dark page; the marks carry the meaning alone.
HTML_COLOURS = {GOOD: "#2a9d3a", BAD: "#d9480f", DIM: "inherit"}


def _html_row(step: Step) -> str:
    mark, style = MARKS[step.state]
    left, right = "text-align:left", "text-align:right;white-space:nowrap"
    advice = f"<br>→ {with_code(step.advice)}" if step.advice else ""
    return (
        f'<tr><td style="color:{HTML_COLOURS[style]};font-weight:bold">{mark}</td>'
        f'<td style="{left}"><code>{escape(step.name)}</code></td>'
        f'<td style="{right}">{_earned(step)} / {step.points:g}</td>'
        f'<td style="{left}">{escape(step.status)}{advice}</td></tr>'
    )


def _earned(step: Step) -> str:
    return "–" if step.earned is None else f"{step.earned:g}"


def relative(path: Path) -> str:
    """A path relative to the current folder, where it is inside it."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def summarise(
    notebook: Notebook,
    exercises: list[Exercise],
    run: NotebookRun | None,
    marks: HiddenMarks | None,
) -> SetProgress:
    """The status of a problem set, from its file, from running it and from grading it."""
    notes = []
    if notebook.problem:
        notes.append(f"{relative(notebook.path)}: {notebook.problem}")
    for duplicate in notebook.duplicates:
        reason = duplicate.problem or "ignored, as there is another notebook of this problem set"
        notes.append(f"{relative(duplicate.path)}: {reason}")
    if marks and marks.problem:
        notes.append(marks.problem)
    if run:
        notes += _other_failures(notebook, exercises, run)
    steps = []
    for exercise in exercises:
        step = _exercise_step(notebook, exercise, run)
        if marks and exercise.name in marks.results:
            _add_marks(step, marks.results[exercise.name])
        steps.append(step)
    steps += map(_question_step, notebook.questions)
    return SetProgress(
        notebook.problem_set,
        notebook.title,
        notebook.path,
        steps,
        bool(marks and marks.results),
        notebook.problem,
        notes,
    )


def _other_failures(notebook: Notebook, exercises: list[Exercise], run: NotebookRun) -> list[str]:
    """What went wrong outside the exercises."""
    notes = [run.stopped] if run.stopped else []
    for number, reason in run.failed_cells.items():
        source = notebook.cells_to_run[number].source
        defines_exercise = any(_defines(source, exercise.name) for exercise in exercises)
        if not defines_exercise and "check(" not in source:
            first_line = source.strip().split("\n")[0][:60]
            notes.append(f"the cell that begins with `{first_line}` fails: {reason}")
    return notes


def _defines(source: str, name: str) -> bool:
    return re.search(rf"^(?:def|class) {name}\b|^{name}\s*=", source, re.MULTILINE) is not None


def _question_step(question: Question) -> Step:
    if question.answered:
        status = "answered; a person grades it"
        return Step(question.name, question.points, "done", status, question=True)
    return Step(question.name, question.points, "open", "not answered yet", question=True)


def _exercise_step(notebook: Notebook, exercise: Exercise, run: NotebookRun | None) -> Step:
    """The status of an exercise by its visible checks."""
    name, points = exercise.name, exercise.points
    if run is None:
        return Step(name, points, "open", "unknown", 0)
    result = run.results.get(name)
    if result is None:
        return Step(name, points, "begun", _why_unchecked(notebook, name, run), 0)
    if result.unwritten:
        return Step(name, points, "open", "not written yet", 0)
    return _checked_step(exercise, result)


def _checked_step(exercise: Exercise, result: ExerciseResult) -> Step:
    failed = [check for check in result.properties if not check.passed]
    if not failed:
        status = "all visible checks pass"
        return Step(exercise.name, exercise.points, "done", status, result.points)
    passed = len(result.properties) - len(failed)
    status = f"{passed} of {len(result.properties)} visible checks pass"
    advice = _advice(failed)
    return Step(exercise.name, exercise.points, "begun", status, result.points, advice)


def _advice(failed: list[PropertyResult]) -> str:
    """The sentence about the mistake, else the message of the first property that fails."""
    for check in failed:
        if check.hint:
            return check.hint
    return f"{failed[0].title}: {failed[0].message}"


def _why_unchecked(notebook: Notebook, name: str, run: NotebookRun) -> str:
    if name in run.failed_checks:
        return f"its check did not finish: {run.failed_checks[name]}"
    defined_in = [
        number for number, cell in enumerate(notebook.cells_to_run) if _defines(cell.source, name)
    ]
    if not defined_in:
        return "not in the notebook: was it renamed or deleted?"
    if reason := run.failed_cells.get(defined_in[-1]):
        return f"its cell fails: {reason}"
    if run.stopped:
        return f"not checked: {run.stopped}"
    return "not defined when all cells have run"


def _add_marks(step: Step, result: ExerciseResult) -> None:
    """Take over the points of the hidden tests, and what they found."""
    failed = [test for test in result.properties if not test.passed]
    step.earned = result.points
    if step.state == "done" and result.points >= step.points:
        step.status = "full marks"
    elif step.state == "done" and failed:
        step.state = "begun"
        step.status = f"all visible checks pass, {len(failed)} of the hidden tests fail"
        step.advice = _advice(failed)
