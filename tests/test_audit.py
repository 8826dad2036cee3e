"""The audit's own verdicts, and answers kept in files."""

import io

from nbformat.v4 import new_notebook
from rich.console import Console

from autograder.audit import Candidate, Finding, _across_seeds
from autograder.judging.results import CellResult
from rnncourse.checks.status import Status

CANDIDATE = Candidate("ps1_cells", "lstm_step", "misconception", "swaps", new_notebook())


def verdict(points: list[float]) -> tuple[int, str]:
    """Of a mistake that got so many of 4 points under one seed after the other."""
    findings = [
        Finding(CANDIDATE, seed, CellResult("test_lstm_step", mark, 4.0, Status.FAILED))
        for seed, mark in enumerate(points)
    ]
    written = io.StringIO()
    code = _across_seeds(findings, len(points), Console(file=written, width=200))
    return code, written.getvalue()


def test_marks_that_stay_the_same_pass():
    code, said = verdict([1.0, 1.0, 1.0])
    assert code == 0
    assert "under 3 seeds: 0 of 1 marks depend on the seed, 0 of 3 are wrong" in said


def test_a_mark_that_depends_on_the_seed_fails_and_is_shown():
    code, said = verdict([1.0, 3.0, 1.0])
    assert code == 1
    assert "ps1_cells: lstm_step: swaps: 1 (2 times), 3 (1 times)" in said


def test_a_mistake_that_gets_full_marks_under_every_seed_fails():
    code, said = verdict([4.0, 4.0])
    assert code == 1
    assert "2 of 2 are wrong" in said
