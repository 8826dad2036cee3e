"""cross_entropy: hidden tests and alternative right answers."""

import math
from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps5_training.cross_entropy import draw_logits, loss_cases, widened

from .. import Rubric


def observe_loss_gradient(subject: Any, rng: Rng) -> dict[str, Any]:
    """The gradient of the logits, with numbers and with nan in the padding."""
    seen: dict[str, Any] = {}
    for rubbish in (0.5, float("nan")):
        for options in ({}, {"label_smoothing": 0.2}) if rubbish == 0.5 else ({},):
            logits, targets, mask = draw_logits(rng, rng.sizes())
            logits = logits.masked_fill(~mask.unsqueeze(2), rubbish).requires_grad_()
            loss = attempt(subject, logits, targets, mask, **options)
            text = f"{rubbish:g} in the padding{', smoothed' if options else ''}: the gradient"
            if not isinstance(loss, torch.Tensor):
                seen[text] = loss
            elif not loss.requires_grad or loss.dim():
                seen[text] = "none flows back"
            else:
                seen[text] = torch.autograd.grad(loss, logits)[0]
    return seen


def observe_rubbish(subject: Any, rng: Rng) -> dict[str, Any]:
    args = draw_logits(rng, rng.sizes())
    return {
        f"logits {logit:g} and targets {target} in the padding": attempt(
            subject, *widened(args, 1, logit, target)
        )
        for logit, target in ((math.nan, 0), (math.inf, 0), (-math.inf, -100), (0.0, 10**6))
    }


def observe_holes(subject: Any, rng: Rng) -> dict[str, Any]:
    """Padding anywhere, in whole rows too."""
    s = rng.sizes(B=4, T=6)
    logits, targets, _ = draw_logits(rng, s)
    starts = rng.integers(1, s.T, s.B)
    starts[2] = 1
    before = torch.arange(s.T) >= starts.unsqueeze(1)
    scattered = rng.normal(s.B, s.T) > 0
    scattered[2:, :3] = True
    scattered[1] = False
    return {
        text: attempt(subject, logits, targets, mask)
        for text, mask in (
            ("the padding comes first", before),
            ("tokens here and there, and none in row 1", scattered),
        )
    }


def draw_no_tokens(rng: Rng) -> dict[str, tuple]:
    logits, targets, mask = draw_logits(rng, rng.sizes())
    return {"whose mask is False everywhere": (logits, targets, torch.zeros_like(mask))}


rubric = Rubric(
    (
        Property("gradient", "the gradient is right", 0.75, observe_loss_gradient),
        Property("rubbish", "whatever is in the padding is ignored", 0.75, observe_rubbish),
        Property("holes", "the mask may have any form", 0.25, observe_holes),
        loss_cases.refuses(0.25, draw_no_tokens),
        loss_cases.dtype(0.25),
        loss_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def keeps_the_shape(logits, targets, mask, label_smoothing=0.0):
    N = mask.sum()
    if N == 0:
        raise ValueError("no token")
    clean = torch.where(mask.unsqueeze(2), logits, torch.zeros_like(logits))
    log_p = clean - clean.logsumexp(dim=2, keepdim=True)
    words = targets.masked_fill(~mask, 0)
    surprise = -log_p.gather(2, words.unsqueeze(2)).squeeze(2)
    blend = torch.lerp(surprise, -log_p.mean(dim=2), label_smoothing)
    return torch.where(mask, blend, torch.zeros_like(blend)).sum() / N


@rubric.alternative
def goes_token_by_token(logits, targets, mask, label_smoothing=0.0):
    total, count = 0.0, 0
    B, T, V = logits.shape
    for b in range(B):
        for t in range(T):
            if not mask[b, t]:
                continue
            row = logits[b, t] - logits[b, t].max().detach()
            log_p = row - row.exp().sum().log()
            total = total - (1 - label_smoothing) * log_p[targets[b, t]]
            for v in range(V):
                total = total - label_smoothing / V * log_p[v]
            count += 1
    if count == 0:
        raise ValueError("no token")
    return total / count


@rubric.alternative
def compares_distributions(logits, targets, mask, label_smoothing=0.0):
    from torch.nn import functional as F

    rows, words = logits[mask], targets[mask]
    if len(rows) == 0:
        raise ValueError("no token")
    V = rows.shape[1]
    q = F.one_hot(words, V).to(rows.dtype) * (1 - label_smoothing) + label_smoothing / V
    return -torch.einsum("nv,nv->", q, F.log_softmax(rows, dim=1)) / len(rows)


@rubric.alternative
def loses_precision(logits, targets, mask, label_smoothing=0.0):
    assert mask.any(), "no token"
    log_p = torch.log_softmax(logits.flatten(0, 1)[mask.flatten()].float(), dim=-1)
    words = targets.flatten()[mask.flatten()]
    picked = log_p[torch.arange(len(words)), words]
    loss = -(1 - label_smoothing) * picked.mean() - label_smoothing * log_p.mean()
    return loss.to(logits.dtype)
