"""load_translator: its visible checks and the mistakes people make."""

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
from .Translator import exercise as translator_exercise

BOOK: dict[str, str] = {}  # what has been drawn to be translated, and its translation


ENOUGH = 40  # of a hundred validation phrases


# BLEU on phrases that nobody has seen -> points, added up. Published in the notebook.
THRESHOLDS = {10: 2, 30: 2, 50: 2, 70: 2, 80: 2, 90: 2, 95: 2}


def in_words(pairs: list[tuple[list[str], list[str]]]) -> dict[str, str]:
    """Phrases and their translations as text; the phrase book learns them."""
    found = {detokenise(en, "en"): detokenise(fr, "fr") for en, fr in pairs}
    BOOK.update(found)
    return found


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
    """A translator that looks everything up: what the best of models would do."""
    if path != WEIGHTS:
        return lambda sentences: ["absurde" for _ in sentences]
    return lambda sentences: [BOOK.get(one, "") for one in sentences]


def loaded(subject: Any) -> Any:
    """The student's translator; or why there is none, in words or as an exception."""
    found = attempt(subject, WEIGHTS)
    problem = remote(subject, harness.problem_with)(WEIGHTS)
    return found if problem is None else shorten(str(problem), 400)


def answers(translator: Any, sentences: list[str]) -> Any:
    """The translations, as a list of strings; or what came in their place."""
    if isinstance(translator, str):
        return translator
    got = using(translator, call, list(sentences))
    if isinstance(got, Raised):
        return got
    if not isinstance(got, (list, tuple)):
        return f"the translator returned {kind(got)}, not a list of translations"
    if wrong := next((one for one in got if not isinstance(one, str)), None):
        return f"the translator's list holds a {type(wrong).__name__}, not only strings"
    if len(got) != len(sentences):
        return f"for {len(sentences)} sentences there are {len(got)} translations"
    return list(got)


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
    single = [answers(translator, [one]) for one in sentences]
    return {
        "the same sentences once more": compared(answers(translator, sentences)),
        "the sentences in another order": compared(
            backwards[::-1] if isinstance(backwards, list) else backwards
        ),
        "one sentence at a time": compared(
            [one[0] if isinstance(one, list) else one for one in single]
        ),
    }


def observe_weights(subject: Any, rng: Rng) -> Any:
    sentences = some_phrases(rng)
    first = answers(loaded(subject), sentences)
    if not isinstance(first, list):
        return first
    again = answers(loaded(subject), sentences)
    shuffled = attempt(
        lambda: remote(subject, harness.with_other_weights)(subject, WEIGHTS, sentences)
    )
    same, other = "the same translations", "other translations"
    return {
        "the file loaded once more": same if again == first else other,
        "a file with other numbers in it": (
            shuffled if isinstance(shuffled, Raised) else same if shuffled == first else other
        ),
    }


LONGEST = 1000  # characters of a translation


def observe_extremes(subject: Any, rng: Rng) -> Any:
    translator, (one, two, *_) = loaded(subject), some_phrases(rng)
    if isinstance(translator, str):
        return translator
    given = {
        "no sentences": [],
        "an empty sentence": ["", one],
        "words that nobody knows": ["the quixotic zyzzyva", two],
        "a sentence of 300 words": [" ".join(["3 hours ago"] * 100)],
    }
    seen = {}
    for what, sentences in given.items():
        got = answers(translator, sentences)
        if isinstance(got, list) and all(len(text) <= LONGEST for text in got):
            got = "as many translations, of a sensible length"
        elif isinstance(got, list):
            got = f"a translation of more than {LONGEST} characters"
        seen[what] = got
    return seen


def translate_all(subject: Any, sentences: list[str]) -> Any:
    """Translations by twenties: what fails costs its twenty, and is noted."""
    translator, found, failed = loaded(subject), [], None
    for first in range(0, len(sentences), 20):
        some = sentences[first : first + 20]
        got = answers(translator, some)
        if not isinstance(got, list):
            if first == 0:
                return got
            failed, got = (got if isinstance(got, str) else repr(got)), [""] * len(some)
        found += [text[:LONGEST] for text in got]
    return {"translations": found, "failed": failed}


def observe_validation(subject: Any, rng: Rng) -> Any:
    return translate_all(subject, list(validation()))


def judge_validation(got: Any, expected: Any) -> str | None:
    if not isinstance(got, dict):
        return facts(got, expected)
    right = sum(
        one == truth for one, truth in zip(got["translations"], validation().values(), strict=True)
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
            "a sentence has one translation, whenever and beside whatever it is translated",
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
            "no sentences, empty, unknown and very long ones are no trouble",
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
    """Here in place of the real one, for the mistakes below: weights that nobody has trained."""
    if path not in (WEIGHTS, f"other {WEIGHTS}"):
        raise FileNotFoundError(f"No such file or directory: {path}")
    words = sorted({word for text in validation() for word in tokenise(text)})
    target = sorted({word for text in validation().values() for word in tokenise(text, "fr")})
    kept = torch.random.get_rng_state()
    torch.manual_seed(len(path))
    weights = Translator(len(SPECIALS) + len(words), len(SPECIALS) + len(target)).state_dict()
    torch.random.set_rng_state(kept)
    return {"weights": weights, "source": [*SPECIALS, *words], "target": [*SPECIALS, *target]}


@exercise.misconception(
    "Your model is never given the weights: you load the file and translate with a new model. Call "
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
    "You open a file of your own choice whatever path is given, so nobody can try another one. Use "
    "the path."
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
    "You open a file that is not handed in: what lies elsewhere on your machine is not there when "
    "you are graded. Use the path that is given."
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
    "You return the model. What is asked for is a function that takes a list of sentences and "
    "returns their translations."
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
        [found] = translate([sentence], model, source_vocab, target_vocab)
        return found

    return translator_exercise


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
        numbers = [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
        tokens, lengths = pad_batch(numbers)
        state = model.start(tokens, sequence_mask(lengths))
        rows = sample_decode(model.step, state, BOS, EOS, 60, 3.0, None, generator)
        words = [decode([n for n in row if n >= len(SPECIALS)], target_vocab) for row in rows]
        return [detokenise(one, "fr") for one in words]

    return translator_exercise
