"""Models made of recurrent networks: built beside the student's code, with known weights."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from .remote import alongside
from .rng import Rng


@dataclass(frozen=True)
class Network:
    """How to make a network of the library: Network("LSTM", (D, H)).

    kind: a name in rnncourse.reference.layers, or a whole import path; arguments: what the class
    is given, Networks among them.
    """

    kind: str
    arguments: tuple[Any, ...]

    def make(self, subject: Any) -> Any:
        """A new one, in the process of the subject; here where that is None."""
        path = self.kind if "." in self.kind else f"rnncourse.reference.layers.{self.kind}"
        made = (one.make(subject) if isinstance(one, Network) else one for one in self.arguments)
        return alongside(subject, path)(*made)

    def __str__(self) -> str:
        return self.kind.rpartition(".")[2]


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
        networks = (one.make(subject) for one in self.networks.values())
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
        found = {name: tuple(one.shape) for name, one in dict(model.named_parameters()).items()}
        wrong = []
        for name, shape in ((name, tuple(one.shape)) for name, one in self.weights.items()):
            if name not in found:
                wrong.append(f"{name} {shape} is missing")
            elif found[name] != shape:
                wrong.append(f"{name} is {found[name]}, not {shape}")
        wrong += [f"{name} is not asked for" for name in found if name not in self.weights]
        return "; ".join(wrong)

    def parameters(self, subject: Any) -> dict[str, str]:
        """An observation: what a new object's parameters are like."""
        model = self.fresh(subject)
        named = dict(model.named_parameters())
        own = [name for name in self.weights if "." not in name and name in named]
        frozen = [name for name, one in named.items() if not one.requires_grad]
        constant = [name for name in own if bool((named[name] == named[name].flatten()[0]).all())]
        return {
            f"{self}, wrong parameters": self.wrong_parameters(model) or "none",
            f"{self}, not trained": ", ".join(frozen) or "none",
            f"{self}, not drawn at random": ", ".join(constant) or "none",
        }

    def __str__(self) -> str:
        parts = [str(one) for one in self.networks.values()]
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
        f"{part}.{name}": tuple(one.shape)
        for part, network in networks.items()
        for name, one in network.make(None).named_parameters()
    } | shapes
    weights = {name: rng.normal(*shape, scale=0.7) for name, shape in all_shapes.items()}
    return Model(networks, sizes, weights, options)


class Restless(nn.Module):
    """A network as good as any, whose outputs in the padding are nan: nobody has forbidden it.

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
