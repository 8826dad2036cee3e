"""Runs a reader's notebook in a process of its own, in a copy of its folder, with a time limit."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..checks.exercise import Exercise
from .notebooks import LIBRARY, Notebook
from .protocol import (
    CellFailed,
    Checked,
    Finished,
    Job,
    NotebookRun,
    Started,
    Unchecked,
    decode_event,
)


def run_notebook(
    notebook: Notebook, exercises: list[Exercise], limit: float, cell_limit: float | None = None
) -> NotebookRun:
    """Run a notebook's code cells, and check those exercises.

    limit: seconds for the whole notebook; cell_limit: for one cell, by default a third of that.
    """
    with tempfile.TemporaryDirectory(prefix="rnncourse-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch, "work")
        folder.mkdir()
        for path in notebook.companion_files:
            with contextlib.suppress(OSError):
                shutil.copy(path, folder)
        job_file, events_file = Path(scratch, "job.json"), Path(scratch, "events")
        job = Job(
            sources=[cell.source for cell in notebook.cells_to_run],
            exercises=[exercise.name for exercise in exercises],
            cell_limit=cell_limit or limit / 3,
        )
        job_file.write_text(job.to_json(), encoding="utf-8")
        worker = [sys.executable, "-m", "rnncourse.selfstudy.notebook_worker"]
        command = [*worker, str(job_file), str(events_file)]
        timed_out = _run(command, folder, limit, Path(scratch))
        lines = []
        if events_file.exists():
            lines = events_file.read_text("ascii", "replace").splitlines()
    return _collected(lines, limit if timed_out else None)


def _run(command: list[str], folder: Path, limit: float, home: Path) -> bool:
    """Run a command that may write to its folder only; whether it was stopped by the limit."""
    inherited = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(LIBRARY.parent), *([inherited] if inherited else [])]),
        "PYTHONSAFEPATH": "1",  # a file beside the notebook does not stand in for a library
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "agg",
        "IPYTHONDIR": str(home / "ipython"),
    }
    environment.pop("NBGRADER_EXECUTION", None)
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        return True
    finally:
        kill_group(process)
    return False


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process that leads a group of its own and, on POSIX, everything in that group."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _collected(lines: list[str], exceeded: float | None) -> NotebookRun:
    """The events of a run, put together. exceeded: the limit in seconds, where it was stopped."""
    run = NotebookRun(results={}, failed_cells={}, failed_checks={})
    started = finished = False
    for line in lines:
        match decode_event(line):
            case Started():
                started = True
            case CellFailed(cell, reason):
                run.failed_cells[cell] = reason
            case Checked(result):
                run.results[result.exercise] = result
            case Unchecked(exercise, reason):
                run.failed_checks[exercise] = reason
            case Finished():
                finished = True
    if finished:
        run.stopped = None
    elif exceeded is not None:
        run.stopped = f"the notebook was stopped after {exceeded:g} s"
    elif not started:
        run.stopped = "the notebook could not be run: does `import rnncourse` work here?"
    else:
        run.stopped = "the notebook ended its own process"
    return run
