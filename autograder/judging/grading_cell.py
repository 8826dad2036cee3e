"""Runs one grading cell on the judge's side, on proxies of what the student defined."""

import ast
import contextlib
import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from rnncourse.checks.report import Outcome, Report
from rnncourse.checks.status import Status

from .outputs import GRADING_CELL, error_output, error_text, score_output
from .results import PropertyResult, overall_status
from .scoring import Score, current_seed
from .source_notebook import SourceNotebook
from .student_process import StudentProcess


@dataclass(frozen=True)
class Verdict:
    """The result of a grading cell."""

    points: float
    status: Status
    outputs: list[dict[str, Any]]
    properties: list[PropertyResult] = field(default_factory=list)
    message: str | None = None
    stopped_by: str | None = None  # where status.stopped: the crash or the limit, in words
    record: dict[str, str] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """Whether a crash or a limit ended some of the tests."""
        return self.status.stopped or any(test.status.stopped for test in self.properties)


def run_grading_cell(
    process: StudentProcess, source: str, notebook: SourceNotebook, seed: int, max_points: float
) -> Verdict:
    """Run a grading cell. Its last value is its score; without one it scores all or nothing."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), _seeded(seed), _nbgrader_environment():
            value = _execute(process, source, notebook)
    except Exception as error:
        verdict = _verdict_of_error(error)
    else:
        verdict = _verdict_of_value(value, max_points)
    if text := printed.getvalue():
        verdict.outputs.insert(0, {"output_type": "stream", "name": "stdout", "text": text})
    return verdict


def _execute(process: StudentProcess, source: str, notebook: SourceNotebook) -> Any:
    """Execute a cell; the value of its last expression, or None."""
    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    namespace: dict[str, Any] = {"__name__": "__main__"}
    imports = {notebook.imports[name] for name in used if name in notebook.imports}
    for statement in sorted(imports):
        exec(statement, namespace)
    namespace |= process.values(used & notebook.student_names)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(compile(tree, GRADING_CELL, "exec"), namespace)
        return None
    exec(compile(ast.Module(tree.body[:-1], []), GRADING_CELL, "exec"), namespace)
    return eval(compile(ast.Expression(last.value), GRADING_CELL, "eval"), namespace)


def _verdict_of_error(error: Exception) -> Verdict:
    message = error_text(error)
    status = _status_of_error(error)
    # An error that crossed the wall carries the name that it had there.
    name = getattr(error, "student_type", type(error).__name__)
    text = getattr(error, "student_message", message)
    return Verdict(
        0.0,
        status,
        [error_output(name, text or name, error)],
        message=message,
        stopped_by=text if status.stopped else None,
    )


def _status_of_error(error: Exception) -> Status:
    status = getattr(error, "student_status", None)
    if isinstance(status, Status):
        return status
    if getattr(error, "student_type", None) == "NotImplementedError":
        return Status.NOT_WRITTEN
    return Status.FAILED if isinstance(error, AssertionError) else Status.ERROR


def _verdict_of_value(value: Any, max_points: float) -> Verdict:
    if isinstance(value, Score):
        return _verdict_of_score(value, max_points)
    points = max_points
    if isinstance(value, int | float) and not isinstance(value, bool):
        points = min(max_points, max(0.0, float(value)))
    return Verdict(points, Status.PASSED if points >= max_points else Status.FAILED, [])


def _verdict_of_score(score: Score, max_points: float) -> Verdict:
    report: Report = score.report
    # The cell may give the exercise another number of points than its author.
    scale = max_points / report.max_points if report.max_points else 0.0
    points = min(max_points, report.points * scale)
    return Verdict(
        points,
        overall_status(outcome.status for outcome in report.outcomes),
        [score_output(score, points)],
        properties=[_property_result(outcome) for outcome in report.outcomes],
        stopped_by=next(
            (outcome.stopped_by for outcome in report.outcomes if outcome.status.stopped), None
        ),
        record=score.record,
    )


def _property_result(outcome: Outcome) -> PropertyResult:
    measured = outcome.measured
    return PropertyResult(
        name=outcome.name,
        title=outcome.title,
        points=outcome.points,
        status=outcome.status,
        message=outcome.message,
        misconception=outcome.misconception,
        hint=outcome.hint,
        measured=measured if measured is not None and math.isfinite(measured) else None,
        seconds=outcome.seconds,
    )


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    token = current_seed.set(seed)
    previous_state = torch.get_rng_state()
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(previous_state)
        current_seed.reset(token)


@contextlib.contextmanager
def _nbgrader_environment() -> Iterator[None]:
    """The environment variable that nbgrader sets for tests while it grades."""
    previous = os.environ.get("NBGRADER_EXECUTION")
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    try:
        yield
    finally:
        if previous is None:
            del os.environ["NBGRADER_EXECUTION"]
        else:
            os.environ["NBGRADER_EXECUTION"] = previous
