"""What several exercises of ps3_outputs share."""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import difference, kind
from ...checks.model_specs import Model, Network
from ...checks.pytree import tensors
from ...checks.rng import Rng
from ...reference.inputs import sequence_mask

# --- several exercises ----------------------------------------------------------------------------


V, V_TARGET, C, LONG = 11, 13, 8, 9  # sizes that no drawn one is equal to; LONG is a T or S


def draw_lengths(rng: Rng, B: int, T: int) -> torch.Tensor:
    """Lengths from 1 to T: one of T and one of T - 2 where there is room for both."""
    lengths = rng.integers(1, T + 1, B)
    lengths[0] = T
    lengths[min(1, B - 1)] = max(1, T - 2)
    return lengths


def network(name: str, D: int, H: int) -> Network:
    """A network of inputs D and outputs H; the one of two directions has H - 1 and 1 of them."""
    if name == "Bidirectional":
        return Network(name, (Network("LSTM", (D, H - 1)), Network("LSTM", (D, 1))))
    return Network(name, (D, H))


def run_model(subject: Any, model: Model, *args: Any) -> Any:
    return model.build(subject)(*args)


def refilled(rng: Rng, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The same sentences with other words in their padding."""
    mask = sequence_mask(lengths, tokens.shape[1])
    return torch.where(mask, tokens, rng.integers(0, V, *tokens.shape))


def gradients(model: Any, result: Any, rng: Rng) -> dict[str, Any]:
    """What `backward` brings to the parameters, with a random weight on every result."""
    results = tensors(result)
    if not results:
        return {"gradients": f"none arrive, the result is {kind(result)}"}
    loss = sum((one * rng.normal(*one.shape)).sum() for one in results)
    if not loss.requires_grad:
        return {"gradients": "none arrive, the result was detached"}
    loss.backward()
    named = sorted(dict(model.named_parameters()).items())
    return {
        f"gradient of {name}": "none arrives" if one.grad is None else one.grad
        for name, one in named
    }


def without(*names: str) -> Callable[[Any, Any], str | None]:
    """A judge that leaves out what a mistake must have in common to be named, but is not judged."""

    def judge(got: Any, expected: Any) -> str | None:
        if isinstance(got, dict):
            got = {**got, **{name: expected[name] for name in names}}
        return difference(got, expected)

    return judge
