"""The engine of the checks: what it says, and that nothing a student writes can break it."""

import functools
import math
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from autograder.judging.scoring import Score, current_seed, grade
from autograder.rubrics import graded_properties
from rnncourse import check
from rnncourse.checks.compare import Raised, difference, kind, leaves
from rnncourse.checks.forbidden import ForbiddenError, forbidding
from rnncourse.checks.pytree import copied
from rnncourse.checks.rng import Rng
from rnncourse.checks.status import Status
from rnncourse.exercises import exercises, find
from rnncourse.reference import cells
from rnncourse.visible_checks import CheckFailed


def test_a_right_answer_passes_and_says_what_it_is_worth():
    report = check("elman_step", cells.elman_step)
    assert report.passed
    assert "visible checks pass" in repr(report) and "the grading tests the rest" in repr(report)


def test_a_wrong_answer_is_told_what_was_called_what_came_and_which_mistake_it_is():
    def elman_step(x, h, W_x, W_h, g=torch.tanh):
        return torch.tanh(x @ W_x + h @ W_h.T)

    text = repr(check("elman_step", elman_step))
    assert "elman_step(x (" in text and "got" in text and "expected" in text
    assert "multiply h by the transpose of W_h" in text


def test_an_error_of_every_call_is_told_once():
    def elman_step(x, h, W_x, W_h, g=torch.tanh):
        return g(x @ W_x + hh @ W_h)  # noqa: F821

    report = check("elman_step", elman_step)
    for text in (repr(report), report._repr_html_()):
        assert text.count("NameError") == 1
        assert text.count("the same error as above") == len(report.outcomes) - 1


def test_of_several_mistakes_that_fit_the_one_that_explains_most_is_named():
    """Swapped forms look, where the first fails, as if a factor were left out."""
    exercise = find("edit_count_probs")
    swapped = next(m for m in exercise.misconceptions if m.name == "swaps_the_forms")
    report = check("edit_count_probs", swapped.wrong)
    assert [outcome.misconception for outcome in report.outcomes] == ["swaps_the_forms"] * 2
    assert report.hints == [swapped.sentence]


def test_an_unwritten_answer_is_called_that():
    def elman_step(*args):
        raise NotImplementedError

    report = check("elman_step", elman_step)
    assert repr(report) == "elman_step: not written yet" and report.points == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "subject",
    [
        None,
        7,
        "elman_step",
        lambda: None,
        lambda *a: None,
        lambda *a: 1 / 0,
        lambda *a: sys.exit(3),
        lambda *a: torch.full((2, 2), math.nan),
        lambda *a: np.zeros((2, 2)),
        lambda *a: [[0.0]],
        lambda *a: (argument for argument in a),
        lambda *a: torch.zeros(2, 2).to_sparse(),
        lambda *a: torch.zeros(2, 2, dtype=torch.complex64),
        lambda *a: a,
    ],
)
@pytest.mark.parametrize("name", list(exercises()))
def test_whatever_is_checked_there_is_a_report(name, subject):
    report = find(name).evaluate(subject, 1, graded_properties(name))
    assert report.points < report.max_points
    assert repr(report) and report._repr_html_()


def spoils_its_arguments(reference):
    """The reference, which then destroys its arguments: as a student's code may, and the grader
    does to its own arguments what was done to their copies."""

    def spoil(value):
        if isinstance(value, torch.Tensor):
            value.detach().zero_()
        elif isinstance(value, (tuple, list)):
            for item in value:
                spoil(item)
        elif isinstance(value, dict):
            spoil(list(value.values()))
        if isinstance(value, (list, dict)):
            value.clear()

    def spoiling(function):
        @functools.wraps(function)
        def spoilt(*args, **kwargs):
            copied_args, copied_kwargs = copied(args), copied(kwargs)
            try:
                return function(*copied_args, **copied_kwargs)
            finally:
                spoil((args[isinstance(reference, type) :], kwargs))

        return spoilt

    if not isinstance(reference, type):
        return spoiling(reference)
    methods = {name: vars(reference).get(name) for name in ("forward", "start", "step")}
    return type(reference.__name__, (reference,), {n: spoiling(m) for n, m in methods.items() if m})


@pytest.mark.slow
@pytest.mark.parametrize("name", list(exercises()))
def test_who_spoils_the_arguments_spoils_nothing_for_others(name):
    exercise, properties = find(name), graded_properties(name)

    def expected():
        exercise._known.clear()
        return copied([exercise._expect(prop, exercise.reference, 1) for prop in properties])

    before = expected()
    exercise.evaluate(spoils_its_arguments(exercise.reference), 1, properties)
    assert difference(expected(), before) is None


def colliding_pairs(count):
    """Pairs of numbers with the same hash: that of a tuple can be turned round."""
    # The primes that CPython's hash of a tuple calls _PyHASH_XXPRIME_1, _2 and _5.
    prime_1, prime_2, prime_5 = 11400714785074694791, 14029467366897019727, 2870177450012600261
    full = (1 << 64) - 1

    def rotated(a, n):
        return ((a << n) | (a >> (64 - n))) & full

    back, pairs, a = pow(prime_2, -1, 1 << 64), [], 1
    undone = rotated(12345678901234567 * pow(prime_1, -1, 1 << 64) & full, 33)
    while len(pairs) < count:
        a += 1
        after = rotated((prime_5 + a * prime_2) & full, 31) * prime_1 & full
        b = (undone - after) * back & full
        if 0 < b < (1 << 61) - 1:
            pairs.append([a, b])
    return pairs


@pytest.mark.slow
def test_answers_of_one_hash_take_no_longer_than_others():
    """No limit of time ends what is done with an answer out here."""
    rows = colliding_pairs(20_000)
    assert len({hash(tuple(row)) for row in rows}) == 1
    subjects = {
        "skipgram_pairs": lambda *args: torch.tensor(rows),
        "sample_decode": lambda *args: rows,
        "beam_search": lambda *args: [[(row, 0.0) for row in rows]] * 4,
    }
    for name, subject in subjects.items():
        started = time.process_time()
        find(name).evaluate(subject, 1, graded_properties(name))
        assert time.process_time() - started < 12, name


def test_html_is_escaped():
    def elman_step(*args):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in check("elman_step", elman_step)._repr_html_()


def test_a_misspelt_exercise_is_told_its_name():
    with pytest.raises(KeyError, match="did you mean 'elman_step'"):
        check("elmann_step", None)


def test_under_autograding_a_check_is_silent_and_under_validate_it_raises(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check("elman_step", None) is None
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    with pytest.raises(CheckFailed, match="elman_step"):
        check("elman_step", None)
    assert check("elman_step", cells.elman_step).passed


def test_a_score_reads_as_a_number_for_nbgrader_and_as_a_table_for_people():
    score = grade("elman_step", cells.elman_step)
    assert isinstance(score, Score) and float(repr(score)) == 4 == float(score)
    assert "<table" in score._repr_html_()
    assert "padding-right:.5em" in score._repr_html_()  # or the points touch the words before them


def test_a_seed_repeats_its_inputs_and_another_draws_others():
    def failing(*args):
        return args[0] * 0

    def messages(seed):
        report = grade("elman_step", failing, seed=seed).report
        return [outcome.message for outcome in report.outcomes]

    assert messages(5) == messages(5) != messages(6)
    token = current_seed.set(5)
    assert grade("elman_step", failing).report.seed == 5
    current_seed.reset(token)


@pytest.mark.slow
def test_checking_leaves_the_global_random_state_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    for name in exercises():
        grade(name, find(name).reference)
    assert torch.equal(before, torch.get_rng_state())


def test_sizes_differ_so_that_a_transposed_matrix_shows():
    for seed in range(50):
        sizes = Rng(seed).sizes()
        assert len(set(sizes)) == 4 and min(sizes) > 1


def test_forbidden_parts_come_back_afterwards():
    with forbidding(("torch.nn.LSTM",)), pytest.raises(ForbiddenError, match=r"torch\.nn\.LSTM"):
        torch.nn.LSTM(2, 3)
    assert torch.nn.LSTM(2, 3)(torch.zeros(1, 2))[0].shape == (1, 3)


def test_forbidden_methods_come_back_afterwards():
    scores = torch.zeros(2)
    with forbidding(("torch.Tensor.softmax",)), pytest.raises(ForbiddenError, match="softmax"):
        torch.nn.functional.softmax(scores, 0)
    assert scores.softmax(0).tolist() == [0.5, 0.5]
    assert "softmax" not in vars(torch.Tensor)  # inherited, as before


@pytest.mark.parametrize(
    ("got", "expected", "words"),
    [
        (torch.ones(2), torch.ones(2), None),
        (torch.ones(2, dtype=torch.float32), torch.ones(2, dtype=torch.float64), None),
        (torch.ones(2) + 2e-6, torch.ones(2), None),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0]), "at [1] got 2, expected 3"),
        (torch.tensor([math.nan, 1.0]), torch.ones(2), "nan or infinite"),
        (torch.ones(2, 1), torch.ones(2), "got shape (2, 1), expected (2,)"),
        (torch.ones(2, dtype=torch.int64), torch.ones(2), "int64"),
        (torch.tensor(2.0), torch.tensor(3.0), "got 2, expected 3"),
        (torch.tensor([True]), torch.tensor([False]), "at [0] got True, expected False"),
        (torch.tensor([9, 10**7 + 1]), torch.tensor([9, 10**7]), "got 10000001, expected 10000000"),
        ((1.0, None), (1.0, (2, 3)), "entry 1: got None, expected tuple of 2"),
        ([1, 2], (1, 2), None),
        ((1,), (1, 2), "tuple of 1"),
        ({"a": 1}, {"a": 2}, "a: got 1, expected 2"),
        ({}, {"a": 2}, "a: missing"),
        ({"a": 2, "b": 1}, {"a": 2}, "unexpected b"),
        (True, 1, "got True"),
        (1.0000001, 1.0, None),
        (Raised(ValueError("x")), 1.0, "it raised ValueError: x"),
        (None, torch.ones(1), "got None (is a `return` missing?), expected a tensor"),
    ],
)
def test_differences_are_put_into_words(got, expected, words):
    text = difference(got, expected)
    assert text is None if words is None else words in text


def elman_step_that(raises: BaseException):
    def elman_step(*args, **kwargs):
        raise raises

    return elman_step


class TimedOut(Exception):
    """As the judge raises it."""

    student_status = Status.TIMEOUT


@pytest.mark.parametrize(
    ("subject", "status", "stopped_by"),
    [
        (cells.elman_step, Status.PASSED, None),
        (lambda x, h, W_x, W_h, g=torch.tanh: h, Status.FAILED, None),
        (torch.zeros(1), Status.FAILED, None),  # no function at all
        (elman_step_that(ZeroDivisionError("x")), Status.ERROR, None),
        (elman_step_that(NotImplementedError()), Status.NOT_WRITTEN, None),
        (elman_step_that(TimedOut("it took too long")), Status.TIMEOUT, "it took too long"),
    ],
)
def test_an_outcome_has_a_status(subject, status, stopped_by):
    outcome = find("elman_step").evaluate(subject, 1).outcomes[1]  # values
    assert (outcome.status, outcome.stopped_by) == (status, stopped_by)
    assert outcome.passed == (status is Status.PASSED) == (outcome.message is None)


def test_a_status_of_the_students_own_making_is_not_believed():
    error = ValueError("x")
    error.student_status = "passed"
    assert Raised(error).status is Status.ERROR


def test_the_leaves_of_what_contains_itself_end():
    endless = [1, {"a": (2, None)}]
    endless.append(endless)
    assert list(leaves(endless)) == [1, 2, None]


def test_kinds_are_short():
    assert kind(torch.zeros(2, 3)) == "float32 tensor (2, 3)"
    assert len(kind("x" * 10_000)) <= 300 and len(kind({str(i): 0 for i in range(999)})) < 200


def test_importing_the_library_does_not_import_the_grader():
    code = (
        "import sys, rnncourse.exercises; rnncourse.exercises.exercises(); "
        "sys.exit(any(m.split('.')[0] in ('autograder', 'nbgrader') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
