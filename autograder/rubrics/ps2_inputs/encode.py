"""encode: its hidden tests, and right answers of other kinds."""

from typing import Any

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps2_inputs.encode import draw_sentence, draw_vocab, observe_encoded
from rnncourse.reference.inputs import SPECIALS, UNK

from .. import Rubric
from ._shared import changed, judge_inputs


def observe_encoded_case(subject: Any, rng: Rng) -> dict[str, Any]:
    vocab = draw_vocab(rng)
    words = list(vocab)[len(SPECIALS) :]
    # One word is in the vocabulary capitalized as well; the others are not.
    vocab[words[0].title()] = len(vocab)
    sentence = [words[0].title(), words[0], words[1].title(), words[1], words[2].upper()]
    return observe_encoded(subject, vocab, [sentence])


def observe_encoded_specials(subject: Any, rng: Rng) -> dict[str, Any]:
    vocab = draw_vocab(rng)
    words = ["<s>", *draw_sentence(rng, vocab, 2), "<unk>", "</s>", "<pad>"]
    return observe_encoded(subject, vocab, [words])


def observe_encoded_nothing(subject: Any, rng: Rng) -> dict[str, Any]:
    """No words; and a vocabulary of the specials only."""
    vocab = draw_vocab(rng)
    bare = {word: vocab[word] for word in SPECIALS}
    words = draw_sentence(rng, vocab, 3)
    return {
        "encode([], vocab)": attempt(subject, [], dict(vocab)),
        f"encode({words}, the specials alone)": attempt(subject, words, bare),
    }


def observe_encode_inputs(subject: Any, rng: Rng) -> dict[str, Any]:
    vocab = draw_vocab(rng)
    words = ["zebra", *draw_sentence(rng, vocab, 3), "emu"]
    original_vocab, original_words = dict(vocab), list(words)
    result = subject(words, vocab)
    return {
        "the vocabulary is": changed(vocab, original_vocab),
        "the words are": changed(words, original_words),
        "the result": result,
    }


rubric = Rubric(
    (
        Property("case", "upper and lower case are kept apart", 0.25, observe_encoded_case),
        Property("specials", "the specials are words too", 0.25, observe_encoded_specials),
        Property(
            "nothing", "no words, or a vocabulary of specials only", 0.25, observe_encoded_nothing
        ),
        Property(
            "pure",
            "vocabulary and words are left as they were",
            0.25,
            observe_encode_inputs,
            judge_inputs,
        ),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def asks_before_it_looks(words, vocab):
    numbers = []
    for word in words:
        if word in vocab:
            numbers.append(vocab[word])
        else:
            numbers.append(UNK)
    return numbers


@rubric.alternative
def looks_the_unknown_word_up(words, vocab):
    return [vocab[word if word in vocab else "<unk>"] for word in words]


@rubric.alternative
def catches_the_key_error(words, vocab):
    def number(word):
        try:
            return vocab[word]
        except KeyError:
            return UNK

    return list(map(number, words))


@rubric.alternative
def copies_into_a_defaultdict(words, vocab):
    from collections import defaultdict

    numbers = defaultdict(lambda: UNK, vocab)
    return [numbers[word] for word in words]
