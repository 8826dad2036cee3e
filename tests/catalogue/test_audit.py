"""The audit's own verdicts, and answers kept in files."""

import io
import json
from pathlib import Path

import pytest
from conftest import ROOT, needs_jail
from nbformat.v4 import new_notebook
from rich.console import Console

from autograder.answers import Answer, read_answers
from autograder.audit import Candidate, Finding, _across_seeds
from autograder.cli import main
from autograder.gradebook.course import CourseError
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


# --- answers kept in files ------------------------------------------------------------------------

RIGHT = "def elman_step(x, h, W_x, W_h, g=torch.tanh):\n    return g(x @ W_x + h @ W_h)\n"
HELPER = "def case(*answer):\n    C.append(answer)\n\n\n"


def answer_file(folder: Path, text: str, name: str = "some.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        'C = [("f", "a label", True, "def f(): ...")]',
        'C: list = []\nC += [("f", "a label", True, "def f(): ...")]',
        'C = []\nC.append(("f", "a label", True, "def f(): ..."))',
        '"""Some answers."""\nimport os\nC = []\n'
        + HELPER
        + 'case("f", "a label", True, "def f(): ...")',
    ],
)
def test_answers_are_read(tmp_path, text):
    assert read_answers(answer_file(tmp_path, text)) == [
        Answer("some", "f", "a label", True, "def f(): ...")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("C = [", "some.py cannot be read: "),
        ("", r"holds no answers: it needs a list C of tuples \(exercise, label, full, source\)"),
        ("D = [1]", "holds no answers"),
        ('C = [("f", "a label", True)]', "line 1: not an answer"),
        ('C = [("f", "a label", 1, "")]', "line 1: not an answer"),
        ('\nC = [("f", "a label", True, open("/etc/passwd").read())]', "line 2: not an answer"),
        ("C = [answer for answer in ()]", "line 1: not an answer"),
        ("C = []\nfor n in range(3):\n    C.append(n)", "line 2: not an answer"),
        ('C = []\nC.append(("f", "a label", True, ""), key=1)', "line 2: not an answer"),
    ],
)
def test_a_file_that_would_have_to_be_run_is_refused(tmp_path, text, message):
    with pytest.raises(CourseError, match=message):
        read_answers(answer_file(tmp_path, text))


def test_a_file_is_not_run(tmp_path):
    text = f'C = []\nopen({str(tmp_path / "ran")!r}, "w")'
    with pytest.raises(CourseError):
        read_answers(answer_file(tmp_path, text))
    assert not (tmp_path / "ran").exists()


def audit_answers(*arguments: str | Path) -> int:
    return main(["audit", "--course", str(ROOT), "--jobs", "1", *map(str, arguments)])


@needs_jail
def test_answers_with_a_wrong_mark_are_shown(tmp_path, capsys):
    halves = RIGHT.replace("return ", "return 0.5 * ")
    answers = [
        ("elman_step", "right", True, RIGHT),
        ("elman_step", "halves", False, halves),
        ("elman_step", "halves, said to be right", True, halves),
        ("elman_step", "right, said to be wrong", False, RIGHT),
        ("additive_step", "adds", True, "def additive_step(x, h):\n    return x + h\n"),
    ]
    file = answer_file(tmp_path, f"C = {answers!r}\n")
    details = tmp_path / "details.json"
    assert audit_answers("--answers", file, "--only", "elman_step", "--json", details) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "ps1_cells/elman_step [halves, said to be right]: 1.25 of" in said
    assert "expected full marks" in said
    assert "[right, said to be wrong]" in said and "expected fewer than all points" in said
    assert "[halves]" not in said and "[right]" not in said
    assert "right answers with full marks: 1 of 2; wrong answers that lost points: 1 of 2" in said
    entries = {entry["label"]: entry for entry in json.loads(details.read_text())}
    assert list(entries) == [label for exercise, label, _, _ in answers if exercise == "elman_step"]
    assert {label: entry["correct"] for label, entry in entries.items()} == {
        "right": True,
        "halves": True,
        "halves, said to be right": False,
        "right, said to be wrong": False,
    }
    assert entries["right"]["points"] == entries["right"]["max_points"] > 0
    assert any(name == "values" for name, _ in entries["halves"]["messages"])

    file = answer_file(tmp_path, f"C = {answers[:2]!r}\n")
    assert audit_answers("--answers", file, "--seed", "5") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "elman_step"], "need --answers"),
        (["ps0_warmup", "--answers", "FILE"], "cannot be combined"),
        (["--answers", "FILE", "--only", "unroll"], "no answers to unroll"),
        (["--answers", "FILE"], "'no_exercise', which is not an exercise"),
        (["--answers", "/nowhere.py"], "cannot be read"),
    ],
)
def test_what_cannot_be_audited_is_said(tmp_path, capsys, arguments, message):
    file = answer_file(tmp_path, 'C = [("no_exercise", "", True, "")]')
    given = [str(file) if argument == "FILE" else argument for argument in arguments]
    assert audit_answers(*given) == 2
    assert message in " ".join(capsys.readouterr().err.split())
