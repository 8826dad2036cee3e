"""Writes what the judge found: gradebook, autograded notebooks, and a companion file with the rest.

The order makes a crash harmless: the companion file comes last, and a submission without one is
graded again. One submission is one transaction of the gradebook.
"""

import fcntl
import json
import os
import shutil
import time
from pathlib import Path
from typing import IO, Any

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

from ..submissions.model import Submission
from .course import Course, CourseError, reason
from .manual_marks import by_hand

LOCK_PATIENCE = 30  # seconds that another writer may hold the gradebook, or its server be away


class RecordError(Exception):
    """A submission was graded and could not be recorded; it counts as not graded yet."""


class _LateError(Exception):
    """The instructor's own rule did not come to a penalty."""


class Recorder:
    """Keeps the gradebook open for a run and writes submissions into it, one at a time."""

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

    # --- has this been done already? ----------------------------------------------------------

    def companion(self, student: str) -> Path:
        """The file that holds a student's properties, misconceptions and times."""
        return self.results / student / "result.json"

    def recorded(self, student: str, digest: str) -> dict[str, Any] | None:
        """The result of an earlier run over the same files, if the gradebook still has it."""
        try:
            result = json.loads(self.companion(student).read_text())
        except (OSError, ValueError):
            return None
        if not isinstance(result, dict) or result.get("digest") != digest:
            return None
        try:
            submission = self.gradebook.find_submission(self.assignment, student)
            marks = {
                (notebook.name, grade.name): grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            people = by_hand(submission)
        except MissingEntry:
            return None
        finally:
            # What people write while the class is graded must be seen when this is recorded.
            self.gradebook.db.rollback()
        for cell in result["cells"]:
            if marks.get((cell["notebook"], cell["grade_id"])) != cell["points"]:
                return None
        path = self.course.path("autograded", student, self.assignment)
        # People mark after the grader has: what it wrote of them is out of date.
        return _with_people(result, people) if path.is_dir() else None

    # --- writing --------------------------------------------------------------------------------

    def record(self, submitted: Submission, result: dict[str, Any], digest: str) -> None:
        """Write one graded submission. RecordError if that fails: it is then graded again.

        CourseError if the gradebook's server is out of reach, so that no other would fare better.
        """
        target = self.course.path("autograded", submitted.student, self.assignment)
        fresh = target.with_name(f".{target.name}.new")
        try:
            self._write_files(fresh, submitted)
            self._write_gradebook(submitted, result)
            _swap(fresh, target)
            write_json(self.companion(submitted.student), {**result, "digest": digest})
        except (OSError, SQLAlchemyError, UnicodeError, _LateError) as error:
            self.gradebook.db.rollback()
            shutil.rmtree(fresh, ignore_errors=True)
            if self._of_the_server(error):
                raise CourseError(
                    f"the gradebook's server has failed for {LOCK_PATIENCE} s: {reason(error)}. "
                    "What was recorded stays; the same command goes on"
                ) from error
            raise RecordError(f"could not be recorded: {reason(error)}") from error

    def _write_files(self, folder: Path, submitted: Submission) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for inside, content in submitted.files.items():
            path = folder / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for name, notebook in submitted.notebooks.items():
            (folder / f"{name}.ipynb").write_bytes(_utf8(nbformat.v4.writes(notebook)))
        for path in folder.rglob("*"):
            if path.is_file():
                path.chmod(0o444)  # as nbgrader leaves them

    def _write_gradebook(self, submitted: Submission, result: dict[str, Any]) -> None:
        until = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                people = by_hand(self._fill_in(submitted, result))
                self.gradebook.db.commit()
                _with_people(result, people)
                return
            except OperationalError as error:
                self.gradebook.db.rollback()
                passes = self._of_the_server(error) or "locked" in str(error)
                if not passes or time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def _of_the_server(self, error: Exception) -> bool:
        """Whether it is a server's own trouble: a restart, a lost connection, a deadlock.

        That is what an OperationalError means; sqlite, which has no server, uses it for all else.
        """
        return isinstance(error, OperationalError) and self.gradebook.engine.name != "sqlite"

    def _fill_in(self, submitted: Submission, result: dict[str, Any]) -> SubmittedAssignment:
        db = self.gradebook.db
        submission = self._submission(submitted)
        points = {(one["notebook"], one["grade_id"]): one["points"] for one in result["cells"]}
        for notebook in submission.notebooks:
            unanswered = _unanswered(submitted, notebook.name)
            for grade in notebook.grades:
                if notebook.name in submitted.problems:
                    grade.auto_score = 0
                    grade.needs_manual_grade = grade.manual_score is not None
                    continue
                grade.auto_score = points.get((notebook.name, grade.name))
                grade.needs_manual_grade = (
                    grade.manual_score is not None or grade.auto_score is None
                )
            for comment in notebook.comments:
                if notebook.name not in submitted.problems:
                    comment.auto_comment = "No response." if comment.name in unanswered else None
        db.flush()
        for notebook in submission.notebooks:
            notebook.late_submission_penalty = None
            if submission.total_seconds_late > 0:
                db.refresh(notebook)
                notebook.late_submission_penalty = self._penalty(
                    submitted.student, notebook, submission.total_seconds_late
                )
        return submission

    def _penalty(self, student: str, notebook: SubmittedNotebook, late: float) -> float | None:
        try:
            rule = self._late.plugin_inst.late_submission_penalty
            penalty = rule(student, notebook.score, late)
            return None if penalty is None else self._late._check_late_penalty(notebook, penalty)
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise _LateError(f"the rule for late work has failed: {what}") from error

    def _submission(self, submitted: Submission) -> SubmittedAssignment:
        """The submission's row, made with its grades and comments where there is none yet.

        As Gradebook.add_submission, which commits a submission before it has any mark.
        """
        timestamp = submitted.timestamp
        try:
            found = self.gradebook.find_submission(self.assignment, submitted.student)
        except MissingEntry:
            pass
        else:
            if timestamp is not None:
                found.timestamp = timestamp
            return found
        db = self.gradebook.db
        student = db.get(Student, submitted.student)
        if student is None:
            student = Student(id=submitted.student)
            db.add(student)
        assignment = self.gradebook.find_assignment(self.assignment)
        with db.no_autoflush:
            made = SubmittedAssignment(assignment=assignment, student=student, timestamp=timestamp)
            for notebook in assignment.notebooks:
                row = SubmittedNotebook(notebook=notebook, assignment=made)
                for cell in notebook.grade_cells:
                    Grade(cell_id=cell.id, notebook=row)
                for cell in notebook.solution_cells:
                    Comment(cell_id=cell.id, notebook=row)
                for cell in notebook.task_cells:
                    Comment(cell_id=cell.id, notebook=row)
                    Grade(cell_id=cell.id, notebook=row)
            db.add(made)
        db.flush()
        return made


def _with_people(result: dict[str, Any], people: dict[str, Any]) -> dict[str, Any]:
    result["by_hand"] = people
    result["needs_manual_grade"] = bool(people["waiting"] or people["again"])
    return result


def _unanswered(submitted: Submission, notebook: str) -> set[str]:
    """The solution cells that were handed in as they were released."""
    node = submitted.notebooks.get(notebook)
    return {
        cell.metadata.nbgrader["grade_id"]
        for cell in (node.cells if node else [])
        if cell.metadata.get("nbgrader", {}).get("solution")
        and cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
    }


def _lock(results: Path) -> IO[bytes]:
    """Held while a grader records; another one would write to the same places."""
    results.mkdir(parents=True, exist_ok=True)
    file = open(results / ".lock", "wb")  # noqa: SIM115  closed with the recorder
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise CourseError(f"another grader is at work on {results.name}: let it finish") from None
    return file


def _swap(fresh: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.rename(target, old)
    os.rename(fresh, target)
    shutil.rmtree(old, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(_utf8(json.dumps(value, ensure_ascii=False)))
    os.replace(fresh, path)


def _utf8(text: str) -> bytes:
    """A text for a file. Half a character, which students' strings may hold, becomes "?"."""
    return text.encode("utf-8", "replace")
