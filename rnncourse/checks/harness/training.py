"""What runs in the student's process: models, optimizers and loops that cannot be copied to it.

Each function takes the student's function and plain data, sets up what has to live in the same
process, calls, and returns what happened as plain data. See `checks.remote`.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from ..forbidden import forbidding
from ..pytree import copied, map_tensors, tensors


def by_hand(function: Any, *args: Any) -> Any:
    """function(*args) while autograd's ways to a gradient are blocked."""
    with forbidding(("torch.autograd.grad", "torch.autograd.backward")):
        return function(*args)


def with_generator(function: Callable[[Any], Any], values: Iterable[Any]) -> Any:
    """function(a generator of the values), which can be read only once, as a module's
    parameters()."""
    return function(value for value in values)


# --- clip_gradients and detach_state --------------------------------------------------------------


def clipped(
    clip_gradients: Any, gradients: list[Any], max_norm: float, once: bool
) -> dict[str, Any]:
    """Clip parameters with these gradients.

    gradients: tensors, or None for a parameter that has none. once: the parameters can be read only
    once, as those of a model; else they are a list.
    """
    parameters = []
    for gradient in gradients:
        parameter = nn.Parameter(torch.ones(2) if gradient is None else torch.ones_like(gradient))
        parameter.grad = None if gradient is None else gradient.clone()
        parameters.append(parameter)
    returned = clip_gradients(iter(parameters) if once else parameters, max_norm)
    return {
        "returned": returned,
        "gradients": ["none" if p.grad is None else p.grad.clone() for p in parameters],
        "weights": "as they were" if all((p == 1).all() for p in parameters) else "changed",
    }


def given_state(detach_state: Any, state: Any) -> dict[str, Any]:
    """Detach a state that has a history; what is returned, and whether the given one changed."""
    factor = torch.ones((), dtype=torch.float64, requires_grad=True)
    alive = map_tensors(lambda tensor: tensor * factor, state)
    returned = copied(detach_state(alive))
    unchanged = all(tensor.requires_grad for tensor in tensors(alive))
    return {
        "returned": returned,
        "the state given": "as it was" if unchanged else "lost its history",
    }


# --- truncated_bptt -------------------------------------------------------------------------------


def in_chunks(
    truncated_bptt: Any,
    weights: dict[str, torch.Tensor],
    chunks: list[torch.Tensor],
    state: Any,
    rate: float,
) -> list[dict[str, Any]]:
    """Train along a sequence, as the docstring of `truncated_bptt` shows it; what each turn gives.

    weights: W_x (D, H), W_h (H, H) and v (H,) of an Elman network, whose loss sums h_t @ v.
    chunks: each (B, k, D). state: (B, H), or a tuple (h, sum of all h) of two of these.
    rate: of gradient descent between the chunks; 0 leaves the weights as they are.
    """
    leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}

    def loss(chunk: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        h = state[0] if isinstance(state, tuple) else state
        total = state[1] if isinstance(state, tuple) else torch.zeros_like(h)
        value = torch.zeros((), dtype=h.dtype)
        for x in chunk.unbind(dim=1):
            h = torch.tanh(x @ leaves["W_x"] + h @ leaves["W_h"])
            total = total + h
            value = value + ((h + total / 10) @ leaves["v"]).sum()
        return value, (h, total) if isinstance(state, tuple) else h

    turns = []
    for value, after in truncated_bptt(loss, iter(chunks), state):
        for leaf in leaves.values():
            leaf.grad = None
        failure = None
        try:
            value.backward()
        except RuntimeError as error:
            failure = f"backward() raises RuntimeError: {str(error).split('.')[0]}"
        turns.append(
            {
                "the loss": value.item(),
                "the state after it": copied(after),
                "that state has a history": any(tensor.requires_grad for tensor in tensors(after)),
                **{
                    f"the gradient of {name}": failure or copied(leaf.grad)
                    for name, leaf in leaves.items()
                },
            }
        )
        with torch.no_grad():
            for leaf in leaves.values():
                if rate and leaf.grad is not None:
                    leaf -= rate * leaf.grad
    return turns


# --- train_step and fit ---------------------------------------------------------------------------


class Line(nn.Module):
    """y = x @ W.T + b, with a part that has a mode of its own, and a buffer that counts its uses
    in train mode, as a batch norm does."""

    uses: torch.Tensor

    def __init__(self, weights: dict[str, torch.Tensor]):
        super().__init__()
        self.W = nn.Parameter(weights["W"].clone())
        self.b = nn.Parameter(weights["b"].clone())
        self.inner = nn.Dropout(0.0)
        self.register_buffer("uses", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.uses += 1
        return self.inner(x) @ self.W.T + self.b

    def mode(self) -> str:
        own = "train" if self.training else "eval"
        inner = "train" if self.inner.training else "eval"
        return own if own == inner else f"{own}, a part of it {inner}"


def mean_square(model: Line, batch: Any) -> torch.Tensor:
    x, y = batch[0], batch[1]
    return ((model(x) - y) ** 2).mean()


def _weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return copied(dict(model.named_parameters()))


def steps(
    train_step: Any,
    weights: dict[str, torch.Tensor],
    batches: list[Any],
    max_norm: float,
    optimizer_name: str = "SGD",
    settings: dict[str, float] | None = None,
    stale: float = 0.0,
    modes: tuple[bool, bool] = (True, True),
) -> dict[str, Any]:
    """Make a step with each batch; what was returned, and the weights after each.

    optimizer_name, settings: of torch.optim. stale: what is in every gradient before the first
    step. modes: whether the model, and its inner part, are in train mode.
    """
    model = Line(weights)
    model.train(modes[0])
    model.inner.train(modes[1])
    optimizer_class = getattr(torch.optim, optimizer_name)
    optimizer = optimizer_class(model.parameters(), **(settings or {"lr": 0.1}))
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, stale)
    during = []

    def loss(given: Any, batch: Any) -> torch.Tensor:
        during.append(model.mode() if given is model else "called with another model")
        return mean_square(model, batch)

    seen: dict[str, Any] = {"returned": []}
    for number, batch in enumerate(batches, start=1):
        seen["returned"].append(train_step(model, batch, loss, optimizer, max_norm))
        seen[f"after step {number}"] = _weights(model)
    return {**seen, "calls of loss, in the mode": during, "mode afterwards": model.mode()}


def bad_step(train_step: Any, kind: str) -> dict[str, Any]:
    """A step whose loss, or whose gradient, is not finite; kind: "loss" or "gradient"."""
    model = Line({"W": torch.zeros(1, 2).double(), "b": torch.ones(1).double()})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)

    def loss(model: Line, batch: Any) -> torch.Tensor:
        value = model(batch).sum()
        # The root of 0 is 0, but its slope is infinite.
        return value * float("nan") if kind == "loss" else value + model.W.sqrt().sum()

    try:
        train_step(model, torch.ones(3, 2).double(), loss, optimizer, 1.0)
        outcome = "a step was made"
    except FloatingPointError:
        outcome = "it raised FloatingPointError"
    return {"outcome": outcome, "weights": _weights(model)}


class Loader:
    """Batches in another order in each epoch, as a loader that shuffles has them."""

    def __init__(self, batches: list[Any]):
        self.batches, self.epoch = batches, 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Any:
        turn = self.epoch % len(self.batches)
        self.epoch += 1
        return iter(self.batches[turn:] + self.batches[:turn])


def fitted(
    fit: Any,
    weights: dict[str, torch.Tensor],
    batches: list[Any],
    script: list[float],
    epochs: int,
    patience: int,
    max_norm: float = 1e9,
    loader: bool = False,
    training: bool = True,
) -> dict[str, Any]:
    """Train with a validation that gives the numbers of a script, one after the other.

    batches: each (x, y, its number).
    """
    model = Line(weights)
    model.train(training)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    log, epochs_seen = [], []

    def where() -> str:
        gradients = "with" if torch.is_grad_enabled() else "without"
        return f"{model.mode()} mode, {gradients} gradients"

    def loss(model: Line, batch: Any) -> torch.Tensor:
        log.append(f"loss of batch {batch[2]}: {where()}")
        return mean_square(model, batch)

    def validate(model: Line) -> float:
        log.append(f"validate: {where()}")
        epochs_seen.append(copied(model.state_dict()))
        return script[min(len(epochs_seen), len(script)) - 1]

    random_state = torch.get_rng_state()
    history = fit(
        model,
        Loader(batches) if loader else batches,
        loss,
        optimizer,
        epochs=epochs,
        max_norm=max_norm,
        validate=validate,
        patience=patience,
    )
    unchanged = torch.equal(random_state, torch.get_rng_state())
    return {
        "history": history,
        "epochs": len(epochs_seen),
        "calls": log,
        "weights": _weights(model),
        "uses": model.uses.item(),
        "mode afterwards": model.mode(),
        "torch's random state": "as it was" if unchanged else "changed",
    }
