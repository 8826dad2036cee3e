"""Hidden tests of problem set 3, outputs."""

import math
from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks import ps3_outputs as ps3
from rnncourse.checks.compare import kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.model_specs import Network
from rnncourse.checks.properties import attempt, part, using
from rnncourse.checks.pytree import map_tensors
from rnncourse.checks.rng import Rng
from rnncourse.reference.inputs import sequence_mask

# --- several exercises --------------------------------------------------------------------------


def longer(tokens: torch.Tensor) -> torch.Tensor:
    """The same sentences with three more words of padding, all of it word 0."""
    return torch.cat([tokens, tokens.new_zeros(len(tokens), 3)], dim=1)


def only_padding_is_word_0(tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return tokens.clamp(min=1) * sequence_mask(lengths, tokens.shape[1])


def padded_ways(
    model: Any, table: str, tokens: torch.Tensor, lengths: torch.Tensor
) -> dict[str, tuple[Any, torch.Tensor]]:
    """The same sentences in other padding: what it is, the model and the tokens.

    Word 0 is in the padding alone; what its vector is must not matter.
    """
    tokens = only_padding_is_word_0(tokens, lengths)
    ways = {"more padding": (model, longer(tokens))}
    for rubbish in (math.inf, math.nan):
        weights = {name: one.clone() for name, one in model.weights.items()}
        weights[table][0] = rubbish
        other = ps3.Model(model.networks, model.sizes, weights, model.options)
        ways[f"{rubbish:g} in the vector of the padding's word"] = other, tokens
    return ways


# --- sum_states ---------------------------------------------------------------------------------


def observe_empty_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    hs, mask = ps3.draw_states(rng, rng.sizes(B=3))
    mask[1] = False
    return {
        "a sentence of length 0 among others": attempt(lambda: subject(hs, mask)),
        "nothing but sentences of length 0": attempt(lambda: subject(hs, torch.zeros_like(mask))),
    }


# --- SentimentClassifier ------------------------------------------------------------------------


def observe_classifier_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    model, tokens, lengths = ps3.draw_reviews(rng, rng.sizes(T=ps3.LONG))
    built = model.build(subject)
    return ps3.gradients(built, built(tokens, lengths), rng)


def observe_restless_network(subject: Any, rng: Rng) -> Any:
    s = rng.sizes(T=ps3.LONG)
    _, tokens, lengths = ps3.draw_reviews(rng, s)
    restless = Network("rnncourse.checks.model_specs.Restless", (s.D, s.H))
    sizes = {"V": ps3.V, "D": s.D, "H": s.H, "C": ps3.C}
    shapes = {"E": (ps3.V, s.D), "W_soft": (s.H, ps3.C)}
    model = ps3.draw_model(rng, {"rnn": restless}, sizes, shapes)
    return {"a network whose outputs in the padding are nan": model.build(subject)(tokens, lengths)}


def observe_other_padding_of_reviews(subject: Any, rng: Rng) -> dict[str, Any]:
    model, tokens, lengths = ps3.draw_reviews(rng, rng.sizes(T=ps3.LONG))
    seen = {}
    for text, (other, padded) in padded_ways(model, "E", tokens, lengths).items():
        built = attempt(lambda other=other: other.build(subject))
        result = using(built, lambda one, padded=padded: one(padded, lengths))
        seen[f"{text}: logits"] = result
        seen[f"{text}: gradients"] = using(
            built, lambda one, result=result: ps3.gradients(one, result, rng)
        )
    return seen


def observe_single_reviews(subject: Any, rng: Rng) -> dict[str, Any]:
    """Each sentence alone, and one of length 0."""
    model, tokens, lengths = ps3.draw_reviews(rng, rng.sizes(T=ps3.LONG))
    built = model.build(subject)
    seen = {
        f"sentence {b} by itself": attempt(
            lambda b=b, n=n: built(tokens[b : b + 1, :n], lengths[b : b + 1])
        )
        for b, n in enumerate(lengths.tolist())
    }
    lengths = lengths.clone()
    lengths[-1] = 0
    return seen | {f"lengths={lengths.tolist()}": attempt(lambda: built(tokens, lengths))}


# --- LanguageModel ------------------------------------------------------------------------------


def observe_language_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    """Also through the state from one piece of a text to the next."""
    seen = {}
    for name in ("LSTM", "GRU"):
        s = rng.sizes(T=ps3.LONG)
        model = ps3.draw_language_model(rng, s, name)
        tokens = rng.integers(0, ps3.V, s.B, s.T)

        def read(built: Any, tokens: torch.Tensor = tokens) -> dict[str, Any]:
            _, state = built(tokens[:, :4])
            logits, _ = built(tokens[:, 4:], state=state)
            return ps3.gradients(built, logits, rng)

        built = attempt(lambda model=model: model.build(subject))
        seen[f"{name}, the second piece of a text"] = using(built, read)
    return seen


def observe_tied(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes(T=ps3.LONG)
    s = s._replace(D=s.H)
    model = ps3.draw_language_model(rng, s, tied=True)
    tokens = rng.integers(0, ps3.V, s.B, s.T)
    built = model.build(subject)
    result = attempt(lambda: part(built(tokens), 0))
    return {
        "tied=True: logits": result,
        "tied=True: gradients": using(result, lambda one: ps3.gradients(built, one, rng)),
    }


def observe_text_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """With lengths: the logits where there are words, the state, the gradients."""
    s = rng.sizes(T=ps3.LONG)
    model, tokens = ps3.draw_language_model(rng, s), rng.integers(0, ps3.V, s.B, s.T)
    lengths = ps3.draw_lengths(rng, s.B, s.T)
    mask = sequence_mask(lengths, s.T)
    seen = {}
    for text, (other, padded) in padded_ways(model, "E", tokens, lengths).items():
        built = attempt(lambda other=other: other.build(subject))
        result = using(built, lambda one, padded=padded: one(padded, lengths=lengths))
        words = using(part(result, 0), lambda logits: logits[:, : s.T][mask])
        seen |= {
            f"{text}: the logits where there are words": words,
            f"{text}: the state": part(result, 1),
            f"{text}: gradients": using(
                built, lambda one, words=words: ps3.gradients(one, words, rng)
            ),
        }
    return seen


def observe_single_texts(subject: Any, rng: Rng) -> dict[str, Any]:
    model, tokens = ps3.draw_text(rng, rng.sizes())
    built = model.build(subject)
    return {
        f"sentence {b} by itself": attempt(lambda b=b: built(tokens[b : b + 1]))
        for b in range(len(tokens))
    }


# --- sentence_log_prob and perplexity -------------------------------------------------------------


def observe_extremes(run: Callable[..., Any]) -> Callable[[Any, Rng], dict[str, Any]]:
    """Scores of any size, a long sentence, and an empty one."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        logits, targets, mask = ps3.draw_predictions(rng, rng.sizes(B=3, T=ps3.LONG))
        sure = logits.scatter(2, targets.unsqueeze(2), 2000.0)
        empty = mask.clone()
        empty[1] = False
        long = ps3.draw_predictions(rng, rng.sizes(B=2, T=800))
        cases = {
            "a score of 2000 for every target": (sure, targets, mask),
            "all scores larger by 2000": (logits + 2000, targets, mask),
            "all scores smaller by 2000": (logits - 2000, targets, mask),
            "a sentence of 800 words": long,
            "an empty sentence among others": (logits, targets, empty),
        }
        return {
            text: attempt(lambda args=args: run(subject, *args)) for text, args in cases.items()
        }

    return observe


def observe_hopeless(subject: Any, rng: Rng) -> Any:
    """A target 1500 below the likeliest word: its probability is 0 in any float."""
    logits, targets, mask = ps3.draw_predictions(rng, rng.sizes(T=ps3.LONG))
    hopeless = logits.scatter(2, targets.unsqueeze(2), -1500.0)
    return {"a score of -1500 for every target": attempt(lambda: subject(hopeless, targets, mask))}


def observe_log_prob_extremes(subject: Any, rng: Rng) -> dict[str, Any]:
    common = observe_extremes(lambda subject, *args: subject(*args))
    return common(subject, rng) | observe_hopeless(subject, rng)


def draw_no_words(rng: Rng) -> dict[str, tuple]:
    logits, targets, mask = ps3.draw_predictions(rng, rng.sizes(D=5))
    seen = {}
    for what, target in (("a target of V", 5), ("a target of -1", -1)):
        wrong = targets.clone()
        wrong[0, 0] = target
        seen[f"with {what}"] = logits, wrong, mask
    return seen


def observe_log_prob_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    """With nan in the padding; only the words' scores have a gradient."""
    logits, targets, mask = ps3.with_rubbish(
        *ps3.draw_predictions(rng, rng.sizes(T=ps3.LONG)), math.nan, 0
    )
    logits.requires_grad_()
    result = subject(logits, targets, mask)
    if not isinstance(result, torch.Tensor):
        return {"gradient of logits": f"none arrives, the result is {kind(result)}"}
    if not result.requires_grad:
        return {"gradient of logits": "none arrives, the result was detached"}
    (found,) = torch.autograd.grad((result * rng.normal(*result.shape)).sum(), logits)
    return {"gradient of logits": found}


def observe_other_rows(subject: Any, rng: Rng) -> dict[str, Any]:
    """The same words, divided into sentences in other ways."""
    B, T, D = 3, 4, rng.sizes().D
    logits, targets = rng.normal(B, T, D, scale=3), rng.integers(0, D, B, T)
    mask = torch.ones(B, T, dtype=torch.bool)
    mask[2, 3] = False
    ways = {"3 sentences": (3, 4), "one sentence": (1, 12), "6 sentences": (6, 2), "12": (12, 1)}
    return {
        f"the same words as {text}": attempt(
            lambda rows=rows: ps3.run_perplexity(
                subject, logits.reshape(*rows, D), targets.reshape(rows), mask.reshape(rows)
            )
        )
        for text, rows in ways.items()
    }


def draw_no_mask(rng: Rng) -> dict[str, tuple]:
    logits, targets, mask = ps3.draw_predictions(rng, rng.sizes())
    return {"where mask is False everywhere": (logits, targets, torch.zeros_like(mask))}


# --- Seq2Seq ------------------------------------------------------------------------------------


def observe_rows_of_a_state(subject: Any, rng: Rng) -> dict[str, Any]:
    """As a beam search does: one state used twice, its rows repeated and in another order."""
    model, source, lengths, target = ps3.draw_pairs(rng, rng.sizes(B=3))
    built = model.build(subject)
    start = built.start(source, lengths)
    first, state = built.step(target[:, 0], start)
    again, _ = built.step(target[:, 0], start)
    rows = torch.tensor([2, 0, 0, 1, 2])
    chosen = map_tensors(lambda one: one[rows], state)
    after, _ = built.step(rng.integers(0, ps3.V_TARGET, 5), chosen)
    return {
        "the first step": first,
        "the same step from the same state": again,
        "rows 2, 0, 0, 1, 2 of the state, one word further": after,
    }


def observe_translator_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for name in ("LSTM", "GRU"):
        model, *args = ps3.draw_pairs(rng, rng.sizes(), name)
        built = attempt(lambda model=model: model.build(subject))
        seen[name] = using(built, lambda one, args=args: ps3.gradients(one, one(*args), rng))
    return seen


def observe_other_networks(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for text, names in {
        "an Elman network": ("Elman", ""),
        "an encoder that reads in both directions": ("LSTM", "Bidirectional"),
    }.items():
        model, *args = ps3.draw_pairs(rng, rng.sizes(), *names)
        seen[text] = attempt(lambda model=model, args=args: model.build(subject)(*args))
    return seen


def observe_other_source_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    model, source, lengths, target = ps3.draw_pairs(rng, rng.sizes())
    seen = {}
    for text, (other, padded) in padded_ways(model, "E_source", source, lengths).items():
        built = attempt(lambda other=other: other.build(subject))
        result = using(built, lambda one, padded=padded: one(padded, lengths, target))
        seen[f"{text}: logits"] = result
        seen[f"{text}: gradients"] = using(
            built, lambda one, result=result: ps3.gradients(one, result, rng)
        )
    return seen


def observe_single_pairs(subject: Any, rng: Rng) -> dict[str, Any]:
    model, source, lengths, target = ps3.draw_pairs(rng, rng.sizes())
    built = model.build(subject)
    return {
        f"sentence {b} by itself": attempt(
            lambda b=b, n=n: built(source[b : b + 1, :n], lengths[b : b + 1], target[b : b + 1])
        )
        for b, n in enumerate(lengths.tolist())
    }


HIDDEN: dict[str, tuple[Property, ...]] = {
    "sum_states": (
        ps3.sum_cases.gradient(0.5),
        Property("empty", "an empty sentence sums to zeros", 0.25, observe_empty_sentences),
        ps3.sum_cases.rows(0.25),
        ps3.sum_cases.dtype(0.25),
        ps3.sum_cases.pure(0.25),
    ),
    "SentimentClassifier": (
        Property("gradient", "gradients reach E, W_soft and rnn", 1, observe_classifier_gradients),
        Property(
            "network", "whatever the network leaves in the padding", 0.5, observe_restless_network
        ),
        Property(
            "longer",
            "no padding makes a difference, nor does it to gradients",
            0.75,
            observe_other_padding_of_reviews,
        ),
        Property("alone", "a sentence alone or in company", 0.5, observe_single_reviews),
        ps3.classifier_cases.pure(0.25),
    ),
    "LanguageModel": (
        Property(
            "gradient",
            "gradients reach E, W_soft and rnn, also through the state",
            1.25,
            observe_language_gradients,
        ),
        Property("tied", "tied, E reads and predicts, and learns from both", 0.75, observe_tied),
        Property(
            "longer",
            "no padding makes a difference, nor does it to gradients",
            0.75,
            observe_text_padding,
        ),
        Property("alone", "a sentence alone or in company", 0.5, observe_single_texts),
        ps3.language_cases.pure(0.25),
    ),
    "sentence_log_prob": (
        Property(
            "gradient", "gradients flow back to the words' scores", 1, observe_log_prob_gradients
        ),
        Property(
            "stable", "large scores and long sentences do no harm", 0.75, observe_log_prob_extremes
        ),
        ps3.log_prob_cases.refuses(0.25, draw_no_words),
        ps3.log_prob_cases.rows(0.25),
        ps3.log_prob_cases.dtype(0.25),
        ps3.log_prob_cases.pure(0.5),
    ),
    "perplexity": (
        Property(
            "cut",
            "how the words are divided into sentences is all the same",
            0.75,
            observe_other_rows,
        ),
        Property(
            "stable",
            "large scores and long sentences do no harm",
            0.5,
            observe_extremes(ps3.run_perplexity),
        ),
        ps3.perplexity_cases.refuses(0.5, draw_no_mask),
        ps3.perplexity_cases.pure(0.25),
    ),
    "translation_bugs": (
        ps3.bug_hunt.finds("start", "where the decoder starts is put right", 0.5, "B"),
        ps3.bug_hunt.finds("heads", "what is wrong with the heads is found", 0.75, "DF"),
        ps3.bug_hunt.finds("product", "what is wrong with the probability is found", 0.5, "H"),
        ps3.bug_hunt.accuses_nobody(0.25),
    ),
    "Seq2Seq": (
        Property("rows", "rows of a state can be chosen", 0.5, observe_rows_of_a_state),
        Property(
            "gradient",
            "gradients reach both networks, both tables and W_soft",
            1.5,
            observe_translator_gradients,
        ),
        Property("networks", "any two networks will do", 0.75, observe_other_networks),
        Property(
            "longer",
            "no padding makes a difference, nor does it to gradients",
            0.5,
            observe_other_source_padding,
        ),
        Property("alone", "a sentence alone or in company", 0.5, observe_single_pairs),
        ps3.translator_cases.pure(0.25),
    ),
}
