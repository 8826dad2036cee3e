"""Models made of recurrent networks: built beside the student's code, with known weights."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ..reference import layers
from .remote import remote
from .rng import Rng


@dataclass(frozen=True)
class Network:
    """How to make a network of the library: Network("LSTM", (D, H)).

    kind: the name of a class in rnncourse.reference.layers, or another class. arguments: what the
    class is given, Networks among them.
    """

    kind: str | type[nn.Module]
    arguments: tuple[Any, ...]

    def make(self, subject: Any) -> Any:
        """A new one, in the process of the subject; in this process if subject is None."""
        kind = getattr(layers, self.kind) if isinstance(self.kind, str) else self.kind
        arguments = (
            argument.make(subject) if isinstance(argument, Network) else argument
            for argument in self.arguments
        )
        return remote(subject, kind)(*arguments)

    def __str__(self) -> str:
        return self.kind if isinstance(self.kind, str) else self.kind.__name__


@dataclass(frozen=True, eq=False)
class Model:
    """How to make an object of the student's class, and the weights that it gets.

    The class is called with the networks, then the sizes, then the options by name; it keeps the
    networks under the names given here.
    """

    networks: dict[str, Network]
    sizes: dict[str, int]
    weights: dict[str, torch.Tensor]
    options: dict[str, Any] = field(default_factory=dict)

    def fresh(self, subject: Any) -> Any:
        """An object with the weights that the class itself drew."""
        networks = (network.make(subject) for network in self.networks.values())
        return subject(*networks, *self.sizes.values(), **self.options)

    def build(self, subject: Any) -> Any:
        """An object with our weights, in float64; ValueError where it has other parameters."""
        model = self.fresh(subject).to(torch.float64)
        if wrong := self.wrong_parameters(model):
            raise ValueError(f"among the parameters, {wrong}")
        # Not strict: the same parameter may be there under two names.
        model.load_state_dict(self.weights, strict=False)
        return model

    def wrong_parameters(self, model: Any) -> str:
        """Which parameters are not as they should be; empty where all are."""
        shapes = {
            name: tuple(parameter.shape)
            for name, parameter in dict(model.named_parameters()).items()
        }
        wrong = []
        for name, weight in self.weights.items():
            shape = tuple(weight.shape)
            if name not in shapes:
                wrong.append(f"{name} {shape} is missing")
            elif shapes[name] != shape:
                wrong.append(f"{name} is {shapes[name]}, not {shape}")
        wrong += [f"{name} is not asked for" for name in shapes if name not in self.weights]
        return "; ".join(wrong)

    def parameters(self, subject: Any) -> dict[str, str]:
        """An observation: what a new object's parameters are like."""
        model = self.fresh(subject)
        named = dict(model.named_parameters())
        own = [name for name in self.weights if "." not in name and name in named]
        frozen = [name for name, parameter in named.items() if not parameter.requires_grad]
        constant = [name for name in own if bool((named[name] == named[name].flatten()[0]).all())]
        return {
            f"{self}, wrong parameters": self.wrong_parameters(model) or "none",
            f"{self}, not trained": ", ".join(frozen) or "none",
            f"{self}, not drawn at random": ", ".join(constant) or "none",
        }

    def __str__(self) -> str:
        parts = [str(network) for network in self.networks.values()]
        given = {**self.sizes, **self.options}
        return ", ".join([*parts, *(f"{name}={value}" for name, value in given.items())])


def draw_model(
    rng: Rng,
    networks: dict[str, Network],
    sizes: dict[str, int],
    shapes: dict[str, tuple[int, ...]],
    **options: Any,
) -> Model:
    """A model with random weights; shapes are those of its own parameters, without networks'."""
    all_shapes = {
        f"{part}.{name}": tuple(parameter.shape)
        for part, network in networks.items()
        for name, parameter in network.make(None).named_parameters()
    } | shapes
    weights = {name: rng.normal(*shape, scale=0.7) for name, shape in all_shapes.items()}
    return Model(networks, sizes, weights, options)


class Restless(nn.Module):
    """A valid network whose outputs in the padding are nan, which no rule forbids.

        h_t = h_{t-1} + x_t @ W

    Called as those of rnncourse.reference.layers are.
    """

    def __init__(self, D: int, H: int):
        super().__init__()
        self.W = nn.Parameter(torch.randn(D, H))

    def forward(self, xs: Any, lengths: Any = None, state: Any = None) -> tuple[Any, Any]:
        """Shapes: xs (B, T, D), lengths (B,) or None, state (B, H) or None -> (hs, state)."""
        hs = (xs @ self.W).cumsum(dim=1)
        if state is not None:
            hs = hs + state.unsqueeze(1)
        if lengths is None:
            return hs, hs[:, -1]
        times = torch.arange(xs.shape[1], device=xs.device).unsqueeze(0)
        lengths = lengths.unsqueeze(1)
        last = (hs * (times == lengths - 1).unsqueeze(2)).sum(dim=1)
        return hs.masked_fill((times >= lengths).unsqueeze(2), torch.nan), last
