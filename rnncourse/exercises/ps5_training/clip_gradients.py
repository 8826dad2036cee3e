"""clip_gradients: its visible checks and the mistakes people make.

Parameters live beside the student's code and get drawn gradients of a known total norm.
"""

import math
from typing import Any

import torch

from ...checks.entries import judging, judging_all_but
from ...checks.exercise import Exercise, Property
from ...checks.harness import training as harness
from ...checks.properties import attempt
from ...checks.remote import remote
from ...checks.rng import Rng
from ...reference import training


def clipped(
    subject: Any, gradients: list[Any], max_norm: float, text: str, once: bool = True
) -> dict[str, Any]:
    """What clipping parameters with these gradients returns, and their values afterwards.

    once: the parameters can be iterated over only once, as those of a model.
    """
    run = remote(subject, harness.clipped)
    seen = attempt(run, subject, gradients, max_norm, once)
    if not isinstance(seen, dict):
        seen = dict.fromkeys(("returned", "gradients", "weights"), seen)
    returned = seen.get("returned")
    if isinstance(returned, torch.Tensor) and returned.numel() == 1:
        returned = float(returned.detach())
    if isinstance(returned, float) and math.isnan(returned):
        returned = "nan"
    return {
        f"{text}: what is returned": returned,
        f"{text}: the gradients": seen.get("gradients"),
        f"{text}: the weights": seen.get("weights"),
    }


def draw_gradients(rng: Rng, norm: float) -> list[torch.Tensor]:
    """The gradients of three parameters, as one long vector of this norm."""
    s = rng.sizes()
    drawn = [rng.normal(s.D, s.H), rng.normal(s.H), rng.normal(1, s.T, s.B)]
    length = torch.cat([gradient.flatten() for gradient in drawn]).norm()
    return [gradient * norm / length for gradient in drawn]


def observe_long_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for norm, max_norm, once in ((5.0, 1.0, False), (40.0, 12.0, True)):
        text = f"three gradients, together of norm {norm:g}, and max_norm={max_norm:g}"
        text += ", parameters as model.parameters() gives them" if once else ", parameters a list"
        seen |= clipped(subject, draw_gradients(rng, norm), max_norm, text, once)
    return seen


def observe_short_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    text = "three gradients, together of norm 0.6, and max_norm=2"
    return clipped(subject, draw_gradients(rng, 0.6), 2.0, text)


def observe_absent_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    first, *rest = draw_gradients(rng, 5.0)
    return clipped(subject, [None, first, None, *rest], 1.0, "two of five parameters have no grad")


exercise = Exercise(
    "clip_gradients",
    "ps5_training",
    training.clip_gradients,
    points=5,
    properties=(
        Property(
            "long",
            "too long a gradient gets the length max_norm and keeps its direction",
            1.25,
            observe_long_gradients,
            judging_all_but("*returned"),
        ),
        Property(
            "returned",
            "the norm before clipping is returned",
            0.75,
            observe_long_gradients,
            judging("*returned"),
        ),
        Property("short", "a gradient that is short enough stays", 0.5, observe_short_gradients),
        Property("absent", "parameters without a gradient", 0.5, observe_absent_gradients),
    ),
    forbids=("torch.nn.utils.clip_grad_norm_", "torch.nn.utils.clip_grad.clip_grad_norm_"),
)


@exercise.canonical
def clip_gradients(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return norm


@exercise.misconception(
    "You clip each parameter by its own norm, which turns the direction. There is one norm, over "
    "all gradients together, and one factor for all."
)
def clips_each_parameter(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    total = torch.zeros(())
    for p in parameters:
        if p.grad is not None:
            norm = p.grad.norm()
            total = (total**2 + norm**2) ** 0.5
            if norm > max_norm:
                p.grad *= max_norm / norm
    return total


@exercise.misconception(
    "You measure and clip each parameter by itself, which turns the direction, and return the norm "
    "of the last one. There is one norm, over all gradients together, and one factor for all."
)
def clips_each_and_returns_the_last(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    norm = torch.zeros(())
    for p in parameters:
        if p.grad is not None:
            norm = p.grad.norm()
            if norm > max_norm:
                p.grad *= max_norm / norm
    return norm


@exercise.misconception(
    "You cut off each number by itself, which turns the direction. Multiply all of them by the "
    "same factor."
)
def cuts_off_each_number(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    total = torch.zeros(())
    for p in parameters:
        if p.grad is not None:
            total = (total**2 + p.grad.norm() ** 2) ** 0.5
            p.grad.clamp_(-max_norm, max_norm)
    return total


@exercise.misconception(
    "You stretch short gradients to max_norm as well. It is an upper limit: change them only "
    "where norm > max_norm."
)
def stretches_short_gradients(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = sum((g**2).sum() for g in grads) ** 0.5
    if norm > 0 and max_norm < math.inf:
        for g in grads:
            g *= max_norm / norm
    return torch.as_tensor(norm)


exercise.near_miss(
    "returns_the_norm_after",
    "You return the norm after clipping, which is never more than max_norm. Return the one before.",
    """
                 g *= max_norm / norm
    +        norm = norm * 0 + max_norm
    """,
)


@exercise.misconception(
    "You go through the parameters twice, but model.parameters() can be read only once: the second "
    "loop sees nothing. Make a list first."
)
def reads_the_parameters_twice(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    norm = sum((p.grad**2).sum() for p in parameters if p.grad is not None) ** 0.5
    if norm > max_norm:
        for p in parameters:
            if p.grad is not None:
                p.grad *= max_norm / norm
    return torch.as_tensor(norm)


exercise.near_miss(
    "adds_up_norms",
    "You add up the norms of the parameters. The norm of everything is the root of the sum of "
    "their squares.",
    """
    -    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    +    norm = torch.as_tensor(sum(g.norm() for g in grads))
    """,
)


exercise.near_miss(
    "forgets_the_root",
    "You forget the root: a norm is the square root of the sum of the squares.",
    """
    -    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    +    norm = torch.as_tensor(sum((g**2).sum() for g in grads))
    """,
)


exercise.near_miss(
    "trips_over_absent_gradients",
    "Parameters that took no part in the loss have grad None, and your code trips over them. "
    "Leave them out.",
    """
    -    grads = [p.grad for p in parameters if p.grad is not None]
    +    grads = [p.grad for p in parameters]
    """,
)


exercise.near_miss(
    "multiplies_by_the_inverse",
    "You multiply by norm / max_norm, which makes long gradients longer still. It is the other "
    "way round: max_norm / norm.",
    """
    -            g *= max_norm / norm
    +            g *= norm / max_norm
    """,
)


exercise.near_miss(
    "shortens_copies",
    "You assign a shorter tensor to a name of your own; the parameters keep theirs. Change p.grad "
    "in place, with mul_ or *=.",
    """
    -        for g in grads:
    -            g *= max_norm / norm
    +        grads = [g * max_norm / norm for g in grads]
    """,
)


@exercise.misconception(
    "You shorten the weights instead of their gradients. Change p.grad, and leave p alone."
)
def shortens_the_weights(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    trained = [p for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((p.grad**2).sum() for p in trained)) ** 0.5
    if norm > max_norm:
        for p in trained:
            p.data *= max_norm / norm
    return norm


@exercise.misconception(
    "You return the factor. Return the norm before clipping: it tells how wild the training is."
)
def returns_the_factor(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    factor = max_norm / norm if norm > max_norm else norm * 0 + 1
    for g in grads:
        g *= factor
    return factor


@exercise.misconception(
    "With a gradient of 0 you divide by 0, and every weight becomes nan at the next step. "
    "Divide only where norm > max_norm."
)
def divides_by_zero(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    for g in grads:
        g *= norm.clamp(max=max_norm) / norm
    return norm


exercise.near_miss(
    "accepts_any_max_norm",
    "You accept a max_norm of 0 or less, which would erase the gradient or turn it round. "
    "Raise a ValueError.",
    """
    -    if not max_norm > 0:
    -        raise ValueError("max_norm must be positive")
    """,
)
