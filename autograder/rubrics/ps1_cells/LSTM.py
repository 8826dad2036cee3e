"""LSTM: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, call, using
from rnncourse.checks.pytree import copied, tensors
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps1_cells.LSTM import (
    LONG,
    build_lstm,
    draw_padded,
    lstm_parts,
    module_cases,
)
from rnncourse.reference.cells import lstm_step, unroll

from .. import Rubric


def module_gradients(module: Any, rng: Rng, args: tuple) -> dict[str, Any]:
    """The gradients of the inputs and of W, for a randomly weighted sum of the results."""
    xs, lengths, (h, c) = args
    leaves = {"xs": xs, "h": h, "c": c}
    for leaf in leaves.values():
        leaf.requires_grad_()
    results = tensors(module(xs, lengths, (h, c)))
    loss = sum((result * rng.normal(*result.shape)).sum() for result in results)
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        return {"gradient of W": "none arrives, the result was detached"}
    loss.backward()
    leaves = {"W": dict(module.named_parameters())["W"], **leaves}
    return {
        f"gradient of {name}": "none arrives" if leaf.grad is None else leaf.grad
        for name, leaf in leaves.items()
    }


def observe_module_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    W, *args = draw_padded(rng, rng.sizes(T=LONG))
    return module_gradients(build_lstm(subject, W), rng, tuple(args))


def observe_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """Numbers, infinity and nan in the padding change neither results nor gradients."""
    seen: dict[str, Any] = {}
    for rubbish in (3.0, float("inf"), float("nan")):
        W, xs, lengths, state = draw_padded(rng, rng.sizes(T=LONG))
        for b, length in enumerate(lengths.tolist()):
            xs[b, length:] = rubbish
        args = xs, lengths, state
        lstm = attempt(build_lstm, subject, W)
        result = using(lstm, call, *copied(args))
        seen |= lstm_parts(result, f"{rubbish:g} in the padding")
        seen[f"{rubbish:g} in the padding, gradients"] = using(lstm, module_gradients, rng, args)
    return seen


def observe_extreme_lengths(subject: Any, rng: Rng) -> dict[str, Any]:
    """A sequence of length 0 keeps its state; so does a batch of such sequences."""
    s = rng.sizes(B=3, T=LONG)
    W, xs, _, state = draw_padded(rng, s)
    lstm = attempt(build_lstm, subject, W)
    seen: dict[str, Any] = {}
    for lengths in ([0, s.T, 1], [0, 0, 0], [s.T] * 3):
        for text, given in (("", None), (", state=(h, c)", state)):
            result = using(lstm, call, xs.clone(), torch.tensor(lengths), copied(given))
            seen |= lstm_parts(result, f"T = {s.T}, lengths={lengths}{text}")
    return seen


rubric = Rubric(
    (
        Property("gradient", "gradients reach W, xs and the state", 1.5, observe_module_gradients),
        Property(
            "padding", "whatever is in the padding makes no difference", 0.75, observe_padding
        ),
        Property("extremes", "lengths from 0 to T work", 0.75, observe_extreme_lengths),
        module_cases.rows(0.25),
        module_cases.dtype(0.25),
        module_cases.pure(0.5),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
class LoopsOverSequences(nn.Module):
    """Each sequence by itself, cut to its length: nothing to mask."""

    def __init__(self, D, H):
        super().__init__()
        self.W = nn.Parameter(torch.empty(D + H, 4 * H))
        nn.init.xavier_uniform_(self.W)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        H = self.W.shape[1] // 4
        h, c = (xs.new_zeros(B, H), xs.new_zeros(B, H)) if state is None else state
        outputs, last_h, last_c = [], [], []
        for b in range(B):
            n = T if lengths is None else int(lengths[b])
            hs, (h_b, c_b) = unroll(
                lambda x, state: lstm_step(x, state, self.W),
                xs[b : b + 1, :n],
                (h[b : b + 1], c[b : b + 1]),
            )
            outputs.append(nn.functional.pad(hs, (0, 0, 0, T - n)))
            last_h.append(h_b)
            last_c.append(c_b)
        return torch.cat(outputs), (torch.cat(last_h), torch.cat(last_c))


@rubric.alternative
class LoopsOverTime(nn.Module):
    """A plain loop that blends old and new state with a mask, after clearing the padding."""

    def __init__(self, D, H):
        super().__init__()
        self.hidden = H
        self.register_parameter("W", nn.Parameter(0.1 * torch.randn(D + H, 4 * H)))

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if lengths is None:
            lengths = torch.tensor([T] * B)
        h, c = state or torch.zeros(2, B, self.hidden, dtype=xs.dtype)
        hs = []
        for t in range(T):
            alive = (lengths > t)[:, None]
            x = torch.where(alive, xs[:, t], torch.zeros_like(xs[:, t]))
            m = alive.to(xs.dtype)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            h, c = m * new_h + (1 - m) * h, m * new_c + (1 - m) * c
            hs.append(m * new_h)
        return torch.stack(hs, dim=1), (h, c)


@rubric.alternative
class LooksTheLastStateUp(nn.Module):
    """Keeps all states from the given one on, and looks up the one at each length."""

    def __init__(self, D, H):
        super().__init__()
        self.W = nn.Parameter(torch.randn(D + H, 4 * H))

    def forward(self, xs, lengths=None, state=None):
        if state is None:
            zeros = xs.new_zeros(len(xs), self.W.shape[1] // 4)
            state = (zeros, zeros)
        B, T = xs.shape[:2]
        lengths = torch.full((B,), T) if lengths is None else lengths.long()
        padding = torch.arange(T)[None, :, None] >= lengths[:, None, None]
        clean = torch.where(padding, torch.zeros((), dtype=xs.dtype), xs)
        states = [state]
        for x in clean.unbind(1):
            states.append(lstm_step(x, states[-1], self.W))
        hs, cs = (torch.stack(list(steps), dim=1) for steps in zip(*states, strict=True))
        rows = torch.arange(B)
        return hs[:, 1:].masked_fill(padding, 0.0), (hs[rows, lengths], cs[rows, lengths])


@rubric.alternative
class ShrinksTheBatch(nn.Module):
    """Sorted by length, so that the sequences alive are always the first rows."""

    def __init__(self, D, H):
        super().__init__()
        bound = H**-0.5
        self.W = nn.Parameter(torch.rand(D + H, 4 * H) * 2 * bound - bound)
        self.H = H

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if lengths is None:
            lengths = torch.full((B,), T)
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        order = torch.argsort(lengths, descending=True)
        back = torch.argsort(order)
        xs, lengths = xs[order], lengths[order]
        h, c = state[0][order], state[1][order]
        hs = []
        for t in range(T):
            n = int((lengths > t).sum())
            new_h, new_c = lstm_step(xs[:n, t], (h[:n], c[:n]), self.W)
            h, c = torch.cat([new_h, h[n:]]), torch.cat([new_c, c[n:]])
            hs.append(torch.cat([new_h, xs.new_zeros(B - n, self.H)]))
        return torch.stack(hs, dim=1)[back], (h[back], c[back])


@rubric.alternative
class PutsTheClockIntoTheInput(nn.Module):
    """One unroll; whether a sequence is alive travels as an extra input feature."""

    def __init__(self, D, H):
        super().__init__()
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / 10)

    def forward(self, xs, lengths=None, state=None):
        B, T, D = xs.shape
        if state is None:
            state = tuple(torch.zeros(2, B, self.W.shape[1] // 4).to(xs))
        if lengths is None:
            lengths = xs.new_full((B,), T)
        alive = (torch.arange(T).expand(B, T) < lengths.reshape(B, 1)).unsqueeze(2)
        marked = torch.cat([xs.masked_fill(alive.logical_not(), 0), alive.to(xs)], dim=2)

        def step(x, state):
            live = x[:, D:] > 0
            new = lstm_step(x[:, :D], state, self.W)
            return tuple(torch.where(live, n, old) for n, old in zip(new, state, strict=True))

        hs, state = unroll(step, marked, state)
        return torch.where(alive, hs, torch.zeros_like(hs)), state
