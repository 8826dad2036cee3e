"""l2_penalty: hidden tests and alternative right answers."""

from typing import Any

import torch

from rnncourse.checks.compare import Raised, kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.harness import training as harness
from rnncourse.checks.properties import attempt
from rnncourse.checks.remote import remote
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps7_regularization.l2_penalty import l2_cases, observe_once

from .. import Rubric


def observe_no_parameters(subject: Any, rng: Rng) -> dict[str, str]:
    """An empty list, and the generator of a model without parameters, which is never false."""
    run = remote(subject, harness.with_generator)
    seen: dict[str, Any] = {}
    for text, call in {
        "l2_penalty([])": lambda: subject([]),
        "l2_penalty(model.parameters()) of a model without any": lambda: run(subject, []),
    }.items():
        result = attempt(call)
        refused = isinstance(result, Raised)
        seen[text] = "refused with an exception" if refused else f"accepted: {kind(result)}"
    # A function that refuses everything refuses nothing.
    good = attempt(subject, [rng.normal(2, 3)])
    seen["good input"] = repr(good) if isinstance(good, Raised) else "accepted"
    return seen


rubric = Rubric(
    (
        l2_cases.gradient(0.5),
        Property("once", "parameters that can be read only once are enough", 0.5, observe_once),
        Property("refuses", "no parameters at all are refused", 0.25, observe_no_parameters),
        l2_cases.dtype(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def adds_up_in_a_loop(parameters):
    penalty = None
    for W in parameters:
        square = W.pow(2).sum()
        penalty = square if penalty is None else penalty + square
    if penalty is None:
        raise ValueError("no parameters")
    return penalty


@rubric.alternative
def joins_all_parameters(parameters):
    everything = torch.cat([W.reshape(-1) for W in parameters])  # refuses an empty list
    return everything @ everything


@rubric.alternative
def squares_the_norms(parameters):
    norms = [torch.linalg.vector_norm(W) for W in parameters]
    if len(norms) == 0:
        raise ValueError("nothing to penalize")
    return torch.stack(norms).square().sum()


@rubric.alternative
def adds_with_sum(parameters):
    parameters = list(parameters)
    assert parameters, "there are no parameters"
    return sum(torch.einsum("i,i->", W.flatten(), W.flatten()) for W in parameters)
