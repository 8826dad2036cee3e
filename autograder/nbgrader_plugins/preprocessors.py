"""Two preprocessors, named in nbgrader_config.py, that put nbgrader's autograding behind the wall.

`nbgrader autograde` and the formgrader's Autograde button then run submissions in the jail and
grading cells on the trusted side. Gradebook, feedback and everything else stay nbgrader's.
"""

import hashlib
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
from ..gradebook.secret import assignment_secret
from ..judging.problem_set import accepted_files
from ..judging.seeds import derive
from ..sandbox.jail import BACKENDS
from ..sandbox.limits import LIMITS
from ..submissions.collect import listing, read_file
from ..submissions.model import Unreadable
from .warm_judge import warm_judge


class TrustedExecute(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no annotations
    """In place of nbgrader's Execute: runs the notebook in the jail, its grading cells out here."""

    jail = Enum(("auto", *BACKENDS), "auto", help="What makes the jail.").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        nbgrader = resources["nbgrader"]
        student, assignment = nbgrader["student"], nbgrader["assignment"]
        course = Course(Path(CourseDirectory(parent=self).root))
        source = _source(course, assignment, nbgrader["notebook"])
        submitted = course.path("submitted", student, assignment)
        if (submitted / f"{nbgrader['notebook']}.ipynb").is_symlink():
            raise NbGraderException("the submitted notebook is a link")
        files = _extra_files(course, student, assignment)
        _restore_cell_kinds(nb, source)
        # nbgrader knows no runs: a seed for each content, the same one for the same content.
        content = [cell.source for cell in nb.cells]
        content += [hashlib.sha256(data).hexdigest() for _, data in sorted(files.items())]
        seed = derive(assignment_secret(course, assignment), *content)
        with warm_judge.lend(course, assignment, self.jail) as judge:
            result = judge.grade(nb, source, seed, files)
        for line in result.suspicious + result.notes:
            self.log.warning("%s: %s", student, line)
        nbgrader["points"] = {cell.grade_id: cell.points for cell in result.cells}
        return nb, resources


class TrustedSave(SaveAutoGrades):  # type: ignore[misc]
    """In place of nbgrader's SaveAutoGrades: saves the judge's points, not a cell's output."""

    def _add_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        grade_id = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(
            grade_id, self.notebook_id, self.assignment_id, self.student_id
        )
        grade.auto_score = resources["nbgrader"]["points"].get(grade_id)
        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
        self.gradebook.db.commit()


def _source(course: Course, assignment: str, notebook: str) -> NotebookNode | None:
    """The instructor's notebook; None where the course has none of this name."""
    path = course.path("source", ".", assignment) / f"{notebook}.ipynb"
    return _read_notebook(path, path.stat().st_mtime) if path.exists() else None


@lru_cache(maxsize=8)
def _read_notebook(path: Path, modified: float) -> NotebookNode:
    """modified: the time, so that a changed file is read again."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def _restore_cell_kinds(nb: NotebookNode, source: NotebookNode | None) -> None:
    """Take what kind each cell is from the source notebook; nbgrader trusts the submission."""
    source_metadata = {}
    if source is not None:
        source_metadata = {
            cell.metadata.nbgrader["grade_id"]: cell.metadata.nbgrader
            for cell in source.cells
            if "nbgrader" in cell.metadata
        }
    for cell in nb.cells:
        if cell.cell_type == "raw":
            cell.metadata["raw_mimetype"] = "text/plain"  # else a page would take it for HTML
        if source is None or "nbgrader" not in cell.metadata:
            continue
        metadata = source_metadata.get(cell.metadata.nbgrader.get("grade_id"))
        if metadata is None:
            del cell.metadata["nbgrader"]
        else:
            for flag in ("grade", "solution", "locked", "task"):
                cell.metadata.nbgrader[flag] = metadata.get(flag, False)


def _extra_files(course: Course, student: str, assignment: str) -> dict[str, bytes]:
    """The files submitted with a notebook. Not nbgrader's copies of them: it follows links."""
    files: dict[str, bytes] = {}
    bytes_left, file_limits = LIMITS.extra_files_size, accepted_files(assignment)
    for name, entry in listing(course.path("submitted", student, assignment)):
        if name.endswith(".ipynb") or name == "timestamp.txt" or entry.is_dir():
            continue
        limit = min(bytes_left, file_limits.get(name, bytes_left))
        try:
            content = read_file(Path(entry.path), limit)
        except Unreadable:
            continue
        files[name] = content
        bytes_left -= len(content)
    return files | course.source_files(assignment)
