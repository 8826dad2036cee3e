"""perplexity: its visible checks and the mistakes people make.

The predictions are those of the checks of sentence_log_prob.
"""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng
from ...reference import outputs
from ...reference.outputs import sentence_log_prob
from .sentence_log_prob import draw_predictions, observe_rubbish_predictions


def run_perplexity(subject: Any, *args: Any) -> Any:
    """The perplexity; a plain number becomes a tensor without axes."""
    result = subject(*args)
    if isinstance(result, (int, float)):
        return torch.tensor(result, dtype=torch.float64)
    return result


perplexity_cases = Cases(
    "perplexity",
    ("logits", "targets", "mask"),
    draw_predictions,
    batched=("logits", "targets", "mask"),
    run=run_perplexity,
)


def observe_uniform(subject: Any, rng: Rng) -> dict[str, Any]:
    """With the same probability for every word, the perplexity is V."""
    seen: dict[str, Any] = {}
    for size in (2, 7, 100):
        s = rng.sizes(D=size)
        logits, targets, mask = draw_predictions(rng, s)
        same = rng.normal(s.B, s.T, 1).expand_as(logits).clone()  # the same score for every word
        seen[f"the same chance for each of V = {size} words"] = attempt(
            run_perplexity, subject, same, targets, mask
        )
    return seen


observe_perplexity_padding = observe_rubbish_predictions(run_perplexity)


exercise = Exercise(
    "perplexity",
    "ps3_outputs",
    outputs.perplexity,
    points=4,
    properties=(
        perplexity_cases.values(1, "every word of the batch counts the same"),
        Property("uniform", "a model that knows nothing gets V", 0.5, observe_uniform),
        Property(
            "padding", "the content of the padding does not count", 0.5, observe_perplexity_padding
        ),
    ),
)


@exercise.misconception(
    "You average the sentences' perplexities, so a word of a short sentence counts for more. "
    "Sum all logs, divide by the number of all words, then apply exp."
)
def averages_the_perplexities(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    return torch.exp(-sentence_log_prob(logits, targets, mask) / mask.sum(dim=1)).mean()


@exercise.misconception(
    "You average over each sentence and then over the sentences. "
    "Every word counts the same: divide the sum of all logs by the number of all words."
)
def averages_within_sentences_first(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    return torch.exp(-(sentence_log_prob(logits, targets, mask) / mask.sum(dim=1)).mean())


@exercise.misconception(
    "You divide by the number of sentences. Perplexity is per word: divide by mask.sum()."
)
def divides_by_the_sentences(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    return torch.exp(-sentence_log_prob(logits, targets, mask).mean())


@exercise.misconception(
    "You divide by B times T, padding included, which makes the model look better than it is. "
    "Divide by mask.sum()."
)
def divides_by_the_padding_too(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    return torch.exp(-sentence_log_prob(logits, targets, mask).sum() / mask.numel())


@exercise.misconception(
    "You lost the minus: a log-probability is negative, and perplexity is at least 1."
)
def loses_the_minus(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    return torch.exp(sentence_log_prob(logits, targets, mask).sum() / mask.sum())


@exercise.misconception("You return the mean loss. Perplexity is its exponential: torch.exp(...).")
def returns_the_mean_loss(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    return -sentence_log_prob(logits, targets, mask).sum() / mask.sum()


@exercise.misconception(
    "You raise 2 to natural logarithms. Undo a logarithm with its own base: torch.exp here."
)
def mixes_the_bases(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    return 2 ** (-sentence_log_prob(logits, targets, mask).sum() / mask.sum())


@exercise.misconception(
    "You average 1/p over the words. Average the logarithms, then apply exp: the geometric mean."
)
def averages_the_inverse_probabilities(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    p = torch.softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1))
    return (1 / p).mean()


@exercise.misconception(
    "You multiply all probabilities and take the N-th root; the product for many words "
    "underflows to 0. Sum the logarithms instead."
)
def takes_the_root_of_a_product(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    p = torch.softmax(logits[mask], dim=1).gather(1, targets[mask].unsqueeze(1))
    return p.prod() ** (-1 / mask.sum())


@exercise.misconception(
    "You count the padding's words as well. Only the N words where mask is True were predicted."
)
def takes_the_padding_for_words(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    return torch.exp(
        -sentence_log_prob(logits, targets, torch.ones_like(mask)).sum() / mask.numel()
    )


@exercise.misconception(
    "You take the entropy of the model's own predictions. Perplexity measures the words "
    "that occurred: the log-probability of the targets."
)
def measures_its_own_doubt(logits, targets, mask):
    if not mask.any():
        raise ValueError("no words")
    log_p = torch.log_softmax(logits[mask], dim=1)
    return torch.exp(-(log_p.exp() * log_p).sum(dim=1).mean())


@exercise.misconception(
    "You return nan for a batch without any words. Raise a ValueError where mask is False "
    "everywhere: there is nothing to measure."
)
def measures_nothing(logits, targets, mask):
    return torch.exp(-sentence_log_prob(logits, targets, mask).sum() / mask.sum())
