"""sequence_mask: its visible checks and the mistakes people make."""

from collections.abc import Sequence
from typing import Any

import torch

from ...checks.compare import Raised, difference, kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import ONES, Rng, Sizes
from ...reference import inputs
from .pad_batch import dtype_of


def draw_lengths(rng: Rng, s: Sizes) -> torch.Tensor:
    """Lengths from 1 to T: the last is T, the first shorter than T (if B > 1 and T > 1)."""
    lengths = rng.integers(1, s.T + 1, s.B)
    lengths[0] = max(s.T - 1, 1)
    lengths[-1] = s.T
    return lengths


mask_cases = Cases(
    "sequence_mask",
    ("lengths", "T"),
    lambda rng, s: (draw_lengths(rng, s), s.T + 6),  # more than any B
    batched=("lengths",),
)


def mask_text(lengths: torch.Tensor, T: int | None) -> str:
    return f"sequence_mask({lengths.tolist()}{'' if T is None else f', T={T}'})"


def observe_masks(subject: Any, pairs: Sequence[tuple[torch.Tensor, int | None]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for lengths, T in pairs:
        given_T = () if T is None else (T,)
        seen[mask_text(lengths, T)] = attempt(subject, lengths.clone(), *given_T)
    return seen


def observe_mask(subject: Any, rng: Rng) -> dict[str, Any]:
    """Without T. `shape` and `values` judge the same observation."""
    sizes = rng.sizes(), rng.sizes(B=9)
    return observe_masks(subject, [(draw_lengths(rng, s), None) for s in sizes])


def observe_given_T(subject: Any, rng: Rng) -> dict[str, Any]:
    sizes = rng.sizes(), rng.sizes(B=1), ONES
    pairs = [(draw_lengths(rng, s), s.T + more) for more, s in enumerate(sizes)]
    return observe_masks(subject, pairs)


def observe_mask_dtype(subject: Any, rng: Rng) -> dict[str, Any]:
    lengths = draw_lengths(rng, rng.sizes())
    return {mask_text(lengths, None): dtype_of(subject(lengths))}


def judge_shapes(got: Any, expected: Any) -> str | None:
    def shape(mask: Any) -> Any:
        if torch.is_tensor(mask):
            return f"shape {tuple(mask.shape)}"
        return mask if isinstance(mask, Raised) else kind(mask)

    for text, mask in expected.items():
        if message := difference(shape(got.get(text)), shape(mask)):
            return f"{text}: {message}"
    return None


exercise = Exercise(
    "sequence_mask",
    "ps2_inputs",
    inputs.sequence_mask,
    points=4,
    properties=(
        Property("shape", "the mask is (B, T)", 0.25, observe_mask, judge_shapes),
        Property("values", "True where there is a token", 1, observe_mask),
        Property("given", "T can be given, and may be larger", 0.5, observe_given_T),
        Property("dtype", "the mask is boolean", 0.25, observe_mask_dtype),
    ),
)


@exercise.misconception(
    "Your mask counts one step too many. Counting from 0, the tokens are at t < lengths[b]."
)
def counts_one_too_many(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T) <= lengths.unsqueeze(1)


@exercise.misconception(
    "You count the steps from 1, so the last token of each sequence is lost. "
    "torch.arange(T) starts from 0, and t < lengths[b] fits that."
)
def counts_steps_from_one(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(1, T + 1) < lengths.unsqueeze(1)


@exercise.misconception(
    "Your mask is True in the padding. In this course True means that there is a token."
)
def marks_the_padding(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T) >= lengths.unsqueeze(1)


@exercise.misconception(
    "Your mask is (T, B). The batch is first: compare torch.arange(T) with lengths.unsqueeze(1)."
)
def makes_the_mask_time_first(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T).unsqueeze(1) < lengths


@exercise.misconception(
    "You compare (T,) with (B,), which torch aligns element by element. "
    "Give lengths a second axis: lengths.unsqueeze(1) is (B, 1)."
)
def forgets_the_axis(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T) < lengths


@exercise.misconception(
    "Your mask is made of floats. masked_fill, torch.where and ~mask need booleans: "
    "return the comparison itself."
)
def makes_a_float_mask(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return (torch.arange(T) < lengths.unsqueeze(1)).float()


@exercise.misconception(
    "Your mask is made of the integers 0 and 1, and indexing with it would fetch rows 0 and 1. "
    "Return booleans: the comparison itself."
)
def makes_an_integer_mask(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return (torch.arange(T) < lengths.unsqueeze(1)).long()


@exercise.misconception(
    "You always make as many columns as the largest length. If T is given, make T columns."
)
def ignores_T(lengths, T=None):
    if T is not None and ((lengths < 0) | (lengths > T)).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(int(lengths.max())) < lengths.unsqueeze(1)


@exercise.misconception("`not T` treats T = 0 as if T were not given. Check `T is None`.")
def takes_a_T_of_0_for_none(lengths, T=None):
    if not T:
        T = int(lengths.max())
    if ((lengths < 0) | (lengths > T)).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T) < lengths.unsqueeze(1)


@exercise.misconception(
    "You take T from the first length. If T is not given, it is the largest length."
)
def takes_T_from_the_first(lengths, T=None):
    if T is not None and ((lengths < 0) | (lengths > T)).any():
        raise ValueError("lengths must be from 0 to T")
    T = int(lengths[0]) if T is None else T
    return torch.arange(T) < lengths.unsqueeze(1)


@exercise.misconception(
    "Your padding is in front: you mark the last lengths[b] columns. pad_batch pads at the end."
)
def marks_the_end_of_the_row(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    return torch.arange(T).flip(0) < lengths.unsqueeze(1)


@exercise.misconception(
    "`if not T` treats T = 0 as if T were not given. Check `T is None`, "
    "and refuse lengths that are negative or larger than T."
)
def takes_any_length(lengths, T=None):
    if not T:
        T = int(lengths.max())
    return torch.arange(T) < lengths.unsqueeze(1)


@exercise.misconception(
    "You mark position lengths - 1 and fill up to it; for a length of 0 that is -1, "
    "the last column. Compare instead: t < lengths[b]."
)
def marks_the_last_place(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError("lengths must be from 0 to T")
    last = torch.zeros(len(lengths), T, dtype=torch.long)
    if T:
        last[torch.arange(len(lengths)), lengths.long() - 1] = 1
    return last.flip(1).cumsum(1).flip(1).bool()
