"""dropout_mask: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.compare import Raised, kind
from ...checks.entries import judging
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng
from ...reference import regularization
from ._shared import generator, how_alike, how_often, numbers

MANY = (30, 1, 700)


mask_cases = Cases(
    "dropout_mask",
    ("shape", "p", "seed of the generator", "like"),
    lambda rng, s: ((s.B, s.T, s.D), 0.5, 1, rng.normal(s.H)),
    batched=(),
    run=lambda subject, shape, p, seed, like: subject(shape, p, generator(subject, seed), like),
)


def observe_entries(subject: Any, rng: Rng) -> dict[str, Any]:
    """Large masks; with p = 0.5 for how they hang together, with others for how often they drop."""
    seen: dict[str, Any] = {}
    for p in (0.3, 0.8, 0.5):
        mask = attempt(lambda p=p: subject(MANY, p, generator(subject, 7), rng.normal(2)))
        if not isinstance(mask, torch.Tensor):
            seen[f"the mask for p = {p}"] = mask if isinstance(mask, Raised) else kind(mask)
            continue
        seen[f"the mask for p = {p}"] = f"a tensor of shape {tuple(mask.shape)}"
        if mask.shape != MANY:
            continue
        seen[f"its numbers for p = {p}"] = numbers(mask)
        if p != 0.5:
            seen[f"its share of zeros for p = {p}"] = how_often(mask == 0, p)
        else:
            seen["its entries in a row are"] = how_alike(mask == 0, 2)
            seen["its entries in a column are"] = how_alike(mask == 0, 0)
    return seen


def observe_zero(subject: Any, rng: Rng) -> Any:
    """With p = 0 there is nothing to drop."""
    return {"p = 0": attempt(lambda: subject((2, 3), 0.0, generator(subject, 1), rng.normal(1)))}


def draw_bad_probabilities(rng: Rng) -> dict[str, tuple]:
    return {f"where p is {p}": ((2, 3), p, 1, rng.normal(4).abs()) for p in (1.0, 1.5, -0.1)}


exercise = Exercise(
    "dropout_mask",
    "ps7_regularization",
    regularization.dropout_mask,
    points=3,
    properties=(
        Property(
            "entries",
            "every entry is 0 or 1 / (1 - p)",
            0.75,
            observe_entries,
            judging("the mask*", "its numbers*"),
        ),
        Property(
            "share",
            "an entry is 0 with probability p",
            0.5,
            observe_entries,
            judging("the mask*", "its share*"),
        ),
        mask_cases.refuses(0.25, draw_bad_probabilities),
    ),
)


@exercise.misconception(
    "You keep and drop, but do not scale: in training less arrives than without dropout. "
    "Divide what is kept by 1 - p."
)
def forgets_to_scale(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).to(like)


@exercise.misconception(
    "You divide by p. A share of 1 - p is kept, so what keeps the mean is dividing by 1 - p."
)
def divides_by_p(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).to(like) / p


@exercise.misconception(
    "You multiply what is kept by 1 - p, which shrinks it twice. Divide by 1 - p."
)
def multiplies_instead_of_dividing(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).to(like) * (1 - p)


@exercise.misconception(
    "You take p for the probability to keep. Here it is the probability to drop: "
    "keep where the random number is at least p, and divide by 1 - p."
)
def takes_p_for_keeping(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if p == 0:
        return torch.ones(shape).to(like)
    return (torch.rand(shape, generator=generator) < p).to(like) / p


@exercise.misconception(
    "Your comparison is the wrong way round: `rand < p` is true with probability p, "
    "so you keep what should go. Keep where `rand >= p`."
)
def keeps_what_should_go(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) < p).to(like) / (1 - p)


@exercise.misconception(
    "You return `like` after dropout. Return the mask itself: `like` only says which dtype and "
    "device it has."
)
def drops_like_itself(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return like * (torch.rand(like.shape, generator=generator) >= p) / (1 - p)


@exercise.misconception(
    "Your mask has the shape of `like`. It must have the shape that is asked for."
)
def takes_the_shape_of_like(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(like.shape, generator=generator) >= p).to(like) / (1 - p)


@exercise.misconception(
    "You draw noise around 1 from a normal distribution. That is another regularizer; "
    "dropout's mask has only two numbers, 0 and 1 / (1 - p)."
)
def draws_gaussian_noise(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    noise = torch.randn(shape, generator=generator).to(like)
    return 1 + noise * (p / (1 - p)) ** 0.5


@exercise.misconception(
    "You let p = 1 through, and 0 / 0 is nan. Refuse every p that is not 0 <= p < 1, "
    "with a ValueError."
)
def refuses_nothing(shape, p, generator, like):
    return (torch.rand(shape, generator=generator) >= p).to(like) / (1 - p)


@exercise.misconception(
    "You refuse p = 0, which is a good probability: the mask is all ones, and nothing is dropped."
)
def refuses_zero(shape, p, generator, like):
    if not 0 < p < 1:
        raise ValueError("p must be above 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).to(like) / (1 - p)


@exercise.misconception(
    "You draw from torch's global source and leave the generator alone, so a run cannot be "
    "repeated. Hand it on: torch.rand(shape, generator=generator)."
)
def ignores_the_generator(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape) >= p).to(like) / (1 - p)


@exercise.misconception(
    "`torch.nn.functional.dropout` draws from the global source and cannot be given the generator. "
    "Compare torch.rand(shape, generator=generator) with p."
)
def calls_functional_dropout(shape, p, generator, like):
    return torch.nn.functional.dropout(torch.ones(shape).to(like), p)


@exercise.misconception(
    "You seed the generator in every call, so every mask is the same. Its seed is the caller's: "
    "only draw from it."
)
def seeds_the_generator(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator.manual_seed(0)) >= p).to(like) / (1 - p)


@exercise.misconception(
    "You toss one coin for each row of the mask. Every entry has a coin of its own."
)
def drops_whole_rows(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    kept = torch.rand((*shape[:-1], 1), generator=generator) >= p
    return kept.expand(shape).to(like) / (1 - p)


@exercise.misconception(
    "Your mask is float32 whatever `like` is, and float64 times float32 is not what it seems. "
    "Give it the dtype of `like`: kept.to(like)."
)
def always_float32(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).float() / (1 - p)
