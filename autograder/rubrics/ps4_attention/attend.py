"""attend: hidden tests and alternative right answers."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.pytree import tensors
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps4_attention.attend import LONG, draw_attend, padded_cases, pieces, strict

from .. import Rubric
from ._shared import weighted_sum


def attend_gradients(subject: Any, rng: Rng, args: tuple) -> dict[str, Any]:
    """What comes back to query and keys."""
    query, keys, mask, score = args
    leaves = {"query": query.clone().requires_grad_(), "keys": keys.clone().requires_grad_()}
    loss = weighted_sum(rng, *tensors(subject(*leaves.values(), mask, score)))
    if not loss.requires_grad:
        return {"gradients": "none, the result was detached"}
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {
        f"gradient of {name}": "none arrives" if gradient is None else gradient
        for name, gradient in zip(leaves, gradients, strict=True)
    }


def observe_gradients_beside_rubbish(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for rubbish in (torch.inf, torch.nan):
        for steps in (False, True):
            args = draw_attend(rng, rng.sizes(), steps)
            args[1][~args[2]] = rubbish
            text = f"{rubbish:g} in the padding of keys, query {tuple(args[0].shape)}"
            seen[text] = attempt(attend_gradients, subject, rng, args)
    return seen


def observe_nothing_to_look_at(subject: Any, rng: Rng) -> dict[str, Any]:
    """Sentences without any token, beside others."""
    seen: dict[str, Any] = {}
    for steps in (False, True):
        args = draw_attend(rng, rng.sizes(), steps)
        args[2][0] = False
        text = f"mask is False in all of row 0, query {tuple(args[0].shape)}"
        seen |= pieces(attempt(subject, *args), text)
        seen[text] = attempt(attend_gradients, subject, rng, args)
    return seen


def observe_huge_scores(subject: Any, rng: Rng) -> dict[str, Any]:
    """Scores far beyond what exp can take; whole numbers, so that rounding decides nothing."""

    def ranks(factor):
        def score(f, e):
            alpha = factor * e[:, :, 0]
            return alpha if f.dim() == 2 else alpha.unsqueeze(1).expand(-1, f.shape[1], -1)

        return score

    s = rng.sizes(T=LONG)
    query, keys = rng.normal(s.B, s.H), rng.normal(s.B, s.T, s.D)
    keys[:, :, 0] = torch.arange(1, s.T + 1).flip(0)  # the padding has the lowest ranks ...
    mask = torch.arange(s.T).expand(s.B, -1) < s.T - 3
    seen: dict[str, Any] = {}
    for text, factor in {
        "10000, 20000, ...": 10_000.0,
        "-10000, -20000, ...": -10_000.0,  # ... or the highest scores
        "0": 0.0,
    }.items():
        score = strict(ranks(factor), s.H, s.D)
        result = attempt(subject, query, keys, mask, score)
        seen |= pieces(result, f"the scores are {text}")
    return seen


def observe_order(subject: Any, rng: Rng) -> dict[str, Any]:
    """The same keys in another order: the same context, and the weights move along."""
    query, keys, mask, score = draw_attend(rng, rng.sizes(), steps=True)
    order = torch.randperm(LONG, generator=rng.generator)
    first = attempt(subject, query, keys, mask, score)
    second = attempt(subject, query, keys[:, order], mask[:, order], score)
    return pieces(first, "the keys as they are") | pieces(second, "in another order")


rubric = Rubric(
    (
        padded_cases.gradient(1),
        Property(
            "clean",
            "nan in the padding reaches no gradient, and the padding gets none",
            0.75,
            observe_gradients_beside_rubbish,
        ),
        Property("huge", "huge scores stay finite", 0.75, observe_huge_scores),
        Property(
            "nothing",
            "a sentence without tokens has weights and context 0",
            0.5,
            observe_nothing_to_look_at,
        ),
        Property("order", "the order of the keys does not matter", 0.25, observe_order),
        padded_cases.rows(0.25),
        padded_cases.dtype(0.25),
        padded_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def attends_sentence_by_sentence(query, keys, mask, score):
    """Only a sentence's own keys are ever looked at: nothing to mask."""
    contexts, weights = [], []
    for b in range(len(keys)):
        own, f = keys[b : b + 1, mask[b]], query[b : b + 1]
        a = query.new_zeros(*f.shape[:-1], keys.shape[1])
        context = f.new_zeros(*f.shape[:-1], keys.shape[2])
        if own.shape[1]:
            shown = torch.softmax(score(f, own), dim=-1)
            a[..., mask[b]] = shown
            context = shown @ own if f.dim() == 3 else (shown.unsqueeze(1) @ own).squeeze(1)
        contexts.append(context)
        weights.append(a)
    return torch.cat(contexts), torch.cat(weights)


@rubric.alternative
def fills_with_infinity_and_repairs(query, keys, mask, score):
    keys = torch.where(mask[:, :, None], keys, torch.zeros_like(keys))
    alpha = score(query, keys)
    shown = mask if alpha.dim() == 2 else mask[:, None].expand_as(alpha)
    alpha = torch.where(shown, alpha, torch.full_like(alpha, -torch.inf))
    a = torch.nan_to_num(torch.softmax(alpha, dim=-1), nan=0.0)
    letters = "bs,bsk->bk" if a.dim() == 2 else "bts,bsk->btk"
    return torch.einsum(letters, a, keys), a


@rubric.alternative
def takes_the_exponents_by_hand(query, keys, mask, score):
    keys = keys.clone()
    keys[~mask] = 0
    alpha = score(query, keys)
    m = mask.to(keys.dtype) if query.dim() == 2 else mask.to(keys.dtype).unsqueeze(1)
    alpha = alpha.masked_fill(m == 0, torch.finfo(alpha.dtype).min)
    e = torch.exp(alpha - alpha.max(dim=-1, keepdim=True).values.detach()) * m
    total = e.sum(dim=-1, keepdim=True)
    a = e / torch.where(total > 0, total, torch.ones_like(total))
    steps = a if a.dim() == 3 else a.unsqueeze(1)
    context = torch.bmm(steps, keys)
    return (context if a.dim() == 3 else context.squeeze(1)), a


@rubric.alternative
def always_has_steps(query, keys, mask, score):
    """One query is a sequence of one, until the end."""
    single = query.dim() == 2
    keys = keys.masked_fill(mask.logical_not().unsqueeze(-1), 0.0)
    alpha = score(query.unsqueeze(1) if single else query, keys)
    hidden = mask.logical_not().unsqueeze(1)
    log_a = torch.log_softmax(alpha.masked_fill(hidden, -1e9), dim=2)
    a = log_a.exp().masked_fill(hidden, 0.0)
    context = a @ keys
    return (context.squeeze(1), a.squeeze(1)) if single else (context, a)


@rubric.alternative
def attends_in_float32(query, keys, mask, score):
    dtype = query.dtype
    keys = keys.float().masked_fill(~mask.unsqueeze(2), 0)
    alpha = score(query.float(), keys)
    hidden = (~mask).view(mask.shape[0], *[1] * (alpha.dim() - 2), mask.shape[1])
    a = torch.softmax(alpha.masked_fill(hidden, -3e38), dim=-1) * ~hidden
    return [torch.einsum("b...s,bsk->b...k", a, keys).to(dtype), a.to(dtype)]
