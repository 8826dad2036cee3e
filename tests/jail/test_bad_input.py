"""Whatever a student submits is graded or refused with a message, and affects no one else.

One class, in which every student does one thing wrong, is graded through the jail, recorded and
given feedback once; each test looks at the outcome for one student.
"""

import contextlib
import copy
import fcntl
import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from html import unescape
from pathlib import Path
from textwrap import indent
from typing import Any

import nbformat
import pytest
from conftest import ROOT, needs_jail
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from nbgrader.utils import is_solution
from rich.console import Console

from autograder.demo import Paper
from autograder.gradebook.course import Course, CourseError
from autograder.gradebook.release import feedback, release
from autograder.grading.run import grade_assignment
from autograder.judging.source_notebook import demonstrations
from autograder.rubrics import graded_properties
from autograder.sandbox.limits import LIMITS
from autograder.terminal import marks_table
from rnncourse.exercises import exercises_of
from rnncourse.files import write_json

pytestmark = needs_jail

ASSIGNMENT = "ps1_cells"
FILE = f"{ASSIGNMENT}.ipynb"
PAGE = f"{ASSIGNMENT}.html"
EXERCISES = list(exercises_of(ASSIGNMENT))
FULL = sum(prop.points for name in EXERCISES for prop in graded_properties(name))
MANUAL = "why_gradients_live"  # the one question that a person must mark
FIRST, LAST = "!first", "🦜last"  # of all names, in the order in which the class is graded
ALL = "every property"


def grade_id(exercise: str) -> str:
    return "test_lstm_module" if exercise == "LSTM" else f"test_{exercise}"


def properties_of(exercise: str) -> frozenset[str]:
    return frozenset(prop.name for prop in graded_properties(exercise))


# --- the class ------------------------------------------------------------------------------------


class Work(Paper):
    """A student's work in progress, and the folder that is submitted."""

    def __init__(self, notebook: NotebookNode, course: Course, folder: Path):
        super().__init__(notebook, course)
        self.folder = folder

    def instead(self, content: bytes, name: str = FILE) -> None:
        """Submit these bytes instead of the notebook."""
        self.notebook = None
        (self.folder / name).write_bytes(content)

    def beside(self, name: str, content: bytes = b"") -> None:
        """Add a file."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    def content(self) -> bytes:
        """The notebook as JSON, even where it is not a notebook any more."""
        return json.dumps(self.notebook).encode()

    def test(self, exercise: str) -> NotebookNode:
        """The grading cell of an exercise."""
        return self.by_id(grade_id(exercise))

    def by_id(self, name: str) -> NotebookNode:
        (cell,) = [
            cell
            for cell in self.notebook.cells
            if cell.metadata.get("nbgrader", {}).get("grade_id") == name
        ]
        return cell

    def insert_before(self, cell: NotebookNode, source: str) -> None:
        self.notebook.cells.insert(self.notebook.cells.index(cell), new_code_cell(source))


@dataclass(frozen=True)
class Case:
    """One student: the submission, the points it loses, and the messages about it."""

    name: str
    make: Callable[[Work], None]
    lost: dict[str, frozenset[str]] | None  # exercise → properties; None: nothing was graded
    says: str  # a pattern, in the recorded problems, notes, suspicions or properties
    page: str  # a pattern, on the student's feedback page
    answered: bool  # whether there is an answer that a person must mark

    @property
    def points(self) -> float:
        if self.lost is None:
            return 0
        return FULL - sum(
            prop.points
            for exercise, names in self.lost.items()
            for prop in graded_properties(exercise)
            if prop.name in names
        )


CASES: list[Case] = []


def enter(
    name: str,
    make: Callable[[Work], None],
    says: str = "",
    page: str = "",
    lost: dict[str, str] | None = None,
    refused: bool = False,
) -> None:
    """Enter a student into the class. lost: exercise → the names of properties, or ALL."""
    names = {
        exercise: properties_of(exercise) if some == ALL else frozenset(some.split())
        for exercise, some in (lost or {}).items()
    }
    CASES.append(Case(name, make, None if refused else names, says, page, not refused))


def case(says: str = "", **more: Any) -> Callable[[Callable[[Work], None]], Any]:
    """Decorator: the function makes the work of a student who is called after it."""

    def decorate(make: Callable[[Work], None]) -> Callable[[Work], None]:
        enter(make.__name__.replace("_", "-"), make, says, **more)
        return make

    return decorate


def nothing(work: Work) -> None:
    """The notebook as it is: everything right."""


# --- files ----------------------------------------------------------------------------------------

AGAIN = "Open it in JupyterLab, save it"


@case("not JSON.*" + AGAIN, refused=True)
def not_json(work):
    work.instead(b"%PDF-1.4 my homework")


@case("zip archive, which must be unpacked.*" + AGAIN, refused=True)
def an_archive_with_the_name_of_the_notebook(work):
    work.instead(b"PK\x03\x04" + bytes(1000))


@case("not JSON", refused=True)
def half_a_file(work):
    work.instead(work.content()[:9000])


@case("not JSON", refused=True)
def not_utf8(work):
    work.instead(b"\x80\x81" + work.content())


@case("not JSON", refused=True)
def endlessly_nested(work):
    work.instead(b"[" * 200_000)


@case("the file is empty", refused=True)
def empty_file(work):
    work.instead(b"")


@case("not a notebook", refused=True)
def json_but_no_notebook(work):
    work.instead(b"[1, 2, 3]")


@case("not a notebook", refused=True)
def format_in_quotes(work):
    work.notebook["nbformat"] = "4"


@case("format 5 is newer", refused=True)
def format_of_the_future(work):
    work.notebook["nbformat"] = 5


@case("format 3 was raised to 4")
def format_3(work):
    work.instead(json.dumps(nbformat.convert(work.notebook, 3)).encode())


@case("structure is broken", refused=True)
def format_3_and_broken(work):
    work.instead(b'{"nbformat": 3, "nbformat_minor": 0, "worksheets": 7, "metadata": []}')


@case("has 70 MB; at most 64", refused=True)
def seventy_megabytes(work):
    work.instead(work.content())
    os.truncate(work.folder / FILE, 70 << 20)


@case()
def thirty_megabytes_of_old_output(work):
    work.cell("gru_step").outputs = [new_output("stream", name="stdout", text="x" * (30 << 20))]


@case()
def byte_order_mark(work):
    work.instead(b"\xef\xbb\xbf" + work.content())


@case()
def utf16(work):
    work.instead(work.content().decode().encode("utf-16"))


@case("was not submitted", refused=True)
def no_notebook(work):
    work.notebook = None


@case("was not submitted, only ps1_cells.zip; archives are not unpacked", refused=True)
def an_archive(work):
    work.instead(b"PK\x03\x04" + bytes(1000), f"{ASSIGNMENT}.zip")
    work.beside("timestamp.txt", b"2026-11-25 11:04 UTC")


@case("was not submitted, only 0.png, 1.png, 2.png and 1 more", refused=True)
def screenshots(work):
    work.notebook = None
    for number in range(4):
        work.beside(f"{number}.png")


@case("was not submitted.*|notes.ipynb is not part", refused=True)
def another_notebook_only(work):
    work.instead(work.content(), "notes.ipynb")


@case("was not submitted", refused=True)
def a_folder_for_a_notebook(work):
    work.notebook = None
    (work.folder / FILE).mkdir()


@case("old.ipynb is not part of the assignment")
def other_notebooks_too(work):
    work.beside("old.ipynb", b"{}")
    work.beside(f"{ASSIGNMENT} (1).ipynb", b"{}")
    work.beside(f"copies/{FILE}", b"{}")


@case(re.escape(f"{ASSIGNMENT} (1).ipynb was graded as {FILE}"))
def renamed_copy(work):
    work.instead(work.content(), f"{ASSIGNMENT} (1).ipynb")


@case("was not submitted", refused=True)
def two_renamed_copies(work):
    work.beside(f"{ASSIGNMENT} (1).ipynb", work.content())
    work.instead(work.content(), f"{ASSIGNMENT} (2).ipynb")


@case("was not submitted.*|holds a link", refused=True)
def link_to_passwd(work):
    work.notebook = None
    (work.folder / FILE).symlink_to("/etc/passwd")


@case("not a regular file", refused=True)
def fifo(work):
    work.notebook = None
    os.mkfifo(work.folder / FILE)


@case("holds a link, data")
def linked_folder(work):
    (work.folder / "data").symlink_to("/etc")
    (work.folder / "loop").symlink_to(".")


@case("pipe was left out: it is not a regular file")
def fifo_beside(work):
    os.mkfifo(work.folder / "pipe")


@case(r"data.bin was left out: it has 70 MB")
def large_file_beside(work):
    work.beside("data.bin")
    os.truncate(work.folder / "data.bin", 70 << 20)


# Fails: extra files of up to 64 MB are read, but a message of the wire holds less, so that the
# child is lost when the file is sent to it, again for every cell.
@case()
def largest_file_beside(work):
    work.beside("data.bin")
    os.truncate(work.folder / "data.bin", LIMITS.extra_files_size)


@case()
def module_beside(work):
    work.beside("helpers.py", b"def double(x):\n    return 2 * x\n")
    work.first("from helpers import double")
    work.answer("additive_step", work.cell("additive_step").source + "\nassert double(2) == 4\n")


@case()
def files_named_as_libraries(work):
    for name in ("torch", "rnncourse", "json", "numpy"):
        work.beside(f"{name}.py", b"raise SystemExit('not the library')\n")


# Fails: the name is in a note, and result.json cannot be written with it.
@case("caf.*is not part of the assignment")
def file_name_not_utf8(work):
    (work.folder / os.fsdecode(b"caf\xe9.ipynb")).write_bytes(b"{}")


# Fails: the note is made after the notes have been copied into the result.
@case("timestamp.txt holds no time")
def timestamp_is_none(work):
    work.beside("timestamp.txt", b"yesterday, I think")


# --- the notebook's cells -------------------------------------------------------------------------


@case("test_elman_step was missing; it was put back")
def grade_cell_deleted(work):
    work.notebook.cells.remove(work.test("elman_step"))


@case(f"{MANUAL} was missing; it was put back")
def manual_cell_deleted(work):
    work.notebook.cells.remove(work.by_id(MANUAL))


@case("does not define gru_step: was it renamed or deleted", lost={"gru_step": ALL})
def solution_cell_deleted(work):
    work.notebook.cells.remove(work.cell("gru_step"))


# LSTM is built on lstm_step; only its parameters can be looked at without it.
WITHOUT_STEP = {
    "lstm_step": ALL,
    "LSTM": " ".join(properties_of("LSTM") - {"parameters"}),
}


@case("does not define lstm_step", page="name 'lstm_step' is not defined", lost=WITHOUT_STEP)
def solution_cell_that_others_need_deleted(work):
    work.notebook.cells.remove(work.cell("lstm_step"))


@case("does not define elman_step: was it renamed", lost={"elman_step": ALL})
def function_renamed(work):
    cell = work.cell("elman_step")
    cell.source = cell.source.replace("def elman_step", "def my_elman_step")


def twice(work: Work, cell: NotebookNode) -> None:
    work.notebook.cells.insert(work.notebook.cells.index(cell) + 1, copy.deepcopy(cell))


@case("the cell elman_step was there more than once")
def solution_cell_twice(work):
    twice(work, work.cell("elman_step"))


@case("the cell test_elman_step was there more than once")
def grade_cell_twice(work):
    twice(work, work.test("elman_step"))


@case("the points of test_gru_step had been changed", lost={"gru_step": ALL})
def points_changed(work):
    work.test("gru_step").metadata.nbgrader["points"] = 100
    work.answer("gru_step", "")


@case("the points of test_gru_step had been changed")
def points_of_a_strange_type(work):
    work.test("gru_step").metadata.nbgrader["points"] = {"all": [1, 2]}


@case("the cell test_gru_step had been turned into markdown", lost={"gru_step": ALL})
def grade_cell_made_markdown(work):
    work.answer("gru_step", "")
    cell = work.test("gru_step")
    cell.cell_type = "markdown"


@case("the locked cell test_gru_step had been edited", lost={"gru_step": ALL})
def grade_cell_edited(work):
    work.answer("gru_step", "")
    work.test("gru_step").source = "6.0"


@case("a cell is tagged skip-execution", lost={"gru_step": ALL})
def grade_cell_tagged(work):
    work.answer("gru_step", "")
    work.test("gru_step").metadata["tags"] = ["skip-execution"]


def swap(first: NotebookNode, other: NotebookNode) -> None:
    mine, theirs = first.metadata.nbgrader, other.metadata.nbgrader
    mine["grade_id"], theirs["grade_id"] = theirs["grade_id"], mine["grade_id"]


@case()
def ids_of_solutions_swapped(work):
    swap(work.cell("elman_step"), work.cell("gru_step"))


# The test of gru_step now comes before gru_step.
@case("locked cell test_gru_step had been edited", lost={"gru_step": ALL})
def ids_of_tests_swapped(work):
    swap(work.test("elman_step"), work.test("gru_step"))


# The answer is where a locked cell belongs, which is restored.
@case("locked cell test_elman_step had been edited", lost={"elman_step": ALL})
def ids_of_solution_and_test_swapped(work):
    swap(work.cell("elman_step"), work.test("elman_step"))


@case("test_elman_step was missing; it was put back")
def id_is_a_list(work):
    for cell in work.cell("gru_step"), work.test("elman_step"):
        cell.metadata.nbgrader["grade_id"] = [cell.metadata.nbgrader.grade_id, {}]


@case("test_elman_step was missing; it was put back")
def nbgrader_is_a_string(work):
    for cell in work.cell("gru_step"), work.test("elman_step"):
        cell.metadata["nbgrader"] = cell.metadata.nbgrader.grade_id


@case("test_elman_step was missing; it was put back")
def cell_metadata_is_a_list(work):
    work.test("elman_step").metadata = ["nbgrader"]
    work.notebook.cells[0].metadata = None


# Fails: `.get` is called on whatever the notebook's metadata are.
@case()
def notebook_metadata_is_a_list(work):
    work.notebook["metadata"] = ["python"]


@case()
def kernelspec_is_a_list(work):
    work.notebook["metadata"] = {"kernelspec": ["python"]}


@case("it has no cells", refused=True)
def cells_is_a_dict(work):
    work.notebook["cells"] = {str(n): cell for n, cell in enumerate(work.notebook.cells)}


@case("it has no cells", refused=True)
def no_cells(work):
    del work.notebook["cells"]


@case("cell of no known kind was left out")
def cells_that_are_none(work):
    work.notebook.cells[0:0] = [None, 7, "cell", [], {}, {"cell_type": "heading", "source": "#"}]


# Fails: the kind is looked up in a dictionary, and a list cannot be.
@case("cell of no known kind was left out", lost={"gru_step": ALL})
def kind_of_cell_is_a_list(work):
    work.cell("gru_step")["cell_type"] = ["code"]


@case("does not define elman_step", lost={"elman_step": ALL})
def source_is_a_number(work):
    work.cell("elman_step").source = 7
    work.notebook.cells[0].source = {"text": "markdown"}


@case()
def source_is_a_list_with_numbers(work):
    cell = work.cell("elman_step")
    cell.source = [*cell.source.splitlines(keepends=True), 7, None]


@case()
def surrogates_in_a_source(work):
    work.first("note = '\ud800'  # \udfff")
    work.by_id(MANUAL).source = "\udcff because"


@case("does not define elman_step", lost={"elman_step": ALL})
def nul_in_a_source(work):
    work.cell("elman_step").source += "\n\0"
    work.by_id(MANUAL).source = "because \0"


@case()
def windows_line_ends(work):
    for cell in work.notebook.cells:
        if is_solution(cell):
            cell.source = cell.source.replace("\n", "\r\n")


@case("kernel was julia; it is graded as Python")
def kernel_julia(work):
    work.notebook["metadata"]["kernelspec"] = {
        "display_name": "Julia 1.10",
        "language": "julia",
        "name": "julia-1.10",
    }


# --- cells that are run ---------------------------------------------------------------------------


def top(name: str, source: str, **more: Any) -> None:
    """A student with a cell more, which comes first."""
    enter(name, lambda work: work.first(source), **more)


top("endless-cell", "import time\nwhile True:\n    time.sleep(9)", page="was stopped after 4 s")
top(
    "cell-that-will-not-stop",
    "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    page="took too long and could not be interrupted",
)
# Fails: no source is too long for the grader, but this one is for the wire, and its student is told
# of a "test's own value"; a page with some other megabyte takes nbgrader minutes.
top("cell-of-five-megabytes", "#" + "x" * (5 << 20), says="cell.* too long")
top(
    "fifty-megabytes-printed",
    "for _ in range(50):\n    print('x' * (1 << 20))",
    says="too long and has been cut",
)
top("cell-raises", "1 / 0", page="ZeroDivisionError")
# Fails: its page says that 'CellShell' has no attribute 'ask_exit'.
top("cell-calls-exit", "exit()")
top("cell-raises-SystemExit", "raise SystemExit(3)", page="SystemExit")
top("cell-ends-its-process", "import os\nos._exit(0)", page="ended itself")
top("cell-asks-for-input", "name = input('your name? ')", page="EOFError|StdinNotImplemented")
top("cell-with-a-syntax-error", "for x in range(3) print(x)", page="SyntaxError")
top("cell-replaces-check", "check = grade = Score = None")
top("cell-warns", "import sys, warnings\nwarnings.warn('w')\nprint('note', file=sys.stderr)")
# These fail: the output is recorded as it came, and a lone surrogate cannot be written to a file.
top("cell-prints-a-surrogate", "print('\\ud800')")
top("cell-raises-a-surrogate", "raise ValueError('\\ud800')", page="ValueError")


@case("does not define gru_step", page="SyntaxError", lost={"gru_step": ALL})
def answer_with_a_syntax_error(work):
    work.cell("gru_step").source += "\n    return (\n"


@case("does not define LSTM", page="name 'nn' is not defined", lost={"LSTM": ALL})
def import_deleted(work):
    work.insert_before(work.cell("LSTM"), "del nn")


# --- answers --------------------------------------------------------------------------------------

RIGHT = "g(x @ W_x + h @ W_h)"


def elman(name: str, body: str, says: str = "", lost: str = ALL) -> None:
    """A student whose elman_step has this body."""
    head = "def elman_step(x, h, W_x, W_h, g=torch.tanh):\n"
    source = head + indent(body.replace("RIGHT", RIGHT), "    ")
    enter(
        name,
        partial(Work.answer, name="elman_step", source=source),
        says,
        lost={"elman_step": lost},
    )


elman("returns-a-string", "return 'my tensor'", "got my tensor, expected a tensor")
elman("returns-none", "RIGHT", "got None")
# These two and the coroutine fail: the message names what stands for it here, a "RemoteObject".
elman("returns-an-object", "return object()", "got (?!Remote).* object, expected a tensor")
elman("returns-a-function", "return lambda: RIGHT", "got (?!Remote).* object, expected a tensor")
elman(
    "returns-nan",
    "return RIGHT * float('nan')",
    "nan or infinite",
    "values activation gradient rows",
)
elman(
    "returns-the-wrong-shape", "return RIGHT[:, None]", r"got shape \(", "shape values activation"
)
elman("returns-a-list", "return RIGHT.tolist()", "got list of .*, expected a tensor")
elman("returns-an-array", "return RIGHT.detach().numpy()", "got numpy array .*, expected a tensor")
elman("returns-a-parameter", "return nn.Parameter(RIGHT.detach())", "none arrives", "gradient")
elman("returns-a-sparse-tensor", "return RIGHT.to_sparse()", "TypeError: .*sparse")
elman("returns-a-meta-tensor", "return RIGHT.to('meta')", "TypeError")
elman("returns-a-huge-tensor", "return torch.zeros(1 << 24)", "more than 32 MB of data")
elman("returns-itself-nested", "a = []\na.append(a)\nreturn a", "nested more than 50 deep")
elman(
    "returns-a-coroutine",
    "async def f(): return RIGHT\nreturn f()",
    "got (?!Remote).* object, expected a tensor",
)
elman(
    "is-a-generator",
    "yield RIGHT",
    "got list of 1, expected a tensor",
    "shape values activation dtype",
)
elman("raises", "raise ValueError('D is not H')", "it raised ValueError: D is not H")
elman("raises-SystemExit", "raise SystemExit", "it raised SystemExit")
elman("raises-KeyboardInterrupt", "raise KeyboardInterrupt", "it raised KeyboardInterrupt")
elman(
    "raises-without-a-message",
    "class Bad(Exception):\n    def __str__(self):\n        raise TypeError\nraise Bad",
    "it raised Bad: .*its message could not be made",
)
elman("recurses", "return elman_step(x, h, W_x, W_h, g)", "RecursionError")
elman("ends-its-process", "import os\nos._exit(1)", "the process that ran your code ended")
# These two fail: the message is recorded as it came; see above.
elman("returns-a-surrogate", "return '\\ud800'", "got .*, expected a tensor")
elman("raises-a-surrogate", "raise ValueError('\\ud800')", "it raised ValueError")


def instead_of_elman(name: str, source: str, says: str = "", **lost: str) -> None:
    enter(name, partial(Work.answer, name="elman_step", source=source), says, lost=lost)


instead_of_elman("is-a-number", "elman_step = 3", "you gave 3", elman_step=ALL)
instead_of_elman("takes-two", "def elman_step(x, h): ...", "TypeError: .*takes", elman_step=ALL)
instead_of_elman(
    "is-an-object",
    "class Elman:\n"
    "    def __call__(self, x, h, W_x, W_h, g=torch.tanh):\n"
    f"        return {RIGHT}\n\n"
    "elman_step = Elman()",
)

# --- names of folders -----------------------------------------------------------------------------

NAMES = [
    FIRST,
    LAST,
    "with a space",
    "trailing space ",
    "-rf",
    "--jail=none",
    "O'Neill",
    '"quoted"',
    "back\\slash",
    "zoë",
    "zoe\u0308",  # the same to the eye
    "王小明",
    "\u202eright to left",
    "[x]",
    "[!a-z]*?",
    "{student_id}",
    "{0.__class__}",
    "%s 100%",
    "$x_1^$",
    "~root",
    "; id",
    "<b>bold",
    "n" * 200,
]
for name in NAMES:
    enter(name, nothing)


# --- grading it, once -----------------------------------------------------------------------------


class Graded:
    """The class after grading, as it lies on disk."""

    def __init__(self, course: Course):
        self.course = course
        said = json.loads((course.root / "said.json").read_text())
        self.errors: dict[str, str | None] = said["errors"]
        self.table: str = said["table"]
        self.feedback: str | None = said["feedback"]

    def result(self, name: str) -> dict[str, Any]:
        """What was recorded beside the gradebook."""
        assert self.errors[name] is None
        return json.loads((self.course.results(ASSIGNMENT) / name / "result.json").read_text())

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The gradebook: student → its score, and the points by the name of the cell."""
        with Gradebook(self.course.db_url, self.course.course_id) as gradebook:
            return {
                submission.student.id: {
                    "score": submission.score,
                    "manual": submission.needs_manual_grade,
                    "cells": {
                        grade.name: grade.auto_score
                        for notebook in submission.notebooks
                        for grade in notebook.grades
                    },
                }
                for submission in gradebook.assignment_submissions(ASSIGNMENT)
            }

    def page(self, name: str) -> str:
        """A student's feedback page."""
        folder = self.course.path("feedback", name, ASSIGNMENT)
        return unescape((folder / PAGE).read_text(encoding="utf-8"))


def said(result: dict[str, Any]) -> list[str]:
    """All that a result says in words."""
    lines = [*result["problems"].values(), *result["notes"], *result["suspicious"]]
    for cell in result["cells"]:
        lines += [cell["message"], *(prop["message"] for prop in cell["properties"])]
    return [line for line in lines if line]


def solved(course: Course) -> NotebookNode:
    """The released notebook with every answer filled in."""
    notebook = nbformat.read(course.path("release", ".", ASSIGNMENT) / FILE, as_version=4)
    answers = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in course.sources(ASSIGNMENT)[ASSIGNMENT].cells
        if is_solution(cell)
    }
    for cell in notebook.cells:
        if is_solution(cell):
            cell.source = answers[cell.metadata.nbgrader.grade_id]
    return notebook


def new_course(folder: Path) -> Course:
    """A course with this one assignment, without its prose and its demonstrations."""
    folder.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    source = nbformat.read(ROOT / "solutions" / ASSIGNMENT / FILE, as_version=4)
    demos = demonstrations(source)
    source.cells = [
        cell
        for number, cell in enumerate(source.cells)
        if number == 0
        or "nbgrader" in cell.metadata
        or (cell.cell_type == "code" and cell.source not in demos)
    ]
    (folder / "solutions" / ASSIGNMENT).mkdir(parents=True)
    nbformat.write(source, folder / "solutions" / ASSIGNMENT / FILE)
    course = Course(folder)
    release(course, ASSIGNMENT)
    return course


def submit(
    course: Course, name: str, notebook: NotebookNode, make: Callable[[Work], None] = nothing
) -> None:
    folder = course.path("submitted", name, ASSIGNMENT)
    folder.mkdir(parents=True)
    work = Work(notebook, course, folder)
    make(work)
    if work.notebook is not None:
        (folder / FILE).write_bytes(work.content())


def shown(graded: list[Any]) -> str:
    """The table of marks as the command line prints it."""
    file = io.StringIO()
    Console(width=300, file=file).print(marks_table(graded))
    return file.getvalue()


def grade_class(course: Course) -> None:
    """Submit, grade, make feedback; what is not on disk after that goes into said.json."""
    notebook = solved(course)
    for case in CASES:
        submit(course, case.name, notebook, case.make)
    (course.path("submitted", "x", ASSIGNMENT).parents[1] / "list.txt").write_text("no student")
    graded = grade_assignment(course, ASSIGNMENT, jobs=2, limits=replace(LIMITS, cell=4))
    failed = None
    try:
        feedback(course, ASSIGNMENT)
    except CourseError as error:
        failed = str(error)
    write_json(
        course.root / "said.json",
        {
            "errors": {submission.student: submission.error for submission in graded},
            "table": shown(graded),
            "feedback": failed,
        },
    )


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Graded:
    """The class. Test workers that run side by side share it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "bad-input"
    with alone(base / "bad-input.lock"):
        if not folder.exists():
            grade_class(new_course(folder))
    return Graded(Course(folder))


each_case = pytest.mark.parametrize(
    "case", CASES, ids=lambda case: ascii(case.name).strip("'\"")[:40]
)


# --- what became of them --------------------------------------------------------------------------


def test_everyone_is_in_the_list(graded):
    assert sorted(graded.errors) == sorted(case.name for case in CASES)
    assert sorted(graded.rows) == sorted(graded.errors)


@each_case
def test_the_mark_is_what_the_work_deserves(graded, case):
    result = graded.result(case.name)
    assert result["points"] == case.points
    assert graded.rows[case.name]["score"] == case.points
    assert result["needs_manual_grade"] == graded.rows[case.name]["manual"] == case.answered


@each_case
def test_the_points_are_lost_where_the_mistake_is(graded, case):
    cells = {cell["grade_id"]: cell for cell in graded.result(case.name)["cells"]}
    assert graded.rows[case.name]["cells"] == {name: c["points"] for name, c in cells.items()}
    if case.lost is None:
        assert {cell["points"] for cell in cells.values()} == {0}
        return
    assert cells[MANUAL]["points"] == (None if case.answered else 0)
    for exercise in EXERCISES:
        properties = cells[grade_id(exercise)]["properties"]
        failed = {prop["name"] for prop in properties if prop["status"] != "passed"}
        assert failed == case.lost.get(exercise, frozenset())


@each_case
def test_it_is_said_in_words(graded, case):
    lines = said(graded.result(case.name))
    assert any(re.search(case.says, line) for line in lines) if case.says else lines == []
    assert not [line for line in lines if "Traceback" in line or "autograder" in line]


@each_case
def test_there_is_a_feedback_page(graded, case):
    page = graded.page(case.name)
    assert re.search(case.page, page)
    # A student is told of the work, not of how the grader is made.
    assert not re.search("CellShell|the test's own value", page)
    if case.lost is None:
        assert "This notebook could not be graded" in page
        assert re.search(case.says, page)


def test_feedback_is_made_without_an_error(graded):
    assert graded.feedback is None


def test_the_first_and_the_last_have_full_marks(graded):
    names = list(graded.errors)
    assert (names[0], names[-1]) == (FIRST, LAST)
    for name in (FIRST, LAST):
        result = graded.result(name)
        assert result["points"] == FULL == 50
        assert said(result) == []


def test_the_table_shows_every_name(graded):
    for case in CASES:
        if case.name.isascii() and case.name.isprintable() and len(case.name) < 40:
            assert json.dumps(case.name)[1:-1] in graded.table


def test_nothing_of_another_file_is_shown(graded):
    first = Path("/etc/passwd").read_text().splitlines()[0]
    assert first not in graded.page("link-to-passwd")
    folder = graded.course.path("autograded", "linked-folder", ASSIGNMENT)
    assert not (folder / "data").exists() and not (folder / "loop").exists()


def test_what_lies_beside_the_notebook_is_kept(graded):
    folder = graded.course.path("autograded", "module-beside", ASSIGNMENT)
    assert "def double" in (folder / "helpers.py").read_text()


def test_names_and_files_that_cannot_be_used_harm_no_one(tmp_path):
    course = new_course(tmp_path / "course")
    notebook = solved(course)
    unusable = [os.fsdecode(b"Andr\xe9"), "New\nline"]
    names = ["Ada", *unusable, "Shut", "Zoe"]
    for name in names:
        submit(course, name, notebook)
    # Nothing is closed to root. To anyone else: the file is opened to see whether it has changed,
    # and where that fails no one is graded.
    (course.path("submitted", "Shut", ASSIGNMENT) / FILE).chmod(0)
    # Fails: the seed of a submission is derived from the name, which cannot be encoded.
    submissions = grade_assignment(course, ASSIGNMENT, jobs=1)
    graded = {submission.student: submission for submission in submissions}
    assert list(graded) == names
    for name in ("Ada", "Zoe"):
        assert graded[name].error is None and graded[name].result.points == FULL
    for name in unusable:
        assert "rename" in graded[name].error
    assert graded["Shut"].result.points == (0 if os.geteuid() else FULL)
    assert "Andr" in shown(list(graded.values()))
    # Fails: at a student's name that holds a new line nbgrader gives up, and makes no page for
    # those who come after it.
    feedback(course, ASSIGNMENT)
    for name in ("Ada", "Shut", "Zoe"):
        assert (course.path("feedback", name, ASSIGNMENT) / PAGE).exists()
