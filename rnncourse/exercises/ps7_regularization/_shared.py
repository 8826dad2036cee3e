"""Shared by exercises of ps7_regularization: descriptions of masks, watched steps, states."""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import difference
from ...checks.properties import part
from ...checks.pytree import copied, tensors
from ...checks.rng import ONES, Rng, Sizes
from ...checks.statistics import generator

SIGMAS = 6  # a deviation this large has a chance of two in a billion
MASKED = Sizes(3, 4, 40, 50)  # enough numbers for every mask to have zeros and others


# --- descriptions of a mask -----------------------------------------------------------------------


def numbers(tensor: torch.Tensor) -> str:
    """The different numbers in a tensor, in words: "0 and 1.4286"."""
    values = (tensor.detach().double().round(decimals=4) + 0.0).unique().tolist()
    if len(values) > 4:
        return "many different numbers"
    return " and ".join(f"{value:.5g}" for value in values)


def how_often(dropped: torch.Tensor, p: float) -> str:
    """Whether the share that is dropped is p; p must not be 1/2."""
    share = dropped.double().mean().item()
    tolerance = SIGMAS * (p * (1 - p) / dropped.numel()) ** 0.5
    if abs(share - p) <= tolerance:
        return f"about p = {p}"
    if abs(share - (1 - p)) <= tolerance:
        return f"about 1 - p = {1 - p:g}"
    return {0.0: "none", 1.0: "all"}.get(share, f"neither p = {p} nor 1 - p")


def how_alike(dropped: torch.Tensor, dim: int) -> str:
    """Whether neighbours along an axis are dropped together.

    p must be 1/2: then the number of neighbours that agree is binomial.
    """
    size = dropped.shape[dim] - 1
    agree = dropped.narrow(dim, 0, size) == dropped.narrow(dim, 1, size)
    share = agree.double().mean().item()
    if abs(share - 0.5) <= SIGMAS * 0.5 / agree.numel() ** 0.5:
        return "independent of each other"
    return "always the same" if share == 1 else "related"


def how_steady(factors: torch.Tensor) -> str:
    """Whether factors (B, T, ...) are the same at every step; "none" where all are 1."""
    if not ((factors - 1).abs() > 1e-3).any():
        return "none"
    moves = (factors[:, 1:] - factors[:, :-1]).abs() > 1e-3
    count = int(moves.transpose(0, 1).flatten(1).any(dim=1).sum())
    return "the same at every step" if count == 0 else f"changes {count} times"


def same(got: Any, expected: torch.Tensor) -> bool:
    return difference(got, expected) is None


# --- a watched step -------------------------------------------------------------------------------


def elman_cell(rng: Rng, s: Sizes) -> tuple[Callable[..., torch.Tensor], torch.Tensor]:
    """A step(x, h, W_h) and its matrix."""
    W_x, W_h = rng.normal(s.D, s.H, scale=0.2), rng.normal(s.H, s.H, scale=0.2)

    def elman_cell(x, h, W):
        return torch.tanh(x @ W_x.to(x.dtype) + h @ W.to(h.dtype))

    return elman_cell, W_h


def lstm_cell(rng: Rng, s: Sizes) -> tuple[Callable[..., tuple], torch.Tensor]:
    """A step(x, (h, c), W_h) and its matrix."""
    W_x, W_h = rng.normal(s.D, 4 * s.H, scale=0.2), rng.normal(s.H, 4 * s.H, scale=0.2)

    def lstm_cell(x, state, W):
        h, c = state
        i, f, o, g = (x @ W_x.to(x.dtype) + h @ W.to(h.dtype)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    return lstm_cell, W_h


def watched(step: Callable[..., Any], T: int) -> tuple[Callable[..., Any], list[tuple]]:
    """A step that records its arguments and results, and these records: at most T + 1."""
    calls: list[tuple] = []

    def recording(x, state, *rest):
        new = step(x, state, *rest)
        if len(calls) <= T:
            calls.append((*copied((x, tuple(tensors(state)), *rest)), copied(tensors(new))))
        return new

    return recording, calls


def shapes(*values: torch.Tensor) -> str:
    return ", ".join(str(tuple(value.shape)) for value in values)


def followed(calls: list[tuple], result: Any, xs: torch.Tensor, start: list) -> dict[str, Any]:
    """The arguments of a watched step divided by what they would be without dropout.

    Also whether the result is what step returned. start: the tensors of the given state. Where the
    calls do not have the right form, only their form is described.
    """
    T = xs.shape[1]
    seen: dict[str, Any] = {"calls of step": f"{len(calls) if len(calls) <= T else 'too many'}"}
    for x, state, *rest, _ in calls:
        form = f"x {shapes(x)}, state {shapes(*state)}"
        seen["every call of step has"] = form + (f", W {shapes(*rest)}" if rest else "")
        if x.shape != xs[:, 0].shape or [s.shape for s in state] != [s.shape for s in start]:
            return seen
    if len(calls) != T:
        return seen
    returned = [call[-1] for call in calls]
    before = [start, *returned[:-1]]
    seen["x_t"] = torch.stack([call[0] for call in calls], dim=1) / xs
    for index, name in enumerate(("h", "c")[: len(start)]):
        got = torch.stack([call[1][index] for call in calls], dim=1)
        seen[f"{name} of the state"] = got / torch.stack([state[index] for state in before], dim=1)
    hs = torch.stack([state[0] for state in returned], dim=1)
    seen["hs is"] = "what step returned" if same(part(result, 0), hs) else "something else"
    last = tensors(part(result, 1))
    unchanged = len(last) == len(start) and all(map(same, last, returned[-1]))
    seen["the last state is"] = "what step returned" if unchanged else "something else"
    return seen


def run_with_mode(subject: Any, *args: Any) -> Any:
    """Call a subject whose last arguments are a generator, given here by its seed, and training."""
    *rest, seed, training = args
    return subject(*rest, generator(subject, seed), training)


def described(seen: dict[str, Any]) -> dict[str, Any]:
    """The entries of followed() with every mask, which is random, described in words."""
    words = {}
    for key, value in seen.items():
        if isinstance(value, torch.Tensor):
            words[f"{key} is multiplied by"] = numbers(value)
            words[f"the mask of {key} is"] = how_steady(value)
        else:
            words[key] = value
    return words


# --- states for activation_penalty and temporal_penalty -------------------------------------------


def draw_states(rng: Rng, s: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    """hs (B, T, H), numbers in the padding too, and the mask; the first sequence is padded."""
    lengths = rng.integers(1, s.T + 1, s.B)
    lengths[-1] = s.T
    lengths[0] = max(1, s.T - 2)
    return rng.normal(s.B, s.T, s.H), torch.arange(s.T) < lengths.unsqueeze(1)


def draw_long(rng: Rng, s: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    """As draw_states, with longer sentences."""
    return draw_states(rng, s if s == ONES else s._replace(T=s.T + 3))
