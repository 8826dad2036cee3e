"""Checks and converts arguments: tensors, arrays, lists and words."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["array", "count", "cut", "labels", "named", "number"]


def array(values: Any, what: str, *axes: str) -> np.ndarray:
    """Numbers as an array with one axis for each letter of `axes`, such as "T", "H".

    A leading axis of size 1 is a batch of one sequence, and is removed.
    Errors: ValueError when these are not numbers, have another number of axes, or an axis is empty.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    shape = f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
    try:
        if not hasattr(values, "__array__"):
            values = [row.tolist() if hasattr(row, "tolist") else row for row in values]
        result = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be numbers, {shape}; given: {_short(values)}") from None
    if result.ndim == len(axes) + 1 and result.shape[0] == 1:
        result = result[0]
    if result.ndim != len(axes) or not result.size:
        raise ValueError(f"{what} must be {shape}, but is {result.shape}")
    return result


def labels(words: object, what: str, count: int | None = None) -> list[str]:
    """Words as a list of strings; count: the number that is needed.

    Errors: ValueError when words is a single string, is empty, or has another number of words.
    """
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise ValueError(f"{what} must be a list of words; given: {_short(words)}")
    texts = [str(word) for word in words]
    if count is not None and len(texts) != count:
        raise ValueError(f"{what} has {len(texts)} words, but {count} are needed: {_short(texts)}")
    if not texts:
        raise ValueError(f"{what} is empty: there is nothing to draw")
    return texts


def named(values: object, what: str) -> dict[str, object]:
    """A dictionary {name: values}. Errors: ValueError for anything else, and when it is empty."""
    if not isinstance(values, Mapping) or not values:
        raise ValueError(f"{what} must be a dictionary {{name: values}}; given: {_short(values)}")
    return {str(name): value for name, value in values.items()}


def number(value: float) -> str:
    """A number as text, in three digits."""
    return f"{value:.3g}".replace("-", "−")


def count(n: int, what: str) -> str:
    """A number of things, such as "1 step" and "2 steps"."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def cut(word: str, limit: int = 24) -> str:
    """A word, shortened where it is too long for a picture."""
    return word if len(word) <= limit else word[: limit - 1] + "…"


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) < 70 else text[:67] + "…"
