"""Grading that is killed, interrupted or cut off anywhere is completed by the same command."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import ROOT, needs_jail
from nbgrader.api import Gradebook

from autograder.course import Course, problem_set_exercises
from autograder.demo import Student, hand_in, mistake, nothing
from autograder.grading import Assignment, grade_assignment
from autograder.recorder import Recorder, write_json
from autograder.release import release
from autograder.submission import Submitted, read_submission

ASSIGNMENT = "ps1_cells"
MANUAL = "why_gradients_live"  # the one question that a person must mark
PATIENCE = 60  # seconds for anything to happen
FEW_SECONDS = 15  # in which everything must be gone after its grader was killed

# Most have everything right, which is graded fastest.
STUDENTS = [
    *(Student(f"perfect-{n:02}", "", 50, nothing) for n in range(12)),
    *(
        Student(f"wrong-{name}", "", 0, mistake(name, exercise.misconceptions[0].name))
        for name, exercise in list(problem_set_exercises(ASSIGNMENT).items())[-4:]
    ),
]


def endless(paper: Any) -> None:
    paper.first("import time\nwhile True:\n    time.sleep(9)\n")


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Course:
    """A course with an assignment that no one has handed in."""
    course = Course(tmp_path_factory.mktemp("released"))
    shutil.copy(ROOT / "nbgrader_config.py", course.root)
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, course.root / "solutions" / ASSIGNMENT)
    release(course, ASSIGNMENT)
    return course


def copied(course: Course, folder: Path) -> Course:
    return Course(shutil.copytree(course.root, folder))


def handed_in(released: Course, folder: Path, students: list[Student]) -> Course:
    """A copy of a course in which these students have handed in."""
    course = copied(released, folder)
    solved = course.sources(ASSIGNMENT)[ASSIGNMENT]
    for student in students:
        hand_in(course, student, solved)
    return course


# --- running the command --------------------------------------------------------------------------


class Run:
    """`autograder grade` in a process of its own, and all that it starts."""

    def __init__(self, course: Course):
        self.course = course
        self.temporary = course.root / "tmp"
        self.temporary.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "autograder.cli", "grade", ASSIGNMENT]
        command += ["--course", str(course.root), "--jobs", "2"]
        with open(course.root / "output.txt", "wb") as output:
            self.process = psutil.Popen(
                command,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(self.temporary)},
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return (self.course.root / "output.txt").read_text()

    def until(self, happened: Callable[["Run"], bool]) -> "Run":
        """Wait for something to happen before the run ends."""
        deadline = time.monotonic() + PATIENCE
        while not happened(self):
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)
        return self

    def family(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return self.process.children(recursive=True)
        return []

    def finish(self) -> int:
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """kill -9, the main process alone; what it has started must end by itself."""
        family = self.family()
        self.process.kill()
        self.process.wait()
        try:
            _, alive = psutil.wait_procs(family, FEW_SECONDS)
            assert [one.cmdline() for one in alive] == []
            assert list(self.temporary.iterdir()) == []
        finally:
            end(family)

    def interrupt(self) -> int:
        """Ctrl-C in a terminal: all processes of the foreground hear it."""
        family = self.family()
        os.killpg(self.process.pid, signal.SIGINT)
        status = self.finish()
        _, alive = psutil.wait_procs(family, FEW_SECONDS)
        end(family)
        assert alive == []
        return status


def end(processes: list[psutil.Process]) -> None:
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def judges_are_starting(run: Run) -> bool:
    return any("spawn_main" in " ".join(cmdline(one)) for one in run.family())


def cmdline(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def a_submission_is_running(run: Run) -> bool:
    """A jail's warm parent has forked a child, which has the same command line."""
    lines = [line for one in run.family() if (line := cmdline(one)) and line[0] == sys.executable]
    return any("jailed" in line and lines.count(line) > 1 for line in lines)


def recorded(course: Course) -> list[Path]:
    return sorted(course.results(ASSIGNMENT).glob("*/result.json"))


def at_least(count: int) -> Callable[[Run], bool]:
    return lambda run: len(recorded(run.course)) >= count


# --- what a run leaves ----------------------------------------------------------------------------


def gradebook(course: Course) -> dict[str, Any]:
    """All that the gradebook holds, by name: no ids, no times."""
    found: dict[str, Any] = {"marks": [], "comments": [], "notebooks": []}
    with Gradebook(course.db_url, course.course_id) as book:
        for one in book.assignment_submissions(ASSIGNMENT):
            for notebook in one.notebooks:
                who = (one.student.id, notebook.name)
                found["notebooks"].append((*who, notebook.score, notebook.late_submission_penalty))
                for grade in notebook.grades:
                    marks = (grade.auto_score, grade.manual_score, grade.extra_credit)
                    found["marks"].append((*who, grade.name, marks, grade.needs_manual_grade))
                for note in notebook.comments:
                    texts = (note.auto_comment, note.manual_comment)
                    found["comments"].append((*who, note.name, texts))
    found = {kind: sorted(rows) for kind, rows in found.items()}
    with contextlib.closing(sqlite3.connect(course.root / "class" / "gradebook.db")) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            (found[f"rows of {table}"],) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    return found


def timeless(value: Any) -> Any:
    """A result without the seconds that it took."""
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if key != "seconds"}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def results(course: Course) -> dict[str, Any]:
    return {path.parent.name: timeless(json.loads(path.read_text())) for path in recorded(course)}


def files(course: Course) -> list[str]:
    """All files that grading makes."""
    folders = course.root / "class" / "autograded", course.root / "class" / "results"
    return sorted(str(path.relative_to(course.root)) for top in folders for path in top.rglob("*"))


def mark_by_hand(course: Course, student: str) -> None:
    with Gradebook(course.db_url, course.course_id) as book:
        grade = book.find_grade(MANUAL, ASSIGNMENT, ASSIGNMENT, student)
        grade.manual_score, grade.needs_manual_grade = 3, False
        book.find_comment(MANUAL, ASSIGNMENT, ASSIGNMENT, student).manual_comment = "Well put."
        book.db.commit()


# --- the command, killed --------------------------------------------------------------------------


@needs_jail
def test_a_run_that_was_killed_goes_on_where_it_was(released, tmp_path):
    course = handed_in(released, tmp_path / "undisturbed", STUDENTS)
    disturbed = copied(course, tmp_path / "disturbed")
    for one in (course, disturbed):  # as a run that was to use the same inputs had left it
        write_json(one.results(ASSIGNMENT) / "seed.json", {"seed": 20180129})
    grade_assignment(course, ASSIGNMENT, jobs=2)

    Run(disturbed).until(judges_are_starting).kill()
    Run(disturbed).until(at_least(3)).kill()
    first = recorded(disturbed)[0].parent.name
    for one in (course, disturbed):
        mark_by_hand(one, first)
    interrupted = Run(disturbed).until(at_least(8))
    assert interrupted.interrupt() == 130
    assert "the same command goes on" in interrupted.output
    Run(disturbed).until(at_least(len(STUDENTS) - 2)).kill()
    last = Run(disturbed)
    assert last.finish() == 0
    assert "unchanged" in last.output

    assert len(results(course)) == len(STUDENTS)
    assert results(disturbed) == results(course)
    assert gradebook(disturbed) == gradebook(course)
    assert files(disturbed) == files(course)


# Fails: a judge looks for the end of its grader only between two submissions, so that it and its
# jail go on until this one is done.
@needs_jail
def test_no_student_code_outlives_a_killed_grader(released, tmp_path):
    course = handed_in(released, tmp_path / "course", [Student("endless", "", 0, endless)])
    Run(course).until(a_submission_is_running).kill()


# --- the recorder, cut off at every step ------------------------------------------------------


class Steps:
    """Counts what a process does to files in a folder, and ends it before a certain one."""

    EVENTS = ("open", "os.rename", "os.mkdir", "os.chmod", "os.remove", "os.rmdir")
    RELATIVE = ("os.remove", "os.rmdir")  # the events of a tree's removal, which name no folder

    def __init__(self, folder: Path, last: int):
        self.folder, self.left = str(folder), last
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        there = event in self.RELATIVE or str(arguments[:1]).find(self.folder) > 0
        if event not in self.EVENTS or not there:
            return
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def killed_at(step: int, folder: Path, work: Callable[[], None]) -> bool:
    """Do the work in a process that is killed at its n-th step; False if it took fewer."""
    pid = os.fork()
    if pid == 0:
        try:
            Steps(folder, step)
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def graded_by_nobody(course: Course, student: str, points: float) -> tuple[Submitted, dict]:
    """A submission and a result as a judge would give it."""
    assignment = Assignment.load(course, ASSIGNMENT)
    submitted = read_submission(assignment.collect(student), assignment.cells, assignment.files)
    cells = [
        {
            "notebook": ASSIGNMENT,
            "grade_id": cell.name,
            "points": None if cell.name == MANUAL else points,
        }
        for cell in assignment.cells[0].cells
        if cell.grade
    ]
    return submitted, {"student": student, "cells": cells}


@contextlib.contextmanager
def recorder(course: Course) -> Iterator[Recorder]:
    made = Recorder(course, ASSIGNMENT)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_recording_may_be_cut_off_anywhere(released, tmp_path, again):
    course = handed_in(released, tmp_path / "course", [Student("Ada", "", 50, nothing)])

    def record(points: float) -> None:
        with recorder(course) as book:
            book.record(*graded_by_nobody(course, "Ada", points), digest=f"worth {points}")

    if again:
        record(1)
        mark_by_hand(course, "Ada")
    expected = copied(course, tmp_path / "expected")
    with recorder(expected) as book:
        book.record(*graded_by_nobody(expected, "Ada", 2), digest="worth 2")
    before = shutil.copytree(course.root, tmp_path / "before")
    left: set[str] = set()
    for step in range(1000):
        if not killed_at(step, course.root / "class", lambda: record(2)):
            break
        # The same command again: what is not recorded whole is recorded anew.
        with recorder(course) as book:
            done = book.recorded("Ada", "worth 2")
        if done is None:
            record(2)
        assert gradebook(course) == gradebook(expected), step
        assert results(course) == results(expected), step
        assert set(files(expected)) <= set(files(course)), step
        left |= set(files(course)) - set(files(expected))
        shutil.rmtree(course.root)
        shutil.copytree(before, course.root)
    assert step > 10
    # Fails: the temporary names hold the number of the process, so that the next one, which has
    # another, does not find and remove them.
    assert left == set()
