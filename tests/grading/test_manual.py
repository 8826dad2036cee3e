"""What a person has marked is told apart from what still waits for a first mark."""

import io
import json

import pytest
from conftest import needs_jail
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.demo import Student, nothing, submit
from autograder.gradebook.course import Course
from autograder.gradebook.manual_marks import manual_marks_by_student
from autograder.gradebook.release import release
from autograder.grading.run import grade_assignment
from autograder.reports.attention import attention_items
from autograder.reports.class_report import ClassReport
from autograder.terminal import marks_table

pytestmark = needs_jail

ANSWER = "why_gradients_live"
AWAITS = "awaits manual grading"


def shown(course: Course, **options: object) -> str:
    """The line of a grading run that is about the only student."""
    graded = grade_assignment(course, "ps1_cells", **options)
    file = io.StringIO()
    Console(file=file, width=400).print(marks_table(graded))
    return file.getvalue().splitlines()[2].split("│")[-1].strip()


def mark(course: Course, points: float | None) -> None:
    """As the formgrader does it when a person has typed the points."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        grade = gradebook.find_grade(ANSWER, "ps1_cells", "ps1_cells", "ada")
        grade.manual_score, grade.needs_manual_grade = points, points is None
        gradebook.db.commit()


def attention(course: Course) -> list[str]:
    items = attention_items(ClassReport.load(course, "ps1_cells"))
    return [item.text for item in items if "hand" in item.text]


@pytest.fixture
def course_of_ada(short_course: Course) -> Course:
    """That course, to which Ada has submitted everything right."""
    release(short_course, "ps1_cells")
    solved = short_course.sources("ps1_cells")["ps1_cells"]
    submit(short_course, Student("ada", "all right", 6, nothing), solved)
    return short_course


def test_a_mark_by_hand_is_no_longer_awaited(course_of_ada):
    course = course_of_ada
    assert manual_marks_by_student(course, "ps1_cells") == {}

    assert shown(course) == AWAITS
    assert shown(course) == f"{AWAITS}; unchanged"
    assert attention(course) == [f"To be marked by hand: 1 student, in {ANSWER}."]

    mark(course, 3.5)
    assert shown(course) == "marked by hand: 9.5 in total; unchanged"
    assert attention(course) == []

    # Graded anew: nbgrader keeps the mark and asks for another look.
    again = "marked by hand before (9.5 in total): look again"
    assert shown(course, force=True) == again
    result = json.loads((course.results("ps1_cells") / "ada" / "result.json").read_text())
    assert result["manual_marks"] == {
        "given": [ANSWER],
        "waiting": [],
        "again": [ANSWER],
        "total_points": 9.5,
    }
    assert result["needs_manual_grade"]
    assert attention(course) == ["Graded again after being marked by hand, look again: 1 student."]

    mark(course, None)
    assert shown(course) == f"{AWAITS}; unchanged"


def test_a_mark_by_hand_does_not_hide_behind_work_that_cannot_be_read(course_of_ada):
    course = course_of_ada
    grade_assignment(course, "ps1_cells")
    mark(course, 3.5)
    path = course.path("submitted", "ada", "ps1_cells") / "ps1_cells.ipynb"
    path.write_text(path.read_text()[:2000])
    assert shown(course).endswith("; marked by hand before (3.5 in total): look again")
