"""Grading that is killed, interrupted or cut off anywhere is completed by the same command."""

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest
from conftest import needs_jail
from faults import (
    ASSIGNMENT,
    MANUAL,
    SEED,
    Run,
    cmdline,
    copied,
    files,
    gradebook,
    judges,
    left,
    mark_by_hand,
    recorded,
    released_course,
    results,
    submitted_class,
)

from autograder.demo import Student, mistake, nothing
from autograder.gradebook import release as releasing
from autograder.gradebook.course import Course, CourseError
from autograder.gradebook.recorder import Recorder
from autograder.grading.assignment import Assignment
from autograder.grading.process_pool import JudgeProcess
from autograder.grading.run import grade_assignment
from autograder.judging.results import CellResult, SubmissionResult
from autograder.sandbox.limits import LIMITS
from autograder.submissions.model import Submission
from autograder.submissions.sanitise import read_submission
from rnncourse.checks.status import Status
from rnncourse.exercises import exercises_of

pytestmark = pytest.mark.slow

# Most have everything right, which is graded fastest.
STUDENTS = [
    *(Student(f"perfect-{n:02}", "", 50, nothing) for n in range(36)),
    *(
        Student(f"wrong-{name}", "", 0, mistake(name, exercise.misconceptions[0].name))
        for name, exercise in list(exercises_of(ASSIGNMENT).items())[-4:]
    ),
]


def endless(paper: Any) -> None:
    paper.first("import time\nwhile True:\n    time.sleep(9)\n")


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Course:
    return released_course(tmp_path_factory.mktemp("released"))


def judges_are_starting(run: Run) -> bool:
    return bool(judges(run))


def a_submission_is_running(run: Run) -> bool:
    """A jail's warm parent has forked a child, which has the same command line."""
    lines = [cmdline(process) for process in run.family()]
    lines = [line for line in lines if line and line[0] == sys.executable]
    return any("jailed" in line and lines.count(line) > 1 for line in lines)


def more(course: Course, count: int) -> Callable[[Run], bool]:
    """When a run has recorded so many, beside what earlier ones have."""
    before = len(recorded(course))
    return lambda run: len(recorded(run.course)) >= before + count


# --- the command, killed --------------------------------------------------------------------------


@needs_jail
def test_a_run_that_was_killed_goes_on_where_it_was(released, tmp_path):
    course = submitted_class(released, tmp_path / "undisturbed", STUDENTS)
    disturbed = copied(course, tmp_path / "disturbed")
    grade_assignment(course, ASSIGNMENT, jobs=2, seed=SEED)

    for happened in (judges_are_starting, more(disturbed, 3)):
        run = Run(disturbed).until(happened)
        run.kill()
        assert list(run.temporary.iterdir()) == []
    first = recorded(disturbed)[0].parent.name
    for each in (course, disturbed):
        mark_by_hand(each, first)
    interrupted = Run(disturbed).until(more(disturbed, 3))
    assert interrupted.interrupt() == 130
    assert "run the same command again" in interrupted.output
    Run(disturbed).until(more(disturbed, 3)).kill()
    last = Run(disturbed)
    assert last.finish() == 0
    assert "unchanged" in last.output

    assert len(results(course)) == len(STUDENTS)
    assert left(disturbed) == left(course)


@needs_jail
def test_no_student_code_outlives_a_killed_grader(released, tmp_path):
    course = submitted_class(released, tmp_path / "course", [Student("endless", "", 0, endless)])
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


def graded_by_nobody(
    course: Course, student: str, points: float
) -> tuple[Submission, SubmissionResult]:
    """A submission and a result as a judge would give it; the digest tells the points."""
    assignment = Assignment.load(course, ASSIGNMENT)
    raw = assignment.collect(student)
    submission = read_submission(raw, assignment.cells, assignment.files)
    cells = [
        CellResult(
            cell.name,
            None if cell.name == MANUAL else points,
            cell.points,
            Status.FAILED,
            notebook=ASSIGNMENT,
        )
        for cell in assignment.cells[0].cells
        if cell.grade
    ]
    result = SubmissionResult(student, ASSIGNMENT, SEED, cells, digest=f"worth {points}")
    return submission, result


@contextlib.contextmanager
def recorder(course: Course) -> Iterator[Recorder]:
    made = Recorder(course, ASSIGNMENT)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_recording_may_be_cut_off_anywhere(released, tmp_path, again):
    course = submitted_class(released, tmp_path / "course", [Student("Ada", "", 50, nothing)])

    def record(points: float) -> None:
        with recorder(course) as book:
            book.record(*graded_by_nobody(course, "Ada", points))

    if again:
        record(1)
        mark_by_hand(course, "Ada")
    expected = copied(course, tmp_path / "expected")
    with recorder(expected) as book:
        book.record(*graded_by_nobody(expected, "Ada", 2))
    before = shutil.copytree(course.root, tmp_path / "before")
    rest: set[str] = set()
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
        rest |= set(files(course)) - set(files(expected))
        shutil.rmtree(course.root)
        shutil.copytree(before, course.root)
    assert step > 10
    assert rest == set()


@pytest.mark.parametrize("name", ["a.ipynb", "a.csv"], ids=["edited", "not-edited"])
def test_releasing_may_be_cut_off_anywhere(course, monkeypatch, name):
    """Whatever comes next, even a release that fails: one of the two releases is there, whole."""
    folder = course.path("release", ".", ASSIGNMENT)
    old, new = ({name: age, "b.ipynb": "same", "c.csv": age} for age in ("old", "new"))

    def lay(release: dict[str, str]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, text in release.items():
            (folder / name).write_text(text)

    def generates(*_, **__) -> None:
        lay(new)

    def fails(*_, **__) -> None:
        shutil.rmtree(folder)
        raise CourseError("generate_assignment failed")

    def attempt() -> None:
        monkeypatch.setattr(releasing, "_run_nbgrader", generates)
        releasing.release(course, ASSIGNMENT)

    for step in range(1000):
        lay(old)
        if not killed_at(step, folder.parent, attempt):
            break
        monkeypatch.setattr(releasing, "_run_nbgrader", fails)
        with pytest.raises(CourseError):
            releasing.release(course, ASSIGNMENT)
        assert {path.name: path.read_text() for path in folder.iterdir()} in (old, new), step
        attempt()
        assert {path.name: path.read_text() for path in folder.iterdir()} == new
        assert os.listdir(folder.parent) == [ASSIGNMENT]
    assert step > 10


def test_work_in_what_a_killed_release_left_is_kept(course, monkeypatch):
    folder = course.path("release", ".", ASSIGNMENT)
    before = folder.with_name(f".{ASSIGNMENT}.before")
    for place, text in ((folder, "worked in since"), (before, "old")):
        place.mkdir(parents=True)
        (place / "a.ipynb").write_text(text)
    monkeypatch.setattr(releasing, "_run_nbgrader", lambda *_, **__: None)
    releasing.release(course, ASSIGNMENT)
    (kept,) = (course.root / "class" / "kept").iterdir()
    assert (kept / "a.ipynb").read_text() == "worked in since"
    assert (folder / "a.ipynb").read_text() == "old"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_never_reaches_a_judge():
    """Not even the first one, while it starts: its words would hide the grader's."""
    resource_tracker._resource_tracker._stop()  # the first process to be started starts it
    judge = JudgeProcess(None, "none", LIMITS)
    try:
        held = 0
        while not judge.pipe.poll():
            with open(f"/proc/{judge.process.pid}/status") as file:
                facts = dict(line.split(":", 1) for line in file if line.startswith("Sig"))
            masks = int(facts["SigBlk"], 16) | int(facts["SigIgn"], 16)
            assert masks & 1 << (signal.SIGINT - 1)
            held += 1
        assert held
    finally:
        judge.stop()
