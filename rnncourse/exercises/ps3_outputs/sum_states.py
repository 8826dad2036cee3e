"""sum_states: its visible checks and the mistakes people make."""

import math
from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng, Sizes
from ...reference import outputs
from ...reference.inputs import sequence_mask
from ._shared import LONG, draw_lengths

RUBBISH = (math.nan, math.inf, -math.inf)


def draw_states(rng: Rng, s: Sizes) -> tuple:
    return rng.normal(s.B, s.T, s.H), sequence_mask(draw_lengths(rng, s.B, s.T), s.T)


sum_cases = Cases("sum_states", ("hs", "mask"), draw_states, batched=("hs", "mask"))


def observe_rubbish_states(subject: Any, rng: Rng) -> dict[str, Any]:
    """nan and infinities in the padding."""
    hs, mask = draw_states(rng, rng.sizes(T=LONG))
    return {
        f"{rubbish:g} in the padding": attempt(
            subject, hs.masked_fill(~mask.unsqueeze(2), rubbish), mask.clone()
        )
        for rubbish in RUBBISH
    }


exercise = Exercise(
    "sum_states",
    "ps3_outputs",
    outputs.sum_states,
    points=3,
    properties=(
        sum_cases.shape(0.25),
        sum_cases.values(0.75),
        Property(
            "padding", "nan and infinity in the padding do not count", 0.5, observe_rubbish_states
        ),
    ),
)


@exercise.misconception(
    "You add up the padding as well. Only the states where mask is True belong to the sentence."
)
def sums_the_padding(hs, mask):
    return hs.sum(dim=1)


@exercise.misconception(
    "You blank the padding with a product, and 0 times nan or infinity is nan. "
    "Replace it instead: hs.masked_fill(~mask.unsqueeze(2), 0)."
)
def multiplies_by_the_mask(hs, mask):
    return (hs * mask.unsqueeze(2)).sum(dim=1)


@exercise.misconception(
    "You return the mean of the states. The lecture sums them: leave out the division."
)
def averages_the_states(hs, mask):
    total = hs.masked_fill(~mask.unsqueeze(2), 0).sum(dim=1)
    return total / mask.sum(dim=1, keepdim=True).clamp(min=1)


@exercise.misconception("You divide by T, padding included. Do not divide: return the sum itself.")
def averages_over_all_steps(hs, mask):
    return hs.masked_fill(~mask.unsqueeze(2), 0).mean(dim=1)


@exercise.misconception(
    "You sum over the batch, which mixes the sentences. Time is the second axis: dim=1."
)
def sums_over_the_batch(hs, mask):
    return hs.masked_fill(~mask.unsqueeze(2), 0).sum(dim=0)


@exercise.misconception(
    "`hs[mask]` loses the sentence that a state belongs to, so you add up the whole batch. "
    "Keep the shape: masked_fill, then .sum(dim=1)."
)
def adds_up_the_whole_batch(hs, mask):
    return hs[mask].sum(dim=0)


@exercise.misconception(
    "The mask is (B, T) and hs is (B, T, H), so their axes do not match. Give the mask a last "
    "axis: mask.unsqueeze(2)."
)
def gives_the_mask_no_axis(hs, mask):
    return hs.masked_fill(~mask, 0).sum(dim=1)


@exercise.misconception(
    "You sum over the H numbers of each state. Sum over time, dim=1, so that H numbers remain."
)
def sums_over_the_features(hs, mask):
    return hs.masked_fill(~mask.unsqueeze(2), 0).sum(dim=2)


@exercise.misconception(
    "You keep the padding and blank the words: the mask is True where there is a token. Use ~mask."
)
def blanks_the_words(hs, mask):
    return hs.masked_fill(mask.unsqueeze(2), 0).sum(dim=1)


@exercise.misconception("You return only each sentence's last state. Add up all of its states.")
def takes_the_last_state(hs, mask):
    rows = torch.arange(len(hs))
    return hs[rows, mask.sum(dim=1) - 1]


@exercise.misconception(
    "You keep the time axis with size 1. The result is (B, H): sum without keepdim."
)
def keeps_the_time_axis(hs, mask):
    return hs.masked_fill(~mask.unsqueeze(2), 0).sum(dim=1, keepdim=True)


@exercise.misconception("You take the elementwise maximum of the states. Add them up: .sum(dim=1).")
def takes_the_maximum(hs, mask):
    return hs.masked_fill(~mask.unsqueeze(2), -torch.inf).amax(dim=1)


@exercise.misconception(
    "You write zeros into the caller's hs. Use a copy: masked_fill without the underscore."
)
def clears_the_callers_padding(hs, mask):
    return hs.masked_fill_(~mask.unsqueeze(2), 0).sum(dim=1)


@exercise.misconception(
    "You detach the states, so nothing can be learned through the sum. Use them as they are."
)
def detaches_the_states(hs, mask):
    return hs.detach().masked_fill(~mask.unsqueeze(2), 0).sum(dim=1)
