"""Hidden tests of problem set 0, warm-up."""

from typing import Any

import torch

from rnncourse.checks import ps0_warmup as ps0
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases, attempt
from rnncourse.checks.pytree import copied
from rnncourse.checks.rng import Rng

# --- softmax ------------------------------------------------------------------------------------

masked_cases = Cases(
    "softmax",
    ("scores", "dim"),
    lambda rng, s: (ps0.masked(rng, s.B), 1),
    batched=("scores",),
)


def observe_dims(subject: Any, rng: Rng) -> dict[str, Any]:
    """Other numbers of dimensions, and dimensions counted from the end."""
    s = rng.sizes()
    four = rng.normal(s.B, s.T, s.D, s.H)
    return {
        **ps0.weights(subject, rng.normal(s.T), 0),
        **ps0.weights(subject, rng.normal(s.B, s.T, s.D), -2),
        **ps0.weights(subject, rng.normal(s.B, s.T, s.D), -3),
        **ps0.weights(subject, four, 2),
        **ps0.weights(subject, four, 0),
        **ps0.weights(subject, rng.normal(s.B, 1, s.D), 1),
        **ps0.weights(subject, rng.normal(s.B, s.T, 1), 1),
    }


def observe_shifts(subject: Any, rng: Rng) -> dict[str, Any]:
    """softmax(s + k) = softmax(s), another k for each row."""
    s = rng.sizes()
    scores = rng.normal(s.B, s.T)
    seen = {}
    for size in (0, 5, 1e4):
        shifts = size * torch.linspace(-1, 1, s.B, dtype=torch.float64).unsqueeze(1)
        text = f"each row shifted by a number from {-size:g} to {size:g}"
        seen[text] = attempt(lambda shifts=shifts: subject(scores + shifts, 1))
    return seen


# --- numeric_gradient ---------------------------------------------------------------------------


def observe_copies(subject: Any, rng: Rng) -> dict[str, Any]:
    """An f that destroys what it is given."""
    f, x = ps0.cubic(rng, 3, 2), ps0.on_a_grid(rng, 3, 2)
    kept = x.clone()

    def greedy(given):
        value = f(given).item()
        given.zero_()
        return value

    result = attempt(lambda: copied(subject(greedy, x, 0.125)))
    return {
        "f sets what it is given to 0, the gradient": result,
        "f sets what it is given to 0, and x": (
            "stays what it was" if torch.equal(x, kept) else "is changed"
        ),
    }


def observe_moves(subject: Any, rng: Rng) -> dict[str, Any]:
    """Where f is called: every number once up and once down, all others where they are."""
    f, x, eps = ps0.cubic(rng, 3, 2), ps0.on_a_grid(rng, 3, 2), 0.125
    kept = x.clone()
    up, down, other, unmoved = set(), set(), 0, 0

    def watching(given):
        nonlocal other, unmoved
        moves = given.detach().double() - kept if given.shape == kept.shape else torch.ones(3, 2)
        places = [tuple(place) for place in moves.nonzero().tolist()]
        if len(places) == 1 and abs(abs(float(moves[places[0]])) - eps) < 1e-4:
            (up if moves[places[0]] > 0 else down).add(places[0])
        elif places:
            other += 1
        else:
            unmoved += 1
        return f(given)

    subject(watching, x, eps)
    numbers = f"of the {kept.numel()} numbers of x, moved"
    return {
        "f is called": bool(up or down or other or unmoved),
        f"{numbers} up by eps, alone": len(up),
        f"{numbers} down by eps, alone": len(down),
        "calls of f with anything else": other,
    }


def observe_functions(subject: Any, rng: Rng) -> dict[str, Any]:
    """Functions of other kinds."""
    x, W = rng.normal(3, 2), rng.normal(2, 4)
    calls = {
        "f a layer and a norm": (lambda x: torch.tanh(x @ W).square().sum().sqrt(), x),
        "f the product of all numbers": (lambda x: x.prod(), ps0.on_a_grid(rng, 3, 2)),
        "f the logarithm of a sum of exponentials": (lambda x: x.logsumexp((0, 1)), x),
        "f constant, the integer 3": (lambda x: 3, x),
        "f of numbers in the hundreds": (lambda x: (x**2).sum() / 200, 300 + x),
        "f of a vector of one number": (lambda x: x.exp().item(), rng.normal(1)),
    }
    return {
        text: attempt(lambda f=f, at=at: subject(f, at.clone())) for text, (f, at) in calls.items()
    }


HIDDEN: dict[str, tuple[Property, ...]] = {
    "softmax": (
        masked_cases.gradient(1),
        Property("dims", "scores may have any number of dimensions", 0.5, observe_dims),
        Property("shifts", "what is added to a whole row changes nothing", 0.75, observe_shifts),
        ps0.softmax_cases.dtype(0.25),
    ),
    "numeric_gradient": (
        Property("copies", "f gets a tensor of its own at each call", 0.75, observe_copies),
        Property("moves", "each number is moved up and down, alone", 0.75, observe_moves),
        Property("functions", "f may be any function", 1, observe_functions),
    ),
}
