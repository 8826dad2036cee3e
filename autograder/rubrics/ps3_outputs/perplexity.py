"""perplexity: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps3_outputs.perplexity import perplexity_cases, run_perplexity
from rnncourse.exercises.ps3_outputs.sentence_log_prob import draw_predictions
from rnncourse.reference.outputs import sentence_log_prob

from .. import Rubric
from ._shared import observe_extremes


def observe_other_rows(subject: Any, rng: Rng) -> dict[str, Any]:
    """The same words, divided into sentences in other ways."""
    B, T, D = 3, 4, rng.sizes().D
    logits, targets = rng.normal(B, T, D, scale=3), rng.integers(0, D, B, T)
    mask = torch.ones(B, T, dtype=torch.bool)
    mask[2, 3] = False
    ways = {"3 sentences": (3, 4), "one sentence": (1, 12), "6 sentences": (6, 2), "12": (12, 1)}
    return {
        f"the same words as {text}": attempt(
            run_perplexity,
            subject,
            logits.reshape(*rows, D),
            targets.reshape(rows),
            mask.reshape(rows),
        )
        for text, rows in ways.items()
    }


def draw_no_mask(rng: Rng) -> dict[str, tuple]:
    logits, targets, mask = draw_predictions(rng, rng.sizes())
    return {"where mask is False everywhere": (logits, targets, torch.zeros_like(mask))}


rubric = Rubric(
    (
        Property(
            "cut",
            "it does not matter how the words are divided into sentences",
            0.75,
            observe_other_rows,
        ),
        Property(
            "stable",
            "large scores and long sentences work",
            0.5,
            observe_extremes(run_perplexity),
        ),
        perplexity_cases.refuses(0.5, draw_no_mask),
        perplexity_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def asks_torch_for_the_mean(logits, targets, mask):
    if not bool(mask.any()):
        raise ValueError("there are no words")
    return nn.functional.cross_entropy(logits[mask], targets[mask]).exp()


@rubric.alternative
def returns_a_float(logits, targets, mask):
    total, words = sentence_log_prob(logits, targets, mask).sum().item(), mask.sum().item()
    return 2.718281828459045 ** (-total / words)


@rubric.alternative
def goes_through_bits(logits, targets, mask):
    log_p = nn.functional.log_softmax(logits[mask], dim=1)
    if len(log_p) == 0:
        raise ValueError("mask is False everywhere")
    bits = -log_p.gather(1, targets[mask][:, None]) / 0.6931471805599453  # log 2
    return torch.exp2(bits.mean())


@rubric.alternative
def weighs_the_sentences(logits, targets, mask):
    lengths = mask.sum(dim=1)
    nonempty = lengths > 0
    if not nonempty.any():
        raise ValueError("no words")
    log_p = sentence_log_prob(logits[nonempty], targets[nonempty], mask[nonempty])
    means, weights = log_p / lengths[nonempty], lengths[nonempty] / lengths.sum()
    return (-(means * weights).sum()).exp()
