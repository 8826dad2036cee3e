"""A class graded on a Dask cluster gets what it gets here, whoever dies in the middle."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from conftest import ROOT, gradebook_rows, needs_jail

from autograder.demo import Student, broken_file, mistake, nothing, submit
from autograder.gradebook.course import Course
from autograder.gradebook.release import release
from autograder.grading import dask_pool as module
from autograder.grading.dask_pool import ClusterError
from autograder.grading.run import Graded, grade_assignment

ASSIGNMENT = "ps1_cells"
SEED = 20180129
PATIENCE = 120  # seconds for anything to happen

# Stands for a submission that brings down whoever judges it.
PRELOAD = """
import os, signal
from autograder.grading.assignment import Assignment


def dask_setup(worker):
    grade = Assignment.grade

    def fatal(self, judge, raw, seed):
        if raw.submission.student == "fatal":
            os.kill(os.getpid(), signal.SIGKILL)
        return grade(self, judge, raw, seed)

    Assignment.grade = fatal
"""


def with_data(paper: Any) -> None:
    paper.files["data.txt"] = "my own\n"
    paper.first("print(open('data.txt').read())")


STUDENTS = [
    *(Student(f"perfect-{n}", "", 6, nothing) for n in range(4)),
    Student("data", "", 6, with_data),
    Student("broken", "", 0, broken_file),
    Student("wrong", "", 0, mistake("elman_step", "always_tanh")),
]


class Dask:
    """A scheduler and its workers, each a process, on this machine."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.processes: list[psutil.Popen] = []

    def start(self) -> None:
        preload = self.folder / "preload.py"
        preload.write_text(PRELOAD)
        # Whatever becomes of this process, the scheduler ends by itself, and then the workers do.
        self.scheduler = self._start("scheduler", "--port", "0", "--idle-timeout", "120s")
        # Dask writes it where it lies: for a moment it is there and empty.
        until(lambda: self.file.exists() and self.file.read_text().strip().endswith("}"))
        self.address = json.loads(self.file.read_text())["address"]
        options = ("--nthreads", "1", "--memory-limit", "0", "--no-nanny", "--death-timeout", "60")
        options += ("--preload", str(preload))
        self.workers = [self._start("worker", *options) for _ in range(2)]
        with module.connect(self.address) as client:
            client.wait_for_workers(2, PATIENCE)

    def _start(self, role: str, *options: str) -> psutil.Popen:
        command = [sys.executable, "-m", "dask", role, "--scheduler-file", str(self.file)]
        command += ["--host", "127.0.0.1", "--no-dashboard", *options]
        with open(self.folder / f"{role}.log", "ab") as log:
            process = psutil.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        family = [child for process in self.processes for child in family_of(process)]
        for process in [*self.processes, *family]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for process in self.processes:
            process.wait()


def family_of(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def until(happened: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def dask(tmp_path_factory) -> Iterator[Dask]:
    pytest.importorskip("distributed", reason="needs Dask: pip install 'rnncourse[cluster]'")
    made = Dask(tmp_path_factory.mktemp("dask"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def class_of_students(short_course: Course) -> Course:
    course = short_course
    release(course, ASSIGNMENT)
    (course.path("source", ".", ASSIGNMENT) / "given.txt").write_text("the instructor's\n")
    solved = course.sources(ASSIGNMENT)[ASSIGNMENT]
    for student in STUDENTS:
        submit(course, student, solved)
    return course


def timeless(value: Any) -> Any:
    """A result without the seconds that it took."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key != "seconds"}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def left_by(course: Course) -> dict[str, Any]:
    """Every file that grading has written, without times and cells' random ids."""
    contents: dict[str, Any] = {}
    for top in ("autograded", "results"):
        for path in sorted((course.root / "class" / top).rglob("*.*")):
            content: Any = path.read_bytes()
            if path.suffix == ".json":
                content = timeless(json.loads(content))
            elif path.suffix == ".ipynb":
                cells = nbformat.read(path, as_version=4).cells
                content = [(cell.source, cell.get("outputs")) for cell in cells]
            contents[str(path.relative_to(course.root))] = content
    return contents


@needs_jail
def test_two_workers_of_which_one_is_killed_leave_what_a_local_run_leaves(
    class_of_students, dask, tmp_path_factory
):
    course = Course(
        shutil.copytree(class_of_students.root, tmp_path_factory.mktemp("its") / "course")
    )
    grade_assignment(class_of_students, ASSIGNMENT, seed=SEED)

    def interrupt(graded: Graded, done: int, total: int) -> None:
        assert graded.error is None
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade_assignment(course, ASSIGNMENT, cluster=dask.address, seed=SEED, progress=interrupt)
    assert len(list(course.results(ASSIGNMENT).glob("*/result.json"))) == 1
    for worker in dask.workers:  # they let go of their jails
        until(lambda worker=worker: not family_of(worker))

    killed, jail = dask.workers[0], []

    def kill(graded: Graded, done: int, total: int) -> None:
        if not jail and (family := family_of(killed)):
            jail.extend(family)
            killed.kill()

    graded = grade_assignment(course, ASSIGNMENT, cluster=dask.address, seed=SEED, progress=kill)
    assert killed.wait() == -signal.SIGKILL and jail
    assert [submission.error for submission in graded] == [None] * len(STUDENTS)
    assert [submission.skipped for submission in graded].count(True) == 1
    assert {submission.student for submission in graded} == {student.name for student in STUDENTS}
    assert left_by(course) == left_by(class_of_students)
    assert gradebook_rows(course) == gradebook_rows(class_of_students)
    _, alive = psutil.wait_procs(jail, PATIENCE)
    assert alive == []
    until(lambda: not family_of(dask.workers[1]))


@needs_jail
def test_what_cannot_be_graded_is_said(class_of_students, dask, monkeypatch):
    submit(
        class_of_students,
        Student("fatal", "", 6, nothing),
        class_of_students.sources(ASSIGNMENT)[ASSIGNMENT],
    )

    def grade(*students: str, **options: Any) -> list[Graded]:
        return grade_assignment(
            class_of_students, ASSIGNMENT, students, cluster=dask.address, force=True, **options
        )

    with monkeypatch.context() as patch:
        real = module.versions()
        patch.setattr(module, "versions", lambda: real | {"torch": "0.1"})
        with pytest.raises(ClusterError, match=r"cannot grade: torch is .* there and 0.1 here"):
            grade("perfect-0")

    # One that kills its worker is tried on another, and then no more.
    perfect, fatal = grade("perfect-0", "fatal")
    assert perfect.error is None and perfect.result.points == 6
    assert fatal.result is None and fatal.error.startswith("not graded: its worker died")
    assert [worker.wait() for worker in dask.workers] == [-signal.SIGKILL] * 2

    monkeypatch.setattr(module, "WORKER_TIMEOUT", 1)
    with pytest.raises(ClusterError, match="has no worker: start some with `dask worker tcp"):
        grade("perfect-0")
    monkeypatch.setattr(module, "WORKER_TIMEOUT", PATIENCE)
    dask.scheduler.suspend()  # it is there and does not answer
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 1)
    with pytest.raises(ClusterError, match=r"no Dask scheduler answers .* \(silence\)"):
        grade("perfect-0")
    dask.scheduler.kill()
    dask.scheduler.wait()
    with pytest.raises(ClusterError, match=r"refused.*start one with `dask scheduler`"):
        grade("perfect-0")


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'rnncourse\[cluster\]'"):
        module.connect("tcp://127.0.0.1:1")
