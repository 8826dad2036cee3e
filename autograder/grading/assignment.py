"""An assignment as a judge needs it, and the grading of one submission."""

import time
import traceback
from dataclasses import dataclass, replace

from nbformat.notebooknode import NotebookNode
from nbgrader.api import MissingEntry

from rnncourse.checks.status import Status

from ..gradebook.course import Course, CourseError
from ..judging.judge import Judge, NotebookResult
from ..judging.problem_set import accepted_files, hidden_modules
from ..judging.results import CellResult, SubmissionResult
from ..sandbox.jail import JailError
from ..sandbox.limits import LIMITS, Limits
from ..submissions.collect import collect
from ..submissions.model import AssignmentCells, RawSubmission, Submission, assignment_cells
from ..submissions.sanitise import placeholder, read_submission
from .pool import Failed, Finished


@dataclass
class Assignment:
    """What judges need to know of an assignment; it can be sent to another process."""

    course: Course
    name: str
    cells: list[AssignmentCells]  # of each notebook
    sources: dict[str, NotebookNode]  # the instructor's notebooks by name
    files: dict[str, bytes]  # the instructor's, which every submission gets

    @classmethod
    def load(cls, course: Course, name: str) -> "Assignment":
        """From the gradebook and the source folder; CourseError if it was never released."""
        sources = course.sources(name)
        with course.gradebook() as gradebook:
            try:
                cells = assignment_cells(gradebook, name, sources)
            except MissingEntry:
                raise CourseError(
                    f"the gradebook has no assignment {name!r}: run `autograder release {name}`"
                ) from None
        return cls(course, name, cells, sources, course.source_files(name))

    def judge(self, jail: str, limits: Limits = LIMITS) -> Judge:
        """A new judge of this assignment, with a sandbox of its own."""
        return Judge.for_assignment(self.name, jail, [self.course.root], limits)

    def collect(self, student: str) -> RawSubmission:
        """The files that a student has submitted, unparsed."""
        folder = self.course.path("submitted", student, self.name)
        return collect(folder, student, self.cells, self.files, accepted_files(self.name))

    def grade(
        self, judge: Judge, raw: RawSubmission, seed: int
    ) -> tuple[Submission, SubmissionResult]:
        """Run and grade one submission. Nothing is read or written outside the sandbox."""
        started = time.perf_counter()
        submission = read_submission(raw, self.cells, self.files, hidden_modules(self.name))
        # The instructor's own files are trusted; the student's go into the sandbox with them.
        files = {
            path: content for path, content in submission.files.items() if path != "timestamp.txt"
        }
        results: list[CellResult] = []
        student_seconds = 0.0
        for cells in self.cells:
            if problem := submission.problems.get(cells.name):
                submission.notebooks[cells.name] = placeholder(cells, problem)
                results += _complete(cells, [], problem)
                continue
            notebook = submission.notebooks[cells.name]
            graded: NotebookResult = judge.grade(
                notebook, self.sources.get(cells.name), seed, files
            )
            results += _complete(cells, graded.cells)
            submission.suspicious += graded.suspicious
            submission.notes += graded.notes
            student_seconds += graded.student_seconds
        result = SubmissionResult(
            student=submission.student,
            assignment=self.name,
            seed=seed,
            cells=results,
            submitted_files={
                path: len(files[path]) for path in accepted_files(self.name) if path in files
            },
            problems=submission.problems,
            notes=list(dict.fromkeys(submission.notes)),
            suspicious=list(dict.fromkeys(submission.suspicious)),
            seconds={
                "student": student_seconds,
                "judge": time.perf_counter() - started - student_seconds,
            },
        )
        return submission, result


def _complete(
    cells: AssignmentCells, graded: list[CellResult], problem: str | None = None
) -> list[CellResult]:
    """The results of a notebook, one for each cell that the gradebook has marks of.

    problem: why the notebook could not be graded, which makes it worth 0. Otherwise a cell without
    a result is for a person to mark.
    """
    results = {result.grade_id: result for result in graded}
    complete = []
    for cell in cells.cells:
        if cell.grade or cell.task:
            result = results.get(cell.name) or CellResult(
                cell.name,
                points=0.0 if problem else None,
                max_points=cell.points or 0.0,
                status=Status.NOT_GRADED,
                message=problem,
            )
            complete.append(replace(result, notebook=cells.name))
    return complete


def attempt(
    assignment: Assignment, judge: Judge, raw: RawSubmission, seed: int
) -> Finished | Failed:
    """Grade a submission whatever it does to the grader. JailError if the sandbox is gone."""
    try:
        submission, result = assignment.grade(judge, raw, seed)
    except JailError:
        raise
    except Exception:
        # A fault of ours. With a new jail, the next submission is not affected.
        judge.jail.close()
        return Failed(traceback.format_exc())
    submission.files = {}  # the recording process has them
    return Finished(submission, result)
