"""l2_penalty: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.harness import training as harness
from ...checks.properties import Cases, attempt
from ...checks.remote import remote
from ...checks.rng import Rng, Sizes
from ...reference import regularization


def draw_parameters(rng: Rng, s: Sizes) -> tuple:
    """Parameters of all kinds of shapes: matrices, a bias, a single number."""
    return (
        (
            rng.normal(s.D, s.H),
            rng.normal(s.H),
            rng.normal(s.B, s.T, s.D),
            rng.normal(),
        ),
    )


l2_cases = Cases("l2_penalty", ("parameters",), draw_parameters, batched=())


def observe_some(subject: Any, rng: Rng) -> dict[str, Any]:
    """One parameter alone, several in a list, one that occurs for itself."""
    W, b, v = rng.normal(3, 4), rng.normal(5), rng.normal(1, 1)
    return {
        "l2_penalty([W])": attempt(subject, [W]),
        "l2_penalty([b])": attempt(subject, [b]),
        "l2_penalty([v, W])": attempt(subject, [v, W]),
    }


def observe_once(subject: Any, rng: Rng) -> dict[str, Any]:
    """Parameters that can be gone through only once, as those of model.parameters()."""
    values = [rng.normal(3, 4), rng.normal(5)]
    run = remote(subject, harness.with_generator)
    return {"l2_penalty(model.parameters())": attempt(run, subject, values)}


exercise = Exercise(
    "l2_penalty",
    "ps7_regularization",
    regularization.l2_penalty,
    points=3,
    properties=(
        l2_cases.shape(0.25),
        l2_cases.values(0.75),
        Property("some", "all or some parameters, as they are given", 0.5, observe_some),
    ),
)


@exercise.misconception(
    "You add up norms. The penalty is the sum of their squares: leave out the root."
)
def adds_up_norms(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([W.norm() for W in parameters]).sum()


@exercise.misconception(
    "You take the root of the sum. The penalty is the square of the norm: leave out the root."
)
def takes_the_root(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([(W**2).sum() for W in parameters]).sum().sqrt()


@exercise.misconception(
    "You average over the entries of each parameter, so a small matrix weighs as much as a large "
    "one. Take the sum."
)
def averages_each_parameter(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([(W**2).mean() for W in parameters]).sum()


@exercise.misconception(
    "You add absolute values, which is the l1 norm. Square the entries: W ** 2."
)
def adds_absolute_values(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([W.abs().sum() for W in parameters]).sum()


@exercise.misconception(
    "You halve the sum, as some books do. Here the penalty is the plain sum of squares."
)
def halves_the_sum(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([(W**2).sum() for W in parameters]).sum() / 2


@exercise.misconception(
    "You add up the entries and then square, so that opposite signs cancel. "
    "Square each entry first."
)
def squares_the_sum(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([W.sum() ** 2 for W in parameters]).sum()


@exercise.misconception(
    "Of no parameters at all you make a penalty of 0, which hides that model.parameters() was used "
    "up. Raise a ValueError."
)
def accepts_nothing(parameters):
    return sum((W**2).sum() for W in parameters)


@exercise.misconception(
    "`not parameters` is only true of an empty list; what model.parameters() gives is never false, "
    "empty or not. Make the list of squares first, and ask whether that is empty."
)
def asks_the_generator(parameters):
    if not parameters:
        raise ValueError("there are no parameters")
    return sum((W**2).sum() for W in parameters)


@exercise.misconception(
    "You leave the biases out. That is a choice for the caller, who gives all parameters or some: "
    "take what you are given."
)
def leaves_out_the_biases(parameters):
    return sum((W**2).sum() for W in parameters if W.dim() > 1)


@exercise.misconception(
    "You take only the last parameter: your sum starts anew for each. Add all of them up."
)
def keeps_the_last_only(parameters):
    penalty = None
    for W in parameters:
        penalty = (W**2).sum()
    if penalty is None:
        raise ValueError("there are no parameters")
    return penalty


@exercise.misconception(
    "You return a Python number, from which no gradient flows. Return the tensor: "
    "leave out .item()."
)
def returns_a_number(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return sum((W**2).sum().item() for W in parameters)


@exercise.misconception(
    "Your penalty has the right value and no gradient: .data and .detach() cut it off. "
    "Use the parameters themselves."
)
def detaches_the_parameters(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([(W.detach() ** 2).sum() for W in parameters]).sum()


@exercise.misconception(
    "You go through the parameters twice, but model.parameters() can be read only once: "
    "the second time there are none. Make a list of it first."
)
def reads_them_twice(parameters):
    if sum(1 for _ in parameters) == 0:
        raise ValueError("there are no parameters")
    return sum((W**2).sum() for W in parameters)
