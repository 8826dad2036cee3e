"""Results: their file, what is refused, and the files of version 1."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.judging.results import (
    CellResult,
    InvalidResult,
    ManualMarks,
    PropertyResult,
    SubmissionResult,
    overall_status,
)
from rnncourse.checks.status import Status

NUMBERS = st.floats(-1e8, 1e8)
TEXTS = st.text(max_size=5)
OPTIONAL_TEXTS = st.none() | TEXTS
PROPERTIES = st.builds(
    PropertyResult,
    name=TEXTS,
    title=TEXTS,
    points=NUMBERS,
    status=st.sampled_from(Status),
    message=OPTIONAL_TEXTS,
    misconception=OPTIONAL_TEXTS,
    hint=OPTIONAL_TEXTS,
    measured=st.none() | NUMBERS,
    seconds=NUMBERS,
)
CELLS = st.builds(
    CellResult,
    grade_id=TEXTS,
    points=st.none() | NUMBERS,
    max_points=NUMBERS,
    status=st.sampled_from(Status),
    notebook=TEXTS,
    in_sandbox=st.booleans(),
    properties=st.lists(PROPERTIES, max_size=2),
    message=OPTIONAL_TEXTS,
    stopped_by=OPTIONAL_TEXTS,
    seed=st.none() | st.integers(0, 2**48),
    seconds=NUMBERS,
    record=st.dictionaries(TEXTS, TEXTS, max_size=2),
)
NAMES = st.lists(TEXTS, max_size=2)
RESULTS = st.builds(
    SubmissionResult,
    student=TEXTS,
    assignment=TEXTS,
    seed=st.integers(0, 2**48),
    cells=st.lists(CELLS, max_size=2),
    submitted_files=st.dictionaries(TEXTS, st.integers(0, 2**30), max_size=2),
    problems=st.dictionaries(TEXTS, TEXTS, max_size=2),
    notes=NAMES,
    suspicious=NAMES,
    seconds=st.dictionaries(TEXTS, NUMBERS, max_size=2),
    manual_marks=st.none() | st.builds(ManualMarks, NAMES, NAMES, NAMES, NUMBERS),
    digest=OPTIONAL_TEXTS,
)


def example() -> SubmissionResult:
    shape = PropertyResult("shape", "shape", 1.0, Status.PASSED)
    values = PropertyResult("values", "values", 2.0, Status.FAILED, "got 1, expected 2")
    return SubmissionResult(
        "ada",
        "ps1_cells",
        seed=2**47,
        cells=[
            CellResult("test_lstm", 1.0, 3.0, Status.FAILED, "ps1_cells", False, [shape, values]),
            CellResult("why", None, 2.0, Status.NOT_GRADED, "ps1_cells", record={"name": "x"}),
        ],
    )


@settings(deadline=None, max_examples=50)
@given(RESULTS)
def test_a_result_survives_its_file(result):
    assert SubmissionResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_the_file_holds_what_is_derived():
    raw = example().to_json()
    assert (raw["version"], raw["points"], raw["max_points"]) == (2, 1.0, 5.0)
    assert raw["needs_manual_grade"] is True


def test_manual_marks_of_the_gradebook_replace_those_of_the_file():
    result = example()
    result.manual_marks = ManualMarks(waiting=["why"])
    now = ManualMarks(given=["why"], total_points=3.0)
    again = SubmissionResult.from_json(result.to_json(), now)
    assert again.manual_marks == now and not again.needs_manual_grade
    assert SubmissionResult.from_json(result.to_json()).needs_manual_grade


def test_a_summary_keeps_marks_only():
    summary = example().summary()
    assert (summary.points, summary.max_points) == (1.0, 5.0)
    assert [cell.status for cell in summary.cells] == [Status.FAILED, Status.NOT_GRADED]
    assert not any(cell.properties or cell.record for cell in summary.cells)
    assert example().cells[0].properties  # the result itself is left as it was


def replaced(path, value):
    """The example's file with one value replaced."""
    raw = example().to_json()
    *parents, last = path
    place = raw
    for key in parents:
        place = place[key]
    place[last] = value
    return raw


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["student"], 3),
        (["seed"], -1),
        (["seed"], True),
        (["seed"], 1.5),
        (["cells"], None),
        (["cells"], {}),
        (["cells", 0], "test_lstm"),
        (["cells", 0, "points"], True),
        (["cells", 0, "points"], math.nan),
        (["cells", 0, "points"], 10**400),
        (["cells", 0, "max_points"], None),
        (["cells", 0, "max_points"], math.inf),
        (["cells", 0, "max_points"], 1e9),
        (["cells", 0, "status"], "fine"),
        (["cells", 0, "status"], []),
        (["cells", 0, "in_sandbox"], 1),
        (["cells", 0, "record"], {"name": 1}),
        (["cells", 0, "properties", 0], 3),
        (["cells", 0, "properties", 0, "name"], None),
        (["cells", 0, "properties", 0, "measured"], math.nan),
        (["cells", 0, "properties", 0, "measured"], 10**400),
        (["problems"], ["ps1_cells"]),
        (["notes"], "note"),
        (["suspicious"], [None]),
        (["submitted_files"], {"weights": -1}),
        (["seconds"], {"judge": "1"}),
        (["manual_marks"], {"given": []}),
        (["digest"], 1),
    ],
)
def test_what_is_malformed_is_refused(path, value):
    with pytest.raises(InvalidResult, match=r"it is not a result: .*missing or malformed"):
        SubmissionResult.from_json(replaced(path, value))


@pytest.mark.parametrize("raw", [None, [], "x", 3, {}])
def test_what_is_not_a_result_is_refused(raw):
    with pytest.raises(InvalidResult, match="it is not a result"):
        SubmissionResult.from_json(raw)


@pytest.mark.parametrize("version", [0, 1, 3, True, 2.0, "2", None])
def test_an_unknown_version_is_refused(version):
    with pytest.raises(InvalidResult, match="which this grader cannot read"):
        SubmissionResult.from_json(example().to_json() | {"version": version})


# --- the status of a cell -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ("passed passed", Status.PASSED),
        ("passed failed error", Status.FAILED),
        ("passed error failed", Status.ERROR),
        ("failed crashed timeout", Status.CRASHED),
        ("not_written not_written", Status.NOT_WRITTEN),
        ("not_defined not_defined", Status.NOT_DEFINED),
        ("passed not_written", Status.FAILED),
        ("not_written error", Status.ERROR),
        ("not_written timeout", Status.TIMEOUT),
    ],
)
def test_the_status_of_a_cell(statuses, expected):
    assert overall_status(Status[name.upper()] for name in statuses.split()) is expected


# --- version 1 ------------------------------------------------------------------------------------


def old_property(message=None, **more):
    return {
        "name": "shape",
        "title": "shape",
        "points": 1.0,
        "message": message,
        "misconception": None,
        "hint": None,
        "seconds": 0.1,
        "measured": None,
        "passed": message is None,
        **more,
    }


def old_cell(*properties, **more):
    return {
        "notebook": "ps",
        "grade_id": "test_lstm",
        "points": 1.0,
        "max_points": 2.0,
        "beside": False,
        "properties": list(properties),
        "message": None,
        "seed": 2**47,
        "seconds": 0.5,
        "record": {},
        **more,
    }


def old_result(*cells, **more):
    return {
        "student": "ada",
        "assignment": "ps",
        "seed": 2**47,
        "points": 1.0,
        "max_points": 2.0,
        "needs_manual_grade": False,
        "cells": list(cells),
        "handed_in": {"weights": 12},
        "problems": {},
        "notes": ["a note"],
        "suspicious": [],
        "seconds": {"student": 0.0, "judge": 0.1, "nbgrader": 0.2},
        "by_hand": {"given": ["why"], "waiting": [], "again": ["why"], "points_in_all": 3.5},
        "digest": "abc",
        **more,
    }


def test_a_file_of_version_1_is_read():
    failed = old_property("got 1, expected 2", misconception="swaps", hint="The order.")
    result = SubmissionResult.from_json(
        old_result(old_cell(old_property(measured=27.1), failed, beside=True))
    )
    assert result == SubmissionResult(
        "ada",
        "ps",
        seed=2**47,
        cells=[
            CellResult(
                "test_lstm",
                1.0,
                2.0,
                Status.FAILED,
                "ps",
                in_sandbox=True,
                properties=[
                    PropertyResult(
                        "shape", "shape", 1.0, Status.PASSED, measured=27.1, seconds=0.1
                    ),
                    PropertyResult(
                        "shape",
                        "shape",
                        1.0,
                        Status.FAILED,
                        "got 1, expected 2",
                        "swaps",
                        "The order.",
                        seconds=0.1,
                    ),
                ],
                seed=2**47,
                seconds=0.5,
            )
        ],
        submitted_files={"weights": 12},
        notes=["a note"],
        seconds={"student": 0.0, "judge": 0.1, "nbgrader": 0.2},
        manual_marks=ManualMarks(["why"], [], ["why"], 3.5),
        digest="abc",
    )
    assert result.needs_manual_grade


@pytest.mark.parametrize(
    ("message", "status", "stopped_by"),
    [
        ("not written yet", Status.NOT_WRITTEN, None),
        (
            "it raised NameError: your notebook does not define lstm: was it renamed or deleted?",
            Status.NOT_DEFINED,
            None,
        ),
        ("it raised TypeError: no", Status.ERROR, None),
        ("got 1, expected that it raised ValueError: no", Status.FAILED, None),
        ("it raised Timeout: it took too long", Status.TIMEOUT, "it took too long"),
        (
            "b: it raised Crashed: the process that ran your code ended itself",
            Status.CRASHED,
            "the process that ran your code ended itself",
        ),
        (
            "it raised Crashed: your code used more than 1024 MB of memory",
            Status.OUT_OF_MEMORY,
            "your code used more than 1024 MB of memory",
        ),
        (
            "it raised Crashed: your code used more than 60 s of processor time",
            Status.TIMEOUT,
            "your code used more than 60 s of processor time",
        ),
    ],
)
def test_the_status_of_an_old_property_is_made_out_from_its_message(message, status, stopped_by):
    cell = SubmissionResult.from_json(old_result(old_cell(old_property(message)))).cells[0]
    assert (cell.properties[0].status, cell.status, cell.stopped_by) == (status, status, stopped_by)


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        (old_cell(message="NotImplementedError: "), Status.NOT_WRITTEN),
        (old_cell(message="AssertionError: no"), Status.FAILED),
        (old_cell(message="ZeroDivisionError: division by zero"), Status.ERROR),
        (old_cell(message="CellTimeoutError: this cell was stopped after 10 s"), Status.TIMEOUT),
        (old_cell(message="your code made too many files"), Status.CRASHED),
        (old_cell(points=None), Status.NOT_GRADED),
        (old_cell(points=2.0), Status.PASSED),
        (old_cell(points=0.0), Status.FAILED),
        (old_cell(notebook="lost", message="lost.ipynb was not handed in"), Status.NOT_GRADED),
    ],
)
def test_the_status_of_an_old_cell(cell, status):
    raw = old_result(cell, problems={"lost": "lost.ipynb was not handed in"})
    assert SubmissionResult.from_json(raw).cells[0].status is status


@pytest.mark.parametrize(
    "raw",
    [
        old_result(points="1"),
        old_result(max_points=math.inf),
        old_result(cells=[3]),
        old_result(cells=[{"points": 1.0}]),
        old_result(old_cell(points="1")),
        old_result(old_cell("shape")),
        old_result(old_cell(properties=None)),
        old_result(problems=["ps"]),
        old_result(by_hand=[]),
    ],
)
def test_a_malformed_file_of_version_1_is_refused(raw):
    with pytest.raises(InvalidResult, match="it is not a result"):
        SubmissionResult.from_json(raw)


def test_a_measured_number_of_version_1_that_is_not_finite_is_dropped():
    raw = old_result(old_cell(old_property(measured=math.nan)))
    assert SubmissionResult.from_json(raw).cells[0].properties[0].measured is None
