"""Attacks on the grader as data, one per file: what a student submits, and the required outcome.

An attack file has a docstring (what is tried, what must happen) and some of these constants:

    ANSWERS     exercise → the attacker's cell in place of the solution; it must earn nothing
    BLANK       exercises that are submitted as they were released; they must earn nothing
    TOP         a cell of the attacker's at the top of the notebook
    END         a cell of the attacker's at the end of it
    FILES       files beside the notebook, by name
    edit        a function(notebook, folder, course) that does to the notebook or to the folder
                what the constants cannot; bytes that it returns are submitted as the notebook

Every other exercise is solved as the instructor solved it, and its mark must stand. Where the
trick itself may spoil that, the file says so:

    COSTS       exercises whose marks the attacker may lose by it; "all" for all of them
    ALLOWED     exercise → points that even a wrong answer of this form earns honestly

What must be seen afterwards:

    SUSPICIOUS  a pattern that one of the grader's suspicious remarks must match
    SHOWS       a pattern in what the attacker's notebook shows (outputs, notes, failures): that
                the attack has really run, and what stopped it
    ABSENT      a pattern that must not be found on the attacker's feedback page
    SECONDS     how long grading it may take in all (default: 30)

And about the attack itself:

    COPIES      by how many students it is submitted (default: 1)
    NBGRADER    True: it is also graded by nbgrader's own autograde
    SAFE        True: it aims at the grading, not at the machine, and uses up nothing: stock nbgrader
                may run it in a sandbox
    KNOWN       a limit that is known and open: why it is, and what there is instead

In all text @COURSE@ stands for the path of the course.
"""

import importlib.util
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from nbgrader.utils import is_grade, is_solution

from autograder.gradebook.course import Course
from autograder.judging.source_notebook import student_names
from autograder.sandbox.limits import Limits
from autograder.gradebook.release import release

ASSIGNMENT = "ps1_cells"
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FIELDS = [
    "answers",
    "blank",
    "top",
    "end",
    "files",
    "edit",
    "costs",
    "allowed",
    "suspicious",
    "shows",
    "absent",
    "seconds",
    "copies",
    "nbgrader",
    "safe",
    "known",
]

# For attacks on the protocol: the channel to the judge, and messages in its form.
CHANNEL = '''
import json, os, socket, stat, struct


def channel():
    """The socket over which this process answers the judge."""
    for descriptor in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                return socket.socket(fileno=os.dup(descriptor))
        except OSError:
            pass


def frame(header, *buffers):
    """A well-formed message."""
    text = json.dumps({**header, "buffers": [len(buffer) for buffer in buffers]}).encode()
    total = 4 + len(text) + sum(len(buffer) for buffer in buffers)
    return struct.pack("!II", total, len(text)) + text + b"".join(buffers)


def call_back(step, xs, state, n):
    """The message that calls a step of the judge's, with n rows of zeros."""
    D, H = xs.shape[2], state.shape[1] if hasattr(state, "shape") else 1
    args = ["tuple", ["tuple", ["tensor", "float64", [n, 1, D], 0, {}],
                      ["tensor", "float64", [1, n, H], 1, {}]], ["dict"]]
    header = {"op": "call", "target": step._handle, "args": args, "grad": True}
    return frame(header, bytes(8 * n * D), bytes(8 * n * H))


def listen(sock):
    """The header of the next message from the judge."""
    def exactly(n):
        data = b""
        while len(data) < n:
            data += sock.recv(n - len(data)) or os._exit(0)
        return data
    total, length = struct.unpack("!II", exactly(8))
    header = json.loads(exactly(length))
    exactly(total - 4 - length)
    return header
'''


@dataclass(frozen=True)
class Attack:
    """One attack as its file says it; see above."""

    name: str
    story: str
    answers: dict[str, str] = field(default_factory=dict)
    blank: tuple[str, ...] = ()
    top: str = ""
    end: str = ""
    files: dict[str, str] = field(default_factory=dict)
    edit: Callable[[NotebookNode, Path, Path], bytes | None] | None = None
    costs: tuple[str, ...] | str = ()
    allowed: dict[str, float] = field(default_factory=dict)
    suspicious: str | None = None
    shows: str | None = None
    absent: str | None = None
    seconds: float = 30
    copies: int = 1
    nbgrader: bool = False
    safe: bool = False
    known: str | None = None

    @property
    def students(self) -> list[str]:
        """Who submits it."""
        copies = [f"{self.name}-{n}" for n in range(2, self.copies + 1)]
        return [self.name, *copies]

    def max_points(self, exercise: str, worth: float) -> float:
        """The points that an exercise may earn at most."""
        if exercise in self.answers or exercise in self.blank:
            return self.allowed.get(exercise, 0.0)
        return worth

    def min_points(self, exercise: str, worth: float) -> float:
        """The points that an exercise must earn at least."""
        spoilt = self.costs == "all" or exercise in self.costs
        wrong = exercise in self.answers or exercise in self.blank
        return 0.0 if spoilt or wrong else worth


def load(path: Path) -> Attack:
    """The attack in a file. Unknown constants are an error, as they would have no effect."""
    spec = importlib.util.spec_from_file_location(f"attacks.{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Attack(path.stem, " ".join((module.__doc__ or "").split()), **_fields(module))


def _fields(module: ModuleType) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in vars(module).items():
        if name == "edit":
            fields["edit"] = value
        elif re.fullmatch("[A-Z]+", name) and name != "CHANNEL":
            if name.lower() not in FIELDS:
                raise ValueError(f"{module.__name__}: unknown constant {name}")
            fields[name.lower()] = value
    return fields


def attacks() -> list[Attack]:
    """All attacks of this folder, by name."""
    return [load(path) for path in sorted(HERE.glob("*.py")) if path.name != "__init__.py"]


# --- a course with canaries -----------------------------------------------------------------------

# Short, so that an attacker who waits does not wait long; all that is limited is limited.
LIMITS = Limits(
    call=2,
    call_after_timeout=0.1,
    cell=5,
    grade_cell=8,
    submission=30,
    grace=0.3,
    # Enough that the limit of processes comes first: a fork counts what it shares with its parent.
    memory=2 << 30,
    judge_memory=2 << 30,
    processes=8,
)
MANUAL = "essay"  # a question for a person, in code: the grader must not take it for a test
ESSAY = "What is a gate for? Write it as a comment.\n"
PLACES = ("solution", "neighbour", "gradebook", "environment", "course", "config")


def new_canaries() -> dict[str, str]:
    """New secret words by place, each in a place that no submission may reach."""
    return {place: f"canary-{place}-{secrets.token_hex(6)}" for place in PLACES}


def new_course(folder: Path, config: str, canaries: dict[str, str]) -> Course:
    """A released course whose solutions, files and gradebook hold canaries, with a neighbour."""
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(f"{config}\n# {canaries['config']}\n")
    (folder / "exam.txt").write_text(f"the questions of the exam: {canaries['course']}\n")
    source = nbformat.read(ROOT / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    for exercise in grading_cells(source):
        begin = "### BEGIN SOLUTION"
        marked = f"{begin}\n### {canaries['solution']}"
        answer(source, exercise, solution(source, exercise).replace(begin, marked))
    essay = new_code_cell(f"# {ESSAY}### BEGIN SOLUTION\n# it keeps\n### END SOLUTION")
    essay.metadata["nbgrader"] = {
        "grade": True,
        "grade_id": MANUAL,
        "locked": False,
        "points": 1,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    source.cells.append(essay)
    path = folder / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(source, path)
    course = Course(folder)
    release(course, ASSIGNMENT)
    submit(honest("!honest", canaries), "!honest", course)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.add_student("dean", first_name=canaries["gradebook"])
    return course


def honest(student: str, canaries: dict[str, str], **parts: Any) -> Attack:
    """Not an attack: a student whose work holds a canary."""
    return Attack(student, "", top=f"# {canaries['neighbour']}", **parts)


# --- submitting -----------------------------------------------------------------------------------


def by_id(notebook: NotebookNode, name: str) -> NotebookNode:
    """The cell with a grade id."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == name:
            return cell
    raise KeyError(name)


def grading_cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """The grading cell of each exercise."""
    cells = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and is_grade(cell):
            for name in re.findall(r'(?:grade|check)\("(\w+)"', cell.source):
                cells[name] = cell
    return cells


def answer(notebook: NotebookNode, exercise: str, source: str) -> None:
    """Replace the solution cell that defines an exercise's function."""
    for cell in notebook.cells:
        if is_solution(cell) and exercise in student_names(NotebookNode(cells=[cell])):
            cell.source = source.strip("\n")
            return
    raise KeyError(exercise)


def solution(notebook: NotebookNode, exercise: str) -> str:
    """The source of the cell that defines an exercise's function."""
    for cell in notebook.cells:
        if is_solution(cell) and exercise in student_names(NotebookNode(cells=[cell])):
            return cell.source
    raise KeyError(exercise)


def submit(attack: Attack, student: str, course: Course) -> Path:
    """Put the attacker's files where a class's submissions lie; the folder."""
    solved = course.sources(ASSIGNMENT)[ASSIGNMENT]
    path = course.path("release", ".", ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
    notebook = nbformat.read(path, as_version=4)

    def filled(text: str) -> str:
        return text.strip("\n").replace("@COURSE@", str(course.root))

    for exercise in grading_cells(solved):
        if exercise in attack.answers:
            answer(notebook, exercise, filled(attack.answers[exercise]))
        elif exercise not in attack.blank:
            # Without the comments: the instructor's are not the student's.
            lines = solution(solved, exercise).split("\n")
            answer(notebook, exercise, "\n".join(line for line in lines if "###" not in line))
    if attack.top:
        notebook.cells.insert(0, new_code_cell(filled(attack.top)))
    if attack.end:
        notebook.cells.append(new_code_cell(filled(attack.end)))
    folder = course.path("submitted", student, ASSIGNMENT)
    folder.mkdir(parents=True)
    for inside, text in attack.files.items():
        (folder / inside).parent.mkdir(parents=True, exist_ok=True)
        (folder / inside).write_text(filled(text), encoding="utf-8")
    content = None
    if attack.edit is not None:
        content = attack.edit(notebook, folder, course.root)
    if content is None:
        content = json.dumps(notebook).encode()
    target = folder / f"{ASSIGNMENT}.ipynb"
    if not target.is_symlink() and not target.exists():
        target.write_bytes(content)
    return folder
