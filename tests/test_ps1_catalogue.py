"""Problem set 1: its rubric is fair to correct work, and catches and names the known mistakes.

Every misconception and alternative is run from its source alone, with only what a student's
notebook holds, as if it had been submitted.
"""

import ast
import inspect
import textwrap
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from autograder.alternatives.ps1_cells import ALTERNATIVES
from autograder.grade import rubric
from rnncourse.checks import VISIBLE_SEED
from rnncourse.checks.exercise import Misconception
from rnncourse.checks.ps1_cells import EXERCISES
from rnncourse.checks.report import Report
from rnncourse.checks.trees import map_tensors
from rnncourse.reference import cells

POINTS = {
    "additive_step": 2,
    "elman_step": 4,
    "unroll": 6,
    "slide_bugs": 4,
    "lstm_step": 8,
    "gru_step": 6,
    "nas_step": 6,
    "enas_step": 6,
    "LSTM": 8,
}
MISTAKES = [
    pytest.param(name, mistake, id=f"{name}-{mistake.name}")
    for name, exercise in EXERCISES.items()
    for mistake in exercise.misconceptions
]
CORRECT = [
    pytest.param(name, solution, id=f"{name}-{solution.__name__}")
    for name, solutions in ALTERNATIVES.items()
    for solution in solutions
]
each_exercise = pytest.mark.parametrize("name", POINTS)


def submitted(solution: Any) -> Any:
    """A function or class made from its source without decorators, in a student's namespace."""
    source = textwrap.dedent(inspect.getsource(solution))
    (definition,) = ast.parse(source).body
    definition.decorator_list.clear()
    space = {
        "torch": torch,
        "nn": nn,
        "lstm_step": cells.lstm_step,
        "unroll": cells.unroll,
    }
    exec(compile(ast.Module([definition], []), f"<{solution.__name__}>", "exec"), space)
    return space[solution.__name__]


def graded(name: str, subject: Any, seed: int) -> Report:
    return EXERCISES[name].evaluate(subject, seed, rubric(name))


def points(name: str, subject: Any, seed: int) -> float:
    """The points alone: without looking for the mistake's name, which takes longer."""
    nameless = replace(EXERCISES[name], misconceptions=[])
    return nameless.evaluate(subject, seed, rubric(name)).points


# --- the rubric ---------------------------------------------------------------------------------


def test_the_exercises_are_in_the_order_of_the_problem_set():
    assert list(EXERCISES) == list(POINTS)
    assert [one.name for one in EXERCISES.values()] == list(POINTS)


@each_exercise
def test_points_add_up(name):
    properties = rubric(name)
    assert EXERCISES[name].points == POINTS[name]
    assert sum(one.points for one in properties) == POINTS[name]
    assert all(one.points > 0 for one in properties)
    assert all(count == 1 for count in Counter(one.name for one in properties).values())


@each_exercise
def test_some_properties_are_visible_and_some_are_not(name):
    visible = sum(one.points for one in EXERCISES[name].properties)
    assert 0 < visible < POINTS[name]


# --- correct work -------------------------------------------------------------------------------


@each_exercise
def test_the_reference_gets_full_marks(name):
    reference = EXERCISES[name].reference
    assert [points(name, reference, seed) for seed in range(10)] == [POINTS[name]] * 10


@each_exercise
def test_there_are_several_alternatives(name):
    assert len(ALTERNATIVES[name]) >= 3


@pytest.mark.parametrize(("name", "solution"), CORRECT)
def test_an_alternative_gets_full_marks(name, solution):
    subject = submitted(solution)
    for seed in range(5):
        report = graded(name, subject, seed)
        assert report.points == POINTS[name], report


# --- no work ------------------------------------------------------------------------------------


def unwritten(*args, **kwargs):
    raise NotImplementedError


def nothing(*args, **kwargs):
    return None


class UnwrittenModule(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        raise NotImplementedError


def zeros(name: str) -> Any:
    """A solution whose results have the right form and are all 0."""
    if name == "additive_step":
        return lambda x, h: torch.zeros_like(h)
    if name == "slide_bugs":
        return lambda: {"lstm": set(), "gru": set()}
    if name == "unroll":

        def unroll(step, xs, state):
            h = state[0] if isinstance(state, tuple) else state
            return h.new_zeros(*xs.shape[:2], h.shape[1]), state

        return unroll
    if name == "LSTM":

        class Zeros(cells.LSTM):
            def forward(self, *args, **kwargs):
                return map_tensors(torch.zeros_like, super().forward(*args, **kwargs))

        return Zeros
    reference = EXERCISES[name].reference
    return lambda *args: map_tensors(torch.zeros_like, reference(*args))


@pytest.mark.parametrize(
    ("name", "stub"),
    [(name, stub) for name in POINTS for stub in (unwritten, nothing)]
    + [("LSTM", UnwrittenModule)],
)
def test_no_work_gets_no_points_and_no_hint(name, stub):
    report = graded(name, stub, seed=1)
    assert report.points == 0
    assert not any(one.passed for one in report.outcomes)
    assert report.hints == []
    assert report.unwritten == (stub is not nothing)


@each_exercise
def test_zeros_of_the_right_shape_get_little(name):
    assert points(name, zeros(name), seed=1) < 0.3 * POINTS[name]


def test_accusing_a_correct_line_finds_nothing():
    def everything():
        return {"lstm": set("ABCDEFGH"), "gru": set("IJKLM")}

    def one_too_many():
        return {"lstm": set("ABDEFGH"), "gru": set("KL")}

    assert points("slide_bugs", everything, seed=1) <= 0.25
    assert points("slide_bugs", one_too_many, seed=1) <= 0.25


# --- known mistakes -----------------------------------------------------------------------------


@each_exercise
def test_there_are_enough_misconceptions_each_under_its_own_name(name):
    names = [one.name for one in EXERCISES[name].misconceptions]
    assert len(names) >= 5
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_the_sentence_is_short_and_speaks_to_the_reader(name, mistake):
    sentence = mistake.sentence
    assert sentence[0].isupper() or sentence[0] == "`"
    assert sentence.endswith(".") and len(sentence) <= 200
    others = [one.sentence for one in EXERCISES[name].misconceptions if one is not mistake]
    assert sentence not in others


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
def test_a_mistake_loses_points(name, mistake):
    subject = submitted(mistake.wrong)
    for seed in range(3):
        assert points(name, subject, seed) < POINTS[name], f"seed {seed}"


def is_named(name: str, mistake: Misconception) -> bool:
    report = graded(name, submitted(mistake.wrong), seed=2)
    return mistake.name in [one.misconception for one in report.outcomes]


def test_nearly_every_mistake_is_recognised_by_its_name():
    every = [(name, one) for name, e in EXERCISES.items() for one in e.misconceptions]
    unnamed = [f"{name}: {one.name}" for name, one in every if not is_named(name, one)]
    print(f"{len(unnamed)} of {len(every)} mistakes are not named: {unnamed}")
    assert 1 - len(unnamed) / len(every) >= 0.95, unnamed


@each_exercise
def test_most_mistakes_are_recognised_while_a_student_works(name):
    """By the visible checks alone, which see fewer of them."""
    exercise = EXERCISES[name]
    shown = [
        one.sentence in exercise.evaluate(submitted(one.wrong), VISIBLE_SEED).hints
        for one in exercise.misconceptions
    ]
    assert sum(shown) >= 0.6 * len(shown)


@pytest.mark.parametrize("name", list(EXERCISES))
def test_a_mark_does_not_depend_on_the_seed(name):
    """Fresh inputs must never be luck, good or bad."""
    exercise = EXERCISES[name]
    answers = [*ALTERNATIVES[name], *(one.wrong for one in exercise.misconceptions)]
    for answer in answers:
        marks = {exercise.evaluate(answer, seed, rubric(name)).points for seed in range(100, 108)}
        assert len(marks) == 1, f"{answer.__name__} gets {sorted(marks)}"
