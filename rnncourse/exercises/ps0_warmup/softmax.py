"""softmax: its visible checks and the mistakes people make.

Scores are random; some are so large that exp overflows, and some rows are masked with -inf.
"""

import math
from typing import Any

import torch

from ...checks.compare import kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt, using
from ...checks.rng import Rng
from ...reference import warmup

SOFTMAX = (
    "torch.softmax",
    "torch.log_softmax",
    "torch.Tensor.softmax",
    "torch.Tensor.log_softmax",
    "torch.special.softmax",
    "torch.special.log_softmax",
    "torch.nn.functional.softmax",
    "torch.nn.functional.log_softmax",
    "torch.nn.Softmax",
    "torch.nn.LogSoftmax",
)


softmax_cases = Cases(
    "softmax",
    ("scores", "dim"),
    lambda rng, s: (rng.normal(s.B, s.T, s.D), 1),
    batched=("scores",),
)


def masked(rng: Rng, B: int) -> torch.Tensor:
    """Scores (B, 5); in each row one to three are -inf."""
    scores = rng.normal(B, 5)
    for row in scores:
        count = int(rng.integers(1, 4, 1))
        row[torch.randperm(5, generator=rng.generator)[:count]] = -math.inf
    return scores


def weights(subject: Any, scores: torch.Tensor, *dim: int) -> dict[str, Any]:
    """What softmax(scores, dim) gives, under the call as a student reads it."""
    text = ", ".join([f"scores {tuple(scores.shape)}", *(f"dim={axis}" for axis in dim)])
    return {f"softmax({text})": attempt(subject, scores, *dim)}


def observe_weights(subject: Any, rng: Rng) -> dict[str, Any]:
    """Along every dimension of a matrix and of a tensor with three."""
    s = rng.sizes()
    return {
        **weights(subject, rng.normal(s.B, s.T), 1),
        **weights(subject, rng.normal(s.B, s.T), 0),
        **weights(subject, rng.normal(s.B, s.T, s.D), 1),
        **weights(subject, rng.normal(1, s.T), -1),
        **weights(subject, rng.normal(s.B, s.T)),
    }


def observe_sums(subject: Any, rng: Rng) -> dict[str, Any]:
    """The sums along dim and the range; the numbers themselves are judged elsewhere."""
    s = rng.sizes()
    seen: dict[str, Any] = {}
    for scores, dim in (
        (3 * rng.normal(s.B, s.T), 1),
        (3 * rng.normal(s.B, s.T), 0),
        (3 * rng.normal(s.B, s.T, s.D), 1),
    ):
        for text, result in weights(subject, scores, dim).items():
            seen[f"{text}, its sums along dim"] = using(result, _sums, dim)
            seen[f"{text}, from 0 to 1"] = using(result, _range)
    return seen


def _sums(weights: Any, dim: int) -> Any:
    return weights.sum(dim) if isinstance(weights, torch.Tensor) else kind(weights)


def _range(weights: Any) -> str:
    if not isinstance(weights, torch.Tensor):
        return kind(weights)
    inside = (weights >= 0) & (weights <= 1 + 1e-5)
    return "all weights" if inside.all() else "not all weights"


def observe_large(subject: Any, rng: Rng) -> dict[str, Any]:
    """Scores whose exponentials overflow, or all of whose exponentials are 0."""
    s = rng.sizes()
    scores = rng.normal(s.B, s.T)
    far = torch.linspace(-1000, 1000, s.B, dtype=torch.float64).unsqueeze(1)
    calls = {
        "scores near 1000": scores + 1000,
        "scores near -1000": scores - 1000,
        "rows from -1000 to 1000": scores + far,
        "float32 scores near 100": (scores + 100).float(),
    }
    return {text: attempt(subject, values, 1) for text, values in calls.items()}


def observe_masked(subject: Any, rng: Rng) -> dict[str, Any]:
    B = rng.sizes().B
    single_score = torch.tensor([[-math.inf, -3.0, -math.inf]], dtype=torch.float64)
    calls = {
        "-inf at some positions of each row": (masked(rng, B), 1),
        "-inf at some positions of each column, dim=0": (masked(rng, B).T.contiguous(), 0),
        "-inf everywhere but at one position": (single_score, 1),
    }
    return {text: attempt(subject, *args) for text, args in calls.items()}


def observe_empty(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes(B=3)
    scores = rng.normal(s.B, s.T)
    scores[1] = -math.inf
    return {"row 1 of the scores is -inf throughout": attempt(subject, scores, 1)}


exercise = Exercise(
    "softmax",
    "ps0_warmup",
    warmup.softmax,
    points=6,
    properties=(
        Property("sums", "weights are from 0 to 1 and sum to 1 along dim", 0.5, observe_sums),
        Property("values", "the weights are right along any dim", 0.75, observe_weights),
        Property("large", "scores of any size work", 1.25, observe_large),
        Property("masked", "a score of -inf gets the weight 0", 0.5, observe_masked),
        Property("empty", "where all scores are -inf, all weights are 0", 0.25, observe_empty),
        softmax_cases.pure(0.25),
    ),
    forbids=SOFTMAX,
)


@exercise.misconception(
    "Where all scores are -inf you get nan, from -inf - (-inf) or from 0 / 0. "
    "Put 0 in place of such a maximum and 1 in place of a sum of 0."
)
def leaves_nan_where_all_is_masked(scores, dim=-1):
    exps = torch.exp(scores - scores.amax(dim, keepdim=True))
    return exps / exps.sum(dim, keepdim=True)


@exercise.misconception(
    "Your exp overflows: exp(1000) is infinite, and inf / inf is nan. "
    "Subtract the maximum along dim before exp; the weights stay the same."
)
def forgets_the_maximum(scores, dim=-1):
    exps = torch.exp(scores)
    return exps / exps.sum(dim, keepdim=True)


@exercise.misconception(
    "You guard against a sum of 0, but exp(1000) is still infinite, and inf / inf is nan. "
    "Subtract the maximum along dim before exp."
)
def guards_the_sum_alone(scores, dim=-1):
    exps = torch.exp(scores)
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@exercise.misconception(
    "You subtract one maximum for the whole tensor, and rows far below it vanish. "
    "Each row along dim needs its own: `scores.amax(dim, keepdim=True)`."
)
def takes_one_maximum_for_all(scores, dim=-1):
    exps = torch.exp(scores - scores.max())
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@exercise.misconception(
    "You cut large scores off, so all that are above the limit tie. "
    "Subtract the maximum along dim instead: it changes nothing, and exp stays below 1."
)
def clamps_large_scores(scores, dim=-1):
    exps = torch.exp(scores.clamp(max=80.0))
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@exercise.misconception(
    "You always work along the last dimension. Pass the given `dim` to amax and sum."
)
def ignores_dim(scores, dim=-1):
    m = scores.amax(-1, keepdim=True)
    exps = torch.exp(scores - m.masked_fill(m == -torch.inf, 0))
    total = exps.sum(-1, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@exercise.misconception(
    "You divide by the sum over the whole tensor. "
    "Sum along dim only, `sum(dim, keepdim=True)`: each row is a choice of its own."
)
def sums_over_everything(scores, dim=-1):
    m = scores.amax(dim, keepdim=True)
    exps = torch.exp(scores - m.masked_fill(m == -torch.inf, 0))
    return exps / exps.sum()


@exercise.misconception(
    "Your amax and sum drop the dimension dim, and torch then aligns the wrong ones. "
    "Write keepdim=True in both, so that it stays, with size 1."
)
def drops_the_dimension(scores, dim=-1):
    exps = torch.exp(scores - scores.amax(dim))
    return exps / exps.sum(dim)


@exercise.misconception(
    "You divide the scores themselves by their sum, but scores may be negative. "
    "Apply exp first: it makes every number positive."
)
def leaves_out_the_exponential(scores, dim=-1):
    return scores / scores.sum(dim, keepdim=True)


@exercise.misconception(
    "You squash each score for itself, so the weights do not compete and do not sum to 1. "
    "Divide exp of each score by the sum of them all."
)
def squashes_each_score(scores, dim=-1):
    return torch.sigmoid(scores)


@exercise.misconception(
    "You return the logarithms of the weights. Apply exp to them, or divide instead of subtracting."
)
def returns_logarithms(scores, dim=-1):
    m = scores.amax(dim, keepdim=True)
    shifted = scores - m.masked_fill(m == -torch.inf, 0)
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


@exercise.misconception(
    "You return the exponentials without dividing by their sum, so they do not sum to 1 yet."
)
def forgets_to_divide(scores, dim=-1):
    m = scores.amax(dim, keepdim=True)
    return torch.exp(scores - m.masked_fill(m == -torch.inf, 0))


@exercise.misconception(
    "Where all scores are -inf you share the weight out evenly. "
    "There is nothing to choose from, so all weights are 0 there."
)
def shares_out_where_all_is_masked(scores, dim=-1):
    scores = scores.clamp(min=torch.finfo(scores.dtype).min)
    exps = torch.exp(scores - scores.amax(dim, keepdim=True))
    return exps / exps.sum(dim, keepdim=True)


@exercise.misconception("Your -= writes into the caller's scores. Make a new tensor: `scores - m`.")
def shifts_in_place(scores, dim=-1):
    m = scores.amax(dim, keepdim=True)
    scores -= m.masked_fill(m == -torch.inf, 0)
    exps = torch.exp(scores)
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@exercise.misconception(
    "You detach the scores, so no gradient comes back and nothing below can learn. "
    "Only the maximum may be detached."
)
def cuts_the_gradient(scores, dim=-1):
    scores = scores.detach()
    m = scores.amax(dim, keepdim=True)
    exps = torch.exp(scores - m.masked_fill(m == -torch.inf, 0))
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@exercise.misconception(
    "You detach the sum, so the gradient does not know that the weights compete. "
    "Only the maximum may be detached."
)
def detaches_the_sum(scores, dim=-1):
    m = scores.detach().amax(dim, keepdim=True)
    exps = torch.exp(scores - m.masked_fill(m == -torch.inf, 0))
    total = exps.detach().sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)
