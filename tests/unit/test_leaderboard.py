"""The leaderboard: the best first, names hidden, nothing on the page that a student could run."""

import json
import re

import pytest

from autograder.cli import main
from autograder.gradebook.course import CourseError
from autograder.judging.results import CellResult, PropertyResult, SubmissionResult
from autograder.reports.leaderboard import ADJECTIVES, ANIMALS, Leaderboard, pseudonym
from rnncourse.checks.status import Status
from rnncourse.files import write_text

ASSIGNMENT = "capstone"


def record(course, student, score, name=None, size=1000, seed=1):
    """Write a result as the recorder does."""
    properties = [
        PropertyResult("other", "Other", 1, Status.PASSED),
        PropertyResult("bleu", "BLEU", 1, Status.PASSED, measured=score),
    ]
    cell = CellResult("test_load_translator", 2, 2, Status.PASSED, properties=properties)
    if name is not None:
        cell.record = {"leaderboard_name": name}
    cells = [CellResult("test_other", 1, 1, Status.PASSED), cell]
    result = SubmissionResult(student, ASSIGNMENT, seed, cells, submitted_files={"w": size})
    path = course.results(ASSIGNMENT) / student / "result.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result.to_json()))


def load(course):
    return Leaderboard.load(course, ASSIGNMENT)


def test_the_best_comes_first_and_of_equals_the_smaller(course):
    record(course, "a", 50.04, "fifty", 10)
    record(course, "b", 97.96, "big", 2000)
    record(course, "c", 98.04, "small", 1000)
    record(course, "d", 98.0, "small too", 1000)
    board = [(entry.place, entry.name) for entry in load(course).entries]
    assert board == [(1, "small"), (1, "small too"), (3, "big"), (4, "fifty")]


def test_no_name_is_shown_that_was_not_asked_for(course, capsys):
    for student in ("maria.gonzalez", "st12345", "x"):
        record(course, student, 60.0)
    record(course, "y.chosen", 70.0, "Grace")
    assert main(["leaderboard", ASSIGNMENT, "--course", str(course.root)]) == 0
    page = (course.results(ASSIGNMENT) / "leaderboard.html").read_text()
    for text in (page, capsys.readouterr().out):
        assert "Grace" in text
        for hidden in ("maria", "gonzalez", "st12345", "y.chosen"):
            assert hidden not in text
    # Nor in the order of equals.
    names = [entry.name for entry in load(course).entries[1:]]
    assert names == sorted(names)


def test_pseudonyms_stay_and_cannot_be_computed_from_the_name(course):
    record(course, "a", 60.0)
    (first,) = load(course).entries
    record(course, "b", 80.0)
    assert load(course).entries[1].name == first.name and not first.chosen
    assert pseudonym("a", b"1") == pseudonym("a", b"1") != pseudonym("a", b"2")
    assert len({pseudonym(f"student {n}", b"key") for n in range(1000)}) > 990
    assert len(set(ADJECTIVES)) == len(ADJECTIVES) and len(set(ANIMALS)) == len(ANIMALS)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "a" * 5000,
        "\u202eevil\u0000\x1b[31m",
        "[red]markup[/red]",
        "\ud800",
        "  \n ",
        "＜script＞",
    ],
)
def test_a_name_is_only_text(course, name, capsys):
    record(course, "a", 60.0, name)
    board = load(course)
    write_text(course.root / "page.html", board.page())
    page = (course.root / "page.html").read_text()
    tags = set(re.findall(r"<(\w+)", page.partition("<tbody>")[2]))
    assert tags <= {"tr", "td", "th", "b", "i", "bdi", "meter", "ul", "li"}
    assert "\u202e" not in page and "\x1b" not in page
    assert len(board.entries[0].name) <= 30
    assert "default-src 'none'" in page
    assert main(["leaderboard", ASSIGNMENT, "--course", str(course.root)]) == 0
    if name.startswith("[red]"):
        assert "[red]markup[/red]" in capsys.readouterr().out


def test_an_empty_name_is_not_used(course):
    record(course, "a", 60.0, "")
    record(course, "b", 60.0, " \n ")
    entries = load(course).entries
    assert len(entries) == 2 and not any(entry.chosen for entry in entries)


@pytest.mark.parametrize("score", [None, "100", float("nan"), float("inf"), True])
def test_what_is_not_a_score_is_not_ranked(course, score):
    record(course, "good", 50.0)
    record(course, "bad", score)
    board = load(course)
    assert [entry.score for entry in board.entries] == [50.0]
    assert board.without_score == 1


def test_scores_lie_between_0_and_100(course):
    record(course, "a", 100.00000000000004)
    record(course, "b", -1)
    assert [entry.score for entry in load(course).entries] == [100.0, 0.0]


def test_results_that_cannot_be_read_are_counted(course):
    record(course, "good", 50.0)
    for student, text in (("a", "{"), ("b", "[]"), ("c", '{"cells": [1]}'), ("d", "{}")):
        record(course, student, 1.0)
        (course.results(ASSIGNMENT) / student / "result.json").write_text(text)
    assert load(course).without_score == 4


def test_scores_of_different_runs_are_pointed_out(course):
    record(course, "a", 50.0, seed=1)
    assert not any("runs of the grader" in note for note in load(course).notes)
    record(course, "b", 50.0, seed=2)
    assert any("2 runs of the grader" in note for note in load(course).notes)


def test_without_scores_there_is_no_board(course, capsys):
    with pytest.raises(CourseError, match="no result of 'capstone' has a score"):
        load(course)
    assert main(["leaderboard", "ps1_cells", "--course", str(course.root)]) == 2
    assert "autograder grade ps1_cells" in " ".join(capsys.readouterr().err.split())
