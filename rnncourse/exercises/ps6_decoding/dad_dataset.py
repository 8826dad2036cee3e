"""dad_dataset: its visible checks and the mistakes people make.

The model is a random linear system with a state.
"""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt, part
from ...checks.pytree import copied
from ...checks.rng import Rng, Sizes
from ...reference import exposure


def linear_system(rng: Rng, D: int, H: int) -> Callable[..., Any]:
    """A model of the next x that remembers: its state (B, H) is moved by what it reads."""
    A, U, R = rng.normal(D, D, scale=0.5), rng.normal(H, D), rng.normal(D, H, scale=0.5)

    def linear_model(x, state):
        predicted = x @ A.to(x.dtype) + state @ U.to(x.dtype)
        return predicted, state / 2 + x @ R.to(x.dtype)

    return linear_model


def draw_dad(rng: Rng, s: Sizes) -> tuple:
    """M = B + 2 sequences are in the data set already; T is large enough to go astray."""
    T = s.T + 2
    step = linear_system(rng, s.D, s.H)
    old = rng.normal(s.B + 2, T - 1, s.D), rng.normal(s.B + 2, T - 1, s.D)
    return step, rng.normal(s.B, s.H), rng.normal(s.B, T, s.D), *old


dad_cases = Cases(
    "dad_dataset",
    ("step", "state", "xs", "inputs", "targets"),
    draw_dad,
    batched=("state", "xs"),
)


def observe_rollout(subject: Any, rng: Rng) -> dict[str, Any]:
    """What step reads: x_1, then its own predictions, with the state it returned."""
    s = rng.sizes()
    step, *args = draw_dad(rng, s)
    seen: dict[str, Any] = {}
    count = 0

    def recording(x, state):
        nonlocal count
        count += 1
        if count <= s.T:
            seen[f"call {count} of step, its x"] = copied(x)
            seen[f"call {count} of step, its state"] = copied(state)
        return step(x, state)

    attempt(subject, recording, *args)
    # The prediction after the last new input has no use: it may be made or not.
    return {**seen, f"enough calls for T = {s.T + 2}": s.T <= count <= s.T + 1}


def observe_targets(subject: Any, rng: Rng) -> dict[str, Any]:
    args = draw_dad(rng, rng.sizes())
    return {"targets": part(attempt(subject, *args), 1)}


exercise = Exercise(
    "dad_dataset",
    "ps6_decoding",
    exposure.dad_dataset,
    points=4,
    properties=(
        dad_cases.shape(0.25),
        dad_cases.values(1, "the old pairs, then (own prediction → true next)"),
        Property("rollout", "the model reads its own predictions", 0.5, observe_rollout),
        Property("targets", "the targets are the true next ones", 0.5, observe_targets),
    ),
)


@exercise.canonical
@torch.no_grad()
def dad_dataset(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    new = [xs[:, 0]]
    for _ in range(xs.shape[1] - 2):
        x, state = step(new[-1], state)
        new.append(x)
    return torch.cat([inputs, torch.stack(new, 1)]), torch.cat([targets, xs[:, 1:]])


exercise.near_miss(
    "reads_the_truth",
    "You let the model read the true x_t, so it never leaves the true path. "
    "Let it read its own prediction of the step before.",
    """
    -    for _ in range(xs.shape[1] - 2):
    -        x, state = step(new[-1], state)
    +    for t in range(xs.shape[1] - 2):
    +        x, state = step(xs[:, t], state)
    """,
)


@exercise.misconception(
    "Your new targets are the model's own next predictions, so it learns what it does already. "
    "The target of x^_t is the TRUE x_{t+1}."
)
@torch.no_grad()
def targets_its_own_predictions(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    own = [xs[:, 0]]
    for _ in range(xs.shape[1] - 1):
        x, state = step(own[-1], state)
        own.append(x)
    own = torch.stack(own, 1)
    return torch.cat([inputs, own[:, :-1]]), torch.cat([targets, own[:, 1:]])


@exercise.misconception(
    "Your targets are one step late: x^_t is where the model is at t, so it must learn x_{t+1}. "
    "Begin the new inputs with x_1."
)
@torch.no_grad()
def pairs_one_step_late(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    x, new = xs[:, 0], []
    for _ in range(xs.shape[1] - 1):
        x, state = step(x, state)
        new.append(x)
    return torch.cat([inputs, torch.stack(new, 1)]), torch.cat([targets, xs[:, 1:]])


exercise.near_miss(
    "replaces_the_data",
    "You return the new pairs alone, so the next fit forgets the true data. "
    "Add them to those you were given, along the batch.",
    """
    -    return torch.cat([inputs, torch.stack(new, 1)]), torch.cat([targets, xs[:, 1:]])
    +    return torch.stack(new, 1), xs[:, 1:]
    """,
)


exercise.near_miss(
    "forgets_earlier_rounds",
    "You add the new sequences to the TRUE ones, xs, not to the data set so far: "
    "what earlier rounds have added gets lost. Extend inputs and targets.",
    """
    -    return torch.cat([inputs, torch.stack(new, 1)]), torch.cat([targets, xs[:, 1:]])
    +    new = torch.stack(new, 1)
    +    return torch.cat([xs[:, :-1], new]), torch.cat([xs[:, 1:], xs[:, 1:]])
    """,
)


exercise.near_miss(
    "restarts_the_state",
    "You give every step the initial state, so the model forgets the path that it is on. "
    "Pass on the state that step returned.",
    """
    -        x, state = step(new[-1], state)
    +        x, _ = step(new[-1], state)
    """,
)


exercise.near_miss(
    "puts_the_new_first",
    "You put the new sequences before the old ones. Add them at the end: torch.cat([old, new]).",
    """
    -    return torch.cat([inputs, torch.stack(new, 1)]), torch.cat([targets, xs[:, 1:]])
    +    return torch.cat([torch.stack(new, 1), inputs]), torch.cat([xs[:, 1:], targets])
    """,
)


exercise.near_miss(
    "keeps_the_graph",
    "Your new inputs hang on the graph of the model that made them. They are data: "
    "roll out under torch.no_grad().",
    """
    -@torch.no_grad()
    """,
)
