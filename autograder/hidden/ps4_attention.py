"""Hidden tests of problem set 4, attention."""

from typing import Any

import torch

from rnncourse.checks import ps4_attention as ps4
from rnncourse.checks.compare import Raised
from rnncourse.checks.exercise import Property
from rnncourse.checks.model_specs import Network
from rnncourse.checks.properties import attempt, part, using
from rnncourse.checks.pytree import copied, tensors
from rnncourse.checks.rng import Rng
from rnncourse.reference.state_tree import map_state

# --- attend -------------------------------------------------------------------------------------


def weighted_sum(rng: Rng, *results: Any) -> torch.Tensor:
    """A loss: a random weight for every number, so that no two mistakes cancel."""
    return sum(((one * rng.normal(*one.shape)).sum() for one in results), torch.zeros(()))


def attend_gradients(subject: Any, rng: Rng, args: tuple) -> dict[str, Any]:
    """What comes back to query and keys."""
    query, keys, mask, score = args
    leaves = {"query": query.clone().requires_grad_(), "keys": keys.clone().requires_grad_()}
    loss = weighted_sum(rng, *tensors(subject(*leaves.values(), mask, score)))
    if not loss.requires_grad:
        return {"gradients": "none, the result was detached"}
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {
        f"gradient of {name}": "none arrives" if one is None else one
        for name, one in zip(leaves, found, strict=True)
    }


def observe_gradients_beside_rubbish(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for rubbish in (torch.inf, torch.nan):
        for steps in (False, True):
            args = ps4.draw_attend(rng, rng.sizes(), steps)
            args[1][~args[2]] = rubbish
            text = f"{rubbish:g} in the padding of keys, query {tuple(args[0].shape)}"
            seen[text] = attempt(lambda args=args: attend_gradients(subject, rng, args))
    return seen


def observe_nothing_to_look_at(subject: Any, rng: Rng) -> dict[str, Any]:
    """Sentences without any token, beside others."""
    seen = {}
    for steps in (False, True):
        args = ps4.draw_attend(rng, rng.sizes(), steps)
        args[2][0] = False
        text = f"mask is False in all of row 0, query {tuple(args[0].shape)}"
        seen |= ps4.pieces(attempt(lambda args=args: subject(*args)), text)
        seen[text] = attempt(lambda args=args: attend_gradients(subject, rng, args))
    return seen


def observe_huge_scores(subject: Any, rng: Rng) -> dict[str, Any]:
    """Scores far beyond what exp can take; whole numbers, so that rounding decides nothing."""

    def ranks(factor):
        def score(f, e):
            alpha = factor * e[:, :, 0]
            return alpha if f.dim() == 2 else alpha.unsqueeze(1).expand(-1, f.shape[1], -1)

        return score

    s = rng.sizes(T=ps4.LONG)
    query, keys = rng.normal(s.B, s.H), rng.normal(s.B, s.T, s.D)
    keys[:, :, 0] = torch.arange(1, s.T + 1).flip(0)  # the padding has the lowest ranks ...
    mask = torch.arange(s.T).expand(s.B, -1) < s.T - 3
    seen = {}
    for text, factor in {
        "10000, 20000, ...": 10_000.0,
        "-10000, -20000, ...": -10_000.0,  # ... or the highest scores
        "0": 0.0,
    }.items():
        score = ps4.strict(ranks(factor), s.H, s.D)
        result = attempt(lambda score=score: subject(query, keys, mask, score))
        seen |= ps4.pieces(result, f"the scores are {text}")
    return seen


def observe_order(subject: Any, rng: Rng) -> dict[str, Any]:
    """The same keys in another order: the same context, and the weights move along."""
    query, keys, mask, score = ps4.draw_attend(rng, rng.sizes(), steps=True)
    order = torch.randperm(ps4.LONG, generator=rng.generator)
    first = attempt(lambda: subject(query, keys, mask, score))
    second = attempt(lambda: subject(query, keys[:, order], mask[:, order], score))
    return ps4.pieces(first, "the keys as they are") | ps4.pieces(second, "in another order")


# --- AttentionSeq2Seq ---------------------------------------------------------------------------


def observe_model_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    """What `backward` brings to every parameter, the networks' included."""
    seen = {}
    for score, combine in ps4.FORMS:
        s = rng.sizes(T=ps4.LONG)
        model = ps4.draw_translator(rng, s.D, s.H, score, combine)
        sentences = ps4.draw_sentences(rng, s.B, s.T, ps4.other_sizes(s)[0])

        def gradients(model=model, sentences=sentences):
            built = model.build(subject)
            loss = weighted_sum(rng, built(*sentences))
            if not loss.requires_grad:
                return "none, the result was detached"
            loss.backward()
            named = dict(built.named_parameters())
            return {
                name: "none arrives" if named[name].grad is None else named[name].grad
                for name in model.weights
            }

        seen[f'score="{score}", combine="{combine}", gradient'] = attempt(gradients)
    return seen


def observe_alone(subject: Any, rng: Rng) -> dict[str, Any]:
    """Every sentence of a batch again by itself, without padding; other words in the padding."""
    seen = {}
    for score, combine in ps4.FORMS[:2]:
        s = rng.sizes(T=ps4.LONG, B=3)
        model = ps4.draw_translator(rng, s.D, s.H, score, combine)
        source, lengths, target = ps4.draw_sentences(rng, s.B, s.T, ps4.other_sizes(s)[0])
        built = attempt(lambda model=model: model.build(subject))
        text = f'score="{score}", combine="{combine}"'
        for b, length in enumerate(lengths.tolist()):
            one = source[b : b + 1, :length], lengths[b : b + 1], target[b : b + 1]
            seen[f"{text}: sentence {b} alone"] = using(built, lambda built, one=one: built(*one))
        other = source.clone()
        for b, length in enumerate(lengths.tolist()):
            other[b, length:] = 1
        batch = other, lengths, target
        seen[f"{text}: all together"] = using(built, lambda built, one=batch: built(*one))
    return seen


def observe_networks(subject: Any, rng: Rng) -> dict[str, Any]:
    """Other cells, an encoder of both directions, and one that leaves nan behind."""
    s = rng.sizes(T=ps4.LONG, H=4)
    halves = (Network("GRU", (s.D, 1)), Network("GRU", (s.D, s.H - 1)))
    restless = Network("rnncourse.checks.model_specs.Restless", (s.D, s.H))
    pairs = {
        "Elman's networks": (Network("Elman", (s.D, s.H)), Network("Elman", (s.D, s.H))),
        "an encoder of both directions": (
            Network("Bidirectional", halves),
            Network("GRU", (s.D, s.H)),
        ),
        "an encoder whose states in the padding are nan": (restless, Network("GRU", (s.D, s.H))),
    }
    seen = {}
    for text, (encoder, decoder) in pairs.items():
        model = ps4.draw_translator(rng, s.D, s.H, "bahdanau", "luong", encoder, decoder)
        sentences = ps4.draw_sentences(rng, s.B, s.T, ps4.other_sizes(s)[0])
        seen[text] = attempt(
            lambda model=model, sentences=sentences: model.build(subject)(*sentences)
        )
    return seen


def observe_chosen_rows(subject: Any, rng: Rng) -> dict[str, Any]:
    """Rows of a state are chosen and repeated, as a beam search does between two steps."""
    s = rng.sizes(T=ps4.LONG, B=3)
    model = ps4.draw_translator(rng, s.D, s.H, "general")
    source, lengths, target = ps4.draw_sentences(rng, s.B, s.T, 2)
    rows = torch.tensor([2, 0, 0, 1])
    built = model.build(subject)
    _, state = built.step(target[:, 0], built.start(source, lengths))
    state = map_state(lambda one: one[rows], state)
    logits, _ = built.step(target[rows, 1], state)
    return {f"logits after rows {rows.tolist()} of the state were chosen": logits}


def observe_refusals(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    seen = {}
    for score, combine in (("luong", "luong"), ("dot", "both")):
        model = ps4.draw_translator(rng, s.D, s.H, score, combine)
        result = attempt(lambda model=model: model.fresh(subject))
        refused = isinstance(result, Raised)
        text = f'score="{score}", combine="{combine}"'
        seen[text] = f"refused with {result.type}" if refused else "accepted"
    # A class that refuses everything refuses nothing.
    model = ps4.draw_translator(rng, s.D, s.H, "dot")
    sentences = ps4.draw_sentences(rng, s.B, s.T, 1)
    seen['score="dot", combine="luong"'] = attempt(lambda: model.build(subject)(*sentences).shape)
    return seen


def observe_dtypes(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    sentences = ps4.draw_sentences(rng, s.B, s.T, ps4.other_sizes(s)[0])
    seen = {}
    for dtype in (torch.float32, torch.float64):
        for score in ps4.SCORES:
            model = ps4.draw_translator(rng, s.D, s.H, score)
            result = attempt(
                lambda model=model, dtype=dtype: (
                    model.build(subject).to(dtype).forward_with_weights(*sentences)
                )
            )
            kinds = [str(one.dtype).removeprefix("torch.") for one in tensors(result)]
            name = str(dtype).removeprefix("torch.")
            seen[f'{name} weights, score="{score}"'] = kinds or result
    return seen


def observe_purity(subject: Any, rng: Rng) -> dict[str, Any]:
    """Nothing is changed by a call: no sentence, no weight, no state that a step was given."""
    s = rng.sizes(T=ps4.LONG)
    model = ps4.draw_translator(rng, s.D, s.H, "bahdanau")
    sentences = ps4.draw_sentences(rng, s.B, s.T, ps4.other_sizes(s)[0])
    kept = copied(sentences)
    built = model.build(subject)
    first, second = (built(*sentences) for _ in range(2))
    state = built.start(*sentences[:2])
    steps = [part(built.step(sentences[2][:, 0], state), 0) for _ in range(2)]
    weights = built.state_dict()
    same = {
        "the sentences": all(map(torch.equal, sentences, kept)),
        "the weights": all(torch.equal(weights[name], one) for name, one in model.weights.items()),
    }
    changed = [name for name, unchanged in same.items() if not unchanged]
    return {
        "the calls changed": ", ".join(changed) or "nothing",
        "logits, twice": (first, second),
        "one step, twice from the same state": steps,
    }


HIDDEN: dict[str, tuple[Property, ...]] = {
    "dot_score": (
        ps4.dot_cases.gradient(0.75),
        ps4.dot_cases.rows(0.25),
        ps4.dot_cases.dtype(0.25),
        ps4.dot_cases.pure(0.25),
    ),
    "general_score": (
        ps4.general_cases.gradient(0.75),
        ps4.general_cases.rows(0.25),
        ps4.general_cases.dtype(0.25),
        ps4.general_cases.pure(0.25),
    ),
    "bahdanau_score": (
        ps4.bahdanau_cases.gradient(1),
        ps4.bahdanau_cases.rows(0.5),
        ps4.bahdanau_cases.dtype(0.25),
        ps4.bahdanau_cases.pure(0.25),
    ),
    "concat_score": (
        ps4.concat_cases.gradient(0.75),
        ps4.concat_cases.rows(0.25),
        ps4.concat_cases.dtype(0.25),
        ps4.concat_cases.pure(0.25),
    ),
    "attend": (
        ps4.padded_cases.gradient(1),
        Property(
            "clean",
            "nan in the padding reaches no gradient, and the padding gets none",
            0.75,
            observe_gradients_beside_rubbish,
        ),
        Property("huge", "huge scores stay finite", 0.75, observe_huge_scores),
        Property(
            "nothing",
            "a sentence without tokens has weights and context 0",
            0.5,
            observe_nothing_to_look_at,
        ),
        Property("order", "the order of the keys does not matter", 0.25, observe_order),
        ps4.padded_cases.rows(0.25),
        ps4.padded_cases.dtype(0.25),
        ps4.padded_cases.pure(0.25),
    ),
    "attention_slide_bugs": (
        ps4.bug_hunt.finds("state", "where the decoder's state is lost is found", 1, "EP"),
        ps4.bug_hunt.finds("mask", "where the padding comes in is found", 0.75, "N"),
        ps4.bug_hunt.finds("luong", "what is only a part of Luong's attention is found", 0.75, "J"),
        ps4.bug_hunt.accuses_nobody(0.75),
    ),
    "AttentionSeq2Seq": (
        Property("gradient", "gradients reach every parameter", 1.5, observe_model_gradients),
        Property("alone", "a sentence says the same alone as in a batch", 1, observe_alone),
        Property("networks", "any recurrent networks will do", 1, observe_networks),
        Property("rows", "rows of a state can be chosen", 0.5, observe_chosen_rows),
        Property("refuses", "unknown names are refused with a ValueError", 0.5, observe_refusals),
        Property("dtype", "float32 stays float32, float64 stays float64", 0.25, observe_dtypes),
        Property("pure", "a call changes nothing", 0.25, observe_purity),
    ),
}
