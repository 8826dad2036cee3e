"""skipgram_pairs: its visible checks and the mistakes people make."""

from collections import Counter
from typing import Any

import torch

from ...checks.compare import Raised, difference, kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import attempt
from ...checks.rng import Rng
from ...reference import inputs


def as_pairs(result: Any) -> Any:
    """The pairs of a result as a list of lists, or in words what it is instead.

    An exception stays an exception.
    """
    if isinstance(result, torch.Tensor):
        fits = result.dim() == 2 and result.shape[1] == 2 and not result.is_complex()
        return result.long().tolist() if fits else kind(result)
    if isinstance(result, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in result
    ):
        return [[int(number) for number in pair] for pair in result]
    return result if isinstance(result, Raised) else kind(result)


def pairs_text(tokens: Any, window: int) -> str:
    text = f"tensor({tokens.tolist()})" if torch.is_tensor(tokens) else str(tokens)
    return f"skipgram_pairs({text}, {window})"


def observe_pairs(subject: Any, sentences: list[tuple[Any, int]]) -> dict[str, Any]:
    """The pairs of some (tokens, window)."""
    return {
        pairs_text(tokens, window): as_pairs(attempt(subject, tokens, window))
        for tokens, window in sentences
    }


def draw_different(rng: Rng, length: int) -> torch.Tensor:
    """A sentence whose words are all different."""
    return torch.randperm(20, generator=rng.generator)[:length] + 4


def observe_windows(subject: Any, rng: Rng) -> dict[str, Any]:
    """Windows of 1, 2 and 3. `pairs` and `order` judge the same observation."""
    sentences = [(draw_different(rng, 5 + window), window) for window in (1, 3)]
    return observe_pairs(subject, [(draw_different(rng, 6).tolist(), 2), *sentences])


def judge_pairs(got: Any, expected: Any) -> str | None:
    """Which pairs are missing and which are too many, in any order."""
    if not isinstance(got, dict):
        return difference(got, expected)
    for text, right_pairs in expected.items():
        pairs = got.get(text)
        if not isinstance(pairs, list):
            return f"{text}: {difference(pairs, right_pairs)}"
        # The student's pairs never become keys: they could be chosen to have equal hashes.
        missing: Counter[tuple[int, ...]] = Counter(map(tuple, right_pairs))
        extra: list[tuple[int, ...]] = []
        for pair in map(tuple, pairs):
            if missing[pair] > 0:
                missing[pair] -= 1
            else:
                extra.append(pair)
        for fault, faulty in (("missing", list(missing.elements())), ("too many", extra)):
            if faulty:
                return f"{text}: {len(faulty)} pairs are {fault}, such as {faulty[0]}"
    return None


def observe_form(subject: Any, rng: Rng) -> dict[str, str]:
    """Shape and dtype; of the pairs only their number."""
    seen = {}
    for length, window in ((6, 2), (4, 1)):
        tokens = draw_different(rng, length)
        seen[pairs_text(tokens, window)] = kind(subject(tokens, window))
    return seen


exercise = Exercise(
    "skipgram_pairs",
    "ps2_inputs",
    inputs.skipgram_pairs,
    points=4,
    properties=(
        Property("pairs", "every pair is there, and no other", 1, observe_windows, judge_pairs),
        Property("order", "center by center, from left to right", 0.5, observe_windows),
        Property("form", "the pairs are an int64 tensor (N, 2)", 0.5, observe_form),
    ),
)


@exercise.canonical
def skipgram_pairs(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (w, words[j])
        for i, w in enumerate(words)
        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
        if j != i
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@exercise.misconception(
    "You look only to the right. The context is on both sides: "
    "up to window words before the center and as many after it."
)
def looks_to_the_right_only(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [(w, c) for i, w in enumerate(words) for c in words[i + 1 : i + window + 1]]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


exercise.near_miss(
    "pairs_words_with_themselves",
    "You pair each center with itself. Leave out j = i; the same word at another position stays.",
    """
    -        (w, words[j])
    -        for i, w in enumerate(words)
    -        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
    -        if j != i
    +        (w, c) for i, w in enumerate(words) for c in words[max(i - window, 0) : i + window + 1]
    """,
)


exercise.near_miss(
    "stops_one_word_early",
    "Your window is one word too narrow on the right: a range does not include its end. "
    "Go up to i + window.",
    """
    -        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
    +        for j in range(max(i - window, 0), min(i + window, len(words)))
    """,
)


exercise.near_miss(
    "wraps_around_the_beginning",
    "A negative index counts from the end, so you pair the first words with the last. "
    "Keep j from 0 to T-1.",
    """
    -        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
    -        if j != i
    +        for j in range(i - window, min(i + window + 1, len(words)))
    +        if j != i and -len(words) <= j
    """,
)


exercise.near_miss(
    "leaves_the_borders_out",
    "You use only centers with a whole window on both sides, so the borders are lost. "
    "Cut the window off at the border instead.",
    """
    -        (w, words[j])
    -        for i, w in enumerate(words)
    -        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
    +        (words[i], words[j])
    +        for i in range(window, len(words) - window)
    +        for j in range(i - window, i + window + 1)
    """,
)


exercise.near_miss(
    "takes_the_farthest_only",
    "You pair only words at the distance window. Take the nearer ones too: "
    "all distances from 1 to window.",
    """
    -        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
    -        if j != i
    +        for j in (i - window, i + window)
    +        if 0 <= j < len(words)
    """,
)


exercise.near_miss(
    "skips_equal_words",
    "You leave out pairs of equal words. Compare the positions i and j, not the words: "
    "a word may occur near itself.",
    """
    -        if j != i
    +        if words[j] != w
    """,
)


exercise.near_miss(
    "keeps_each_pair_once",
    "You return each pair once. A pair that occurs more often should count more: keep them all.",
    """
    -    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
    +    return torch.tensor(list(dict.fromkeys(pairs)), dtype=torch.long).reshape(-1, 2)
    """,
)


@exercise.misconception(
    "You return positions instead of words. The pairs hold tokens[i] and tokens[j]."
)
def returns_places(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    pairs = [
        (i, j)
        for i in range(len(tokens))
        for j in range(max(i - window, 0), min(i + window + 1, len(tokens)))
        if j != i
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


exercise.near_miss(
    "puts_the_context_first",
    "Your columns are (context, center). The center comes first.",
    """
    -        (w, words[j])
    +        (words[j], w)
    """,
)


exercise.near_miss(
    "goes_by_distance",
    "You go distance by distance. The order is: each center in turn, "
    "with its context from left to right.",
    """
    +        for distance in range(1, window + 1)
             for i, w in enumerate(words)
    -        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
    -        if j != i
    +        for j in (i - distance, i + distance)
    +        if 0 <= j < len(words)
    """,
)


exercise.near_miss(
    "returns_a_list",
    "You return a Python list. Make it a tensor (N, 2): torch.tensor(pairs, dtype=torch.long).",
    """
    -    pairs = [
    +    return [
    ...
    -    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
    """,
)


exercise.near_miss(
    "loses_the_shape_of_nothing",
    "If there are no pairs, you return a float tensor (0,). "
    "Make it int64 and (0, 2): use dtype=torch.long and reshape(-1, 2).",
    """
    -    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
    +    return torch.tensor(pairs)
    """,
)


exercise.near_miss(
    "accepts_any_window",
    "You accept a window of 0 or less and return no pairs. Raise a ValueError: such a window can "
    "only be a mistake.",
    """
    -    if window < 1:
    -        raise ValueError("window must be at least 1")
    """,
)
