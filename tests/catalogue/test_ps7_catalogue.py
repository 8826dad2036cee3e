"""Problem set 7: what its rubric makes of zeros, and of masks that are drawn in another order."""

import pytest
import torch

from autograder.rubrics import graded_properties
from rnncourse.exercises.ps7_regularization import EXERCISES
from rnncourse.reference.cells import unroll

WITH_MASKS = ("dropout_mask", "variational_dropout", "word_dropout", "weight_drop")


def points(name, subject, seed=1):
    return EXERCISES[name].evaluate(subject, seed, graded_properties(name)).points


def hidden(state):
    return state[0] if isinstance(state, tuple) else state


ZEROS = {
    "dropout_mask": lambda shape, p, generator, like: like.new_zeros(shape),
    "variational_dropout": lambda step, xs, state, *rest: (
        xs.new_zeros(*xs.shape[:2], hidden(state).shape[1]),
        state,
    ),
    "word_dropout": lambda tokens, E, *rest: E.new_zeros(*tokens.shape, E.shape[1]),
    "l2_penalty": lambda parameters: torch.zeros((), dtype=torch.float64),
    "activation_penalty": lambda hs, mask: hs.new_zeros(()),
    "temporal_penalty": lambda hs, mask: hs.new_zeros(()),
    "weight_drop": lambda step, xs, state, *rest: (
        xs.new_zeros(*xs.shape[:2], hidden(state).shape[1]),
        state,
    ),
}
NOTHING_DROPPED = {
    "dropout_mask": lambda shape, p, generator, like: like.new_ones(shape),
    "variational_dropout": lambda step, xs, state, *rest: unroll(step, xs, state),
    "word_dropout": lambda tokens, E, *rest: E[tokens],
    "weight_drop": lambda step, xs, state, W_h, *rest: unroll(
        lambda x, state: step(x, state, W_h), xs, state
    ),
}


@pytest.mark.parametrize("name", EXERCISES)
def test_zeros_of_the_right_shape_get_little(name):
    assert points(name, ZEROS[name]) < 0.3 * EXERCISES[name].points


@pytest.mark.parametrize("name", WITH_MASKS)
def test_dropping_nothing_gets_little(name):
    assert points(name, NOTHING_DROPPED[name]) < 0.3 * EXERCISES[name].points


@pytest.mark.parametrize("name", WITH_MASKS)
def test_other_random_numbers_make_no_difference(name):
    """Where a statistic depended on luck, some of these would fail."""
    reference = EXERCISES[name].reference

    def later(skipped):
        def draws_later(*args):
            training = args[-1] if isinstance(args[-1], bool) else True
            generator = next(argument for argument in args if isinstance(argument, torch.Generator))
            if training:
                torch.rand(skipped, generator=generator)
            return reference(*args)

        return draws_later

    for skipped in range(1, 21):
        assert points(name, later(skipped)) == EXERCISES[name].points
