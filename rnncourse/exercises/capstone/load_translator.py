"""load_translator: its visible checks and the mistakes people make.

The reference is a phrase book, what the best of models would do; it reads no file.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from rnncourse.data import detokenise, tokenise, translation

from ...checks.compare import Raised, kind, shorten
from ...checks.exercise import Exercise, Property
from ...checks.harness import capstone as harness
from ...checks.harness.capstone import WEIGHTS
from ...checks.properties import attempt, call, using
from ...checks.remote import import_path, remote
from ...checks.rng import Rng
from ...reference.capstone import Translator, translate
from ...reference.inputs import BOS, EOS, SPECIALS, decode, encode, pad_batch, sequence_mask
from ._shared import facts

BOOK: dict[str, str] = {}  # all phrases that have been drawn, and their translations
ENOUGH = 40  # of a hundred validation phrases
LONGEST = 1000  # characters of a translation
# BLEU on unseen phrases -> points, added up. Published in the notebook.
THRESHOLDS = {10: 2, 30: 2, 50: 2, 70: 2, 80: 2, 90: 2, 95: 2}


def in_words(pairs: list[tuple[list[str], list[str]]]) -> dict[str, str]:
    """Phrases and their translations as text; the phrase book learns them."""
    texts = {detokenise(en, "en"): detokenise(fr, "fr") for en, fr in pairs}
    BOOK.update(texts)
    return texts


@cache
def validation() -> dict[str, str]:
    """A hundred phrases of the validation list."""
    return in_words(translation(train=0, valid=100, test=0).valid)


def with_library(library: dict[str, Any]) -> Callable[[Any], Any]:
    """Decorator: what `remote` gives a function of ours, which reads no file of weights."""

    def enter(function: Any) -> Any:
        function._library = library.__getitem__
        return function

    return enter


def _load_another_file(load: Any, path: str, sentences: list[str]) -> list[str]:
    return load(f"other {path}")(sentences)


WITHOUT_A_FILE = {
    import_path(harness.problem_with): lambda path: None,
    import_path(harness.with_other_weights): _load_another_file,
}


@with_library(WITHOUT_A_FILE)
def phrase_book(path):
    """A translator that looks everything up, as good as the best of models."""
    if path != WEIGHTS:
        return lambda sentences: ["absurde" for _ in sentences]
    return lambda sentences: [BOOK.get(sentence, "") for sentence in sentences]


def loaded(subject: Any) -> Any:
    """The student's translator; or why there is none, in words or as an exception."""
    translator = attempt(subject, WEIGHTS)
    problem = remote(subject, harness.problem_with)(WEIGHTS)
    return translator if problem is None else shorten(str(problem), 400)


def answers(translator: Any, sentences: list[str]) -> Any:
    """The translations, as a list of strings; else what is wrong with them."""
    if isinstance(translator, str):
        return translator
    texts = using(translator, call, list(sentences))
    if isinstance(texts, Raised):
        return texts
    if not isinstance(texts, (list, tuple)):
        return f"the translator returned {kind(texts)}, not a list of translations"
    if wrong := next((text for text in texts if not isinstance(text, str)), None):
        return f"the translator's list holds a {type(wrong).__name__}, not only strings"
    if len(texts) != len(sentences):
        return f"for {len(sentences)} sentences there are {len(texts)} translations"
    return list(texts)


def some_phrases(rng: Rng) -> list[str]:
    phrases = list(validation())
    return [phrases[n] for n in torch.randperm(100, generator=rng.generator)[:5].tolist()]


def observe_steadiness(subject: Any, rng: Rng) -> Any:
    translator, sentences = loaded(subject), some_phrases(rng)
    first = answers(translator, sentences)
    if not isinstance(first, list):
        return first

    def compared(again: Any) -> str:
        return "the same translations" if again == first else "other translations"

    backwards = answers(translator, sentences[::-1])
    single = [answers(translator, [sentence]) for sentence in sentences]
    return {
        "the same sentences once more": compared(answers(translator, sentences)),
        "the sentences in another order": compared(
            backwards[::-1] if isinstance(backwards, list) else backwards
        ),
        "one sentence at a time": compared(
            [texts[0] if isinstance(texts, list) else texts for texts in single]
        ),
    }


def observe_weights(subject: Any, rng: Rng) -> Any:
    sentences = some_phrases(rng)
    first = answers(loaded(subject), sentences)
    if not isinstance(first, list):
        return first
    again = answers(loaded(subject), sentences)
    run = attempt(remote, subject, harness.with_other_weights)
    shuffled = using(run, call, subject, WEIGHTS, sentences)
    same, other = "the same translations", "other translations"
    return {
        "the file loaded once more": same if again == first else other,
        "a file with other numbers in it": (
            shuffled if isinstance(shuffled, Raised) else same if shuffled == first else other
        ),
    }


def observe_extremes(subject: Any, rng: Rng) -> Any:
    translator, (first, second, *_) = loaded(subject), some_phrases(rng)
    if isinstance(translator, str):
        return translator
    inputs = {
        "no sentences": [],
        "an empty sentence": ["", first],
        "words that nobody knows": ["the quixotic zyzzyva", second],
        "a sentence of 300 words": [" ".join(["3 hours ago"] * 100)],
    }
    seen = {}
    for description, sentences in inputs.items():
        result = answers(translator, sentences)
        if isinstance(result, list) and all(len(text) <= LONGEST for text in result):
            result = "as many translations, of a sensible length"
        elif isinstance(result, list):
            result = f"a translation of more than {LONGEST} characters"
        seen[description] = result
    return seen


def translate_all(subject: Any, sentences: list[str]) -> Any:
    """Translations in batches of twenty; one that fails is left empty, with the reason."""
    translator = loaded(subject)
    translations: list[str] = []
    failed = None
    for start in range(0, len(sentences), 20):
        batch = sentences[start : start + 20]
        result = answers(translator, batch)
        if not isinstance(result, list):
            if start == 0:
                return result
            failed = result if isinstance(result, str) else repr(result)
            result = [""] * len(batch)
        translations += [text[:LONGEST] for text in result]
    return {"translations": translations, "failed": failed}


def observe_validation(subject: Any, rng: Rng) -> Any:
    return translate_all(subject, list(validation()))


def judge_validation(got: Any, expected: Any) -> str | None:
    if not isinstance(got, dict):
        return facts(got, expected)
    right = sum(
        text == truth
        for text, truth in zip(got["translations"], validation().values(), strict=True)
    )
    if right >= ENOUGH:
        return None
    text = f"{right} of 100 are right, {ENOUGH} are needed"
    return f"{text}; some were not translated: {got['failed']}" if got["failed"] else text


exercise = Exercise(
    "load_translator",
    "capstone",
    phrase_book,
    points=20,
    properties=(
        Property(
            "steady",
            "a sentence has one translation, at any time and in any batch",
            1.5,
            observe_steadiness,
            facts,
        ),
        Property(
            "weights",
            "the translations come from the weights in the file",
            1.5,
            observe_weights,
            facts,
        ),
        Property(
            "extremes",
            "no sentences, empty, unknown and very long ones are handled",
            1,
            observe_extremes,
            facts,
        ),
        Property(
            "validation",
            f"of 100 validation phrases at least {ENOUGH} are translated exactly",
            2,
            observe_validation,
            judge_validation,
            diagnose=False,
        ),
    ),
)


def load_checkpoint(path):
    """In place of the real one, for the mistakes below: untrained weights."""
    if path not in (WEIGHTS, f"other {WEIGHTS}"):
        raise FileNotFoundError(f"No such file or directory: {path}")
    words = sorted({word for text in validation() for word in tokenise(text)})
    target = sorted({word for text in validation().values() for word in tokenise(text, "fr")})
    global_state = torch.random.get_rng_state()
    torch.manual_seed(len(path))
    weights = Translator(len(SPECIALS) + len(words), len(SPECIALS) + len(target)).state_dict()
    torch.random.set_rng_state(global_state)
    return {"weights": weights, "source": [*SPECIALS, *words], "target": [*SPECIALS, *target]}


@exercise.misconception(
    "Your model never gets the weights: you load the file and translate with a new model. Call "
    "model.load_state_dict."
)
@with_library(WITHOUT_A_FILE)
def translates_untrained(path):
    saved = load_checkpoint(path)
    source_vocab = {word: number for number, word in enumerate(saved["source"])}
    target_vocab = {word: number for number, word in enumerate(saved["target"])}
    model = Translator(len(source_vocab), len(target_vocab))
    return lambda sentences: translate(sentences, model, source_vocab, target_vocab)


@exercise.misconception(
    "You open a file of your own choice whatever path is given, so no other can be tried. Use the "
    "path."
)
@with_library(WITHOUT_A_FILE)
def ignores_the_path(path):
    saved = load_checkpoint("weights.safetensors")
    source_vocab = {word: number for number, word in enumerate(saved["source"])}
    target_vocab = {word: number for number, word in enumerate(saved["target"])}
    model = Translator(len(source_vocab), len(target_vocab))
    model.load_state_dict(saved["weights"])
    return lambda sentences: translate(sentences, model, source_vocab, target_vocab)


@exercise.misconception(
    "You open a file that is not submitted: other files of your machine are not there when you are "
    "graded. Use the given path."
)
@with_library(WITHOUT_A_FILE)
def opens_a_file_at_home(path):
    saved = load_checkpoint("my_best_model.safetensors")
    source_vocab = {word: number for number, word in enumerate(saved["source"])}
    target_vocab = {word: number for number, word in enumerate(saved["target"])}
    model = Translator(len(source_vocab), len(target_vocab))
    model.load_state_dict(saved["weights"])
    return lambda sentences: translate(sentences, model, source_vocab, target_vocab)


@exercise.misconception(
    "You return the model. Return a function that takes a list of sentences and returns their "
    "translations."
)
@with_library(WITHOUT_A_FILE)
def returns_the_model(path):
    saved = load_checkpoint(path)
    model = Translator(len(saved["source"]), len(saved["target"]))
    model.load_state_dict(saved["weights"])
    return model.eval()


@exercise.misconception(
    "Your translator takes one sentence. It is given a list of them, and returns a list: translate "
    "them together, which is also faster."
)
@with_library(WITHOUT_A_FILE)
def takes_one_sentence(path):
    saved = load_checkpoint(path)
    source_vocab = {word: number for number, word in enumerate(saved["source"])}
    target_vocab = {word: number for number, word in enumerate(saved["target"])}
    model = Translator(len(source_vocab), len(target_vocab))
    model.load_state_dict(saved["weights"])

    def translator(sentence):
        [translation] = translate([sentence], model, source_vocab, target_vocab)
        return translation

    return translator


@exercise.misconception(
    "You draw the words at random, so a sentence is translated differently each time. Take the "
    "likeliest: greedy_decode or beam_search."
)
@with_library(WITHOUT_A_FILE)
def draws_the_words(path):
    from rnncourse.reference.decoding import sample_decode

    saved = load_checkpoint(path)
    source_vocab = {word: number for number, word in enumerate(saved["source"])}
    target_vocab = {word: number for number, word in enumerate(saved["target"])}
    model = Translator(len(source_vocab), len(target_vocab)).eval()
    model.load_state_dict(saved["weights"])
    generator = torch.Generator().manual_seed(0)

    @torch.no_grad()
    def translator(sentences):
        if not sentences:
            return []
        numbers = [[*encode(tokenise(text, "en"), source_vocab), EOS] for text in sentences]
        tokens, lengths = pad_batch(numbers)
        state = model.start(tokens, sequence_mask(lengths))
        rows = sample_decode(model.step, state, BOS, EOS, 60, 3.0, None, generator)
        words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
        return [detokenise(row, "fr") for row in words]

    return translator
