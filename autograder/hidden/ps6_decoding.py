"""Hidden tests of problem set 6, decoding."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks import ps6_decoding as ps6
from rnncourse.checks.compare import Raised, difference, kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases, attempt, part
from rnncourse.checks.pytree import copied, tensors
from rnncourse.checks.rng import Rng
from rnncourse.checks.statistics import looks_like
from rnncourse.reference import decoding, exposure

# --- all decoders -------------------------------------------------------------------------------

Decode = Callable[..., Any]  # decode(subject, step, state, bos, eos, max_length)


def by_itself(subject: Any, *args: Any) -> Any:
    return subject(*args)


def with_beam(beam: int) -> Decode:
    return lambda subject, *args: subject(*args, beam, 0.6)


def with_luck(subject: Any, *args: Any) -> Any:
    return subject(*args, 0.7, 3, ps6.generator(subject, 3))


def nested(points: float, decode: Decode) -> Property:
    """States that are tuples in tuples."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        seen = {}
        for N in (3, 1):
            step, state = draw_nested_step(rng, N)
            seen[f"N = {N}, the state is (phase, (bias, count))"] = attempt(
                lambda step=step, state=state: decode(subject, step, state, 0, 4, 6)
            )
        return seen

    return Property("nested", "the state may be a tuple of tuples", points, observe)


@ps6.once
def draw_nested_step(rng: Rng, N: int) -> tuple:
    """Sentences that do not end together; it shows what step reads; a search has some to cut."""
    while True:
        step = ps6.nested_step(ps6.draw_table(rng, 5) / 2)
        state = ps6.draw_nested(rng, N, 5)
        lengths = {len(row) for row in decoding.greedy_decode(step, state, 0, 4, 6)}
        if len(lengths) < min(N, 2) or not ps6.matters(step, state, 0, 4, 6, list):
            continue
        found = decoding.beam_search(step, state, 0, 4, 6, 3, 0.6)
        some_are_cut = any(row[-1] != 4 for pairs in found for row, _ in pairs)
        if some_are_cut and ps6.states_matter(step, state, 0, 4, 6, 3):
            return step, state


@ps6.once
def draw_change(rng: Rng) -> tuple:
    """(step, state, the state with another row 0, bos, eos, max_length).

    The change shows in all that is decoded. Sentence 0 is neither the first to end nor the last
    at first, and then it becomes the first: it could take the others with it.
    """
    bos, eos, L = 0, 4, 5
    while True:
        step = ps6.table_step(ps6.draw_table(rng, 5))
        phases = torch.arange(5, dtype=torch.float64).unsqueeze(1)
        rows = decoding.greedy_decode(step, phases, bos, eos, L)
        first, second, *rest = sorted(range(5), key=lambda phase: len(rows[phase]))
        if len(rows[first]) == len(rows[second]):
            continue
        before, after = phases[[rest[0], second, *rest[1:]]], phases[[first, second, *rest[1:]]]
        endings = [
            [row for row, _ in pairs if eos in row]
            for pairs in decoding.beam_search(step, phases[[rest[0], first]], bos, eos, L, 3, 0.6)
        ]
        if endings[0] != endings[1]:
            return step, before, after, bos, eos, L


def decode_rows(points: float, decode: Decode) -> Property:
    """One sentence of a batch must not change what another says."""

    def observe(subject: Any, rng: Rng) -> Any:
        step, state, changed, *rest = draw_change(rng)
        before = decode(subject, step, state, *rest)
        after = decode(subject, step, changed, *rest)
        if not all(isinstance(one, (list, tuple)) and len(one) == 4 for one in (before, after)):
            return f"no list of 4 but {kind(before)}"
        first = difference(before[0], after[0]) is not None
        others = difference(list(before[1:]), list(after[1:])) is None
        return {
            "after a change of the state of sentence 0, sentence 0": (
                "changes" if first else "stays the same"
            ),
            "after a change of the state of sentence 0, the others": (
                "stay the same" if others else "change"
            ),
        }

    return Property("rows", "the sentences of a batch do not mix", points, observe)


def careful(points: float, decode: Decode) -> Property:
    """Nothing is recorded for a gradient, and the caller's state is left alone."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        table, state = ps6.draw_table(rng, 5), ps6.draw_phases(rng, 3)
        kept, recorded = state.clone(), set()

        def step(tokens, state):
            recorded.add("recorded" if torch.is_grad_enabled() else "not recorded")
            return ps6.table_step(table)(tokens, state)

        result = decode(subject, step, state, 0, 4, 5)
        return {
            "what comes back": (
                f"a list of {len(result)}" if isinstance(result, (list, tuple)) else kind(result)
            ),
            "the steps are": " and ".join(sorted(recorded)) or "missing",
            "the state": "left as it was" if torch.equal(state, kept) else "changed",
        }

    return Property("careful", "no gradient is recorded, no input is changed", points, observe)


def untouched(cases: Cases, points: float) -> Property:
    """The inputs are left as they were; what comes back has the right form."""

    def observe(subject: Any, rng: Rng) -> dict[str, str]:
        args = cases.draw(rng, rng.sizes())
        kept = copied(args)
        result = cases.run(subject, *args)
        same = all(torch.equal(a, b) for a, b in zip(tensors(args), tensors(kept), strict=True))
        return {
            "what comes back": kind(result),
            "the inputs": "left as they were" if same else "changed",
        }

    return Property("untouched", "the inputs are left as they were", points, observe)


# --- greedy_decode ------------------------------------------------------------------------------


def observe_limits(subject: Any, rng: Rng) -> dict[str, Any]:
    """max_length 0 and 1, bos and eos the same word, an eos that comes at once."""
    table, state = ps6.draw_table(rng, 5), ps6.draw_phases(rng, 3)
    at_once = table.clone()
    at_once[:, 0, 3] = 99.0
    alike, *alike_args = ps6.draw_greedy(rng, ps6.MIXED, alike=True)
    cases = {
        "max_length=0": (table, state, 0, 4, 0),
        "max_length=1": (table, state, 0, 4, 1),
        f"bos and eos are both {alike_args[1]}": (alike, *alike_args),
        "eos is the likeliest first word": (at_once, state, 0, 3, 4),
    }
    return {
        text: attempt(lambda table=table, args=args: subject(ps6.table_step(table), *args))
        for text, (table, *args) in cases.items()
    }


# --- sample_decode ------------------------------------------------------------------------------


def observe_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Whole sentences: what was drawn is read by the next step, with the state."""
    V, eos, L, phases = 3, 2, 3, 4
    table = ps6.draw_table(rng, V, phases)
    phase = int(rng.integers(0, phases, 1))
    state = torch.full((ps6.SAMPLE, 1), float(phase), dtype=torch.float64)
    probs: dict[tuple[int, ...], float] = {}

    def walk(row: tuple[int, ...], p: float, last: int, state: torch.Tensor) -> None:
        if row and (row[-1] == eos or len(row) == L):
            probs[row] = p
            return
        logits, state = ps6.table_step(table)(torch.tensor([last]), state)
        for v, q in enumerate(logits[0].softmax(dim=0).tolist()):
            walk((*row, v), p * q, v, state)

    walk((), 1.0, 0, state[:1])
    rows = attempt(
        lambda: subject(
            ps6.table_step(table), state, 0, eos, L, 1.0, None, ps6.generator(subject, 17)
        )
    )
    counts = ps6.counts_of(rows, list(probs))
    return {
        f"{ps6.SAMPLE} sentences of up to {L} words": (
            counts
            if isinstance(counts, str)
            else looks_like(counts, {"each as often as the model says": list(probs.values())})
        )
    }


def observe_ties(subject: Any, rng: Rng) -> dict[str, Any]:
    """Of words that are equally good, still no more than k come; and k may be larger than V."""
    seen = {}
    for k in (2, 6, 9):
        rows = attempt(
            lambda k=k: subject(
                ps6.fixed_step(torch.ones(6, dtype=torch.float64)),
                torch.zeros(500, 1, dtype=torch.float64),
                0,
                5,
                1,
                1.0,
                k,
                ps6.generator(subject, 23),
            )
        )
        counts = ps6.counts_of(rows, [(v,) for v in range(6)])
        seen[f"6 words that are all equal, top_k={k}: how many come"] = (
            counts if isinstance(counts, str) else sum(count > 0 for count in counts)
        )
    return seen


def observe_sample_refusals(subject: Any, rng: Rng) -> dict[str, str]:
    table, *args = ps6.draw_greedy(rng, ps6.MIXED)

    def tried(temperature: float, k: int | None) -> str:
        result = attempt(
            lambda: subject(ps6.table_step(table), *args, temperature, k, ps6.generator(subject, 1))
        )
        if isinstance(result, Raised):
            return "refused with a ValueError" if result.type == "ValueError" else repr(result)
        return f"accepted: {ps6.describe_rows(result)}"

    return {
        f"temperature={temperature}, top_k={k}": tried(temperature, k)
        for temperature, k in ((0, None), (-1.0, None), (1.0, 0), (1.0, -2), (1.0, None))
    }


# --- beam_search --------------------------------------------------------------------------------


def observe_everything(subject: Any, rng: Rng) -> dict[str, Any]:
    """A beam that holds all sequences there are, so that the search is exact."""
    words, L = 2, 4
    beam = sum(words**length for length in range(L)) + words**L
    case = ps6.draw_search(rng, beam, N=2, V=words + 1, L=L)
    return ps6.searched(subject, case, beam, 0.0, 1.0)


def observe_finished(subject: Any, rng: Rng) -> dict[str, str]:
    """What must hold of every list of hypotheses."""
    table, state, eos, L = ps6.draw_table(rng, 5), ps6.draw_phases(rng, 4), 4, 5
    table[:, :, eos] = table[:, :, :eos].logsumexp(dim=2)  # as likely as all others together
    step = ps6.table_step(table)
    pairs = ps6.pairs_of(attempt(lambda: subject(step, state, 0, eos, L, 4)))
    if not pairs or not any(pairs):
        return {"hypotheses": "there are none in the right form"}
    # Sorted, not put into sets: rows can be made to have all the same hash.
    rows = [sorted(tuple(row) for row, _ in found) for found in pairs]
    every = [row for found in rows for row in found]
    return {
        "hypotheses": "found",
        "words after eos": "some" if any(eos in row[:-1] for row in every) else "none",
        "sequences that come twice": (
            "some"
            if any(one == other for found in rows for one, other in itertools.pairwise(found))
            else "none"
        ),
        "unfinished sequences that are shorter than max_length": (
            "some" if any(row[-1:] != (eos,) and len(row) < L for row in every) else "none"
        ),
    }


def observe_impossible(subject: Any, rng: Rng) -> dict[str, Any]:
    """Words of probability 0, in a beam that is wide enough to need them."""
    table = ps6.draw_table(rng, 4)
    table[:, :, 1] = -torch.inf
    state = ps6.draw_phases(rng, 2)
    seen = {}
    for eos in (3, 1):
        result = attempt(lambda eos=eos: subject(ps6.table_step(table), state, 0, eos, 2, 20))
        pairs = ps6.pairs_of(result)
        seen[f"beam=20, max_length=2, word 1 is impossible, eos={eos}: the words"] = (
            ps6.describe_search(result)
            if pairs is None
            else [sorted(list(row) for row, _ in found) for found in pairs]
        )
    return seen


def observe_beam_refusals(subject: Any, rng: Rng) -> dict[str, str]:
    table, *args = ps6.draw_search(rng, 2)

    def tried(beam: int) -> str:
        result = attempt(lambda: subject(ps6.table_step(table), *args, beam))
        if isinstance(result, Raised):
            return "refused with a ValueError" if result.type == "ValueError" else repr(result)
        return "accepted" if ps6.pairs_of(result) else ps6.describe_search(result)

    return {f"beam={beam}": tried(beam) for beam in (0, -1, 2)}


# --- scheduled_inputs ---------------------------------------------------------------------------


def observe_one_step(subject: Any, rng: Rng) -> dict[str, Any]:
    """Words (B,) of one time step: the coin's result lies where it should, and epsilon counts."""
    B = 400
    targets, predictions = rng.integers(0, 50, B), rng.integers(50, 99, B)
    seen: dict[str, Any] = {}
    for epsilon in (0.0, 0.5, 1.0):
        result = attempt(
            lambda epsilon=epsilon: ps6.run_with_generator(
                subject, targets, predictions, epsilon, 3
            )
        )
        if not isinstance(result, torch.Tensor) or result.shape != targets.shape:
            seen[f"({B},) words, epsilon={epsilon}"] = (
                repr(result) if isinstance(result, Raised) else kind(result)
            )
            continue
        true, own = (result == targets), (result == predictions)
        name = {(True, False): "all true", (False, True): "all predicted"}.get(
            (bool(true.all()), bool(own.all())),
            "of both kinds" if (true | own).all() else "others",
        )
        seen[f"({B},) words, epsilon={epsilon}"] = name
    return seen


def draw_tossed(subject: Any, rng: Rng, source: Any) -> Any:
    targets, predictions, *_ = ps6.draw_scheduled(rng, rng.sizes(B=9, T=10))
    return subject(targets, predictions, 0.5, source)


def draw_bad_tosses(rng: Rng) -> dict[str, tuple]:
    targets, predictions, _, seed = ps6.draw_scheduled(rng, rng.sizes())
    return {
        "where predictions have one time step": (targets, predictions[:, :1], 0.5, seed),
        "where epsilon is above 1": (targets, predictions, 1.1, seed),
        "where epsilon is below 0": (targets, predictions, -0.1, seed),
        "where epsilon is nan": (targets, predictions, math.nan, seed),
    }


# --- dad_dataset --------------------------------------------------------------------------------


def observe_words(subject: Any, rng: Rng) -> dict[str, Any]:
    """Sequences of words (B, T), with a state that is a tuple of tuples."""
    V = 11
    xs = rng.integers(0, V, 3, 5)
    old = rng.integers(0, V, 2, 4), rng.integers(0, V, 2, 4)
    count = torch.zeros(3, dtype=torch.int64)

    def step(x, state):
        (count,) = state[0]
        return (3 * x + count + 1) % V, ((count + 1,),)

    result = attempt(lambda: subject(step, ((count,),), xs, *old))
    return {"inputs": part(result, 0), "targets": part(result, 1)}


def observe_short(subject: Any, rng: Rng) -> dict[str, Any]:
    """T = 2, where the model is not asked for anything, and T = 1, where there is no next step."""
    step, state, xs, *_ = ps6.draw_dad(rng, rng.sizes())
    old = xs[:, :1], xs[:, 1:2]
    seen = {"T = 2": attempt(lambda: subject(step, state, xs[:, :2], *old))}
    result = attempt(lambda: subject(step, state, xs[:, :1], *old))
    refused = isinstance(result, Raised) and result.type == "ValueError"
    seen["T = 1"] = "refused with a ValueError" if refused else f"got {kind(result)}"
    return seen


def observe_no_graph(subject: Any, rng: Rng) -> dict[str, str]:
    """What comes back is data, though the model has weights that are being trained."""
    step, state, *args = ps6.draw_dad(rng, rng.sizes(T=4))
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)

    def trained(x, state):
        x, state = step(x, state)
        return weight * x, state

    found = tensors(subject(trained, state, *args))
    return {
        "tensors that come back": str(len(found)),
        "they": "hang on a graph" if any(one.requires_grad for one in found) else "are plain data",
    }


def observe_rounds(subject: Any, rng: Rng) -> dict[str, Any]:
    """Three rounds, each with another model."""
    s = rng.sizes()
    _, state, xs, *_ = ps6.draw_dad(rng, s)
    inputs, targets, seen = xs[:, :-1], xs[:, 1:], {}
    for number in (1, 2, 3):
        step = ps6.linear_system(rng, s.D, s.H)
        inputs, targets = subject(step, state, xs, inputs, targets)
        seen[f"the inputs after round {number}"] = copied(inputs)
        seen[f"the targets after round {number}"] = copied(targets)
    return seen


# --- mixer_loss ---------------------------------------------------------------------------------


def observe_all_or_none(subject: Any, rng: Rng) -> dict[str, Any]:
    """s = 0: every word is sampled; s = T and beyond: every word is given."""
    drawn = ps6.draw_mixer(rng, rng.sizes(T=4))
    seen = {}
    for s in (0, 4, 9):
        args, leaves = ps6.leaves_of((*drawn[:5], s, *drawn[6:]))
        result = attempt(lambda args=args: subject(*args))
        for which, name in enumerate(("loss", "baseline_loss")):
            seen[f"T = 4, s = {s}: {name}"] = part(result, which)
        found = (
            repr(result) if isinstance(result, Raised) else ps6.gradients(part(result, 0), leaves)
        )
        seen[f"T = 4, s = {s}: the gradient of loss for logits"] = (
            found if isinstance(found, str) else found["logits"]
        )
    return seen


def observe_rubbish(subject: Any, rng: Rng) -> dict[str, Any]:
    """Wild numbers, and words that do not exist, in the padding; a sentence of length 0."""
    logits, hs, tokens, mask, *rest = ps6.draw_mixer(rng, rng.sizes(T=4, B=3))
    mask[2] = False
    logits[~mask], hs[~mask], tokens[~mask] = 1e3 * rng.normal(1), -1e3, -100
    args, leaves = ps6.leaves_of((logits, hs, tokens, mask, *rest))
    result = attempt(lambda: subject(*args))
    seen = {
        "rubbish in the padding: loss": part(result, 0),
        "rubbish in the padding: baseline_loss": part(result, 1),
    }
    for which, name in ((0, "logits"), (1, "w")):
        found = (
            repr(result)
            if isinstance(result, Raised)
            else ps6.gradients(part(result, which), leaves)
        )
        seen[f"rubbish in the padding: the gradient for {name}"] = (
            found if isinstance(found, str) else found[name]
        )
    return seen


def draw_bad_masks(rng: Rng) -> dict[str, tuple]:
    logits, hs, tokens, mask, *rest = ps6.draw_mixer(rng, rng.sizes())
    return {
        "where the mask holds integers": (logits, hs, tokens, mask.long(), *rest),
        "where the mask has one time step": (logits, hs, tokens, mask[:, :1], *rest),
    }


# --- edit_count_probs ---------------------------------------------------------------------------


def observe_long(subject: Any, rng: Rng) -> dict[str, Any]:
    """Numbers that leave the range of floating point, were they not kept as logarithms."""
    seen = {}
    for m, V, tau, exact in ((1500, 50_000, 0.05, True), (1500, 50_000, 0.9, False)):
        probs = attempt(
            lambda m=m, V=V, tau=tau, exact=exact: subject(torch.tensor([m, 3]), V, tau, exact)
        )
        seen[f"lengths=[{m}, 3], V={V}, tau={tau}, exact={exact}"] = probs
    return seen


def observe_odd_lengths(subject: Any, rng: Rng) -> dict[str, Any]:
    """Nothing but empty sentences, a vocabulary of two, and exact by default."""
    m = 2 + torch.randperm(5, generator=rng.generator)[:4]
    return {
        "lengths=[0, 0]": attempt(lambda: subject(torch.tensor([0, 0]), 7, 1.0, True)),
        f"lengths={m.tolist()}, V=2, released": attempt(lambda: subject(m, 2, 0.6, False)),
        f"lengths={m.tolist()}, V=9, exact left out": attempt(lambda: subject(m, 9, 0.6)),
    }


def observe_count_refusals(subject: Any, rng: Rng) -> dict[str, str]:
    def tried(V: int, tau: float) -> str:
        result = attempt(lambda: subject(torch.tensor([3, 2]), V, tau))
        if isinstance(result, Raised):
            return "refused with a ValueError" if result.type == "ValueError" else repr(result)
        return f"accepted: {kind(result)}"

    return {
        f"V={V}, tau={tau}": tried(V, tau) for V, tau in ((1, 1.0), (5, 0), (5, -1.0), (5, 1.0))
    }


# --- raml_sample --------------------------------------------------------------------------------


def observe_strings(subject: Any, rng: Rng) -> dict[str, str]:
    """All sentences that can come, each as likely as its distance says."""
    m, V, seen = 3, 3, {}
    for tau, exact in ((1.3, True), (1.0, False)):
        found = ps6.edited(subject, rng, m, V, tau, exact)
        if not isinstance(found, str):
            targets, result = found
            counts = ps6.counts_of(
                ((result - targets) % V).tolist(), list(itertools.product(range(V), repeat=m))
            )
            candidates = string_probs(m, V, tau, exact)
            found = counts if isinstance(counts, str) else looks_like(counts, candidates)
        seen[f"all {V**m} sentences of {m} words, tau={tau}, exact={exact}"] = found
    return seen


def string_probs(m: int, V: int, tau: float, exact: bool) -> dict[str, list[float]]:
    """How likely each difference from the target is; 0 is where a word is as it was."""
    q = exposure.edit_count_probs(torch.tensor([m]), V, tau, exact)[0].tolist()
    asked, first, following = [], [], []
    for shifts in itertools.product(range(V), repeat=m):
        e = sum(shift > 0 for shift in shifts)
        words = (V - 1) ** e
        asked.append(q[e] / math.comb(m, e) / words)
        first.append(q[e] / words if all(shifts[:e]) else 0.0)
        following.append(q[e] / math.comb(m, e) if max(shifts) < 2 else 0.0)
    return {
        "each as often as it should": asked,
        "as if only the first words were edited": first,
        "as if a word had one replacement only": following,
    }


def draw_augmented(subject: Any, rng: Rng, source: Any) -> Any:
    targets, mask, V, *_ = ps6.draw_raml(rng, rng.sizes(B=8, T=9))
    return subject(targets, mask, V, 5.0, source)


def draw_bad_raml(rng: Rng) -> dict[str, tuple]:
    targets, mask, V, tau, seed = ps6.draw_raml(rng, rng.sizes())
    return {
        "where the mask holds integers": (targets, mask.long(), V, tau, seed),
        "where V is 1": (torch.zeros_like(targets), mask, 1, tau, seed),
        "where tau is 0": (targets, mask, V, 0, seed),
    }


SOURCE = "chance comes from the generator, and from nowhere else"

HIDDEN: dict[str, tuple[Property, ...]] = {
    "greedy_decode": (
        Property("limits", "short and odd cases work", 0.5, observe_limits),
        nested(0.5, by_itself),
        decode_rows(0.5, by_itself),
        careful(0.25, by_itself),
    ),
    "sample_decode": (
        Property("sentences", "whole sentences have the right distribution", 1, observe_sentences),
        Property("source", SOURCE, 0.75, ps6.observe_source(ps6.draw_sampled, ps6.describe_rows)),
        Property("ties", "exactly k words are left, also among equals", 0.5, observe_ties),
        Property("refuses", "bad input is refused", 0.5, observe_sample_refusals),
        careful(0.25, with_luck),
    ),
    "beam_search": (
        Property("exhaustive", "a large beam finds the best of all", 1.5, observe_everything),
        nested(0.75, with_beam(3)),
        Property("finished", "what has ended is not extended", 0.5, observe_finished),
        Property("impossible", "what cannot be is not returned", 0.25, observe_impossible),
        decode_rows(0.5, with_beam(3)),
        Property("refuses", "a beam below 1 is refused", 0.25, observe_beam_refusals),
        careful(0.25, with_beam(2)),
    ),
    "scheduled_inputs": (
        Property("source", SOURCE, 0.5, ps6.observe_source(draw_tossed, kind)),
        Property("step", "one time step (B,) works as well", 0.25, observe_one_step),
        ps6.scheduled_cases.refuses(0.5, draw_bad_tosses),
        untouched(ps6.scheduled_cases, 0.25),
    ),
    "dad_dataset": (
        Property("rounds", "the data set grows from round to round", 0.5, observe_rounds),
        Property("words", "words (B, T) and nested states work", 0.5, observe_words),
        Property("short", "T = 2 works, T = 1 is refused", 0.25, observe_short),
        Property("graph", "what comes back is data, without a graph", 0.25, observe_no_graph),
        ps6.dad_cases.pure(0.25),
    ),
    "mixer_loss": (
        Property("limits", "s = 0 and s >= T work", 1.25, observe_all_or_none),
        Property("padding", "the padding makes no difference", 1, observe_rubbish),
        ps6.mixer_cases.dtype(0.25),
        ps6.mixer_cases.pure(0.5),
        ps6.mixer_cases.refuses(0.5, draw_bad_masks),
    ),
    "edit_count_probs": (
        Property("long", "long sentences work", 0.5, observe_long),
        Property("odd", "odd lengths and the default work", 0.5, observe_odd_lengths),
        Property("refuses", "bad input is refused", 0.25, observe_count_refusals),
    ),
    "raml_sample": (
        Property("strings", "every sentence is as likely as it should be", 1.25, observe_strings),
        Property("source", SOURCE, 0.5, ps6.observe_source(draw_augmented, kind)),
        ps6.raml_cases.refuses(0.5, draw_bad_raml),
        untouched(ps6.raml_cases, 0.25),
    ),
}
