"""Your status: every exercise of every problem set, which checks pass, and what to do next.

In a terminal it is `rnncourse progress`; in a notebook:

    from rnncourse import progress
    progress()

Each notebook is run as it was last saved, in a process, a folder and a time limit of its own.
Nothing of yours is changed. The only file written is progress.json, beside the folder with the
problem sets: it remembers the results of notebooks that have not changed since.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..exercises import exercises, problem_sets
from ..files import write_json
from .hidden_marks import HiddenMarks, grading_key, hidden_marks
from .notebook_runner import run_notebook
from .notebooks import CACHE, Notebook, find_notebooks
from .protocol import NotebookRun
from .status import Progress, relative, summarise

LIMIT = 300.0  # seconds that a notebook may take; one cell may take a third of it
MADE_BY = "rnncourse progress"
BEGINNING = f'{{\n "made_by": {json.dumps(MADE_BY)}'  # of our files, even of one that is cut off


class ProgressError(Exception):
    """There is no folder to look at; str() says why."""


def progress(
    assignments: str | os.PathLike[str] | None = None,
    grade: bool = False,
    limit: float = LIMIT,
    again: bool = False,
    jail: str = "auto",
    on_task: Callable[[str], None] = lambda task: None,
) -> Progress:
    """Your status in every problem set of a folder.

    assignments: that folder; by default the nearest `assignments/`, else the current folder.
    grade: also run the hidden tests, where the instructor's extra is installed.
    limit: seconds that one notebook may take. again: also run notebooks that have not changed.
    jail: see `autograder grade --help`. on_task: is called with each longer task before it starts.
    Errors: ProgressError when there is no such folder. Problems with a notebook are reported in
    the result.
    """
    folder = find_folder(assignments)
    known = exercises()
    cache = Cache(folder)
    sets = []
    for name, notebook in find_notebooks(folder, known).items():
        own = [exercise for exercise in known.values() if exercise.problem_set == name]
        run = marks = None
        if not notebook.problem:
            key = notebook.key()
            run = None if again else cache.run(notebook, key)
            if run is None:
                on_task(f"run {relative(notebook.path)}")
                run = run_notebook(notebook, own, limit)
                cache.keep_run(notebook, key, run)
            key = grading_key(notebook)
            marks = cache.marks(notebook, key)
            begun = any(not result.unwritten for result in run.results.values())
            if grade and begun and (again or marks is None):
                on_task(f"grade {relative(notebook.path)}")
                marks = hidden_marks(notebook, jail)
                cache.keep_marks(notebook, key, marks)
        sets.append(summarise(notebook, own, run, marks))
    present = {problem_set.name for problem_set in sets}
    missing = [name for name in problem_sets() if name not in present]
    notes = []
    if missing and sets:
        notes.append(f"Not in this folder: {', '.join(missing)}.")
    if cache.note:
        notes.append(cache.note)
    return Progress(folder, sets, notes)


def find_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder with the problem sets: the one given, the nearest `assignments/`, or this one.

    Within a folder class/submitted/STUDENT/ it is that one.
    """
    if given is not None:
        if not Path(given).is_dir():
            raise ProgressError(f"there is no folder {given}")
        return Path(given).resolve()
    current = Path.cwd()
    for folder in (current, *current.parents):
        if folder.name == "assignments" or folder.parent.name == "submitted":
            return folder
        if (folder / "assignments").is_dir():
            return folder / "assignments"
    return current


class Cache:
    """progress.json: results, each with a digest of what it depends on.

    A file that this command did not write is left unchanged; `note` then says so.
    """

    def __init__(self, folder: Path):
        self.folder, self.path = folder.name, folder.parent / CACHE
        self.results: dict[str, Any] = {}
        self.note: str | None = None
        self.writable = True
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            self._leave_unchanged()
            return
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            # Empty or cut off: what was in it is only computed again.
            if text.strip() and not text.startswith(BEGINNING):
                self._leave_unchanged()
            return
        if not isinstance(content, dict) or content.get("made_by") != MADE_BY:
            self._leave_unchanged()
        elif isinstance(content.get("results"), dict):
            self.results = content["results"]

    def _leave_unchanged(self) -> None:
        self.writable = False
        self.note = f"{self.path} was not written by this command: it is left unchanged"

    def run(self, notebook: Notebook, key: str) -> NotebookRun | None:
        """The result of the last run, if nothing has changed since."""
        result = self._get("run", notebook, key)
        try:
            return None if result is None else NotebookRun.from_dict(result)
        except ValueError:
            return None

    def keep_run(self, notebook: Notebook, key: str, run: NotebookRun) -> None:
        if not run.stopped:  # what was cut short may succeed the next time
            self._put("run", notebook, key, run.to_dict())

    def marks(self, notebook: Notebook, key: str) -> HiddenMarks | None:
        """The results of the hidden tests, if nothing has changed since."""
        marks = self._get("grade", notebook, key)
        try:
            return None if marks is None else HiddenMarks.from_dict(marks)
        except ValueError:
            return None

    def keep_marks(self, notebook: Notebook, key: str, marks: HiddenMarks) -> None:
        if not marks.problem:
            self._put("grade", notebook, key, marks.to_dict())

    def _name(self, kind: str, notebook: Notebook) -> str:
        return f"{kind} {self.folder}/{notebook.problem_set}"

    def _get(self, kind: str, notebook: Notebook, key: str) -> dict[str, Any] | None:
        entry = self.results.get(self._name(kind, notebook))
        if not isinstance(entry, dict) or entry.get("key") != key:
            return None
        result = entry.get("result")
        return result if isinstance(result, dict) else None

    def _put(self, kind: str, notebook: Notebook, key: str, result: dict[str, Any]) -> None:
        self.results[self._name(kind, notebook)] = {"key": key, "result": result}
        if not self.writable:
            return
        content = {"made_by": MADE_BY, "results": self.results}
        try:
            write_json(self.path, content, indent=1)
        except OSError as error:
            self.note = f"{self.path} cannot be written: {error.strerror or error}"
