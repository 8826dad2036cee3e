"""Grades an assignment: N judges, each with its own jail, and one recorder.

Judges are processes of ours, here or on a cluster (cluster.py), that take one submission after
the other; what they find comes back here and is recorded here, so that the gradebook has a single
writer. A judge that dies takes one submission with it, which is given to another.
"""

import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import resource
import secrets
import signal
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

from nbformat.notebooknode import NotebookNode
from nbgrader.api import MissingEntry

from ..gradebook.course import Course, CourseError
from ..gradebook.recorder import Recorder, RecordError, write_json
from ..judging.judge import Judge, NotebookResult
from ..judging.problem_set import accepted_files, forbidden_names, hidden_modules
from ..sandbox.jail import JailError, choose
from ..sandbox.limits import LIMITS, Limits
from ..submissions.submission import (
    AssignmentCells,
    Handed,
    Submitted,
    Unreadable,
    assignment_cells,
    collect,
    listing,
    placeholder,
    read_file,
    read_submission,
)
from .dask_pool import Cluster
from .fingerprint import code_fingerprint

# Characters of folder names that neither the gradebook nor the feedback can hold.
UNUSABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
RENAME = "not graded: the folder's name holds a line break or is not UTF-8; rename it"
# What is remembered of each cell until the whole class is graded.
IN_SHORT = ("notebook", "grade_id", "points", "max_points", "beside", "seed")
ATTEMPTS = 2  # at a submission with which a judge has died


@dataclass
class Assignment:
    """All that a judge needs to know of an assignment."""

    course: Course
    name: str
    cells: list[AssignmentCells]
    sources: dict[str, NotebookNode]
    files: dict[str, bytes]

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
        """A judge of this assignment, with a jail of its own."""
        hidden, forbidden = hidden_modules(self.name), forbidden_names(self.name)
        return Judge(jail, hidden, forbidden, [self.course.root], limits)

    def collect(self, student: str) -> Handed:
        """What a student has handed in, as data."""
        folder = self.course.path("submitted", student, self.name)
        return collect(folder, student, self.cells, self.files, accepted_files(self.name))

    def grade(self, judge: Judge, handed: Handed, seed: int) -> tuple[Submitted, dict[str, Any]]:
        """Run and grade one submission. Nothing is read or written but in the jail."""
        started = time.perf_counter()
        submitted = read_submission(handed, self.cells, self.files, hidden_modules(self.name))
        # The instructor's own files are trusted; the student's go into the jail with them.
        files = {path: data for path, data in submitted.files.items() if path != "timestamp.txt"}
        marks: list[dict[str, Any]] = []
        student_seconds = 0.0
        for cells in self.cells:
            problem = submitted.problems.get(cells.name)
            if problem is None:
                notebook = submitted.notebooks[cells.name]
                found = judge.grade(notebook, self.sources.get(cells.name), seed, files)
            else:
                submitted.notebooks[cells.name] = placeholder(cells, problem)
                found = NotebookResult()
            submitted.suspicious += found.suspicious
            submitted.notes += found.notes
            student_seconds += found.student_seconds
            done = {one.grade_id: asdict(one) for one in found.cells}
            for cell in cells.cells:
                if cell.grade or cell.task:
                    mark = done.get(cell.name) or _no_mark(cell.name, cell.points, problem)
                    marks.append({"notebook": cells.name, **mark})
        result = {
            "student": submitted.student,
            "assignment": self.name,
            "seed": seed,
            "points": sum(mark["points"] or 0 for mark in marks),
            "max_points": sum(mark["max_points"] for mark in marks),
            "needs_manual_grade": any(mark["points"] is None for mark in marks),
            "cells": marks,
            "handed_in": {
                path: len(files[path]) for path in accepted_files(self.name) if path in files
            },
            "problems": submitted.problems,
            "notes": list(dict.fromkeys(submitted.notes)),
            "suspicious": list(dict.fromkeys(submitted.suspicious)),
            "seconds": {
                "student": student_seconds,
                "judge": time.perf_counter() - started - student_seconds,
            },
        }
        return submitted, result


def _no_mark(name: str, most: float | None, problem: str | None) -> dict[str, Any]:
    return {
        "grade_id": name,
        "points": 0.0 if problem else None,
        "max_points": most or 0.0,
        "beside": False,
        "properties": [],
        "message": problem,
        "seed": None,
        "seconds": 0.0,
        "record": {},
    }


def attempt(assignment: Assignment, judge: Judge, handed: Handed, seed: int) -> tuple[str, Any]:
    """("graded", (submitted, result)), or ("failed", why). JailError if the jail is gone."""
    try:
        submitted, result = assignment.grade(judge, handed, seed)
    except JailError:
        raise
    except Exception:
        # A fault of ours. The jail is new, the next submission is not touched by it.
        judge.jail.close()
        return "failed", traceback.format_exc()
    submitted.files = {}  # they are where they came from
    return "graded", (submitted, result)


# --- one judge in a process of its own ----------------------------------------------------------


def _judge_process(pipe: Connection, jail: str, limits: Limits) -> None:
    # Ctrl-C is for the one that records. It has been held back since before this process began.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    import torch

    torch.set_num_threads(1)
    # A student's code may call back with tensors that broadcast to anything: that then fails here.
    resource.setrlimit(resource.RLIMIT_DATA, (limits.judge_memory, limits.judge_memory))
    judge = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with_grader, daemon=True).start()
    try:
        pipe.send(("here", None))
        assignment: Assignment | None = pipe.recv()
        if assignment is None:  # all is done already
            return
        judge = assignment.judge(jail, limits)
        pipe.send(("ready", judge.jail.backend))
        while (task := pipe.recv()) is not None:
            pipe.send(attempt(assignment, judge, *task))
    except (JailError, EOFError, OSError) as error:
        with contextlib.suppress(OSError):
            pipe.send(("stopped", str(error)))
    finally:
        # The grader may be gone: that must not end the tidying up which has begun.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if judge is not None:
            judge.close()


def _end_with_grader() -> None:
    """When the process that records is gone, end this one, its jail and its folder."""
    wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


class _Process:
    """A judge's process as seen from here."""

    def __init__(self, assignment: Assignment, jail: str, limits: Limits):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        # Not the assignment: were the process to die before it has read so much, start() would
        # wait for ever.
        self.process = context.Process(
            target=_judge_process, args=(theirs, jail, limits), daemon=True
        )
        resource_tracker.ensure_running()  # as it starts, it would let Ctrl-C through again
        kept = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, kept)
        theirs.close()
        self.assignment = assignment
        self.ready = False

    def tell(self, message: Any) -> None:
        """Send something to a process that waits for it."""
        with contextlib.suppress(OSError):  # it has died, as the next look at its pipe will say
            self.pipe.send(message)

    def give(self, handed: Handed, seed: int) -> None:
        self.tell((handed, seed))

    def stop(self) -> None:
        self.tell(None)
        self.process.join(3)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


class Processes:
    """The judges of this machine: at most `jobs` processes. One that has died is replaced."""

    def __init__(self, assignment: Assignment, jail: str, limits: Limits, jobs: int):
        self.jobs = jobs
        self._start = lambda: _Process(assignment, jail, limits)
        self._running: list[_Process] = []
        self._starts_failed = 0

    def next(self, wanted: int) -> tuple[_Process, str, Any]:
        while True:
            while len(self._running) < min(self.jobs, wanted):
                self._running.append(self._start())
            pipe = wait([one.pipe for one in self._running])[0]
            judge = next(one for one in self._running if one.pipe is pipe)
            try:
                kind, content = pipe.recv()
            except (EOFError, OSError):
                kind, content = "stopped", "the judge's process died"
            if kind != "here":
                break
            judge.tell(judge.assignment)
        if kind == "stopped":
            judge.stop()
            self._running.remove(judge)
            if not judge.ready:
                self._starts_failed += 1
                if self._starts_failed >= 3 or not self._running:
                    raise JailError(content)
        judge.ready = True
        return judge, kind, content

    def close(self) -> None:
        for one in self._running:
            one.stop()


# --- the whole class ------------------------------------------------------------------------------


@dataclass
class Graded:
    """What became of one submission in this run."""

    student: str
    result: dict[str, Any] | None
    error: str | None = None  # why it could not be graded or recorded; never the student's fault
    skipped: bool = False  # nothing had changed since it was graded

    def in_short(self) -> "Graded":
        """Without what is long and stands in the companion file: the properties of each cell."""
        if self.result is None:
            return self
        cells = [{key: cell[key] for key in IN_SHORT} for cell in self.result["cells"]]
        return replace(self, result={**self.result, "cells": cells})


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
    progress: Callable[[Graded, int, int], None] = lambda graded, done, of: None,
) -> list[Graded]:
    """Grade what lies in the submitted folder and record it.

    students: only these; jobs: so many judges on this machine; cluster: the address of a Dask
    scheduler, whose workers judge instead; force: also what has not changed since it was graded;
    seed: of the random inputs, by default a new one, and for work that was graded before the one
    that it met then. progress is told of each submission, with all of its result. Returns one
    entry a student, in short, so that memory hardly grows with the class. A Ctrl-C leaves what was
    recorded in place.
    """
    there = course.students(name)
    wanted = list(dict.fromkeys(students)) if students is not None else there
    if unknown := [one for one in wanted if one not in there]:
        close = [near for one in unknown for near in get_close_matches(one, there, 1)]
        mean = f"; did you mean {', '.join(map(repr, close))}?" if close else ""
        raise CourseError(
            f"nothing was handed in for {name} by {', '.join(map(repr, unknown))}{mean}"
        )
    if not wanted:
        where = course.root / course.directory().submitted_directory
        misplaced = course.misplaced(name)
        found = f"; there is {', '.join(misplaced)}, in another place" if misplaced else ""
        raise CourseError(
            f"nothing was handed in for {name}: {where}/<student>/{name}/ is empty{found}"
        )
    if cluster is None:
        choose(jail)
    assignment = Assignment.load(course, name)
    recorder = Recorder(course, name)
    found: dict[str, Graded] = {}
    try:
        version = _version(assignment)
        digests = {one: _digest(assignment, one, version) for one in wanted}
        fresh = RunSeed(course, name)
        seeds: dict[str, int] = {}

        def settle(graded: Graded) -> None:
            found[graded.student] = graded.in_short()
            progress(graded, len(found), len(wanted))

        waiting = []
        for one in wanted:
            if UNUSABLE.search(one):
                settle(Graded(one, None, error=RENAME))
                continue
            old = recorder.recorded(one, digests[one])
            if old is not None and not force and seed in (None, old["seed"]):
                settle(Graded(one, old, skipped=True))
                continue
            waiting.append(one)
            seeds[one] = fresh.seed if seed is None else seed
            if seed is None and old is not None:
                seeds[one] = old["seed"]

        def record(student: str, submitted: Submitted, result: dict[str, Any]) -> None:
            started = time.perf_counter()
            try:
                recorder.record(submitted, result, digests[student])
            except RecordError as error:
                settle(Graded(student, result, error=str(error)))
            else:
                result["seconds"]["nbgrader"] = time.perf_counter() - started
                settle(Graded(student, result))

        if waiting:
            waiting.sort(key=seeds.__getitem__)  # a judge profits from going on with one seed
            judges: Judges
            if cluster is None:
                judges = Processes(assignment, jail, limits, jobs)
            else:
                judges = Cluster(cluster, assignment, jail, limits)
            with contextlib.closing(judges):
                for student, kind, content in _judged(judges, assignment, seeds, waiting):
                    if kind == "graded":
                        record(student, *content)
                    elif kind == "failed":
                        settle(Graded(student, None, error=f"the grader failed: {content}"))
                    else:
                        settle(Graded(student, None, error=f"not graded: {content}"))
            # What could not be recorded is graded again, as it was.
            if not any(one.error and one.result for one in found.values()):
                fresh.spent()
    finally:
        recorder.close()
    return [found[one] for one in wanted if one in found]


class Judges(Protocol):
    """Those who judge. Each is busy with one submission at a time."""

    def next(self, wanted: int) -> tuple[Any, str, Any]:
        """Wait for a judge to say something: (judge, kind, content).

        kind: "ready"; "graded" or "failed", as attempt() has it; or "stopped", with the reason:
        that judge is gone. wanted: with more judges than this some would have nothing to do.
        """

    def close(self) -> None:
        """End them all, whatever they are busy with."""


def _judged(
    judges: Judges, assignment: Assignment, seeds: dict[str, int], students: Iterable[str]
) -> Iterator[tuple[str, str, Any]]:
    """(student, "graded", "failed" or "stopped", content) as they come, each student once."""
    queue, attempts = deque(students), Counter[str]()
    busy: dict[Any, tuple[str, Handed]] = {}
    idle: list[Any] = []
    while queue or busy:
        judge, kind, content = judges.next(len(queue) + len(busy))
        student, handed = busy.pop(judge, (None, None))
        if kind != "stopped":
            idle.append(judge)
        elif judge in idle:
            idle.remove(judge)
        if kind == "stopped" and student is not None:
            attempts[student] += 1
            if attempts[student] < ATTEMPTS:
                queue.appendleft(student)
                student = None
        # The judges go on while what they have found is recorded.
        while queue and idle:
            one, free = queue.popleft(), idle.pop()
            busy[free] = one, assignment.collect(one)
            free.give(busy[free][1], seeds[one])
        if student is not None:
            if kind == "graded":
                content[0].files = handed.submitted.files | assignment.files
            yield student, kind, content


class RunSeed:
    """The seed of the random inputs that a run gives to work it has not seen before.

    A new one for each run: whoever has seen what came of one run's inputs, in feedback or printed
    by their own code, meets others with what they hand in next. It is kept until the run has
    graded everything, so that a run that was interrupted goes on as it began.
    """

    def __init__(self, course: Course, name: str):
        self._path = course.results(name) / "seed.json"

    @cached_property
    def seed(self) -> int:
        """Drawn when it is first asked for, unless there is one that is not spent."""
        try:
            return int(json.loads(self._path.read_text())["seed"])
        except (OSError, ValueError, KeyError, TypeError):
            seed = secrets.randbits(48)
            write_json(self._path, {"seed": seed})
            return seed

    def spent(self) -> None:
        """The run is over: the next one draws its own."""
        self._path.unlink(missing_ok=True)


def _version(assignment: Assignment) -> bytes:
    """What the marks depend on beside the submission: our code, the assignment, its source."""
    sources = [cell.source for one in assignment.sources.values() for cell in one.cells]
    digest = hashlib.sha256(code_fingerprint(assignment.name, sources))
    digest.update(json.dumps([asdict(one) for one in assignment.cells]).encode())
    digest.update(json.dumps(assignment.sources, sort_keys=True).encode())
    for inside, content in sorted(assignment.files.items()):
        digest.update(inside.encode() + content)
    return digest.digest()


def _digest(assignment: Assignment, student: str, version: bytes) -> str:
    """A name for a submission's content as it lies there, and all that its marks depend on."""
    digest = hashlib.sha256(version)
    folder = assignment.course.path("submitted", student, assignment.name)
    room = LIMITS.extra_files_size + LIMITS.notebook_size
    for inside, entry in listing(folder):
        digest.update(inside.encode("utf-8", "surrogateescape"))
        if entry.is_dir(follow_symlinks=False):
            continue
        try:
            content = read_file(Path(entry.path), room)
        except Unreadable as error:
            content = str(error).encode()
        room -= len(content)
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
