"""dad_dataset: hidden tests and alternative right answers."""

from typing import Any

import torch

from rnncourse.checks.compare import Raised, kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, part
from rnncourse.checks.pytree import copied, tensors
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps6_decoding.dad_dataset import dad_cases, draw_dad, linear_system

from .. import Rubric


def observe_words(subject: Any, rng: Rng) -> dict[str, Any]:
    """Sequences of words (B, T), with a state that is a tuple of tuples."""
    V = 11
    xs = rng.integers(0, V, 3, 5)
    old = rng.integers(0, V, 2, 4), rng.integers(0, V, 2, 4)
    count = torch.zeros(3, dtype=torch.int64)

    def step(x, state):
        (count,) = state[0]
        return (3 * x + count + 1) % V, ((count + 1,),)

    result = attempt(subject, step, ((count,),), xs, *old)
    return {"inputs": part(result, 0), "targets": part(result, 1)}


def observe_short(subject: Any, rng: Rng) -> dict[str, Any]:
    """T = 2, where the model is not asked for anything, and T = 1, where there is no next step."""
    step, state, xs, *_ = draw_dad(rng, rng.sizes())
    old = xs[:, :1], xs[:, 1:2]
    seen = {"T = 2": attempt(subject, step, state, xs[:, :2], *old)}
    result = attempt(subject, step, state, xs[:, :1], *old)
    refused = isinstance(result, Raised) and result.type == "ValueError"
    seen["T = 1"] = "refused with a ValueError" if refused else f"got {kind(result)}"
    return seen


def observe_no_graph(subject: Any, rng: Rng) -> dict[str, str]:
    """What comes back is data, though the model has weights that are being trained."""
    step, state, *args = draw_dad(rng, rng.sizes(T=4))
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)

    def trained(x, state):
        x, state = step(x, state)
        return weight * x, state

    returned = tensors(subject(trained, state, *args))
    recorded = any(tensor.requires_grad for tensor in returned)
    return {
        "tensors that come back": str(len(returned)),
        "they": "hang on a graph" if recorded else "are plain data",
    }


def observe_rounds(subject: Any, rng: Rng) -> dict[str, Any]:
    """Three rounds, each with another model."""
    s = rng.sizes()
    _, state, xs, *_ = draw_dad(rng, s)
    inputs, targets = xs[:, :-1], xs[:, 1:]
    seen: dict[str, Any] = {}
    for number in (1, 2, 3):
        step = linear_system(rng, s.D, s.H)
        inputs, targets = subject(step, state, xs, inputs, targets)
        seen[f"the inputs after round {number}"] = copied(inputs)
        seen[f"the targets after round {number}"] = copied(targets)
    return seen


rubric = Rubric(
    (
        Property("rounds", "the data set grows from round to round", 0.5, observe_rounds),
        Property("words", "words (B, T) and nested states work", 0.5, observe_words),
        Property("short", "T = 2 works, T = 1 is refused", 0.25, observe_short),
        Property("graph", "what comes back is data, without a graph", 0.25, observe_no_graph),
        dad_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def writes_into_zeros(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    new = torch.zeros_like(xs[:, 1:])
    new[:, 0] = xs[:, 0]
    with torch.no_grad():
        for t in range(1, new.shape[1]):
            new[:, t], state = step(new[:, t - 1].clone(), state)
    return torch.cat([inputs, new], dim=0), torch.cat([targets, xs[:, 1:]], dim=0)


@rubric.alternative
def rolls_out_by_recursion(step, state, xs, inputs, targets):
    if xs.size(1) <= 1:
        raise ValueError("nothing comes next")

    def rest(x, state, n):
        if n == 0:
            return []
        predicted, state = step(x, state)
        predicted = predicted.detach()
        return [predicted, *rest(predicted, state, n - 1)]

    path = [xs[:, 0], *rest(xs[:, 0], state, xs.size(1) - 2)]
    return torch.vstack([inputs, torch.stack(path, dim=1)]), torch.vstack([targets, xs[:, 1:]])


@rubric.alternative
@torch.no_grad()
def grows_the_path(step, state, xs, inputs, targets):
    T = xs.shape[1]
    if T < 2:
        raise ValueError(f"T = {T}")
    path = xs[:, :1]
    while path.shape[1] < T:  # one prediction more than is needed
        x, state = step(path[:, -1], state)
        path = torch.cat([path, x.unsqueeze(1)], dim=1)
    pairs = [*zip(inputs, targets, strict=True), *zip(path[:, :-1], xs[:, 1:], strict=True)]
    return torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])
