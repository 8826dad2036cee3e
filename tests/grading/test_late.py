"""The rule for late work that the guide shows does what it says, and one that fails says so."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT, needs_jail
from nbgrader.api import Gradebook

from autograder.demo import Student, nothing, submit
from autograder.gradebook.course import Course, CourseError
from autograder.gradebook.recorder import Recorder
from autograder.gradebook.release import release

pytestmark = needs_jail


def grade(course: Course, rule: str) -> tuple[int, str]:
    """Grade as on the command line: nothing of this process is on that one's path."""
    (course.root / "late.py").write_text(rule)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "autograder.cli", "grade", "ps1_cells", "--force"],
        cwd=course.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def penalty(course: Course) -> float | None:
    with Gradebook(course.db_url, course.course_id) as gradebook:
        return gradebook.find_submission("ps1_cells", "ada").late_submission_penalty


def test_the_rule_of_the_guide(short_course):
    course = short_course
    release(course, "ps1_cells")
    solved = course.sources("ps1_cells")["ps1_cells"]
    submit(course, Student("ada", "all right", 6, nothing), solved)
    folder = course.path("submitted", "ada", "ps1_cells")
    (folder / "timestamp.txt").write_text("2026-11-26 11:04 UTC")
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.update_or_create_assignment("ps1_cells", duedate="2026-11-25 11:00 UTC")
    guide = (ROOT / "docs" / "instructors.md").read_text()
    (rule,) = [part for part in guide.split("```") if part.startswith("python\n# late.py")]
    (line,) = [part for part in guide.split("`") if part.startswith("c.AssignLatePenalties")]
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write(f"{line}\n")

    status, said = grade(course, rule.removeprefix("python\n"))
    assert status == 0, said
    assert penalty(course) == pytest.approx(0.2 * 6)  # a second day has begun

    status, said = grade(course, rule.removeprefix("python\n").replace("min", "mim"))
    assert status == 1
    assert "the rule for late work failed: NameError: name 'mim' is not defined" in said
    assert penalty(course) == pytest.approx(0.2 * 6)

    status, said = grade(course, "")
    assert status == 2
    assert "the rule for late work cannot be loaded: " in said
    assert "late.TenPercentADay" in said


def test_a_configuration_that_fails_is_named(course):
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write("c.Exchange.root = /srv\n")
    with pytest.raises(CourseError, match=r"nbgrader_config.py failed: SyntaxError: "):
        Recorder(Course(course.root), "ps1_cells")
