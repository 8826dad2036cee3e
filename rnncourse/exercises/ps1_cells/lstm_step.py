"""lstm_step: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.forbidden import RECURRENT
from ...checks.properties import Cases, attempt, part
from ...checks.pytree import copied
from ...checks.rng import Rng, Sizes
from ...reference import cells


def draw_lstm(rng: Rng, s: Sizes) -> tuple:
    return (
        rng.normal(s.B, s.D),
        (rng.normal(s.B, s.H), rng.normal(s.B, s.H)),
        rng.normal(s.D + s.H, 4 * s.H, scale=0.7),
    )


lstm_cases = Cases("lstm_step", ("x", "state", "W"), draw_lstm, batched=("x", "state"))


# Added before a sigmoid, these open or shut a gate to within any tolerance.
OPEN, SHUT = 40.0, -40.0


def observe_lstm_gates(subject: Any, rng: Rng) -> dict[str, Any]:
    """Gates held open or shut, so that the effect of each shows."""
    x, state, W = draw_lstm(rng, rng.sizes())
    x[:, 0] = 1  # a constant input, so that its weights are biases
    i, f, o, _ = W.chunk(4, dim=1)  # views: writing to them writes to W

    def gated(i_bias: float, f_bias: float, o_bias: float) -> Any:
        i[0], f[0], o[0] = i_bias, f_bias, o_bias
        return attempt(subject, x, copied(state), W.clone())

    return {
        "with i shut and f open, c' (it keeps c)": part(gated(SHUT, OPEN, OPEN), 1),
        "with i open and f shut, c' (it becomes g)": part(gated(OPEN, SHUT, OPEN), 1),
        "with i and f open, c' (it becomes g + c)": part(gated(OPEN, OPEN, OPEN), 1),
        "with i, f and o open, h' (it shows tanh(c'))": part(gated(OPEN, OPEN, OPEN), 0),
        "with o shut, h' (it shows nothing)": part(gated(OPEN, OPEN, SHUT), 0),
    }


exercise = Exercise(
    "lstm_step",
    "ps1_cells",
    cells.lstm_step,
    points=8,
    properties=(
        lstm_cases.shape(0.5),
        lstm_cases.values(2),
        Property("gates", "each gate does its own work", 1.5, observe_lstm_gates),
    ),
    forbids=RECURRENT,
)


@exercise.misconception(
    "You cut the blocks in torch's order i, f, g, o. In this course it is i, f, o, g."
)
def uses_torchs_gate_order(x, state, W):
    h, c = state
    i, f, g, o = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@exercise.misconception(
    "This is the equation as the slide prints it. Correct it: sigmoid for f, tanh for g, "
    "and an output that reads the new memory c'."
)
def follows_the_slide(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    new_c = torch.sigmoid(i) * torch.sigmoid(g) + torch.tanh(f) * c
    return torch.sigmoid(o) * torch.tanh(c), new_c


@exercise.misconception(
    "Your output reads the old memory c, so a new entry is seen one step late. "
    "Compute c' first, then h' = o * tanh(c')."
)
def shows_the_old_memory(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    new_c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), new_c


@exercise.misconception(
    "You use a sigmoid for g, so nothing negative can be written to the memory. "
    "g is content, not a gate: it takes a tanh."
)
def writes_with_a_sigmoid(x, state, W):
    h, c = state
    i, f, o, g = torch.sigmoid(torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = i * g + f * c
    return o * torch.tanh(c), c


@exercise.misconception(
    "You use tanh for the forget gate, so a shut gate flips the memory's sign. "
    "A gate is a fraction: f takes a sigmoid."
)
def forgets_with_a_tanh(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.tanh(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@exercise.misconception(
    "You join [h, x], but W's first D rows belong to x. Join them as torch.cat([x, h], dim=1)."
)
def joins_h_before_x(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([h, x], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@exercise.misconception(
    "You show the memory without its tanh, so h' can leave (-1, 1). Use h' = o * tanh(c')."
)
def shows_the_bare_memory(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * c, c


@exercise.misconception(
    "You squash the memory itself with a tanh, so it fades at every step. "
    "Keep c' = i * g + f * c, and put the tanh only into h'."
)
def squashes_the_memory(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.tanh(torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c)
    return torch.sigmoid(o) * c, c


@exercise.misconception(
    "Your input gate controls the old memory and your forget gate the new content. "
    "Swap them: c' = i * g + f * c."
)
def swaps_input_and_forget_gate(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(f) * torch.tanh(g) + torch.sigmoid(i) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@exercise.misconception("You return (c, h). The hidden output comes first: return h, c.")
def returns_the_memory_first(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return c, torch.sigmoid(o) * torch.tanh(c)


@exercise.misconception(
    "You take the 4H columns in turn, i f o g i f o g. "
    "They are four whole blocks: cut them with chunk(4, dim=1)."
)
def deals_the_columns_out(x, state, W):
    h, c = state
    z = torch.cat([x, h], dim=1) @ W
    i, f, o, g = z.reshape(z.shape[0], -1, 4).unbind(dim=2)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@exercise.misconception(
    "You use 1 - f as the input gate and never look at i. This LSTM has both: c' = i * g + f * c."
)
def couples_input_to_forget(x, state, W):
    h, c = state
    _, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    f = torch.sigmoid(f)
    c = (1 - f) * torch.tanh(g) + f * c
    return torch.sigmoid(o) * torch.tanh(c), c


@exercise.misconception(
    "Your *= or mul_ overwrites the caller's c. Compute the new memory as a new tensor."
)
def overwrites_the_memory(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c *= torch.sigmoid(f)
    c += torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@exercise.misconception(
    "You cut along the batch: without a dim, chunk takes the first axis. The four blocks are "
    "columns: `.chunk(4, dim=-1)`."
)
def cuts_along_the_batch(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=-1) @ W).chunk(4)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@exercise.misconception("You return only h. The next step needs the memory as well: return h, c.")
def returns_the_output_alone(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=-1) @ W).chunk(4, dim=-1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c)


@exercise.misconception(
    "Your forget gate has no activation, so it can be any number and the memory can explode. "
    "A gate is a fraction: f takes a sigmoid."
)
def forgets_without_an_activation(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=-1) @ W).chunk(4, dim=-1)
    c = torch.sigmoid(i) * torch.tanh(g) + f * c
    return torch.sigmoid(o) * torch.tanh(c), c


@exercise.misconception(
    "Your g has no activation, so what is written has no bounds. It is content: it takes a tanh."
)
def writes_without_an_activation(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=-1) @ W).chunk(4, dim=-1)
    c = torch.sigmoid(i) * g + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c
