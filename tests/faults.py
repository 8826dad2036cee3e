"""A class, a grader in a process of its own, and what can befall it: for tests and benchmarks.

What a grading leaves is compared whole: every row of every table of the gradebook, every autograded
file, every result.
"""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import psutil
from nbgrader.api import Gradebook

from autograder.demo import Paper, Student, crashing, mistake, nothing, other_style, submit
from autograder.gradebook.course import Course
from autograder.gradebook.release import release
from rnncourse.exercises import exercises_of

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT = "ps1_cells"
SEED = 20180129  # of every run: each would draw its own, and what is compared holds the numbers
MANUAL = "why_gradients_live"  # the one question that a person must mark
PATIENCE = 240  # seconds for anything to happen
FEW_SECONDS = 30  # in which everything must be gone after its grader was killed


# --- a class --------------------------------------------------------------------------------------


def ends_itself(paper: Paper) -> None:
    paper.first("import os\nos._exit(0)\n")


def a_class(size: int, dice: random.Random) -> list[Student]:
    """Right answers, mistakes from the catalogue, and two whose notebooks crash every time."""
    exercises = exercises_of(ASSIGNMENT)
    wrong = [
        (name, misconception.name)
        for name, exercise in exercises.items()
        for misconception in exercise.misconceptions
    ]
    kinds: list[Callable[[Paper], None]] = [crashing, ends_itself]
    kinds += [
        dice.choice([nothing, other_style, mistake(*dice.choice(wrong))]) for _ in range(size - 2)
    ]
    dice.shuffle(kinds)
    return [Student(f"student-{n:02}", "", 0, kind) for n, kind in enumerate(kinds)]


def released_course(folder: Path) -> Course:
    """A course with an assignment that no one has submitted."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, folder / "solutions" / ASSIGNMENT)
    course = Course(folder)
    release(course, ASSIGNMENT)
    return course


def copied(course: Course, folder: Path) -> Course:
    return Course(shutil.copytree(course.root, folder, dirs_exist_ok=True))


def submitted_class(released: Course, folder: Path, students: list[Student]) -> Course:
    """A copy of a course with the submissions of these students."""
    course = copied(released, folder)
    solved = course.sources(ASSIGNMENT)[ASSIGNMENT]
    for student in students:
        submit(course, student, solved)
    return course


def submit_again(course: Course) -> None:
    """Everybody submits once more, with a word added, so that everything must be graded again."""
    for student in course.students(ASSIGNMENT):
        path = course.path("submitted", student, ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
        notebook = json.loads(path.read_text())  # nbformat would give cells random ids
        notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "Once more."})
        path.write_text(json.dumps(notebook))


def mark_by_hand(course: Course, student: str) -> None:
    with Gradebook(course.db_url, course.course_id) as book:
        grade = book.find_grade(MANUAL, ASSIGNMENT, ASSIGNMENT, student)
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 3, 0.5, False
        book.find_comment(MANUAL, ASSIGNMENT, ASSIGNMENT, student).manual_comment = "Well put."
        book.db.commit()


# --- running the command --------------------------------------------------------------------------

# A clock that jumps at a signal: the machine's own cannot be set for one program.
CLOCK = """
import signal, time

def jump(*_, real=time.time, state=[0, -1]):
    state[0] += 1
    shift = (86_400 * 400, -86_400 * 400)[state[0] % 2]
    time.time = lambda: real() + shift

signal.signal(signal.SIGUSR1, jump)
"""


def _signals() -> None:
    # Until the clock is in place, its signal is ignored.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    # Where the tests run in the background of a shell, Ctrl-C is ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run:
    """`autograder grade` in a process of its own, and all that it starts."""

    def __init__(self, course: Course):
        self.course = course
        self.temporary = course.root / "tmp"
        self.temporary.mkdir(exist_ok=True)
        # Beside the course, which may be on a disk that is about to be full.
        self.log = course.root.with_name(f"{course.root.name}-output.txt")
        clock = course.root.with_name(f"{course.root.name}-clock")
        clock.mkdir(exist_ok=True)
        (clock / "sitecustomize.py").write_text(CLOCK)
        self.started = time.time_ns()
        command = [sys.executable, "-m", "autograder.cli", "grade", ASSIGNMENT]
        command += ["--course", str(course.root), "--jobs", "2", "--seed", str(SEED)]
        with open(self.log, "wb") as output:
            self.process = psutil.Popen(
                command,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "TMPDIR": str(self.temporary),
                    "PYTHONPATH": os.pathsep.join([str(clock), str(ROOT)]),
                },
                start_new_session=True,
                preexec_fn=_signals,
            )

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def until(self, happened: Callable[["Run"], bool]) -> "Run":
        """Wait for something to happen before the run ends."""
        deadline = time.monotonic() + PATIENCE
        while not happened(self):
            assert self.alive, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)
        return self

    def family(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return self.process.children(recursive=True)
        return []

    def finish(self) -> int:
        return self.process.wait(PATIENCE)

    def kill(self, number: int = signal.SIGKILL) -> int:
        """End the main process alone; what it has started must end by itself."""
        family = self.family()
        with contextlib.suppress(psutil.NoSuchProcess):
            self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        _gone(family)
        return status

    def interrupt(self) -> int:
        """Ctrl-C in a terminal: all processes of the foreground hear it."""
        family = self.family()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        status = self.finish()
        _gone(family)
        return status


def _gone(family: list[psutil.Process]) -> None:
    """What a grader has started ends soon after it, by itself."""
    try:
        _, alive = psutil.wait_procs(family, FEW_SECONDS)
        # One that its new parent has not asked after yet is a name without a process.
        assert [line for process in alive if (line := cmdline(process))] == []
    finally:
        end(family)


def end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def cmdline(process: psutil.Process) -> list[str]:
    """Nothing where it is gone; psutil's error for that holds for a zombie as well."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def judges(run: Run) -> list[psutil.Process]:
    """The processes that judge, each with a jail below it."""
    return [process for process in run.family() if "spawn_main" in " ".join(cmdline(process))]


def jails(run: Run) -> list[psutil.Process]:
    """Of each jail what makes it and its first process; not the student's, whose end is theirs."""
    processes = []
    for process in run.family():
        with contextlib.suppress(psutil.NoSuchProcess):
            line, above = process.cmdline(), process.parent()
            if "jailed" in line and above is not None and above.cmdline() != line:
                processes.append(process)
    return processes


def recorded(course: Course) -> list[Path]:
    return sorted(course.results(ASSIGNMENT).glob("*/result.json"))


# --- what a run leaves ----------------------------------------------------------------------------


def gradebook(course: Course) -> dict[str, list[str]]:
    """Every row of every table. Random ids are replaced by what they stand for."""
    with contextlib.closing(sqlite3.connect(course.root / "class" / "gradebook.db")) as db:
        db.row_factory = sqlite3.Row
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        links = {
            name: {
                row["from"]: row["table"] for row in db.execute(f"PRAGMA foreign_key_list({name})")
            }
            for name in names
        }
        rows = {name: [dict(row) for row in db.execute(f"SELECT * FROM {name}")] for name in names}
    by_id = {name: {row["id"]: row for row in rows[name] if "id" in row} for name in names}

    @cache
    def meaning(table: str, key: str) -> str:
        return plain(table, by_id[table][key])

    def plain(table: str, row: dict[str, Any]) -> str:
        parts = []
        for column, value in row.items():
            if column in links[table] and value is not None:
                value = meaning(links[table][column], value)
            elif column == "id" and len(value) == 32:
                continue
            parts.append(f"{column}={value!r}")
        return f"{table}({', '.join(parts)})"

    return {name: sorted(plain(name, row) for row in rows[name]) for name in names}


def timeless(value: Any) -> Any:
    """A result without the seconds that it took."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key != "seconds"}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def results(course: Course) -> dict[str, Any]:
    return {path.parent.name: timeless(json.loads(path.read_text())) for path in recorded(course)}


def files(course: Course) -> list[str]:
    """The names of all files that grading makes."""
    folders = course.root / "class" / "autograded", course.root / "class" / "results"
    return sorted(str(path.relative_to(course.root)) for top in folders for path in top.rglob("*"))


def autograded(course: Course) -> dict[str, Any]:
    """Every autograded file and its mode; notebooks without the random ids of their cells."""
    top, contents = course.root / "class" / "autograded", {}
    for path in sorted(top.rglob("*")):
        if path.is_file():
            content: Any = path.read_bytes()
            if path.suffix == ".ipynb":
                content = json.loads(content)
                for cell in content["cells"]:
                    cell.pop("id", None)
            contents[str(path.relative_to(top))] = (oct(path.stat().st_mode), content)
    return contents


def left(course: Course) -> dict[str, Any]:
    """All that a grading leaves, in a form that can be compared."""
    return {
        **{f"table {name}": rows for name, rows in gradebook(course).items()},
        "autograded notebooks": autograded(course),
        "results": results(course),
        "names of files": files(course),
    }


def differences(first: Any, other: Any, where: str = "") -> list[str]:
    """Where two gradings differ, and how."""
    if isinstance(first, dict) and isinstance(other, dict):
        pairs = {str(key): (first.get(key), other.get(key)) for key in first.keys() | other.keys()}
    elif isinstance(first, list | tuple) and isinstance(other, list | tuple):
        pairs = {str(n): pair for n, pair in enumerate(itertools.zip_longest(first, other))}
    else:
        return (
            [] if first == other else [f"{where}: {str(first)[:200]!r}, not {str(other)[:200]!r}"]
        )
    return [line for key in sorted(pairs) for line in differences(*pairs[key], f"{where}/{key}")]


# --- a disk of our own ----------------------------------------------------------------------------


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], check=True, capture_output=True)


@cache
def can_mount() -> bool:
    """Whether we may mount a file system: root may, outside most containers."""
    with tempfile.TemporaryDirectory() as place:
        try:
            mount("-t", "tmpfs", "none", place)
        except (OSError, subprocess.CalledProcessError):
            return False
        unmount(Path(place))
    return True


@contextlib.contextmanager
def own_disk(place: Path, megabytes: int = 96) -> Iterator[Path]:
    """A small disk in memory at a folder, which can be filled up; where that can be."""
    place.mkdir(parents=True)
    if not can_mount():
        yield place
        return
    mount("-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(place))
    try:
        yield place
    finally:
        unmount(place)


@contextlib.contextmanager
def full(course: Course) -> Iterator[None]:
    """Not one byte more can be written where the course lies."""
    ballast = course.root / "ballast"
    with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def read_only(course: Course) -> Iterator[None]:
    """Whatever a class has produced can be read and not written, by root neither."""
    place = str(course.root / "class")
    mount("--bind", place, place)
    try:
        mount("-o", "remount,bind,ro", place)
        yield
    finally:
        unmount(Path(place))


@contextlib.contextmanager
def locked(course: Course) -> Iterator[None]:
    """Somebody else writes to the gradebook and does not finish."""
    path = course.root / "class" / "gradebook.db"
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            db.execute("ROLLBACK")


# --- faults ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """strike(run, dice) does it to a run and, where it ends the run, waits for that.

    statuses: with which the run may end afterwards, beside 0.
    """

    name: str
    strike: Callable[[Run, random.Random], None]
    statuses: tuple[int, ...] = ()
    on_disk: bool = False  # needs a disk of its own


def _kill_one(of: Callable[[Run], list[psutil.Process]], run: Run, dice: random.Random) -> None:
    if processes := of(run):
        end([dice.choice(processes)])


def _for_a_while(
    trouble: Callable[[Course], contextlib.AbstractContextManager[None]],
    max_seconds: float,
    run: Run,
    dice: random.Random,
) -> None:
    with trouble(run.course):
        until = time.monotonic() + dice.uniform(0.5, max_seconds)
        while run.alive and time.monotonic() < until:
            time.sleep(0.05)


def _jump(run: Run, dice: random.Random) -> None:
    for process in [run.process, *judges(run)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGUSR1)


def _kill(run: Run, dice: random.Random) -> None:
    run.kill()


def _terminate(run: Run, dice: random.Random) -> None:
    run.kill(signal.SIGTERM)


def _interrupt(run: Run, dice: random.Random) -> None:
    run.interrupt()


FAULTS = (
    Fault("grader killed", _kill, (-signal.SIGKILL,)),
    Fault("grader terminated", _terminate, (-signal.SIGTERM,)),
    Fault("Ctrl-C", _interrupt, (130, -signal.SIGINT)),
    Fault("judge killed", partial(_kill_one, judges)),
    Fault("jail killed", partial(_kill_one, jails)),
    Fault("disk full", partial(_for_a_while, full, 4), (1, 2), on_disk=True),
    Fault("class read-only", partial(_for_a_while, read_only, 4), (1, 2), on_disk=True),
    Fault("gradebook locked", partial(_for_a_while, locked, 8), (1, 2)),
    Fault("clock jumps 400 days", _jump),
)


def check(run: Run, status: int, faults: Sequence[Fault]) -> None:
    """A run ends as it should after these faults, and says so in words."""
    allowed = {0, *(status for fault in faults for status in fault.statuses)}
    assert status in allowed, f"{status} after {[fault.name for fault in faults]}: {run.output}"
    assert status < 0 or "Traceback" not in run.output, run.output


@dataclass
class Struck:
    """A fault that has struck, and what came of it."""

    fault: Fault
    after: float  # seconds since the run had begun
    recorded: int  # submissions of the class that were recorded by then
    status: int | None = None
    said: str = ""


class Grading:
    """Grades a class to its end, whatever befalls it."""

    def __init__(self, course: Course, dice: random.Random, faults: Iterator[Fault]):
        self.course, self.dice, self.faults = course, dice, faults
        self.struck: list[Struck] = []

    def twice(self, seconds: float, size: int) -> None:
        """Grade a class; mark some by hand; let everybody submit again; grade it again."""
        self.complete(seconds, size)
        for path in recorded(self.course)[:3]:
            mark_by_hand(self.course, path.parent.name)
        submit_again(self.course)
        self.complete(seconds, size)

    def complete(self, seconds: float, size: int) -> None:
        """Run the command until it has nothing left to do, while faults strike.

        seconds: what an undisturbed run takes, over which the moments are spread.
        """
        before = {path: path.stat().st_mtime_ns for path in recorded(self.course)}

        def fresh() -> int:
            return sum(
                before.get(path) != path.stat().st_mtime_ns for path in recorded(self.course)
            )

        while True:
            run, started = Run(self.course), time.monotonic()
            struck: list[Struck] = []
            try:
                while run.alive:
                    left = max(0.15, 1 - fresh() / size) * seconds
                    # Up to half of what is left, so that one grading meets several.
                    at = time.monotonic() + self.dice.uniform(0, left / 2)
                    while run.alive and time.monotonic() < at:
                        time.sleep(0.02)
                    if not run.alive or (fault := next(self.faults, None)) is None:
                        break
                    struck.append(Struck(fault, time.monotonic() - started, fresh()))
                    fault.strike(run, self.dice)
                status = run.finish()
            finally:
                if run.alive:
                    run.kill()
            for stroke in struck:
                stroke.status, stroke.said = status, (run.output.strip().splitlines() or [""])[-1]
            self.struck += struck
            check(run, status, [stroke.fault for stroke in struck])
            if status == 0:
                return
