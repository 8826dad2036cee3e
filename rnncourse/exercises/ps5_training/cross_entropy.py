"""cross_entropy: its visible checks and the mistakes people make.

Logits and targets are random; sentences differ in length and have padding.
"""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng, Sizes
from ...reference import training


def draw_mask(rng: Rng, B: int, T: int) -> torch.Tensor:
    """Sentences of different lengths, of which the first has padding (unless T is 1)."""
    lengths = rng.integers(1, T + 1, B)
    lengths[-1] = T
    lengths[0] = (T + 1) // 2
    return torch.arange(T) < lengths.unsqueeze(1)


def draw_logits(rng: Rng, s: Sizes) -> tuple:
    logits = rng.normal(s.B, s.T, s.D, scale=2)
    return logits, rng.integers(0, s.D, s.B, s.T), draw_mask(rng, s.B, s.T)


loss_cases = Cases("cross_entropy", ("logits", "targets", "mask"), draw_logits, batched=())


def widened(args: tuple, columns: int, logit: float, target: int) -> tuple:
    """The same sentences with more padding, all of it filled with these values."""
    logits, targets, mask = args
    B, _, V = logits.shape
    logits = torch.cat([logits, logits.new_zeros(B, columns, V)], dim=1)
    targets = torch.cat([targets, targets.new_zeros(B, columns)], dim=1)
    mask = torch.cat([mask, mask.new_zeros(B, columns)], dim=1)
    return (
        logits.masked_fill(~mask.unsqueeze(2), logit),
        targets.masked_fill(~mask, target),
        mask,
    )


def observe_amounts(subject: Any, rng: Rng) -> dict[str, Any]:
    args = draw_logits(rng, rng.sizes())
    return {
        f"the same sentences in a batch {columns} columns wider": attempt(
            subject, *widened(args, columns, 3.0, 0)
        )
        for columns in (0, 2, 17)
    }


def observe_huge(subject: Any, rng: Rng) -> dict[str, Any]:
    logits, targets, mask = draw_logits(rng, rng.sizes())
    return {
        text: attempt(subject, change(logits), targets, mask)
        for text, change in (
            ("logits of several thousand, up and down", lambda logits: 2000 * logits),
            ("every logit 1000 larger", lambda logits: logits + 1000),
        )
    }


def observe_smoothing(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for s, smoothing in ((rng.sizes(), 0.1), (rng.sizes(B=1), 0.4), (rng.sizes(D=1), 0.1)):
        args = draw_logits(rng, s)
        seen[f"{loss_cases.text(args)} with label_smoothing={smoothing}"] = attempt(
            subject, *args, label_smoothing=smoothing
        )
    return seen


exercise = Exercise(
    "cross_entropy",
    "ps5_training",
    training.cross_entropy,
    points=6,
    properties=(
        loss_cases.values(1.25, "the mean over all tokens, each counting the same"),
        Property("amount", "more padding changes nothing", 0.75, observe_amounts),
        Property("huge", "huge logits are handled", 0.5, observe_huge),
        Property("smoothing", "extension: label_smoothing", 1, observe_smoothing),
    ),
    forbids=(
        "torch.nn.functional.cross_entropy",
        "torch.nn.functional.nll_loss",
        "torch.nn.CrossEntropyLoss",
        "torch.nn.NLLLoss",
    ),
)


@exercise.canonical
def cross_entropy(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@exercise.misconception(
    "You set the padding to 0 and divide by B * T, so more padding makes the loss smaller. "
    "Divide by the number of tokens, mask.sum()."
)
def divides_by_all_places(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(dim=2)
    surprise = -log_p.gather(2, targets.masked_fill(~mask, 0).unsqueeze(2)).squeeze(2)
    mean = -log_p.mean(dim=2)
    blend = (1 - label_smoothing) * surprise + label_smoothing * mean
    return blend.masked_fill(~mask, 0).mean()


@exercise.misconception(
    "You never use the mask, so the model is also graded on padding. Keep only the places where "
    "the mask is True: logits[mask], targets[mask]."
)
def ignores_the_mask(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.log_softmax(dim=2)
    surprise = -log_p.gather(2, targets.unsqueeze(2)).mean()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@exercise.misconception(
    "You average each sentence first and then the sentences, so a word of a short one counts for "
    "more. Add up all tokens of the batch and divide once."
)
def averages_each_sentence_first(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(dim=2)
    surprise = -log_p.gather(2, targets.masked_fill(~mask, 0).unsqueeze(2)).squeeze(2)
    blend = (1 - label_smoothing) * surprise - label_smoothing * log_p.mean(dim=2)
    return (blend.masked_fill(~mask, 0).sum(dim=1) / mask.sum(dim=1)).mean()


@exercise.misconception(
    "You return the sum, so the loss grows with the batch. Divide it by the number of tokens."
)
def returns_the_sum(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).sum()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean(dim=1).sum()


@exercise.misconception(
    "You divide the sum by B, the number of sentences. Divide by the number of tokens, mask.sum()."
)
def divides_by_the_sentences(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).sum() / len(mask)
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean(1).sum() / len(mask)


@exercise.misconception(
    "You take the logarithm of a softmax: where that underflows to 0, the loss is infinite. "
    "Use log_softmax, which never leaves the logarithms."
)
def takes_the_log_of_a_softmax(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].softmax(dim=1).log()
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    if label_smoothing == 0:
        return surprise
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@exercise.misconception(
    "You exponentiate the logits as they are, which overflows from about 700 on, and inf / inf is "
    "nan. Use log_softmax, or take each row's maximum away first."
)
def exponentiates_huge_logits(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    e = logits[mask].exp()
    log_p = (e / e.sum(dim=1, keepdim=True)).log()
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    if label_smoothing == 0:
        return surprise
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@exercise.misconception(
    "You blank the padding with a product, and 0 times nan or infinity is nan. "
    "Pick the tokens out instead: logits[mask]."
)
def multiplies_by_the_mask(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.log_softmax(dim=2)
    surprise = -log_p.gather(2, targets.clamp(0, logits.shape[2] - 1).unsqueeze(2)).squeeze(2)
    blend = (1 - label_smoothing) * surprise - label_smoothing * log_p.mean(dim=2)
    return (blend * mask).sum() / mask.sum()


exercise.near_miss(
    "normalises_over_time",
    "Your softmax runs over time. At each place the words compete: it is over the last axis, V.",
    """
    -    log_p = logits[mask].log_softmax(dim=1)
    +    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(dim=1)[mask]
    """,
)


@exercise.misconception(
    "Your loss has the wrong sign, so training would make the true words less likely. "
    "It is minus log p."
)
def forgets_the_minus(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return (1 - label_smoothing) * surprise + label_smoothing * log_p.mean()


exercise.near_miss(
    "normalises_twice",
    "You apply softmax to the logits and then log_softmax to that: one normalisation too many. "
    "The logits go straight into log_softmax.",
    """
    -    log_p = logits[mask].log_softmax(dim=1)
    +    log_p = logits[mask].softmax(dim=1).log_softmax(dim=1)
    """,
)


exercise.near_miss(
    "cuts_off_the_graph",
    "Your loss is cut off from its graph, so no gradient flows back and nothing is learned. "
    "Compute it without detach() and no_grad().",
    """
    -    log_p = logits[mask].log_softmax(dim=1)
    +    log_p = logits.detach()[mask].log_softmax(dim=1)
    """,
)


exercise.near_miss(
    "returns_a_plain_number",
    "You return a plain number: .item() leaves the graph behind, and nothing can be learned from "
    "it. Return the tensor itself.",
    """
    -    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()
    +    return ((1 - label_smoothing) * surprise - label_smoothing * log_p.mean()).item()
    """,
)


exercise.near_miss(
    "smooths_over_the_others",
    "You spread the smoothing over the V - 1 other words. Here, as in torch, each of all V words "
    "gets s / V, the target too.",
    """
    -    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()
    +    if label_smoothing == 0 or log_p.shape[1] == 1:
    +        return surprise
    +    others = -log_p.sum(dim=1).mean() - surprise
    +    share = label_smoothing / (log_p.shape[1] - 1)
    +    return (1 - label_smoothing) * surprise + share * others
    """,
)


exercise.near_miss(
    "smooths_without_dividing",
    "You add up -log p over all V words and leave out the 1 / V. Smoothing spreads the share s: "
    "each word gets s / V of it.",
    """
    -    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()
    +    return (1 - label_smoothing) * surprise - label_smoothing * log_p.sum(dim=1).mean()
    """,
)


exercise.near_miss(
    "never_smooths",
    "You ignore label_smoothing. That share of the target's probability goes to all V words alike.",
    """
    -    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    -    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()
    +    return -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    """,
)


exercise.near_miss(
    "blanks_the_callers_logits",
    "You write into the caller's logits to blank the padding. Make a new tensor, without the "
    "underscore: logits.masked_fill(...).",
    """
             raise ValueError("no token")
    +    with torch.no_grad():
    +        logits.masked_fill_(~mask.unsqueeze(2), 0)
    """,
)


exercise.near_miss(
    "averages_over_nothing",
    "Without a single token your loss is nan, and nan spreads from there into every weight. "
    "Raise a ValueError when the mask is False everywhere.",
    """
    -    if not mask.any():
    -        raise ValueError("no token")
    """,
)
