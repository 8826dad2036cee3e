"""translate: its visible checks and the mistakes people make."""

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
# needs no training, and what becomes of its words is known exactly.
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


def word_by_word(subject: Any) -> Any:
    model = remote(subject, harness.WordByWord)(len(TARGET_VOCAB), SOURCE_VOCAB["forever"])
    return model


def run_translate(subject: Any, sentences: list[str], training: bool = False) -> Any:
    model = word_by_word(subject)
    if not training:
        model.eval()
    # Copies: what a call does to its arguments is done to ours, and these are there for everybody.
    vocabs = dict(SOURCE_VOCAB), dict(TARGET_VOCAB)
    result = attempt(subject, sentences, model, *vocabs)
    if not isinstance(result, (list, tuple)):
        return result
    # In quotes: a report that says "got , expected et" leaves a reader puzzled.
    return [repr(one) if isinstance(one, str) else one for one in result]


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
    given = {
        "no sentences": [],
        "an empty sentence": ["", *words],
        "a word that the vocabulary does not have": [f"{words[0]} wednesday", "sunday"],
    }
    return {
        f"{what}: translate({sentences!r}, …)": run_translate(subject, list(sentences))
        for what, sentences in given.items()
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
            "edges", "no sentences, empty ones and unknown words are no trouble", 1.5, observe_edges
        ),
    ),
)


@exercise.misconception(
    "You return the English sentences as they came. Run the model: `start` once, then `step` for "
    "each word."
)
def copies_the_source(sentences, model, source_vocab, target_vocab, longest=60):
    return list(sentences)


@exercise.misconception(
    "You sort the sentences by length and return the translations in that order. Put each back in "
    "the place of its sentence."
)
def forgets_the_order(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    numbers = [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    numbers.sort(key=len)
    tokens, lengths = pad_batch(numbers)
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "You join the words with spaces. French is not written so: l'année, and no space before a "
    "comma. Use `detokenise`."
)
def joins_with_spaces(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    return [" ".join(decode([n for n in row if n >= len(SPECIALS)], target_vocab)) for row in rows]


@exercise.misconception(
    "You return each translation as a list of words. A reader wants a string: `detokenise` makes "
    "one."
)
def returns_lists_of_words(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    return [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]


@exercise.misconception(
    "Your translations show the end mark </s>. It says that the sentence is over and is no word "
    "of it: leave it out."
)
def shows_the_end_mark(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    return [detokenise(decode(row, target_vocab), "fr") for row in rows]


@exercise.misconception(
    "Your translations show <unk>. A special is no word: leave all four of them out, not only the "
    "end mark."
)
def shows_the_unknown_mark(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n != EOS], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "A word that the vocabulary does not have stops you with a KeyError. Give it the number of "
    "<unk>, as `encode` does."
)
def stumbles_over_unknown_words(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*(source_vocab[word] for word in tokenise(one, "en")), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "Your source has no EOS at its end, so the model is not told where the sentence stops. Put it "
    "there, as in training."
)
def leaves_the_source_open(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch([encode(tokenise(one, "en"), source_vocab) for one in sentences])
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "You cut the sentence at its spaces, so a comma sticks to its word and nobody knows the two "
    "together. Use `tokenise`."
)
def cuts_at_spaces(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(one.lower().split(), source_vocab), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "Your decoder is given EOS before its first word. It was trained to begin after BOS."
)
def begins_with_the_end(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, EOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "Your mask is True everywhere, so short sentences are translated with their padding. It is "
    "True where there is a token: `sequence_mask(lengths)`."
)
def masks_nothing(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, _ = pad_batch([[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences])
    state = model.start(tokens, torch.ones_like(tokens, dtype=torch.bool))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "You leave empty sentences out, and every translation after one belongs to another sentence. "
    "Return as many as came in."
)
def leaves_empty_sentences_out(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    sentences = [one for one in sentences if one]
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "You translate with the model as it comes, dropout and all. Call model.eval() first."
)
def leaves_the_model_in_training(sentences, model, source_vocab, target_vocab, longest=60):
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "You write until the model says EOS, and some models never do. Stop after `longest` words."
)
def never_gives_up(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, 10**9)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]


@exercise.misconception(
    "You translate the first batch and forget the rest. Go on until every sentence has its "
    "translation."
)
def stops_after_a_batch(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    if not sentences:
        return []
    tokens, lengths = pad_batch(
        [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences[:64]]
    )
    state = model.start(tokens, sequence_mask(lengths))
    rows = greedy_decode(model.step, state, BOS, EOS, longest)
    words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
    return [detokenise(one, "fr") for one in words]
