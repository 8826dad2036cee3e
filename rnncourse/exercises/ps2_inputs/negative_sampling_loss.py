"""negative_sampling_loss: its visible checks and the mistakes people make."""

from typing import Any

import torch
from torch import nn

from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng
from ...reference import inputs

HUGE = {torch.float64: 1000.0, torch.float32: 200.0}  # exp of these overflows

negative_cases = Cases(
    "negative_sampling_loss",
    ("center", "context", "negatives"),
    # T is K, the number of negatives.
    lambda rng, s: (rng.normal(s.B, s.D), rng.normal(s.B, s.D), rng.normal(s.B, s.T, s.D)),
    batched=("center", "context", "negatives"),
)


def draw_scored(rng: Rng, true: list[float], noise: list[list[float]]) -> tuple:
    """Vectors center (B, D), context (B, D) and negatives (B, K, D) with the given scores."""
    center = rng.normal(len(true), 3)
    unit = center / center.square().sum(dim=1, keepdim=True)  # center . unit = 1
    scores = torch.tensor(noise, dtype=torch.float64).unsqueeze(2)
    context = torch.tensor(true, dtype=torch.float64).unsqueeze(1) * unit
    return center, context, scores * unit.unsqueeze(1)


def observe_huge_scores(subject: Any, rng: Rng) -> dict[str, Any]:
    """Scores that are very wrong or very right, in both dtypes."""
    seen: dict[str, Any] = {}
    for dtype, huge in HUGE.items():
        scores = {
            f"a true pair with the score {-huge:g}": ([-huge, 1.0], [[0.5, -2.0], [0.0, 1.0]]),
            f"a negative with the score {huge:g}": ([1.0, 0.5], [[huge, 0.5], [0.0, 1.0]]),
            f"scores of {huge:g} where they should be, {-huge:g} for the negatives": (
                [huge, huge],
                [[-huge, -1.0], [-huge, -huge]],
            ),
        }
        for text, (true, noise) in scores.items():
            vectors = [vector.to(dtype) for vector in draw_scored(rng, true, noise)]
            seen[f"{str(dtype)[6:]}, {text}"] = attempt(subject, *vectors)
    return seen


exercise = Exercise(
    "negative_sampling_loss",
    "ps2_inputs",
    inputs.negative_sampling_loss,
    points=6,
    properties=(
        negative_cases.shape(0.5),
        negative_cases.values(1.5),
        Property("huge", "huge scores give a finite loss", 1, observe_huge_scores),
    ),
)


@exercise.misconception(
    "You take the log of a sigmoid, and for a very wrong score that is log(0) = -inf. "
    "Use torch.nn.functional.logsigmoid."
)
def takes_the_log_of_a_sigmoid(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -torch.log(torch.sigmoid(true)) - torch.log(torch.sigmoid(-noise)).sum(dim=1)


@exercise.misconception(
    "You clamp the sigmoid or add an epsilon: the worst mistakes then get too small a loss "
    "and no gradient. Use logsigmoid, which needs no such help."
)
def clamps_the_sigmoid(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    positive = torch.sigmoid(true).clamp(min=1e-8)
    negative = torch.sigmoid(-noise).clamp(min=1e-8)
    return -torch.log(positive) - torch.log(negative).sum(dim=1)


@exercise.misconception(
    "You reward high scores for the negatives as well. Theirs should be low: logsigmoid(-score)."
)
def rewards_the_noise(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(noise).sum(dim=1)


@exercise.misconception(
    "You return the objective, which is maximized. A loss is minimized: "
    "put a minus before both logarithms."
)
def returns_the_objective(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return nn.functional.logsigmoid(true) + nn.functional.logsigmoid(-noise).sum(dim=1)


@exercise.misconception(
    "You average over the K negatives. The loss sums over them: more negatives, more to learn from."
)
def averages_the_negatives(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).mean(dim=1)


@exercise.misconception(
    "You average over the batch. Return one loss for each pair, (B,), "
    "and leave the mean to the training loop."
)
def averages_the_batch(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    loss = -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)
    return loss.mean()


@exercise.misconception(
    "You sum over the batch. Return one loss for each pair, (B,); the training loop takes the mean."
)
def sums_the_batch(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    loss = -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)
    return loss.sum()


@exercise.misconception(
    "You compare the negatives with the context. They take the place of the context: "
    "score them with the center."
)
def scores_noise_with_the_context(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * context.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)


@exercise.misconception(
    "You use a softmax over the true word and the negatives. Here each score is judged "
    "by its own sigmoid: true or noise."
)
def uses_a_softmax(center, context, negatives):
    true = (center * context).sum(dim=1, keepdim=True)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -torch.log_softmax(torch.cat([true, noise], dim=1), dim=1)[:, 0]


@exercise.misconception(
    "You leave out the negatives. With true pairs alone, all vectors grow in one direction "
    "and the loss goes to 0."
)
def leaves_out_the_negatives(center, context, negatives):
    return -nn.functional.logsigmoid((center * context).sum(dim=1))


@exercise.misconception(
    "You add up the noise scores before the sigmoid, so they cancel. "
    "Each negative has its own logsigmoid; sum those."
)
def adds_the_scores_first(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise.sum(dim=1))


@exercise.misconception(
    "You use the cosine instead of the scalar product, and the sigmoid of a number from -1 to 1 is "
    "never close to 0 or 1. Do not divide by the lengths."
)
def uses_the_cosine(center, context, negatives):
    true = nn.functional.cosine_similarity(center, context, dim=1)
    noise = nn.functional.cosine_similarity(negatives, center.unsqueeze(1), dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)


@exercise.misconception(
    "You detach the negatives, so nothing pushes noise words away from the center. "
    "Let the gradient reach all three."
)
def does_not_train_the_negatives(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives.detach() * center.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)
