"""sample_decode: its visible checks and the mistakes people make.

Large samples from models that are tables of logits are compared with the probabilities of their
words.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import attempt
from ...checks.rng import Rng
from ...checks.statistics import looks_like, run_with_generator
from ...reference import decoding
from ...reference.decoding import greedy_decode
from ._shared import describe_rows, is_list, is_words, table_step
from .greedy_decode import MIXED, draw_greedy

SAMPLE = 3000  # sentences in one call


def fixed_step(logits: torch.Tensor) -> Callable[..., Any]:
    """A model that returns the same logits (V,) whatever it reads."""

    def step(tokens, state):
        return logits.expand(len(tokens), -1).clone(), state

    return step


def sample_words(
    subject: Any, logits: torch.Tensor, count: int, temperature: float, k: int | None, seed: int
) -> Any:
    """Sentences of one word, by a model with these logits (V,)."""
    step, state = fixed_step(logits), torch.zeros(count, 1, dtype=torch.float64)
    return run_with_generator(subject, step, state, 0, len(logits) - 1, 1, temperature, k, seed)


def draw_apart(rng: Rng, V: int) -> torch.Tensor:
    """Logits (V,) half a unit apart, in random order."""
    return 0.5 * torch.randperm(V, generator=rng.generator).double()


def counts_of(rows: Any, outcomes: list[Any]) -> list[int] | str:
    """How often each outcome is among the rows; in words where there are others."""
    if not is_list(rows) or not all(map(is_words, rows)):
        return describe_rows(rows)
    # Before counting: other rows could be made to have all the same hash.
    for row in rows:
        if tuple(row) not in outcomes:
            return f"there is a {list(row)} among them"
    counts = Counter(map(tuple, rows))
    return [counts[row] for row in outcomes]


ASKED = "like softmax(logits / temperature) over the top_k best"


def observe_frequencies(subject: Any, rng: Rng) -> dict[str, str]:
    """The distribution of the first word, named by what it looks like."""
    V = 6
    seen: dict[str, str] = {}
    for temperature, k in ((1.0, None), (0.5, None), (2.0, None), (1.0, 3), (2.0, 4)):
        logits, seed = draw_apart(rng, V), int(rng.integers(0, 2**31, 1))
        rows = attempt(sample_words, subject, logits, SAMPLE, temperature, k, seed)
        worst = logits.argsort(descending=True)[k or V :]
        best = torch.zeros_like(logits).index_fill(0, worst, -torch.inf)
        p = logits.softmax(dim=0)
        candidates = {
            ASKED: (logits / temperature + best).softmax(dim=0),
            "like softmax(logits * temperature)": (logits * temperature + best).softmax(dim=0),
            "as if the temperature were 1": (logits + best).softmax(dim=0),
            "like a softmax of the softmax": (p / temperature + best).softmax(dim=0),
            "as if every word were equally likely": best.softmax(dim=0),
            "as if there were no top_k": (logits / temperature).softmax(dim=0),
        }
        counts = counts_of(rows, [(v,) for v in range(V)])
        seen[f"the words for temperature={temperature}, top_k={k}"] = (
            counts
            if isinstance(counts, str)
            else looks_like(counts, {name: p.tolist() for name, p in candidates.items()})
        )
    return seen


def observe_cold(subject: Any, rng: Rng) -> dict[str, Any]:
    """Where nothing is left to chance, whole sentences must be those of greedy_decode."""
    table, *args = draw_greedy(rng, MIXED)
    return {
        f"temperature={temperature}, top_k={k}": attempt(
            run_with_generator, subject, table_step(table), *args, temperature, k, 5
        )
        for temperature, k in ((1e-4, None), (1.0, 1), (5.0, 1))
    }


def observe_top_k(subject: Any, rng: Rng) -> dict[str, Any]:
    """Which words ever come: with a large sample, exactly the k best."""
    V = 6
    seen: dict[str, Any] = {}
    logits = draw_apart(rng, V) / 2
    for k in (2, 3, 5):
        rows = attempt(sample_words, subject, logits, SAMPLE // 2, 1.0, k, 100 + k)
        counts = counts_of(rows, [(v,) for v in range(V)])
        order = logits.argsort(descending=True).tolist()
        seen[f"with top_k={k} of {V} words, those that come, best first"] = (
            counts if isinstance(counts, str) else [v for v in order if counts[v] > 0]
        )
    return seen


exercise = Exercise(
    "sample_decode",
    "ps6_decoding",
    decoding.sample_decode,
    points=6,
    properties=(
        Property(
            "frequencies",
            f"words come as often as they should ({SAMPLE} sentences)",
            1.5,
            observe_frequencies,
        ),
        Property("top_k", "only the k best words ever come", 0.75, observe_top_k),
        Property("cold", "without chance the result is that of greedy_decode", 0.75, observe_cold),
    ),
)


@exercise.canonical
def sample_decode(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


exercise.near_miss(
    "keeps_all_ties",
    "You keep all words that reach the k-th largest logit, more than k where some are equal. "
    "Use the indices that topk returns: they are exactly k.",
    """
    -        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
    -        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
    -        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state
    +        best, _ = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
    +        logits = logits.masked_fill(logits < best[:, -1:], -torch.inf)
    +        word = torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)
    +        return torch.zeros_like(logits).scatter(1, word, 1.0), state
    """,
)


exercise.near_miss(
    "multiplies_by_the_temperature",
    "You multiply the logits by the temperature. Divide: a high temperature makes them more alike.",
    """
    -        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
    +        place = torch.multinomial((best * temperature).softmax(1), 1, generator=generator)
    """,
)


exercise.near_miss(
    "ignores_the_temperature",
    "You never use the temperature. Divide the logits by it before the softmax.",
    """
    -        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
    +        place = torch.multinomial(best.softmax(1), 1, generator=generator)
    """,
)


exercise.near_miss(
    "softens_twice",
    "You take a softmax of probabilities, which makes all words nearly alike. "
    "The temperature divides the logits, and there is one softmax, after that.",
    """
    -        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
    +        p = logits.softmax(dim=1)
    +        best, words = p.topk(min(top_k or p.shape[1], p.shape[1]), dim=1)
    """,
)


exercise.near_miss(
    "ignores_top_k",
    "You never use top_k. Keep the k largest logits only, and draw among their words.",
    """
    -        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
    -        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
    -        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state
    +        word = torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)
    +        return torch.zeros_like(logits).scatter(1, word, 1.0), state
    """,
)


exercise.near_miss(
    "masks_with_zero",
    "You set the logits outside the top k to 0, but exp(0) is 1: they can still come. "
    "Set them to -inf.",
    """
    -        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
    -        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
    -        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state
    +        _, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
    +        logits = logits * torch.zeros_like(logits).scatter(1, words, 1.0)
    +        word = torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)
    +        return torch.zeros_like(logits).scatter(1, word, 1.0), state
    """,
)


exercise.near_miss(
    "returns_the_place",
    "You return the place among the top k, not the word that stands there. "
    "topk gives both: look the word up in its indices.",
    """
    -        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
    +        best, _ = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
             place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
    -        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state
    +        return torch.zeros_like(logits).scatter(1, place, 1.0), state
    """,
)


exercise.near_miss(
    "draws_once_for_all",
    "All your sentences get the same words. Each needs draws of its own: draw N words at each "
    "step, one from each row of the probabilities.",
    """
    -        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
    -        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state
    +        place = torch.multinomial((best[0] / temperature).softmax(0), 1, generator=generator)
    +        word = words.gather(1, place.expand(len(words), 1))
    +        return torch.zeros_like(logits).scatter(1, word, 1.0), state
    """,
)


exercise.near_miss(
    "forgets_the_generator",
    "You leave the generator out, so nobody can repeat the result. "
    "Pass it on: torch.multinomial(p, 1, generator=generator).",
    """
    -        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
    +        place = torch.multinomial((best / temperature).softmax(1), 1)
    """,
)


@exercise.misconception(
    "You accept a temperature of 0 or below, or a top_k of 0. Refuse them with a ValueError first."
)
def accepts_everything(step, state, bos, eos, max_length, temperature, top_k, generator):
    def drawn(tokens, state):
        logits, state = step(tokens, state)
        best, words = logits.topk(min(max(top_k or 99, 1), logits.shape[1]), dim=1)
        p = (best / max(temperature, 1e-9)).softmax(1)
        place = torch.multinomial(p, 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)
