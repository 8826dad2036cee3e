"""Where you stand: every exercise of every problem set, what holds, and what to do next.

In a terminal it is `rnncourse progress`; in a notebook:

    from rnncourse import progress
    progress()

Each notebook is run as it was last saved, in a process, a folder and a time limit of its own.
Nothing of yours is changed. The only file written is progress.json, beside the folder with the
problem sets: it remembers the results of notebooks that have not changed since.
"""

import contextlib
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..exercises import exercises
from .hidden_marks import grading_key, hidden_marks
from .notebook_runner import rehearse
from .notebooks import CACHE, Notebook, find_notebooks, sets_of
from .status import Progress, judge, shown

LIMIT = 300.0  # seconds that a notebook may take; one cell may take a third of it
MADE_BY = "rnncourse progress"


class ProgressError(Exception):
    """There is nothing to look at; str() says why."""


def progress(
    assignments: str | os.PathLike[str] | None = None,
    grade: bool = False,
    limit: float = LIMIT,
    again: bool = False,
    jail: str = "auto",
    tell: Callable[[str], None] = lambda words: None,
) -> Progress:
    """How far you are with every problem set of a folder.

    assignments: that folder; by default the nearest `assignments/`, else the current folder.
    grade: also run the hidden tests, where the instructor's extra is installed.
    limit: seconds that one notebook may take. again: run what has not changed, too.
    jail: see `autograder grade --help`. tell: is called with what is being done.
    Errors: ProgressError when there is no such folder. Whatever is wrong with a notebook is said
    in the result.
    """
    folder = find_folder(assignments)
    known = exercises()
    cache = Cache(folder)

    def remembered(
        kind: str, notebook: Notebook, key: str, work: Callable[[], dict[str, Any]] | None
    ) -> dict[str, Any] | None:
        result = None if again and work else cache.get(kind, notebook, key)
        if result is None and work:
            tell(f"{kind} {shown(notebook.path)}")
            result = work()
            # What was cut short may go better the next time.
            if not result.get("ended") and not result.get("problem"):
                cache.put(kind, notebook, key, result)
        return result

    sets = []
    for name, notebook in find_notebooks(folder, known).items():
        asked = [one for one in known.values() if one.problem_set == name]
        ran = marks = None
        if not notebook.problem:
            run = partial(rehearse, notebook, asked, limit)
            ran = remembered("run", notebook, notebook.key(), run)
            begun = any(not one["unwritten"] for one in ran["reports"].values())
            test = partial(hidden_marks, notebook, jail) if grade and begun else None
            marks = remembered("grade", notebook, grading_key(notebook), test)
        sets.append(judge(notebook, asked, ran, marks))
    here = {one.name for one in sets}
    missing = [name for name in sets_of(known) if name not in here]
    notes = [f"Not here: {', '.join(missing)}."] if missing and sets else []
    return Progress(folder, sets, [*notes, *([cache.note] if cache.note else [])])


def find_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder with the problem sets: the one given, the nearest `assignments/`, or this one.

    Within a folder class/submitted/STUDENT/ it is that one.
    """
    if given is not None:
        if not Path(given).is_dir():
            raise ProgressError(f"there is no folder {given}")
        return Path(given).resolve()
    here = Path.cwd()
    for one in (here, *here.parents):
        if one.name == "assignments" or one.parent.name == "submitted":
            return one
        if (one / "assignments").is_dir():
            return one / "assignments"
    return here


class Cache:
    """progress.json: results by what they depend on. A file that is not ours is left alone."""

    def __init__(self, folder: Path):
        self.folder, self.path = folder.name, folder.parent / CACHE
        self.known: dict[str, Any] = {}
        self.note: str | None = None
        self.ours = True
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            self.ours = isinstance(kept, dict) and kept.get("made_by") == MADE_BY
            if self.ours and isinstance(kept.get("results"), dict):
                self.known = kept["results"]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, RecursionError):
            self.ours = False
        if not self.ours:
            self.note = f"{self.path} is not a file of this command: it is left as it is"

    def _name(self, kind: str, notebook: Notebook) -> str:
        return f"{kind} {self.folder}/{notebook.problem_set}"

    def get(self, kind: str, notebook: Notebook, key: str) -> dict[str, Any] | None:
        kept = self.known.get(self._name(kind, notebook))
        good = isinstance(kept, dict) and kept.get("key") == key
        return kept["result"] if good and isinstance(kept.get("result"), dict) else None

    def put(self, kind: str, notebook: Notebook, key: str, result: dict[str, Any]) -> None:
        self.known[self._name(kind, notebook)] = {"key": key, "result": result}
        if not self.ours:
            return
        text = json.dumps({"made_by": MADE_BY, "results": self.known}, indent=1)
        written = self.path.with_name(f".{CACHE}.{os.getpid()}")
        try:
            written.write_text(text + "\n", encoding="utf-8")
            written.replace(self.path)
        except OSError as error:
            self.note = f"{self.path} cannot be written: {error.strerror or error}"
            with contextlib.suppress(OSError):
                written.unlink()
