"""Problem set 2, inputs: what is checked, and the mistakes people make (lecture §2 and §3).

A misconception is a whole wrong implementation under a telling name. It may use torch, nn, Counter,
SPECIALS, PAD, UNK, BOS, EOS and, for nplm_logits, the student's embed; nothing else, because the
audit submits its source.
"""

from collections import Counter
from typing import Any

import torch
from torch import nn

from ..reference import inputs
from ..reference.inputs import BOS, EOS, PAD, SPECIALS, UNK, embed
from .compare import Raised, difference, kind
from .entries import judging
from .exercise import Exercise, Property
from .properties import Cases, attempt, part
from .rng import ONES, Rng, Sizes

# --- build_vocab --------------------------------------------------------------------------------

ANIMALS = ("ant", "bat", "bee", "cat", "cow", "dog", "elk", "fox", "gnu", "hen", "owl", "pig")


def draw_words(rng: Rng, number: int) -> list[str]:
    """Different words in alphabetical order."""
    drawn = torch.randperm(len(ANIMALS), generator=rng.generator)[:number]
    return sorted(ANIMALS[n] for n in drawn.tolist())


def draw_sentences(rng: Rng, counts: dict[str, int]) -> list[list[str]]:
    """A sentence with each word once, in the order of `counts`, and one with all the repetitions.

    So the order of appearance and the number of sentences with a word never look like the counts.
    """
    rest = [word for word, count in counts.items() for _ in range(count - 1)]
    order = torch.randperm(len(rest), generator=rng.generator).tolist()
    return [list(counts), [rest[n] for n in order]]


def draw_counted(rng: Rng, number: int = 7) -> list[list[str]]:
    """No two words occur equally often, and no other order at hand is that of the counts.

    number: how many words, an odd number.
    """
    words = draw_words(rng, number)
    words = words[1::2] + words[::-2]  # the most frequent first
    counts = {word: number - n for n, word in enumerate(words)}
    return draw_sentences(rng, {word: counts[word] for word in words[2:] + words[:2]})


def draw_tied(rng: Rng) -> list[list[str]]:
    """Three words occur 3 times and two words twice; no other order at hand is the right one."""
    a, b, c, d, e, f = draw_words(rng, 6)
    return draw_sentences(rng, {c: 3, f: 3, b: 3, e: 2, a: 2, d: 5})


def in_order(vocab: Any) -> Any:
    """The words by their numbers, without the specials; in words what is no vocabulary."""
    if isinstance(vocab, Raised):
        return vocab
    if not isinstance(vocab, dict):
        return kind(vocab)
    if not all(type(number) is int for number in vocab.values()):
        return "a dict whose values are not all ints"
    if len(set(vocab.values())) < len(vocab):
        return "a dict in which two words have the same number"
    words = sorted((word for word in vocab if word not in SPECIALS), key=vocab.get)
    return " ".join(map(str, words)) or "no words"


def vocab_text(limits: dict[str, int]) -> str:
    given = "".join(f", {name}={value}" for name, value in limits.items())
    return f"build_vocab(sentences{given})"


def observe_limits(
    subject: Any, sentences: list[list[str]], limits: list[dict[str, int]]
) -> dict[str, Any]:
    """The words that are left within each of some limits, and V where that is limited."""
    seen: dict[str, Any] = {}
    for one in limits:
        vocab = attempt(lambda one=one: subject([list(s) for s in sentences], **one))
        seen[f"{vocab_text(one)}, words by number"] = in_order(vocab)
        if "max_size" in one:
            seen[f"{vocab_text(one)}, V"] = len(vocab) if isinstance(vocab, dict) else kind(vocab)
    return seen


def observe_specials(subject: Any, rng: Rng) -> dict[str, Any]:
    """The numbers of the specials, and which numbers there are."""
    vocab = subject(draw_counted(rng))
    if not isinstance(vocab, dict):
        return {"the vocabulary": kind(vocab)}
    numbers = list(vocab.values())
    if not all(type(number) is int for number in numbers):
        return {"the vocabulary": "a dict whose values are not all ints"}
    seen: dict[str, Any] = {f'number of "{one}"': vocab.get(one, "missing") for one in SPECIALS}
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


vocabulary = Exercise(
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


@vocabulary.misconception(
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


@vocabulary.misconception(
    "You return the row of words. Number it, and return a dict: "
    "{word: number for number, word in enumerate(row)}."
)
def returns_the_row(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return [*SPECIALS, *words][:max_size]


@vocabulary.misconception(
    "You put the specials after the words, so padding has another number in each vocabulary. "
    "They come first: 0 to 3."
)
def puts_the_specials_last(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    room = None if max_size is None else max_size - len(SPECIALS)
    return {word: number for number, word in enumerate([*words[:room], *SPECIALS])}


@vocabulary.misconception(
    "You count the numbers from 1. They are rows of a matrix, so they run from 0 to V-1."
)
def counts_from_one(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size], start=1)}


@vocabulary.misconception(
    "Your dict maps numbers to words. `encode` has a word and looks for its number: {word: number}."
)
def maps_numbers_to_words(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return dict(enumerate([*SPECIALS, *words][:max_size]))


@vocabulary.misconception(
    "You number the words as they first appear in the text. Count them, "
    "and give the smallest numbers to the most frequent."
)
def keeps_the_order_of_appearance(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@vocabulary.misconception(
    "You sort by the alphabet alone, so max_size throws frequent words away. "
    "Sort by count first, and by the alphabet where counts are equal."
)
def sorts_by_the_alphabet_alone(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = sorted(word for word in counts if counts[word] >= min_count and word not in SPECIALS)
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@vocabulary.misconception(
    "You put the rarest words first. Sort by the count downwards: the key is -counts[word]."
)
def puts_rare_words_first(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@vocabulary.misconception(
    "Words of the same count stay as the text has them, as most_common leaves them, so shuffled "
    "sentences change the numbers. Sort by (-count, word)."
)
def leaves_ties_to_the_text(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [w for w, n in counts.most_common() if n >= min_count and w not in SPECIALS]
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@vocabulary.misconception(
    "`reverse=True` turns the alphabet round too. Keep the sort upwards "
    "and negate the count alone: (-count, word)."
)
def reverses_the_alphabet_too(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (counts[word], word), reverse=True)
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@vocabulary.misconception(
    "You leave out words that occur exactly min_count times. Only rarer ones go: keep >= min_count."
)
def takes_min_count_for_too_few(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] > min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@vocabulary.misconception("You never look at min_count. Leave out words that are rarer than that.")
def ignores_min_count(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@vocabulary.misconception(
    "You keep max_size words beside the specials, so V is 4 too large. "
    "max_size counts the specials as well."
)
def forgets_that_specials_take_room(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words[:max_size]])}


@vocabulary.misconception(
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


@vocabulary.misconception(
    "You turn the words into lower case, which makes one word of Polish and polish. "
    "Take words as they come; whoever wants lower case does it before."
)
def turns_words_to_lower_case(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word.lower() for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


@vocabulary.misconception(
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


@vocabulary.misconception(
    "You count each word once for every sentence that has it. Count every time that it occurs."
)
def counts_sentences_with_the_word(sentences, min_count=1, max_size=None):
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size has no room for the specials")
    counts = Counter(word for sentence in sentences for word in set(sentence))
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


# --- encode -------------------------------------------------------------------------------------


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


encoding = Exercise(
    "encode",
    "ps2_inputs",
    inputs.encode,
    points=2,
    properties=(
        Property("known", "words of the vocabulary get their numbers", 0.5, observe_known),
        Property("unknown", "a word that it does not have becomes UNK", 0.5, observe_unknown),
    ),
)


@encoding.misconception(
    "Your function stops at a word that the vocabulary does not have. "
    "There will always be one: give it UNK, as in vocab.get(word, UNK)."
)
def stops_at_unknown_words(words, vocab):
    return [vocab[word] for word in words]


@encoding.misconception(
    "You drop unknown words, so the sentence gets shorter and its meaning may change. "
    "Keep the place: UNK stands for the word."
)
def drops_unknown_words(words, vocab):
    return [vocab[word] for word in words if word in vocab]


@encoding.misconception(
    "You encode an unknown word as PAD, and padding will be masked away. Use UNK."
)
def takes_padding_for_unknown(words, vocab):
    return [vocab.get(word, PAD) for word in words]


@encoding.misconception(
    "You give None for an unknown word, and no matrix has such a row. "
    "Use UNK, as in vocab.get(word, UNK)."
)
def gives_none_for_unknown(words, vocab):
    return [vocab.get(word) for word in words]


@encoding.misconception(
    "You give unknown words new numbers, for which the model has no vectors, "
    "and change the caller's vocabulary. Use UNK and leave vocab alone."
)
def enlarges_the_vocabulary(words, vocab):
    return [vocab.setdefault(word, len(vocab)) for word in words]


@encoding.misconception(
    "You look words up in lower case. The vocabulary keeps the case, so look up the word as it is."
)
def looks_up_lower_case(words, vocab):
    return [vocab.get(word.lower(), UNK) for word in words]


@encoding.misconception(
    "You put <s> and </s> around the sentence. Here one number comes back for each word; "
    "whoever wants the two adds them to the words."
)
def adds_beginning_and_end(words, vocab):
    return [BOS, *(vocab.get(word, UNK) for word in words), EOS]


@encoding.misconception(
    "You return a tensor. A list is asked for: sentences differ in length, "
    "and it is pad_batch that joins them."
)
def returns_a_tensor(words, vocab):
    return torch.tensor([vocab.get(word, UNK) for word in words])


@encoding.misconception(
    'For an unknown word you give the text "<unk>". A number is asked for: UNK, which is 1.'
)
def gives_the_text_of_unknown(words, vocab):
    return [vocab.get(word, "<unk>") for word in words]


@encoding.misconception(
    "You return each word once. A sentence may repeat a word: return one number for each place."
)
def encodes_each_word_once(words, vocab):
    return [vocab.get(word, UNK) for word in dict.fromkeys(words)]


# --- pad_batch ----------------------------------------------------------------------------------


def draw_sequences(rng: Rng, s: Sizes) -> list[list[int]]:
    """B sequences, the second the longest of all; numbers from 4, so that none is a special."""
    lengths = [int(rng.integers(1, max(s.T, 2))) for _ in range(s.B)]
    lengths[min(1, s.B - 1)] = s.T
    return [rng.integers(4, 60, length).tolist() for length in lengths]


def padded(subject: Any, sequences: list[Any], *pad: int) -> Any:
    """What comes back for a copy of the sequences."""
    copies = [one.clone() if isinstance(one, torch.Tensor) else list(one) for one in sequences]
    return attempt(lambda: subject(copies, *pad))


def batch_text(sequences: list[Any], *pad: int) -> str:
    lists = ", ".join(str(one.tolist() if torch.is_tensor(one) else one) for one in sequences)
    return f"pad_batch([{lists}]{''.join(f', pad={one}' for one in pad)})"


def observe_batches(subject: Any, batches: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Tokens and lengths for each (sequences, perhaps pad)."""
    seen = {}
    for sequences, *pad in batches:
        result = padded(subject, sequences, *pad)
        text = batch_text(sequences, *pad)
        seen[f"{text}, tokens"] = part(result, 0)
        seen[f"{text}, lengths"] = part(result, 1)
    return seen


def observe_padded(subject: Any, rng: Rng) -> dict[str, Any]:
    """What comes back; `tokens` and `lengths` judge a part of it each."""
    return observe_batches(subject, [(draw_sequences(rng, rng.sizes(B=B)),) for B in (3, 5)])


def dtype_of(value: Any) -> Any:
    return str(value.dtype).removeprefix("torch.") if torch.is_tensor(value) else kind(value)


def observe_batch_dtypes(subject: Any, rng: Rng) -> dict[str, Any]:
    result = padded(subject, draw_sequences(rng, rng.sizes(B=4)))
    return {"tokens": dtype_of(part(result, 0)), "lengths": dtype_of(part(result, 1))}


padding = Exercise(
    "pad_batch",
    "ps2_inputs",
    inputs.pad_batch,
    points=4,
    properties=(
        Property(
            "tokens",
            "tokens (B, T): each row a sequence, then pad",
            1,
            observe_padded,
            judging("*tokens"),
        ),
        Property(
            "lengths",
            "lengths (B,): how long each sequence is",
            0.5,
            observe_padded,
            judging("*lengths"),
        ),
        Property("dtype", "both are int64", 0.5, observe_batch_dtypes),
    ),
    forbids=("torch.nn.utils.rnn.pad_sequence",),
)


@padding.misconception(
    "You pad in front. Here padding comes after the sequence, "
    "so that mask[b, t] is simply t < lengths[b]."
)
def pads_in_front(sequences, pad=PAD):
    lengths = torch.tensor([len(one) for one in sequences], dtype=torch.long)
    T = int(lengths.max())
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, one in zip(tokens, sequences, strict=True):
        row[T - len(one) :] = torch.as_tensor(one)
    return tokens, lengths


@padding.misconception(
    "You cut all sequences to the shortest, which throws words away. T is the longest length."
)
def cuts_to_the_shortest(sequences, pad=PAD):
    lengths = torch.tensor([len(one) for one in sequences], dtype=torch.long)
    T = int(lengths.min())
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, one in zip(tokens, sequences, strict=True):
        row[:] = torch.as_tensor(one[:T])
    return tokens, lengths


@padding.misconception(
    "You take T from the first sequence. It is the length of the longest, wherever that stands."
)
def takes_the_first_length(sequences, pad=PAD):
    lengths = torch.tensor([len(one) for one in sequences], dtype=torch.long)
    T = len(sequences[0])
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, one in zip(tokens, sequences, strict=True):
        row[: len(one)] = torch.as_tensor(one[:T], dtype=torch.long)
    return tokens, lengths


@padding.misconception(
    "Your tokens are floating-point, which torch.zeros and torch.full make by default. "
    "Numbers of words are int64: dtype=torch.long."
)
def makes_floats(sequences, pad=PAD):
    lengths = torch.tensor([len(one) for one in sequences], dtype=torch.long)
    tokens = torch.full((len(sequences), int(lengths.max())), float(pad))
    for row, one in zip(tokens, sequences, strict=True):
        row[: len(one)] = torch.as_tensor(one)
    return tokens, lengths


@padding.misconception(
    "Your tokens are int32. torch looks rows up with int64 everywhere else: use dtype=torch.long."
)
def makes_int32(sequences, pad=PAD):
    lengths = torch.tensor([len(one) for one in sequences], dtype=torch.int32)
    tokens = torch.full((len(sequences), int(lengths.max())), pad, dtype=torch.int32)
    for row, one in zip(tokens, sequences, strict=True):
        row[: len(one)] = torch.as_tensor(one)
    return tokens, lengths


@padding.misconception(
    "You always pad with 0. Use the number that pad says: another vocabulary may have another."
)
def ignores_pad(sequences, pad=PAD):
    lengths = torch.tensor([len(one) for one in sequences], dtype=torch.long)
    tokens = torch.zeros(len(sequences), int(lengths.max()), dtype=torch.long)
    for row, one in zip(tokens, sequences, strict=True):
        row[: len(one)] = torch.as_tensor(one)
    return tokens, lengths


@padding.misconception(
    "You return the tokens alone. Return lengths too: later nobody can tell "
    "padding from a word with the same number."
)
def returns_tokens_only(sequences, pad=PAD):
    T = max(len(one) for one in sequences)
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, one in zip(tokens, sequences, strict=True):
        row[: len(one)] = torch.as_tensor(one)
    return tokens


@padding.misconception(
    "Your lengths are a Python list. Make them an int64 tensor (B,), "
    "so that they can be compared and moved like tokens."
)
def lists_the_lengths(sequences, pad=PAD):
    lengths = [len(one) for one in sequences]
    tokens = torch.full((len(sequences), max(lengths)), pad, dtype=torch.long)
    for row, one in zip(tokens, sequences, strict=True):
        row[: len(one)] = torch.as_tensor(one)
    return tokens, lengths


@padding.misconception(
    "All your lengths are T, so the padding counts as words. Measure the sequences, not the rows."
)
def measures_the_rows(sequences, pad=PAD):
    T = max(len(one) for one in sequences)
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, one in zip(tokens, sequences, strict=True):
        row[: len(one)] = torch.as_tensor(one)
    return tokens, torch.full((len(sequences),), T, dtype=torch.long)


@padding.misconception(
    "You count what is not pad, but a sequence may hold that number. Take len(sequence)."
)
def counts_what_is_not_padding(sequences, pad=PAD):
    T = max(len(one) for one in sequences)
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, one in zip(tokens, sequences, strict=True):
        row[: len(one)] = torch.as_tensor(one)
    return tokens, (tokens != pad).sum(dim=1)


@padding.misconception(
    "Your += writes the padding into the caller's lists. "
    "Make a new list, sequence + [pad] * n, or fill a new tensor."
)
def pads_the_callers_lists(sequences, pad=PAD):
    lengths = torch.tensor([len(one) for one in sequences], dtype=torch.long)
    T = int(lengths.max())
    if isinstance(sequences[0], torch.Tensor):
        sequences = [one.tolist() for one in sequences]
    for one in sequences:
        one += [pad] * (T - len(one))
    return torch.tensor(sequences, dtype=torch.long), lengths


@padding.misconception(
    "Your tokens are (T, B). The batch is first here: one row for each sequence, (B, T)."
)
def puts_time_first(sequences, pad=PAD):
    lengths = torch.tensor([len(one) for one in sequences], dtype=torch.long)
    tokens = torch.full((int(lengths.max()), len(sequences)), pad, dtype=torch.long)
    for column, one in enumerate(sequences):
        tokens[: len(one), column] = torch.as_tensor(one)
    return tokens, lengths


@padding.misconception(
    "You sort the sequences by length. Row b belongs to sequence b, or its target is another's."
)
def sorts_by_length(sequences, pad=PAD):
    sequences = sorted(sequences, key=len, reverse=True)
    lengths = torch.tensor([len(one) for one in sequences], dtype=torch.long)
    tokens = torch.full((len(sequences), int(lengths.max())), pad, dtype=torch.long)
    for row, one in zip(tokens, sequences, strict=True):
        row[: len(one)] = torch.as_tensor(one)
    return tokens, lengths


@padding.misconception(
    "A list without numbers becomes a float tensor, so a batch of empty sequences is not int64. "
    "Say dtype=torch.long wherever you make a tensor."
)
def forgets_the_dtype_of_nothing(sequences, pad=PAD):
    T = max(len(one) for one in sequences)
    rows = [[int(number) for number in one] + [pad] * (T - len(one)) for one in sequences]
    return torch.tensor(rows), torch.tensor([len(one) for one in sequences])


# --- sequence_mask ------------------------------------------------------------------------------


def draw_lengths(rng: Rng, s: Sizes) -> torch.Tensor:
    """From 1 to T, the last T; where there is room the first is shorter than T."""
    lengths = rng.integers(1, s.T + 1, s.B)
    lengths[0] = max(s.T - 1, 1)
    lengths[-1] = s.T
    return lengths


mask_cases = Cases(
    "sequence_mask",
    ("lengths", "T"),
    lambda rng, s: (draw_lengths(rng, s), s.T + 6),  # more than any B
    batched=("lengths",),
)


def mask_text(lengths: torch.Tensor, T: int | None) -> str:
    return f"sequence_mask({lengths.tolist()}{'' if T is None else f', T={T}'})"


def observe_masks(subject: Any, pairs: list[tuple[torch.Tensor, int | None]]) -> dict[str, Any]:
    return {
        mask_text(lengths, T): attempt(
            lambda lengths=lengths, T=T: (
                subject(lengths.clone()) if T is None else subject(lengths.clone(), T)
            )
        )
        for lengths, T in pairs
    }


def observe_mask(subject: Any, rng: Rng) -> dict[str, Any]:
    """Without T. `shape` and `values` judge the same observation."""
    sizes = rng.sizes(), rng.sizes(B=9)
    return observe_masks(subject, [(draw_lengths(rng, s), None) for s in sizes])


def judge_shapes(got: Any, expected: Any) -> str | None:
    def shape(one: Any) -> Any:
        if torch.is_tensor(one):
            return f"shape {tuple(one.shape)}"
        return one if isinstance(one, Raised) else kind(one)

    for text, theirs in expected.items():
        if wrong := difference(shape(got.get(text)), shape(theirs)):
            return f"{text}: {wrong}"
    return None


def observe_given_T(subject: Any, rng: Rng) -> dict[str, Any]:
    sizes = rng.sizes(), rng.sizes(B=1), ONES
    pairs = [(draw_lengths(rng, s), s.T + more) for more, s in enumerate(sizes)]
    return observe_masks(subject, pairs)


def observe_mask_dtype(subject: Any, rng: Rng) -> dict[str, Any]:
    lengths = draw_lengths(rng, rng.sizes())
    return {mask_text(lengths, None): dtype_of(subject(lengths))}


masking = Exercise(
    "sequence_mask",
    "ps2_inputs",
    inputs.sequence_mask,
    points=4,
    properties=(
        Property("shape", "the mask is (B, T)", 0.25, observe_mask, judge_shapes),
        Property("values", "True where there is a token", 1, observe_mask),
        Property("given", "T can be given, and may be larger", 0.5, observe_given_T),
        Property("dtype", "the mask is boolean", 0.25, observe_mask_dtype),
    ),
)


@masking.misconception(
    "Your mask counts one step too many. Counting from 0, the tokens are at t < lengths[b]."
)
def counts_one_too_many(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T) <= lengths.unsqueeze(1)


@masking.misconception(
    "You count the steps from 1, so the last token of each sequence is lost. "
    "torch.arange(T) starts from 0, and t < lengths[b] fits that."
)
def counts_steps_from_one(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(1, T + 1) < lengths.unsqueeze(1)


@masking.misconception(
    "Your mask is True at the padding. In this course True means: there is a token."
)
def marks_the_padding(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T) >= lengths.unsqueeze(1)


@masking.misconception(
    "Your mask is (T, B). The batch is first: compare torch.arange(T) with lengths.unsqueeze(1)."
)
def makes_the_mask_time_first(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T).unsqueeze(1) < lengths


@masking.misconception(
    "You compare (T,) with (B,), which torch lines up side by side. "
    "Give lengths a second axis: lengths.unsqueeze(1) is (B, 1)."
)
def forgets_the_axis(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T) < lengths


@masking.misconception(
    "Your mask is made of floats. masked_fill, torch.where and ~mask need booleans: "
    "return the comparison itself."
)
def makes_a_float_mask(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return (torch.arange(T) < lengths.unsqueeze(1)).float()


@masking.misconception(
    "Your mask is made of the integers 0 and 1, and indexing with it would fetch rows 0 and 1. "
    "Return booleans: the comparison itself."
)
def makes_an_integer_mask(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return (torch.arange(T) < lengths.unsqueeze(1)).long()


@masking.misconception(
    "You always make as many columns as the largest length. Where T is given, make T columns."
)
def ignores_T(lengths, T=None):
    if T is not None and ((lengths < 0) | (lengths > T)).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(int(lengths.max())) < lengths.unsqueeze(1)


@masking.misconception(
    "T = 0 is a number too, and `not T` takes it for a missing one. Ask `T is None`."
)
def takes_a_T_of_0_for_none(lengths, T=None):
    if not T:
        T = int(lengths.max())
    if ((lengths < 0) | (lengths > T)).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T) < lengths.unsqueeze(1)


@masking.misconception(
    "You take T from the first length. Without a T it is the largest of all lengths."
)
def takes_T_from_the_first(lengths, T=None):
    if T is not None and ((lengths < 0) | (lengths > T)).any():
        raise ValueError("lengths must be from 0 to T")
    T = int(lengths[0]) if T is None else T
    return torch.arange(T) < lengths.unsqueeze(1)


@masking.misconception(
    "Your padding is in front: you mark the last lengths[b] columns. pad_batch pads at the end."
)
def marks_the_end_of_the_row(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T).flip(0) < lengths.unsqueeze(1)


@masking.misconception(
    "`if not T` takes T = 0 for no T at all. Ask `T is None`, "
    "and refuse lengths that are negative or larger than T."
)
def takes_any_length(lengths, T=None):
    if not T:
        T = int(lengths.max())
    return torch.arange(T) < lengths.unsqueeze(1)


@masking.misconception(
    "You mark the place lengths - 1 and fill up to it; for a length of 0 that is -1, "
    "the last column. Compare instead: t < lengths[b]."
)
def marks_the_last_place(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    last = torch.zeros(len(lengths), T, dtype=torch.long)
    if T:
        last[torch.arange(len(lengths)), lengths.long() - 1] = 1
    return last.flip(1).cumsum(1).flip(1).bool()


# --- embed --------------------------------------------------------------------------------------

VOCABULARY = 11  # words, more than any other size drawn


def draw_embed(rng: Rng, s: Sizes) -> tuple:
    """PAD is among the tokens, a word of a larger number than D twice, the last not at all."""
    tokens = rng.integers(0, VOCABULARY - 1, s.B, s.T)
    places = tokens.view(-1)
    places[0] = PAD
    if len(places) > 2:
        places[1] = places[-1] = int(rng.integers(VOCABULARY - 4, VOCABULARY - 1))
    return tokens, rng.normal(VOCABULARY, s.D)


embed_cases = Cases("embed", ("tokens", "E"), draw_embed, batched=("tokens",))

embedding = Exercise(
    "embed",
    "ps2_inputs",
    inputs.embed,
    points=4,
    properties=(
        embed_cases.shape(0.5),
        embed_cases.values(0.75, "each number becomes its row of E"),
        embed_cases.gradient(0.75),
    ),
    forbids=("torch.nn.Embedding", "torch.nn.EmbeddingBag"),
)


@embedding.misconception(
    "You multiply a one-hot matrix by E: V times the work, and a nan in any row of E reaches "
    "every word. Look the rows up: E[tokens]."
)
def multiplies_one_hot_vectors(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return nn.functional.one_hot(tokens, len(E)).to(E.dtype) @ E


@embedding.misconception(
    "E[-1] is the last row, so a negative number slips through. "
    "Refuse what is not from 0 to V-1 with an IndexError."
)
def lets_negative_numbers_pass(tokens, E):
    return E[tokens]


@embedding.misconception(
    "You look up columns. A word's vector is a row of E, which has one row for each word."
)
def looks_up_columns(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[:, tokens]


@embedding.misconception(
    "You detach E, so the vectors would never be trained. Index E itself, not E.data."
)
def detaches_the_vectors(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E.detach()[tokens]


@embedding.misconception(
    "You add the vectors of a sentence up, and its order is gone. "
    "Keep one vector for each place: (B, T, D)."
)
def adds_the_words_up(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens].sum(dim=-2) if tokens.dim() else E[tokens]


@embedding.misconception(
    "You flatten the places of the batch into one axis. "
    "Keep the shape of tokens and add D at its end: (B, T, D)."
)
def flattens_the_batch(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens.reshape(-1)]


@embedding.misconception(
    "Your result is (B, D, T). The vector is the last axis: (B, T, D), "
    "which is what a recurrent network reads."
)
def puts_the_vector_before_time(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens].transpose(-1, -2) if tokens.dim() else E[tokens]


@embedding.misconception(
    "You keep the gradient from the row of PAD. Here it is a word like any other; "
    "the mask sees to it that nobody reads it."
)
def keeps_padding_from_learning(tokens, E):
    return nn.functional.embedding(tokens, E, padding_idx=PAD)


@embedding.misconception(
    "You give PAD the vector 0. Here it has its row of E like any other word, "
    "and the mask keeps it from being read."
)
def blanks_the_padding(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens].masked_fill((tokens == PAD).unsqueeze(-1), 0)


@embedding.misconception(
    "You scale the vectors by the root of D, as a Transformer does. Here they are the rows of E."
)
def scales_by_the_root_of_D(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens] * E.shape[1] ** 0.5


@embedding.misconception(
    "You divide a word's gradient by how often it occurs. Each place adds its own: leave the sum."
)
def averages_the_gradient(tokens, E):
    return nn.functional.embedding(tokens, E, scale_grad_by_freq=True)


@embedding.misconception(
    "Your result is float32 whatever comes in. Keep the dtype of E: leave out the cast."
)
def looks_up_in_float32(tokens, E):
    if ((tokens < 0) | (tokens >= len(E))).any():
        raise IndexError("no such word")
    return E[tokens].float()


# --- nplm_logits --------------------------------------------------------------------------------


def draw_nplm(rng: Rng, s: Sizes) -> tuple:
    """T is N, the words of context, which differ; H, of the sizes, is K, the hidden numbers."""
    N, K, V = s.T, s.H, VOCABULARY
    return (
        torch.stack([torch.randperm(V, generator=rng.generator)[:N] for _ in range(s.B)]),
        rng.normal(V, s.D),
        rng.normal(N * s.D, K, scale=0.5),
        rng.normal(K),
        rng.normal(K, V),
        rng.normal(N * s.D, V, scale=0.5),
        rng.normal(V),
    )


nplm_cases = Cases(
    "nplm_logits", ("tokens", "E", "H", "d", "U", "W", "b"), draw_nplm, batched=("tokens",)
)


def observe_nplm_parts(subject: Any, rng: Rng) -> dict[str, Any]:
    """Some of the weights are 0, so that one part of the sum shows by itself."""
    tokens, E, H, d, U, W, b = draw_nplm(rng, rng.sizes())
    none_U, none_W, none_b = torch.zeros_like(U), torch.zeros_like(W), torch.zeros_like(b)
    weights = {
        "W = 0, b = 0: the hidden layer alone": (H, d, U, none_W, none_b),
        "U = 0, b = 0: the direct connections alone": (H, d, none_U, W, none_b),
        "U = 0, W = 0: what is left is b": (H, d, none_U, none_W, b),
        "H = 0, W = 0, b = 0: what is left is tanh(d) U": (0 * H, d, U, none_W, none_b),
    }
    return {text: attempt(lambda w=w: subject(tokens, E, *w)) for text, w in weights.items()}


nplm = Exercise(
    "nplm_logits",
    "ps2_inputs",
    inputs.nplm_logits,
    points=6,
    properties=(
        nplm_cases.shape(0.5),
        nplm_cases.values(1.5),
        Property("parts", "each part of the sum is right by itself", 1, observe_nplm_parts),
    ),
    forbids=("torch.nn.Embedding", "torch.nn.EmbeddingBag"),
)


@nplm.misconception(
    "You average the vectors of the context, so word order is lost and W does not fit. "
    "Put the N vectors side by side: (B, N*D)."
)
def averages_the_context(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).mean(dim=1)
    return b + x @ W + torch.tanh(d + x @ H) @ U


@nplm.misconception(
    "You join the context from its last word to its first. Here x is in reading order."
)
def reads_backwards(tokens, E, H, d, U, W, b):
    x = embed(tokens.flip(1), E).flatten(start_dim=1)
    return b + x @ W + torch.tanh(d + x @ H) @ U


@nplm.misconception(
    "Your x goes through the N words for each of the D numbers. "
    "Flatten (B, N, D) as it is, so that each word's vector stays in one piece."
)
def interleaves_the_vectors(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).transpose(1, 2).flatten(start_dim=1)
    return b + x @ W + torch.tanh(d + x @ H) @ U


@nplm.misconception(
    "Your reshape mixes the rows of the batch. Keep axis 0 and flatten the other two: "
    "x.flatten(start_dim=1)."
)
def mixes_the_batch(tokens, E, H, d, U, W, b):
    x = embed(tokens.T, E).reshape(len(tokens), -1)
    return b + x @ W + torch.tanh(d + x @ H) @ U


@nplm.misconception(
    "You flatten the whole batch into one row. Leave its axis alone: "
    "`.flatten(start_dim=1)` makes (B, N*D)."
)
def flattens_the_whole_batch(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten()
    return b + x @ W + torch.tanh(d + x @ H) @ U


@nplm.misconception("You leave out the direct connections from the words to the scores. Add x @ W.")
def leaves_out_the_direct_connections(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + torch.tanh(d + x @ H) @ U


@nplm.misconception(
    "You leave out b, the score that each word has whatever stands before it. Add it."
)
def leaves_out_the_output_bias(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return x @ W + torch.tanh(d + x @ H) @ U


@nplm.misconception("You add d after the tanh. It belongs inside: tanh(d + x @ H).")
def adds_the_bias_outside(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + x @ W + (d + torch.tanh(x @ H)) @ U


@nplm.misconception(
    "You leave out the tanh, and without it the two layers are one: (x @ H) @ U is x @ (H @ U)."
)
def leaves_out_the_tanh(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + x @ W + (d + x @ H) @ U


@nplm.misconception("Your hidden layer has a sigmoid. Bengio's has a tanh.")
def has_a_sigmoid(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + x @ W + torch.sigmoid(d + x @ H) @ U


@nplm.misconception(
    "You put a tanh around the whole sum. Only d + x @ H goes through one; "
    "a score may be any number."
)
def squashes_the_scores(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return torch.tanh(b + x @ W + torch.tanh(d + x @ H) @ U)


@nplm.misconception(
    "Your tanh is around x @ W as well. Only the hidden layer has one: b + x @ W + tanh(...) @ U."
)
def squashes_the_direct_connections(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + torch.tanh(x @ W + torch.tanh(d + x @ H) @ U)


@nplm.misconception(
    "You return probabilities. Logits are asked for, the scores before the softmax: "
    "cross-entropy applies it itself, and more exactly."
)
def returns_probabilities(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return torch.softmax(b + x @ W + torch.tanh(d + x @ H) @ U, dim=1)


@nplm.misconception(
    "You return log-probabilities. Logits are asked for: leave log_softmax to the loss."
)
def returns_log_probabilities(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return torch.log_softmax(b + x @ W + torch.tanh(d + x @ H) @ U, dim=1)


@nplm.misconception(
    "You detach the vectors, but learning them is the point of this model. "
    "Let the gradient reach E."
)
def does_not_train_the_vectors(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1).detach()
    return b + x @ W + torch.tanh(d + x @ H) @ U


# --- skipgram_pairs -----------------------------------------------------------------------------


def as_pairs(result: Any) -> Any:
    """The pairs of a result as a list of lists, whatever form they have; in words where it is none.

    An exception stays one.
    """
    if isinstance(result, torch.Tensor):
        fits = result.dim() == 2 and result.shape[1] == 2 and not result.is_complex()
        return result.long().tolist() if fits else kind(result)
    if isinstance(result, (list, tuple)) and all(
        isinstance(one, (list, tuple)) and len(one) == 2 for one in result
    ):
        return [[int(number) for number in one] for one in result]
    return result if isinstance(result, Raised) else kind(result)


def pairs_text(tokens: Any, window: int) -> str:
    shown = f"tensor({tokens.tolist()})" if torch.is_tensor(tokens) else str(tokens)
    return f"skipgram_pairs({shown}, {window})"


def observe_pairs(subject: Any, sentences: list[tuple[Any, int]]) -> dict[str, Any]:
    """The pairs of some (tokens, window)."""
    return {
        pairs_text(tokens, window): as_pairs(
            attempt(lambda tokens=tokens, window=window: subject(tokens, window))
        )
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
    """Which pairs are missing and which are too many, in whatever order they come."""
    if not isinstance(got, dict):
        return difference(got, expected)
    for text, theirs in expected.items():
        mine = got.get(text)
        if not isinstance(mine, list):
            return f"{text}: {difference(mine, theirs)}"
        # Only right pairs are looked up by their hash: others can be made to have all the same.
        want, more = Counter(map(tuple, theirs)), []
        for pair in map(tuple, mine):
            if want[pair] > 0:
                want[pair] -= 1
            else:
                more.append(pair)
        for what, rest in (("missing", list(want.elements())), ("too many", more)):
            if rest:
                return f"{text}: {len(rest)} pairs are {what}, such as {rest[0]}"
    return None


def observe_form(subject: Any, rng: Rng) -> dict[str, str]:
    """Shape and dtype, and the pairs by their number alone."""
    seen = {}
    for length, window in ((6, 2), (4, 1)):
        tokens = draw_different(rng, length)
        seen[pairs_text(tokens, window)] = kind(subject(tokens, window))
    return seen


skipgram = Exercise(
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


@skipgram.misconception(
    "You look to the right only. The context is on both sides: "
    "up to window words before the center and as many after it."
)
def looks_to_the_right_only(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [(w, c) for i, w in enumerate(words) for c in words[i + 1 : i + window + 1]]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "You pair each center with itself. Leave out the place j = i; the same word elsewhere stays."
)
def pairs_words_with_themselves(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (w, c) for i, w in enumerate(words) for c in words[max(i - window, 0) : i + window + 1]
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "Your window is one word too narrow on the right: the end of a range is not in it. "
    "Go up to i + window."
)
def stops_one_word_early(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (w, words[j])
        for i, w in enumerate(words)
        for j in range(max(i - window, 0), min(i + window, len(words)))
        if j != i
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "A negative place counts from the end, so you pair the first words with the last. "
    "Keep j from 0 to T-1."
)
def wraps_around_the_beginning(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (w, words[j])
        for i, w in enumerate(words)
        for j in range(i - window, min(i + window + 1, len(words)))
        if j != i and -len(words) <= j
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "You use only centers with a whole window on both sides, so the borders are lost. "
    "Cut the window off at the border instead."
)
def leaves_the_borders_out(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (words[i], words[j])
        for i in range(window, len(words) - window)
        for j in range(i - window, i + window + 1)
        if j != i
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "You pair words at the distance window alone. Take the nearer ones too: "
    "all distances from 1 to window."
)
def takes_the_farthest_only(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (w, words[j])
        for i, w in enumerate(words)
        for j in (i - window, i + window)
        if 0 <= j < len(words)
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "You leave out pairs of equal words. Compare the places, i and j, not the words: "
    "a word may stand near itself."
)
def skips_equal_words(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (w, words[j])
        for i, w in enumerate(words)
        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
        if words[j] != w
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "You return each pair once. A pair that occurs more often should count more: keep them all."
)
def keeps_each_pair_once(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (w, words[j])
        for i, w in enumerate(words)
        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
        if j != i
    ]
    return torch.tensor(list(dict.fromkeys(pairs)), dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "You return places instead of words. The pairs hold tokens[i] and tokens[j]."
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


@skipgram.misconception("Your columns are (context, center). The center comes first.")
def puts_the_context_first(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (words[j], w)
        for i, w in enumerate(words)
        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
        if j != i
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "You go distance by distance. The order asked for: each center in turn, "
    "and its context from left to right."
)
def goes_by_distance(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (w, words[j])
        for distance in range(1, window + 1)
        for i, w in enumerate(words)
        for j in (i - distance, i + distance)
        if 0 <= j < len(words)
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


@skipgram.misconception(
    "You return a Python list. Make it a tensor (N, 2): torch.tensor(pairs, dtype=torch.long)."
)
def returns_a_list(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    return [
        (w, words[j])
        for i, w in enumerate(words)
        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
        if j != i
    ]


@skipgram.misconception(
    "Where there are no pairs you return a float tensor (0,). "
    "Make it int64 and (0, 2): say dtype=torch.long, and reshape(-1, 2)."
)
def loses_the_shape_of_nothing(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    pairs = [
        (w, words[j])
        for i, w in enumerate(words)
        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
        if j != i
    ]
    return torch.tensor(pairs)


@skipgram.misconception(
    "You accept a window of 0 or less and give no pairs. Raise a ValueError: it can only be a slip."
)
def accepts_any_window(tokens, window):
    words = [int(word) for word in tokens]
    pairs = [
        (w, words[j])
        for i, w in enumerate(words)
        for j in range(max(i - window, 0), min(i + window + 1, len(words)))
        if j != i
    ]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)


# --- negative_sampling_loss ---------------------------------------------------------------------

negative_cases = Cases(
    "negative_sampling_loss",
    ("center", "context", "negatives"),
    # T is K, the number of negatives.
    lambda rng, s: (rng.normal(s.B, s.D), rng.normal(s.B, s.D), rng.normal(s.B, s.T, s.D)),
    batched=("center", "context", "negatives"),
)

HUGE = {torch.float64: 1000.0, torch.float32: 200.0}  # exp of that overflows


def draw_scored(rng: Rng, true: list[float], noise: list[list[float]]) -> tuple:
    """Vectors center (B, D), context and negatives whose scores are given."""
    center = rng.normal(len(true), 3)
    unit = center / center.square().sum(dim=1, keepdim=True)  # center . unit = 1
    scores = torch.tensor(noise, dtype=torch.float64).unsqueeze(2)
    context = torch.tensor(true, dtype=torch.float64).unsqueeze(1) * unit
    return center, context, scores * unit.unsqueeze(1)


def observe_huge_scores(subject: Any, rng: Rng) -> dict[str, Any]:
    """Scores that are very wrong and very right, in both dtypes."""
    seen = {}
    for dtype, huge in HUGE.items():
        scores = {
            f"a true pair with the score {-huge:g}": ([-huge, 1.0], [[0.5, -2.0], [0.0, 1.0]]),
            f"a negative with the score {huge:g}": ([1.0, 0.5], [[huge, 0.5], [0.0, 1.0]]),
            f"scores of {huge:g} where they should be, {-huge:g} for the negatives": (
                [huge, huge],
                [[-huge, -1.0], [-huge, -huge]],
            ),
        }
        for text, (true, noise) in scores.items():
            vectors = [one.to(dtype) for one in draw_scored(rng, true, noise)]
            seen[f"{str(dtype)[6:]}, {text}"] = attempt(lambda vectors=vectors: subject(*vectors))
    return seen


negative_sampling = Exercise(
    "negative_sampling_loss",
    "ps2_inputs",
    inputs.negative_sampling_loss,
    points=6,
    properties=(
        negative_cases.shape(0.5),
        negative_cases.values(1.5),
        Property("huge", "huge scores give a finite loss", 1, observe_huge_scores),
    ),
)


@negative_sampling.misconception(
    "You take the log of a sigmoid, and for a very wrong score that is log(0) = -inf. "
    "Use torch.nn.functional.logsigmoid."
)
def takes_the_log_of_a_sigmoid(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -torch.log(torch.sigmoid(true)) - torch.log(torch.sigmoid(-noise)).sum(dim=1)


@negative_sampling.misconception(
    "You clamp the sigmoid or add an epsilon: the worst mistakes then get too small a loss "
    "and no gradient. Use logsigmoid, which needs no such help."
)
def clamps_the_sigmoid(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    positive = torch.sigmoid(true).clamp(min=1e-8)
    negative = torch.sigmoid(-noise).clamp(min=1e-8)
    return -torch.log(positive) - torch.log(negative).sum(dim=1)


@negative_sampling.misconception(
    "You reward high scores for the negatives as well. Theirs should be low: logsigmoid(-score)."
)
def rewards_the_noise(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(noise).sum(dim=1)


@negative_sampling.misconception(
    "You return what should be made large. A loss is made small: "
    "put a minus before both logarithms."
)
def returns_the_objective(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return nn.functional.logsigmoid(true) + nn.functional.logsigmoid(-noise).sum(dim=1)


@negative_sampling.misconception(
    "You average over the K negatives. The loss has their sum: more negatives, more to learn from."
)
def averages_the_negatives(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).mean(dim=1)


@negative_sampling.misconception(
    "You average over the batch. Return one loss for each pair, (B,), "
    "and leave the mean to the training loop."
)
def averages_the_batch(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    loss = -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)
    return loss.mean()


@negative_sampling.misconception(
    "You sum over the batch. Return one loss for each pair, (B,): its mean is what one trains on."
)
def sums_the_batch(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    loss = -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)
    return loss.sum()


@negative_sampling.misconception(
    "You compare the negatives with the context. They stand in the context's place: "
    "score them with the center."
)
def scores_noise_with_the_context(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * context.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)


@negative_sampling.misconception(
    "You use a softmax over the true word and the negatives. Here each score is judged "
    "by its own sigmoid: true or noise."
)
def uses_a_softmax(center, context, negatives):
    true = (center * context).sum(dim=1, keepdim=True)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -torch.log_softmax(torch.cat([true, noise], dim=1), dim=1)[:, 0]


@negative_sampling.misconception(
    "You leave out the negatives. With true pairs alone all vectors run off in one direction "
    "and the loss is 0."
)
def leaves_out_the_negatives(center, context, negatives):
    return -nn.functional.logsigmoid((center * context).sum(dim=1))


@negative_sampling.misconception(
    "You add the noise scores up before the sigmoid, so they cancel. "
    "Each negative has its own logsigmoid; sum those."
)
def adds_the_scores_first(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives * center.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise.sum(dim=1))


@negative_sampling.misconception(
    "You use the cosine instead of the scalar product, and a sigmoid of -1 to 1 can never be sure. "
    "Do not divide by the lengths."
)
def uses_the_cosine(center, context, negatives):
    true = nn.functional.cosine_similarity(center, context, dim=1)
    noise = nn.functional.cosine_similarity(negatives, center.unsqueeze(1), dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)


@negative_sampling.misconception(
    "You detach the negatives, so nothing pushes noise words away from the center. "
    "Let the gradient reach all three."
)
def does_not_train_the_negatives(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = (negatives.detach() * center.unsqueeze(1)).sum(dim=2)
    return -nn.functional.logsigmoid(true) - nn.functional.logsigmoid(-noise).sum(dim=1)


EXERCISES = {
    one.name: one
    for one in (
        vocabulary,
        encoding,
        padding,
        masking,
        embedding,
        nplm,
        skipgram,
        negative_sampling,
    )
}
