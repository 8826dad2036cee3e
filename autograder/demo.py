"""Runs the whole workflow on a sample class: release, grade, feedback, report.

The class has good students, students with real mistakes, accidents and attacks. The mark of each is
known beforehand; the demo fails if the grader gives another one.
"""

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.utils import is_solution
from rich.console import Console
from rich.table import Table

from rnncourse.checks.answer_source import source_of
from rnncourse.exercises import exercises_of, find
from rnncourse.files import write_text

from .gradebook.course import Course, CourseError
from .gradebook.release import feedback, release
from .grading.run import Graded, grade_assignment
from .judging.source_notebook import student_names
from .reports.class_report import ClassReport
from .reports.html_page import class_report_page
from .rubrics import rubric_of
from .terminal import ProgressBar

ASSIGNMENT = "ps1_cells"
MARKER = "made by `autograder demo`, which deletes this folder and makes it again each time\n"


@dataclass(frozen=True)
class Student:
    """A student of the sample class."""

    name: str
    story: str
    expected: float  # points of the automatic tests
    make: Callable[["Paper"], None]  # changes a notebook into what this student submits


class Paper:
    """A student's notebook and files, to be changed before they are submitted."""

    def __init__(self, notebook: NotebookNode, course: Course):
        self.notebook = copy.deepcopy(notebook)
        self.course = course
        self.files: dict[str, str] = {}

    def cell(self, name: str) -> NotebookNode:
        """The solution cell that defines a name."""
        cell: NotebookNode
        for cell in self.notebook.cells:
            if is_solution(cell) and name in student_names(NotebookNode(cells=[cell])):
                return cell
        raise KeyError(name)

    def answer(self, name: str, source: str) -> None:
        """Replace the source of a solution cell."""
        self.cell(name).source = source

    def misconception(self, exercise: str, name: str) -> None:
        """Answer an exercise with a mistake from the catalogue."""
        misconceptions = {entry.name: entry for entry in find(exercise).misconceptions}
        self.answer(exercise, source_of(misconceptions[name].wrong, exercise))

    def first(self, source: str) -> None:
        """Insert a cell at the top."""
        self.notebook.cells.insert(0, new_code_cell(source))


def nothing(paper: Paper) -> None:
    """Submits the notebook as it is."""


def other_style(paper: Paper) -> None:
    for name in exercises_of(ASSIGNMENT):
        paper.answer(name, source_of(rubric_of(name).alternatives[0], name))


def float32(paper: Paper) -> None:
    # Computes in float32 whatever it is given, and returns the dtype that it was given.
    paper.first(
        "import functools\n"
        "import torch\n\n\n"
        "def in_float32(step):\n"
        "    @functools.wraps(step)\n"
        "    def wrapped(*args):\n"
        "        def single(value):\n"
        "            if isinstance(value, tuple):\n"
        "                return tuple(map(single, value))\n"
        "            return value.float() if isinstance(value, torch.Tensor) else value\n"
        "        dtype = args[0].dtype\n"
        "        out = step(*map(single, args))\n"
        "        if isinstance(out, tuple):\n"
        "            return tuple(value.to(dtype) for value in out)\n"
        "        return out.to(dtype)\n"
        "    return wrapped\n"
    )
    for name in ("elman_step", "lstm_step", "gru_step", "nas_step", "enas_step"):
        cell = paper.cell(name)
        cell.source = cell.source.replace(f"def {name}", f"@in_float32\ndef {name}", 1)


def mistake(exercise: str, name: str) -> Callable[[Paper], None]:
    return lambda paper: paper.misconception(exercise, name)


def crashing(paper: Paper) -> None:
    paper.answer(
        "gru_step",
        "def gru_step(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):\n"
        "    import ctypes\n    return ctypes.string_at(0)\n",
    )


def endless(paper: Paper) -> None:
    paper.answer(
        "elman_step",
        "def elman_step(x, h, W_x, W_h, g=torch.tanh):\n    while True:\n        h = g(h)\n",
    )


def patches_the_judge(paper: Paper) -> None:
    paper.first(
        "import builtins, torch, torch.testing\n"
        "torch.testing.assert_close = lambda *args, **kwargs: None\n"
        "torch.allclose = torch.equal = lambda *args, **kwargs: True\n"
        "torch.isclose = lambda a, b, **kwargs: torch.ones_like(a, dtype=torch.bool)\n"
        "import rnncourse\n"
        "rnncourse.check = lambda *args: 8.0\n"
    )
    paper.answer("lstm_step", "def lstm_step(x, state, W):\n    return None\n")


def skips_the_tests(paper: Paper) -> None:
    paper.answer("unroll", "def unroll(step, xs, state):\n    return None\n")
    for cell in paper.notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["skip-execution"]
            if cell.cell_type == "code":
                cell.metadata.nbgrader["points"] = 100


def steals(paper: Paper) -> None:
    solutions = paper.course.path("source", ".", ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
    paper.first(
        "import glob, json, os, sqlite3\n"
        "found = {}\n"
        "everywhere = glob.glob('/*/solutions/*/*') + glob.glob('/*/*/solutions/*/*')\n"
        f"for path in [{str(solutions)!r}, *everywhere]:\n"
        "    try:\n"
        "        for cell in json.load(open(path))['cells']:\n"
        "            if cell['metadata'].get('nbgrader', {}).get('solution'):\n"
        "                exec(''.join(cell['source']))\n"
        "    except Exception as error:\n"
        "        found[path] = repr(error)\n"
        "try:\n"
        f"    book = sqlite3.connect({str(paper.course.gradebook_file)!r})\n"
        "    book.execute('UPDATE grade SET manual_score = 100')\n"
        "    book.commit()\n"
        "except Exception as error:\n"
        "    found['gradebook'] = repr(error)\n"
        "import rnncourse.reference.cells as cells\n"
        "elman_step, lstm_step = cells.elman_step, cells.lstm_step\n"
    )


def ready_made(paper: Paper) -> None:
    paper.answer(
        "LSTM",
        "class LSTM(nn.Module):\n"
        "    def __init__(self, D, H):\n"
        "        super().__init__()\n"
        "        self.W = nn.Parameter(torch.zeros(D + H, 4 * H))\n"
        "        self.lstm = nn.LSTM(D, H, batch_first=True)\n\n"
        "    def forward(self, xs, lengths=None, state=None):\n"
        "        return self.lstm(xs, state)\n",
    )


def broken_file(paper: Paper) -> None:
    paper.files[f"{ASSIGNMENT}.ipynb"] = nbformat.writes(paper.notebook)[:5000]


def submit(course: Course, student: Student, notebook: NotebookNode) -> None:
    """Put a student's files into the folder of submissions."""
    paper = Paper(notebook, course)
    student.make(paper)
    files = {f"{ASSIGNMENT}.ipynb": nbformat.writes(paper.notebook), **paper.files}
    folder = course.path("submitted", student.name, ASSIGNMENT)
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


START_BLANK = ("blank", "thief")  # from the released notebook; the others from the solved one

# What a mistake costs follows from the points of the properties that it breaks. lstm_step and
# unroll are used again by LSTM, the last exercise, so a mistake in them shows there too.
CLASS = (
    Student("perfect", "everything right", 50, nothing),
    Student("other-style", "everything right, in another style", 50, other_style),
    Student("float32", "everything right, computed in float32", 50, float32),
    Student(
        "mistake-elman",
        "always tanh, whatever g is",
        50 - 0.75,
        mistake("elman_step", "always_tanh"),
    ),
    Student(
        "mistake-unroll",
        "detaches between steps: costs gradients in unroll and LSTM",
        50 - 1 - 1.5 - 0.75,
        mistake("unroll", "detaches_between_steps"),
    ),
    Student(
        "mistake-lstm",
        "torch's gate order: costs values and gradients in lstm_step and LSTM",
        50 - 6 - 6,
        mistake("lstm_step", "uses_torchs_gate_order"),
    ),
    Student(
        "mistake-gru", "z and 1 - z swapped", 50 - 4.5, mistake("gru_step", "swaps_old_and_new")
    ),
    Student(
        "mistake-enas",
        "the highway the wrong way round",
        50 - 4.5,
        mistake("enas_step", "turns_the_highway_round"),
    ),
    Student(
        "mistake-padding",
        "masks the outputs, not the state",
        50 - 4.5,
        mistake("LSTM", "MasksTheOutputsOnly"),
    ),
    Student("blank", "submitted untouched", 0, nothing),
    Student("crash", "gru_step ends its process", 50 - 6, crashing),
    Student("endless", "elman_step never returns", 50 - 4, endless),
    Student(
        "patcher",
        "lstm_step returns None; patches torch and check",
        50 - 8 - 7.5,
        patches_the_judge,
    ),
    Student(
        "skipper", "unroll returns None; tests tagged skip-execution", 50 - 6 - 7.5, skips_the_tests
    ),
    Student("thief", "reads the solutions, writes the gradebook", 0, steals),
    Student("ready-made", "LSTM is torch.nn.LSTM", 50 - 8, ready_made),
    Student("broken", "half of a file", 0, broken_file),
)


def demo(home: Course, keep: Path | None, jobs: int, jail: str, console: Console) -> int:
    """Run everything; 1 if any mark is not the expected one."""
    course = _new_course(home, keep or home.root / "class" / "demo")
    console.rule("release")
    released = release(course, ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
    console.print(f"what students get: {released}", soft_wrap=True)
    console.rule(f"a class of {len(CLASS)} submits")
    solved = course.sources(ASSIGNMENT)[ASSIGNMENT]
    stub = nbformat.read(released, as_version=4)
    for student in CLASS:
        submit(course, student, stub if student.name in START_BLANK else solved)
    before = solution_bytes(course)
    console.rule("grade, behind the wall")
    with ProgressBar("grading") as progress:
        graded = grade_assignment(course, ASSIGNMENT, jobs=jobs, jail=jail, progress=progress)
    console.rule("marks")
    wrong = _print_marks(graded, console)
    if solution_bytes(course) != before:
        console.print("the solutions were changed!", style="red")
        wrong += 1
    console.rule("feedback and report")
    console.print(f"a page for each student: {feedback(course, ASSIGNMENT)}", soft_wrap=True)
    report = ClassReport.load(course, ASSIGNMENT)
    page = course.results(ASSIGNMENT) / "report.html"
    write_text(page, class_report_page(report))
    console.print(f"the class at a glance:   {page}", soft_wrap=True)
    console.print(f"nbgrader's gradebook:    {course.db_url}", soft_wrap=True)
    if wrong:
        console.print(f"\n{wrong} of these are not as expected", style="bold red")
        return 1
    console.print(f"\nall {len(CLASS)} marks are the expected ones", style="bold green")
    return 0


def _new_course(home: Course, folder: Path) -> Course:
    """A separate course folder, so that the demo does not touch a real class."""
    source = home.path("source", ".", ASSIGNMENT)
    if not source.is_dir():
        raise CourseError(f"{home.root} has no {ASSIGNMENT}: run the demo in the course's folder")
    marker = folder / "DEMO"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise CourseError(f"{folder} is not empty and was not made by the demo: choose another")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    marker.write_text(MARKER)
    shutil.copy(home.root / "nbgrader_config.py", folder)
    shutil.copytree(source, folder / source.relative_to(home.root))
    return Course(folder)


def solution_bytes(course: Course) -> bytes:
    """The source notebooks as they are on disk."""
    folder = course.path("source", ".", ASSIGNMENT)
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*.ipynb")))


def _print_marks(graded: list[Graded], console: Console) -> int:
    """Print each student's mark beside the expected one. Returns the number of wrong marks."""
    table = Table(show_edge=False)
    table.add_column("student", overflow="fold")
    table.add_column("submitted", overflow="fold")
    table.add_column("marks", justify="right", overflow="fold")
    table.add_column("expected", justify="right", overflow="fold")
    table.add_column("", overflow="fold")
    by_student = {submission.student: submission for submission in graded}
    wrong = 0
    for student in CLASS:
        submission = by_student[student.name]
        points = None
        if submission.result is not None and submission.error is None:
            points = submission.result.points
        correct = points is not None and abs(points - student.expected) < 1e-6
        if not correct:
            wrong += 1
        error = json.dumps(submission.error) if submission.error else ""
        table.add_row(
            student.name,
            student.story,
            "—" if points is None else f"{points:g}",
            f"{student.expected:g}",
            "✓" if correct else f"✗ {error}",
            style=None if correct else "red",
        )
    console.print(table)
    return wrong
