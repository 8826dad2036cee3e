"""scheduled_inputs: its visible checks and the mistakes people make.

Words and predictions differ everywhere, so that each place shows where its word is from.
"""

from typing import Any

import torch

from ...checks.compare import Raised, kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng, Sizes
from ...checks.statistics import looks_like
from ...reference import exposure
from ._shared import run_with_generator


def draw_scheduled(rng: Rng, s: Sizes) -> tuple:
    """Words and predictions that differ everywhere, epsilon and a seed."""
    targets = rng.integers(0, 50, s.B, s.T)
    return targets, targets + rng.integers(1, 50, s.B, s.T), 0.5, 7


scheduled_cases = Cases(
    "scheduled_inputs",
    ("targets", "predictions", "epsilon", "generator with seed"),
    draw_scheduled,
    batched=("targets", "predictions"),
    run=run_with_generator,
)


def observe_extremes(subject: Any, rng: Rng) -> dict[str, Any]:
    """Without chance: ordinary training, and only the model's own words."""
    targets, predictions, _, seed = draw_scheduled(rng, rng.sizes())
    return {
        f"epsilon={epsilon}: {text}": attempt(
            run_with_generator, subject, targets.clone(), predictions.clone(), epsilon, seed
        )
        for epsilon, text in ((1.0, "the true words"), (0.0, "the model's own"))
    }


def tossed(subject: Any, rng: Rng, B: int, T: int, epsilon: float) -> torch.Tensor | str:
    """Where a large result (B, T) has the true word; in words if a place has neither."""
    targets, predictions, _, seed = draw_scheduled(rng, Sizes(B, T, 1, 1))
    result = attempt(run_with_generator, subject, targets, predictions, epsilon, seed + B)
    if not isinstance(result, torch.Tensor) or result.shape != targets.shape:
        return repr(result) if isinstance(result, Raised) else kind(result)
    true = result == targets
    if not (true | (result == predictions)).all():
        return "words that are neither the true ones nor the predicted ones"
    return true


def observe_tosses(subject: Any, rng: Rng) -> dict[str, str]:
    seen: dict[str, Any] = {}
    for epsilon in (0.25, 0.5, 0.9):
        name = true = tossed(subject, rng, 60, 100, epsilon)
        if isinstance(true, torch.Tensor):
            count = int(true.sum())
            candidates = {
                "the true word with probability epsilon": (epsilon, 1 - epsilon),
                "the true word with probability 1 - epsilon": (1 - epsilon, epsilon),
                "only true words": (1.0, 0.0),
                "only predictions": (0.0, 1.0),
                "the true word with probability 0.5": (0.5, 0.5),
            }
            name = looks_like((count, true.numel() - count), candidates)
        seen[f"epsilon={epsilon}, {60 * 100} words"] = name
    return seen


def observe_places(subject: Any, rng: Rng) -> dict[str, str]:
    """Each place has its own coin: all of a row or a column are alike with probability 2^-60."""
    true = tossed(subject, rng, 60, 61, 0.5)
    if isinstance(true, str):
        return {"epsilon=0.5": true}

    def mixed(dim: int) -> str:
        alike = (true.all(dim=dim) | (~true).all(dim=dim)).any()
        return "some are all true or all predicted" if alike else "each has words of both kinds"

    pairs = torch.stack([true[:, 0::2][:, :30], true[:, 1::2]])
    return {
        "epsilon=0.5, the sentences": mixed(1),
        "epsilon=0.5, the time steps": mixed(0),
        "epsilon=0.5, neighbours in time": (
            "always alike" if (pairs[0] == pairs[1]).all() else "alike or not"
        ),
    }


exercise = Exercise(
    "scheduled_inputs",
    "ps6_decoding",
    exposure.scheduled_inputs,
    points=3,
    properties=(
        Property(
            "extremes", "epsilon 1 and epsilon 0 leave nothing to chance", 0.5, observe_extremes
        ),
        Property("tosses", "the true word comes with probability epsilon", 0.5, observe_tosses),
        Property("places", "every place has a coin of its own", 0.5, observe_places),
    ),
)


@exercise.misconception(
    "Your epsilon is the probability of the model's own word. It is that of the true one: "
    "1 is ordinary training."
)
def turns_epsilon_round(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is not a probability")
    own = torch.rand(targets.shape, generator=generator) < epsilon
    return torch.where(own, predictions, targets)


@exercise.misconception(
    "You toss one coin for each sentence. Toss one for each word: a (B, T) of random numbers."
)
def tosses_for_each_sentence(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is not a probability")
    coins = torch.rand(len(targets), generator=generator) < epsilon
    return torch.where(coins.view(-1, *[1] * (targets.dim() - 1)), targets, predictions)


@exercise.misconception(
    "You toss one coin for a time step of the whole batch. Toss one for each word of each sentence."
)
def tosses_for_each_time_step(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is not a probability")
    coins = torch.rand(targets.shape[-1], generator=generator) < epsilon
    return torch.where(coins, targets, predictions)


@exercise.misconception(
    "You toss a single coin for everything. Each word needs its own: a (B, T) of random numbers."
)
def tosses_once(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is not a probability")
    coin = torch.rand(1, generator=generator) < epsilon
    return torch.where(coin, targets, predictions)


@exercise.misconception(
    "You average the numbers of two words, which gives the number of a third. Choose one of them."
)
def averages_words(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is not a probability")
    return (epsilon * targets + (1 - epsilon) * predictions).to(targets.dtype)


@exercise.misconception(
    "You toss with probability 0.5 whatever epsilon is. Compare uniform numbers with epsilon."
)
def tosses_a_fair_coin(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is not a probability")
    fair = torch.randint(2, targets.shape, generator=generator).bool()
    return torch.where(fair, targets, predictions)


@exercise.misconception(
    "You leave the generator out, so nobody can repeat a training run. "
    "Pass it on: torch.rand(shape, generator=generator)."
)
def tosses_without_the_generator(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is not a probability")
    return torch.where(torch.rand(targets.shape) < epsilon, targets, predictions)


@exercise.misconception(
    "You do not check what you are given: torch broadcasts shapes that differ, and an epsilon "
    "of 1.1 passes. Raise a ValueError first."
)
def tosses_without_looking(targets, predictions, epsilon, generator):
    coins = torch.rand(targets.shape, generator=generator) < epsilon
    return torch.where(coins, targets, predictions)
