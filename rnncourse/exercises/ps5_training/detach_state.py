"""detach_state: its visible checks and the mistakes people make.

A state is a tensor or a tuple, its numbers random.
"""

from typing import Any

import torch

from ...checks.compare import Raised, kind
from ...checks.entries import judging, judging_all_but
from ...checks.exercise import Exercise, Property
from ...checks.properties import attempt
from ...checks.pytree import copied, tensors
from ...checks.rng import Rng
from ...reference import training


def form(value: Any) -> str:
    """The nesting of a state in words."""
    if isinstance(value, torch.Tensor):
        return f"tensor {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__}({', '.join(map(form, value))})"
    return kind(value)


def detached(subject: Any, state: Any, text: str) -> dict[str, Any]:
    """The form and the numbers of a detached state, and whether a gradient passes."""
    for tensor in tensors(state):
        tensor.requires_grad_()
    result = attempt(subject, state)
    failed = isinstance(result, Raised)
    # The inputs require a gradient, so that a state returned as it is shows.
    passes = [tensor.requires_grad for tensor in tensors(result)]
    return {
        f"{text}: its form": result if failed else form(result),
        f"{text}: its numbers": copied(result),
        f"{text}: whether a gradient passes": result if failed else passes,
    }


def observe_detached(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    h, c = rng.normal(s.B, s.H), rng.normal(s.B, s.H)
    return {
        **detached(subject, rng.normal(s.B, s.H), "a state h"),
        **detached(subject, (h, c), "a state (h, c)"),
    }


exercise = Exercise(
    "detach_state",
    "ps5_training",
    training.detach_state,
    points=2,
    properties=(
        Property(
            "same",
            "the numbers and the form stay the same",
            0.5,
            observe_detached,
            judging_all_but("*passes"),
        ),
        Property(
            "stops",
            "no gradient passes",
            0.5,
            observe_detached,
            judging("*passes"),
        ),
    ),
)


@exercise.misconception(
    "You return the state with its history, which clone() keeps as well. A tensor's detach() gives "
    "the same numbers without it."
)
def returns_it_as_it_is(state):
    return state


@exercise.misconception(
    "You detach the first entry of a tuple only, and the gradient goes on through the others. "
    "Detach each of them."
)
def detaches_the_first(state):
    if isinstance(state, tuple):
        return (detaches_the_first(state[0]), *state[1:])
    return state.detach()


@exercise.misconception(
    "You take every state for a tuple, and going through a tensor gives its rows. "
    "Ask first: isinstance(state, tuple)."
)
def takes_it_for_a_tuple(state):
    return tuple(
        part.detach() if isinstance(part, torch.Tensor) else takes_it_for_a_tuple(part)
        for part in state
    )


@exercise.misconception(
    "You begin again from zeros, so what was read so far is forgotten. Only the gradient is to "
    "stop: the numbers go on."
)
def begins_again(state):
    if isinstance(state, tuple):
        return tuple(begins_again(part) for part in state)
    return torch.zeros_like(state)


@exercise.misconception(
    "You return a list. A state that came as a tuple goes as a tuple: the cell asks for one."
)
def returns_a_list(state):
    if isinstance(state, tuple):
        return [returns_a_list(part) for part in state]
    return state.detach()


@exercise.misconception(
    "Your detach_() cuts the history off the state that you were given, which others may still "
    "need. Without the underscore, it makes a new one."
)
def cuts_in_place(state):
    if isinstance(state, tuple):
        return tuple(cuts_in_place(part) for part in state)
    return state.detach_()


@exercise.misconception(
    "A tuple may hold tuples, and yours stops at the first level. Let the function call itself "
    "for each entry."
)
def knows_one_level(state):
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return state.detach()
