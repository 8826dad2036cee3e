"""edit_count_probs: its visible checks and the mistakes people make.

Sentences of a few lengths, one of them empty.
"""

import math
from collections.abc import Callable
from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import attempt
from ...checks.rng import Rng
from ...reference import exposure


def observe_counts(exact: bool) -> Callable[[Any, Rng], Any]:
    """Probabilities for short sentences, one of them empty."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for lengths, V, tau in (([4, 2, 0], 5, 0.8), ([1, 6], 3, 1.7), ([3], 30, 0.4)):
            text = f"lengths={lengths}, V={V}, tau={tau}, exact={exact}"
            seen[text] = attempt(subject, torch.tensor(lengths), V, tau, exact)
        return seen

    return observe


exercise = Exercise(
    "edit_count_probs",
    "ps6_decoding",
    exposure.edit_count_probs,
    points=3,
    properties=(
        Property("exact", "the exact distribution is right", 1, observe_counts(True)),
        Property("released", "so is the one that was released", 0.75, observe_counts(False)),
    ),
)


@exercise.canonical
def edit_count_probs(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    log_q = log_q - e / tau
    if exact:
        log_q = log_q + e * math.log(V - 1)
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)


exercise.near_miss(
    "forgets_the_places",
    "You leave out C(m, e), the number of ways to choose the places. One edit in 20 words "
    "has 20 of them, no edit has one.",
    """
    -    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    -    log_q = log_q - e / tau
    +    log_q = 0 * m - e / tau
    """,
)


exercise.near_miss(
    "forgets_the_words",
    "Your exact form leaves out (V - 1)^e, the number of other words for each edit. Only "
    "the released form drops it.",
    """
    -    if exact:
    -        log_q = log_q + e * math.log(V - 1)
    """,
)


exercise.near_miss(
    "counts_the_word_itself",
    "You count V words for each edit. The true word itself is not an edit: V - 1 others are left.",
    """
    -        log_q = log_q + e * math.log(V - 1)
    +        log_q = log_q + e * math.log(V)
    """,
)


exercise.near_miss(
    "favours_edits",
    "You have the sign of the exponent wrong: exp(e / tau) favours edits. The farther from "
    "the truth, the less likely: exp(-e / tau).",
    """
    -    log_q = log_q - e / tau
    +    log_q = log_q + e / tau
    """,
)


exercise.near_miss(
    "multiplies_by_tau",
    "You multiply by tau. It is a temperature: divide the distance by it, exp(-e / tau).",
    """
    -    log_q = log_q - e / tau
    +    log_q = log_q - e * tau
    """,
)


exercise.near_miss(
    "edits_more_than_there_is",
    "Your short sentences can get more edits than they have words. C(m, e) is 0 for e > m: "
    "set log q to -inf there before the softmax.",
    """
    -    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)
    +    return log_q.softmax(dim=1)
    """,
)


exercise.near_miss(
    "forgets_that_all_may_be_edited",
    "You leave out the last column. From 0 edits to m it is m + 1 numbers: "
    "torch.arange(int(lengths.max()) + 1).",
    """
    -    e = torch.arange(int(lengths.max()) + 1).double()
    +    e = torch.arange(int(lengths.max())).double()
    """,
)


exercise.near_miss(
    "normalises_over_the_batch",
    "You normalise over the batch. Each sentence has its own distribution: its row must sum "
    "to 1, so dim=1.",
    """
    -    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)
    +    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=0).nan_to_num()
    """,
)


exercise.near_miss(
    "swaps_the_forms",
    "You have the two forms the wrong way round: exact=True is the one with (V - 1)^e.",
    """
    -    if exact:
    +    if not exact:
    """,
)


@exercise.misconception(
    "Your powers leave the range of floating point for long sentences. Add logarithms "
    "instead, and let softmax do the rest."
)
def leaves_the_range(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    q = log_q.exp() * torch.exp(-e / tau) * ((V - 1) ** e if exact else 1)
    q = q.masked_fill(e > m, 0)
    return q / q.sum(dim=1, keepdim=True)
