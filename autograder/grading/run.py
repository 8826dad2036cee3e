"""Grades a class: a pool of judges, and one recorder that writes down what they report.

The gradebook has a single writer, this process. A judge that dies loses only the submission that it
was grading, which is given to another judge.
"""

import contextlib
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ..gradebook.course import Course, CourseError
from ..gradebook.recorder import Recorder, RecordError
from ..judging.results import SubmissionResult
from ..sandbox.jail import choose
from ..sandbox.limits import LIMITS, Limits
from ..submissions.model import RawSubmission
from .assignment import Assignment
from .dask_pool import DaskPool
from .fingerprint import assignment_fingerprint, submission_digest
from .pool import Failed, Finished, JudgeHandle, JudgePool, Ready, Stopped
from .process_pool import ProcessPool
from .seeds import RunSeed

# Characters of folder names that neither the gradebook nor the feedback can hold.
UNUSABLE_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
UNUSABLE_NAME_ERROR = "not graded: the folder's name holds a line break or is not UTF-8; rename it"
MAX_ATTEMPTS = 2  # at a submission during which a judge has died


@dataclass
class Graded:
    """The outcome of one submission in this run."""

    student: str
    result: SubmissionResult | None
    error: str | None = None  # why it could not be graded or recorded; never the student's fault
    skipped: bool = False  # unchanged since it was graded


Progress = Callable[[Graded, int, int], None]


def grade_assignment(
    course: Course,
    name: str,
    students: Iterable[str] | None = None,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    jail: str = "auto",
    force: bool = False,
    seed: int | None = None,
    limits: Limits = LIMITS,
    progress: Progress = lambda graded, done, total: None,
) -> list[Graded]:
    """Grade the submissions of an assignment and record the marks.

    students: only these, by default all; jobs: the number of judges on this machine;
    cluster: the address of a Dask scheduler, whose workers judge instead; force: also grade what
    has not changed; seed: of the random inputs, by default the recorded seed for work graded
    before, otherwise a new one for this run; progress: called with each submission, the number of
    submissions done, and their total.

    Returns one entry per student, without the results' details, so that memory hardly grows with
    the class. Errors: CourseError, JailError, ClusterError. What was recorded before an error or a
    Ctrl-C stays recorded.
    """
    selected = _selected_students(course, name, students)
    if cluster is None:
        choose(jail)  # fails early where there is none
    assignment = Assignment.load(course, name)
    with contextlib.closing(Recorder(course, name)) as recorder:
        run = _Run(assignment, recorder, selected, progress)
        run.plan(force, seed)
        if run.seeds:
            judges: JudgePool
            if cluster is None:
                judges = ProcessPool(assignment, jail, limits, jobs)
            else:
                judges = DaskPool(cluster, assignment, jail, limits)
            with contextlib.closing(judges):
                run.grade(judges)
    return [run.graded[student] for student in selected if student in run.graded]


def _selected_students(course: Course, name: str, students: Iterable[str] | None) -> list[str]:
    """The students to grade; CourseError where one of them, or everybody, has no submission."""
    submitters = course.students(name)
    selected = submitters if students is None else list(dict.fromkeys(students))
    if unknown := [student for student in selected if student not in submitters]:
        similar = [
            match for student in unknown for match in get_close_matches(student, submitters, 1)
        ]
        hint = f"; did you mean {', '.join(map(repr, similar))}?" if similar else ""
        raise CourseError(f"{', '.join(map(repr, unknown))} did not submit {name}{hint}")
    if not selected:
        folder = course.root / course.directory().submitted_directory
        misplaced = course.misplaced_submissions(name)
        hint = f"; in the wrong place: {', '.join(misplaced)}" if misplaced else ""
        raise CourseError(
            f"there are no submissions of {name}: {folder}/<student>/{name}/ is empty{hint}"
        )
    return selected


class _Run:
    """A run over some submissions of an assignment."""

    def __init__(
        self,
        assignment: Assignment,
        recorder: Recorder,
        students: list[str],
        progress: Progress,
    ):
        self.assignment = assignment
        self.recorder = recorder
        self.students = students
        self.progress = progress
        self.graded: dict[str, Graded] = {}
        self.seeds: dict[str, int] = {}  # of the submissions that are to be graded
        self._digests: dict[str, str] = {}
        self._run_seed = RunSeed(assignment.course, assignment.name)

    def plan(self, force: bool, seed: int | None) -> None:
        """Choose a seed for each submission to grade; report the others."""
        fingerprint = assignment_fingerprint(self.assignment)
        for student in self.students:
            if UNUSABLE_CHARACTERS.search(student):
                self._finish(Graded(student, None, error=UNUSABLE_NAME_ERROR))
                continue
            digest = submission_digest(self.assignment, student, fingerprint)
            previous = self.recorder.recorded(student, digest)
            if previous is not None and not force and seed in (None, previous.seed):
                self._finish(Graded(student, previous, skipped=True))
                continue
            self._digests[student] = digest
            if seed is not None:
                self.seeds[student] = seed
            elif previous is not None:
                self.seeds[student] = previous.seed
            else:
                self.seeds[student] = self._run_seed.seed

    def grade(self, judges: JudgePool) -> None:
        """Grade and record all that plan() has left."""
        # Judges answer from their replay cache as long as the seed stays the same.
        students = sorted(self.seeds, key=self.seeds.__getitem__)
        for student, message in _outcomes(judges, self.assignment, self.seeds, students):
            if isinstance(message, Finished):
                self._record(student, message)
            elif isinstance(message, Failed):
                error = f"the grader failed: {message.reason}"
                self._finish(Graded(student, None, error=error))
            else:
                self._finish(Graded(student, None, error=f"not graded: {message.reason}"))
        unrecorded = [graded for graded in self.graded.values() if graded.result and graded.error]
        if not unrecorded:  # the next run would grade those again, with the same inputs
            self._run_seed.discard()

    def _record(self, student: str, finished: Finished) -> None:
        result = finished.result
        result.digest = self._digests[student]
        started = time.perf_counter()
        try:
            self.recorder.record(finished.submission, result)
        except RecordError as error:
            self._finish(Graded(student, result, error=str(error)))
        else:
            result.seconds["nbgrader"] = time.perf_counter() - started
            self._finish(Graded(student, result))

    def _finish(self, graded: Graded) -> None:
        summary = None if graded.result is None else graded.result.summary()
        self.graded[graded.student] = replace(graded, result=summary)
        self.progress(graded, len(self.graded), len(self.students))


def _outcomes(
    judges: JudgePool, assignment: Assignment, seeds: dict[str, int], students: Iterable[str]
) -> Iterator[tuple[str, Finished | Failed | Stopped]]:
    """Let the judges grade; each student once, in the order in which they are finished."""
    queue = deque(students)
    attempts = Counter[str]()
    busy: dict[JudgeHandle, tuple[str, RawSubmission]] = {}
    idle: list[JudgeHandle] = []
    while queue or busy:
        judge, message = judges.next_message(len(queue) + len(busy))
        task = busy.pop(judge, None)
        if not isinstance(message, Stopped):
            idle.append(judge)
        elif task is None:
            idle = [other for other in idle if other is not judge]
        else:
            student, _ = task
            attempts[student] += 1
            if attempts[student] < MAX_ATTEMPTS:
                queue.appendleft(student)
                task = None
        # Before anything is recorded, so that judges do not wait for that.
        while queue and idle:
            student = queue.popleft()
            raw = assignment.collect(student)
            idle_judge = idle.pop()
            busy[idle_judge] = student, raw
            idle_judge.assign(raw, seeds[student])
        if task is None or isinstance(message, Ready):
            continue
        student, raw = task
        if isinstance(message, Finished):
            message.submission.files = raw.submission.files | assignment.files
        yield student, message
