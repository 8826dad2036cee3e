"""Submissions in the wrong place are named, not ignored."""

import pytest

from autograder.gradebook.course import Course, CourseError
from autograder.grading.run import grade_assignment

PLACES = [
    "ada/ps1.ipynb",
    "ada.ipynb",
    "ps1/ada/ps1.ipynb",
    "ada/PS-1/ps1.ipynb",
]


def put(course: Course, place: str) -> None:
    path = course.root / "submitted" / place
    path.parent.mkdir(parents=True)
    path.touch()


@pytest.mark.parametrize("place", PLACES)
def test_it_is_named(tmp_path, place):
    course = Course(tmp_path)
    put(course, place)
    shown = f"submitted/{place}" if "PS-1" not in place else "submitted/ada/PS-1"
    assert course.misplaced_submissions("ps1") == [shown]
    with pytest.raises(CourseError, match=f"is empty; in the wrong place: {shown}"):
        grade_assignment(course, "ps1")


@pytest.mark.parametrize("place", ["ada/ps1/ps1.ipynb", "ada/ps2/ps2.ipynb", ".git/ps1.ipynb"])
def test_what_lies_right_or_belongs_to_another_set_is_not(tmp_path, place):
    course = Course(tmp_path)
    put(course, place)
    assert course.misplaced_submissions("ps1") == []


def test_a_slip_in_a_student_s_name_is_told(tmp_path):
    course = Course(tmp_path)
    put(course, "grace/ps1/ps1.ipynb")
    with pytest.raises(CourseError, match=r"'grase' did not submit ps1; did you mean 'grace'\?"):
        grade_assignment(course, "ps1", ["grase"])
