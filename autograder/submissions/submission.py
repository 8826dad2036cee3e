"""What a student handed in, read without believing it, and made into a notebook to grade.

Of a submitted notebook only its cells' sources and the ids of its graded cells are taken; all
else (points, flags, locked sources, the kernel) comes from the gradebook. What was wrong is noted.
"""

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat.corpus.words import generate_corpus_id
from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.utils import parse_utc

from ..jailed import wire
from ..sandbox.limits import (
    LIMITS,
    MAX_CELL_SOURCE,
    MAX_CELLS,
    MAX_FILES,
    MAX_FOLDER_DEPTH,
    MAX_NOTEBOOK_SOURCE,
    MAX_PATH,
)

# Words that no answer needs; a person should look at a cell that holds one.
WORTH_A_LOOK = re.compile(
    r"gradebook|autograder|rnncourse\.reference as|rnncourse import reference|sqlite3|/proc/|ctypes"
    r"|ptrace|gc\.get_objects"
    r"|ast_transformers|input_transformers|__torch_function__|sys\._getframe|sys\.modules"
    r"|assert_close\s*=|phrases_held_back|\bbabel\b|rnncourse\.checks\.(?:properties|harness|pytree)\b"
)
OF_THE_EXCHANGE = ("timestamp.txt", "submission_secret.txt")  # beside what was handed in
SCHEMA = 3  # of nbgrader's cell metadata
KINDS = ("code", "markdown", "raw")


@dataclass(frozen=True)
class SourceCell:
    """A cell of the assignment as the gradebook knows it."""

    name: str
    cell_type: str
    source: str
    locked: bool
    checksum: str | None
    grade: bool
    solution: bool
    task: bool
    points: float | None

    def metadata(self) -> dict[str, Any]:
        """nbgrader's metadata of this cell, whatever the submission said of it."""
        found = {
            "grade": self.grade,
            "grade_id": self.name,
            "locked": self.locked,
            "schema_version": SCHEMA,
            "solution": self.solution,
            "task": self.task,
            "cell_type": self.cell_type,
            "checksum": self.checksum,
        }
        if self.points is not None:
            found["points"] = self.points
        return found


@dataclass(frozen=True)
class AssignmentCells:
    """What the gradebook knows of one notebook of an assignment, cells in their order."""

    name: str
    kernelspec: dict[str, Any]
    cells: tuple[SourceCell, ...]


@dataclass
class Submitted:
    """One submission as it will be graded: sanitised notebooks, files, and what was wrong."""

    student: str
    notebooks: dict[str, NotebookNode] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # notebook → why it gets no mark
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    suspicious: list[str] = field(default_factory=list)
    timestamp: datetime | None = None


@dataclass
class Handed:
    """What lies in a submission's folder, as data that can travel; no notebook is parsed yet.

    Its size is bounded: LIMITS.extra_files_size for files, LIMITS.notebook_size for each notebook.
    """

    submitted: Submitted  # all but the notebooks and the instructor's files
    notebooks: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # file's name, content


class Unreadable(Exception):
    """A submitted notebook that is none; str() tells the student what to do."""


def assignment_cells(
    gradebook: Gradebook, assignment: str, sources: dict[str, NotebookNode]
) -> list[AssignmentCells]:
    """The graded structure of an assignment, from the gradebook.

    sources gives the order of the cells; the gradebook alone does not promise one.
    """
    found = []
    for notebook in gradebook.find_assignment(assignment).notebooks:
        grades = {one.name: one for one in notebook.grade_cells}
        tasks = {one.name: one for one in notebook.task_cells}
        solutions = {one.name for one in notebook.solution_cells}
        source = sources.get(notebook.name)
        order = {
            cell.metadata.get("nbgrader", {}).get("grade_id"): index
            for index, cell in enumerate(source.cells if source else [])
        }
        cells = []
        for cell in sorted(notebook.source_cells, key=lambda one: order.get(one.name, 1 << 30)):
            worth = grades.get(cell.name) or tasks.get(cell.name)
            cells.append(
                SourceCell(
                    cell.name,
                    cell.cell_type,
                    cell.source or "",
                    bool(cell.locked),
                    cell.checksum,
                    cell.name in grades,
                    cell.name in solutions,
                    cell.name in tasks,
                    float(worth.max_score) if worth is not None else None,
                )
            )
        kernel = json.loads(notebook.kernelspec) if notebook.kernelspec else {}
        found.append(AssignmentCells(notebook.name, kernel, tuple(cells)))
    return found


# --- reading files --------------------------------------------------------------------------------


def read_file(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes; Unreadable for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Unreadable(f"it cannot be opened ({error.strerror})") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("it is not a regular file")
        if status.st_size > most:
            raise Unreadable(f"it has {status.st_size >> 20} MB; at most {most >> 20} are read")
        return file.read(most + 1)


def listing(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """What is in a submission's folder, by its path inside. Links are not followed, and no deeper
    or longer than an honest submission could be."""
    waiting, count = [(str(folder), "", 0)], 0
    while waiting:
        here, inside, depth = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda one: one.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name in (".ipynb_checkpoints", "__pycache__"):
                continue
            count += 1
            if count > MAX_FILES:
                return
            yield inside + entry.name, entry
            if entry.is_dir(follow_symlinks=False) and depth < MAX_FOLDER_DEPTH:
                waiting.append((entry.path, f"{inside}{entry.name}/", depth + 1))


def collect(
    folder: Path,
    student: str,
    expected: list[AssignmentCells],
    extra: dict[str, bytes],
    most: dict[str, int] | None = None,
) -> Handed:
    """Read a submission's folder.

    extra: the instructor's files, which replace the student's; most: bytes of single files.
    """
    found = Submitted(student)
    handed = Handed(found)
    if folder.is_symlink():
        found.suspicious.append("the submission's folder is a link")
        found.problems = {one.name: "the submission's folder is a link" for one in expected}
        return handed
    notebooks: dict[str, Path] = {}
    room = LIMITS.extra_files_size
    wanted = {one.name for one in expected}
    taken = {*extra, *(f"{name}.ipynb" for name in wanted)}
    for inside, entry in listing(folder):
        path = Path(entry.path)
        shown = wire.replace_surrogates(inside[:MAX_PATH])
        if entry.is_symlink():
            found.suspicious.append(f"the submission holds a link, {shown}")
            continue
        if entry.is_dir(follow_symlinks=False):
            continue
        if path.suffix == ".ipynb" and "/" not in inside:
            notebooks[path.stem] = path
            continue
        try:
            if any(inside.startswith(f"{one}/") or one.startswith(f"{inside}/") for one in taken):
                raise Unreadable("its name is taken")
            if len(os.fsencode(inside)) > MAX_PATH:
                raise Unreadable("its path is too long")
            content = read_file(path, min(room, (most or {}).get(inside, room)))
        except Unreadable as error:
            found.notes.append(f"{shown} was left out: {error}")
            continue
        room -= len(content)
        if inside == "timestamp.txt":
            found.timestamp = _timestamp(content[:100].decode(errors="replace").strip(), found)
        found.files[inside] = content
    _adopt_renamed(found, notebooks, expected)
    for name in sorted(set(notebooks) - wanted):
        found.notes.append(f"{name}.ipynb is not part of the assignment and was not graded")
    for cells in expected:
        path = notebooks.get(cells.name)
        if path is None:
            others = [inside for inside in found.files if inside not in OF_THE_EXCHANGE]
            found.problems[cells.name] = _missing(f"{cells.name}.ipynb", others)
            continue
        try:
            handed.notebooks[cells.name] = path.name, read_file(path, LIMITS.notebook_size)
        except Unreadable as error:
            found.problems[cells.name] = _unreadable(path.name, error)
    return handed


def read_submission(
    handed: Handed,
    expected: list[AssignmentCells],
    extra: dict[str, bytes],
    hidden: Iterable[str] = (),
) -> Submitted:
    """A submission with its notebooks parsed and sanitised, and the instructor's files.

    hidden: modules that a submission may not see, so that naming one is worth a look.
    """
    found = handed.submitted
    found.files |= extra
    for cells in expected:
        if cells.name not in handed.notebooks:
            continue
        name, content = handed.notebooks[cells.name]
        try:
            found.notebooks[cells.name] = sanitise(
                parse(content, found.notes), cells, found, hidden
            )
        except Exception as error:
            if not isinstance(error, Unreadable):
                error = Unreadable(f"its structure is broken ({type(error).__name__})")
            found.problems[cells.name] = _unreadable(name, error)
    return found


def _missing(name: str, others: list[str]) -> str:
    """That a notebook was not handed in, and what lies in its place: an archive, a screenshot."""
    shown = [wire.replace_surrogates(one[:60]) for one in others[:3]]
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    only = f", only {', '.join(shown)}{more}" if shown else ""
    archive = any(one.endswith((".zip", ".tar", ".gz", ".rar", ".7z")) for one in others)
    hint = "; archives are not unpacked: hand in what is in it" if archive else ""
    return f"{name} was not handed in{only}{hint}"


def _unreadable(name: str, error: Unreadable) -> str:
    return (
        f"{name} could not be read: {error}. Open it in JupyterLab, save it, and hand it in again."
    )


def _timestamp(text: str, found: Submitted) -> datetime | None:
    try:
        return parse_utc(text) if text else None
    except Exception:  # of any kind: decimal's, for hours of thirty digits
        found.notes.append("timestamp.txt holds no time; the submission has none")
        return None


def _adopt_renamed(
    found: Submitted, notebooks: dict[str, Path], expected: list[AssignmentCells]
) -> None:
    """Take "ps1_cells (1).ipynb" for the missing ps1_cells.ipynb, where nothing else fits."""
    wanted = {one.name for one in expected}
    for cells in expected:
        others = [stem for stem in notebooks if stem not in wanted and stem.startswith(cells.name)]
        if cells.name not in notebooks and len(others) == 1:
            notebooks[cells.name] = notebooks.pop(others[0])
            found.notes.append(f"{others[0]}.ipynb was graded as {cells.name}.ipynb")


# --- notebooks ------------------------------------------------------------------------------------


def parse(content: bytes, notes: list[str]) -> NotebookNode:
    """A notebook from its bytes, any notebook format that nbformat can raise to the current one."""
    if not content.strip():
        raise Unreadable("the file is empty")
    if content.startswith(b"PK\x03\x04"):
        raise Unreadable("it is a zip archive, which must be unpacked first")
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not a notebook (not JSON: {str(error)[:80]})") from None
    if not isinstance(raw, dict) or type(raw.get("nbformat")) is not int:
        raise Unreadable("it is not a notebook (no notebook format is given)")
    try:
        if raw["nbformat"] < 4:
            notes.append(f"notebook format {raw['nbformat']} was raised to 4")
            node = nbformat.from_dict(raw)
            return nbformat.convert(node, 4)
        if raw["nbformat"] > 4:
            raise Unreadable(f"notebook format {raw['nbformat']} is newer than this grader")
        return nbformat.from_dict(raw)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"its structure is broken ({type(error).__name__})") from None


def sanitise(
    submitted: NotebookNode, source: AssignmentCells, found: Submitted, hidden: Iterable[str] = ()
) -> NotebookNode:
    """The notebook that is graded: the student's sources, everything else as it should be."""
    metadata = submitted.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language") if isinstance(kernel, dict) else None
    if language and str(language).lower() != source.kernelspec.get("language", "python"):
        found.notes.append(
            f"the notebook's kernel was {str(language)[:40]}; it is graded as Python"
        )
    raw = submitted.get("cells")
    if not isinstance(raw, list):
        raise Unreadable("it has no cells")
    if len(raw) > MAX_CELLS:
        raise Unreadable(f"it has {len(raw)} cells; at most {MAX_CELLS} are read")
    known = {one.name: one for one in source.cells}
    cells: list[NotebookNode] = []
    last = _last_occurrences(raw)
    room = MAX_NOTEBOOK_SOURCE
    for index, cell in enumerate(raw):
        name = _grade_id(cell)
        made = _clean_cell(cell, found, room)
        if made is None:
            continue
        room -= len(made.source)
        if name in known:
            if last[name] != index:
                found.notes.append(f"the cell {name} was there more than once; the last one counts")
            else:
                _restore(made, cell, known[name], found)
        if made.cell_type == "code" and not (name in known and known[name].locked):
            words = set(WORTH_A_LOOK.findall(made.source))
            words |= {one for one in hidden if _mentions(made.source, one)}
            for word in sorted(words):
                found.suspicious.append(f"a cell of the student's mentions {word}")
        cells.append(made)
    _put_back(cells, source, found)
    return _notebook(cells, source.kernelspec)


# nbformat's own makers validate every cell against the schema, which takes longer than all the rest
# of the reading; what is made here is valid by construction.


def _notebook(cells: list[NotebookNode], kernelspec: dict[str, Any]) -> NotebookNode:
    metadata: dict[str, Any] = {"language_info": {"name": "python"}}
    if kernelspec:
        metadata["kernelspec"] = kernelspec
    metadata = nbformat.from_dict(metadata)
    return NotebookNode(cells=cells, metadata=metadata, nbformat=4, nbformat_minor=5)


def _cell(kind: str, source: str) -> NotebookNode:
    made = NotebookNode(
        id=generate_corpus_id(), cell_type=kind, metadata=NotebookNode(), source=source
    )
    if kind == "code":
        made.outputs, made.execution_count = [], None
    return made


def _grade_id(cell: Any) -> str | None:
    try:
        name = cell["metadata"]["nbgrader"]["grade_id"]
    except (KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def _last_occurrences(cells: list[Any]) -> dict[str | None, int]:
    return {_grade_id(cell): index for index, cell in enumerate(cells)}


def _clean_cell(cell: Any, found: Submitted, room: int) -> NotebookNode | None:
    """A new cell with the submitted one's kind and source, and nothing else of it.

    room: the characters that are left for it.
    """
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        found.notes.append("a cell of no known kind was left out")
        return None
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(one for one in source if isinstance(one, str))
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    if isinstance(tags, list) and "skip-execution" in tags:
        found.suspicious.append("a cell is tagged skip-execution; it was run all the same")
    # A surrogate cannot be written to a file again.
    text = source if isinstance(source, str) else ""
    if len(text) > MAX_CELL_SOURCE:
        found.notes.append(f"a cell of {len(text)} characters is too long and was cut")
        text = text[:MAX_CELL_SOURCE]
    if len(text) > room:
        found.notes.append(
            f"all cells have more than {MAX_NOTEBOOK_SOURCE} characters; the rest was cut"
        )
        text = text[:room]
    made = _cell(kind, wire.replace_surrogates(text))
    if kind == "raw":
        made.metadata["raw_mimetype"] = "text/plain"  # else a page would take it for HTML
    return made


def _restore(made: NotebookNode, cell: Any, known: SourceCell, found: Submitted) -> None:
    claimed = cell["metadata"]["nbgrader"]
    points = claimed.get("points")
    if known.grade and points is not None and points != known.points:
        found.suspicious.append(f"the points of {known.name} had been changed")
    if made.cell_type != known.cell_type:
        found.notes.append(f"the cell {known.name} had been turned into {made.cell_type}")
        _change_kind(made, known.cell_type)
    if known.locked:
        if made.source != _released(known.source) and made.source != known.source:
            found.notes.append(f"the locked cell {known.name} had been edited; it was restored")
        made.source = known.source
    made.metadata["nbgrader"] = nbformat.from_dict(known.metadata())


def _mentions(source: str, module: str) -> bool:
    """Whether a cell names a module of the library, or imports it from its package."""
    package, _, name = map(re.escape, module.rpartition("."))
    return any(re.search(rf"\b{name}\b", found[1]) for found in _imports(package).finditer(source))


@lru_cache(maxsize=256)
def _imports(package: str) -> re.Pattern[str]:
    """A package, and what is named or imported of it. It never has to try a character twice: a
    source may be anything, and no limit of time is set for this."""
    return re.compile(rf"{package}(\.\w+|\s++import\s++(?:\([^)]*+|[^\n]*+))")


def _change_kind(cell: NotebookNode, kind: str) -> None:
    cell.cell_type = kind
    if kind == "code":
        cell.outputs, cell.execution_count = [], None
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _released(source: str) -> str:
    """A locked cell's source as students get it, without the hidden tests."""
    kept, hidden = [], False
    for line in source.split("\n"):
        if "### BEGIN HIDDEN TESTS" in line:
            hidden = True
        elif "### END HIDDEN TESTS" in line:
            hidden = False
        elif not hidden:
            kept.append(line)
    return "\n".join(kept)


def _put_back(cells: list[NotebookNode], source: AssignmentCells, found: Submitted) -> None:
    """Graded cells that are missing return to their place: after the last one before them."""
    after = -1
    for known in source.cells:
        here = next((n for n, cell in enumerate(cells) if _grade_id(cell) == known.name), None)
        if here is not None:
            after = here
            continue
        if not (known.grade or known.task):
            continue
        found.notes.append(f"the cell {known.name} was missing; it was put back")
        source = known.source
        if known.solution:
            # As nbgrader does: no longer the released text, it is not taken for "No response." but
            # awaits a person, who sees whether the answer is somewhere else.
            mark = "# " if known.cell_type == "code" else ""
            source = (
                f"{mark}This cell was missing from the submission; it was put back.\n\n{source}"
            )
        cell = _cell(known.cell_type, source)
        cell.metadata["nbgrader"] = nbformat.from_dict(known.metadata())
        after += 1
        cells.insert(after, cell)


def placeholder(source: AssignmentCells, problem: str) -> NotebookNode:
    """The notebook that stands for one that could not be graded: the assignment, and why."""
    cells = [_cell("markdown", f"**This notebook could not be graded.** {problem}")]
    for known in source.cells:
        cell = _cell(known.cell_type, _released(known.source))
        cell.metadata["nbgrader"] = nbformat.from_dict(known.metadata())
        if cell.cell_type == "code" and known.grade:
            cell.outputs = [
                nbformat.from_dict(
                    {
                        "output_type": "error",
                        "ename": "NotGraded",
                        "evalue": problem,
                        "traceback": [problem],
                    }
                )
            ]
        cells.append(cell)
    return _notebook(cells, source.kernelspec)
