"""The problem sets of a folder, as they are on disk. They are only read."""

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
from ..exercises import problem_sets

CACHE = "progress.json"
MAX_COMPANION, MAX_COMPANIONS = 16_000_000, 64_000_000  # bytes: of one companion file, of all
LIBRARY = Path(__file__).resolve().parents[1]


@dataclass
class Cell:
    """A cell of a notebook. demo: it only shows something. nbgrader: its metadata, {} without."""

    kind: str | None
    source: str
    demo: bool = False
    nbgrader: dict[str, Any] = field(default_factory=dict)


@dataclass
class Question:
    """A question that a person grades. answered: something has been written there."""

    name: str
    points: float
    answered: bool


@dataclass
class Notebook:
    """A problem set's notebook. duplicates: other notebooks of the same problem set."""

    path: Path
    problem_set: str
    cells: list[Cell] = field(default_factory=list)
    problem: str | None = None  # why it cannot be run
    duplicates: list["Notebook"] = field(default_factory=list)

    @property
    def title(self) -> str:
        for cell in self.cells:
            if heading := re.match(r"# (.+)", cell.source):
                return heading[1].strip()
        return self.problem_set

    @property
    def cells_to_run(self) -> list[Cell]:
        """The code cells, without those that only show something."""
        return [cell for cell in self.cells if cell.kind == "code" and not cell.demo]

    @property
    def questions(self) -> list[Question]:
        questions = []
        for cell in self.cells:
            mark = cell.nbgrader
            if cell.kind == "markdown" and mark.get("grade") and mark.get("solution"):
                text = cell.source.replace("YOUR ANSWER HERE", "").strip()
                points = mark.get("points")
                points = float(points) if isinstance(points, (int, float)) else 0.0
                questions.append(Question(str(mark.get("grade_id")), points, bool(text)))
        return questions

    @cached_property
    def companion_files(self) -> list[Path]:
        """The files in the notebook's folder that its code may read."""
        files, bytes_left = [], MAX_COMPANIONS
        for path in sorted(self.path.parent.iterdir()):
            if path.suffix == ".ipynb" or path.name.startswith(".") or path.name == CACHE:
                continue
            with contextlib.suppress(OSError):
                if not path.is_file():
                    continue
                size = path.stat().st_size
                if size <= min(MAX_COMPANION, bytes_left):
                    files.append(path)
                    bytes_left -= size
        return files

    def key(self) -> str:
        """A digest of everything on which the result of running the notebook depends."""
        digest = hashlib.sha256(library_digest().encode())
        digest.update(json.dumps([cell.source for cell in self.cells_to_run]).encode())
        for path in self.companion_files:
            with contextlib.suppress(OSError):
                digest.update(path.name.encode(errors="replace") + b"\0" + path.read_bytes())
        return digest.hexdigest()


def library_digest() -> str:
    """A digest of the library's code."""
    return digest_of(LIBRARY, ("**/*.py",))


def digest_of(folder: Path, patterns: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.is_file():
                digest.update(path.read_bytes())
    return digest.hexdigest()


def read_cells(path: Path) -> list[Cell]:
    """The cells of a notebook. Errors: ValueError, in words for the reader, if it is invalid."""
    if path.exists() and not path.is_file():
        raise ValueError("it is not a file")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError("it is not a notebook: its text is not UTF-8") from None
    if not text.strip():
        raise ValueError("the file is empty")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is damaged or not a notebook: its JSON cannot be read") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError(
            "it is not a notebook in the current format: open it in JupyterLab and save it"
        )
    return [_cell(raw) for raw in cells if isinstance(raw, dict)]


def _cell(raw: dict[str, Any]) -> Cell:
    source, metadata = raw.get("source", ""), raw.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    mark, tags = metadata.get("nbgrader"), metadata.get("tags")
    return Cell(
        kind=raw.get("cell_type"),
        source="".join(map(str, source)) if isinstance(source, list) else str(source),
        demo=isinstance(tags, list) and "demo" in tags,
        nbgrader=mark if isinstance(mark, dict) else {},
    )


def find_notebooks(folder: Path, exercises: dict[str, Exercise]) -> dict[str, Notebook]:
    """The notebook of each problem set, in the course's order, whatever its file is called."""
    by_set: dict[str, list[Notebook]] = {}
    for path in [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob("*/*.ipynb"))]:
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        notebook = Notebook(path, "")
        try:
            notebook.cells = read_cells(path)
        except ValueError as error:
            notebook.problem = str(error)
        if name := _problem_set_of(notebook, exercises):
            notebook.problem_set = name
            by_set.setdefault(name, []).append(notebook)
    notebooks = {}
    for name in problem_sets():
        if name in by_set:
            candidates = sorted(by_set[name], key=_preference)
            notebooks[name] = candidates[0]
            notebooks[name].duplicates = candidates[1:]
    return notebooks


def _preference(notebook: Notebook) -> tuple[bool, bool, float]:
    """The best first: readable, then under the name of the release, then saved last."""
    return (
        notebook.problem is not None,
        notebook.path.stem != notebook.problem_set,
        -notebook.path.lstat().st_mtime,
    )


def _problem_set_of(notebook: Notebook, exercises: dict[str, Exercise]) -> str | None:
    """The problem set whose exercises the notebook checks, else the one it is named after."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.kind == "code")
    checked = re.findall(r"""\bcheck\(\s*["'](\w+)["']""", text)
    counts = Counter(exercises[name].problem_set for name in checked if name in exercises)
    if counts:
        return counts.most_common(1)[0][0]
    for name in (notebook.path.stem, notebook.path.parent.name):
        if name in problem_sets():
            return name
    return None
