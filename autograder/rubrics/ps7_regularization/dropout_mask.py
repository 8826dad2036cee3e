"""dropout_mask: hidden tests and alternative right answers."""

from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks.entries import judging
from rnncourse.checks.exercise import Property
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps7_regularization._shared import draws
from rnncourse.exercises.ps7_regularization.dropout_mask import (
    mask_cases,
    observe_entries,
    observe_zero,
)

from .. import Rubric


def mask_draws(rng: Rng) -> Callable[[Any, Any, bool], Any]:
    like = rng.normal(2)
    return lambda subject, generator, training: subject((20, 30), 0.5, generator, like)


rubric = Rubric(
    (
        draws(0.5, mask_draws, trains=False),
        Property(
            "independent",
            "every entry is drawn for itself",
            0.25,
            observe_entries,
            judging("the mask*", "its entries*"),
        ),
        Property("zero", "p = 0 drops nothing", 0.25, observe_zero),
        mask_cases.dtype(0.25),
        mask_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def draws_from_bernoulli(shape, p, generator, like):
    if p < 0 or p >= 1:
        raise ValueError(f"p is {p}")
    mask = torch.empty(shape, dtype=like.dtype, device=like.device)
    return mask.bernoulli_(1 - p, generator=generator).div_(1 - p)


@rubric.alternative
def chooses_between_two_numbers(shape, p, generator, like):
    assert 0 <= p < 1, "p must be at least 0 and below 1"
    chance = torch.rand(shape, generator=generator, dtype=torch.float64)
    zero, kept = like.new_zeros(()), like.new_full((), 1 / (1 - p))
    return torch.where(chance < p, zero, kept)


@rubric.alternative
def draws_number_by_number(shape, p, generator, like):
    import math

    if not 0 <= p < 1:
        raise ValueError("impossible")
    q = 1 - p
    chances = torch.rand(math.prod(shape), generator=generator).tolist()
    entries = [1 / q if chance < q else 0.0 for chance in chances]
    return torch.tensor(entries, dtype=like.dtype).reshape(shape)


@rubric.alternative
def multiplies_two_masks(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be in [0, 1)")
    # Kept is what both keep, each with the root of the probability.
    root = (1 - p) ** 0.5
    first, second = (torch.rand(shape, generator=generator) < root for _ in range(2))
    return (first & second).to(like.dtype) / (root * root)
