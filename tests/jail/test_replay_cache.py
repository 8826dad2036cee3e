"""The replay cache: marks as if each had been computed, whatever a worker answers."""

import contextlib
from dataclasses import asdict, replace

import pytest
from conftest import needs_jail
from nbformat.v4 import new_code_cell, new_notebook

from autograder.judging.judge import Judge
from autograder.judging.replay_cache import Exchange, Node, ReplayCache
from autograder.sandbox.limits import LIMITS
from rnncourse.checks.exercise import Exercise

pytestmark = needs_jail

RIGHT = """\
import os, torch

def elman_step(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x + h @ W_h)
"""


def but_with_relu(does: str) -> str:
    """The right answer, except when it is called with relu, in the third property."""
    return RIGHT.replace("    return", f"    if g is torch.relu:\n        {does}\n    return")


LATE = but_with_relu("return x @ W_x")
CRASHES = but_with_relu("os._exit(3)")
STOPS = but_with_relu("while True: pass")
WRONG = RIGHT.replace("g(x @ W_x + h @ W_h)", "g(x @ W_x) + g(h @ W_h)")
GRADE = 'from autograder import grade\n\ngrade("elman_step", elman_step)'


def notebook(answer: str, test: str = GRADE):
    cell, locked = new_code_cell(answer), new_code_cell(test)
    cell.metadata["nbgrader"] = {"solution": True, "grade": False, "grade_id": "answer"}
    locked.metadata["nbgrader"] = {"solution": False, "grade": True, "grade_id": "t", "points": 4}
    return new_notebook(cells=[cell, locked])


@pytest.fixture(scope="module")
def judge():
    with contextlib.closing(Judge(hidden=["rnncourse.reference.cells"])) as judge:
        yield judge


@pytest.fixture
def computed(monkeypatch):
    """How many times an exercise was really evaluated."""
    count = []
    evaluate = Exercise.evaluate

    def counting(self, *args):
        count.append(self.name)
        return evaluate(self, *args)

    monkeypatch.setattr(Exercise, "evaluate", counting)
    return count


def mark(judge, answer, seed, test=GRADE):
    """The result of an answer, without the times."""
    asked = notebook(answer, test)
    result = judge.grade(asked, notebook(RIGHT, test), seed)
    cell = asdict(result.cells[0])
    cell.pop("seconds")
    for prop in cell["properties"]:
        prop.pop("seconds")
    return cell, asked.cells[1].outputs, result.suspicious


@pytest.mark.parametrize("answer", [RIGHT, LATE, WRONG])
def test_a_known_answer_gets_its_mark_without_being_computed(judge, computed, answer):
    judge.replay_cache.use_seed(-1)
    first = mark(judge, answer, 1)
    assert computed == ["elman_step"]
    assert mark(judge, answer, 1) == first
    assert computed == ["elman_step"]
    mark(judge, answer, 2)  # another seed, other inputs
    assert len(computed) == 2


@pytest.mark.parametrize("answer", [LATE, WRONG, CRASHES, STOPS])
def test_an_answer_that_begins_as_a_known_one_gets_its_own_mark(judge, computed, answer):
    alone = mark(judge, answer, 3)
    judge.replay_cache.use_seed(-1)
    assert mark(judge, RIGHT, 3)[0]["points"] == 4
    assert mark(judge, answer, 3) == alone
    assert alone[0]["points"] < 4
    assert mark(judge, RIGHT, 3)[0]["points"] == 4


def test_a_crash_is_not_learnt(judge, computed):
    for _ in range(2):
        assert mark(judge, CRASHES, 4)[0]["points"] < 4
    assert len(computed) == 2


SLOW = RIGHT.replace("    return", "    import time; time.sleep(0.4)\n    return")


def test_a_conversation_that_ran_out_of_time_is_not_learnt(computed):
    """Between two calls, where nothing is interrupted: all that was answered is right.

    What follows fails for want of time. Whoever answers as quickly as the cache can ask must not
    inherit that.
    """
    limits = replace(LIMITS, grade_cell=1.5)
    hidden = ["rnncourse.reference.cells"]
    with contextlib.closing(Judge(hidden=hidden, limits=limits)) as judge:
        cell, _, suspicious = mark(judge, SLOW, 7)
        assert cell["points"] < 4 and "used up" in str(cell["properties"])
        assert mark(judge, RIGHT, 7)[0]["points"] == 4
        assert computed == ["elman_step"] * 2 and not suspicious


def test_a_verdict_is_never_learnt_without_answers():
    with pytest.raises(ValueError, match="without exchanges"):
        ReplayCache().add("key", [], "verdict")


def test_a_nondeterministic_test_is_noticed(judge):
    test = (
        "import random, autograder\n"
        "number = random.random()\n"
        "assert double(number) == 2 * number\n"
        "assert double(number + 1) == 2 * number + 2"
    )
    for factor, points in ((2, 4), (2, 4), (3, 0), (2, 4)):
        answer = f"def double(x):\n    return {factor} * x"
        asked = notebook(answer, test)
        result = judge.grade(asked, notebook(answer, test), 5)
        assert result.cells[0].points == points
        assert result.suspicious == []


def test_a_recording_that_is_too_long_is_not_kept(judge, monkeypatch):
    monkeypatch.setattr("autograder.judging.session.MAX_RECORDING", 10_000)
    judge.replay_cache.use_seed(-1)
    assert mark(judge, RIGHT, 6)[0]["points"] == 4
    assert judge.replay_cache._roots == {}


def test_the_cache_stays_within_its_capacity():
    cache, hits = ReplayCache(capacity=10_000), 0
    for number in range(100):
        exchanges = [Exchange(b"", b"x" * 500, str(number).encode(), True) for _ in range(3)]
        cache.add("cell", exchanges, number)
        assert cache._bytes_left >= 0
        node = cache.root("cell")
        for exchange in exchanges:
            node = node.answers.get(exchange.digest()) or Node()
        hits += node.verdict == number
    assert 50 < hits < 100
