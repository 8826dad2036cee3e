"""The capstone: the properties that only the grading tests.

The score is for phrases that nobody has seen: they are composed while grading, from the seed of
the run, and of those that the library's loader keeps back from every list, whatever its seed.
"""

from functools import lru_cache
from typing import Any

import torch

from rnncourse.checks.capstone import (
    HELP,
    THRESHOLDS,
    V_SOURCE,
    V_TARGET,
    Case,
    alike,
    draw_sentences,
    facts,
    in_words,
    observing,
    run_translate,
    translate_all,
)
from rnncourse.checks.compare import Raised
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.remote import alongside
from rnncourse.checks.rng import Rng
from rnncourse.data.translation import phrases_held_back
from rnncourse.reference.inputs import BOS
from rnncourse.reference.state_tree import map_state

# --- Translator ---------------------------------------------------------------------------------


def observe_rows_of_states(subject: Any, rng: Rng, case: Case) -> Any:
    """What a beam search does: it goes on with some rows of a state, some of them twice."""
    rows = torch.tensor([2, 0, 0])
    with torch.no_grad():
        state = case.model.start(case.source, case.mask)
        _, state = case.model.step(torch.full((3,), BOS), state)
        before = case.model.step(case.target[:, 1], state)[0]
        chosen = attempt(lambda: map_state(lambda one: one.index_select(0, rows), state))
        if isinstance(chosen, Raised):
            return f"of the state, rows 2, 0, 0 cannot be picked: {chosen!r}"
        after = case.model.step(case.target[rows, 1], chosen)[0]
    same = isinstance(after, torch.Tensor) and alike(before[rows], after)
    return {
        "going on with rows 2, 0, 0 of the state, the scores": (
            "those of these rows" if same else "others"
        )
    }


def observe_saving(subject: Any, rng: Rng, case: Case) -> Any:
    other = alongside(subject, f"{HELP}.rebuilt")(subject, V_SOURCE, V_TARGET, case.model)
    first, case.model = case.model, other
    again = case.ask()
    case.model = first
    return {
        "a new model with the saved weights: its scores": (
            "the same" if case.like(again) else "others"
        )
    }


def observe_gradients(subject: Any, rng: Rng, case: Case) -> Any:
    share = alongside(subject, f"{HELP}.share_unreached")(
        case.model, case.source, case.mask, case.target
    )
    few = isinstance(share, (int, float)) and share < 0.1
    return {"numbers of the model that get no gradient": "few or none" if few else "many"}


translator = (
    Property(
        "states",
        "the rows of a state can be picked, as beam search does",
        1,
        observing(observe_rows_of_states),
        facts,
    ),
    Property(
        "saving",
        "all that the model learns is in its state_dict",
        1,
        observing(observe_saving),
        facts,
    ),
    Property(
        "gradients", "the loss reaches the whole model", 1, observing(observe_gradients), facts
    ),
)

# --- translate ----------------------------------------------------------------------------------


def observe_mode(subject: Any, rng: Rng) -> Any:
    sentences = draw_sentences(rng, 4)
    return {"a model in training mode": run_translate(subject, sentences, training=True)}


def observe_endless(subject: Any, rng: Rng) -> Any:
    """With one sentence that never ends, and one that does."""
    plain = draw_sentences(rng, 1)
    got = run_translate(subject, ["monday forever", *plain])
    if isinstance(got, (list, tuple)) and len(got) == 2 and isinstance(got[0], str):
        words = len(got[0].split())
        ended = "60 words at most" if words <= 60 else "more than 60 words"
        return {"a sentence that never ends": ended, "the one beside it": got[1]}
    return {"a sentence that never ends": got}


def observe_many(subject: Any, rng: Rng) -> Any:
    sentences = draw_sentences(rng, 130)
    got = run_translate(subject, list(sentences))
    return {"130 sentences at once": got}


def observe_purity(subject: Any, rng: Rng) -> Any:
    given = draw_sentences(rng, 5)
    given = [*given, given[0], given[0]]  # twice the same is two sentences
    kept = list(given)
    got = run_translate(subject, given)
    return {
        "the list that was given": "as it was" if given == kept else "changed",
        "with a sentence three times in it": got,
    }


translating = (
    Property("mode", "the model is put into eval mode", 1, observe_mode),
    Property("endless", "a translation that does not end is cut", 1, observe_endless),
    Property("many", "many sentences are translated, not only a batch", 1, observe_many),
    Property("pure", "the list that was given is left as it was", 0.5, observe_purity),
)

# --- load_translator ----------------------------------------------------------------------------

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
        named=False,
    )
    for threshold, points in THRESHOLDS.items()
)

HIDDEN = {"Translator": translator, "translate": translating, "load_translator": loading}
