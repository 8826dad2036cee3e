"""Shared by exercises of ps3_outputs: sizes, lengths and networks."""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import difference
from ...checks.model_specs import Model, Network
from ...checks.rng import Rng
from ...reference.inputs import sequence_mask

V, V_TARGET, C, LONG = 11, 13, 8, 9  # unlike all sizes that are drawn; LONG is a T or S


def draw_lengths(rng: Rng, B: int, T: int) -> torch.Tensor:
    """Lengths from 1 to T: the first is T, the second T - 2 (if B > 1 and T > 2)."""
    lengths = rng.integers(1, T + 1, B)
    lengths[0] = T
    lengths[min(1, B - 1)] = max(1, T - 2)
    return lengths


def network(name: str, D: int, H: int) -> Network:
    """A network with D inputs and H outputs; a bidirectional one has H - 1 forward, 1 backward."""
    if name == "Bidirectional":
        return Network(name, (Network("LSTM", (D, H - 1)), Network("LSTM", (D, 1))))
    return Network(name, (D, H))


def run_model(subject: Any, model: Model, *args: Any) -> Any:
    return model.build(subject)(*args)


def refilled(rng: Rng, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The same sentences with other words in their padding."""
    mask = sequence_mask(lengths, tokens.shape[1])
    return torch.where(mask, tokens, rng.integers(0, V, *tokens.shape))


def without(*names: str) -> Callable[[Any, Any], str | None]:
    """A judge that ignores these entries, which only serve to name a mistake."""

    def judge(got: Any, expected: Any) -> str | None:
        if isinstance(got, dict):
            got = {**got, **{name: expected[name] for name in names}}
        return difference(got, expected)

    return judge
