"""The notebooks: generated from one source, clean in git, running from top to bottom."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

from autograder.gradebook.course import CourseError
from autograder.gradebook.release import release
from autograder.rubrics import graded_properties, solution_files
from rnncourse.exercises import exercises, exercises_of

SOLUTIONS = sorted((ROOT / "solutions").glob("*/*.ipynb"))
TRACKED = [
    path
    for folder in ("course", "assignments", "solutions")
    for path in sorted((ROOT / folder).rglob("*.ipynb"))
    if ".ipynb_checkpoints" not in path.parts
]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TRACKED, ids=name_of)
def test_in_git_there_are_no_outputs_and_no_volatile_metadata(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) <= {"kernelspec", "language_info", "nbgrader"}
    assert notebook.metadata.get("language_info", {"name": "python"}) == {"name": "python"}
    locks = {"deletable", "editable"} if "assignments" in path.parts else set()
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"nbgrader", "tags", "slideshow", *locks}, cell.id
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None, cell.id


@pytest.mark.slow
@pytest.mark.parametrize("source", SOLUTIONS, ids=name_of)
def test_assignments_are_what_the_solutions_generate(source, course):
    name = source.parent.name
    generated = release(course, name) / source.name
    tracked = ROOT / "assignments" / name / source.name
    assert json.loads(generated.read_text()) == json.loads(tracked.read_text()), (
        f"assignments/{name} is not what solutions/{name} generates: run `make release`"
    )
    text = tracked.read_text()
    for secret in ("BEGIN SOLUTION", "HIDDEN TESTS", "from autograder"):
        assert secret not in text


@pytest.mark.slow
def test_a_release_that_fails_leaves_the_last_one_as_it_was(short_course):
    released = release(short_course, "ps1_cells") / "ps1_cells.ipynb"
    before = released.read_bytes()
    (short_course.path("source", ".", "ps1_cells") / "ps1_cells.ipynb").write_text("{")
    with pytest.raises(CourseError, match="generate_assignment failed"):
        release(short_course, "ps1_cells")
    assert released.read_bytes() == before
    assert not (released.parent.parent / ".ps1_cells.before").exists()


def test_nothing_else_is_in_assignments():
    generated = {name_of(path).split("/", 1)[1] for path in SOLUTIONS}
    tracked = {
        name_of(path).split("/", 1)[1]
        for path in (ROOT / "assignments").rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    }
    assert generated == tracked


@pytest.mark.parametrize("source", SOLUTIONS, ids=name_of)
def test_points_in_the_notebook_are_those_of_the_rubric(source):
    notebook = nbformat.read(source, as_version=4)
    for name in exercises_of(source.parent.name):
        (cell,) = [cell for cell in notebook.cells if f'grade("{name}"' in cell.source]
        points = sum(check.points for check in graded_properties(name))
        assert cell.metadata.nbgrader.points == points == exercises()[name].points
        assert f'check("{name}"' in cell.source


def run(path: Path, folder: Path | None = None) -> nbformat.NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": folder or path.parent}}
    NotebookClient(notebook, timeout=120, resources=resources).execute()
    return notebook


@pytest.mark.notebooks
@pytest.mark.parametrize("source", SOLUTIONS, ids=name_of)
def test_a_solution_runs_in_a_kernel_and_gets_the_same_full_marks_there(source, tmp_path):
    """The same grading cells in stock nbgrader's way: in the kernel of the student's code."""
    folder = shutil.copytree(source.parent, tmp_path / "submitted")
    for name, content in solution_files(source.parent.name).items():
        (folder / name).write_bytes(content)
    notebook = run(source, folder)
    graded = [cell for cell in notebook.cells if "from autograder import grade" in cell.source]
    assert graded
    for cell in graded:
        results = [output for output in cell.outputs if output.output_type == "execute_result"]
        assert float(results[0]["data"]["text/plain"]) == cell.metadata.nbgrader.points, cell.id
        assert "<table" in results[0]["data"]["text/html"]


@pytest.mark.notebooks
@pytest.mark.parametrize("path", sorted((ROOT / "course").glob("*.ipynb")), ids=name_of)
def test_a_walkthrough_runs(path):
    run(path)
