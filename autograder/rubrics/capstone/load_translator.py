"""load_translator: hidden tests and alternative right answers."""

from functools import lru_cache
from typing import Any

from rnncourse.checks.exercise import Property
from rnncourse.checks.rng import Rng
from rnncourse.data.translation import phrases_held_back
from rnncourse.exercises.capstone._shared import facts
from rnncourse.exercises.capstone.load_translator import THRESHOLDS, in_words, translate_all
from rnncourse.reference.capstone import Translator, translate
from rnncourse.reference.checkpoint import load_checkpoint

from .. import Rubric

UNSEEN = 150


@lru_cache(maxsize=16)
def unseen(seed: int) -> dict[str, str]:
    """Phrases that nobody has seen, and their translations."""
    return in_words(phrases_held_back("en", "fr", UNSEEN, seed))


def observe_unseen(subject: Any, rng: Rng) -> Any:
    phrases = unseen(int(rng.integers(0, 1 << 40, 1)))
    got = translate_all(subject, list(phrases))
    # The truth goes along for the judge. It is ours: nothing of the student's is in it.
    return {**got, "truth": list(phrases.values())} if isinstance(got, dict) else got


def bleu(got: Any) -> float | None:
    """The score of what was observed, from 0 to 100; None where nothing was translated."""
    if not isinstance(got, dict):
        return None
    return corpus_bleu(tuple(got["translations"]), tuple(got["truth"]))


@lru_cache(maxsize=4)
def corpus_bleu(translations: tuple[str, ...], truth: tuple[str, ...]) -> float:
    """BLEU as it is published: sacrebleu, lower case, one reference each."""
    import sacrebleu

    return sacrebleu.corpus_bleu(translations, [truth], lowercase=True).score


def at_least(threshold: float) -> Any:
    def judge(got: Any, expected: Any) -> str | None:
        score = bleu(got)
        if score is None:
            return facts(got, expected)
        if score >= threshold:
            return None
        text = f"BLEU {score:.1f}, needed: {threshold:g}"
        return f"{text}; some were not translated: {got['failed']}" if got["failed"] else text

    return judge


loading = tuple(
    Property(
        f"bleu_{threshold}",
        f"on {UNSEEN} phrases that nobody has seen, BLEU is at least {threshold}",
        points,
        observe_unseen,
        at_least(threshold),
        bleu if threshold == min(THRESHOLDS) else None,
        diagnose=False,
    )
    for threshold, points in THRESHOLDS.items()
)


rubric = Rubric(loading)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def for_inference(path):
    saved = load_checkpoint(path)
    vocabs = [dict(zip(saved[side], range(10**6), strict=False)) for side in ("source", "target")]
    model = Translator(*map(len, vocabs)).requires_grad_(False).double()
    model.load_state_dict(saved["weights"])
    return lambda sentences: translate(sentences, model, *vocabs)


@rubric.alternative
def reads_the_file_by_itself(path):
    import json

    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        structure = dict(json.loads(file.metadata()["rnncourse"])["dict"])
        weights = {
            name.removeprefix("weights/"): file.get_tensor(name)
            for name in file.keys()  # noqa: SIM118
        }
    source, target = (structure[side]["list"] for side in ("source", "target"))
    model = Translator(len(source), len(target))
    model.load_state_dict(weights)
    source_vocab = {word: number for number, word in enumerate(source)}
    target_vocab = {word: number for number, word in enumerate(target)}
    return lambda sentences: [
        text
        for first in range(0, len(sentences), 5)
        for text in translate(sentences[first : first + 5], model, source_vocab, target_vocab)
    ]


@rubric.alternative
def with_a_class(path):
    class Loaded:
        def __init__(self, saved):
            self.vocabs = [{w: n for n, w in enumerate(saved[k])} for k in ("source", "target")]
            self.model = Translator(*(len(one) for one in self.vocabs))
            for name, parameter in self.model.named_parameters():
                parameter.data.copy_(saved["weights"][name])

        def __call__(self, sentences):
            return translate(list(sentences), self.model, *self.vocabs)

    return Loaded(load_checkpoint(path))
