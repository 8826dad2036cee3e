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
    """A vocabulary of the specials and some words in random order."""
    words = draw_words(rng, number)
    order = torch.randperm(number, generator=rng.generator).tolist()
    return {word: n for n, word in enumerate([*SPECIALS, *(words[k] for k in order)])}


def draw_sentence(rng: Rng, vocab: dict[str, int], length: int) -> list[str]:
    """Words of a vocabulary; with length > 1 at least one of them twice."""
    words = list(vocab)[len(SPECIALS) :]
    drawn = [words[n] for n in rng.integers(0, len(words), length - 1).tolist()]
    return [*drawn, drawn[0] if drawn else words[-1]]


def observe_encoded(
    subject: Any, vocab: dict[str, int], sentences: list[list[str]]
) -> dict[str, Any]:
    return {
        f"encode({words}, vocab)": attempt(subject, list(words), dict(vocab)) for words in sentences
    }


def observe_known(subject: Any, rng: Rng) -> dict[str, Any]:
    vocab = draw_vocab(rng)
    return observe_encoded(subject, vocab, [draw_sentence(rng, vocab, n) for n in (6, 1)])


def observe_unknown(subject: Any, rng: Rng) -> dict[str, Any]:
    """Words that are not in the vocabulary, at the beginning, in the middle and at the end."""
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
        Property("unknown", "a word that is not in it becomes UNK", 0.5, observe_unknown),
    ),
)


@exercise.misconception(
    "Your function fails on a word that is not in the vocabulary. "
    "Such words always occur: use UNK, as in vocab.get(word, UNK)."
)
def stops_at_unknown_words(words, vocab):
    return [vocab[word] for word in words]


@exercise.misconception(
    "You drop unknown words, so the sentence gets shorter and its meaning may change. "
    "Keep its position: UNK stands for the word."
)
def drops_unknown_words(words, vocab):
    return [vocab[word] for word in words if word in vocab]


@exercise.misconception(
    "You encode an unknown word as PAD, and padding is masked out later. Use UNK."
)
def takes_padding_for_unknown(words, vocab):
    return [vocab.get(word, PAD) for word in words]


@exercise.misconception(
    "You return None for an unknown word, which is not a row of any matrix. "
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
    "You put <s> and </s> around the sentence. Return one number for each word; "
    "the caller adds the two to the words where they are wanted."
)
def adds_beginning_and_end(words, vocab):
    return [BOS, *(vocab.get(word, UNK) for word in words), EOS]


@exercise.misconception(
    "You return a tensor. Return a list: sentences differ in length, "
    "and pad_batch joins them later."
)
def returns_a_tensor(words, vocab):
    return torch.tensor([vocab.get(word, UNK) for word in words])


@exercise.misconception(
    'For an unknown word you return the text "<unk>". Return its number: UNK, which is 1.'
)
def gives_the_text_of_unknown(words, vocab):
    return [vocab.get(word, "<unk>") for word in words]


@exercise.misconception(
    "You return each word once. A sentence may repeat a word: return a number for each position."
)
def encodes_each_word_once(words, vocab):
    return [vocab.get(word, UNK) for word in dict.fromkeys(words)]
