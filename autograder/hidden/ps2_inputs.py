"""Hidden tests of problem set 2, inputs."""

from typing import Any

import torch

from rnncourse.checks import ps2_inputs as ps2
from rnncourse.checks.compare import Raised, difference, kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases, attempt, part, using
from rnncourse.checks.rng import Rng
from rnncourse.reference.inputs import SPECIALS

# --- several exercises --------------------------------------------------------------------------


def changed(now: Any, before: Any) -> str:
    return "as it was" if now == before else "changed"


def rows(cases: Cases, points: float) -> Property:
    """One sequence of a batch of numbers of words must not change another's result."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        tokens, *rest = cases.draw(rng, rng.sizes())
        other = tokens.clone()
        other[0] = (other[0] + 1) % ps2.VOCABULARY
        before, after = subject(tokens, *rest), subject(other, *rest)
        if not torch.is_tensor(before) or before.shape[:1] != tokens.shape[:1]:
            return {"the result": kind(before)}
        return {
            f"after a change of row 0 of tokens, {which} of the result": (
                "as before" if torch.allclose(before[part], after[part]) else "changed"
            )
            for which, part in (("row 0", slice(1)), ("the other rows", slice(1, None)))
        }

    return Property("rows", "the rows of a batch do not mix", points, observe)


# --- build_vocab --------------------------------------------------------------------------------


def observe_cut_ties(subject: Any, rng: Rng) -> dict[str, Any]:
    """max_size cuts through words of the same count; both limits at once."""
    limits = [
        {"max_size": 7},
        {"max_size": 6, "min_count": 1},
        {"max_size": 9, "min_count": 3},
        {"max_size": 7, "min_count": 2},
    ]
    return ps2.observe_limits(subject, ps2.draw_tied(rng), limits)


def observe_text_with_specials(subject: Any, rng: Rng) -> dict[str, Any]:
    """A special that stands in the text, even often, keeps its number."""
    sentences = [*ps2.draw_counted(rng, 5), ["<unk>"] * 9, ["</s>", "<unk>"]]
    return {'build_vocab(sentences with "<unk>" and "</s>")': attempt(lambda: subject(sentences))}


def observe_case(subject: Any, rng: Rng) -> dict[str, Any]:
    """Upper and lower case are different words; among equals, capitals come first."""
    a, b, c = ps2.draw_words(rng, 3)
    sentences = [[c.title(), a, c, b.title(), c.title(), b.upper()], [c, c.title(), b, a.title()]]
    return ps2.observe_limits(subject, sentences, [{}, {"min_count": 2}])


def observe_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    """No sentences, empty ones, and the same ones in another order."""
    sentences = ps2.draw_tied(rng)
    variants = {
        "no sentences": [],
        "empty sentences": [[], []],
        "one empty sentence among others": [sentences[0], [], sentences[1]],
        "the sentences in another order": sentences[::-1],
    }
    return {
        text: attempt(lambda given=given: subject([list(one) for one in given]))
        for text, given in variants.items()
    }


def observe_no_room(subject: Any, rng: Rng) -> dict[str, Any]:
    sentences = ps2.draw_counted(rng)
    seen = {}
    for size in (3, 0):
        result = attempt(lambda size=size: subject(sentences, max_size=size))
        refused = isinstance(result, Raised)
        seen[f"max_size={size}"] = "refused with an exception" if refused else kind(result)
    good = attempt(lambda: subject(sentences, max_size=4))
    seen["max_size=4"] = repr(good) if isinstance(good, Raised) else "accepted"
    return seen


def observe_vocab_inputs(subject: Any, rng: Rng) -> dict[str, Any]:
    sentences = ps2.draw_counted(rng)
    kept = [list(one) for one in sentences]
    first, second = subject(sentences), subject(sentences)
    return {
        "the sentences are": changed(sentences, kept),
        "a second call gives": "the same" if first == second else "something else",
        # Not judged, but a mistake must have it in common to be named.
        "the result": first,
    }


def judge_inputs(got: Any, expected: Any) -> str | None:
    """A result of the right type is enough: what is in it is judged elsewhere."""
    got = dict(got)
    if isinstance(got["the result"], type(expected["the result"])):
        got["the result"] = expected["the result"]
    return difference(got, expected)


# --- encode -------------------------------------------------------------------------------------


def observe_encoded_case(subject: Any, rng: Rng) -> dict[str, Any]:
    vocab = ps2.draw_vocab(rng)
    words = list(vocab)[len(SPECIALS) :]
    # One capitalised word is in the vocabulary, beside its small twin; the others are not.
    vocab[words[0].title()] = len(vocab)
    sentence = [words[0].title(), words[0], words[1].title(), words[1], words[2].upper()]
    return ps2.observe_encoded(subject, vocab, [sentence])


def observe_encoded_specials(subject: Any, rng: Rng) -> dict[str, Any]:
    vocab = ps2.draw_vocab(rng)
    words = ["<s>", *ps2.draw_sentence(rng, vocab, 2), "<unk>", "</s>", "<pad>"]
    return ps2.observe_encoded(subject, vocab, [words])


def observe_encoded_nothing(subject: Any, rng: Rng) -> dict[str, Any]:
    """No words; and a vocabulary that has no words but the specials."""
    vocab = ps2.draw_vocab(rng)
    bare = {word: vocab[word] for word in SPECIALS}
    words = ps2.draw_sentence(rng, vocab, 3)
    return {
        "encode([], vocab)": attempt(lambda: subject([], dict(vocab))),
        f"encode({words}, the specials alone)": attempt(lambda: subject(words, bare)),
    }


def observe_encode_inputs(subject: Any, rng: Rng) -> dict[str, Any]:
    vocab = ps2.draw_vocab(rng)
    words = ["zebra", *ps2.draw_sentence(rng, vocab, 3), "emu"]
    kept_vocab, kept_words = dict(vocab), list(words)
    result = subject(words, vocab)
    return {
        "the vocabulary is": changed(vocab, kept_vocab),
        "the words are": changed(words, kept_words),
        "the result": result,
    }


# --- pad_batch ----------------------------------------------------------------------------------


def observe_pads(subject: Any, rng: Rng) -> dict[str, Any]:
    sequences = ps2.draw_sequences(rng, rng.sizes(B=3))
    return ps2.observe_batches(subject, [(sequences, -100), (sequences, 99)])


def observe_empty_sequences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Values and, because nothing has no numbers to take it from, dtype."""
    one = rng.integers(4, 60, 3).tolist()
    batches = [([[], one],), ([one[:1], [], one],), ([[]],), ([[], []],)]
    seen = ps2.observe_batches(subject, batches)
    result = ps2.padded(subject, [[], []])
    seen["tokens of two empty sequences"] = ps2.dtype_of(part(result, 0))
    return seen


def observe_one_row(subject: Any, rng: Rng) -> dict[str, Any]:
    one = rng.integers(4, 60, 4).tolist()
    return ps2.observe_batches(subject, [([one],), ([one[:1]],), ([one[:1], one[1:2]],)])


def observe_tensors(subject: Any, rng: Rng) -> dict[str, Any]:
    sequences = [torch.tensor(one) for one in ps2.draw_sequences(rng, rng.sizes(B=3))]
    return ps2.observe_batches(subject, [(sequences,)])


def observe_pad_as_a_number(subject: Any, rng: Rng) -> dict[str, Any]:
    """A sequence may hold the number that pads, at its end too."""
    a, b, c = rng.integers(4, 60, 3).tolist()
    batches = [([[a, 0], [0, b, 0, 0], [c]],), ([[a], [b, a, a], [a, a]], a)]
    return ps2.observe_batches(subject, batches)


def observe_batch_inputs(subject: Any, rng: Rng) -> dict[str, Any]:
    sequences = ps2.draw_sequences(rng, rng.sizes(B=4))
    kept = [list(one) for one in sequences]
    result = subject(sequences)
    return {"the sequences are": changed(sequences, kept), "the result": result}


# --- sequence_mask ------------------------------------------------------------------------------


def observe_extreme_lengths(subject: Any, rng: Rng) -> dict[str, Any]:
    """Lengths of 0 and of T, alone and together, with T and without."""
    T = rng.sizes().T
    lengths = [[0, T, 1], [T, T], [0], [0, 0]]
    pairs = [(torch.tensor(one), given) for one in lengths for given in (None, T)]
    return ps2.observe_masks(subject, [*pairs, (torch.tensor([0, 0, 0]), 0)])


def observe_integer_types(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for dtype in (torch.int32, torch.uint8):
        lengths = ps2.draw_lengths(rng, rng.sizes()).to(dtype)
        seen[f"{str(dtype)[6:]} lengths {lengths.tolist()}"] = attempt(
            lambda lengths=lengths: subject(lengths)
        )
    return seen


def draw_bad_lengths(rng: Rng) -> dict[str, tuple]:
    s = rng.sizes()
    lengths = ps2.draw_lengths(rng, s)
    negative = lengths.clone()
    negative[0] = -1
    return {
        "where a length is larger than T": (lengths, s.T - 1),
        "where T is 0 and the lengths are not": (lengths, 0),
        "where a length is negative": (negative, s.T),
    }


# --- embed --------------------------------------------------------------------------------------


def observe_gradient_rows(subject: Any, rng: Rng) -> dict[str, Any]:
    """Words that occur three times, twice, once and never."""
    words = torch.randperm(ps2.VOCABULARY - 1, generator=rng.generator) + 1  # not PAD
    a, b, c, *never = words.tolist()
    tokens = torch.tensor([[a, b, a], [c, a, b]])
    E = rng.normal(ps2.VOCABULARY, 4).requires_grad_()
    weights = rng.normal(2, 3, 4)
    result = subject(tokens, E)
    if not torch.is_tensor(result) or not result.requires_grad:
        return {"the result": f"has no gradient: {kind(result)}"}
    (found,) = torch.autograd.grad((result * weights).sum(), E)
    return {
        "a word that occurs 3 times": found[a],
        "a word that occurs twice": found[b],
        "a word that occurs once": found[c],
        "the rows of all the other words": found[never],
    }


def observe_nan_elsewhere(subject: Any, rng: Rng) -> dict[str, Any]:
    """nan and infinity in rows that nobody looks up: the result has none, nor has the gradient."""
    seen = {}
    for rubbish in (float("nan"), float("inf")):
        tokens, E = ps2.draw_embed(rng, rng.sizes())
        E[-1] = rubbish
        E.requires_grad_()
        result = attempt(lambda tokens=tokens, E=E: subject(tokens, E))
        seen[f"{rubbish:g} in another row"] = result
        seen[f"{rubbish:g} in another row, gradient"] = using(
            result, lambda result, E=E: torch.autograd.grad(result.sum(), E)[0]
        )
    return seen


def observe_token_shapes(subject: Any, rng: Rng) -> dict[str, Any]:
    E = rng.normal(ps2.VOCABULARY, 3)
    seen = {}
    for shape in ((), (4,), (2, 5, 3), (2, 0), (1, 1)):
        tokens = rng.integers(1, ps2.VOCABULARY, *shape)
        seen[f"tokens {shape}, E {tuple(E.shape)}"] = attempt(
            lambda tokens=tokens: subject(tokens, E)
        )
    return seen


def draw_bad_tokens(rng: Rng) -> dict[str, tuple]:
    tokens, E = ps2.draw_embed(rng, rng.sizes())
    negative, large = tokens.clone(), tokens.clone()
    negative[-1, 0], large[0, -1] = -1, len(E)
    return {"where a token is -1": (negative, E), "where a token is V": (large, E)}


# --- skipgram_pairs -----------------------------------------------------------------------------


def observe_wide_windows(subject: Any, rng: Rng) -> dict[str, Any]:
    tokens = ps2.draw_different(rng, 4)
    return ps2.observe_pairs(subject, [(tokens, window) for window in (3, 4, 9)])


def observe_short_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Two words, one word, none: results as they are, empty ones with their dtype."""
    seen = {}
    for length in (2, 1, 0):
        tokens = ps2.draw_different(rng, length)
        for window in (1, 3):
            result = attempt(lambda tokens=tokens, window=window: subject(tokens, window))
            seen[ps2.pairs_text(tokens, window)] = result
            seen[f"{ps2.pairs_text(tokens, window)}, dtype"] = ps2.dtype_of(result)
    return seen


def observe_repeated_words(subject: Any, rng: Rng) -> dict[str, Any]:
    a, b, c = ps2.draw_different(rng, 3).tolist()
    return ps2.observe_pairs(subject, [([a, a, b, a, b, c], 2), (torch.tensor([b, b, b]), 1)])


skipgram_cases = Cases(
    "skipgram_pairs",
    ("tokens", "window"),
    lambda rng, s: (ps2.draw_different(rng, s.T), 2),
    batched=(),
)


def observe_pair_inputs(subject: Any, rng: Rng) -> dict[str, Any]:
    tokens = ps2.draw_different(rng, 6)
    kept = tokens.clone()
    result = subject(tokens, 2)
    return {"the tokens are": changed(tokens.tolist(), kept.tolist()), "the result": result}


def draw_bad_windows(rng: Rng) -> dict[str, tuple]:
    tokens = ps2.draw_different(rng, 5)
    return {"where window is 0": (tokens, 0), "where window is -2": (tokens, -2)}


# --- negative_sampling_loss ---------------------------------------------------------------------


def observe_huge_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    """The worst mistakes must be felt: there the gradient is largest, not 0 and not nan."""
    seen = {}
    for dtype, huge in ps2.HUGE.items():
        vectors = ps2.draw_scored(rng, [-huge, 1.0, huge], [[0.5, -2.0], [huge, -1.0], [0.0, 1.0]])
        vectors = [one.to(dtype).requires_grad_() for one in vectors]
        loss = attempt(lambda vectors=vectors: subject(*vectors).sum())
        found = using(loss, lambda loss, vectors=vectors: torch.autograd.grad(loss, vectors))
        for n, name in enumerate(("center", "context", "negatives")):
            text = f"scores of {-huge:g} and {huge:g} in {str(dtype)[6:]}, gradient of {name}"
            seen[text] = part(found, n)
    return seen


def observe_numbers_of_negatives(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for B, K, D in ((2, 1, 3), (1, 20, 4), (3, 2, 1)):
        args = rng.normal(B, D), rng.normal(B, D), rng.normal(B, K, D)
        seen[ps2.negative_cases.text(args)] = attempt(lambda args=args: subject(*args))
    return seen


HIDDEN: dict[str, tuple[Property, ...]] = {
    "build_vocab": (
        Property("cut", "max_size cuts ties by the alphabet", 0.75, observe_cut_ties),
        Property("text", "a special in the text keeps its number", 0.5, observe_text_with_specials),
        Property("case", "upper and lower case are kept apart", 0.5, observe_case),
        Property(
            "sentences", "empty sentences and their order are no matter", 0.5, observe_sentences
        ),
        Property("refuses", "a max_size below 4 is refused", 0.5, observe_no_room),
        Property(
            "pure", "the sentences are left as they were", 0.25, observe_vocab_inputs, judge_inputs
        ),
    ),
    "encode": (
        Property("case", "upper and lower case are kept apart", 0.25, observe_encoded_case),
        Property("specials", "the specials are words too", 0.25, observe_encoded_specials),
        Property(
            "nothing", "no words, or no vocabulary to speak of", 0.25, observe_encoded_nothing
        ),
        Property(
            "pure",
            "vocabulary and words are left as they were",
            0.25,
            observe_encode_inputs,
            judge_inputs,
        ),
    ),
    "pad_batch": (
        Property("pad", "pad may be any number", 0.5, observe_pads),
        Property("empty", "empty sequences work", 0.5, observe_empty_sequences),
        Property("one", "one row and one column work", 0.25, observe_one_row),
        Property("tensors", "sequences may be tensors", 0.25, observe_tensors),
        Property("number", "pad may stand in a sequence", 0.25, observe_pad_as_a_number),
        Property(
            "pure", "the sequences are left as they were", 0.25, observe_batch_inputs, judge_inputs
        ),
    ),
    "sequence_mask": (
        Property("extremes", "lengths of 0 and T work", 0.75, observe_extreme_lengths),
        ps2.mask_cases.refuses(0.5, draw_bad_lengths),
        Property("integers", "lengths may be any integers", 0.5, observe_integer_types),
        ps2.mask_cases.pure(0.25),
    ),
    "embed": (
        Property(
            "sum", "gradients are summed in the rows used, 0 elsewhere", 0.5, observe_gradient_rows
        ),
        Property("unused", "rows that are not looked up do not matter", 0.5, observe_nan_elsewhere),
        Property("shapes", "tokens may have any shape", 0.5, observe_token_shapes),
        ps2.embed_cases.refuses(0.25, draw_bad_tokens),
        ps2.embed_cases.dtype(0.25),
    ),
    "nplm_logits": (
        ps2.nplm_cases.gradient(1.5),
        rows(ps2.nplm_cases, 0.5),
        ps2.nplm_cases.dtype(0.5),
        ps2.nplm_cases.pure(0.5),
    ),
    "skipgram_pairs": (
        Property("wide", "the window may be wider than the sentence", 0.5, observe_wide_windows),
        Property("short", "sentences of two, one and no words work", 0.5, observe_short_sentences),
        Property(
            "repeats", "words that are repeated keep all their pairs", 0.5, observe_repeated_words
        ),
        skipgram_cases.refuses(0.25, draw_bad_windows),
        Property(
            "pure", "the tokens are left as they were", 0.25, observe_pair_inputs, judge_inputs
        ),
    ),
    "negative_sampling_loss": (
        ps2.negative_cases.gradient(1.25),
        Property("steep", "huge scores have the right gradient", 0.5, observe_huge_gradients),
        Property("number", "one negative or many", 0.25, observe_numbers_of_negatives),
        ps2.negative_cases.rows(0.5),
        ps2.negative_cases.dtype(0.25),
        ps2.negative_cases.pure(0.25),
    ),
}
