"""activation_penalty: its visible checks and the mistakes people make.

States are random, in the padding too.
"""

import torch

from ...checks.exercise import Exercise
from ...checks.properties import Cases
from ...reference import regularization
from ._shared import draw_states

activation_cases = Cases("activation_penalty", ("hs", "mask"), draw_states, batched=())


exercise = Exercise(
    "activation_penalty",
    "ps7_regularization",
    regularization.activation_penalty,
    points=3,
    properties=(
        activation_cases.shape(0.25),
        activation_cases.values(1.25, "the values are right, whatever numbers the padding has"),
    ),
)


@exercise.misconception(
    "You count the padding. Take only the states where the mask is True: hs[mask]."
)
def counts_the_padding(hs, mask):
    return (hs**2).sum()


@exercise.misconception(
    "You count the padding and leave the tokens out. The mask is True where there is a token."
)
def counts_only_the_padding(hs, mask):
    return (hs[~mask] ** 2).sum()


@exercise.misconception(
    "You average over the tokens. The lecture's penalty is a sum: the caller divides, "
    "if the loss is a mean."
)
def averages_over_the_tokens(hs, mask):
    return (hs[mask] ** 2).sum() / mask.sum()


@exercise.misconception("You average over all numbers, so the penalty depends on H. Take the sum.")
def averages_over_all_numbers(hs, mask):
    return (hs[mask] ** 2).mean()


@exercise.misconception(
    "You average over the sequences of the batch. Take the sum over all of them."
)
def averages_over_the_batch(hs, mask):
    return (hs.masked_fill(~mask.unsqueeze(2), 0) ** 2).sum() / len(hs)


@exercise.misconception(
    "You add up the norms of the states. Each norm is squared: leave out the root."
)
def adds_up_the_norms(hs, mask):
    return hs[mask].norm(dim=-1).sum()


@exercise.misconception(
    "You take the root of the whole sum. Leave it out: the penalty is a sum of squares."
)
def takes_the_root_of_the_sum(hs, mask):
    return (hs[mask] ** 2).sum().sqrt()


@exercise.misconception("You add absolute values, the l1 norm. Square the numbers of h_t.")
def adds_absolute_states(hs, mask):
    return hs[mask].abs().sum()


@exercise.misconception(
    "You return one number for each sequence. Add them up: the penalty is a single number."
)
def returns_one_for_each_sequence(hs, mask):
    return (hs.masked_fill(~mask.unsqueeze(2), 0) ** 2).sum(dim=(1, 2))


@exercise.misconception(
    "You multiply by the mask, and 0 times nan or infinity is nan. Select the tokens, hs[mask], "
    "or use masked_fill."
)
def multiplies_by_the_mask(hs, mask):
    return ((hs * mask.unsqueeze(2)) ** 2).sum()


@exercise.misconception(
    "Your value is right, but nan in the padding still reaches the gradient, because you square "
    "first and mask afterwards. Mask hs, then square."
)
def masks_the_squares(hs, mask):
    return (hs**2).masked_fill(~mask.unsqueeze(2), 0).sum()


@exercise.misconception(
    "Your penalty has the right value and no gradient, so it changes nothing. "
    "Leave hs in its graph: no .detach(), no .data, no .item()."
)
def detaches_the_states(hs, mask):
    return (hs.detach()[mask] ** 2).sum()


@exercise.misconception(
    "You write zeros into the caller's hs to clear its padding. Use a copy: hs.masked_fill(...)."
)
def clears_the_callers_padding(hs, mask):
    with torch.no_grad():
        hs.masked_fill_(~mask.unsqueeze(2), 0)
    return (hs**2).sum()
