"""build_vocab: its visible checks and the mistakes people make.

The sentences are of animals, counted so that no other order looks like that of the counts.
"""

from collections import Counter
from typing import Any

import torch

from ...checks.compare import Raised, kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import attempt
from ...checks.rng import Rng
from ...reference import inputs
from ...reference.inputs import SPECIALS

ANIMALS = ("ant", "bat", "bee", "cat", "cow", "dog", "elk", "fox", "gnu", "hen", "owl", "pig")


def draw_words(rng: Rng, number: int) -> list[str]:
    """Different words in alphabetical order."""
    drawn = torch.randperm(len(ANIMALS), generator=rng.generator)[:number]
    return sorted(ANIMALS[n] for n in drawn.tolist())


def draw_sentences(rng: Rng, counts: dict[str, int]) -> list[list[str]]:
    """A sentence with each word once, in the order of `counts`, and one with all the repetitions.

    So neither the order of appearance nor the number of sentences with a word matches the counts.
    """
    rest = [word for word, count in counts.items() for _ in range(count - 1)]
    order = torch.randperm(len(rest), generator=rng.generator).tolist()
    return [list(counts), [rest[n] for n in order]]


def draw_counted(rng: Rng, number: int = 7) -> list[list[str]]:
    """No two words have the same count, and neither text nor alphabet has the order of the counts.

    number: how many different words; odd.
    """
    words = draw_words(rng, number)
    words = words[1::2] + words[::-2]  # the most frequent first
    counts = {word: number - n for n, word in enumerate(words)}
    return draw_sentences(rng, {word: counts[word] for word in words[2:] + words[:2]})


def draw_tied(rng: Rng) -> list[list[str]]:
    """Three words occur 3 times and two twice; neither text nor alphabet has the right order."""
    a, b, c, d, e, f = draw_words(rng, 6)
    return draw_sentences(rng, {c: 3, f: 3, b: 3, e: 2, a: 2, d: 5})


def in_order(vocab: Any) -> Any:
    """The words by their numbers, without the specials; or what is wrong with the vocabulary."""
    if isinstance(vocab, Raised):
        return vocab
    if not isinstance(vocab, dict):
        return kind(vocab)
    if not all(type(number) is int for number in vocab.values()):
        return "a dict whose values are not all ints"
    if len(set(vocab.values())) < len(vocab):
        return "a dict in which two words have the same number"
    words = sorted((word for word in vocab if word not in SPECIALS), key=lambda word: vocab[word])
    return " ".join(map(str, words)) or "no words"


def vocab_text(limits: dict[str, int]) -> str:
    arguments = "".join(f", {name}={value}" for name, value in limits.items())
    return f"build_vocab(sentences{arguments})"


def observe_limits(
    subject: Any, sentences: list[list[str]], limits: list[dict[str, int]]
) -> dict[str, Any]:
    """The words that each of the limits leaves, and V where there is a max_size."""
    seen: dict[str, Any] = {}
    for limit in limits:
        vocab = attempt(subject, [list(sentence) for sentence in sentences], **limit)
        seen[f"{vocab_text(limit)}, words by number"] = in_order(vocab)
        if "max_size" in limit:
            seen[f"{vocab_text(limit)}, V"] = len(vocab) if isinstance(vocab, dict) else kind(vocab)
    return seen


def observe_specials(subject: Any, rng: Rng) -> dict[str, Any]:
    """The numbers of the specials, and which numbers there are."""
    vocab = subject(draw_counted(rng))
    if not isinstance(vocab, dict):
        return {"the vocabulary": kind(vocab)}
    numbers = list(vocab.values())
    if not all(type(number) is int for number in numbers):
        return {"the vocabulary": "a dict whose values are not all ints"}
    seen: dict[str, Any] = {
        f'number of "{special}"': vocab.get(special, "missing") for special in SPECIALS
    }
    whole = sorted(numbers) == list(range(len(vocab)))
    seen["how many words, specials included"] = len(vocab)
    seen["the numbers of all words"] = (
        "0 to V-1, each once"
        if whole
        else f"from {min(numbers, default=0)} to {max(numbers, default=0)}"
    )
    return seen


def observe_order(subject: Any, rng: Rng) -> dict[str, Any]:
    return observe_limits(subject, draw_counted(rng), [{}])


def observe_ties(subject: Any, rng: Rng) -> dict[str, Any]:
    return observe_limits(subject, draw_tied(rng), [{}])


def observe_min_count(subject: Any, rng: Rng) -> dict[str, Any]:
    return observe_limits(subject, draw_counted(rng), [{"min_count": n} for n in (1, 2, 4, 99)])


def observe_max_size(subject: Any, rng: Rng) -> dict[str, Any]:
    return observe_limits(subject, draw_counted(rng), [{"max_size": n} for n in (4, 6, 7, 11, 99)])


exercise = Exercise(
    "build_vocab",
    "ps2_inputs",
    inputs.build_vocab,
    points=6,
    properties=(
        Property("specials", "the specials are 0 to 3, the words follow", 0.5, observe_specials),
        Property("order", "frequent words come first", 0.75, observe_order),
        Property("ties", "of equally frequent words, alphabetical order", 0.75, observe_ties),
        Property("min_count", "min_count: rarer words are left out", 0.5, observe_min_count),
        Property("max_size", "max_size: V is at most that", 0.5, observe_max_size),
    ),
)


@exercise.misconception(
    "Your vocabulary has no specials. Give <pad>, <unk>, <s> and </s> the numbers 0 to 3, "
    "then go on with the words."
)
def has_no_specials(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate(words[:max_size])}


@exercise.misconception(
    "You return the list of words. Number them, and return a dict: "
    "{word: number for number, word in enumerate(words)}."
)
def returns_the_row(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return [*SPECIALS, *words][:max_size]


@exercise.misconception(
    "You put the specials after the words, so padding has a different number in each vocabulary. "
    "They come first: 0 to 3."
)
def puts_the_specials_last(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    limit = None if max_size is None else max_size - len(SPECIALS)
    return {word: number for number, word in enumerate([*words[:limit], *SPECIALS])}


@exercise.misconception(
    "Your numbers start at 1. They are rows of a matrix, so they run from 0 to V-1."
)
def counts_from_one(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size], start=1)}


@exercise.misconception(
    "Your dict maps numbers to words. `encode` looks up the number of a word: {word: number}."
)
def maps_numbers_to_words(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return dict(enumerate([*SPECIALS, *words][:max_size]))


@exercise.misconception(
    "You number the words as they first appear in the text. Count them, "
    "and give the smallest numbers to the most frequent."
)
def keeps_the_order_of_appearance(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@exercise.misconception(
    "You sort by the alphabet alone, so max_size throws frequent words away. "
    "Sort by count first, and by the alphabet where counts are equal."
)
def sorts_by_the_alphabet_alone(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = sorted(word for word in counts if counts[word] >= min_count and word not in SPECIALS)
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@exercise.misconception(
    "You put the rarest words first. Sort by the count downwards: the key is -counts[word]."
)
def puts_rare_words_first(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@exercise.misconception(
    "Words of the same count stay in the order of the text, as most_common leaves them, so "
    "shuffled sentences change the numbers. Sort by (-count, word)."
)
def leaves_ties_to_the_text(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [w for w, n in counts.most_common() if n >= min_count and w not in SPECIALS]
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@exercise.misconception(
    "`reverse=True` reverses the alphabet too. Sort in ascending order "
    "and negate only the count: (-count, word)."
)
def reverses_the_alphabet_too(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (counts[word], word), reverse=True)
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@exercise.misconception(
    "You leave out words that occur exactly min_count times. Only rarer ones go: keep >= min_count."
)
def takes_min_count_for_too_few(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] > min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@exercise.misconception("You never use min_count. Leave out words that are rarer than that.")
def ignores_min_count(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@exercise.misconception(
    "You keep max_size words in addition to the specials, so V is 4 too large. "
    "max_size counts the specials as well."
)
def forgets_that_specials_take_room(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words[:max_size]])}


@exercise.misconception(
    "A special that occurs in the text gets a second number, which replaces its own. "
    "Leave the specials out of the words."
)
def enters_specials_twice(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@exercise.misconception(
    "You turn the words into lower case, so Polish and polish become one word. "
    "Take words as they come; the caller lower-cases them where that is wanted."
)
def turns_words_to_lower_case(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word.lower() for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@exercise.misconception(
    "`if max_size:` takes 0 for no limit. Ask `max_size is not None`, "
    "and refuse a size below 4 with a ValueError."
)
def cuts_without_asking_for_room(sentences, min_count=1, max_size=None):
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    words = [*SPECIALS, *words]
    if max_size:
        words = words[:max_size]
    return {word: number for number, word in enumerate(words)}


@exercise.misconception(
    "You count each word once for every sentence that has it. Count every time that it occurs."
)
def counts_sentences_with_the_word(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in set(sentence))
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}
