"""What the commands print: the console, the progress bar, and the table of marks."""

import json
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from .grading.run import Graded
from .judging.results import SubmissionResult

console = Console()
PROGRESS_LINES = 10  # of a run whose output is not a terminal


class ProgressBar:
    """A progress bar in a terminal, a few lines elsewhere; called as `grade_assignment` says."""

    def __init__(self, title: str):
        self.title = title
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self.bar.start()
        self.task = self.bar.add_task(self.title, total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, graded: Graded, done: int, total: int) -> None:
        self.bar.update(self.task, completed=done, total=total)
        interval = max(1, total // PROGRESS_LINES)
        if not console.is_terminal and (done == total or done % interval == 0):
            console.print(f"{self.title}: {done} of {total}")


def print_error(message: str) -> None:
    """A message in red on standard error."""
    Console(stderr=True).print(f"autograder: {message}", style="red", markup=False)


def warn_no_jail() -> None:
    """Without a jail, a submission can do everything that the grader can: that must be said."""
    Console(stderr=True).print(
        "autograder: no jail: students' code can read and change everything that you can. "
        "Use this only for work that you trust.",
        style="bold yellow",
    )


def marks_table(graded: list[Graded]) -> Table:
    """The marks of a run, one line per student."""
    table = Table(title=None, show_edge=False)
    table.add_column("student", overflow="fold")
    table.add_column("points", justify="right", overflow="fold")
    table.add_column("of", justify="right", overflow="fold")
    table.add_column("", overflow="fold")
    for submission in graded:
        result = submission.result
        points = "—" if result is None or submission.error else f"{result.points:g}"
        max_points = "0" if result is None else f"{result.max_points:g}"
        remarks = "; ".join(_remarks(submission))
        table.add_row(plain_text(submission.student), points, max_points, plain_text(remarks))
    return table


def _remarks(graded: Graded) -> list[str]:
    remarks = [graded.error] if graded.error else []
    if graded.result is not None:
        result = graded.result
        remarks += [f"! {line}" for line in result.suspicious]
        remarks += [*result.problems.values(), *result.notes]
        if forgeable := sum(cell.in_sandbox for cell in result.cells):
            remarks.append(f"{forgeable} tests ran beside the student's code")
        remarks += _remarks_on_manual_marks(result)
    if graded.skipped:
        remarks.append("unchanged")
    return remarks


def _remarks_on_manual_marks(result: SubmissionResult) -> list[str]:
    marks = result.manual_marks
    if marks is None:  # not recorded
        return ["awaits manual grading"] if result.needs_manual_grade else []
    remarks = ["awaits manual grading"] if marks.waiting else []
    if marks.given:
        total = f"{marks.total_points:g} in total"
        if marks.again:
            remarks.append(f"marked by hand before ({total}): look again")
        else:
            remarks.append(f"marked by hand: {total}")
    return remarks


def plain_text(text: str) -> Text:
    """Text from outside, which may look like markup or hold control characters."""
    return Text(json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace").decode())
