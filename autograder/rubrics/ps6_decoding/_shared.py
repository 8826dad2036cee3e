"""What the rubrics of several exercises of ps6_decoding share."""

from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks.compare import difference, kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases, attempt
from rnncourse.checks.pytree import copied, tensors
from rnncourse.checks.rng import Rng, memoised_draw
from rnncourse.exercises.ps6_decoding._shared import (
    draw_nested,
    draw_phases,
    draw_table,
    nested_step,
    table_step,
)
from rnncourse.exercises.ps6_decoding.beam_search import states_matter
from rnncourse.exercises.ps6_decoding.greedy_decode import matters
from rnncourse.reference import decoding

Decode = Callable[..., Any]  # decode(subject, step, state, bos, eos, max_length)


def nested(points: float, decode: Decode) -> Property:
    """States that are tuples in tuples."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        seen = {}
        for N in (3, 1):
            step, state = draw_nested_step(rng, N)
            seen[f"N = {N}, the state is (phase, (bias, count))"] = attempt(
                decode, subject, step, state, 0, 4, 6
            )
        return seen

    return Property("nested", "the state may be a tuple of tuples", points, observe)


@memoised_draw
def draw_nested_step(rng: Rng, N: int) -> tuple:
    """Sentences that do not end together; it shows what step reads; a search has some to cut."""
    while True:
        step = nested_step(draw_table(rng, 5) / 2)
        state = draw_nested(rng, N, 5)
        lengths = {len(row) for row in decoding.greedy_decode(step, state, 0, 4, 6)}
        if len(lengths) < min(N, 2) or not matters(step, state, 0, 4, 6, list):
            continue
        found = decoding.beam_search(step, state, 0, 4, 6, 3, 0.6)
        some_are_cut = any(row[-1] != 4 for pairs in found for row, _ in pairs)
        if some_are_cut and states_matter(step, state, 0, 4, 6, 3):
            return step, state


@memoised_draw
def draw_change(rng: Rng) -> tuple:
    """(step, state, the state with another row 0, bos, eos, max_length).

    The change shows in all that is decoded. Sentence 0 is neither the first to end nor the last
    at first, and then it becomes the first: it could take the others with it.
    """
    bos, eos, L = 0, 4, 5
    while True:
        step = table_step(draw_table(rng, 5))
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
        table, state = draw_table(rng, 5), draw_phases(rng, 3)
        kept, recorded = state.clone(), set()

        def step(tokens, state):
            recorded.add("recorded" if torch.is_grad_enabled() else "not recorded")
            return table_step(table)(tokens, state)

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


SOURCE = "chance comes from the generator, and from nowhere else"
