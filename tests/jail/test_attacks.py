"""Every attack in tests/attacks, submitted to one class: what it earns, sees and leaves behind.

The attackers are graded once, by two judges, with honest students before, between and after them.
There are canaries where a submission must never get: in the solutions, in a neighbour's work, in
the gradebook, in the grader's environment and in files of the course.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
import pytest
from attacks import (
    ASSIGNMENT,
    LIMITS,
    MANUAL,
    Attack,
    attacks,
    grading_cells,
    honest,
    new_canaries,
    new_course,
    submit,
)
from conftest import ROOT, needs_jail
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from nbgrader.exchange import ExchangeFactory
from sqlalchemy import text

from autograder.gradebook.course import Course
from autograder.grading.run import grade_assignment

pytestmark = needs_jail

MAX_MEMORY = 3 << 30  # of any one process in the class's grading
MAX_OUTPUT = 24 << 20  # of a graded notebook
ATTACKS = attacks()
HONEST = [
    "!honest",
    *(f"{attack.name}+honest" for attack in ATTACKS[:: max(1, len(ATTACKS) // 10)]),
    "~honest",
]
WRONG = ["!wrong", "~wrong"]  # one exercise is wrong, and must lose its points before and after
CANARIES = new_canaries()
CONFIG = (ROOT / "nbgrader_config.py").read_text()


# --- the class ------------------------------------------------------------------------------------


def everyone_submits(course: Course) -> None:
    for attack in ATTACKS:
        for student in attack.students:
            submit(attack, student, course)
    wrong = {"gru_step": "def gru_step(x, h, *rest):\n    return None"}
    for student in HONEST[1:]:
        submit(honest(student, CANARIES), student, course)
    for student in WRONG:
        submit(honest(student, CANARIES, answers=wrong), student, course)


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


def strays(mark: str) -> list[str]:
    """Commands of processes that see a folder whose name has the mark in it: those of our jails."""
    commands = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (process / "mountinfo").read_text():
                    commands.append((process / "cmdline").read_bytes().decode(errors="replace"))
    return commands


def make_page(course: Course, student: str) -> None:
    """Make the feedback page of one student."""
    api = NbGraderAPI(course.directory(), config=course.config)
    answer = api.generate_feedback(ASSIGNMENT, student, force=True)
    assert answer["success"], answer.get("log")


def digest(*folders: Path) -> str:
    checksum = hashlib.sha256()
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            if path.is_file():
                checksum.update(str(path).encode() + path.read_bytes())
    return checksum.hexdigest()


def grade_class(folder: Path) -> None:
    """Grade the class and record what was observed around it."""
    # A name that is in the jails' list of mounts, by which their processes are known.
    temporary = folder.with_name(f"{folder.name}-temporary-{os.getpid()}")
    temporary.mkdir()
    try:
        with environment(CLASS_SECRET=CANARIES["environment"], TMPDIR=str(temporary)):
            observed = observed_grading(folder, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        # Too deep for pytest, which would fail to delete it, in this session and in later ones.
        deep = folder / "class" / "submitted" / "very_deep_folders" / ASSIGNMENT
        subprocess.run(["rm", "-rf", str(deep)], check=True)
    for attack in ATTACKS:
        if attack.absent:
            make_page(Course(folder), attack.name)
    (folder / "observed.json").write_text(json.dumps(observed))


def observed_grading(folder: Path, temporary: Path) -> dict[str, Any]:
    """Make the course, submit everything and grade it; what is seen from outside."""
    course = new_course(folder, CONFIG, CANARIES)
    everyone_submits(course)
    guarded = [folder / "solutions", folder / "exam.txt", folder / "nbgrader_config.py"]
    before = digest(*guarded)
    started = time.monotonic()
    graded = grade_assignment(course, ASSIGNMENT, jobs=2, limits=LIMITS)
    ended = time.monotonic()
    return {
        "seconds": ended - started,
        "memory": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10,
        "errors": {submission.student: submission.error for submission in graded},
        "unchanged": digest(*guarded) == before,
        "strays": strays(temporary.name),
        "left": sorted(path.name for path in temporary.iterdir()),
        "canaries": CANARIES,
    }


@dataclass
class Class:
    """The class after its grading."""

    course: Course

    @cached_property
    def observed(self) -> dict[str, Any]:
        return json.loads((self.course.root / "observed.json").read_text())

    def folders(self, student: str) -> list[Path]:
        """Every folder that was produced for one student."""
        steps = [self.course.path(step, student, ASSIGNMENT) for step in ("autograded", "feedback")]
        return [*steps, self.course.results(ASSIGNMENT) / student]

    def result(self, student: str) -> dict[str, Any]:
        assert self.observed["errors"][student] is None
        return json.loads((self.folders(student)[-1] / "result.json").read_text())

    def points(self, student: str) -> dict[str, float]:
        """Points by exercise."""
        points = {cell["grade_id"]: cell["points"] for cell in self.result(student)["cells"]}
        return {name: points[cell.metadata.nbgrader.grade_id] for name, cell in self.tests.items()}

    @cached_property
    def tests(self) -> dict[str, Any]:
        return grading_cells(self.course.sources(ASSIGNMENT)[ASSIGNMENT])

    @cached_property
    def worth(self) -> dict[str, float]:
        return {name: float(cell.metadata.nbgrader.points) for name, cell in self.tests.items()}

    def shown(self, student: str) -> str:
        """Everything that a student's results say or show, except for the code itself."""
        result = self.result(student)
        parts = [*result["notes"], *result["problems"].values()]
        for cell in result["cells"]:
            parts.append(cell["message"] or "")
            parts += [entry["message"] or "" for entry in cell["properties"]]
        path = self.course.path("autograded", student, ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                parts += [output.get("text", ""), output.get("evalue", "")]
                parts += output.get("data", {}).values()
        return "\n".join(map(str, parts))

    def everything(self, student: str) -> Iterator[tuple[Path, str]]:
        """Every file that was produced for a student."""
        for folder in self.folders(student):
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    yield path, path.read_bytes().decode(errors="replace")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Class:
    """The class. Test processes that run side by side share it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "attacks"
    with locked(base / "attacks.lock"):
        if not (folder / "observed.json").exists():
            grade_class(folder)
    return Class(Course(folder))


def cases(chosen: list[Attack]) -> Any:
    return pytest.mark.parametrize(
        "attack",
        [
            pytest.param(
                attack,
                id=attack.name,
                marks=[pytest.mark.xfail(reason=attack.known, strict=True)] if attack.known else [],
            )
            for attack in chosen
        ],
    )


# --- the outcome of each attack -------------------------------------------------------------------


@cases(ATTACKS)
def test_it_earns_no_more_than_was_honest(graded, attack):
    for student in attack.students:
        earned = graded.points(student)
        for exercise, worth in graded.worth.items():
            points = earned[exercise]
            assert points is not None, f"{exercise} has no mark"
            assert points <= attack.max_points(exercise, worth), f"{exercise} earned {points}"
            assert points >= attack.min_points(exercise, worth), (
                f"{exercise} lost its mark: {points}"
            )


@cases([attack for attack in ATTACKS if attack.shows])
def test_it_has_really_been_tried(graded, attack):
    for student in attack.students:
        assert re.search(attack.shows, graded.shown(student))


@cases([attack for attack in ATTACKS if attack.suspicious])
def test_it_is_named(graded, attack):
    for student in attack.students:
        assert re.search(attack.suspicious, "\n".join(graded.result(student)["suspicious"]))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_it_has_seen_nothing_and_is_bounded(graded, attack):
    for student in attack.students:
        result = graded.result(student)
        assert sum(result["seconds"].values()) < attack.seconds
        for path, content in graded.everything(student):
            for canary in graded.observed["canaries"].values():
                assert canary not in content, f"{path.name} holds the canary {canary}"
            if attack.absent and path.suffix == ".html":
                assert not re.search(attack.absent, content), path.name
            if path.suffix in (".ipynb", ".html") or path.name == "result.json":
                assert len(content) < MAX_OUTPUT, f"{path.name} is too large"


def test_every_page_was_made(graded):
    for attack in ATTACKS:
        if attack.absent:
            assert list(graded.folders(attack.name)[1].glob("*.html")), attack.name


# --- their outcome in nbgrader's own autograde ----------------------------------------------------


@pytest.fixture(scope="module")
def by_nbgrader(tmp_path_factory) -> Class:
    """The attacks on nbgrader's own steps, graded by its autograde."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "attacks-by-nbgrader"
    chosen = [attack for attack in ATTACKS if attack.nbgrader]
    with locked(base / "attacks-by-nbgrader.lock"):
        if not (folder / "observed.json").exists():
            course = new_course(folder, CONFIG, CANARIES)
            submit(honest("~honest", CANARIES), "~honest", course)
            for attack in chosen:
                submit(attack, attack.name, course)
            api = NbGraderAPI(course.directory(), config=course.config)
            with environment(CLASS_SECRET=CANARIES["environment"]):
                for student in ("!honest", *(attack.name for attack in chosen), "~honest"):
                    if api.autograde(ASSIGNMENT, student)["success"]:
                        make_page(course, student)
            (folder / "observed.json").write_text(json.dumps({"canaries": CANARIES}))
    return Class(Course(folder))


def marks(course: Course, student: str) -> dict[str, float]:
    """The scores in the gradebook; empty where nbgrader has refused the submission."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        try:
            submission = gradebook.find_submission(ASSIGNMENT, student)
        except MissingEntry:
            return {}
        return {
            grade.name: grade.score
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.nbgrader], ids=lambda attack: attack.name
)
def test_nbgrader_s_own_autograde_is_behind_the_wall_as_well(by_nbgrader, attack):
    earned = marks(by_nbgrader.course, attack.name)
    assert earned.get(MANUAL, 0) == 0, "it has marked its own essay"
    for exercise, cell in by_nbgrader.tests.items():
        worth = by_nbgrader.worth[exercise]
        points = earned.get(cell.metadata.nbgrader.grade_id, 0)
        assert points <= attack.max_points(exercise, worth), f"{exercise} earned {points}"
    path = by_nbgrader.course.path("autograded", attack.name, ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
    pages = by_nbgrader.course.path("feedback", attack.name, ASSIGNMENT).glob("*.html")
    for file in (path, *pages):
        if file.exists():
            for canary in by_nbgrader.observed["canaries"].values():
                assert canary not in file.read_text(errors="replace"), file.name


def test_nothing_of_a_submission_ran_in_nbgrader(by_nbgrader):
    assert not (by_nbgrader.course.root / "PWNED").exists()


@pytest.mark.parametrize("student", ["!honest", "~honest"])
def test_nbgrader_s_own_autograde_gives_the_honest_full_marks(by_nbgrader, student):
    earned = marks(by_nbgrader.course, student)
    for exercise, cell in by_nbgrader.tests.items():
        assert earned[cell.metadata.nbgrader.grade_id] == by_nbgrader.worth[exercise]


def test_collecting_does_not_follow_links(course, tmp_path):
    factory = ExchangeFactory(config=course.config)
    collect = factory.collect(config=course.config, coursedir=course.directory(ASSIGNMENT))
    secret, inbound = tmp_path / "secret", tmp_path / "inbound"
    for folder in (secret, inbound):
        folder.mkdir()
        (folder / "file.txt").write_text(folder.name)
    (inbound / "link.txt").symlink_to(secret / "file.txt")
    (inbound / "folder").symlink_to(secret)
    collect.do_copy(str(inbound), str(tmp_path / "collected"))
    names = {path.name for path in (tmp_path / "collected").rglob("*")}
    assert names - {"link.txt", "folder"} == {"file.txt"}
    assert not (tmp_path / "collected" / "link.txt").exists()
    assert not (tmp_path / "collected" / "folder").exists()


def test_the_inputs_depend_on_the_files_beside_the_notebook(graded):
    course, student = graded.course, "exchanged_data_file"
    before = {cell["grade_id"]: cell["seed"] for cell in graded.result(student)["cells"]}
    path = course.path("submitted", student, ASSIGNMENT) / "answers.json"
    original = path.read_bytes()
    # What the attack shows must stay: others look at the same class.
    path.write_text('{"0.5": 1, "0.25": 2}')
    try:
        (again,) = grade_assignment(course, ASSIGNMENT, [student], limits=LIMITS)
    finally:
        path.write_bytes(original)
    after = {cell.grade_id: cell.seed for cell in again.result.cells}
    tested = {name for name, seed in after.items() if seed is not None}
    assert tested and all(before[name] != after[name] for name in tested)


# --- the others -----------------------------------------------------------------------------------


@pytest.mark.parametrize("student", HONEST)
def test_an_honest_student_has_full_marks(graded, student):
    result = graded.result(student)
    assert graded.points(student) == graded.worth
    assert result["suspicious"] == []


@pytest.mark.parametrize("student", WRONG)
def test_a_mistake_is_still_a_mistake(graded, student):
    assert graded.points(student) == {**graded.worth, "gru_step": 0}


def test_nobody_was_left_out(graded):
    errors = graded.observed["errors"]
    assert {student: error for student, error in errors.items() if error} == {}


def test_solutions_and_files_of_the_course_are_as_they_were(graded):
    assert graded.observed["unchanged"]
    names = {path.name for path in graded.course.root.iterdir()}
    known = {"nbgrader_config.py", "exam.txt", "solutions", "assignments", "class", "observed.json"}
    assert names - {"gradebook.db"} <= known


def test_no_process_of_a_jail_is_left(graded):
    assert graded.observed["strays"] == []
    assert graded.observed["left"] == []


def test_time_and_memory_were_bounded(graded):
    assert graded.observed["seconds"] < 180
    assert graded.observed["memory"] < MAX_MEMORY


def test_the_gradebook_holds_our_rows_and_no_others(graded):
    students = {student for attack in ATTACKS for student in attack.students} | {*HONEST, *WRONG}
    with Gradebook(graded.course.db_url, graded.course.course_id) as gradebook:
        assert {student.id for student in gradebook.students} == students | {"dean"}
        assert [assignment.name for assignment in gradebook.assignments] == [ASSIGNMENT]
        rows = gradebook.db.execute(
            text("SELECT manual_score, extra_credit FROM grade UNION SELECT NULL, NULL")
        ).all()
        assert rows == [(None, None)]
        for student in students:
            submission = gradebook.find_submission(ASSIGNMENT, student)
            marks = {
                grade.name: grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            cells = graded.result(student)["cells"]
            assert marks == {cell["grade_id"]: cell["points"] for cell in cells}
