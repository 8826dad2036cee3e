"""The gradebook on PostgreSQL holds what the one on sqlite holds, through a server's failures."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import gradebook_rows, needs_jail

from autograder.demo import Student, broken_file, mistake, nothing, submit
from autograder.gradebook import recorder
from autograder.gradebook.course import Course, CourseError
from autograder.gradebook.release import feedback, release
from autograder.grading.run import Graded, grade_assignment

ASSIGNMENT = "ps1_cells"
MANUAL = "why_gradients_live"  # the one question that a person must mark
PATIENCE = 120  # seconds for the server to come up

STUDENTS = [
    Student("ada", "", 6, nothing),
    Student("bob", "", 6, nothing),
    Student("broken", "", 0, broken_file),
    Student("cy", "", 6, nothing),
    Student('dan\'s "π"; --', "", 6, nothing),
    Student("wrong", "", 0, mistake("elman_step", "always_tanh")),
]


class Postgres:
    """A server of our own in a temporary folder, reached through a socket in it alone."""

    def __init__(self, programs: Path, folder: Path):
        self.programs, self.folder = programs, folder
        self.process: subprocess.Popen | None = None
        self.url = f"postgresql://course@/postgres?host={folder}"
        # It ends with this process, whatever becomes of that.
        self.prefix = ["setpriv", "--pdeathsig", "QUIT"]
        if os.getuid() == 0:  # which it refuses to be
            self.prefix += ["--reuid=postgres", "--regid=postgres", "--init-groups"]
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-U", "course", "-A", "trust", "-E", "UTF8", "--no-sync", "data")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self.prefix, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        command = [str(self.programs / "postgres"), "-D", "data", "-k", str(self.folder)]
        command += ["-c", "listen_addresses=", "-c", "fsync=off"]
        log = self.folder / "log"
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                [*self.prefix, *command], cwd=self.folder, stdout=out, stderr=out
            )
        ready = [str(self.programs / "pg_isready"), "-h", str(self.folder), "-q"]
        until = time.monotonic() + PATIENCE
        while subprocess.run(ready).returncode != 0:
            assert self.process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """As an administrator does it: connections are cut."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE)
            finally:
                self.process.kill()
            self.process = None


def programs() -> Path | None:
    """Where Debian or the path has a server."""
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return there[-1].parent if there else None


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'rnncourse[postgres]'")
    where = programs()
    if where is None or shutil.which("setpriv") is None:
        pytest.skip("needs a PostgreSQL server, such as Debian's package postgresql, and setpriv")
    if os.getuid() == 0 and "postgres" not in {user.pw_name for user in pwd.getpwall()}:
        pytest.skip("as root it needs a user called postgres to run the server")
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:  # a socket's path must be short
        server = Postgres(where, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()


def class_of(course: Course) -> Course:
    """Release, and let everyone submit, some of them late."""
    release(course, ASSIGNMENT)
    with course.gradebook() as book:
        book.update_or_create_assignment(ASSIGNMENT, duedate="2026-11-01 10:00:00 UTC")
    solved = course.sources(ASSIGNMENT)[ASSIGNMENT]
    for day, student in enumerate(STUDENTS, 1):
        submit(course, student, solved)
        when = course.path("submitted", student.name, ASSIGNMENT) / "timestamp.txt"
        when.write_text(f"2026-11-0{day} 09:00:00 UTC")
    return course


def mark_and_regrade(course: Course) -> None:
    """A person marks ada and bob; ada is graded again, and bob after he has submitted again."""
    with course.gradebook() as book:
        for student in ("ada", "bob"):
            where = (MANUAL, ASSIGNMENT, ASSIGNMENT, student)
            grade = book.find_grade(*where)
            grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 3, 0.5, False
            book.find_comment(*where).manual_comment = "Well put: 'λ' → 0; 100%"
        book.db.commit()
    again = course.path("submitted", "wrong", ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
    shutil.copy(again, course.path("submitted", "bob", ASSIGNMENT))
    ada, bob = grade_assignment(course, ASSIGNMENT, ["ada", "bob"], force=True)
    assert ada.result.points > bob.result.points


@needs_jail
def test_a_class_on_postgresql_has_the_rows_of_one_on_sqlite(
    short_course, postgres, tmp_path_factory, monkeypatch
):
    course = short_course
    other = Course(shutil.copytree(course.root, tmp_path_factory.mktemp("postgres") / "course"))
    with open(other.root / "nbgrader_config.py", "a") as config:
        config.write(f"\nc.CourseDirectory.db_url = {postgres.url!r}\n")
    assert other.db_url == postgres.url
    class_of(course)
    grade_assignment(course, ASSIGNMENT)
    class_of(other)

    # The server is stopped while a class is graded, and comes back when it has been given up ...
    monkeypatch.setattr(recorder, "GRADEBOOK_TIMEOUT", 0.5)

    def stop(graded: Graded, done: int, total: int) -> None:
        if done == 2:
            postgres.stop()

    with pytest.raises(
        CourseError, match=r"server has failed for 0.5 s: .*run the same command again"
    ):
        grade_assignment(other, ASSIGNMENT, progress=stop)
    with pytest.raises(CourseError, match=r"gradebook postgresql://.* cannot be opened: .*No such"):
        grade_assignment(other, ASSIGNMENT)
    postgres.start()
    # ... and is restarted in time: nothing is to be noticed. A name that its columns have no room
    # for concerns that student alone.
    submit(other, Student("x" * 200, "", 6, nothing), other.sources(ASSIGNMENT)[ASSIGNMENT])
    monkeypatch.setattr(recorder, "GRADEBOOK_TIMEOUT", PATIENCE)

    def restart(graded: Graded, done: int, total: int) -> None:
        if done == 4:
            postgres.stop()
            postgres.start()

    graded = grade_assignment(other, ASSIGNMENT, jobs=2, progress=restart)
    assert "could not be recorded: value too long" in graded.pop().error
    assert [submission.error for submission in graded] == [None] * len(STUDENTS)
    assert sum(submission.skipped for submission in graded) == 2
    rows = gradebook_rows(other)
    assert rows == gradebook_rows(course)
    assert len(rows["submitted_assignment"]) == len(STUDENTS)

    for each in (course, other):
        mark_and_regrade(each)
    assert gradebook_rows(other) == gradebook_rows(course)
    assert gradebook_rows(other)["comment"] != rows["comment"]

    folder = feedback(other, ASSIGNMENT)
    assert len(list(folder.glob("*/*/*.html"))) == len(STUDENTS)
    assert "Well put" in (folder / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text()
    export = [sys.executable, "-m", "nbgrader", "export", "--to", "grades.csv"]
    subprocess.run(export, cwd=other.root, check=True, capture_output=True)
    lines = (other.root / "grades.csv").read_text().splitlines()
    assert len(lines) == 1 + len(STUDENTS)
    assert any("ada" in line and "9.5" in line for line in lines)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "postgresql://me:secret@/x?host=/nowhere",
            r"me:\*\*\*@.* cannot be opened: .*No such file",
        ),
        ("postgres://x", "cannot be opened"),
        ("what?", "cannot be opened"),
    ],
)
def test_a_gradebook_that_is_not_there_is_said_without_its_password(course, url, says):
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'rnncourse[postgres]'")
    with open(course.root / "nbgrader_config.py", "a") as config:
        config.write(f"\nc.CourseDirectory.db_url = {url!r}\n")
    with pytest.raises(CourseError, match=says) as error:
        course.gradebook()
    assert "secret" not in str(error.value)


def test_without_psycopg_it_says_what_to_install(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with open(course.root / "nbgrader_config.py", "a") as config:
        config.write("\nc.CourseDirectory.db_url = 'postgresql://x'\n")
    with pytest.raises(CourseError, match=r"needs psycopg: .* pip install 'rnncourse\[postgres\]'"):
        course.gradebook()
