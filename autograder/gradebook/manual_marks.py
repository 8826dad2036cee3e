"""Marks given by hand, read from the gradebook."""

from nbgrader.api import MissingEntry, SubmittedAssignment

from ..judging.results import ManualMarks
from .course import Course


def manual_marks(submission: SubmittedAssignment) -> ManualMarks:
    """What people have marked of a submission, and what they should look at.

    When work is graded again, nbgrader keeps a mark given by hand and asks for another look. So
    cells that wait for a first mark and cells that have one are kept apart.
    """
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    total = 0.0
    for grade in grades:  # not nbgrader's `score`, which is out of date until the row is reloaded
        score = grade.auto_score or 0 if grade.manual_score is None else grade.manual_score
        total += score + (grade.extra_credit or 0)
    pending = [grade for grade in grades if grade.needs_manual_grade]
    return ManualMarks(
        given=sorted(grade.name for grade in grades if grade.manual_score is not None),
        waiting=sorted(grade.name for grade in pending if grade.manual_score is None),
        again=sorted(grade.name for grade in pending if grade.manual_score is not None),
        total_points=total,
    )


def manual_marks_by_student(course: Course, assignment: str) -> dict[str, ManualMarks]:
    """Those of every submission in the gradebook; empty if there is no gradebook."""
    if course.gradebook_file is not None and not course.gradebook_file.exists():
        return {}  # opening it would create one
    with course.gradebook() as gradebook:
        try:
            submissions = gradebook.find_assignment(assignment).submissions
        except MissingEntry:
            return {}
        return {submission.student_id: manual_marks(submission) for submission in submissions}
