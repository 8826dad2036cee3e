"""Rewards against sacrebleu, and an edit distance by its definition."""

import itertools
import random
from functools import cache

import pytest

from rnncourse.reference.rewards import edit_distance, sentence_bleu


@cache
def by_definition(a, b):
    """What the last place of the cheapest way can be: insert, delete, or substitute (or keep)."""
    if not a or not b:
        return len(a) + len(b)
    return min(
        by_definition(a[:-1], b) + 1,
        by_definition(a, b[:-1]) + 1,
        by_definition(a[:-1], b[:-1]) + (a[-1] != b[-1]),
    )


def test_edit_distance_of_all_short_words():
    words = ["".join(w) for n in range(4) for w in itertools.product("abc", repeat=n)]
    for a, b in itertools.product(words, words):
        assert edit_distance(a, b) == by_definition(a, b)


@pytest.mark.parametrize(
    "a, b, expected",
    [("kitten", "sitting", 3), ("", "abc", 3), ([1, 2, 3], [2, 3, 4], 2), ("abcd", "dabc", 2)],
)
def test_edit_distance_known(a, b, expected):
    assert edit_distance(a, b) == edit_distance(b, a) == expected


def test_edit_distance_is_not_the_number_of_different_places():
    assert edit_distance("abcdef", "bcdefa") == 2


@pytest.fixture
def metric():
    bleu = pytest.importorskip("sacrebleu.metrics").BLEU
    # "add-k" adds to the n-grams of n > 1 only, as here.
    return bleu(tokenize="none", smooth_method="add-k", smooth_value=1, effective_order=False)


def test_sentence_bleu_is_sacrebleu(metric):
    rng = random.Random(4)
    seen = set()
    for _ in range(300):
        reference = rng.choices("abcdefg", k=rng.randint(1, 12))
        hypothesis = [rng.choice("abcdefg") if rng.random() < 0.3 else token for token in reference]
        hypothesis = hypothesis[: rng.randint(1, 12)] + rng.choices("abc", k=rng.randint(0, 2))
        ours = sentence_bleu(hypothesis, reference)
        theirs = metric.sentence_score(" ".join(hypothesis), [" ".join(reference)]).score / 100
        if set(hypothesis) & set(reference):  # sacrebleu smooths n = 1 too when nothing is right
            assert ours == pytest.approx(theirs, rel=1e-9)
            seen.add(round(ours, 2))
        else:
            assert ours == 0
    assert len(seen) > 50


def test_sentence_bleu_at_its_ends():
    assert sentence_bleu([5, 6, 7], [5, 6, 7]) == pytest.approx(1)
    assert sentence_bleu([], [5]) == 0
    assert sentence_bleu([1, 2], [3, 4]) == 0
    # Repeating a right word does not help: it counts as often as it is in the reference.
    assert sentence_bleu([5, 5, 5, 5], [5, 6, 7, 8], max_n=1) == pytest.approx(0.25)
