"""sum_states: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps3_outputs.sum_states import draw_states, sum_cases

from .. import Rubric


def observe_empty_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    hs, mask = draw_states(rng, rng.sizes(B=3))
    mask[1] = False
    return {
        "a sentence of length 0 among others": attempt(subject, hs, mask),
        "nothing but sentences of length 0": attempt(subject, hs, torch.zeros_like(mask)),
    }


rubric = Rubric(
    (
        sum_cases.gradient(0.5),
        Property("empty", "an empty sentence sums to zeros", 0.25, observe_empty_sentences),
        sum_cases.rows(0.25),
        sum_cases.dtype(0.25),
        sum_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def selects_with_where(hs, mask):
    return torch.where(mask[..., None], hs, torch.zeros_like(hs)).sum(1)


@rubric.alternative
def sums_sentence_by_sentence(hs, mask):
    return torch.stack([states[words].sum(dim=0) for states, words in zip(hs, mask, strict=True)])


@rubric.alternative
def adds_up_step_by_step(hs, mask):
    total = hs.new_zeros(hs.shape[0], hs.shape[2])
    for t in range(hs.shape[1]):
        total = torch.where(mask[:, t].unsqueeze(1), total + hs[:, t], total)
    return total


@rubric.alternative
def multiplies_after_clearing(hs, mask):
    clean = hs.masked_fill(mask.logical_not().unsqueeze(-1), 0.0)
    return torch.einsum("bth,bt->bh", clean, mask.to(hs.dtype))


@rubric.alternative
def scatters_the_words(hs, mask):
    sentence, _ = mask.nonzero(as_tuple=True)
    return hs.new_zeros(len(hs), hs.shape[-1]).index_add(0, sentence, hs[mask])
