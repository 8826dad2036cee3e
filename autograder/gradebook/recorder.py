"""Records graded submissions: in the gradebook, as autograded notebooks, and as result.json.

The order makes a crash harmless: result.json comes last, and a submission without one is graded
again. Each submission is one transaction of the gradebook.
"""

import fcntl
import json
import os
import shutil
import time
from pathlib import Path
from typing import IO

import nbformat
from nbgrader.api import (
    Comment,
    Grade,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import compute_checksum
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from traitlets import TraitError

from rnncourse.files import remove_unfinished, write_json

from ..judging.results import SubmissionResult
from ..submissions.model import Submission
from .course import Course, CourseError, database_message
from .manual_marks import manual_marks

GRADEBOOK_TIMEOUT = 30  # seconds that another writer may lock the gradebook, or its server be down


class RecordError(Exception):
    """A submission was graded and could not be recorded; it counts as not graded yet."""


class _LateError(Exception):
    """The instructor's own rule for late work failed."""


class Recorder:
    """Keeps the gradebook open during a run and records submissions, one at a time."""

    def __init__(self, course: Course, assignment: str):
        self.course = course
        self.assignment = assignment
        self.results = course.results(assignment)
        self._lock = _lock(self.results)
        self.gradebook = course.gradebook()
        try:
            self._late = AssignLatePenalties(config=course.config)
            self._late.init_plugin()
        except (TraitError, ImportError) as error:
            self.close()
            raise CourseError(f"the rule for late work cannot be loaded: {error}") from error

    def close(self) -> None:
        self.gradebook.close()
        self._lock.close()

    def recorded(self, student: str, digest: str) -> SubmissionResult | None:
        """The recorded result of a submission with this digest, if the gradebook agrees with it.

        Its manual marks are the present ones.
        """
        try:
            raw = json.loads(self.course.result_file(student, self.assignment).read_bytes())
            result = SubmissionResult.from_json(raw)
        except (OSError, ValueError, RecursionError):
            return None
        if result.digest != digest:
            return None
        try:
            submission = self.gradebook.find_submission(self.assignment, student)
            scores = {
                (notebook.name, grade.name): grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            result.manual_marks = manual_marks(submission)
        except MissingEntry:
            return None
        finally:
            # End the read transaction, so that marks entered meanwhile are visible.
            self.gradebook.db.rollback()
        for cell in result.cells:
            if scores.get((cell.notebook, cell.grade_id)) != cell.points:
                return None
        autograded = self.course.path("autograded", student, self.assignment)
        return result if autograded.is_dir() else None

    def record(self, submission: Submission, result: SubmissionResult) -> None:
        """Record a graded submission and set the manual marks of its result.

        Errors: RecordError, after which the submission counts as not graded; CourseError if the
        gradebook's server cannot be reached, so that no other could be recorded either.
        """
        target = self.course.path("autograded", submission.student, self.assignment)
        new = target.with_name(f".{target.name}.new")
        result_file = self.course.result_file(submission.student, self.assignment)
        try:
            self._write_files(new, submission)
            self._write_gradebook(submission, result)
            _replace_folder(target, new)
            remove_unfinished(result_file.parent)
            write_json(result_file, result.to_json())
        except (OSError, SQLAlchemyError, UnicodeError, _LateError) as error:
            self.gradebook.db.rollback()
            shutil.rmtree(new, ignore_errors=True)
            if self._is_server_failure(error):
                raise CourseError(
                    f"the gradebook's server has failed for {GRADEBOOK_TIMEOUT} s: "
                    f"{database_message(error)}. What was recorded stays; run the same command "
                    "again to continue"
                ) from error
            raise RecordError(f"could not be recorded: {database_message(error)}") from error

    def _write_files(self, folder: Path, submission: Submission) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, content in submission.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for name, notebook in submission.notebooks.items():
            # A student's text may hold lone surrogates: they become "?".
            text = nbformat.v4.writes(notebook)
            (folder / f"{name}.ipynb").write_bytes(text.encode("utf-8", "replace"))
        for path in folder.rglob("*"):
            if path.is_file():
                path.chmod(0o444)  # as nbgrader leaves them

    def _write_gradebook(self, submission: Submission, result: SubmissionResult) -> None:
        deadline = time.monotonic() + GRADEBOOK_TIMEOUT
        while True:
            try:
                marks = manual_marks(self._enter(submission, result))
                self.gradebook.db.commit()
            except OperationalError as error:
                self.gradebook.db.rollback()
                temporary = self._is_server_failure(error) or "locked" in str(error)
                if not temporary or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                result.manual_marks = marks
                return

    def _is_server_failure(self, error: Exception) -> bool:
        """Whether it is the server's own failure: a restart, a lost connection, a deadlock.

        That is what OperationalError means, except for sqlite, which has no server.
        """
        return isinstance(error, OperationalError) and self.gradebook.engine.name != "sqlite"

    def _enter(self, submission: Submission, result: SubmissionResult) -> SubmittedAssignment:
        """Enter scores, comments and late penalties; nothing is committed."""
        db = self.gradebook.db
        row = self._submission_row(submission)
        points = {(cell.notebook, cell.grade_id): cell.points for cell in result.cells}
        for notebook in row.notebooks:
            unanswered = _unanswered(submission, notebook.name)
            for grade in notebook.grades:
                if notebook.name in submission.problems:
                    grade.auto_score = 0
                    grade.needs_manual_grade = grade.manual_score is not None
                    continue
                grade.auto_score = points.get((notebook.name, grade.name))
                grade.needs_manual_grade = (
                    grade.manual_score is not None or grade.auto_score is None
                )
            for comment in notebook.comments:
                if notebook.name not in submission.problems:
                    comment.auto_comment = "No response." if comment.name in unanswered else None
        db.flush()
        for notebook in row.notebooks:
            notebook.late_submission_penalty = None
            if row.total_seconds_late > 0:
                db.refresh(notebook)
                notebook.late_submission_penalty = self._penalty(
                    submission.student, notebook, row.total_seconds_late
                )
        return row

    def _penalty(
        self, student: str, notebook: SubmittedNotebook, seconds_late: float
    ) -> float | None:
        try:
            rule = self._late.plugin_inst.late_submission_penalty
            penalty = rule(student, notebook.score, seconds_late)
            if penalty is None:
                return None
            checked: float = self._late._check_late_penalty(notebook, penalty)
            return checked
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise _LateError(f"the rule for late work failed: {reason}") from error

    def _submission_row(self, submission: Submission) -> SubmittedAssignment:
        """The row of a submission, created with its grades and comments where there is none yet.

        Like Gradebook.add_submission, which however commits a submission before it has any mark.
        """
        timestamp = submission.timestamp
        try:
            existing = self.gradebook.find_submission(self.assignment, submission.student)
        except MissingEntry:
            pass
        else:
            if timestamp is not None:
                existing.timestamp = timestamp
            return existing
        db = self.gradebook.db
        student = db.get(Student, submission.student)
        if student is None:
            student = Student(id=submission.student)
            db.add(student)
        assignment = self.gradebook.find_assignment(self.assignment)
        with db.no_autoflush:
            created = SubmittedAssignment(
                assignment=assignment, student=student, timestamp=timestamp
            )
            for notebook in assignment.notebooks:
                row = SubmittedNotebook(notebook=notebook, assignment=created)
                for cell in notebook.grade_cells:
                    Grade(cell_id=cell.id, notebook=row)
                for cell in notebook.solution_cells:
                    Comment(cell_id=cell.id, notebook=row)
                for cell in notebook.task_cells:
                    Comment(cell_id=cell.id, notebook=row)
                    Grade(cell_id=cell.id, notebook=row)
            db.add(created)
        db.flush()
        return created


def _unanswered(submission: Submission, name: str) -> set[str]:
    """The solution cells of a notebook that are as they were released."""
    notebook = submission.notebooks.get(name)
    return {
        cell.metadata.nbgrader["grade_id"]
        for cell in (notebook.cells if notebook else [])
        if cell.metadata.get("nbgrader", {}).get("solution")
        and cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
    }


def _lock(results: Path) -> IO[bytes]:
    """A lock that is held during a run: two graders would write to the same places."""
    results.mkdir(parents=True, exist_ok=True)
    file = open(results / ".lock", "wb")  # noqa: SIM115  closed with the recorder
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise CourseError(
            f"another grader is working on {results.name}: wait until it is done"
        ) from None
    return file


def _replace_folder(target: Path, new: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.rename(target, old)
    os.rename(new, target)
    shutil.rmtree(old, ignore_errors=True)
