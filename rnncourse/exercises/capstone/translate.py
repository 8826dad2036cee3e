"""translate: its visible checks and the mistakes people make.

The model translates word by word, exactly, and needs no training.
"""

from typing import Any

import torch

from rnncourse.data import detokenise, tokenise

from ...checks.exercise import Exercise, Property
from ...checks.harness import capstone as harness
from ...checks.properties import attempt
from ...checks.remote import remote
from ...checks.rng import Rng
from ...reference import capstone
from ...reference.decoding import greedy_decode
from ...reference.inputs import BOS, EOS, SPECIALS, decode, encode, pad_batch, sequence_mask

# A language in which each word has one translation, and the order is the same: a model for it
# needs no training, and its translations are known exactly.
PLAIN = {
    "monday": "lundi",
    "tuesday": "mardi",
    "march": "mars",
    "april": "avril",
    "three": "trois",
    "weeks": "semaines",
    "days": "jours",
    "in": "dans",
    "1963": "1963",
    "2024": "2024",
    "and": "et",
    "or": "ou",
}
CUT = {
    "the": "l'",
    "year": "année",
    "don": "n'",
    "'t": "oublie",
    ",": ",",
    "(": "(",
    ")": ")",
    "%": "%",
    "forever": "toujours",
    "nonsense": "absurde",
}
SOURCE_VOCAB = {word: n for n, word in enumerate([*SPECIALS, *PLAIN, *CUT])}
TARGET_VOCAB = {word: n for n, word in enumerate([*SPECIALS, *PLAIN.values(), *CUT.values()])}
TEXTS = (
    "The year 1963",
    "Monday, March (2024)",
    "Don’t, the year!",
    "THREE WEEKS and three DAYS",
    "(In April)",
    "Don't",
    "2024,1963 %",
    "the year, the year or monday",
)


def run_translate(subject: Any, sentences: list[str], training: bool = False) -> Any:
    model = remote(subject, harness.WordByWord)(len(TARGET_VOCAB), SOURCE_VOCAB["forever"])
    if not training:
        model.eval()
    # Copies, because a call may change its arguments.
    vocabs = dict(SOURCE_VOCAB), dict(TARGET_VOCAB)
    result = attempt(subject, sentences, model, *vocabs)
    if not isinstance(result, (list, tuple)):
        return result
    # In quotes: a message such as "got , expected et" would be puzzling.
    return [repr(text) if isinstance(text, str) else text for text in result]


def draw_sentences(rng: Rng, count: int) -> list[str]:
    """Plain sentences whose lengths differ from one to the next."""
    words = list(PLAIN)
    return [
        " ".join(words[n] for n in rng.integers(0, len(words), 1 + (5 * k + 3) % 8).tolist())
        for k in range(count)
    ]


def observe_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    return {
        f"translate({sentences!r}, …)": run_translate(subject, list(sentences))
        for sentences in (draw_sentences(rng, 1), draw_sentences(rng, 6))
    }


def observe_texts(subject: Any, rng: Rng) -> dict[str, Any]:
    order = torch.randperm(len(TEXTS), generator=rng.generator).tolist()
    texts = [TEXTS[n] for n in order]
    return {f"translate({texts!r}, …)": run_translate(subject, list(texts))}


def observe_edges(subject: Any, rng: Rng) -> dict[str, Any]:
    words = draw_sentences(rng, 2)
    inputs = {
        "no sentences": [],
        "an empty sentence": ["", *words],
        "a word that the vocabulary does not have": [f"{words[0]} wednesday", "sunday"],
    }
    return {
        f"{description}: translate({sentences!r}, …)": run_translate(subject, list(sentences))
        for description, sentences in inputs.items()
    }


exercise = Exercise(
    "translate",
    "capstone",
    capstone.translate,
    points=8,
    properties=(
        Property("sentences", "each sentence gets its translation", 2, observe_sentences),
        Property(
            "texts",
            "text is cut as `tokenise` cuts it, and put together as `detokenise` does",
            1,
            observe_texts,
        ),
        Property(
            "edges", "no sentences, empty ones and unknown words are handled", 1.5, observe_edges
        ),
    ),
)


@exercise.canonical
def translate(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    numbers = [[*encode(tokenise(text, "en"), source_vocab), EOS] for text in sentences]
    tokens, lengths = pad_batch(numbers)
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(row, "fr") for row in words]


@exercise.misconception(
    "You return the English sentences unchanged. Run the model: `start` once, then `step` for "
    "each word."
)
def copies_the_source(sentences, model, source_vocab, target_vocab, longest=60):
    return list(sentences)


exercise.near_miss(
    "forgets_the_order",
    "You sort the sentences by length and return the translations in that order. Put each back in "
    "the place of its sentence.",
    """
         numbers = [[*encode(tokenise(text, "en"), source_vocab), EOS] for text in sentences]
    +    numbers.sort(key=len)
    """,
)


exercise.near_miss(
    "joins_with_spaces",
    "You join the words with spaces. French is not written like that: l'année, and no space "
    "before a comma. Use `detokenise`.",
    """
    -    return [detokenise(row, "fr") for row in words]
    +    return [" ".join(row) for row in words]
    """,
)


exercise.near_miss(
    "returns_lists_of_words",
    "You return each translation as a list of words. A reader wants a string: `detokenise` makes "
    "one.",
    """
    -    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    -    return [detokenise(row, "fr") for row in words]
    +    return [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    """,
)


exercise.near_miss(
    "shows_the_end_mark",
    "Your translations show the end mark </s>. It says that the sentence is over and is not a word "
    "of it: leave it out.",
    """
    -    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    -    return [detokenise(row, "fr") for row in words]
    +    return [detokenise(decode(row, target_vocab), "fr") for row in rows]
    """,
)


exercise.near_miss(
    "shows_the_unknown_mark",
    "Your translations show <unk>. A special is not a word: leave all four of them out, not only "
    "the end mark.",
    """
    -    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    +    words = [decode([n for n in row if n != EOS], target_vocab) for row in rows]
    """,
)


exercise.near_miss(
    "stumbles_over_unknown_words",
    "A word that the vocabulary does not have stops you with a KeyError. Give it the number of "
    "<unk>, as `encode` does.",
    """
    -    numbers = [[*encode(tokenise(text, "en"), source_vocab), EOS] for text in sentences]
    +    words = [tokenise(text, "en") for text in sentences]
    +    numbers = [[*(source_vocab[word] for word in row), EOS] for row in words]
    """,
)


exercise.near_miss(
    "leaves_the_source_open",
    "Your source has no EOS at its end, so the model is not told where the sentence stops. Put it "
    "there, as in training.",
    """
    -    numbers = [[*encode(tokenise(text, "en"), source_vocab), EOS] for text in sentences]
    +    numbers = [encode(tokenise(text, "en"), source_vocab) for text in sentences]
    """,
)


exercise.near_miss(
    "cuts_at_spaces",
    "You cut the sentence at its spaces, so a comma sticks to its word, and the two together are "
    "not in the vocabulary. Use `tokenise`.",
    """
    -    numbers = [[*encode(tokenise(text, "en"), source_vocab), EOS] for text in sentences]
    +    numbers = [[*encode(text.lower().split(), source_vocab), EOS] for text in sentences]
    """,
)


exercise.near_miss(
    "begins_with_the_end",
    "Your decoder is given EOS before its first word. It was trained to begin after BOS.",
    """
    -    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    +    rows = greedy_decode(model.step, state, EOS, EOS, longest)
    """,
)


exercise.near_miss(
    "masks_nothing",
    "Your mask is True everywhere, so short sentences are translated with their padding. It is "
    "True where there is a token: `sequence_mask(lengths)`.",
    """
    -    tokens, lengths = pad_batch(numbers)
    -    state = model.start(tokens, sequence_mask(lengths))
    +    tokens, _ = pad_batch(numbers)
    +    state = model.start(tokens, torch.ones_like(tokens, dtype=torch.bool))
    """,
)


exercise.near_miss(
    "leaves_empty_sentences_out",
    "You leave empty sentences out, and every translation after one belongs to another sentence. "
    "Return one for each sentence.",
    """
         model.eval()
    +    sentences = [text for text in sentences if text]
    """,
)


exercise.near_miss(
    "leaves_the_model_in_training",
    "You translate with the model in train mode, dropout and all. Call model.eval() first.",
    """
    -    model.eval()
    """,
)


exercise.near_miss(
    "never_gives_up",
    "You write until the model writes EOS, and some models never do. Stop after `longest` words.",
    """
    -    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    +    rows = greedy_decode(model.step, state, BOS, EOS, 10**9)
    """,
)


exercise.near_miss(
    "stops_after_a_batch",
    "You translate the first batch and forget the rest. Go on until every sentence has its "
    "translation.",
    """
    -    numbers = [[*encode(tokenise(text, "en"), source_vocab), EOS] for text in sentences]
    +    numbers = [[*encode(tokenise(text, "en"), source_vocab), EOS] for text in sentences[:64]]
    """,
)
