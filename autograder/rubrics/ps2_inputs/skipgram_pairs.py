"""skipgram_pairs: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases, attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps2_inputs.pad_batch import dtype_of
from rnncourse.exercises.ps2_inputs.skipgram_pairs import draw_different, observe_pairs, pairs_text

from .. import Rubric
from ._shared import changed, judge_inputs


def observe_wide_windows(subject: Any, rng: Rng) -> dict[str, Any]:
    tokens = draw_different(rng, 4)
    return observe_pairs(subject, [(tokens, window) for window in (3, 4, 9)])


def observe_short_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Sentences of two, one and no words: the results and their dtypes."""
    seen: dict[str, Any] = {}
    for length in (2, 1, 0):
        tokens = draw_different(rng, length)
        for window in (1, 3):
            result = attempt(subject, tokens, window)
            seen[pairs_text(tokens, window)] = result
            seen[f"{pairs_text(tokens, window)}, dtype"] = dtype_of(result)
    return seen


def observe_repeated_words(subject: Any, rng: Rng) -> dict[str, Any]:
    a, b, c = draw_different(rng, 3).tolist()
    return observe_pairs(subject, [([a, a, b, a, b, c], 2), (torch.tensor([b, b, b]), 1)])


skipgram_cases = Cases(
    "skipgram_pairs",
    ("tokens", "window"),
    lambda rng, s: (draw_different(rng, s.T), 2),
    batched=(),
)


def observe_pair_inputs(subject: Any, rng: Rng) -> dict[str, Any]:
    tokens = draw_different(rng, 6)
    original = tokens.clone()
    result = subject(tokens, 2)
    return {"the tokens are": changed(tokens.tolist(), original.tolist()), "the result": result}


def draw_bad_windows(rng: Rng) -> dict[str, tuple]:
    tokens = draw_different(rng, 5)
    return {"where window is 0": (tokens, 0), "where window is -2": (tokens, -2)}


rubric = Rubric(
    (
        Property("wide", "the window may be wider than the sentence", 0.5, observe_wide_windows),
        Property("short", "sentences of two, one and no words work", 0.5, observe_short_sentences),
        Property(
            "repeats", "words that are repeated keep all their pairs", 0.5, observe_repeated_words
        ),
        skipgram_cases.refuses(0.25, draw_bad_windows),
        Property(
            "pure", "the tokens are left as they were", 0.25, observe_pair_inputs, judge_inputs
        ),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def loops_over_places(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    pairs, T = [], len(tokens)
    for i in range(T):
        for j in range(max(0, i - window), min(T, i + window + 1)):
            if i != j:
                pairs.append([int(tokens[i]), int(tokens[j])])
    return torch.tensor(pairs, dtype=torch.long).view(-1, 2)


@rubric.alternative
def finds_the_band_of_a_matrix(tokens, window):
    if window <= 0:
        raise ValueError("window must be at least 1")
    tokens = torch.as_tensor(tokens, dtype=torch.long)
    position = torch.arange(len(tokens))
    distance = (position[:, None] - position).abs()
    return tokens[((distance > 0) & (distance <= window)).nonzero()]


@rubric.alternative
def slices_left_and_right(tokens, window):
    assert window >= 1, "window must be at least 1"
    words = tokens.tolist() if isinstance(tokens, torch.Tensor) else list(tokens)
    center, context = [], []
    for i, word in enumerate(words):
        around = words[max(i - window, 0) : i] + words[i + 1 : i + 1 + window]
        center += [word] * len(around)
        context += around
    return torch.stack([torch.tensor(center).long(), torch.tensor(context).long()], dim=1)


@rubric.alternative
def takes_all_pairs_and_filters(tokens, window):
    from itertools import permutations

    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    near = [
        (words[i], words[j]) for i, j in permutations(range(len(words)), 2) if abs(i - j) <= window
    ]
    return torch.tensor(near, dtype=torch.int64) if near else torch.empty(0, 2, dtype=torch.int64)
