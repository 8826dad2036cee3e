"""What the hidden tests say of a reader's notebook.

The library does not import the grader: it runs the grader's command in a copy of the course, so
that neither the reader's files nor a gradebook are touched.
"""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..checks.status import Status
from .notebook_runner import kill_group
from .notebooks import Cell, Notebook, digest_of, read_cells
from .protocol import ExerciseResult, PropertyResult

GRADING_TIMEOUT = 1800.0  # seconds
STUDENT = "me"


@dataclass
class HiddenMarks:
    """The results of the hidden tests, or why there are none."""

    results: dict[str, ExerciseResult] = field(default_factory=dict)  # by exercise
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "HiddenMarks":
        """Errors: ValueError when the data is not that of hidden marks."""
        try:
            results = {
                exercise: ExerciseResult.from_dict(result)
                for exercise, result in data["results"].items()
            }
            return cls(results, data["problem"])
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"malformed hidden marks: {error!r}") from None


def hidden_marks(notebook: Notebook, jail: str = "auto") -> HiddenMarks:
    """Grade a notebook with `autograder grade`, in a copy of the course.

    jail: as in `autograder grade --jail`.
    """
    if not all(importlib.util.find_spec(name) for name in ("autograder", "nbgrader")):
        return HiddenMarks(problem="grading needs more: pip install 'rnncourse[instructor]'")
    name, root = notebook.problem_set, course_root(notebook)
    if root is None:
        problem = f"grading needs the course's solutions/{name}, which is not here"
        return HiddenMarks(problem=problem)
    source = root / "solutions" / name
    with tempfile.TemporaryDirectory(prefix="rnncourse-", ignore_cleanup_errors=True) as folder:
        course, details = Path(folder, "course"), Path(folder, "result.json")
        shutil.copytree(source, course / "solutions" / name)
        shutil.copy(root / "nbgrader_config.py", course)
        submitted = course / "class" / "submitted" / STUDENT / name
        submitted.mkdir(parents=True)
        for path in notebook.companion_files:
            shutil.copy(path, submitted)
        shutil.copy(notebook.path, submitted / f"{name}.ipynb")
        in_course = [name, "--course", str(course)]
        options = ["--student", STUDENT, "--json", str(details), "--jobs", "1", "--jail", jail]
        error = _run_autograder(["release", *in_course])
        error = error or _run_autograder(["grade", *in_course, *options])
        if not details.exists():
            reason = error or "the grader gave no reason"
            return HiddenMarks(problem=f"it could not be graded: {reason}")
        (graded,) = json.loads(details.read_text(encoding="utf-8"))
    if error := graded.get("error"):
        return HiddenMarks(problem=f"it could not be graded: {error}")
    return HiddenMarks(_exercise_results(graded, read_cells(source / f"{name}.ipynb")))


def course_root(notebook: Notebook) -> Path | None:
    """The nearest folder above that holds what is needed to grade a notebook."""
    name = notebook.problem_set
    for folder in notebook.path.resolve().parents:
        source = folder / "solutions" / name / f"{name}.ipynb"
        if (folder / "nbgrader_config.py").is_file() and source.is_file():
            return folder
    return None


def grading_key(notebook: Notebook) -> str:
    """A digest of everything that its marks depend on, except the random inputs."""
    digest = hashlib.sha256(notebook.key().encode())
    digest.update(json.dumps([(cell.source, cell.nbgrader) for cell in notebook.cells]).encode())
    if root := course_root(notebook):
        digest.update(digest_of(root / "solutions" / notebook.problem_set, ("*",)).encode())
    if grader := importlib.util.find_spec("autograder"):
        for folder in grader.submodule_search_locations or []:
            digest.update(digest_of(Path(folder), ("**/*.py",)).encode())
    return digest.hexdigest()


def _run_autograder(arguments: list[str]) -> str | None:
    """Run an `autograder` command; the end of its stderr if it failed, else None."""
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, stderr = process.communicate(timeout=GRADING_TIMEOUT)
    except subprocess.TimeoutExpired:
        return f"stopped after {GRADING_TIMEOUT:g} s"
    finally:
        kill_group(process)
    if not process.returncode:
        return None
    return " ".join(stderr.decode(errors="replace").split())[-400:]


def _exercise_results(
    graded: dict[str, Any], source_cells: list[Cell]
) -> dict[str, ExerciseResult]:
    """The results by exercise, from a result of `autograder grade --json`.

    source_cells: of the source notebook, which says what each grading cell grades.
    """
    exercises = {
        cell.nbgrader.get("grade_id"): match[1]
        for cell in source_cells
        if cell.kind == "code" and (match := re.search(r"""\bgrade\(["'](\w+)["']""", cell.source))
    }
    results = {}
    for cell in graded["cells"]:
        exercise = exercises.get(cell["grade_id"])
        if exercise is not None and cell["points"] is not None:
            properties = [
                PropertyResult(
                    title=prop["title"],
                    points=prop["points"],
                    passed=prop["status"] == Status.PASSED,
                    message=prop["message"],
                    hint=prop["hint"],
                )
                for prop in cell["properties"]
            ]
            unwritten = cell["status"] == Status.NOT_WRITTEN
            results[exercise] = ExerciseResult(exercise, cell["points"], unwritten, properties)
    return results
