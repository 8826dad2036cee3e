"""A course on disk: its folders and files, as nbgrader's configuration names them."""

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
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from ..judging.problem_set import accepted_files


class CourseError(Exception):
    """Something about the course that the instructor must fix; str() says how."""


@dataclass
class Course:
    """The course in a folder, with its nbgrader_config.py or with nbgrader's defaults."""

    root: Path

    def __post_init__(self) -> None:
        self.root = Path(self.root).resolve()
        if not self.root.is_dir():
            raise CourseError(f"there is no folder {self.root}")

    @cached_property
    def config(self) -> Config:
        """nbgrader's configuration from nbgrader_config.py, with the course folder as its root."""
        try:
            config: Config = PyFileConfigLoader(
                "nbgrader_config.py", path=str(self.root)
            ).load_config()
        except ConfigFileNotFound:
            config = Config()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise CourseError(f"{self.root / 'nbgrader_config.py'} failed: {reason}") from error
        config.CourseDirectory.root = str(self.root)
        return config

    def directory(self, assignment: str = "") -> CourseDirectory:
        """nbgrader's object for the course's folders."""
        directory = CourseDirectory(config=self.config)
        directory.assignment_id = assignment
        return directory

    def path(self, step: str, student: str, assignment: str) -> Path:
        """The folder of a step ("source", "release", "submitted", "autograded", "feedback")."""
        directory = self.directory()
        # Not nbgrader's format_path, to which a student's folder name is a format string.
        folder: str = directory.directory_structure.format(
            nbgrader_step=getattr(directory, f"{step}_directory"),
            student_id=student,
            assignment_id=assignment,
        )
        return self.root / folder

    @property
    def db_url(self) -> str:
        url: str = self.directory().db_url
        return url

    @property
    def gradebook_file(self) -> Path | None:
        """The file of an sqlite gradebook, which may not exist yet; None for one on a server."""
        file = self.db_url.removeprefix("sqlite:///")
        return None if file == self.db_url else Path(file)

    @property
    def course_id(self) -> str:
        name: str = self.directory().course_id
        return name

    def gradebook(self) -> Gradebook:
        """Open the gradebook, sqlite or PostgreSQL; CourseError if it cannot be opened."""
        try:
            return Gradebook(self.db_url, self.course_id)
        except ModuleNotFoundError as error:
            raise CourseError(
                f"the gradebook needs {error.name}: for PostgreSQL, pip install "
                "'rnncourse[postgres]'"
            ) from None
        except SQLAlchemyError as error:
            try:
                url = make_url(self.db_url).render_as_string(hide_password=True)
            except SQLAlchemyError:
                url = "of this db_url"
            raise CourseError(
                f"the gradebook {url} cannot be opened: {database_message(error)}"
            ) from error

    def results(self, assignment: str) -> Path:
        """The folder of everything that the gradebook has no place for: properties, reports."""
        autograded = Path(self.root, self.directory().autograded_directory)
        return autograded.parent / "results" / assignment

    def result_file(self, student: str, assignment: str) -> Path:
        """The file with a submission's result: see `SubmissionResult`."""
        return self.results(assignment) / student / "result.json"

    def sources(self, assignment: str) -> dict[str, NotebookNode]:
        """The instructor's notebooks of an assignment by name; empty if there are none."""
        folder = self.path("source", ".", assignment)
        notebooks = {}
        for path in sorted(folder.glob("*.ipynb")):
            try:
                notebooks[path.stem] = nbformat.read(path, as_version=4)
            except Exception as error:
                raise CourseError(f"the source notebook {path} cannot be read: {error}") from error
        return notebooks

    def source_files(self, assignment: str) -> dict[str, bytes]:
        """Files beside the source notebooks (data, pictures), which every submission gets.

        Without those that students submit, which the instructor's would replace.
        """
        folder = self.path("source", ".", assignment)
        submitted = accepted_files(assignment)
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
            and path.suffix != ".ipynb"
            and str(path.relative_to(folder)) not in submitted
            and not any(part.startswith((".", "__pycache__")) for part in path.parts[-2:])
        }

    def students(self, assignment: str) -> list[str]:
        """The names of the folders of all students with a submission, sorted."""
        submitted = self.root / self.directory().submitted_directory
        if not submitted.is_dir():
            return []
        return sorted(
            folder.name
            for folder in submitted.iterdir()
            if not folder.name.startswith(".") and (folder / assignment).is_dir()
        )

    def misplaced_submissions(self, assignment: str) -> list[str]:
        """Submissions that are a folder too high or under another name; relative paths, sorted."""
        submitted = self.root / self.directory().submitted_directory
        misplaced = [*submitted.glob("*.ipynb"), *submitted.glob("[!.]*/*.ipynb")]
        # The assignment's folder outside, the students' within.
        misplaced += submitted.glob(f"{escape(assignment)}/*/*.ipynb")
        misplaced += [
            folder
            for folder in submitted.glob("[!.]*/*/")
            if folder.name != assignment and _similar_names(folder.name, assignment)
        ]
        return sorted(str(path.relative_to(self.root)) for path in misplaced)


def _similar_names(first: str, second: str) -> bool:
    """Whether two names differ only in case, spaces and punctuation."""
    return _simplified(first) == _simplified(second)


def _simplified(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def database_message(error: Exception) -> str:
    """The database's own message in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())
