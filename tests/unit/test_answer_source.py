"""A mistake as a change of a right answer: it fits in one place, or it is refused."""

import pytest
import torch
from torch import nn

from autograder.rubrics import graded_properties
from rnncourse.checks.answer_source import ChangeError, apply_change, changed, source_of
from rnncourse.checks.exercise import Exercise
from rnncourse.exercises import exercises

ANSWER = """\
def double(x):
    y = x + x
    y = y + 0
    return y"""


def test_a_change_replaces_its_lines_and_keeps_the_rest():
    change = """
    -    y = x + x
    +    y = x * x
    ...
         y = y + 0
    +    y = y + 1
    """
    assert apply_change(ANSWER, change) == (
        "def double(x):\n    y = x * x\n    y = y + 0\n    y = y + 1\n    return y"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("-    y = x - x\n+    y = x", "fits in 0 places"),
        ("-    y = x + x\n+    y = x + x", "changes nothing"),
        ("*    y = x + x", "begins with"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(change, why):
    with pytest.raises(ChangeError, match=why):
        apply_change(ANSWER, change)


def test_a_change_that_fits_twice_is_refused():
    with pytest.raises(ChangeError, match="fits in 2 places"):
        apply_change("y = x\ny = x", "-y = x\n+y = 2 * x")


exercise = Exercise("half", "ps0_warmup", None, 1.0)


@exercise.canonical
@torch.no_grad()
def half(x):
    return x / 2


class Halver(nn.Module):
    def forward(self, x):
        return x / 2


def test_what_is_made_has_its_label_and_its_own_source():
    wrong = changed(half, "-    return x / 2\n+    return x // 2", "rounds_down")
    assert wrong.__name__ == "rounds_down" and wrong(torch.tensor(3)) == 1 and half(3) == 1.5
    assert source_of(wrong, "half") == "@torch.no_grad()\ndef half(x):\n    return x // 2"
    assert source_of(wrong, "halve").endswith("\n\n\nhalve = half\n")


def test_a_class_can_be_changed_as_well():
    wrong = changed(Halver, "-        return x / 2\n+        return x", "DoesNothing")
    assert wrong()(5) == 5 and Halver()(5) == 2.5
    assert "return x / 2" not in source_of(wrong, "Halver")


def test_a_near_miss_enters_the_catalogue():
    exercise.near_miss("rounds_down", "Use /, not //.", "-    return x / 2\n+    return x // 2")
    (mistake,) = exercise.misconceptions
    assert (mistake.name, mistake.sentence) == ("rounds_down", "Use /, not //.")
    assert mistake.wrong(3) == 1


@pytest.mark.parametrize(
    "name", [name for name, entry in exercises().items() if entry.canonical_answer]
)
def test_the_canonical_answer_gets_full_marks(name):
    entry = exercises()[name]
    report = entry.evaluate(entry.canonical_answer, 3, graded_properties(name))
    assert report.passed, report
