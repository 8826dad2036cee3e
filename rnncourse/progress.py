"""Where you stand: every exercise of every problem set, what holds, and what to do next.

In a terminal it is `rnncourse progress`; in a notebook:

    from rnncourse import progress
    progress()

Each notebook is run as it was last saved, in a process, a folder and a time limit of its own.
Nothing of yours is changed. The only file written is progress.json, beside the folder with the
problem sets: it remembers the results of notebooks that have not changed since.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from .checks import exercises
from .selfstudy.grading import grading_key, hidden_marks
from .selfstudy.notebooks import CACHE, Notebook, find_notebooks, sets_of
from .selfstudy.running import rehearse
from .selfstudy.standing import Progress, judge, shown

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


# --- the command line ---------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="rnncourse", description="The reader's side of the course.")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "Show how far you are with each problem set, and what to do next."
    one = commands.add_parser("progress", help=text, description=text)
    one.add_argument(
        "--assignments",
        metavar="DIR",
        help="the folder with the problem sets; default: the nearest assignments/, else this one",
    )
    one.add_argument("--grade", action="store_true", help="run the hidden tests as well")
    one.add_argument(
        "--limit",
        type=float,
        default=LIMIT,
        metavar="SECONDS",
        help="that a notebook may take, a cell a third of it; default: %(default)g",
    )
    one.add_argument("--again", action="store_true", help="also run what has not changed")
    one.add_argument(
        "--jail", default="auto", help="what keeps your code in while it is graded; none: nothing"
    )
    return main


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit status: 0, 2 if there is nothing to look at, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that does not know ✓

    def tell(words: str) -> None:
        if sys.stderr.isatty():
            print(f"{words} …", file=sys.stderr)

    try:
        progress(
            options.assignments,
            options.grade,
            options.limit,
            options.again,
            options.jail,
            tell,
        ).print()
    except ProgressError as error:
        print(f"rnncourse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was found out so far is remembered", file=sys.stderr)
        return 130
    return 0


class _Callable(ModuleType):
    """`from rnncourse import progress` gives this module, and it can be called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Progress:
        return progress(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable

if __name__ == "__main__":
    sys.exit(main(["progress", *sys.argv[1:]]))
