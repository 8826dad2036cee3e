"""unroll: its hidden tests, and right answers of other kinds."""

from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps1_cells.unroll import elman_like, lstm_like, unroll_cases

from .. import Rubric


def observe_short_sequences(subject: Any, rng: Rng) -> dict[str, Any]:
    """T = 0 and T = 1, for a state that is a tensor and one that is a tuple."""
    seen: dict[str, Any] = {}
    for T in (0, 1):
        s = rng.sizes(T=T)
        h, c, xs = rng.normal(s.B, s.H), rng.normal(s.B, s.H), rng.normal(s.B, T, s.D)
        states: dict[str, tuple[Callable[..., Any], Any]] = {
            "a tensor": (elman_like(rng, s), h),
            "a tuple (h, c)": (lstm_like(rng, s), (h, c)),
        }
        for text, (step, state) in states.items():
            seen[f"T = {T}, the state is {text}"] = attempt(subject, step, xs, state)
    return seen


def observe_other_states(subject: Any, rng: Rng) -> dict[str, Any]:
    """States that are neither a tensor nor (h, c), and a step that ignores its input."""
    s = rng.sizes()
    xs, h, c = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H), rng.normal(s.B, s.D)
    W = rng.normal(s.D, s.H)

    def alone(x, state):
        (h,) = state
        return (torch.sin(h + x @ W),)

    def with_clock(x, state):
        h, c, t = state
        c = c / 2 + x
        return torch.sin(h + c @ W) * t, c, t + 1

    def deaf(x, h):
        return 2 * h

    states: dict[str, tuple[Callable[..., Any], Any]] = {
        "a tuple of one": (alone, (h,)),
        "a tuple (h, c, t), c of another width and t a number": (with_clock, (h, c, 1)),
        "a tensor, and step ignores x_t": (deaf, h),
    }
    return {
        f"the state is {text}": attempt(subject, step, xs, state)
        for text, (step, state) in states.items()
    }


rubric = Rubric(
    (
        unroll_cases.gradient(1),
        Property("short", "T = 0 and T = 1 work", 0.75, observe_short_sequences),
        Property("states", "the state may be any tuple", 0.5, observe_other_states),
        unroll_cases.rows(0.25),
        unroll_cases.dtype(0.25),
        unroll_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def unrolls_by_recursion(step, xs, state):
    def rest(t, state):
        if t == xs.shape[1]:
            return [], state
        state = step(xs[:, t], state)
        hs, last = rest(t + 1, state)
        return [state[0] if isinstance(state, tuple) else state, *hs], last

    hs, last = rest(0, state)
    if hs:
        return torch.stack(hs, dim=1), last
    h = state[0] if isinstance(state, tuple) else state
    return torch.empty(h.shape[0], 0, h.shape[1], dtype=h.dtype, device=h.device), last


@rubric.alternative
def accumulates_states(step, xs, state):
    from itertools import accumulate

    states = list(accumulate(xs.transpose(0, 1), lambda state, x: step(x, state), initial=state))
    outputs = [s if torch.is_tensor(s) else s[0] for s in states]
    return torch.stack(outputs)[1:].transpose(0, 1), states[-1]


@rubric.alternative
def writes_into_a_prepared_tensor(step, xs, state):
    first = state if isinstance(state, torch.Tensor) else state[0]
    hs = first.new_zeros(xs.size(0), xs.size(1), first.size(1))
    t = 0
    while t < xs.size(1):
        state = step(xs.select(1, t), state)
        hs[:, t] = state if isinstance(state, torch.Tensor) else state[0]
        t += 1
    return hs, state


@rubric.alternative
def grows_the_outputs(step, xs, state):
    hidden = (lambda s: s[0]) if isinstance(state, tuple) else (lambda s: s)
    hs = hidden(state).unsqueeze(1)[:, :0]
    for x in xs.split(1, dim=1):
        if x.shape[1] == 0:  # split gives one empty piece where T = 0
            break
        state = step(x.squeeze(1), state)
        hs = torch.cat([hs, hidden(state).unsqueeze(1)], dim=1)
    return hs, state
