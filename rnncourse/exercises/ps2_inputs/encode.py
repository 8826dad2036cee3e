"""encode: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import attempt
from ...checks.rng import Rng
from ...reference import inputs
from ...reference.inputs import BOS, EOS, PAD, SPECIALS, UNK
from .build_vocab import draw_words


def draw_vocab(rng: Rng, number: int = 8) -> dict[str, int]:
    """A vocabulary of the specials and some words in no particular order."""
    words = draw_words(rng, number)
    order = torch.randperm(number, generator=rng.generator).tolist()
    return {word: n for n, word in enumerate([*SPECIALS, *(words[k] for k in order)])}


def draw_sentence(rng: Rng, vocab: dict[str, int], length: int) -> list[str]:
    """Words of a vocabulary, at least one of them twice where there is room."""
    words = list(vocab)[len(SPECIALS) :]
    drawn = [words[n] for n in rng.integers(0, len(words), length - 1).tolist()]
    return [*drawn, drawn[0] if drawn else words[-1]]


def observe_encoded(
    subject: Any, vocab: dict[str, int], sentences: list[list[str]]
) -> dict[str, Any]:
    return {
        f"encode({words}, vocab)": attempt(lambda words=words: subject(list(words), dict(vocab)))
        for words in sentences
    }


def observe_known(subject: Any, rng: Rng) -> dict[str, Any]:
    vocab = draw_vocab(rng)
    return observe_encoded(subject, vocab, [draw_sentence(rng, vocab, n) for n in (6, 1)])


def observe_unknown(subject: Any, rng: Rng) -> dict[str, Any]:
    """Words that the vocabulary does not have at the beginning, in the middle and at the end."""
    vocab = draw_vocab(rng)
    words = draw_sentence(rng, vocab, 4)
    return observe_encoded(subject, vocab, [["zebra", *words[:2], "emu", *words[2:], "zebra"]])


exercise = Exercise(
    "encode",
    "ps2_inputs",
    inputs.encode,
    points=2,
    properties=(
        Property("known", "words of the vocabulary get their numbers", 0.5, observe_known),
        Property("unknown", "a word that it does not have becomes UNK", 0.5, observe_unknown),
    ),
)


@exercise.misconception(
    "Your function stops at a word that the vocabulary does not have. "
    "There will always be one: give it UNK, as in vocab.get(word, UNK)."
)
def stops_at_unknown_words(words, vocab):
    return [vocab[word] for word in words]


@exercise.misconception(
    "You drop unknown words, so the sentence gets shorter and its meaning may change. "
    "Keep the place: UNK stands for the word."
)
def drops_unknown_words(words, vocab):
    return [vocab[word] for word in words if word in vocab]


@exercise.misconception(
    "You encode an unknown word as PAD, and padding will be masked away. Use UNK."
)
def takes_padding_for_unknown(words, vocab):
    return [vocab.get(word, PAD) for word in words]


@exercise.misconception(
    "You give None for an unknown word, and no matrix has such a row. "
    "Use UNK, as in vocab.get(word, UNK)."
)
def gives_none_for_unknown(words, vocab):
    return [vocab.get(word) for word in words]


@exercise.misconception(
    "You give unknown words new numbers, for which the model has no vectors, "
    "and change the caller's vocabulary. Use UNK and leave vocab alone."
)
def enlarges_the_vocabulary(words, vocab):
    return [vocab.setdefault(word, len(vocab)) for word in words]


@exercise.misconception(
    "You look words up in lower case. The vocabulary keeps the case, so look up the word as it is."
)
def looks_up_lower_case(words, vocab):
    return [vocab.get(word.lower(), UNK) for word in words]


@exercise.misconception(
    "You put <s> and </s> around the sentence. Here one number comes back for each word; "
    "whoever wants the two adds them to the words."
)
def adds_beginning_and_end(words, vocab):
    return [BOS, *(vocab.get(word, UNK) for word in words), EOS]


@exercise.misconception(
    "You return a tensor. A list is asked for: sentences differ in length, "
    "and it is pad_batch that joins them."
)
def returns_a_tensor(words, vocab):
    return torch.tensor([vocab.get(word, UNK) for word in words])


@exercise.misconception(
    'For an unknown word you give the text "<unk>". A number is asked for: UNK, which is 1.'
)
def gives_the_text_of_unknown(words, vocab):
    return [vocab.get(word, "<unk>") for word in words]


@exercise.misconception(
    "You return each word once. A sentence may repeat a word: return one number for each place."
)
def encodes_each_word_once(words, vocab):
    return [vocab.get(word, UNK) for word in dict.fromkeys(words)]
