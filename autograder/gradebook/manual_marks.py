"""What people mark: the marks they have given, and those that the gradebook waits for."""

from typing import Any

from nbgrader.api import MissingEntry, SubmittedAssignment

from .course import Course


def by_hand(submission: SubmittedAssignment) -> dict[str, Any]:
    """Of one submission: whether people have marked any of it, and what they should look at.

    nbgrader keeps a mark that a person has given when the work is graded anew, and asks for
    another look. So what waits for its first mark and what has one are kept apart.
    """
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    given = [grade for grade in grades if grade.manual_score is not None]
    marks = [  # nbgrader's own `score` is computed as a row is loaded: too early
        (grade.manual_score if grade in given else grade.auto_score or 0)
        + (grade.extra_credit or 0)
        for grade in grades
    ]
    asked = [grade for grade in grades if grade.needs_manual_grade]
    return {
        "given": sorted(one.name for one in given),
        "waiting": sorted(one.name for one in asked if one not in given),
        "again": sorted(one.name for one in asked if one in given),
        "points_in_all": sum(marks),  # as in the gradebook, before a late penalty
    }


def of_class(course: Course, assignment: str) -> dict[str, dict[str, Any]]:
    """That of everyone in the gradebook, by student; empty where there is no gradebook."""
    if course.gradebook_file is not None and not course.gradebook_file.exists():
        return {}  # opening it would make one
    with course.gradebook() as gradebook:
        try:
            submissions = gradebook.find_assignment(assignment).submissions
        except MissingEntry:
            return {}
        return {one.student_id: by_hand(one) for one in submissions}
