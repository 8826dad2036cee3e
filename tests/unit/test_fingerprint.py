"""What marks depend on is found in the code: no list to forget."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autograder
import rnncourse
from autograder import imports
from autograder.grading import fingerprint
from autograder.grading.fingerprint import code_fingerprint, marking_modules
from rnncourse.exercises import problem_sets

SOURCES = ("from rnncourse.data import toys", "from rnncourse import plots")


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """A copy of our packages, as the fingerprint sees them: change(module) changes one of them."""
    for package in (autograder, rnncourse):
        folder = Path(package.__file__).parent
        shutil.copytree(folder, tmp_path / folder.name)
    root = Path(autograder.__file__).parents[1]
    known = {name: tmp_path / path.relative_to(root) for name, path in imports.modules().items()}
    for module in (imports, fingerprint):
        monkeypatch.setattr(module, "modules", lambda: known)

    def change(name):
        path = known[name]
        path.write_text(path.read_text() + "\n# changed\n")

    return change


@pytest.mark.parametrize(
    "name",
    [
        "autograder.judging.problem_set",  # what is forbidden, and what is hidden
        "autograder.rubrics.ps1_cells.lstm_step",
        "autograder.jailed.rpc",
        "autograder.judging.judge",
        "autograder.sandbox.limits",
        "autograder.submissions.sanitise",
        "rnncourse.checks.properties",
        "rnncourse.checks.harness.training",
        "rnncourse.exercises.ps1_cells.lstm_step",
        "rnncourse.data.toys",  # which the notebook imports
        "rnncourse.reference.cells",
    ],
)
def test_a_change_of_what_marks_depend_on_shows(copies, name):
    before = code_fingerprint("ps1_cells", SOURCES)
    copies(name)
    assert code_fingerprint("ps1_cells", SOURCES) != before


@pytest.mark.parametrize(
    "name",
    [
        "autograder.cli",
        "autograder.rubrics.ps6_decoding.beam_search",  # another set's
        "autograder.gradebook.recorder",
        "autograder.reports.class_report",
        "rnncourse.exercises.ps6_decoding.beam_search",
        "rnncourse.plots.style",
        "rnncourse.selfstudy.progress",
        "rnncourse.recipes.words",
        "rnncourse.selfstudy.status",
    ],
)
def test_a_change_of_anything_else_regrades_nobody(copies, name):
    before = code_fingerprint("ps1_cells", SOURCES)
    copies(name)
    assert code_fingerprint("ps1_cells", SOURCES) == before


@pytest.mark.slow
def test_everything_that_is_loaded_to_judge_is_found():
    """Whatever of ours is in a process that can grade, but for other sets' exercises."""
    program = (
        "import sys, autograder.judging.judge, autograder.submissions.sanitise\n"
        "from autograder.rubrics import graded_properties\n"
        "graded_properties('load_translator')\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    loaded = set(done.stdout.split()) & imports.modules().keys()
    sets = {*problem_sets()} - {"capstone"}
    others = {name for name in loaded if name.split(".")[2:3] and name.split(".")[2] in sets}
    # And but for the references that only these import.
    others |= {name for name in loaded if name.startswith("rnncourse.reference.")}
    assert loaded - others - {"autograder"} <= set(marking_modules("capstone"))
    assert not {name for name in marking_modules("capstone") if name.startswith("rnncourse.plots")}


def test_cells_may_hold_magics_and_mistakes():
    sources = ["%matplotlib inline\nfrom rnncourse.data import toys", "def f(:\n"]
    assert "rnncourse.data.toys" in marking_modules("ps1_cells", sources)
