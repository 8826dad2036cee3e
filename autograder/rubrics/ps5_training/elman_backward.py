"""elman_backward: hidden tests and alternative right answers."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps5_training.elman_backward import (
    backward_cases,
    draw_backward,
    gradients_of,
)

from .. import Rubric


def observe_with_bias(subject: Any, rng: Rng) -> dict[str, Any]:
    args = draw_backward(rng, rng.sizes(), bias=1.0)
    return gradients_of(subject, args, " of a forward pass with a bias")


def observe_long(subject: Any, rng: Rng) -> dict[str, Any]:
    # With larger matrices the gradient would explode, and rounding with it.
    return gradients_of(subject, draw_backward(rng, rng.sizes(T=40), scale=0.4))


rubric = Rubric(
    (
        Property("bias", "hs is used as it is given", 1.5, observe_with_bias),
        Property("long", "forty steps are handled", 1, observe_long),
        backward_cases.dtype(0.5),
        backward_cases.pure(0.5),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def adds_up_step_by_step(grad_hs, xs, h_0, hs, W_x, W_h):
    grad_xs = torch.zeros_like(xs)
    grad_W_x, grad_W_h = torch.zeros_like(W_x), torch.zeros_like(W_h)
    grad_h = torch.zeros_like(h_0)
    for t in range(xs.shape[1] - 1, -1, -1):
        grad_h = grad_h + grad_hs[:, t]
        grad_z = grad_h * (1 + hs[:, t]) * (1 - hs[:, t])
        before = hs[:, t - 1] if t > 0 else h_0
        grad_xs[:, t] = grad_z @ W_x.T
        grad_W_x += xs[:, t].T @ grad_z
        grad_W_h += before.T @ grad_z
        grad_h = grad_z @ W_h.T
    return grad_xs, grad_h, grad_W_x, grad_W_h


@rubric.alternative
def goes_back_by_recursion(grad_hs, xs, h_0, hs, W_x, W_h):
    def back(t, later):
        if t < 0:
            return [], later, 0 * W_x, 0 * W_h
        grad_z = torch.einsum("bh,bh->bh", grad_hs[:, t] + later, 1 - hs[:, t].square())
        before = h_0 if t == 0 else hs[:, t - 1]
        rest, first, grad_W_x, grad_W_h = back(t - 1, torch.einsum("bh,kh->bk", grad_z, W_h))
        return (
            [*rest, torch.einsum("bh,dh->bd", grad_z, W_x)],
            first,
            grad_W_x + torch.einsum("bd,bh->dh", xs[:, t], grad_z),
            grad_W_h + torch.einsum("bk,bh->kh", before, grad_z),
        )

    grad_xs, *rest = back(xs.shape[1] - 1, torch.zeros_like(h_0))
    return [torch.stack(grad_xs, dim=1), *rest]


@rubric.alternative
def goes_back_row_by_row(grad_hs, xs, h_0, hs, W_x, W_h):
    grad_xs, grad_h_0 = torch.empty_like(xs), torch.empty_like(h_0)
    grad_W_x, grad_W_h = torch.zeros_like(W_x), torch.zeros_like(W_h)
    for b in range(len(xs)):
        later = torch.zeros_like(h_0[b])
        for t in reversed(range(xs.shape[1])):
            grad_z = (grad_hs[b, t] + later) * (1 - hs[b, t] ** 2)
            grad_xs[b, t] = W_x @ grad_z
            grad_W_x = grad_W_x + torch.outer(xs[b, t], grad_z)
            grad_W_h = grad_W_h + torch.outer(hs[b, t - 1] if t else h_0[b], grad_z)
            later = W_h @ grad_z
        grad_h_0[b] = later
    return grad_xs, grad_h_0, grad_W_x, grad_W_h


@rubric.alternative
def goes_back_in_float32(grad_hs, xs, h_0, hs, W_x, W_h):
    dtype = xs.dtype
    grad_hs, xs, h_0, hs, W_x, W_h = (t.float() for t in (grad_hs, xs, h_0, hs, W_x, W_h))
    slopes, later, grads = 1 - hs * hs, 0, []
    for grad_h, slope in zip(reversed(grad_hs.unbind(1)), reversed(slopes.unbind(1)), strict=True):
        grads.insert(0, (grad_h + later) * slope)
        later = grads[0].matmul(W_h.t())
    grad_zs = torch.stack(grads, dim=1)
    before = torch.cat([h_0[:, None], hs[:, :-1]], dim=1)
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btd,bth->dh", before, grad_zs)
    return tuple(grad.to(dtype) for grad in (grad_zs @ W_x.T, later, grad_W_x, grad_W_h))
