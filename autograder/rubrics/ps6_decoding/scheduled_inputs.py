"""scheduled_inputs: hidden tests and alternative right answers."""

import math
from typing import Any

import torch

from rnncourse.checks.compare import Raised, kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps6_decoding._shared import run_with_generator
from rnncourse.exercises.ps6_decoding.scheduled_inputs import (
    draw_scheduled,
    scheduled_cases,
)

from .. import Rubric
from ._shared import SOURCE, observe_source, untouched


def observe_one_step(subject: Any, rng: Rng) -> dict[str, Any]:
    """Words (B,) of one time step."""
    B = 400
    targets, predictions = rng.integers(0, 50, B), rng.integers(50, 99, B)
    seen: dict[str, Any] = {}
    for epsilon in (0.0, 0.5, 1.0):
        result = attempt(run_with_generator, subject, targets, predictions, epsilon, 3)
        if not isinstance(result, torch.Tensor) or result.shape != targets.shape:
            seen[f"({B},) words, epsilon={epsilon}"] = (
                repr(result) if isinstance(result, Raised) else kind(result)
            )
            continue
        true, own = (result == targets), (result == predictions)
        name = {(True, False): "all true", (False, True): "all predicted"}.get(
            (bool(true.all()), bool(own.all())),
            "of both kinds" if (true | own).all() else "others",
        )
        seen[f"({B},) words, epsilon={epsilon}"] = name
    return seen


def draw_tossed(subject: Any, rng: Rng, source: Any) -> Any:
    targets, predictions, *_ = draw_scheduled(rng, rng.sizes(B=9, T=10))
    return subject(targets, predictions, 0.5, source)


def draw_bad_tosses(rng: Rng) -> dict[str, tuple]:
    targets, predictions, _, seed = draw_scheduled(rng, rng.sizes())
    return {
        "where predictions have one time step": (targets, predictions[:, :1], 0.5, seed),
        "where epsilon is above 1": (targets, predictions, 1.1, seed),
        "where epsilon is below 0": (targets, predictions, -0.1, seed),
        "where epsilon is nan": (targets, predictions, math.nan, seed),
    }


rubric = Rubric(
    (
        Property("source", SOURCE, 0.5, observe_source(draw_tossed, kind)),
        Property("step", "one time step (B,) works as well", 0.25, observe_one_step),
        scheduled_cases.refuses(0.5, draw_bad_tosses),
        untouched(scheduled_cases, 0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def draws_with_bernoulli(targets, predictions, epsilon, generator):
    if targets.size() != predictions.size() or not (0 <= epsilon <= 1):
        raise ValueError("the shapes must agree, and epsilon must be a probability")
    p = torch.full(targets.shape, float(epsilon))
    true = torch.bernoulli(p, generator=generator).bool()
    return targets.where(true, predictions)


@rubric.alternative
def writes_over_the_truth(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape:
        raise ValueError("the shapes differ")
    if epsilon < 0 or epsilon > 1 or epsilon != epsilon:
        raise ValueError("epsilon is not a probability")
    own = torch.rand(targets.shape, generator=generator) >= epsilon
    mixed = targets.clone()
    mixed[own] = predictions[own]
    return mixed


@rubric.alternative
def tosses_word_by_word(targets, predictions, epsilon, generator):
    assert targets.shape == predictions.shape and 0 <= epsilon <= 1
    words = [
        t if torch.rand((), generator=generator).item() < epsilon else p
        for t, p in zip(targets.flatten().tolist(), predictions.flatten().tolist(), strict=True)
    ]
    return torch.tensor(words, dtype=targets.dtype).view(targets.shape)


@rubric.alternative
def multiplies_by_the_coin(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("the shapes must agree, and epsilon must be a probability")
    coin = (torch.empty(targets.shape).uniform_(generator=generator) < epsilon).to(targets.dtype)
    return coin * targets + (1 - coin) * predictions
