"""LSTM: its visible checks and the mistakes people make.

Every check gives the module known weights W.
"""

from typing import Any

import torch
from torch import nn

from ...checks.exercise import Exercise, Property
from ...checks.forbidden import RECURRENT
from ...checks.properties import Cases, attempt, call, part, using
from ...checks.rng import ONES, Rng, Sizes
from ...reference import cells
from ...reference.cells import lstm_step, unroll

LONG = 8  # a T unlike all other sizes, long enough for lengths to differ


def build_lstm(subject: Any, W: torch.Tensor) -> Any:
    """An object of the student's class, with the given weights."""
    H = W.shape[1] // 4
    D = W.shape[0] - H
    module = subject(D, H).to(W.dtype)
    expected = f"W {tuple(W.shape)}"
    if (got := parameters(module)) != expected:
        raise ValueError(f"the parameters of LSTM({D}, {H}) are {got}, expected {expected}")
    module.load_state_dict({"W": W.detach()})
    return module


def parameters(module: Any) -> str:
    """The names and shapes of a module's parameters: "W (7, 16)"."""
    named = dict(module.named_parameters())
    shapes = [f"{name} {tuple(parameter.shape)}" for name, parameter in named.items()]
    return ", ".join(shapes) or "none"


def run_lstm(subject: Any, W: torch.Tensor, xs: torch.Tensor, lengths: Any, state: Any) -> Any:
    return build_lstm(subject, W)(xs, lengths, state)


def draw_lstm_weights(rng: Rng, s: Sizes) -> torch.Tensor:
    return rng.normal(s.D + s.H, 4 * s.H, scale=0.7)


def draw_lengths(rng: Rng, s: Sizes) -> torch.Tensor:
    """Lengths from 1 to T: the first is T, the second T - 2 (if B > 1 and T > 2)."""
    lengths = rng.integers(1, s.T + 1, s.B)
    lengths[0] = s.T
    lengths[min(1, s.B - 1)] = max(1, s.T - 2)
    return lengths


def draw_padded(rng: Rng, s: Sizes) -> tuple:
    return (
        draw_lstm_weights(rng, s),
        rng.normal(s.B, s.T, s.D),
        draw_lengths(rng, s),
        (rng.normal(s.B, s.H), rng.normal(s.B, s.H)),
    )


module_cases = Cases(
    "lstm", ("W", "xs", "lengths", "state"), draw_padded, batched=("xs", "state"), run=run_lstm
)


def observe_parameters(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    module = subject(s.D, s.H)
    named = dict(module.named_parameters())
    return {
        f"the parameters of LSTM({s.D}, {s.H})": parameters(module),
        "the state_dict has": ", ".join(sorted(dict(module.state_dict()))) or "nothing",
        "all parameters are trained": all(parameter.requires_grad for parameter in named.values()),
    }


def lstm_parts(result: Any, text: str) -> dict[str, Any]:
    """The parts of what LSTM returns."""
    return {
        f"{text}: hs": part(result, 0),
        f"{text}: the last h": part(result, 1, 0),
        f"{text}: the last c": part(result, 1, 1),
    }


def observe_whole_sequences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Without lengths, from zeros and from a given state."""
    seen: dict[str, Any] = {}
    for s in (rng.sizes(), rng.sizes(B=1), ONES):
        W, xs, _, state = draw_padded(rng, s)
        lstm = attempt(build_lstm, subject, W)
        from_zeros = using(lstm, call, xs)
        from_state = using(lstm, call, xs, state=state)
        seen |= lstm_parts(from_zeros, f"lstm(xs {tuple(xs.shape)})")
        seen |= lstm_parts(from_state, f"lstm(xs {tuple(xs.shape)}, state=(h, c))")
    return seen


def observe_lengths(subject: Any, rng: Rng) -> dict[str, Any]:
    """Different lengths, and other inputs in the padding."""
    seen: dict[str, Any] = {}
    for s in (rng.sizes(T=LONG), rng.sizes(B=1, T=LONG)):
        W, xs, lengths, _ = draw_padded(rng, s)
        for b, length in enumerate(lengths.tolist()):
            xs[b, length:] = rng.normal(LONG - length, s.D, scale=3)
        result = using(attempt(build_lstm, subject, W), call, xs, lengths=lengths)
        seen |= lstm_parts(result, f"lstm(xs {tuple(xs.shape)}, lengths={lengths.tolist()})")
    return seen


exercise = Exercise(
    "LSTM",
    "ps1_cells",
    cells.LSTM,
    points=8,
    properties=(
        Property("parameters", "W is the only parameter", 0.5, observe_parameters),
        module_cases.shape(0.5),
        Property("values", "sequences without padding are right", 1.5, observe_whole_sequences),
        Property("lengths", "every sequence stops at its own length", 1.5, observe_lengths),
    ),
    forbids=RECURRENT,
)


@exercise.canonical
class LSTM(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
        xs = xs.masked_fill(padding, 0)

        def step(x, state):
            h, c, t = state
            alive = (t < lengths).unsqueeze(1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs.masked_fill(padding, 0), (h, c)


@exercise.misconception(
    "Your W is a plain tensor, so no optimizer would find it. Wrap it: nn.Parameter(...)."
)
class PlainTensor(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = torch.randn(D + H, 4 * H) / (D + H) ** 0.5

    def forward(self, xs, lengths=None, state=None):
        if state is None:
            state = xs.new_zeros(xs.shape[0], self.H), xs.new_zeros(xs.shape[0], self.H)
        return unroll(lambda x, state: lstm_step(x, state, self.W), xs, state)


@exercise.misconception(
    "Your W is (4H, D + H), as torch stores it. Here it is (D + H, 4H), so that [x, h] @ W fits."
)
class TransposedParameter(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(4 * H, D + H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        if state is None:
            state = xs.new_zeros(xs.shape[0], self.H), xs.new_zeros(xs.shape[0], self.H)
        return unroll(lambda x, state: lstm_step(x, state, self.W.T), xs, state)


@exercise.misconception(
    "You ignore lengths, so the state keeps changing after a sequence has ended. "
    "Freeze h and c from there on, and set hs to 0."
)
class IgnoresLengths(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        if state is None:
            state = xs.new_zeros(xs.shape[0], self.H), xs.new_zeros(xs.shape[0], self.H)
        return unroll(lambda x, state: lstm_step(x, state, self.W), xs, state)


@exercise.misconception(
    "You clear hs after the end of a sequence, but h and c still come from the padding. "
    "Freeze the state as well: torch.where(alive, new, old)."
)
class MasksTheOutputsOnly(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        hs, state = unroll(lambda x, state: lstm_step(x, state, self.W), xs, state)
        if lengths is not None:
            hs = hs.masked_fill((torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2), 0)
        return hs, state


exercise.near_miss(
    "RepeatsTheLastOutput",
    "Your states stop in time, but hs repeats the last output through the padding. "
    "Set hs to 0 at t >= lengths[b].",
    """
    -        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
    -        xs = xs.masked_fill(padding, 0)
    +        xs = xs.masked_fill((torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2), 0)
    ...
    -        return hs.masked_fill(padding, 0), (h, c)
    +        return hs, (h, c)
    """,
)


@exercise.misconception(
    "You set the state of an ended sequence to 0, so short sequences have no last state. "
    "Freeze it instead: torch.where(alive, new, old)."
)
class ClearsTheEndedState(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        xs = xs.masked_fill((torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2), 0)

        def step(x, state):
            h, c, t = state
            ended = (t >= lengths).unsqueeze(1)
            h, c = lstm_step(x, (h, c), self.W)
            return h.masked_fill(ended, 0), c.masked_fill(ended, 0), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs, (h, c)


exercise.near_miss(
    "TakesTheLastColumn",
    "You take hs[:, -1] as the last h, but for a shorter sequence that is padding, 0. "
    "Return the h that stopped with its sequence.",
    """
    -        hs, (h, c, _) = unroll(step, xs, (*state, 0))
    -        return hs.masked_fill(padding, 0), (h, c)
    +        hs, (_, c, _) = unroll(step, xs, (*state, 0))
    +        hs = hs.masked_fill(padding, 0)
    +        return hs, (hs[:, -1], c)
    """,
)


@exercise.misconception(
    "You look up the last h at lengths - 1, but c comes from the end of the padding. "
    "Freeze both when the sequence has ended: torch.where(alive, new, old)."
)
class LooksUpTheOutputOnly(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = (xs.new_zeros(B, self.H), xs.new_zeros(B, self.H))
        if lengths is None:
            lengths = torch.full((B,), T)
        hs, (_, c) = unroll(lambda x, state: lstm_step(x, state, self.W), xs, state)
        alive = torch.arange(T) < lengths.unsqueeze(1)
        hs = hs * alive.unsqueeze(2)
        return hs, (hs[torch.arange(B), lengths - 1], c)


exercise.near_miss(
    "RunsOneStepTooLong",
    "Your sequences run one step too long. Counting from 0, step t is alive while t < lengths[b].",
    """
    -        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
    +        padding = (torch.arange(T) > lengths.unsqueeze(1)).unsqueeze(2)
    ...
    -            alive = (t < lengths).unsqueeze(1)
    +            alive = (t <= lengths).unsqueeze(1)
    """,
)


exercise.near_miss(
    "IgnoresTheGivenState",
    "You always start from zeros. If a state (h, c) is given, start from it.",
    """
    -        if state is None:
    -            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
    +        state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
    """,
)


exercise.near_miss(
    "ReturnsThreeThings",
    "You return hs, h, c. The state stays together as a tuple: return hs, (h, c).",
    """
    -        return hs.masked_fill(padding, 0), (h, c)
    +        return hs.masked_fill(padding, 0), h, c
    """,
)


exercise.near_miss(
    "DetachesAtEveryStep",
    "You detach the state at every step, so W learns nothing across time. "
    "Pass h and c on as they are.",
    """
                 h, c, t = state
    +            h, c = h.detach(), c.detach()
    """,
)


@exercise.misconception(
    "You blank the padding with a product, and 0 times nan or infinity is nan. "
    "Use torch.where and masked_fill, and clear the padding of xs before the first step."
)
class MultipliesByTheMask(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        mask = (torch.arange(T) < lengths.unsqueeze(1)).unsqueeze(2).to(xs.dtype)

        def step(x, state):
            h, c, t = state
            new_h, new_c = lstm_step(x, (h, c), self.W)
            m = mask[:, t]
            return m * new_h + (1 - m) * h, m * new_c + (1 - m) * c, t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return mask * hs, (h, c)


exercise.near_miss(
    "HidesThePaddingTooLate",
    "Your results are right, but nan in the padding still reaches W's gradient, "
    "through the steps that torch.where hides. Clear the padding of xs before the first step.",
    """
    -        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
    -        xs = xs.masked_fill(padding, 0)
    ...
    -        return hs.masked_fill(padding, 0), (h, c)
    +        return hs.masked_fill((torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2), 0), (h, c)
    """,  # noqa: E501
)


exercise.near_miss(
    "ClearsTheCallersPadding",
    "You write zeros into the caller's xs to clear its padding. Use a copy: xs.masked_fill(...).",
    """
    -        xs = xs.masked_fill(padding, 0)
    +        xs.masked_fill_(padding, 0)
    """,
)


@exercise.misconception(
    "You look the last state up at lengths - 1, and for a length of 0 that is -1, the very end. "
    "A sequence of length 0 keeps the state it was given."
)
class LooksUpTheEndOfNothing(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
        xs = xs.masked_fill(padding, 0)
        hs, cs = [], []
        for t in range(T):
            state = lstm_step(xs[:, t], state, self.W)
            hs.append(state[0])
            cs.append(state[1])
        hs, cs = torch.stack(hs, dim=1), torch.stack(cs, dim=1)
        last = torch.arange(B), lengths - 1
        return hs.masked_fill(padding, 0), (hs[last], cs[last])
