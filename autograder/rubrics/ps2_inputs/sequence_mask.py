"""sequence_mask: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps2_inputs.sequence_mask import draw_lengths, mask_cases, observe_masks

from .. import Rubric


def observe_extreme_lengths(subject: Any, rng: Rng) -> dict[str, Any]:
    """Lengths of 0 and of T, alone and together, with and without T."""
    T = rng.sizes().T
    lengths = [[0, T, 1], [T, T], [0], [0, 0]]
    pairs = [(torch.tensor(numbers), given) for numbers in lengths for given in (None, T)]
    return observe_masks(subject, [*pairs, (torch.tensor([0, 0, 0]), 0)])


def observe_integer_types(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for dtype in (torch.int32, torch.uint8):
        lengths = draw_lengths(rng, rng.sizes()).to(dtype)
        seen[f"{str(dtype)[6:]} lengths {lengths.tolist()}"] = attempt(subject, lengths)
    return seen


def draw_bad_lengths(rng: Rng) -> dict[str, tuple]:
    s = rng.sizes()
    lengths = draw_lengths(rng, s)
    negative = lengths.clone()
    negative[0] = -1
    return {
        "where a length is larger than T": (lengths, s.T - 1),
        "where T is 0 and the lengths are not": (lengths, 0),
        "where a length is negative": (negative, s.T),
    }


rubric = Rubric(
    (
        Property("extremes", "lengths of 0 and T work", 0.75, observe_extreme_lengths),
        mask_cases.refuses(0.5, draw_bad_lengths),
        Property("integers", "lengths may be any integers", 0.5, observe_integer_types),
        mask_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def joins_rows_of_booleans(lengths, T=None):
    numbers = lengths.tolist()
    T = max(numbers) if T is None else T
    if min(numbers) < 0 or max(numbers) > T:
        raise ValueError(f"lengths must be from 0 to {T}")
    rows = [[True] * n + [False] * (T - n) for n in numbers]
    return torch.tensor(rows, dtype=torch.bool)


@rubric.alternative
def fills_row_by_row(lengths, T=None):
    if T is None:
        T = int(lengths.max())
    mask = torch.zeros(len(lengths), T, dtype=torch.bool)
    for b, length in enumerate(lengths):
        assert 0 <= length <= T, "a length is out of range"
        mask[b, : int(length)] = True
    return mask


@rubric.alternative
def compares_from_the_other_side(lengths, T=None):
    T = lengths.max().item() if T is None else T
    if not ((lengths >= 0) & (lengths <= T)).all():
        raise ValueError("lengths out of range")
    steps = torch.arange(T).expand(lengths.shape[0], T)
    return lengths[:, None].gt(steps)


@rubric.alternative
def cuts_a_triangle(lengths, T=None):
    """Row n of a lower triangle without its diagonal has n times True."""
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or lengths.max() > T:
        raise ValueError("lengths must be from 0 to T")
    triangle = torch.ones(T + 1, T).tril(diagonal=-1)
    return triangle[lengths.long()] == 1


@rubric.alternative
def counts_down(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if ((lengths < 0) | (lengths > T)).any():
        raise ValueError("lengths must be from 0 to T")
    ones = torch.ones(len(lengths), T, dtype=torch.long)
    return lengths.long().unsqueeze(1) - ones.cumsum(dim=1) >= 0
