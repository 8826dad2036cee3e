"""Every attack in tests/attacks, handed in to one class: what it earns, sees and leaves behind.

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
    hand_in,
    honest,
    new_canaries,
    new_course,
)
from conftest import ROOT, needs_jail
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from nbgrader.exchange import ExchangeFactory
from sqlalchemy import text

from autograder.gradebook.course import Course
from autograder.grading.run import grade_assignment

pytestmark = needs_jail

MOST_MEMORY = 3 << 30  # of any one process in the class's grading
MOST_OUTPUT = 24 << 20  # of a graded notebook
ATTACKS = attacks()
HONEST = [
    "!honest",
    *(f"{one.name}+honest" for one in ATTACKS[:: max(1, len(ATTACKS) // 10)]),
    "~honest",
]
WRONG = ["!wrong", "~wrong"]  # one exercise is wrong, and must be found to be before and after
CANARIES = new_canaries()
CONFIG = (ROOT / "nbgrader_config.py").read_text()


# --- the class ------------------------------------------------------------------------------------


def everyone_hands_in(course: Course) -> None:
    for attack in ATTACKS:
        for student in attack.students:
            hand_in(attack, student, course)
    wrong = {"gru_step": "def gru_step(x, h, *rest):\n    return None"}
    for student in HONEST[1:]:
        hand_in(honest(student, CANARIES), student, course)
    for student in WRONG:
        hand_in(honest(student, CANARIES, answers=wrong), student, course)


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


def strays(mark: str) -> list[str]:
    """Processes that see a folder whose name has the mark in it: those of our jails."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (process / "mountinfo").read_text():
                    found.append((process / "cmdline").read_bytes().decode(errors="replace"))
    return found


def page(course: Course, student: str) -> None:
    """Make the feedback page of one student."""
    api = NbGraderAPI(course.directory(), config=course.config)
    answer = api.generate_feedback(ASSIGNMENT, student, force=True)
    assert answer["success"], answer.get("log")


def digest(*folders: Path) -> str:
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            if path.is_file():
                found.update(str(path).encode() + path.read_bytes())
    return found.hexdigest()


def grade_class(folder: Path) -> None:
    """Grade the class and write down what was seen around it."""
    # A name that is in the jails' list of mounts, by which their processes are known.
    temporary = folder.with_name(f"{folder.name}-temporary-{os.getpid()}")
    temporary.mkdir()
    with environment(CLASS_SECRET=CANARIES["environment"], TMPDIR=str(temporary)):
        course = new_course(folder, CONFIG, CANARIES)
        everyone_hands_in(course)
        guarded = [folder / "solutions", folder / "exam.txt", folder / "nbgrader_config.py"]
        before = digest(*guarded)
        started = time.monotonic()
        graded = grade_assignment(course, ASSIGNMENT, jobs=2, limits=LIMITS)
        ended = time.monotonic()
        seen = {
            "seconds": ended - started,
            "memory": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10,
            "errors": {one.student: one.error for one in graded},
            "unchanged": digest(*guarded) == before,
            "strays": strays(temporary.name),
            "left": sorted(one.name for one in temporary.iterdir()),
            "canaries": CANARIES,
        }
    shutil.rmtree(temporary, ignore_errors=True)
    for attack in ATTACKS:
        if attack.absent:
            page(course, attack.name)
    # Too deep for pytest's own tidying up.
    deep = course.path("submitted", "very_deep_folders", ASSIGNMENT)
    subprocess.run(["rm", "-rf", str(deep)], check=True)
    (folder / "seen.json").write_text(json.dumps(seen))


@dataclass
class Class:
    """The class after its grading."""

    course: Course

    @cached_property
    def seen(self) -> dict[str, Any]:
        return json.loads((self.course.root / "seen.json").read_text())

    def folders(self, student: str) -> list[Path]:
        """All that was produced of one student."""
        steps = [self.course.path(step, student, ASSIGNMENT) for step in ("autograded", "feedback")]
        return [*steps, self.course.results(ASSIGNMENT) / student]

    def result(self, student: str) -> dict[str, Any]:
        assert self.seen["errors"][student] is None
        return json.loads((self.folders(student)[-1] / "result.json").read_text())

    def points(self, student: str) -> dict[str, float]:
        """Points by exercise."""
        found = {cell["grade_id"]: cell["points"] for cell in self.result(student)["cells"]}
        return {name: found[cell.metadata.nbgrader.grade_id] for name, cell in self.tests.items()}

    @cached_property
    def tests(self) -> dict[str, Any]:
        return grading_cells(self.course.sources(ASSIGNMENT)[ASSIGNMENT])

    @cached_property
    def worth(self) -> dict[str, float]:
        return {name: float(cell.metadata.nbgrader.points) for name, cell in self.tests.items()}

    def shown(self, student: str) -> str:
        """Everything that is said or shown in a student's results, but for the code itself."""
        result = self.result(student)
        parts = [*result["notes"], *result["problems"].values()]
        for cell in result["cells"]:
            parts += [cell["message"] or "", *(one["message"] or "" for one in cell["properties"])]
        path = self.course.path("autograded", student, ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
        for cell in nbformat.read(path, as_version=4).cells:
            for one in cell.get("outputs", []):
                parts += [one.get("text", ""), one.get("evalue", ""), *one.get("data", {}).values()]
        return "\n".join(map(str, parts))

    def everything(self, student: str) -> Iterator[tuple[Path, str]]:
        """Every file that was produced of a student."""
        for folder in self.folders(student):
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    yield path, path.read_bytes().decode(errors="replace")


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Class:
    """The class. Test workers that run side by side share it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "attacks"
    with alone(base / "attacks.lock"):
        if not (folder / "seen.json").exists():
            grade_class(folder)
    return Class(Course(folder))


def cases(chosen: list[Attack]) -> Any:
    return pytest.mark.parametrize(
        "attack",
        [
            pytest.param(
                one,
                id=one.name,
                marks=[pytest.mark.xfail(reason=one.known, strict=True)] if one.known else [],
            )
            for one in chosen
        ],
    )


# --- what came of each attack ---------------------------------------------------------------------


@cases(ATTACKS)
def test_it_earns_no_more_than_was_honest(graded, attack):
    for student in attack.students:
        earned = graded.points(student)
        for exercise, worth in graded.worth.items():
            points = earned[exercise]
            assert points is not None, f"{exercise} has no mark"
            assert points <= attack.most(exercise, worth), f"{exercise} earned {points}"
            assert points >= attack.least(exercise, worth), f"{exercise} lost its mark: {points}"


@cases([one for one in ATTACKS if one.shows])
def test_it_has_really_been_tried(graded, attack):
    for student in attack.students:
        assert re.search(attack.shows, graded.shown(student))


@cases([one for one in ATTACKS if one.suspicious])
def test_it_is_named(graded, attack):
    for student in attack.students:
        assert re.search(attack.suspicious, "\n".join(graded.result(student)["suspicious"]))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)
def test_it_has_seen_nothing_and_is_bounded(graded, attack):
    for student in attack.students:
        result = graded.result(student)
        assert sum(result["seconds"].values()) < attack.seconds
        for path, content in graded.everything(student):
            for canary in graded.seen["canaries"].values():
                assert canary not in content, f"{path.name} holds the canary {canary}"
            if attack.absent and path.suffix == ".html":
                assert not re.search(attack.absent, content), path.name
            if path.suffix in (".ipynb", ".html") or path.name == "result.json":
                assert len(content) < MOST_OUTPUT, f"{path.name} is too large"


def test_every_page_was_made(graded):
    for attack in ATTACKS:
        if attack.absent:
            assert list(graded.folders(attack.name)[1].glob("*.html")), attack.name


# --- what came of them in nbgrader's own autograde -----------------------------------------------


@pytest.fixture(scope="module")
def by_nbgrader(tmp_path_factory) -> Class:
    """Those attacks that aim at nbgrader's own steps, graded by its autograde."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "attacks-by-nbgrader"
    chosen = [one for one in ATTACKS if one.seam]
    with alone(base / "attacks-by-nbgrader.lock"):
        if not (folder / "seen.json").exists():
            course = new_course(folder, CONFIG, CANARIES)
            hand_in(honest("~honest", CANARIES), "~honest", course)
            for attack in chosen:
                hand_in(attack, attack.name, course)
            api = NbGraderAPI(course.directory(), config=course.config)
            with environment(CLASS_SECRET=CANARIES["environment"]):
                for student in ("!honest", *(one.name for one in chosen), "~honest"):
                    if api.autograde(ASSIGNMENT, student)["success"]:
                        page(course, student)
            (folder / "seen.json").write_text(json.dumps({"canaries": CANARIES}))
    return Class(Course(folder))


def marks(course: Course, student: str) -> dict[str, float]:
    """What the gradebook holds; nothing where nbgrader has refused the submission."""
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


@pytest.mark.parametrize("attack", [one for one in ATTACKS if one.seam], ids=lambda one: one.name)
def test_nbgrader_s_own_autograde_is_behind_the_wall_as_well(by_nbgrader, attack):
    found = marks(by_nbgrader.course, attack.name)
    assert found.get(MANUAL, 0) == 0, "it has marked its own essay"
    for exercise, cell in by_nbgrader.tests.items():
        worth = by_nbgrader.worth[exercise]
        points = found.get(cell.metadata.nbgrader.grade_id, 0)
        assert points <= attack.most(exercise, worth), f"{exercise} earned {points}"
    path = by_nbgrader.course.path("autograded", attack.name, ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
    pages = by_nbgrader.course.path("feedback", attack.name, ASSIGNMENT).glob("*.html")
    for one in (path, *pages):
        if one.exists():
            for canary in by_nbgrader.seen["canaries"].values():
                assert canary not in one.read_text(errors="replace"), one.name


def test_nothing_of_a_submission_ran_in_nbgrader(by_nbgrader):
    assert not (by_nbgrader.course.root / "PWNED").exists()


@pytest.mark.parametrize("student", ["!honest", "~honest"])
def test_nbgrader_s_own_autograde_gives_the_honest_full_marks(by_nbgrader, student):
    found = marks(by_nbgrader.course, student)
    for exercise, cell in by_nbgrader.tests.items():
        assert found[cell.metadata.nbgrader.grade_id] == by_nbgrader.worth[exercise]


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
    found = {path.name for path in (tmp_path / "collected").rglob("*")}
    assert found - {"link.txt", "folder"} == {"file.txt"}
    assert not (tmp_path / "collected" / "link.txt").exists()
    assert not (tmp_path / "collected" / "folder").exists()


def test_the_inputs_depend_on_the_files_beside_the_notebook(graded):
    course, student = graded.course, "exchanged_data_file"
    before = {cell["grade_id"]: cell["seed"] for cell in graded.result(student)["cells"]}
    path = course.path("submitted", student, ASSIGNMENT) / "answers.json"
    kept = path.read_bytes()
    path.write_text('{"0.25": 2}')
    try:
        (again,) = grade_assignment(course, ASSIGNMENT, [student], limits=LIMITS)
    finally:
        path.write_bytes(kept)
    after = {cell["grade_id"]: cell["seed"] for cell in again.result["cells"]}
    tested = {name for name, seed in after.items() if seed is not None}
    assert tested and all(before[name] != after[name] for name in tested)


# --- what came of the others ----------------------------------------------------------------------


@pytest.mark.parametrize("student", HONEST)
def test_an_honest_student_has_full_marks(graded, student):
    result = graded.result(student)
    assert graded.points(student) == graded.worth
    assert result["suspicious"] == []


@pytest.mark.parametrize("student", WRONG)
def test_a_mistake_is_still_a_mistake(graded, student):
    assert graded.points(student) == {**graded.worth, "gru_step": 0}


def test_nobody_was_left_out(graded):
    assert {one: error for one, error in graded.seen["errors"].items() if error} == {}


def test_solutions_and_files_of_the_course_are_as_they_were(graded):
    assert graded.seen["unchanged"]
    names = {one.name for one in graded.course.root.iterdir()}
    known = {"nbgrader_config.py", "exam.txt", "solutions", "assignments", "class", "seen.json"}
    assert names - {"gradebook.db"} <= known


def test_no_process_of_a_jail_is_left(graded):
    assert graded.seen["strays"] == []
    assert graded.seen["left"] == []


def test_time_and_memory_were_bounded(graded):
    assert graded.seen["seconds"] < 180
    assert graded.seen["memory"] < MOST_MEMORY


def test_the_gradebook_holds_our_rows_and_no_others(graded):
    students = {one for attack in ATTACKS for one in attack.students} | {*HONEST, *WRONG}
    with Gradebook(graded.course.db_url, graded.course.course_id) as gradebook:
        assert {one.id for one in gradebook.students} == students | {"dean"}
        assert [one.name for one in gradebook.assignments] == [ASSIGNMENT]
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
