"""build_vocab: its hidden tests, and right answers of other kinds."""

from collections import Counter
from typing import Any

from rnncourse.checks.compare import Raised, kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps2_inputs.build_vocab import (
    draw_counted,
    draw_tied,
    draw_words,
    observe_limits,
)
from rnncourse.reference.inputs import SPECIALS

from .. import Rubric
from ._shared import changed, judge_inputs


def observe_cut_ties(subject: Any, rng: Rng) -> dict[str, Any]:
    """max_size cuts through words of the same count; both limits at once."""
    limits = [
        {"max_size": 7},
        {"max_size": 6, "min_count": 1},
        {"max_size": 9, "min_count": 3},
        {"max_size": 7, "min_count": 2},
    ]
    return observe_limits(subject, draw_tied(rng), limits)


def observe_text_with_specials(subject: Any, rng: Rng) -> dict[str, Any]:
    """A special that occurs in the text, even often, keeps its number."""
    sentences = [*draw_counted(rng, 5), ["<unk>"] * 9, ["</s>", "<unk>"]]
    return {'build_vocab(sentences with "<unk>" and "</s>")': attempt(subject, sentences)}


def observe_case(subject: Any, rng: Rng) -> dict[str, Any]:
    """Upper and lower case are different words; of equal counts, capitals come first."""
    a, b, c = draw_words(rng, 3)
    sentences = [[c.title(), a, c, b.title(), c.title(), b.upper()], [c, c.title(), b, a.title()]]
    return observe_limits(subject, sentences, [{}, {"min_count": 2}])


def observe_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    """No sentences, empty ones, and the same ones in another order."""
    sentences = draw_tied(rng)
    variants: dict[str, list[list[str]]] = {
        "no sentences": [],
        "empty sentences": [[], []],
        "one empty sentence among others": [sentences[0], [], sentences[1]],
        "the sentences in another order": sentences[::-1],
    }
    return {
        text: attempt(subject, [list(sentence) for sentence in variant])
        for text, variant in variants.items()
    }


def observe_small_max_sizes(subject: Any, rng: Rng) -> dict[str, Any]:
    sentences = draw_counted(rng)
    seen = {}
    for size in (3, 0):
        result = attempt(subject, sentences, max_size=size)
        refused = isinstance(result, Raised)
        seen[f"max_size={size}"] = "refused with an exception" if refused else kind(result)
    result = attempt(subject, sentences, max_size=4)
    seen["max_size=4"] = repr(result) if isinstance(result, Raised) else "accepted"
    return seen


def observe_vocab_inputs(subject: Any, rng: Rng) -> dict[str, Any]:
    sentences = draw_counted(rng)
    originals = [list(sentence) for sentence in sentences]
    first, second = subject(sentences), subject(sentences)
    return {
        "the sentences are": changed(sentences, originals),
        "a second call gives": "the same" if first == second else "something else",
        # Not judged, but a mistake must have it in common to be named.
        "the result": first,
    }


rubric = Rubric(
    (
        Property("cut", "max_size cuts ties by the alphabet", 0.75, observe_cut_ties),
        Property("text", "a special in the text keeps its number", 0.5, observe_text_with_specials),
        Property("case", "upper and lower case are kept apart", 0.5, observe_case),
        Property(
            "sentences",
            "empty sentences and the order of sentences do not matter",
            0.5,
            observe_sentences,
        ),
        Property("refuses", "a max_size below 4 is refused", 0.5, observe_small_max_sizes),
        Property(
            "pure", "the sentences are left as they were", 0.25, observe_vocab_inputs, judge_inputs
        ),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def sorts_twice(sentences, min_count=1, max_size=None):
    """A stable sort by count leaves the words in the order of the sort before."""
    if max_size is not None and max_size < 4:
        raise ValueError("no room for the specials")
    counts = {}
    for sentence in sentences:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
    for special in SPECIALS:
        counts.pop(special, None)
    words = sorted(sorted(counts), key=counts.get, reverse=True)
    vocab = {special: number for number, special in enumerate(SPECIALS)}
    for word in words:
        if counts[word] < min_count or (max_size is not None and len(vocab) == max_size):
            break
        vocab[word] = len(vocab)
    return vocab


@rubric.alternative
def counts_a_sorted_chain(sentences, min_count=1, max_size=None):
    """most_common keeps the order of appearance, and the words appear sorted."""
    from itertools import chain

    assert max_size is None or max_size >= len(SPECIALS), "no room for the specials"
    counts = Counter(sorted(chain.from_iterable(sentences)))
    words = [w for w, n in counts.most_common() if n >= min_count and w not in SPECIALS]
    numbered = list(SPECIALS) + words
    numbered = numbered if max_size is None else numbered[:max_size]
    return dict(zip(numbered, range(len(numbered)), strict=True))


@rubric.alternative
def groups_by_count(sentences, min_count=1, max_size=None):
    """From the highest count downwards, the words of each count in order."""
    counts = Counter()
    for sentence in sentences:
        counts.update(sentence)
    words = list(SPECIALS)
    for count in sorted(set(counts.values()), reverse=True):
        if count >= min_count:
            words += sorted(w for w in counts if counts[w] == count and w not in SPECIALS)
    if max_size is not None:
        if max_size < len(SPECIALS):
            raise ValueError(f"max_size is {max_size}")
        del words[max_size:]
    return {word: words.index(word) for word in words}


@rubric.alternative
def takes_the_best_from_a_heap(sentences, min_count=1, max_size=None):
    import heapq

    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size is too small")
    text = [word for sentence in sentences for word in sentence]
    heap = [(-n, word) for word, n in Counter(text).items() if word not in SPECIALS]
    heapq.heapify(heap)
    vocab = dict(zip(SPECIALS, range(4), strict=True))
    while heap and -heap[0][0] >= min_count and (max_size is None or len(vocab) < max_size):
        vocab[heapq.heappop(heap)[1]] = len(vocab)
    return vocab
