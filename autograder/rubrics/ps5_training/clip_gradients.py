"""clip_gradients: hidden tests and alternative right answers."""

import math
from typing import Any

import torch

from rnncourse.checks.compare import Raised
from rnncourse.checks.exercise import Property
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps5_training.clip_gradients import clipped, draw_gradients

from .. import Rubric


def observe_zeros(subject: Any, rng: Rng) -> dict[str, Any]:
    """Nothing to clip: gradients of 0, and parameters without one."""
    zeros = [torch.zeros(2, 3, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)]
    return {
        **clipped(subject, zeros, 1.0, "all gradients are 0"),
        **clipped(subject, [None, None], 1.0, "no parameter has a gradient"),
    }


def observe_measuring(subject: Any, rng: Rng) -> dict[str, Any]:
    """Gradients of other sizes; an infinite max_norm only measures; nan is not hidden."""
    s = rng.sizes()
    odd = [rng.normal(1), rng.normal(), rng.normal(s.B, s.T, s.D, s.H)]
    single = [gradient.float() for gradient in draw_gradients(rng, 7.0)]
    return {
        **clipped(subject, odd, 0.5, "gradients with 0, 1 and 4 axes"),
        **clipped(subject, draw_gradients(rng, 300.0), math.inf, "max_norm=inf"),
        **clipped(subject, single, 2.0, "float32 gradients"),
    }


def observe_nan(subject: Any, rng: Rng) -> dict[str, Any]:
    gradients = draw_gradients(rng, 3.0)
    gradients[1][0] = math.nan
    with_nan = clipped(subject, gradients, 1.0, "one of the numbers is nan")
    without = clipped(subject, draw_gradients(rng, 3.0), 1.0, "all of them are numbers")
    return {
        **{key: value for key, value in with_nan.items() if key.endswith("returned")},
        **without,
    }


def observe_bad_limits(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for max_norm in (0.0, -1.0):
        result = clipped(subject, draw_gradients(rng, 3.0), max_norm, "it")
        refused = isinstance(result["it: what is returned"], Raised)
        seen[f"max_norm={max_norm:g}"] = "refused with an exception" if refused else "accepted"
    # A function that refuses every max_norm gets no credit for it.
    return {**seen, **clipped(subject, draw_gradients(rng, 3.0), 1.0, "max_norm=1")}


rubric = Rubric(
    (
        Property("zero", "gradients of 0, and none at all", 0.5, observe_zeros),
        Property("sizes", "any shape, dtype and max_norm", 0.75, observe_measuring),
        Property("nan", "nan can be seen in what is returned", 0.25, observe_nan),
        Property("refuses", "max_norm must be positive", 0.5, observe_bad_limits),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def clips_one_long_vector(parameters, max_norm):
    if max_norm <= 0:
        raise ValueError("max_norm must be positive")
    trained = [p for p in parameters if p.grad is not None]
    if not trained:
        return 0.0
    norm = torch.cat([p.grad.reshape(-1).double() for p in trained]).norm().item()
    if norm > max_norm:
        for p in trained:
            p.grad = p.grad * (max_norm / norm)
    return norm


@rubric.alternative
def clips_as_torch_does(parameters, max_norm):
    assert max_norm > 0
    parameters = list(parameters)
    squares = [p.grad.pow(2).sum() for p in parameters if p.grad is not None]
    norm = torch.stack(squares).sum().sqrt() if squares else torch.tensor(0.0)
    factor = min(1.0, float(max_norm / (norm + 1e-6)))
    for p in parameters:
        if p.grad is not None:
            p.grad.detach().mul_(factor)
    return norm


@rubric.alternative
def counts_the_squares(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError(max_norm)
    grads, total = [], 0.0
    for p in parameters:
        if p.grad is None:
            continue
        grads.append(p.grad)
        total += sum(number * number for number in p.grad.flatten().tolist())
    norm = math.sqrt(total)
    if norm > max_norm:
        for g in grads:
            g.copy_(g / norm * max_norm)
    return norm
