"""Problem set 1: what its rubric gives answers of the right form with wrong values."""

import pytest
import torch

from autograder.rubrics import graded_properties
from rnncourse.checks.pytree import map_tensors
from rnncourse.exercises.ps1_cells import EXERCISES
from rnncourse.reference import cells


def points(name, subject):
    return EXERCISES[name].evaluate(subject, 1, graded_properties(name)).points


def zeros(name):
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


@pytest.mark.parametrize("name", EXERCISES)
def test_zeros_of_the_right_shape_get_little(name):
    assert points(name, zeros(name)) < 0.3 * EXERCISES[name].points


def test_accusing_a_correct_line_finds_nothing():
    def everything():
        return {"lstm": set("ABCDEFGH"), "gru": set("IJKLM")}

    def one_too_many():
        return {"lstm": set("ABDEFGH"), "gru": set("KL")}

    assert points("slide_bugs", everything) <= 0.25
    assert points("slide_bugs", one_too_many) <= 0.25
