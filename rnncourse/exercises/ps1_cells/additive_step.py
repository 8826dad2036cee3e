"""additive_step: its visible checks and the mistakes people make."""

import torch

from ...checks.exercise import Exercise
from ...checks.forbidden import RECURRENT
from ...checks.properties import Cases
from ...checks.rng import Rng
from ...reference import cells

additive_cases = Cases(
    "additive_step",
    ("x", "h"),
    lambda rng, s: (rng.normal(s.B, s.H), rng.normal(s.B, s.H)),
    batched=("x", "h"),
)


def draw_bad_sizes(rng: Rng) -> dict[str, tuple]:
    s = rng.sizes()
    return {
        # torch would silently broadcast the first two.
        "where D is 1": (rng.normal(s.B, 1), rng.normal(s.B, s.H)),
        "where H is 1": (rng.normal(s.B, s.D), rng.normal(s.B, 1)),
        "where D is not H": (rng.normal(s.B, s.D), rng.normal(s.B, s.H)),
    }


exercise = Exercise(
    "additive_step",
    "ps1_cells",
    cells.additive_step,
    points=2,
    properties=(
        additive_cases.shape(0.125),
        additive_cases.values(0.75),
        additive_cases.refuses(0.25, draw_bad_sizes),
    ),
    forbids=RECURRENT,
)


@exercise.misconception(
    "Your function adds whatever torch can broadcast, so an input of size 1 slips through. "
    "Compare the shapes first and raise a ValueError where they differ."
)
def adds_without_looking(x, h):
    return x + h


@exercise.misconception(
    "You divide the sum by 2, so each step halves the past. Keep all of it: h' = x + h."
)
def averages(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return (x + h) / 2


@exercise.misconception(
    "You multiply x and h, so a single 0 would erase the memory for good. Add them: h' = x + h."
)
def multiplies(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return x * h


@exercise.misconception(
    "You put an activation around the sum. This network does not have one yet: return x + h itself."
)
def squashes_the_sum(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return torch.tanh(x + h)


@exercise.misconception(
    "You return the input and drop the past. The new state is the old one plus the input: x + h."
)
def forgets_the_state(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return x.clone()


@exercise.misconception(
    "You concatenate x and h, which makes a state of D + H numbers. "
    "Add them elementwise, so that the state keeps its H numbers."
)
def concatenates(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return torch.cat([x, h], dim=1)


@exercise.misconception(
    "Your += writes the sum into the caller's h, so the old state is lost. "
    "Return a new tensor: x + h."
)
def adds_into_the_old_state(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    h += x
    return h
