"""mixer_loss: hidden tests and alternative right answers."""

from typing import Any

import torch

from rnncourse.checks.compare import Raised
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, part
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps6_decoding.mixer_loss import (
    draw_mixer,
    gradients,
    leaves_of,
    mixer_cases,
)

from .. import Rubric


def gradient_of(result: Any, which: int, leaves: dict[str, torch.Tensor], name: str) -> Any:
    """The gradient of one of the losses for one leaf; in words where there is none."""
    if isinstance(result, Raised):
        return repr(result)
    arrived = gradients(part(result, which), leaves)
    return arrived if isinstance(arrived, str) else arrived[name]


def observe_all_or_none(subject: Any, rng: Rng) -> dict[str, Any]:
    """s = 0: every word is sampled; s = T and beyond: every word is given."""
    drawn = draw_mixer(rng, rng.sizes(T=4))
    seen: dict[str, Any] = {}
    for s in (0, 4, 9):
        args, leaves = leaves_of((*drawn[:5], s, *drawn[6:]))
        result = attempt(subject, *args)
        for which, name in enumerate(("loss", "baseline_loss")):
            seen[f"T = 4, s = {s}: {name}"] = part(result, which)
        seen[f"T = 4, s = {s}: the gradient of loss for logits"] = gradient_of(
            result, 0, leaves, "logits"
        )
    return seen


def observe_rubbish(subject: Any, rng: Rng) -> dict[str, Any]:
    """Wild numbers, and words that do not exist, in the padding; a sentence of length 0."""
    logits, hs, tokens, mask, *rest = draw_mixer(rng, rng.sizes(T=4, B=3))
    mask[2] = False
    logits[~mask], hs[~mask], tokens[~mask] = 1e3 * rng.normal(1), -1e3, -100
    args, leaves = leaves_of((logits, hs, tokens, mask, *rest))
    result = attempt(subject, *args)
    seen = {
        "rubbish in the padding: loss": part(result, 0),
        "rubbish in the padding: baseline_loss": part(result, 1),
    }
    for which, name in ((0, "logits"), (1, "w")):
        seen[f"rubbish in the padding: the gradient for {name}"] = gradient_of(
            result, which, leaves, name
        )
    return seen


def draw_bad_masks(rng: Rng) -> dict[str, tuple]:
    logits, hs, tokens, mask, *rest = draw_mixer(rng, rng.sizes())
    return {
        "where the mask holds integers": (logits, hs, tokens, mask.long(), *rest),
        "where the mask has one time step": (logits, hs, tokens, mask[:, :1], *rest),
    }


rubric = Rubric(
    (
        Property("limits", "s = 0 and s >= T work", 1.25, observe_all_or_none),
        Property("padding", "the padding makes no difference", 1, observe_rubbish),
        mixer_cases.dtype(0.25),
        mixer_cases.pure(0.5),
        mixer_cases.refuses(0.5, draw_bad_masks),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def goes_word_by_word(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    loss, baseline_loss = logits[mask].sum() * 0, (w.sum() + b) * 0
    for i in range(B):
        for t in range(T):
            if not mask[i, t]:
                continue
            log_p = torch.log_softmax(logits[i, t], dim=0)[tokens[i, t]]
            if t < s:
                loss = loss - log_p / B
            else:
                advantage = reward[i] - (torch.dot(hs[i, t].detach(), w) + b)
                loss = loss - advantage.detach() * log_p / B
                baseline_loss = baseline_loss + advantage.square() / B
    return loss, baseline_loss


@rubric.alternative
def calls_cross_entropy(logits, hs, tokens, mask, reward, s, w, b):
    from torch.nn import functional as F

    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T, V = logits.shape
    labels = tokens.masked_fill(~mask, -100).flatten()
    nll = F.cross_entropy(logits.reshape(-1, V), labels, reduction="none").view(B, T)
    given = (torch.arange(T) < s).expand(B, T)
    with torch.no_grad():
        states = hs.masked_fill(~mask.unsqueeze(-1), 0)
    advantage = reward.view(-1, 1) - torch.einsum("bth,h->bt", states, w) - b
    reinforced = mask & ~given
    loss = nll[mask & given].sum() + (advantage.detach() * nll)[reinforced].sum()
    return loss / B, advantage[reinforced].pow(2).sum() / B


@rubric.alternative
def splits_at_s(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype is not torch.bool:
        raise TypeError("the mask must be boolean")
    if mask.size() != tokens.size():
        raise ValueError("the mask must be (B, T)")
    hs = hs.detach()

    def nll(part):
        words = tokens[:, part][mask[:, part]].unsqueeze(1)
        scores = logits[:, part][mask[:, part]]
        return scores.logsumexp(dim=1) - scores.gather(1, words).squeeze(1)

    first, later = slice(0, s), slice(s, None)
    rows = mask[:, later].nonzero()[:, 0]
    advantage = reward[rows] - (hs[:, later][mask[:, later]] * w).sum(dim=1) - b
    B = len(tokens)
    loss = (nll(first).sum() + nll(later).dot(advantage.detach())) / B
    return loss, advantage.dot(advantage) / B
