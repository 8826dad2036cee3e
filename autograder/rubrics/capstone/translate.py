"""translate: hidden tests and alternative right answers."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.rng import Rng
from rnncourse.data import batches, detokenise, tokenise
from rnncourse.exercises.capstone.translate import draw_sentences, run_translate
from rnncourse.reference.decoding import greedy_decode
from rnncourse.reference.inputs import BOS, EOS, SPECIALS, decode, encode, pad_batch, sequence_mask

from .. import Rubric


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


rubric = Rubric(translating)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def one_at_a_time(sentences, model, source_vocab, target_vocab, longest=60):
    model.train(False)
    words = {number: word for word, number in target_vocab.items()}
    found = []
    for sentence in sentences:
        ids = [*(source_vocab.get(word, 1) for word in tokenise(sentence)), EOS]
        source = torch.tensor([ids])
        with torch.no_grad():
            state = model.start(source, torch.ones_like(source, dtype=torch.bool))
            token, text = torch.tensor([BOS]), []
            while len(text) < longest:
                logits, state = model.step(token, state)
                token = logits.argmax(dim=1)
                if token.item() == EOS:
                    break
                text.append(token.item())
        found.append(detokenise([words[n] for n in text if words[n] not in SPECIALS], "fr"))
    return found


@rubric.alternative
def with_a_beam(sentences, model, source_vocab, target_vocab, longest=60):
    from rnncourse.reference.decoding import beam_search

    model.eval()
    numbers = [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    found = []
    for tokens, mask in batches(numbers, 32):
        with torch.no_grad():
            state = model.start(tokens, mask)
        for ranked in beam_search(model.step, state, BOS, EOS, longest, 4, 1.0):
            ids = [n for n in ranked[0][0] if n >= len(SPECIALS)]
            found.append(detokenise(decode(ids, target_vocab), "fr"))
    return found


@rubric.alternative
def each_sentence_once(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    known = {"": ""}
    todo = sorted(set(sentences) - {""}, key=len, reverse=True)
    for first in range(0, len(todo), 7):
        some = todo[first : first + 7]
        tokens, lengths = pad_batch(
            [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in some]
        )
        with torch.inference_mode():
            state = model.start(tokens, sequence_mask(lengths))
        for sentence, ids in zip(
            some, greedy_decode(model.step, state, BOS, EOS, longest), strict=True
        ):
            words = [word for word in decode(ids, target_vocab) if word not in SPECIALS]
            known[sentence] = detokenise(words, "fr")
    return [known[one] for one in sentences]
