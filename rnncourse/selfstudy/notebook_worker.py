"""Runs a notebook's cells without a kernel, and reports what its checks find.

`python -m rnncourse.selfstudy.notebook_worker JOB EVENTS` runs in a process of its own, which the
reader's code may end as it likes. JOB is a file with a `Job`; each event is added to EVENTS as a
line (see `protocol`).
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from .. import visible_checks
from ..checks.report import Report
from ..exercises import find
from .protocol import (
    CellFailed,
    Checked,
    Event,
    ExerciseResult,
    Finished,
    Job,
    PropertyResult,
    Started,
    Unchecked,
    encode_event,
)


def run_job(job: Job, send: Callable[[Event], None]) -> None:
    """Run every cell, even after one has failed; check what the notebook itself did not check."""
    checked: set[str] = set()

    def check(name: str, subject: Any) -> Report:
        report = find(name).evaluate(subject, visible_checks.VISIBLE_SEED)
        checked.add(name)
        send(Checked(_exercise_result(report)))
        return report

    visible_checks.check = check  # what the notebook gets from `from rnncourse import check`
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)

    def run_cell(source: str) -> None:
        result = shell.run_cell(source)
        if error := result.error_before_exec or result.error_in_exec:
            raise error

    send(Started())
    for number, source in enumerate(job.sources):
        if reason := _attempt(job.cell_limit, run_cell, source):
            send(CellFailed(number, reason))
    for name in job.exercises:
        if name in checked or name not in shell.user_ns:
            continue
        if reason := _attempt(job.cell_limit, check, name, shell.user_ns[name]):
            send(Unchecked(name, reason))
    send(Finished())


def _exercise_result(report: Report) -> ExerciseResult:
    properties = [
        PropertyResult(
            title=outcome.title,
            points=outcome.points,
            passed=outcome.passed,
            message=outcome.message,
            hint=outcome.hint,
        )
        for outcome in report.outcomes
    ]
    return ExerciseResult(report.name, report.points, report.unwritten, properties)


def _attempt(limit: float, function: Callable[..., Any], *args: Any) -> str | None:
    """Call a function for at most `limit` seconds; why it failed, or None."""
    try:
        with _interrupted_after(limit):
            function(*args)
    except KeyboardInterrupt:
        return f"stopped after {limit:g} s"
    except BaseException as error:
        try:
            message = " ".join(str(error).split())
        except Exception:
            message = ""
        return f"{type(error).__name__}: {message}"[:200].removesuffix(": ")
    return None


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    """Raises KeyboardInterrupt after that time, except on Windows; the run has a limit anyway."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main(job: str, events: str) -> None:
    sys.path.insert(0, "")  # as in a kernel: files beside the notebook can be imported
    with open(events, "a", encoding="ascii") as file:

        def send(event: Event) -> None:
            file.write(encode_event(event) + "\n")
            file.flush()

        run_job(Job.from_json(Path(job).read_text(encoding="utf-8")), send)
    os._exit(0)  # a thread of the reader's may still run


if __name__ == "__main__":
    main(*sys.argv[1:])
