"""Copied code is pointed out, what is alike by nature is not; and nothing of it is ever run."""

import builtins
import importlib.util
import io
import keyword
import re
import shutil
import sys

import nbformat
import pytest
from conftest import ROOT
from rich.console import Console

from autograder.demo import Paper
from autograder.gradebook.course import Course
from autograder.judging.results import CellResult, SubmissionResult
from autograder.reports.class_report import ClassReport
from autograder.reports.html_page import class_report_page
from autograder.reports.similarity import compare, fingerprints, similar_pairs, solution_cells
from autograder.reports.terminal_view import print_class_report
from autograder.rubrics import rubric_of
from rnncourse.checks.answer_source import source_of
from rnncourse.checks.status import Status
from rnncourse.exercises import exercises_of
from rnncourse.files import write_json

ASSIGNMENT = "ps1_cells"
FILE = f"{ASSIGNMENT}.ipynb"
ALTERNATIVES = {name: rubric_of(name).alternatives for name in exercises_of(ASSIGNMENT)}
KEPT = {*keyword.kwlist, *dir(builtins), "torch", "nn", "self", "forward"}
needs_copydetect = pytest.mark.skipif(
    importlib.util.find_spec("copydetect") is None,
    reason="needs copydetect: pip install copydetect",
)


def in_style(number: int) -> dict[str, str]:
    """A student's answers: for every exercise one of the alternatives."""
    return {
        name: source_of(alternatives[number % len(alternatives)], name)
        for name, alternatives in ALTERNATIVES.items()
    }


def renamed(code: str) -> str:
    """The same code with other names, and comments that it did not have."""
    names: dict[str, str] = {}

    def rename(match: re.Match[str]) -> str:
        word = match[0]
        return word if word in KEPT else names.setdefault(word, f"my_{len(names)}")

    lines = re.sub(r"\b[a-z_]\w*\b", rename, code).split("\n")
    return "\n".join(line and f"{line}  # my own work" for line in lines)


@pytest.fixture
def course(tmp_path) -> Course:
    """A course with solutions and no submissions."""
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, tmp_path / "solutions" / ASSIGNMENT)
    return Course(tmp_path)


def graded(course: Course, student: str, answers: dict[str, str]) -> None:
    """Write what the grader keeps of a submission: the notebook and a result."""
    paper = Paper(course.sources(ASSIGNMENT)[ASSIGNMENT], course)
    for name, code in answers.items():
        paper.answer(name, code)
    folder = course.path("autograded", student, ASSIGNMENT)
    folder.mkdir(parents=True)
    nbformat.write(paper.notebook, folder / FILE)
    cells = [CellResult("t", 1, 1, Status.PASSED, ASSIGNMENT)]
    result = SubmissionResult(student, ASSIGNMENT, seed=1, cells=cells)
    write_json(course.results(ASSIGNMENT) / student / "result.json", result.to_json())


@needs_copydetect
def test_two_who_copied_are_named_and_those_who_wrote_their_own_are_not(course):
    styles = min(map(len, ALTERNATIVES.values()))
    assert styles >= 3
    for number in range(styles):
        graded(course, f"own-{number}", in_style(number))
    graded(course, "copied", {name: renamed(code) for name, code in in_style(2).items()})
    # The instructor's solution, and no answer at all: alike, and nobody's copy.
    for number in range(3):
        graded(course, f"as-in-the-book-{number}", {})
        graded(course, f"blank-{number}", dict.fromkeys(exercises_of(ASSIGNMENT), "pass"))
    report = ClassReport.load(course, ASSIGNMENT)
    assert [(pair.first, pair.second) for pair in report.similar] == [("copied", "own-2")]
    assert report.similar[0].share > 0.9
    console = Console(file=io.StringIO(), width=100)
    print_class_report(report, console)
    for shown in (console.file.getvalue(), class_report_page(report)):
        assert "own-2" in shown.split("not a verdict")[1]


@needs_copydetect
def test_a_name_that_is_markup_stays_text(course):
    for name in ("<b>one", "two[red]"):
        graded(course, name, in_style(1))
    report = ClassReport.load(course, ASSIGNMENT)
    assert len(report.similar) == 1
    page = class_report_page(report)
    assert "&lt;b&gt;one" in page.split('id="hint"')[1].split("</section>")[0]
    assert "<b>one" not in page


@needs_copydetect
def test_what_many_have_and_what_is_short_does_not_count():
    long = {"unroll": fingerprints(in_style(1)["unroll"] + in_style(2)["LSTM"])}
    assert len(long["unroll"]) >= 30
    assert len(compare({"a": long, "b": long})) == 1
    assert compare({f"student-{n}": long for n in range(30)}) == []
    short = {"additive_step": fingerprints("def additive_step(x, h):\n    return x + h")}
    assert compare({"a": short, "b": short}) == []


@needs_copydetect
def test_code_is_read_and_never_run(course, tmp_path):
    trap = "\n".join(f"value_{n} = open({str(tmp_path / 'run')!r}, 'w') + {n}" for n in range(40))
    broken = "def f(:\n\x00 '" + "(" * 5000
    for student, code in (("a", trap), ("b", trap), ("c", broken)):
        graded(course, student, {"unroll": code})
    folder = course.path("autograded", "d", ASSIGNMENT)
    folder.mkdir(parents=True)
    (folder / FILE).write_text('{"cells": [3, {"metadata": []}]}')
    assert solution_cells(folder) == {}
    pairs = similar_pairs(course, ASSIGNMENT, ["a", "b", "c", "d", "nobody"])
    assert [(pair.first, pair.second, pair.cells) for pair in pairs] == [("a", "b", ("unroll",))]
    assert not (tmp_path / "run").exists()


def test_without_the_library_the_report_says_so(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "copydetect", None)
    graded(course, "Ada", {})
    report = ClassReport.load(course, ASSIGNMENT)
    assert report.similar is None
    assert "pip install copydetect" in class_report_page(report)
