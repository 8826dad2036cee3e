"""What several exercises of ps6_decoding share."""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import Raised, kind
from ...checks.rng import Rng

# --- models that are tables -----------------------------------------------------------------------


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
    """The model of a table; what it says depends on the last word and on all words before it."""

    def step(tokens, state):
        phase = state[:, 0].long()
        moved = (phase + 2 * tokens + 1) % len(table)
        return table[phase, tokens], moved.unsqueeze(1).to(state.dtype)

    return step


def nested_step(table: torch.Tensor) -> Callable[..., Any]:
    """The same with a state (phase, (bias, words so far)), as a decoder with attention has one."""
    plain_step = table_step(table)

    def step(tokens, state):
        phase, (bias, count) = state
        logits, phase = plain_step(tokens, phase)
        return logits + bias * (1 + count % 2), (phase, (bias, count + 1))

    return step


def draw_nested(rng: Rng, N: int, V: int) -> Any:
    return draw_phases(rng, N), (1.3 * rng.normal(N, V), torch.zeros(N, 1, dtype=torch.float64))


def is_words(row: Any) -> bool:
    return isinstance(row, (list, tuple)) and all(type(word) is int for word in row)


def describe_rows(result: Any) -> str:
    """The form of a decoded batch, in words."""
    if not isinstance(result, (list, tuple)):
        return repr(result) if isinstance(result, Raised) else kind(result)
    odd = [row for row in result if not is_words(row)]
    if not odd:
        return f"a list of {len(result)} lists of integers"
    row = odd[0]
    inside = next((word for word in row if type(word) is not int), None) if is_list(row) else row
    return f"a list in which there is a {kind(inside)}"


def is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))
