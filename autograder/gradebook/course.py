"""A course on disk: where things lie, as nbgrader's configuration says."""

import re
from dataclasses import dataclass
from functools import cached_property
from glob import escape
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from traitlets.config import Config, ConfigFileNotFound, PyFileConfigLoader

from ..judging.problem_set import accepted_files


class CourseError(Exception):
    """Something about the course folder that the instructor must put right; str() says how."""


@dataclass
class Course:
    """The course in a folder: that of its nbgrader_config.py, or one with nbgrader's defaults."""

    root: Path

    def __post_init__(self) -> None:
        self.root = Path(self.root).resolve()
        if not self.root.is_dir():
            raise CourseError(f"there is no folder {self.root}")

    @cached_property
    def config(self) -> Config:
        """nbgrader's configuration from nbgrader_config.py, with the course folder as its root."""
        try:
            config = PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()
        except ConfigFileNotFound:
            config = Config()
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise CourseError(f"{self.root / 'nbgrader_config.py'} has failed: {what}") from error
        config.CourseDirectory.root = str(self.root)
        return config

    def directory(self, assignment: str = "") -> CourseDirectory:
        """nbgrader's own idea of where things lie."""
        directory = CourseDirectory(config=self.config)
        directory.assignment_id = assignment
        return directory

    def path(self, step: str, student: str, assignment: str) -> Path:
        """The folder of a step ("source", "release", "submitted", "autograded", "feedback")."""
        directory = self.directory()
        folder = getattr(directory, f"{step}_directory")
        # format_path would let a student's folder name be a format string.
        structure = directory.directory_structure
        parts = {"nbgrader_step": folder, "student_id": student, "assignment_id": assignment}
        return self.root / structure.format(**parts)

    @property
    def db_url(self) -> str:
        return self.directory().db_url

    @property
    def gradebook_file(self) -> Path | None:
        """Where an sqlite gradebook lies, or will; None for one on a server."""
        file = self.db_url.removeprefix("sqlite:///")
        return None if file == self.db_url else Path(file)

    @property
    def course_id(self) -> str:
        return self.directory().course_id

    def gradebook(self) -> Gradebook:
        """Open the gradebook, sqlite or PostgreSQL; CourseError says why it cannot be opened."""
        try:
            return Gradebook(self.db_url, self.course_id)
        except ModuleNotFoundError as error:
            raise CourseError(
                f"the gradebook needs {error.name}: for PostgreSQL, pip install "
                "'rnncourse[postgres]'"
            ) from None
        except SQLAlchemyError as error:
            try:
                where = make_url(self.db_url).render_as_string(hide_password=True)
            except SQLAlchemyError:
                where = "of this db_url"
            raise CourseError(f"the gradebook {where} cannot be opened: {reason(error)}") from error

    def results(self, assignment: str) -> Path:
        """Where the properties, misconceptions and times of an assignment are kept."""
        produced = self.root / self.directory().autograded_directory
        return produced.parent / "results" / assignment

    def sources(self, assignment: str) -> dict[str, NotebookNode]:
        """The instructor's notebooks of an assignment by name; empty if they are not here."""
        folder = self.path("source", ".", assignment)
        found = {}
        for path in sorted(folder.glob("*.ipynb")):
            try:
                found[path.stem] = nbformat.read(path, as_version=4)
            except Exception as error:
                raise CourseError(f"the source notebook {path} cannot be read: {error}") from error
        return found

    def source_files(self, assignment: str) -> dict[str, bytes]:
        """The files beside the source notebooks (data, pictures), which every submission gets.

        Not those that each student hands in: ours would take the place of theirs.
        """
        folder = self.path("source", ".", assignment)
        theirs = accepted_files(assignment)
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
            and path.suffix != ".ipynb"
            and str(path.relative_to(folder)) not in theirs
            and not any(part.startswith((".", "__pycache__")) for part in path.parts[-2:])
        }

    def students(self, assignment: str) -> list[str]:
        """Everyone who has handed in, by folder name."""
        base = self.root / self.directory().submitted_directory
        if not base.is_dir():
            return []
        return sorted(
            one.name
            for one in base.iterdir()
            if not one.name.startswith(".") and (one / assignment).is_dir()
        )

    def misplaced(self, assignment: str) -> list[str]:
        """What was handed in where it is not looked for: a folder too high or under another name.

        Paths from the course's folder.
        """
        base = self.root / self.directory().submitted_directory
        found = [*base.glob("*.ipynb"), *base.glob("[!.]*/*.ipynb")]
        # The assignment outside, the students within.
        found += base.glob(f"{escape(assignment)}/*/*.ipynb")
        found += [
            one
            for one in base.glob("[!.]*/*/")
            if one.name != assignment and _much_the_same(one.name, assignment)
        ]
        return sorted(str(one.relative_to(self.root)) for one in found)

    def private(self) -> list[Path]:
        """Folders that no jail may show."""
        return [self.root]


def _much_the_same(one: str, other: str) -> bool:
    """Whether two names differ in nothing but capitals, spaces and strokes."""
    plain = [re.sub(r"[\W_]", "", name).casefold() for name in (one, other)]
    return plain[0] == plain[1]


def reason(error: Exception) -> str:
    """What a database says of an error, in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
