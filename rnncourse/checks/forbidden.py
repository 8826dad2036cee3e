"""Blocks the library functions that an exercise asks students to write, while it is checked.

This tells honest students about the rule. It is not a security measure: that is the sandbox.
"""

import pkgutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class ForbiddenError(RuntimeError):
    """The student's code called something that the exercise asks to be written by hand."""


RECURRENT = tuple(
    f"torch.nn.{name}" for name in ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
)


def _blocker(path: str) -> Any:
    def blocked(*args: Any, **kwargs: Any) -> Any:
        raise ForbiddenError(f"{path} is what this exercise asks you to write yourself")

    return blocked


def forbid(paths: Iterable[str]) -> list[tuple[Any, str, Any]]:
    """Block each named class (its constructor), function or method, such as "torch.Tensor.softmax".

    Returns what is needed to undo it: owner, name, and the attribute that the owner itself had,
    None where it inherits.
    """
    undo = []
    for path in paths:
        module, _, name = path.rpartition(".")
        owner: Any = pkgutil.resolve_name(module)
        target = getattr(owner, name)
        if isinstance(target, type):
            # The class may have been imported by its own name already: block it from inside.
            owner, name = target, "__init__"
        undo.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, _blocker(path))
    return undo


@contextmanager
def forbidding(paths: Iterable[str]) -> Iterator[None]:
    """Within this block, calling what is named raises ForbiddenError."""
    undo = forbid(paths)
    try:
        yield
    finally:
        for owner, name, original in reversed(undo):
            if original is None:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
