"""sentence_log_prob: its hidden tests, and right answers of other kinds."""

import math
from typing import Any

import torch
from torch import nn

from rnncourse.checks.compare import kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, call
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps3_outputs._shared import LONG
from rnncourse.exercises.ps3_outputs.sentence_log_prob import (
    draw_predictions,
    log_prob_cases,
    with_rubbish,
)

from .. import Rubric
from ._shared import observe_extremes


def observe_unlikely_targets(subject: Any, rng: Rng) -> Any:
    """Targets 1500 below the likeliest word: their probabilities underflow to 0."""
    logits, targets, mask = draw_predictions(rng, rng.sizes(T=LONG))
    unlikely = logits.scatter(2, targets.unsqueeze(2), -1500.0)
    return {"a score of -1500 for every target": attempt(subject, unlikely, targets, mask)}


def observe_log_prob_extremes(subject: Any, rng: Rng) -> dict[str, Any]:
    return observe_extremes(call)(subject, rng) | observe_unlikely_targets(subject, rng)


def draw_no_words(rng: Rng) -> dict[str, tuple]:
    logits, targets, mask = draw_predictions(rng, rng.sizes(D=5))
    seen = {}
    for fault, target in (("a target of V", 5), ("a target of -1", -1)):
        wrong = targets.clone()
        wrong[0, 0] = target
        seen[f"with {fault}"] = logits, wrong, mask
    return seen


def observe_log_prob_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    """With nan in the padding; the gradient is 0 except at the words."""
    logits, targets, mask = with_rubbish(*draw_predictions(rng, rng.sizes(T=LONG)), math.nan, 0)
    logits.requires_grad_()
    result = subject(logits, targets, mask)
    if not isinstance(result, torch.Tensor):
        return {"gradient of logits": f"none arrives, the result is {kind(result)}"}
    if not result.requires_grad:
        return {"gradient of logits": "none arrives, the result was detached"}
    (gradient,) = torch.autograd.grad((result * rng.normal(*result.shape)).sum(), logits)
    return {"gradient of logits": gradient}


rubric = Rubric(
    (
        Property(
            "gradient", "gradients flow back to the words' scores", 1, observe_log_prob_gradients
        ),
        Property("stable", "large scores and long sentences work", 0.75, observe_log_prob_extremes),
        log_prob_cases.refuses(0.25, draw_no_words),
        log_prob_cases.rows(0.25),
        log_prob_cases.dtype(0.25),
        log_prob_cases.pure(0.5),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def uses_torchs_cross_entropy(logits, targets, mask):
    targets = targets.masked_fill(~mask, 0)
    logits = logits.masked_fill(~mask.unsqueeze(2), 0)
    loss = nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return -(loss * mask).sum(dim=1)


@rubric.alternative
def loops_over_the_words(logits, targets, mask):
    B, T, V = logits.shape
    totals = []
    for b in range(B):
        total = logits.new_zeros(())
        for t in range(T):
            if mask[b, t]:
                word = int(targets[b, t])
                if not 0 <= word < V:
                    raise IndexError(f"there is no word {word}")
                total = total + logits[b, t].log_softmax(0)[word]
        totals.append(total)
    return torch.stack(totals)


@rubric.alternative
def takes_off_the_largest_score(logits, targets, mask):
    safe = torch.where(mask[:, :, None], logits, torch.zeros_like(logits))
    words = torch.where(mask, targets, torch.zeros_like(targets))
    safe = safe - safe.amax(dim=2, keepdim=True).detach()
    log_p = safe - safe.exp().sum(dim=2, keepdim=True).log()
    picked = torch.gather(log_p, 2, words[:, :, None])[:, :, 0]
    return torch.where(mask, picked, torch.zeros_like(picked)).sum(1)


@rubric.alternative
def points_with_a_one_hot(logits, targets, mask):
    sentence = mask.nonzero()[:, 0]
    log_p = torch.log_softmax(logits[mask], dim=-1)
    hot = nn.functional.one_hot(targets[mask], logits.shape[2]).bool()
    return log_p.new_zeros(len(logits)).index_add(0, sentence, log_p[hot])
