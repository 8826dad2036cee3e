"""weight_drop: hidden tests and alternative right answers."""

from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import part
from rnncourse.checks.pytree import copied
from rnncourse.checks.rng import Rng, Sizes
from rnncourse.exercises.ps7_regularization._shared import (
    CROWD,
    FEW,
    described,
    draws,
    elman_cell,
    followed,
    generator,
    how_alike,
    how_often,
    some,
    watched,
)
from rnncourse.exercises.ps7_regularization.weight_drop import (
    observe_lstm_weights,
    run_weight_drop,
    weight_cases,
)
from rnncourse.reference.cells import unroll
from rnncourse.reference.regularization import dropout_mask

from .. import Rubric
from ._shared import gradients, verdict


def weight_draws(rng: Rng) -> Callable[[Any, Any, bool], Any]:
    s = FEW
    step, W_h = elman_cell(rng, s)
    args = step, rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    return lambda subject, generator, training: part(
        subject(*args, W_h.clone(), 0.5, generator, training), 0
    )


def observe_single_weights(subject: Any, rng: Rng) -> dict[str, Any]:
    """How often single weights are dropped, and how independently."""
    said = {}
    for p in (0.2, 0.5):
        seen = run_weight_drop(subject, rng, CROWD._replace(B=2, D=3), p)
        if "W_h" not in seen:
            return described(seen)
        dropped = seen["W_h"][0, -1].abs() < 1e-3
        if p != 0.5:
            said[f"p = {p}: the share of weights that go is"] = how_often(dropped, p)
        else:
            said["the weights of a row are"] = how_alike(dropped, 1)
            said["the weights of a column are"] = how_alike(dropped, 0)
    return said


def observe_weight_gradients(subject: Any, rng: Rng) -> dict[str, str]:
    """W_h learns where it was kept, through all steps, and nowhere else."""
    s = Sizes(2, 3, 4, 12)
    step, W_h = elman_cell(rng, s)
    noting, calls = watched(step, s.T)
    xs, h_0 = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    weights = rng.normal(s.B, s.T, s.H), rng.normal(s.B, s.H)
    leaves = xs.clone().requires_grad_(), h_0.clone().requires_grad_(), W_h.clone().requires_grad_()
    result = subject(noting, *leaves, 0.5, generator(subject, 6))
    seen = followed(calls, result, xs, [h_0])
    if "x_t" not in seen:
        return {key: value for key, value in seen.items() if isinstance(value, str)}
    found = gradients(part(result, 0), part(result, 1), weights, leaves)

    mine = copied(leaves)
    for one in mine:
        one.requires_grad_()
    h, hs = mine[1], []
    for t, call in enumerate(calls):
        h = step(mine[0][:, t], h, mine[2] * (call[2] / W_h))
        hs.append(h)
    expected = gradients(torch.stack(hs, dim=1), h, weights, mine)
    names = ("xs", "the state", "W_h")
    return {
        "of W_h is dropped": some(torch.stack([call[2] for call in calls]) == 0),
        **{
            f"the gradient of {name} is": verdict(got, right)
            for name, got, right in zip(names, found, expected, strict=True)
        },
    }


rubric = Rubric(
    (
        Property("single", "every weight is dropped for itself", 0.75, observe_single_weights),
        Property(
            "gradient", "W_h learns where it was kept, only there", 0.75, observe_weight_gradients
        ),
        Property("tuples", "a state may be a tuple (h, c)", 0.25, observe_lstm_weights),
        draws(0.25, weight_draws),
        weight_cases.dtype(0.25),
        weight_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def loops_with_the_dropped_matrix(step, xs, state, W_h, p, generator, training=True):
    W = W_h
    if training:
        W = torch.mul(dropout_mask(W_h.size(), p, generator, like=W_h), W_h)
    hs = []
    for t in range(xs.size(1)):
        state = step(xs[:, t], state, W)
        hs.append(state if isinstance(state, torch.Tensor) else state[0])
    return torch.stack(hs, 1), state


@rubric.alternative
def multiplies_in_every_step(step, xs, state, W_h, p, generator, training=True):
    mask = dropout_mask(W_h.shape, p, generator, W_h) if training else torch.ones_like(W_h)

    def dropped(x, state):
        return step(x, state, W_h * mask)

    return unroll(dropped, xs, state)


@rubric.alternative
def binds_the_matrix(step, xs, state, W_h, p, generator, training=True):
    import functools

    if training:
        gone = torch.rand(W_h.numel(), generator=generator).view_as(W_h) < p
        W_h = W_h.masked_fill(gone, 0) / (1 - p)

    def with_matrix(W, x, state):
        return step(x, state, W)

    return unroll(functools.partial(with_matrix, W_h), xs, state)
