"""numeric_gradient: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, using
from rnncourse.checks.pytree import copied
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps0_warmup.numeric_gradient import Function, cubic, on_a_grid

from .. import Rubric


def observe_copies(subject: Any, rng: Rng) -> dict[str, Any]:
    """An f that overwrites its argument."""
    f, x = cubic(rng, 3, 2), on_a_grid(rng, 3, 2)
    original = x.clone()

    def overwriting(x: torch.Tensor) -> float:
        value = f(x).item()
        x.zero_()
        return value

    gradient = using(attempt(subject, overwriting, x, 0.125), copied)
    return {
        "f sets what it is given to 0, the gradient": gradient,
        "f sets what it is given to 0, and x": (
            "stays what it was" if torch.equal(x, original) else "is changed"
        ),
    }


def observe_moves(subject: Any, rng: Rng) -> dict[str, Any]:
    """Where f is called: each number moved up and down, with all others unchanged."""
    f, x, eps = cubic(rng, 3, 2), on_a_grid(rng, 3, 2), 0.125
    original = x.clone()
    up: set[tuple[int, ...]] = set()
    down: set[tuple[int, ...]] = set()
    other, unmoved = 0, 0

    def watching(x: torch.Tensor) -> Any:
        nonlocal other, unmoved
        same_shape = x.shape == original.shape
        moves = x.detach().double() - original if same_shape else torch.ones(3, 2)
        moved = [tuple(index) for index in moves.nonzero().tolist()]
        if len(moved) == 1 and abs(abs(float(moves[moved[0]])) - eps) < 1e-4:
            (up if moves[moved[0]] > 0 else down).add(moved[0])
        elif moved:
            other += 1
        else:
            unmoved += 1
        return f(x)

    subject(watching, x, eps)
    numbers = f"of the {original.numel()} numbers of x, moved"
    return {
        "f is called": bool(up or down or other or unmoved),
        f"{numbers} up by eps, alone": len(up),
        f"{numbers} down by eps, alone": len(down),
        "calls of f with anything else": other,
    }


def observe_functions(subject: Any, rng: Rng) -> dict[str, Any]:
    x, W = rng.normal(3, 2), rng.normal(2, 4)
    calls: dict[str, tuple[Function, torch.Tensor]] = {
        "f a layer and a norm": (lambda x: torch.tanh(x @ W).square().sum().sqrt(), x),
        "f the product of all numbers": (lambda x: x.prod(), on_a_grid(rng, 3, 2)),
        "f the logarithm of a sum of exponentials": (lambda x: x.logsumexp((0, 1)), x),
        "f constant, the integer 3": (lambda x: 3, x),
        "f of numbers in the hundreds": (lambda x: (x**2).sum() / 200, 300 + x),
        "f of a vector of one number": (lambda x: x.exp().item(), rng.normal(1)),
    }
    return {text: attempt(subject, f, point.clone()) for text, (f, point) in calls.items()}


rubric = Rubric(
    (
        Property("copies", "f gets a tensor of its own at each call", 0.75, observe_copies),
        Property("moves", "each number is moved up and down, alone", 0.75, observe_moves),
        Property("functions", "f may be any function", 1, observe_functions),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def steps_along_an_identity_matrix(f, x, eps=1e-6):
    x = x.detach()
    steps = eps * torch.eye(x.numel(), dtype=x.dtype)
    slopes = [
        (float(f(x + step.reshape(x.shape))) - float(f(x - step.reshape(x.shape)))) / (2 * eps)
        for step in steps
    ]
    return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)


@rubric.alternative
def walks_through_all_index_tuples(f, x, eps=1e-6):
    import itertools

    gradient = torch.zeros_like(x.detach())
    for index in itertools.product(*map(range, x.shape)):
        up, down = x.detach().clone(), x.detach().clone()
        up[index] += eps
        down[index] -= eps
        gradient[index] = (f(up) - f(down)) / (2 * eps)
    return gradient


@rubric.alternative
def rebuilds_x_from_a_list(f, x, eps=1e-6):
    numbers = x.detach().flatten().tolist()

    def at(i, number):
        moved = [*numbers[:i], number, *numbers[i + 1 :]]
        return float(f(torch.tensor(moved, dtype=x.dtype).reshape(x.shape)))

    slopes = [(at(i, n + eps) - at(i, n - eps)) * 0.5 / eps for i, n in enumerate(numbers)]
    return torch.tensor(slopes, dtype=x.dtype).view(x.shape)


@rubric.alternative
def averages_both_one_sided_slopes(f, x, eps=1e-6):
    import numpy as np

    center = x.detach().numpy()
    value = float(f(torch.from_numpy(center.copy())))
    gradient = np.zeros_like(center)
    for index in np.ndindex(center.shape):
        sides = []
        for step in (eps, -eps):
            moved = center.copy()
            moved[index] += step
            sides.append((float(f(torch.from_numpy(moved))) - value) / step)
        gradient[index] = sum(sides) / 2
    return torch.from_numpy(gradient)
