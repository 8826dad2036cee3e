"""Runs a notebook's cells without a kernel and tells what its checks found.

It is started in a process of its own, which a reader's code may end as it likes:
`python -m rnncourse.selfstudy.notebook_worker JOB EVENTS`. JOB is a file of JSON: cells (their sources),
exercises (names), limit (seconds that a cell may take). EVENTS gets a line of JSON for each thing
that happens.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from .. import checks
from ..checks.report import Report

Tell = Callable[..., None]


def rehearse(job: dict[str, Any], tell: Tell) -> None:
    """Run every cell, even after one has failed; check what the notebook itself did not check."""
    reported: set[str] = set()

    def check(name: str, subject: Any) -> Report:
        report = checks.find(name).evaluate(subject, checks.VISIBLE_SEED)
        reported.add(name)
        tell(report=_plain(report))
        return report

    checks.check = check  # what the notebook gets from `from rnncourse import check`
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)

    def run_cell(source: str) -> None:
        result = shell.run_cell(source)
        if error := result.error_before_exec or result.error_in_exec:
            raise error

    for number, source in enumerate(job["cells"]):
        tell(cell=number)
        if why := _attempt(job["limit"], run_cell, source):
            tell(failed=number, why=why)
    for name in job["exercises"]:
        if (
            name not in reported
            and name in shell.user_ns
            and (why := _attempt(job["limit"], check, name, shell.user_ns[name]))
        ):
            tell(unchecked=name, why=why)
    tell(end=True)


def _plain(report: Report) -> dict[str, Any]:
    """A report as data, with what it says of the whole."""
    kept = ("title", "points", "message", "hint", "passed")
    properties = report.to_dict()["properties"]
    return {
        "exercise": report.name,
        "points": report.points,
        "unwritten": report.unwritten,
        "properties": [{key: one[key] for key in kept} for one in properties],
    }


def _attempt(limit: float, function: Callable[..., Any], *args: Any) -> str | None:
    """Call a function for at most so many seconds; what went wrong, in words."""
    try:
        with _limited(limit):
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
def _limited(seconds: float) -> Iterator[None]:
    """Interrupts what takes longer, where the system can; the whole run has a limit anyway."""
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
    sys.path.insert(0, "")  # as in a kernel: what lies beside the notebook can be imported
    with open(events, "a", encoding="ascii") as file:

        def tell(**event: Any) -> None:
            file.write(json.dumps(event) + "\n")
            file.flush()

        rehearse(json.loads(Path(job).read_text(encoding="utf-8")), tell)
    os._exit(0)  # a thread of the reader's may still run


if __name__ == "__main__":
    main(*sys.argv[1:])
