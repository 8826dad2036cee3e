"""What befalls a grader costs no one a mark: faults while a class is graded, one after the other.

`benchmarks/faults.py` does the same at random moments of a larger class.
"""

import contextlib
import multiprocessing
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import needs_jail
from faults import (
    ASSIGNMENT,
    FAULTS,
    SEED,
    Run,
    a_class,
    can_mount,
    check,
    copied,
    differences,
    judges,
    left,
    locked,
    mark_by_hand,
    own_disk,
    recorded,
    released_course,
    submit_again,
    submitted_class,
)
from nbformat.v4 import new_code_cell, new_notebook

from autograder.cli import main
from autograder.demo import Student, nothing
from autograder.gradebook.course import Course
from autograder.grading import run as grading
from autograder.grading.assignment import Assignment
from autograder.grading.pool import Stopped
from autograder.grading.process_pool import JudgeProcess
from autograder.grading.run import grade_assignment
from autograder.judging.judge import Judge
from autograder.sandbox.jail import JailError
from autograder.submissions.model import RawSubmission, Submission

pytestmark = needs_jail

SIZE = 5


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Course:
    return released_course(tmp_path_factory.mktemp("released"))


def some_are_recorded(run: Run) -> bool:
    return any(path.stat().st_mtime_ns > run.started for path in recorded(run.course))


def test_a_class_is_graded_whatever_befalls_the_grader(released, tmp_path):
    dice = random.Random(5)
    undisturbed = submitted_class(released, tmp_path / "undisturbed", a_class(SIZE, dice))
    possible = [fault for fault in FAULTS[-6:] if can_mount() or not fault.on_disk]
    pairs = list(zip(possible[::2], possible[1::2], strict=True))
    with own_disk(tmp_path / "disturbed") as place:
        disturbed = copied(undisturbed, place)
        for number, faults in enumerate(pairs):
            if number > 0:
                submit_again(disturbed)  # so that all must be graded when the next ones strike
            run = Run(disturbed)
            for fault in faults:
                # One judge dies as it starts, before it has read what it is to do.
                run.until(judges if fault.name == "judge killed" else some_are_recorded)
                fault.strike(run, dice)
            check(run, run.finish(), faults)
            if number == 0:
                first = recorded(disturbed)[0].parent.name
                mark_by_hand(disturbed, first)
        last = Run(disturbed)
        check(last, last.finish(), [])
        grade_assignment(undisturbed, ASSIGNMENT, [first], seed=SEED)
        mark_by_hand(undisturbed, first)
        for _ in pairs[1:]:
            submit_again(undisturbed)
        grade_assignment(undisturbed, ASSIGNMENT, jobs=2, seed=SEED)
        assert len(recorded(disturbed)) == SIZE
        assert differences(left(disturbed), left(undisturbed)) == []


@dataclass
class Poisoned(Assignment):
    """An assignment in which one submission ends every judge that is given it."""

    def grade(self, judge: Judge, raw: RawSubmission, seed: int) -> Any:
        if raw.submission.student == "poison":
            with open(self.course.root / "tried", "a") as file:
                file.write("x")
            os._exit(1)
        return super().grade(judge, raw, seed)


def test_a_submission_with_which_every_judge_dies_is_named_and_given_up(
    released, tmp_path, monkeypatch
):
    names = ("first", "poison", "zero")
    students = [Student(name, "", 50, nothing) for name in names]
    course = submitted_class(released, tmp_path / "course", students)
    loaded = Assignment.load(course, ASSIGNMENT)
    poisoned = Poisoned(course, ASSIGNMENT, loaded.cells, loaded.sources, loaded.files)
    monkeypatch.setattr(Assignment, "load", lambda *_: poisoned)
    submissions = grade_assignment(course, ASSIGNMENT, jobs=1)
    graded = {submission.student: submission for submission in submissions}
    assert "judge's process died" in graded["poison"].error
    assert (course.root / "tried").read_text() == "x" * grading.MAX_ATTEMPTS
    for name in ("first", "zero"):
        assert graded[name].error is None and graded[name].result.points == 50


def test_the_end_of_a_jail_is_not_the_student_s_failure():
    cell = new_code_cell("def f():\n    import os\n    os._exit(1)")
    cell.metadata["nbgrader"] = {"solution": True, "grade": False, "grade_id": "f"}
    # The test comes upon a crash of the student's, and then the jail ends.
    test = new_code_cell(
        "import contextlib, psutil, autograder\n"
        "with contextlib.suppress(Exception):\n    f()\n"
        "for child in psutil.Process().children(recursive=True):\n"
        "    child.kill(); child.wait(9)\n"
        "assert f() == 1"
    )
    test.metadata["nbgrader"] = {"solution": False, "grade": True, "grade_id": "t", "points": 1}
    judge = Judge()
    with contextlib.closing(judge):
        with pytest.raises(JailError):
            judge.grade(new_notebook(cells=[cell, test]), new_notebook(cells=[cell, test]), seed=1)
        # The next one gets a new jail.
        test.source = "import autograder\nassert f.__name__ == 'f'"
        result = judge.grade(
            new_notebook(cells=[cell, test]), new_notebook(cells=[cell, test]), seed=1
        )
        assert result.cells[0].points == 1


def test_a_judge_that_dies_when_it_is_given_work_is_found_at_its_pipe():
    judge = JudgeProcess.__new__(JudgeProcess)
    judge.pipe, child_pipe = multiprocessing.Pipe()
    child_pipe.close()
    judge.assign(RawSubmission(Submission("Ada")), 1)
    assert isinstance(judge.receive(), Stopped)


def test_what_keeps_a_grader_from_starting_is_said_in_words(released, tmp_path, capsys):
    course = submitted_class(released, tmp_path / "course", [Student("Ada", "", 50, nothing)])
    with locked(course):
        assert main(["grade", ASSIGNMENT, "--course", str(course.root)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "cannot be opened" in said and said.endswith("database is locked")
    seed = Path(course.results(ASSIGNMENT) / "seed.json")
    seed.mkdir(parents=True)  # stands for whatever the system may refuse
    assert main(["grade", ASSIGNMENT, "--course", str(course.root)]) == 2
    assert "Is a directory" in capsys.readouterr().err
