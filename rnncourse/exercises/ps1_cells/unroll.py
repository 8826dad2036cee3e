"""unroll: its visible checks and the mistakes people make.

The steps are the checks' own: one whose state is a tensor, one whose state is a tuple.
"""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.forbidden import RECURRENT
from ...checks.properties import Cases, attempt, part
from ...checks.pytree import copied
from ...checks.rng import Rng, Sizes
from ...reference import cells
from ...reference.cells import lstm_step


def elman_like(rng: Rng, s: Sizes) -> Callable[..., torch.Tensor]:
    """A step whose state is a tensor."""
    W_x, W_h = rng.normal(s.D, s.H, scale=0.7), rng.normal(s.H, s.H, scale=0.7)

    def elman_cell(x, h):
        return torch.tanh(x @ W_x.to(x.dtype) + h @ W_h.to(h.dtype))

    return elman_cell


def lstm_like(rng: Rng, s: Sizes) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """A step whose state is a tuple (h, c)."""
    W = rng.normal(s.D + s.H, 4 * s.H, scale=0.7)

    def lstm_cell(x, state):
        return lstm_step(x, state, W)

    return lstm_cell


unroll_cases = Cases(
    "unroll",
    ("step", "xs", "state"),
    lambda rng, s: (elman_like(rng, s), rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)),
    batched=("xs", "state"),
)


def observe_calls(subject: Any, rng: Rng) -> dict[str, Any]:
    """What step is called with, call by call."""
    s = rng.sizes()
    step, xs, state = unroll_cases.draw(rng, s)
    seen: dict[str, Any] = {}
    count = 0

    def recording(x, state):
        nonlocal count
        count += 1
        if count <= s.T:
            seen[f"call {count} of step, its x_t"] = copied(x)
            seen[f"call {count} of step, its state"] = copied(state)
        return step(x, state)

    # If the calls are right and something after them fails, other properties report it.
    attempt(subject, recording, xs, state)
    return {**seen, f"how often step is called for T = {s.T}": count}


def observe_tuple_states(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for s in (rng.sizes(), rng.sizes(B=1)):
        state = (rng.normal(s.B, s.H), rng.normal(s.B, s.H))
        step, xs = lstm_like(rng, s), rng.normal(s.B, s.T, s.D)
        result = attempt(subject, step, xs, state)
        text = f"a state (h, c), B = {s.B}, T = {s.T}"
        seen[f"{text}: hs, which is made of the h"] = part(result, 0)
        seen[f"{text}: the last h"] = part(result, 1, 0)
        seen[f"{text}: the last c"] = part(result, 1, 1)
    return seen


exercise = Exercise(
    "unroll",
    "ps1_cells",
    cells.unroll,
    points=6,
    properties=(
        unroll_cases.shape(0.5),
        unroll_cases.values(1),
        Property(
            "calls",
            "step is called once for every x_t (B, D), in order of time, with the state before",
            0.75,
            observe_calls,
        ),
        Property("tuples", "a state may be a tuple (h, c)", 0.75, observe_tuple_states),
    ),
    forbids=RECURRENT,
)


@exercise.misconception(
    "Your hs comes out as (T, B, H). Stack the outputs along dim=1: the batch is first here."
)
def stacks_time_first(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(0, *h.shape), state
    return torch.stack(hs), state


@exercise.misconception(
    "`for x in xs` and `xs[t]` go through the batch, not through time. "
    "Time is axis 1: use `xs[:, t]`."
)
def walks_through_the_batch(step, xs, state):
    hs = []
    for x in xs:
        state = step(x, state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(hs, dim=1), state


@exercise.misconception(
    "You start from zeros and never look at the state you are given. "
    "Start from that state: a caller may be continuing an earlier sequence."
)
def starts_from_zeros(step, xs, state):
    if isinstance(state, tuple):
        state = tuple(torch.zeros_like(s) if isinstance(s, torch.Tensor) else s for s in state)
    else:
        state = torch.zeros_like(state)
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@exercise.misconception(
    "Your hs is only the last output. Collect the hidden output of every step, (B, T, H)."
)
def keeps_the_last_output_only(step, xs, state):
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
    return (state[0] if isinstance(state, tuple) else state), state


@exercise.misconception(
    "You return hs without the last state. Return both, `hs, state`: an LSTM's c is not in hs."
)
def returns_no_state(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1])
    return torch.stack(hs, dim=1)


@exercise.misconception(
    "You store the state before each step, so hs is one step late and the last output is missing. "
    "Store it after the call of step."
)
def stores_the_state_before(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        hs.append(state[0] if isinstance(state, tuple) else state)
        state = step(xs[:, t], state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@exercise.misconception(
    "Your hs begins with the initial state and so has T + 1 entries. "
    "Start with an empty list: hs holds h_1 to h_T."
)
def includes_the_initial_state(step, xs, state):
    hs = [state[0] if isinstance(state, tuple) else state]
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(hs, dim=1), state


@exercise.misconception(
    "Every step of yours starts from the initial state, so nothing is remembered. "
    "Pass each step the state that the step before returned."
)
def never_carries_the_state_on(step, xs, state):
    hs, last = [], state
    for t in range(xs.shape[1]):
        last = step(xs[:, t], state)
        hs.append(last[0] if isinstance(last, tuple) else last)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), last


@exercise.misconception(
    "You detach the state between steps, so a gradient goes back one step and no further. "
    "Pass the state on as it is."
)
def detaches_between_steps(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        if isinstance(state, tuple):
            state = tuple(s.detach() if isinstance(s, torch.Tensor) else s for s in state)
        else:
            state = state.detach()
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@exercise.misconception(
    "You run from the last input to the first. Time runs forward: t = 0, 1, ..., T - 1."
)
def runs_backward_in_time(step, xs, state):
    hs = []
    for t in reversed(range(xs.shape[1])):
        state = step(xs[:, t], state)
        hs.insert(0, state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@exercise.misconception(
    "For a tuple state you collect the last entry, the memory c. The hidden output is state[0]."
)
def collects_the_memory(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[-1] if isinstance(state, tuple) else state)
    if not hs:
        h = state[-1] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@exercise.misconception(
    "You take state[0] of a tensor too, which is its first row, not its hidden output. "
    "Check first whether the state is a tuple."
)
def takes_every_state_for_a_tuple(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0])
    if not hs:
        return state[0].new_zeros(state[0].shape[0], 0, state[0].shape[-1]), state
    return torch.stack(hs, dim=1), state


@exercise.misconception(
    "Your function fails for T = 0, because torch.stack refuses an empty list. "
    "Return an empty (B, 0, H) tensor and the given state before you stack."
)
def stumbles_over_no_steps(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(hs, dim=1), state


@exercise.misconception(
    "Your hs is a Python list. Join it into one tensor (B, T, H): torch.stack(hs, dim=1)."
)
def returns_a_list(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return hs, state


@exercise.misconception(
    "You leave out the last step. `range(xs.shape[1])` already goes from 0 to T - 1, "
    "which is T steps."
)
def leaves_out_the_last_step(step, xs, state):
    hs = []
    for t in range(xs.shape[1] - 1):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(hs, dim=1), state
