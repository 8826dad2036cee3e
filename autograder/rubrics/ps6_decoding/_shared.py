"""Shared by rubrics of ps6_decoding: properties of decoders and of random results."""

from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks.compare import difference, kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases, attempt
from rnncourse.checks.pytree import copied, tensors
from rnncourse.checks.remote import remote
from rnncourse.checks.rng import Rng, memoised_draw
from rnncourse.checks.statistics import generator
from rnncourse.exercises.ps6_decoding._shared import draw_phases, draw_table, table_step
from rnncourse.exercises.ps6_decoding.beam_search import states_matter
from rnncourse.exercises.ps6_decoding.greedy_decode import matters
from rnncourse.reference import decoding

Decode = Callable[..., Any]  # decode(subject, step, state, bos, eos, max_length)
SOURCE = "chance comes from the generator, and from nowhere else"


def nested_step(table: torch.Tensor) -> Callable[..., Any]:
    """The model of a table with a nested state: (phase, (bias, number of words so far))."""
    plain_step = table_step(table)

    def step(tokens, state):
        phase, (bias, count) = state
        logits, phase = plain_step(tokens, phase)
        return logits + bias * (1 + count % 2), (phase, (bias, count + 1))

    return step


def draw_nested(rng: Rng, N: int, V: int) -> Any:
    return draw_phases(rng, N), (1.3 * rng.normal(N, V), torch.zeros(N, 1, dtype=torch.float64))


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
    """A step and a state whose sentences do not all end together, and show what step reads."""
    while True:
        step = nested_step(draw_table(rng, 5) / 2)
        state = draw_nested(rng, N, 5)
        lengths = {len(row) for row in decoding.greedy_decode(step, state, 0, 4, 6)}
        if len(lengths) < min(N, 2) or not matters(step, state, 0, 4, 6, list):
            continue
        hypotheses = decoding.beam_search(step, state, 0, 4, 6, 3, 0.6)
        some_are_cut = any(row[-1] != 4 for pairs in hypotheses for row, _ in pairs)
        if some_are_cut and states_matter(step, state, 0, 4, 6, 3):
            return step, state


@memoised_draw
def draw_change(rng: Rng) -> tuple:
    """(step, state, the state with another row 0, bos, eos, max_length).

    The change shows in every decoder. Sentence 0 ends neither first nor last before it, and first
    after it, where a decoder that stops there would cut the others short.
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
    """One sentence of a batch must not change another."""

    def observe(subject: Any, rng: Rng) -> Any:
        step, state, changed, *rest = draw_change(rng)
        before = decode(subject, step, state, *rest)
        after = decode(subject, step, changed, *rest)
        for result in (before, after):
            if not isinstance(result, (list, tuple)) or len(result) != 4:
                return f"expected a list of 4, got {kind(before)}"
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
        original, recorded = state.clone(), set()

        def step(tokens, state):
            recorded.add("recorded" if torch.is_grad_enabled() else "not recorded")
            return table_step(table)(tokens, state)

        result = decode(subject, step, state, 0, 4, 5)
        return {
            "the result": (
                f"a list of {len(result)}" if isinstance(result, (list, tuple)) else kind(result)
            ),
            "the steps are": " and ".join(sorted(recorded)) or "missing",
            "the state": "left as it was" if torch.equal(state, original) else "changed",
        }

    return Property("careful", "no gradient is recorded, no input is changed", points, observe)


def untouched(cases: Cases, points: float) -> Property:
    """The inputs are left as they were; the result has the right form."""

    def observe(subject: Any, rng: Rng) -> dict[str, str]:
        args = cases.draw(rng, rng.sizes())
        originals = copied(args)
        result = cases.run(subject, *args)
        same = all(
            torch.equal(a, b) for a, b in zip(tensors(args), tensors(originals), strict=True)
        )
        return {
            "the result": kind(result),
            "the inputs": "left as they were" if same else "changed",
        }

    return Property("untouched", "the inputs are left as they were", points, observe)


def observe_source(draw: Callable[[Any, Rng, Any], Any], describe: Callable[[Any], str]) -> Any:
    """An observation of whether all chance comes from the generator that the subject is given.

    draw(subject, rng, generator): a random result that is hardly ever drawn twice.
    """

    def observe(subject: Any, rng: Rng) -> dict[str, str]:
        global_state = remote(subject, torch.get_rng_state)
        before = global_state()
        inputs = Rng(int(rng.integers(0, 2**31, 1)), "alike")
        inputs_state = inputs.generator.get_state()
        results = []
        for seed in (1, 1, 2):
            inputs.generator.set_state(inputs_state)  # the same inputs each time
            results.append(draw(subject, inputs, generator(subject, seed)))
        first, same_seed, other_seed = results

        def alike(a: Any, b: Any) -> str:
            return "the same result" if difference(a, b) is None else "another result"

        return {
            "the result": describe(first),
            "the same seed again": alike(first, same_seed),
            "another seed": alike(first, other_seed),
            "torch's global random state": (
                "is left alone" if torch.equal(before, global_state()) else "is used"
            ),
        }

    return observe
