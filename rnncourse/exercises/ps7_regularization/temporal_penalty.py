"""temporal_penalty: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng
from ...reference import regularization
from ._shared import draw_long

temporal_cases = Cases("temporal_penalty", ("hs", "mask"), draw_long, batched=())


def observe_border(subject: Any, rng: Rng) -> dict[str, Any]:
    """The pair of the last token and the first padding, where the padding is 0, as an LSTM's is."""
    hs, mask = draw_long(rng, rng.sizes())
    hs[~mask] = 0
    T = torch.ones(3, 1, dtype=torch.bool)
    return {
        "0 in the padding": attempt(subject, hs, mask),
        "one step, so no pair": attempt(subject, rng.normal(3, 1, 4), T),
    }


exercise = Exercise(
    "temporal_penalty",
    "ps7_regularization",
    regularization.temporal_penalty,
    points=5,
    properties=(
        temporal_cases.shape(0.25),
        temporal_cases.values(1.5, "the values are right, whatever numbers the padding has"),
        Property("border", "no pair reaches beyond the sentence", 0.75, observe_border),
    ),
)


@exercise.misconception(
    "You do not use the mask, so the padding counts. A pair counts where both are tokens: "
    "mask[:, 1:] & mask[:, :-1]."
)
def counts_pairs_of_padding(hs, mask):
    return ((hs[:, 1:] - hs[:, :-1]) ** 2).sum()


@exercise.misconception(
    "You count the pair of the last token and the first padding. Both of a pair must be tokens: "
    "mask[:, 1:] & mask[:, :-1]."
)
def counts_the_border(hs, mask):
    return ((hs[:, 1:] - hs[:, :-1])[mask[:, :-1]] ** 2).sum()


@exercise.misconception(
    "You set the padding to 0 and then take differences, so the fall from the last token to 0 "
    "counts. Select the pairs instead, both of them tokens."
)
def clears_and_subtracts(hs, mask):
    hs = hs.masked_fill(~mask.unsqueeze(2), 0)
    return ((hs[:, 1:] - hs[:, :-1]) ** 2).sum()


@exercise.misconception(
    "You take the tokens out first, so the end of one sentence becomes a neighbour of the next "
    "one's beginning. Subtract first, and select the pairs after."
)
def subtracts_across_sentences(hs, mask):
    states = hs[mask]
    return ((states[1:] - states[:-1]) ** 2).sum()


@exercise.misconception(
    "You ask only whether the second of a pair is a token. Where padding stands in front, "
    "the first is none: ask for both, mask[:, 1:] & mask[:, :-1]."
)
def asks_the_second_only(hs, mask):
    return ((hs[:, 1:] - hs[:, :-1])[mask[:, 1:]] ** 2).sum()


@exercise.misconception(
    "You count the step from 0 to the first state. The sum starts with ||h_2 - h_1||^2: "
    "T states make T - 1 pairs."
)
def counts_the_first_step(hs, mask):
    before = torch.cat([torch.zeros_like(hs[:, :1]), hs[:, :-1]], dim=1)
    both = mask.clone()
    both[:, 1:] &= mask[:, :-1]
    return ((hs - before)[both] ** 2).sum()


@exercise.misconception(
    "`torch.roll` goes round in a circle: you count the step from the last state to the first. "
    "Take hs[:, 1:] - hs[:, :-1]."
)
def goes_round_in_a_circle(hs, mask):
    return ((hs - hs.roll(1, dims=1))[mask & mask.roll(1, dims=1)] ** 2).sum()


@exercise.misconception(
    "You subtract neighbours in the batch. Time is axis 1: hs[:, 1:] - hs[:, :-1]."
)
def subtracts_along_the_batch(hs, mask):
    return ((hs[1:] - hs[:-1])[mask[1:] & mask[:-1]] ** 2).sum()


@exercise.misconception(
    "You compare the sizes of the states, not the states: ||h_t|| may stay while h_t turns round. "
    "Subtract first, then square."
)
def compares_the_norms(hs, mask):
    sizes, both = (hs**2).sum(dim=2), mask[:, 1:] & mask[:, :-1]
    return (sizes[:, 1:] - sizes[:, :-1])[both].abs().sum()


@exercise.misconception(
    "You add up the norms of the differences. Each norm is squared: leave out the root."
)
def adds_up_norms_of_differences(hs, mask):
    return (hs[:, 1:] - hs[:, :-1])[mask[:, 1:] & mask[:, :-1]].norm(dim=-1).sum()


@exercise.misconception(
    "You add up absolute differences. Each is squared: the penalty is made of ||h_t - h_{t-1}||^2."
)
def adds_absolute_differences(hs, mask):
    steps = hs[:, 1:] - hs[:, :-1]
    return steps[mask[:, 1:] & mask[:, :-1]].abs().sum()


@exercise.misconception(
    "You average over the pairs. The lecture's penalty is a sum; and where there is no pair, "
    "a mean is nan."
)
def averages_over_the_pairs(hs, mask):
    both = mask[:, 1:] & mask[:, :-1]
    return ((hs[:, 1:] - hs[:, :-1])[both] ** 2).sum() / both.sum()


@exercise.misconception("You average over all numbers, so the penalty depends on H. Take the sum.")
def averages_over_all_differences(hs, mask):
    return ((hs[:, 1:] - hs[:, :-1])[mask[:, 1:] & mask[:, :-1]] ** 2).mean()


@exercise.misconception(
    "You multiply by the mask, and 0 times nan or infinity is nan. Select the pairs with the mask."
)
def multiplies_the_differences(hs, mask):
    both = (mask[:, 1:] & mask[:, :-1]).unsqueeze(2)
    return (((hs[:, 1:] - hs[:, :-1]) * both) ** 2).sum()


@exercise.misconception(
    "Your value is right, but nan in the padding still reaches the gradient, because you square "
    "first and mask afterwards. Mask, then square."
)
def masks_the_squared_differences(hs, mask):
    both = (mask[:, 1:] & mask[:, :-1]).unsqueeze(2)
    return ((hs[:, 1:] - hs[:, :-1]) ** 2).masked_fill(~both, 0).sum()


@exercise.misconception(
    "You detach h_{t-1}, so only the later state of a pair is moved towards the earlier. "
    "Both belong to the penalty: leave the graph whole."
)
def detaches_the_earlier_state(hs, mask):
    both = mask[:, 1:] & mask[:, :-1]
    return ((hs[:, 1:] - hs[:, :-1].detach())[both] ** 2).sum()
