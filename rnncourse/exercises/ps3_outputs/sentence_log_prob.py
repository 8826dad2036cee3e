"""sentence_log_prob: its visible checks and the mistakes people make.

Logits and targets are random; sentences differ in length.
"""

import math
from collections.abc import Callable
from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt, call
from ...checks.rng import Rng, Sizes
from ...reference import outputs
from ...reference.inputs import sequence_mask
from ._shared import LONG, draw_lengths


def draw_predictions(rng: Rng, s: Sizes) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, targets and a mask; D is the size of the vocabulary."""
    return (
        rng.normal(s.B, s.T, s.D, scale=3),
        rng.integers(0, s.D, s.B, s.T),
        sequence_mask(draw_lengths(rng, s.B, s.T), s.T),
    )


log_prob_cases = Cases(
    "sentence_log_prob",
    ("logits", "targets", "mask"),
    draw_predictions,
    batched=("logits", "targets", "mask"),
)


def with_rubbish(
    logits: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor, rubbish: float, target: int
) -> tuple:
    """The same predictions with other logits and targets in the padding."""
    return (
        logits.masked_fill(~mask.unsqueeze(2), rubbish),
        targets.masked_fill(~mask, target),
        mask.clone(),
    )


def observe_rubbish_predictions(run: Callable[..., Any]) -> Callable[[Any, Rng], dict[str, Any]]:
    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        predictions = draw_predictions(rng, rng.sizes(T=LONG))
        size = predictions[0].shape[2]
        seen: dict[str, Any] = {}
        for rubbish, target in ((5.0, 0), (math.nan, -100), (math.inf, size), (-math.inf, -1)):
            args = with_rubbish(*predictions, rubbish, target)
            text = f"in the padding, logits {rubbish:g} and targets {target}"
            seen[text] = attempt(run, subject, *args)
        return seen

    return observe


observe_log_prob_padding = observe_rubbish_predictions(call)


exercise = Exercise(
    "sentence_log_prob",
    "ps3_outputs",
    outputs.sentence_log_prob,
    points=6,
    properties=(
        log_prob_cases.shape(0.5),
        log_prob_cases.values(1.5),
        Property(
            "padding", "the content of the padding does not count", 1, observe_log_prob_padding
        ),
    ),
)


@exercise.misconception(
    "You add up the padding as well, so a sentence seems less likely because another one is "
    "longer. Leave out the positions where mask is False."
)
def counts_the_padding(logits, targets, mask):
    log_p = torch.log_softmax(logits, dim=2)
    return log_p.gather(2, targets.unsqueeze(2)).squeeze(2).sum(dim=1)


@exercise.misconception(
    "You blank the padding with a product, and 0 times nan is nan. "
    "Replace targets and logits there before you look them up: masked_fill."
)
def multiplies_log_p_by_the_mask(logits, targets, mask):
    log_p = torch.log_softmax(logits, dim=2)
    words = targets.clamp(0, logits.shape[2] - 1).unsqueeze(2)
    refused = (targets < 0) | (targets >= logits.shape[2])
    if (refused & mask).any():
        raise ValueError("a target is not a word")
    return (log_p.gather(2, words).squeeze(2) * mask).sum(dim=1)


@exercise.misconception(
    "You return the mean over the words. The log of a sentence's probability is the sum."
)
def averages_over_the_words(logits, targets, mask):
    log_p = torch.log_softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1))
    total = log_p.new_zeros(mask.shape).masked_scatter(mask, log_p.squeeze(1)).sum(dim=1)
    return total / mask.sum(dim=1)


@exercise.misconception(
    "Your sign is that of a loss. The log of a probability is at most 0: leave out the minus."
)
def returns_the_loss(logits, targets, mask):
    log_p = torch.log_softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1))
    return -log_p.new_zeros(mask.shape).masked_scatter(mask, log_p.squeeze(1)).sum(dim=1)


@exercise.misconception(
    "You return the probability itself, which underflows to 0 for a long sentence. "
    "Return its logarithm."
)
def returns_the_probability(logits, targets, mask):
    log_p = torch.log_softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1))
    return log_p.new_zeros(mask.shape).masked_scatter(mask, log_p.squeeze(1)).sum(dim=1).exp()


@exercise.misconception(
    "Your softmax runs over time, so the words of a sentence compete with each other. "
    "The probabilities of the V words at one position sum to 1: dim=2."
)
def normalizes_over_time(logits, targets, mask):
    logits = logits.masked_fill(~mask.unsqueeze(2), 0)
    log_p = torch.log_softmax(logits, dim=1)
    words = targets.masked_fill(~mask, 0).unsqueeze(2)
    return log_p.gather(2, words).squeeze(2).masked_fill(~mask, 0).sum(dim=1)


@exercise.misconception(
    "You add up the scores as they are. A score is not a log-probability "
    "until the logsumexp of all V scores is subtracted."
)
def skips_the_softmax(logits, targets, mask):
    score = logits[mask].gather(1, targets[mask].unsqueeze(1)).squeeze(1)
    return score.new_zeros(mask.shape).masked_scatter(mask, score).sum(dim=1)


@exercise.misconception(
    "You take the log of a softmax, which is log 0 for an unlikely word. "
    "Use log_softmax, or score minus logsumexp."
)
def takes_the_log_afterwards(logits, targets, mask):
    p = torch.softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1)).squeeze(1)
    return p.new_zeros(mask.shape).masked_scatter(mask, p.log()).sum(dim=1)


@exercise.misconception(
    "You exponentiate the scores as they are, and exp(1000) is infinite. "
    "Use log_softmax, or subtract the largest score first."
)
def exponentiates_large_scores(logits, targets, mask):
    score = logits[mask]
    log_p = score.gather(1, targets[mask].unsqueeze(1)).squeeze(1) - score.exp().sum(dim=1).log()
    return log_p.new_zeros(mask.shape).masked_scatter(mask, log_p).sum(dim=1)


@exercise.misconception(
    "You multiply the probabilities first; for a long sentence the product underflows to 0. "
    "Sum the logarithms instead."
)
def takes_the_log_of_the_product(logits, targets, mask):
    p = torch.log_softmax(logits[mask], dim=1).exp().gather(1, targets[mask].unsqueeze(1))
    return p.new_ones(mask.shape).masked_scatter(mask, p.squeeze(1)).prod(dim=1).log()


@exercise.misconception(
    "Your logarithm has the base 2. Here it is the natural one, as in the lecture's loss."
)
def counts_in_bits(logits, targets, mask):
    log_p = torch.log_softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1))
    total = log_p.new_zeros(mask.shape).masked_scatter(mask, log_p.squeeze(1)).sum(dim=1)
    return total / torch.log(torch.tensor(2.0, dtype=logits.dtype))


@exercise.misconception(
    "You return one number for the whole batch. Return one for each sentence, (B,): sum over dim=1."
)
def sums_over_the_whole_batch(logits, targets, mask):
    return torch.log_softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1)).sum()


@exercise.misconception(
    "You look up the targets of the padding as well, and they may not be words at all. "
    "Take the words first, `logits[mask]` and `targets[mask]`, or fill them with masked_fill."
)
def looks_up_the_padding(logits, targets, mask):
    log_p = torch.log_softmax(logits, dim=2)
    return (log_p.gather(2, targets.unsqueeze(2)).squeeze(2) * mask).sum(dim=1)


@exercise.misconception(
    "You shift the targets once more. targets[:, t] is what logits[:, t] should have predicted: "
    "they are already aligned."
)
def shifts_once_more(logits, targets, mask):
    logits, targets, mask = logits[:, :-1], targets[:, 1:], mask[:, 1:]
    log_p = torch.log_softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1))
    return log_p.new_zeros(mask.shape).masked_scatter(mask, log_p.squeeze(1)).sum(dim=1)


@exercise.misconception(
    "You take the probability of the likeliest word, not of the target. Look up the target's."
)
def looks_up_the_likeliest_word(logits, targets, mask):
    log_p = torch.log_softmax(logits[mask], dim=1).amax(dim=1)
    return log_p.new_zeros(mask.shape).masked_scatter(mask, log_p).sum(dim=1)


@exercise.misconception(
    "Your indexing takes a target of -1 for the last word. "
    "gather refuses a target that is not a word, and so should you."
)
def counts_from_the_end(logits, targets, mask):
    log_p = torch.log_softmax(logits[mask], dim=1)
    log_p = log_p[torch.arange(len(log_p)), targets[mask]]
    return log_p.new_zeros(mask.shape).masked_scatter(mask, log_p).sum(dim=1)


@exercise.misconception(
    "Your result has no graph, so no model can be trained to make sentences likely. "
    "Leave out detach, item and no_grad."
)
def breaks_the_graph(logits, targets, mask):
    log_p = torch.log_softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1))
    return log_p.new_zeros(mask.shape).masked_scatter(mask, log_p.squeeze(1)).sum(dim=1).detach()
