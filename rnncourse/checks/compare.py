"""Compares what a student's function returned with what was expected, and says how they differ."""

import linecache
import math
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .status import Status

# Loose enough for a correct solution that computes in float32, far tighter than any real mistake.
RTOL, ATOL = 1e-4, 1e-5


class Raised:
    """An exception that the student's code raised, kept as a result."""

    def __init__(self, error: BaseException):
        # An error that crossed the grader's wall carries the name and place it had on the far side.
        self.type: str = getattr(error, "student_type", type(error).__name__)
        self.message: str = getattr(error, "student_message", str(error))
        self.where: str | None = getattr(error, "student_where", None) or where_raised(error)
        self.status = _status(error, self.type)

    def __repr__(self) -> str:
        text = f"it raised {self.type}"
        if self.type == "NotImplementedError" and not self.message:
            text = "not written yet"
        if self.message:
            text += f": {shorten(self.message, 200)}"
        return text + (f" ({self.where})" if self.where else "")

    def cause(self) -> str:
        """What happened and where, without the name of the exception."""
        return shorten(self.message, 200) + (f" ({self.where})" if self.where else "")


def _status(error: BaseException, student_type: str) -> Status:
    # The grader says so where the student's process was stopped, or a name was not defined.
    status = getattr(error, "student_status", None)
    if isinstance(status, Status):
        return status
    return Status.NOT_WRITTEN if student_type == "NotImplementedError" else Status.ERROR


def leaves(observed: Any) -> Iterator[Any]:
    """Everything in an observation that is not a dictionary, list or tuple; in order."""
    pending, visited = [observed], set()
    while pending:
        value = pending.pop()
        if not isinstance(value, dict | list | tuple):
            yield value
        elif id(value) not in visited:  # a student's own data may contain itself
            visited.add(id(value))
            children = list(value.values()) if isinstance(value, dict) else list(value)
            pending += reversed(children)


def where_raised(error: BaseException) -> str | None:
    """The line of the student's own code that raised, such as "line 3: `h = x @ W`"."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "site-packages" in frame.filename or "/rnncourse/" in frame.filename:
            continue
        if "ipython-input" in frame.filename or "ipykernel" in frame.filename:
            line = linecache.getline(frame.filename, frame.lineno or 0).strip()
            return f"line {frame.lineno}: `{shorten(line, 80)}`" if line else None
    return None


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters of a text, with an ellipsis where it was cut."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def kind(value: Any) -> str:
    """What a value is, in a few words: "float64 tensor (3, 4)", "tuple of 2"."""
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} tensor {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"numpy array {value.shape}, not a tensor"
    if value is None:
        return "None (is a `return` missing?)"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, dict):
        return f"dict with the keys {shorten(str(sorted(map(str, value))), 80)}"
    if isinstance(value, str):
        return shorten(value, 300)
    if isinstance(value, (bool, int, float, set, Raised)):
        return shorten(repr(value), 300)
    name = type(value).__name__
    if name == "RemoteObject":  # the grader's proxy of an object of the student's
        name = value.student_kind
    return f"{shorten(name, 60)} object"


def difference(got: Any, expected: Any) -> str | None:
    """How `got` differs from `expected`, in words; None where they agree.

    Floating-point tensors of any dtype agree within a tolerance that float32 work meets, integer
    tensors exactly. Lists and tuples count as the same. Dictionaries are compared key by key; the
    message names the key that differs.
    """
    if isinstance(got, Raised) and not isinstance(expected, Raised):
        return repr(got)
    if isinstance(expected, dict):
        if not isinstance(got, dict):
            return f"got {kind(got)}, expected {kind(expected)}"
        for key in expected:
            if key not in got:
                return f"{key}: missing"
            if text := difference(got[key], expected[key]):
                return f"{key}: {text}"
        extra = [key for key in got if key not in expected]
        return f"unexpected {shorten(', '.join(map(str, extra)), 80)}" if extra else None
    if isinstance(expected, (list, tuple)) and not isinstance(expected, torch.Size):
        if not isinstance(got, (list, tuple)) or len(got) != len(expected):
            return f"got {kind(got)}, expected {kind(expected)}"
        for index, (mine, theirs) in enumerate(zip(got, expected, strict=True)):
            if text := difference(mine, theirs):
                # Not a missing `return`: there was one, which returned all the entries.
                return f"entry {index}: {text.replace(kind(None), 'None')}"
        return None
    if isinstance(expected, torch.Tensor):
        return _tensor_difference(got, expected)
    if isinstance(expected, Raised):
        same = isinstance(got, Raised) and (got.type, got.message) == (
            expected.type,
            expected.message,
        )
        return None if same else f"got {kind(got)}, expected that {expected}"
    if isinstance(expected, float) and isinstance(got, (int, float)) and not isinstance(got, bool):
        close = math.isclose(got, expected, rel_tol=RTOL, abs_tol=ATOL)
        return None if close else f"got {got:.6g}, expected {expected:.6g}"
    if type(got) is type(expected) and got == expected:
        return None
    return f"got {kind(got)}, expected {kind(expected)}"


def _tensor_difference(got: Any, expected: torch.Tensor) -> str | None:
    if not isinstance(got, torch.Tensor):
        return f"got {kind(got)}, expected a tensor of shape {tuple(expected.shape)}"
    if got.layout != torch.strided:  # which could not cross the grader's wall
        return "got a sparse tensor, expected a dense one"
    if got.shape != expected.shape:
        return f"got shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
    if got.dtype.is_complex or got.is_floating_point() != expected.is_floating_point():
        return f"got {kind(got)}, expected {kind(expected)}"
    mine = got.detach().cpu().to(torch.float64)
    theirs = expected.detach().cpu().to(torch.float64)
    rtol, atol, form = (RTOL, ATOL, ".6g") if expected.is_floating_point() else (0, 0, ".0f")
    agree = torch.isclose(mine, theirs, rtol=rtol, atol=atol, equal_nan=True)
    if agree.all():
        return None
    index = tuple((~agree).nonzero()[0].tolist())
    if not index:
        return f"got {mine.item():{form}}, expected {theirs.item():{form}}"
    if invalid := int((~mine.isfinite() & theirs.isfinite()).sum()):
        return f"{invalid} of {mine.numel()} values are nan or infinite, the first at {list(index)}"
    if got.dtype == expected.dtype == torch.bool:
        return (
            f"{int((~agree).sum())} of {mine.numel()} values differ; at {list(index)} "
            f"got {bool(mine[index])}, expected {bool(theirs[index])}"
        )
    largest = (mine - theirs).abs().max()
    return (
        f"{int((~agree).sum())} of {mine.numel()} values differ; at {list(index)} "
        f"got {mine[index]:{form}}, expected {theirs[index]:{form}} "
        f"(largest difference {largest:.3g})"
    )
