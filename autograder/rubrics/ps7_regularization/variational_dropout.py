"""variational_dropout: hidden tests and alternative right answers."""

from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import part
from rnncourse.checks.rng import Rng, Sizes
from rnncourse.exercises.ps7_regularization._shared import (
    CROWD,
    FEW,
    draws,
    elman_cell,
    followed,
    generator,
    how_alike,
    how_often,
    some,
    watched,
)
from rnncourse.exercises.ps7_regularization.variational_dropout import (
    fixed,
    run_variational,
    variational_cases,
)
from rnncourse.reference.cells import unroll
from rnncourse.reference.regularization import dropout_mask

from .. import Rubric
from ._shared import gradients, verdict


def variational_draws(rng: Rng) -> Callable[[Any, Any, bool], Any]:
    s = FEW
    args = fixed(*elman_cell(rng, s)), rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    return lambda subject, generator, training: part(
        subject(*args, 0.5, 0.5, generator, training), 0
    )


def observe_crowd(subject: Any, rng: Rng) -> dict[str, Any]:
    """Many sequences: how often units are dropped, and how independently."""
    said = {}
    for p_x, p_h in ((0.2, 0.6), (0.5, 0.5)):
        seen = run_variational(subject, rng, CROWD, p_x, p_h)
        if "x_t" not in seen:
            return seen
        # What the last step was given: the first may be another story.
        dropped = {
            name: seen[key][:, -1].abs() < 1e-3
            for name, key in (("the mask of x_t", "x_t"), ("the mask of h", "h of the state"))
        }
        for (name, mask), p in zip(dropped.items(), (p_x, p_h), strict=True):
            if p != 0.5:
                said[f"{name}, p = {p}: the share of zeros is"] = how_often(mask, p)
            else:
                said[f"{name}: sequences of the batch are"] = how_alike(mask, 0)
                said[f"{name}: the units of a sequence are"] = how_alike(mask, 1)
        if p_x == 0.5:
            width = min(mask.shape[1] for mask in dropped.values())
            both = torch.stack([mask[:, :width] for mask in dropped.values()])
            said["the two masks are"] = how_alike(both, 0)
    return said


def observe_variational_gradients(subject: Any, rng: Rng) -> dict[str, str]:
    """Gradients, beside those of a loop with the masks that step was given."""
    s = Sizes(2, 4, 20, 25)
    step = fixed(*elman_cell(rng, s))
    noting, calls = watched(step, s.T)
    xs, h_0 = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    weights = rng.normal(s.B, s.T, s.H), rng.normal(s.B, s.H)
    leaves = xs.clone().requires_grad_(), h_0.clone().requires_grad_()
    result = subject(noting, *leaves, 0.4, 0.5, generator(subject, 6))
    seen = followed(calls, result, xs, [h_0])
    if "x_t" not in seen:
        return {key: value for key, value in seen.items() if isinstance(value, str)}
    found = gradients(part(result, 0), part(result, 1), weights, leaves)

    mine = xs.clone().requires_grad_(), h_0.clone().requires_grad_()
    h, hs = mine[1], []
    for t in range(s.T):
        h = step(mine[0][:, t] * seen["x_t"][:, t], h * seen["h of the state"][:, t])
        hs.append(h)
    expected = gradients(torch.stack(hs, dim=1), h, weights, mine)
    dropped = {name: seen[name].abs() < 1e-3 for name in ("x_t", "h of the state")}
    return {
        **{f"of {name} is dropped": some(which) for name, which in dropped.items()},
        **{
            f"the gradient of {name} is": verdict(got, right)
            for name, got, right in zip(("xs", "the state"), found, expected, strict=True)
        },
    }


rubric = Rubric(
    (
        Property(
            "sequences",
            "each unit of each sequence is dropped for itself, with its own probability",
            1.25,
            observe_crowd,
        ),
        Property("gradient", "gradients flow back", 0.75, observe_variational_gradients),
        draws(0.75, variational_draws),
        variational_cases.dtype(0.25),
        variational_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def loops_over_time(step, xs, state, p_x, p_h, generator, training=True):
    B, T, D = xs.shape
    if training:
        h = state if torch.is_tensor(state) else state[0]
        mask_x = dropout_mask((B, D), p_x, generator, xs)
        mask_h = dropout_mask((B, h.size(1)), p_h, generator, h)
    hs = []
    for t in range(T):
        x, seen = xs[:, t], state
        if training:
            x = x * mask_x
            seen = state * mask_h if torch.is_tensor(state) else (state[0] * mask_h, *state[1:])
        state = step(x, seen)
        hs.append(state if torch.is_tensor(state) else state[0])
    return torch.stack(hs, dim=1), state


@rubric.alternative
def multiplies_by_ones_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    is_tuple = isinstance(state, tuple)
    h = state[0] if is_tuple else state
    mask_x, mask_h = torch.ones_like(xs[:, 0]), torch.ones_like(h)
    if training:
        mask_h = dropout_mask(mask_h.shape, p_h, generator, mask_h)
        mask_x = dropout_mask(mask_x.shape, p_x, generator, mask_x)

    def masked(x, state):
        if is_tuple:
            h, c = state
            return step(mask_x * x, (mask_h * h, c))
        return step(mask_x * x, mask_h * state)

    return unroll(masked, xs, state)


@rubric.alternative
def draws_its_own_masks(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)

    def mask(like, p):
        kept = torch.bernoulli(torch.full(like.shape, 1 - p), generator=generator)
        return kept.to(like.dtype).div(1 - p)

    h = state[0] if type(state) is tuple else state
    mask_x, mask_h = mask(xs[:, 0], p_x), mask(h, p_h)
    hs = []
    for x in xs.transpose(0, 1):
        if type(state) is tuple:
            state = step(x * mask_x, (state[0] * mask_h, *state[1:]))
            hs.append(state[0])
        else:
            state = step(x * mask_x, state * mask_h)
            hs.append(state)
    return torch.stack(hs).transpose(0, 1), state


@rubric.alternative
def draws_one_mask_and_cuts_it(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h, *rest = state if isinstance(state, tuple) else (state,)
    D = xs.shape[2]
    chances = torch.rand(len(xs), D + h.shape[1], generator=generator).to(xs.device)
    mask_x = (chances[:, :D] >= p_x) / (1 - p_x)
    mask_h = (chances[:, D:] >= p_h) / (1 - p_h)
    xs = torch.einsum("btd,bd->btd", xs, mask_x.to(xs))

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h.to(h), *state[1:]))
        return step(x, state * mask_h.to(h))

    return unroll(dropped, xs, (h, *rest) if isinstance(state, tuple) else h)
