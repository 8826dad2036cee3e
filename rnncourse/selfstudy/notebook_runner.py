"""Runs a reader's notebook in a process, a folder and a time limit of its own."""

import contextlib
import json
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


def rehearse(
    notebook: Notebook, asked: list[Exercise], limit: float, cell_limit: float | None = None
) -> dict[str, Any]:
    """Run a notebook's code cells in a process of its own, in a copy of its folder.

    limit: seconds for all of it; cell_limit: for one cell, by default a third of that.
    Returns {"reports": exercise → report, "failed": cell → why, "unchecked": exercise → why,
    "ended": None or why not all was run, "at": the cell that was run last}.
    """
    with tempfile.TemporaryDirectory(prefix="rnncourse-", ignore_cleanup_errors=True) as place:
        folder = Path(place, "work")
        folder.mkdir()
        for one in notebook.beside:
            with contextlib.suppress(OSError):
                shutil.copy(one, folder)
        job, events = Path(place, "job.json"), Path(place, "events")
        order = {
            "cells": [one["source"] for one in notebook.to_run],
            "exercises": [one.name for one in asked],
            "limit": cell_limit or limit / 3,
        }
        job.write_text(json.dumps(order), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "rnncourse.selfstudy.notebook_worker",
            str(job),
            str(events),
        ]
        status = _run(command, folder, limit, Path(place))
        lines = events.read_text("ascii", "replace").splitlines() if events.exists() else []
    return _collected(lines, status, limit)


def _run(command: list[str], folder: Path, limit: float, home: Path) -> int | None:
    """The exit status of a process that may write nothing here; None after the time limit."""
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
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=nowhere,
        stdout=nowhere,
        stderr=nowhere,
        start_new_session=True,
    )
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """End a process of ours and, where there are process groups, all that it has started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _collected(lines: list[str], status: int | None, limit: float) -> dict[str, Any]:
    result: dict[str, Any] = {"reports": {}, "failed": {}, "unchecked": {}, "at": -1}
    done = False
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # the process ended while it wrote this
        if "cell" in event:
            result["at"] = event["cell"]
        elif "report" in event:
            result["reports"][event["report"]["exercise"]] = event["report"]
        elif "failed" in event:
            result["failed"][str(event["failed"])] = event["why"]
        elif "unchecked" in event:
            result["unchecked"][event["unchecked"]] = event["why"]
        done = done or "end" in event
    if done:
        result["ended"] = None
    elif status is None:
        result["ended"] = f"the notebook was stopped after {limit:g} s"
    elif result["at"] < 0:
        result["ended"] = "the notebook could not be run: does `import rnncourse` work here?"
    else:
        result["ended"] = "the notebook ended its own process"
    return result
