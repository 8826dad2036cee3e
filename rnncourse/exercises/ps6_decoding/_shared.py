"""Shared by exercises of ps6_decoding: models that are tables, and forms of results."""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import Raised, kind
from ...checks.rng import Rng
from ...checks.statistics import generator


def draw_table(rng: Rng, V: int, phases: int = 5) -> torch.Tensor:
    """Logits (phases, V, V) after each word, well apart, so that no rounding changes an order."""
    order = torch.stack(
        [torch.randperm(V, generator=rng.generator) for _ in range(phases * V)]
    ).view(phases, V, V)
    return 0.8 * order.double() + 0.08 * rng.normal(phases, V, V).clamp(-3, 3)


def draw_phases(rng: Rng, N: int, phases: int = 5) -> torch.Tensor:
    """A state (N, 1) before the first word."""
    return rng.integers(0, phases, N, 1).double()


def table_step(table: torch.Tensor) -> Callable[..., Any]:
    """The model of a table; its logits depend on the last word and, by a phase, on those before."""

    def step(tokens, state):
        phase = state[:, 0].long()
        moved = (phase + 2 * tokens + 1) % len(table)
        return table[phase, tokens], moved.unsqueeze(1).to(state.dtype)

    return step


def run_with_generator(subject: Any, *args: Any) -> Any:
    """Call a subject whose last argument is a generator, given here by its seed."""
    *rest, seed = args
    return subject(*rest, generator(subject, seed))


def is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def is_words(row: Any) -> bool:
    return is_list(row) and all(type(word) is int for word in row)


def describe_rows(result: Any) -> str:
    """The form of a decoded batch, in words."""
    if not is_list(result):
        return repr(result) if isinstance(result, Raised) else kind(result)
    wrong = [row for row in result if not is_words(row)]
    if not wrong:
        return f"a list of {len(result)} lists of integers"
    row = wrong[0]
    item = next((word for word in row if type(word) is not int), None) if is_list(row) else row
    return f"a list in which there is a {kind(item)}"
