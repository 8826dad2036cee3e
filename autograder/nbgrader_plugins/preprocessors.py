"""The seam with stock nbgrader: two preprocessors, named in nbgrader_config.py.

`nbgrader autograde` and the formgrader's Autograde button then run submissions in the jail and
grading cells on this side of the wall. Gradebook, feedback and everything else stay nbgrader's.
"""

import atexit
import hashlib
import json
import secrets
import threading
from functools import lru_cache
from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Enum

from ..gradebook.course import Course
from ..gradebook.recorder import write_json
from ..judging.judge import Judge, derive
from ..judging.problem_set import accepted_files, forbidden_names, hidden_modules
from ..sandbox.jail import BACKENDS
from ..sandbox.limits import LIMITS
from ..submissions.submission import Unreadable, listing, read_file

IDLE = 120  # seconds until a judge that nothing is asked of gives its jail back


class _Keeper:
    """Keeps one judge warm between notebooks: nbgrader makes its preprocessors anew for each."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.judge: Judge | None = None
        self.key: tuple[str, str, str] | None = None
        self.timer: threading.Timer | None = None
        atexit.register(self.close)

    def get(self, course: Course, assignment: str, jail: str) -> Judge:
        """The judge of this assignment. The lock must be held."""
        if self.timer is not None:
            self.timer.cancel()
        key = (str(course.root), assignment, jail)
        if key != self.key:
            self.close()
            hidden, forbidden = hidden_modules(assignment), forbidden_names(assignment)
            self.judge, self.key = Judge(jail, hidden, forbidden, [course.root]), key
        assert self.judge is not None
        return self.judge

    def rest(self) -> None:
        """Give the jail back if nothing comes for a while."""
        self.timer = threading.Timer(IDLE, self._idle)
        self.timer.daemon = True
        self.timer.start()

    def _idle(self) -> None:
        with self.lock:
            self.close()

    def close(self) -> None:
        if self.judge is not None:
            self.judge.close()
        self.judge = self.key = None


_keeper = _Keeper()


class TrustedExecute(NbGraderPreprocessor):
    """In place of nbgrader's Execute: runs the notebook in the jail and grades it out here."""

    jail = Enum(("auto", *BACKENDS), "auto", help="What makes the jail.").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        names = resources["nbgrader"]
        course = Course(Path(CourseDirectory(parent=self).root))
        source = _source(course, names["assignment"], names["notebook"])
        submitted = course.path("submitted", names["student"], names["assignment"])
        if (submitted / f"{names['notebook']}.ipynb").is_symlink():
            raise NbGraderException("the notebook that was handed in is a link")
        files = _files(course, names["student"], names["assignment"])
        _restore(nb, source)
        # nbgrader knows no runs: inputs of their own for each content, the same for the same.
        content = [cell.source for cell in nb.cells]
        content += [hashlib.sha256(data).hexdigest() for _, data in sorted(files.items())]
        seed = derive(secret(course, names["assignment"]), *content)
        with _keeper.lock:
            judge = _keeper.get(course, names["assignment"], self.jail)
            try:
                result = judge.grade(nb, source, seed, files)
            finally:
                _keeper.rest()
        for line in result.suspicious + result.notes:
            self.log.warning("%s: %s", names["student"], line)
        names["points"] = {one.grade_id: one.points for one in result.cells}
        return nb, resources


class TrustedSave(SaveAutoGrades):
    """In place of nbgrader's SaveAutoGrades: takes the judge's points, not a cell's output."""

    def _add_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        grade_id = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(
            grade_id, self.notebook_id, self.assignment_id, self.student_id
        )
        grade.auto_score = resources["nbgrader"]["points"].get(grade_id)
        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
        self.gradebook.db.commit()


def secret(course: Course, assignment: str) -> int:
    """A number that no student can know, drawn once for each assignment."""
    path = course.results(assignment) / "secret.json"
    try:
        return int(json.loads(path.read_text())["secret"])
    except (OSError, ValueError, KeyError, TypeError):
        drawn = secrets.randbits(48)
        write_json(path, {"secret": drawn})
        return drawn


@lru_cache(maxsize=8)
def _read(path: Path, changed: float) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _source(course: Course, assignment: str, notebook: str) -> NotebookNode | None:
    path = course.path("source", ".", assignment) / f"{notebook}.ipynb"
    return _read(path, path.stat().st_mtime) if path.exists() else None


def _restore(nb: NotebookNode, source: NotebookNode | None) -> None:
    """What kind each cell is says the instructor; nbgrader leaves that to the submission."""
    known = {
        cell.metadata.nbgrader["grade_id"]: cell.metadata.nbgrader
        for cell in (source.cells if source else [])
        if "nbgrader" in cell.metadata
    }
    for cell in nb.cells:
        if cell.cell_type == "raw":
            cell.metadata["raw_mimetype"] = "text/plain"  # else a page would take it for HTML
        if source is None or "nbgrader" not in cell.metadata:
            continue
        real = known.get(cell.metadata.nbgrader.get("grade_id"))
        if real is None:
            del cell.metadata["nbgrader"]
        else:
            for flag in ("grade", "solution", "locked", "task"):
                cell.metadata.nbgrader[flag] = real.get(flag, False)


def _files(course: Course, student: str, assignment: str) -> dict[str, bytes]:
    """The files beside a notebook. Not those that nbgrader has copied: it follows links."""
    found: dict[str, bytes] = {}
    room, most = LIMITS.extra_files_size, accepted_files(assignment)
    for inside, entry in listing(course.path("submitted", student, assignment)):
        if inside.endswith(".ipynb") or inside == "timestamp.txt" or entry.is_dir():
            continue
        try:
            found[inside] = content = read_file(Path(entry.path), min(room, most.get(inside, room)))
        except Unreadable:
            continue
        room -= len(content)
    return found | course.source_files(assignment)
