"""temporal_penalty: hidden tests and alternative right answers."""

import torch

from rnncourse.checks.exercise import Property
from rnncourse.exercises.ps7_regularization._shared import observe_padding, observe_some_tokens
from rnncourse.exercises.ps7_regularization.temporal_penalty import temporal_cases

from .. import Rubric

rubric = Rubric(
    (
        Property("padding", "whatever is in the padding makes no difference", 1, observe_padding),
        Property("tokens", "any mask is followed", 0.75, observe_some_tokens),
        temporal_cases.gradient(0.25),
        temporal_cases.dtype(0.25),
        temporal_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def selects_the_pairs(hs, mask):
    both = mask[:, 1:].logical_and(mask[:, :-1])
    later, earlier = hs[:, 1:][both], hs[:, :-1][both]
    return (later - earlier).square().sum()


@rubric.alternative
def clears_before_it_squares(hs, mask):
    both = (mask[:, 1:] * mask[:, :-1]).unsqueeze(2)
    steps = torch.where(both, hs.diff(dim=1), 0)
    return (steps * steps).sum()


@rubric.alternative
def steps_through_time(hs, mask):
    penalty = hs.new_zeros(())
    for t in range(1, hs.shape[1]):
        alive = (mask[:, t] & mask[:, t - 1]).unsqueeze(1)
        step = (hs[:, t] - hs[:, t - 1]).masked_fill(~alive, 0)
        penalty = penalty + (step**2).sum()
    return penalty


@rubric.alternative
def clears_the_padding_first(hs, mask):
    clean = hs.masked_fill(~mask[..., None], 0)
    both = (mask[:, :-1] & mask[:, 1:]).to(hs.dtype)
    squares = (clean[:, 1:] - clean[:, :-1]).pow(2).sum(dim=2)
    return (squares * both).sum()
