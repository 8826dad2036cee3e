"""negative_sampling_loss: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, part, using
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps2_inputs.negative_sampling_loss import HUGE, draw_scored, negative_cases

from .. import Rubric


def observe_huge_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    """At the worst scores the gradient is largest, not 0 and not nan."""
    seen: dict[str, Any] = {}
    for dtype, huge in HUGE.items():
        drawn = draw_scored(rng, [-huge, 1.0, huge], [[0.5, -2.0], [huge, -1.0], [0.0, 1.0]])
        vectors = [vector.to(dtype).requires_grad_() for vector in drawn]
        gradients = using(attempt(total_loss, subject, vectors), torch.autograd.grad, vectors)
        for n, name in enumerate(("center", "context", "negatives")):
            text = f"scores of {-huge:g} and {huge:g} in {str(dtype)[6:]}, gradient of {name}"
            seen[text] = part(gradients, n)
    return seen


def total_loss(subject: Any, vectors: list[torch.Tensor]) -> Any:
    return subject(*vectors).sum()


def observe_numbers_of_negatives(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for B, K, D in ((2, 1, 3), (1, 20, 4), (3, 2, 1)):
        args = rng.normal(B, D), rng.normal(B, D), rng.normal(B, K, D)
        seen[negative_cases.text(args)] = attempt(subject, *args)
    return seen


rubric = Rubric(
    (
        negative_cases.gradient(1.25),
        Property("steep", "huge scores have the right gradient", 0.5, observe_huge_gradients),
        Property("number", "one negative or many", 0.25, observe_numbers_of_negatives),
        negative_cases.rows(0.5),
        negative_cases.dtype(0.25),
        negative_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def adds_softplus(center, context, negatives):
    softplus = nn.functional.softplus
    true = torch.einsum("bd,bd->b", center, context)
    noise = torch.einsum("bd,bkd->bk", center, negatives)
    return softplus(-true) + softplus(noise).sum(-1)


@rubric.alternative
def classifies_with_labels(center, context, negatives):
    words = torch.cat([context.unsqueeze(1), negatives], dim=1)
    scores = (words @ center.unsqueeze(-1)).squeeze(-1)
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1
    loss = nn.functional.binary_cross_entropy_with_logits(scores, labels, reduction="none")
    return loss.sum(dim=1)


@rubric.alternative
def turns_the_negatives_round(center, context, negatives):
    """log sigmoid(-c . n) is log sigmoid(c . (-n)): one call for all."""
    words = torch.cat([context[:, None], -negatives], dim=1)
    return -nn.functional.logsigmoid((center[:, None] * words).sum(dim=2)).sum(dim=1)


@rubric.alternative
def adds_logarithms_of_sums(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = torch.bmm(negatives, center.unsqueeze(2)).squeeze(2)
    zero = torch.zeros((), dtype=center.dtype)
    return torch.logaddexp(zero, -true) + torch.logaddexp(zero, noise).sum(dim=1)


@rubric.alternative
def goes_pair_by_pair(center, context, negatives):
    losses = []
    for v, u, others in zip(center, context, negatives, strict=True):
        loss = -nn.functional.logsigmoid(v @ u)
        for other in others:
            loss = loss - nn.functional.logsigmoid(-(v @ other))
        losses.append(loss)
    return torch.stack(losses)


@rubric.alternative
def computes_the_loss_in_float32(center, context, negatives):
    c, o, n = center.float(), context.float(), negatives.float()
    true = nn.functional.logsigmoid((c * o).sum(dim=1))
    noise = nn.functional.logsigmoid(-torch.einsum("bd,bkd->bk", c, n))
    return -(true + noise.sum(dim=1)).to(center.dtype)
