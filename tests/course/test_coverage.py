"""Coverage: every line of the lecture has its row in docs/coverage.md, and what a row names exists.

The lecture itself is not part of the repository. If its text is next to it, in
../shared/lecture.txt, its lines and equations are counted.
"""

import importlib
import re
from dataclasses import dataclass
from functools import cache

import nbformat
import pytest
from conftest import ROOT

from rnncourse.exercises import exercises

LECTURE = ROOT.parent / "shared" / "lecture.txt"
LINES, EQUATIONS = 84, 11


@dataclass(frozen=True)
class Row:
    """Where something that the lecture says is read, written and answered."""

    number: str  # "12", or "eq. 3"
    read: tuple[tuple[str, str], ...]  # headings and notebooks
    write: tuple[str, ...]
    modules: tuple[str, ...]  # of rnncourse.reference


def rows() -> list[Row]:
    table = []
    for line in (ROOT / "docs/coverage.md").read_text(encoding="utf-8").split("\n"):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 5 and re.fullmatch(r"\d+|eq\. \d+", cells[0]):
            number, _, read, write, modules = (cell.replace(r"\|", "|") for cell in cells)
            links = re.findall(r"\[(.+?)\]\(\.\./course/(\w+\.ipynb)[^)]*\)", read)
            names = tuple(re.findall(r"`([^`]+)`", write))
            answers = tuple(re.findall(r"`([^`]+)`", modules))
            table.append(Row(number, tuple(links), names, answers))
    return table


ROWS = rows()
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number)


@cache
def headings(notebook: str) -> list[str]:
    cells = nbformat.read(ROOT / "course" / notebook, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return [title for text in texts for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]


def test_every_line_and_every_equation_has_a_row():
    numbers = [row.number for row in ROWS]
    lines = [number for number in numbers if number.isdigit()]
    equations = [number for number in numbers if not number.isdigit()]
    assert lines == [str(n) for n in range(1, LINES + 1)]
    assert equations == [f"eq. {n}" for n in range(1, EQUATIONS + 1)]


@pytest.mark.skipif(not LECTURE.exists(), reason="the lecture's text is not next to the repository")
def test_the_lecture_has_these_numbers_of_lines_and_equations():
    text = LECTURE.read_text(encoding="utf-8")
    outline = r"\d Recurrent|\d Using|\d Flexible|\d Training|\d Test|\d Regularization"
    lines = re.findall(rf"^\s*- (?!{outline})", text, re.MULTILINE)
    numbers = re.findall(r"\((\d+)\)\s*\$\$|\\quad \((\d+)\)|\\tag\{(\d+)\}", text)
    assert len(lines) == LINES
    assert {int("".join(groups)) for groups in numbers} == set(range(1, EQUATIONS + 1))


@each_row
def test_it_is_taught_where_the_table_says(row):
    assert row.read
    for heading, notebook in row.read:
        assert heading in headings(notebook), f"{notebook} has no heading {heading!r}"


@each_row
def test_exercises_and_their_answers_exist(row):
    modules = [importlib.import_module(f"rnncourse.reference.{name}") for name in row.modules]
    assert modules
    for name in row.write:
        answers = [getattr(module, name, None) for module in modules]
        assert exercises()[name].reference in answers, name


def test_every_exercise_of_the_lecture_is_in_the_table():
    asked = {name for name, exercise in exercises().items() if exercise.problem_set != "capstone"}
    table = {name for row in ROWS for name in row.write}
    beyond = {"softmax", "perplexity", "clip_gradients", "detach_state", "weight_drop"}
    assert asked - table <= beyond
