"""Makes a notebook to grade from a submitted one, without trusting it.

Only the sources of its cells and the ids of its graded cells are taken; all else (points, flags,
locked sources, the kernel) comes from the gradebook. What was wrong is noted.
"""

import json
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import nbformat
from nbformat.corpus.words import generate_corpus_id
from nbformat.notebooknode import NotebookNode

from ..jailed import wire
from ..sandbox.limits import MAX_CELL_SOURCE, MAX_CELLS, MAX_NOTEBOOK_SOURCE
from .collect import unreadable_notebook
from .model import AssignmentCells, RawSubmission, SourceCell, Submission, Unreadable

# Words that no answer needs; a person should look at a cell that holds one.
SUSPICIOUS_WORDS = re.compile(
    r"gradebook|autograder|rnncourse\.reference as|rnncourse import reference|sqlite3|/proc/|ctypes"
    r"|ptrace|gc\.get_objects"
    r"|ast_transformers|input_transformers|__torch_function__|sys\._getframe|sys\.modules"
    r"|assert_close\s*=|phrases_held_back|\bbabel\b"
    # The capstone's notebook itself imports a model of harness.capstone.
    r"|rnncourse\.checks\.(?:properties|harness|pytree)\b(?!\.capstone)"
)
CELL_TYPES = ("code", "markdown", "raw")


def read_submission(
    raw: RawSubmission,
    expected: list[AssignmentCells],
    extra: dict[str, bytes],
    hidden: Collection[str] = (),
) -> Submission:
    """A submission with its notebooks parsed and sanitised, and the instructor's files.

    hidden: modules that a submission may not see; a cell that names one is suspicious.
    """
    submission = raw.submission
    submission.files |= extra
    for cells in expected:
        if cells.name not in raw.notebooks:
            continue
        name, content = raw.notebooks[cells.name]
        try:
            notebook = parse(content, submission.notes)
            submission.notebooks[cells.name] = sanitise(notebook, cells, submission, hidden)
        except Exception as error:
            if not isinstance(error, Unreadable):
                error = Unreadable(f"its structure is broken ({type(error).__name__})")
            submission.problems[cells.name] = unreadable_notebook(name, error)
    return submission


def parse(content: bytes, notes: list[str]) -> NotebookNode:
    """A notebook from its bytes, in any format that nbformat can convert to the current one."""
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
    if raw["nbformat"] > 4:
        raise Unreadable(f"notebook format {raw['nbformat']} is newer than this grader")
    if raw["nbformat"] < 4:
        notes.append(f"notebook format {raw['nbformat']} was raised to 4")
    try:
        notebook: NotebookNode = nbformat.from_dict(raw)
        if raw["nbformat"] < 4:
            notebook = nbformat.convert(notebook, 4)
    except Exception as error:
        raise Unreadable(f"its structure is broken ({type(error).__name__})") from None
    return notebook


def sanitise(
    submitted: NotebookNode,
    source: AssignmentCells,
    submission: Submission,
    hidden: Collection[str] = (),
) -> NotebookNode:
    """The notebook that is graded: the student's sources, everything else as it should be."""
    _note_language(submitted, source, submission)
    raw_cells = submitted.get("cells")
    if not isinstance(raw_cells, list):
        raise Unreadable("it has no cells")
    if len(raw_cells) > MAX_CELLS:
        raise Unreadable(f"it has {len(raw_cells)} cells; at most {MAX_CELLS} are read")
    source_cells = {cell.name: cell for cell in source.cells}
    last_index = {_grade_id(cell): index for index, cell in enumerate(raw_cells)}
    cells: list[NotebookNode] = []
    characters_left = MAX_NOTEBOOK_SOURCE
    for index, raw_cell in enumerate(raw_cells):
        cell = _clean_cell(raw_cell, submission, characters_left)
        if cell is None:
            continue
        characters_left -= len(cell.source)
        name = _grade_id(raw_cell)
        source_cell = source_cells.get(name) if name is not None else None
        if source_cell is not None:
            if last_index[name] == index:
                _restore(cell, raw_cell, source_cell, submission)
            else:
                submission.notes.append(
                    f"the cell {name} was there more than once; the last one counts"
                )
        if cell.cell_type == "code" and not (source_cell is not None and source_cell.locked):
            words = set(SUSPICIOUS_WORDS.findall(cell.source))
            words |= {module for module in hidden if _mentions(cell.source, module)}
            for word in sorted(words):
                submission.suspicious.append(f"a cell of the student's mentions {word}")
        cells.append(cell)
    _put_back_missing(cells, source, submission)
    return _new_notebook(cells, source.kernelspec)


def _note_language(
    submitted: NotebookNode, source: AssignmentCells, submission: Submission
) -> None:
    metadata = submitted.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = kernel.get("language") if isinstance(kernel, dict) else None
    if language and str(language).lower() != source.kernelspec.get("language", "python"):
        submission.notes.append(
            f"the notebook's kernel was {str(language)[:40]}; it is graded as Python"
        )


# nbformat's own constructors validate each cell against the schema, which takes longer than all the
# rest of the reading; what is built here is valid by construction.


def _new_notebook(cells: list[NotebookNode], kernelspec: dict[str, Any]) -> NotebookNode:
    metadata: dict[str, Any] = {"language_info": {"name": "python"}}
    if kernelspec:
        metadata["kernelspec"] = kernelspec
    return NotebookNode(
        cells=cells, metadata=nbformat.from_dict(metadata), nbformat=4, nbformat_minor=5
    )


def _new_cell(cell_type: str, source: str) -> NotebookNode:
    cell = NotebookNode(
        id=generate_corpus_id(), cell_type=cell_type, metadata=NotebookNode(), source=source
    )
    if cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def _grade_id(cell: Any) -> str | None:
    try:
        name = cell["metadata"]["nbgrader"]["grade_id"]
    except (KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def _clean_cell(raw_cell: Any, submission: Submission, characters_left: int) -> NotebookNode | None:
    """A new cell with the type and source of the submitted one, and nothing else of it."""
    cell_type = raw_cell.get("cell_type") if isinstance(raw_cell, dict) else None
    if not isinstance(cell_type, str) or cell_type not in CELL_TYPES:
        submission.notes.append("a cell of no known kind was left out")
        return None
    source = raw_cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    metadata = raw_cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    if isinstance(tags, list) and "skip-execution" in tags:
        submission.suspicious.append("a cell is tagged skip-execution; it was run all the same")
    text = source if isinstance(source, str) else ""
    if len(text) > MAX_CELL_SOURCE:
        submission.notes.append(f"a cell of {len(text)} characters is too long and was cut")
        text = text[:MAX_CELL_SOURCE]
    if len(text) > characters_left:
        submission.notes.append(
            f"all cells have more than {MAX_NOTEBOOK_SOURCE} characters; the rest was cut"
        )
        text = text[:characters_left]
    # A lone surrogate could not be written to a file again.
    cell = _new_cell(cell_type, wire.replace_surrogates(text))
    if cell_type == "raw":
        cell.metadata["raw_mimetype"] = "text/plain"  # else a page would take it for HTML
    return cell


def _restore(
    cell: NotebookNode, raw_cell: Any, source_cell: SourceCell, submission: Submission
) -> None:
    """Give a graded cell its type and metadata back, and its source where that is locked."""
    points = raw_cell["metadata"]["nbgrader"].get("points")
    if source_cell.grade and points is not None and points != source_cell.points:
        submission.suspicious.append(f"the points of {source_cell.name} had been changed")
    if cell.cell_type != source_cell.cell_type:
        submission.notes.append(
            f"the cell {source_cell.name} had been turned into {cell.cell_type}"
        )
        _change_type(cell, source_cell.cell_type)
    if source_cell.locked:
        if cell.source not in (_released(source_cell.source), source_cell.source):
            submission.notes.append(
                f"the locked cell {source_cell.name} had been edited; it was restored"
            )
        cell.source = source_cell.source
    cell.metadata["nbgrader"] = nbformat.from_dict(source_cell.metadata())


def _mentions(source: str, module: str) -> bool:
    """Whether a cell names a module of the library, or imports it from its package."""
    package, _, name = map(re.escape, module.rpartition("."))
    matches = _imports(package).finditer(source)
    return any(re.search(rf"\b{name}\b", match[1]) for match in matches)


@lru_cache(maxsize=256)
def _imports(package: str) -> re.Pattern[str]:
    """Matches a package, and what is named or imported of it.

    It never tries a character twice: a source may be anything, and nothing limits its time.
    """
    return re.compile(rf"{package}(\.\w+|\s++import\s++(?:\([^)]*+|[^\n]*+))")


def _change_type(cell: NotebookNode, cell_type: str) -> None:
    cell.cell_type = cell_type
    if cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _released(source: str) -> str:
    """A locked cell's source as students get it, without the hidden tests."""
    lines, hidden = [], False
    for line in source.split("\n"):
        if "### BEGIN HIDDEN TESTS" in line:
            hidden = True
        elif "### END HIDDEN TESTS" in line:
            hidden = False
        elif not hidden:
            lines.append(line)
    return "\n".join(lines)


def _put_back_missing(
    cells: list[NotebookNode], source: AssignmentCells, submission: Submission
) -> None:
    """Put missing graded cells back, each behind the cell that precedes it in the assignment."""
    previous = -1
    for source_cell in source.cells:
        index = next(
            (index for index, cell in enumerate(cells) if _grade_id(cell) == source_cell.name),
            None,
        )
        if index is not None:
            previous = index
            continue
        if not (source_cell.grade or source_cell.task):
            continue
        submission.notes.append(f"the cell {source_cell.name} was missing; it was put back")
        text = source_cell.source
        if source_cell.solution:
            # As nbgrader does: as it is no longer the released text, it is not taken for
            # "No response." but awaits a person, who sees whether the answer is somewhere else.
            mark = "# " if source_cell.cell_type == "code" else ""
            text = f"{mark}This cell was missing from the submission; it was put back.\n\n{text}"
        cell = _new_cell(source_cell.cell_type, text)
        cell.metadata["nbgrader"] = nbformat.from_dict(source_cell.metadata())
        previous += 1
        cells.insert(previous, cell)


def placeholder(source: AssignmentCells, problem: str) -> NotebookNode:
    """The notebook that stands for one that could not be graded: the assignment, and why."""
    cells = [_new_cell("markdown", f"**This notebook could not be graded.** {problem}")]
    for source_cell in source.cells:
        cell = _new_cell(source_cell.cell_type, _released(source_cell.source))
        cell.metadata["nbgrader"] = nbformat.from_dict(source_cell.metadata())
        if cell.cell_type == "code" and source_cell.grade:
            error = {
                "output_type": "error",
                "ename": "NotGraded",
                "evalue": problem,
                "traceback": [problem],
            }
            cell.outputs = [nbformat.from_dict(error)]
        cells.append(cell)
    return _new_notebook(cells, source.kernelspec)
