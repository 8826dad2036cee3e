"""The problem sets of a folder as they lie on the disk. They are only read."""

import contextlib
import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..checks.exercise import Exercise

CACHE = "progress.json"
BESIDE_FILE, BESIDE_ALL = 16_000_000, 64_000_000  # bytes of files that a notebook's code gets
LIBRARY = Path(__file__).resolve().parents[1]


@dataclass
class Notebook:
    """A problem set's notebook."""

    path: Path
    problem_set: str
    cells: list[dict[str, Any]] = field(default_factory=list)
    problem: str | None = None  # why it cannot be run
    others: list["Notebook"] = field(default_factory=list)  # more of this problem set

    @property
    def title(self) -> str:
        for one in self.cells:
            if found := re.match(r"# (.+)", one["source"]):
                return found[1].strip()
        return self.problem_set

    @property
    def to_run(self) -> list[dict[str, Any]]:
        """The code cells, without those that only show something."""
        return [one for one in self.cells if one["kind"] == "code" and not one["demo"]]

    @property
    def questions(self) -> list[tuple[str, float, bool]]:
        """What a person reads: its name, its points, whether something has been written."""
        found = []
        for one in self.cells:
            mark = one["nbgrader"]
            if one["kind"] == "markdown" and mark.get("grade") and mark.get("solution"):
                text = one["source"].replace("YOUR ANSWER HERE", "").strip()
                points = mark.get("points")
                points = float(points) if isinstance(points, (int, float)) else 0.0
                found.append((str(mark.get("grade_id")), points, bool(text)))
        return found

    @cached_property
    def beside(self) -> list[Path]:
        """The files in its folder that its code may read."""
        found, room = [], BESIDE_ALL
        for one in sorted(self.path.parent.iterdir()):
            if one.suffix == ".ipynb" or one.name.startswith(".") or one.name == CACHE:
                continue
            with contextlib.suppress(OSError):
                if one.is_file() and (size := one.stat().st_size) <= min(BESIDE_FILE, room):
                    found.append(one)
                    room -= size
        return found

    def key(self) -> str:
        """A digest of all on which the result of running it depends."""
        digest = hashlib.sha256(checks_digest().encode())
        digest.update(json.dumps([one["source"] for one in self.to_run]).encode())
        for one in self.beside:
            with contextlib.suppress(OSError):
                digest.update(one.name.encode(errors="replace") + b"\0" + one.read_bytes())
        return digest.hexdigest()


def checks_digest() -> str:
    return digest_of(LIBRARY, ("*.py", "checks/*.py", "reference/*.py"))


def digest_of(folder: Path, patterns: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.is_file():
                digest.update(path.read_bytes())
    return digest.hexdigest()


def read_cells(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook; ValueError in words where it is none."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError("it is no notebook: its text is not UTF-8") from None
    if not text.strip():
        raise ValueError("the file is empty")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is no notebook, or a damaged one: its JSON cannot be read") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("it is no notebook of today's format: open and save it in JupyterLab")
    return [_cell(one) for one in cells if isinstance(one, dict)]


def _cell(raw: dict[str, Any]) -> dict[str, Any]:
    source, about = raw.get("source", ""), raw.get("metadata")
    about = about if isinstance(about, dict) else {}
    mark, tags = about.get("nbgrader"), about.get("tags")
    return {
        "kind": raw.get("cell_type"),
        "source": "".join(map(str, source)) if isinstance(source, list) else str(source),
        "demo": isinstance(tags, list) and "demo" in tags,
        "nbgrader": mark if isinstance(mark, dict) else {},
    }


def sets_of(known: dict[str, Exercise]) -> list[str]:
    """The problem sets in the course's order."""
    return list(dict.fromkeys(one.problem_set for one in known.values()))


def find_notebooks(folder: Path, known: dict[str, Exercise]) -> dict[str, Notebook]:
    """The notebook of each problem set, in the course's order, whatever its name is."""
    by_set: dict[str, list[Notebook]] = {}
    for path in [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob("*/*.ipynb"))]:
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        notebook = Notebook(path, "")
        try:
            notebook.cells = read_cells(path)
        except ValueError as error:
            notebook.problem = str(error)
        if name := _set_of(notebook, known):
            notebook.problem_set = name
            by_set.setdefault(name, []).append(notebook)
    found = {}
    for name in sets_of(known):
        if candidates := by_set.get(name):
            # What can be read, under the name that was given out; else what was saved last.
            candidates.sort(
                key=lambda one: (
                    one.problem is not None,
                    one.path.stem != name,
                    -one.path.lstat().st_mtime,
                )
            )
            found[name] = candidates[0]
            found[name].others = candidates[1:]
    return found


def _set_of(notebook: Notebook, known: dict[str, Exercise]) -> str | None:
    """The problem set whose exercises it checks, else the one that it is called after."""
    text = "\n".join(one["source"] for one in notebook.cells if one["kind"] == "code")
    asked = re.findall(r"""\bcheck\(\s*["'](\w+)["']""", text)
    counts = Counter(known[name].problem_set for name in asked if name in known)
    if counts:
        return counts.most_common(1)[0][0]
    called = (notebook.path.stem, notebook.path.parent.name)
    return next((one for one in called if one in sets_of(known)), None)
