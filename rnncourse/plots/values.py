"""What the functions are given: tensors, arrays, lists and words, checked where they come in."""

from collections.abc import Iterable, Mapping

import numpy as np

__all__ = ["array", "count", "cut", "labels", "named", "number"]


def array(values: object, what: str, *axes: str) -> np.ndarray:
    """Numbers as an array with one axis for each letter of `axes`, such as "T", "H".

    An axis of size 1 before them is a batch of one sequence, and is left away.
    Errors: ValueError when these are not numbers, or not so many axes, or one is empty.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    shape = f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
    try:
        if not hasattr(values, "__array__"):
            values = [row.tolist() if hasattr(row, "tolist") else row for row in values]
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be numbers, {shape}; given: {_short(values)}") from None
    if found.ndim == len(axes) + 1 and found.shape[0] == 1:
        found = found[0]
    if found.ndim != len(axes) or not found.size:
        raise ValueError(f"{what} must be {shape}, but is {found.shape}")
    return found


def labels(words: object, what: str, count: int | None = None) -> list[str]:
    """Words as a list of strings; count: how many there must be.

    Errors: ValueError when it is one string, is empty, or has another number of words.
    """
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise ValueError(f"{what} must be a list of words; given: {_short(words)}")
    found = [str(word) for word in words]
    if count is not None and len(found) != count:
        raise ValueError(f"{what} has {len(found)} words, but {count} are needed: {_short(found)}")
    if not found:
        raise ValueError(f"{what} is empty: there is nothing to draw")
    return found


def named(values: object, what: str) -> dict[str, object]:
    """A dictionary {name: values} that is not empty; anything else is a ValueError."""
    if not isinstance(values, Mapping) or not values:
        raise ValueError(f"{what} must be a dictionary {{name: values}}; given: {_short(values)}")
    return {str(name): one for name, one in values.items()}


def number(value: float) -> str:
    """A number to be read."""
    return f"{value:.3g}".replace("-", "−")


def count(n: int, what: str) -> str:
    """A number of things, such as "1 step" and "2 steps"."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def cut(word: str, longest: int = 24) -> str:
    """A word, shortened where it is too long for a picture."""
    return word if len(word) <= longest else word[: longest - 1] + "…"


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) < 70 else text[:67] + "…"
