"""gru_step: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.forbidden import RECURRENT
from ...checks.properties import Cases, attempt
from ...checks.pytree import copied
from ...checks.rng import Rng, Sizes
from ...reference import cells
from .lstm_step import OPEN, SHUT


def draw_gru(rng: Rng, s: Sizes) -> tuple:
    matrices = []
    for _ in range(3):
        matrices += [rng.normal(s.D, s.H, scale=0.7), rng.normal(s.H, s.H, scale=0.7)]
    return rng.normal(s.B, s.D), rng.normal(s.B, s.H), *matrices


gru_cases = Cases(
    "gru_step",
    ("x", "h", "W_xz", "W_hz", "W_xr", "W_hr", "W_x", "W_h"),
    draw_gru,
    batched=("x", "h"),
)


def observe_gru_gates(subject: Any, rng: Rng) -> dict[str, Any]:
    """Gates held open or shut, so that the effect of each shows."""
    args = draw_gru(rng, rng.sizes())
    x, _, W_xz, _, W_xr, *_ = args
    x[:, 0] = 1  # a constant input, so that its weights are biases

    def gated(z_bias: float, r_bias: float) -> Any:
        W_xz[0], W_xr[0] = z_bias, r_bias
        return attempt(subject, *copied(args))

    return {
        "with z at 0, h' (it keeps h)": gated(SHUT, OPEN),
        "with z at 1 and r at 0, h' (it becomes tanh(x W_x))": gated(OPEN, SHUT),
        "with z and r at 1, h' (it becomes tanh(x W_x + h W_h))": gated(OPEN, OPEN),
    }


exercise = Exercise(
    "gru_step",
    "ps1_cells",
    cells.gru_step,
    points=6,
    properties=(
        gru_cases.shape(0.5),
        gru_cases.values(1.5),
        Property("gates", "each gate does its own work", 1, observe_gru_gates),
    ),
    forbids=RECURRENT,
)


@exercise.misconception(
    "This is the equation as the slide prints it, with a sigmoid for the candidate. "
    "The candidate is content, of either sign: it takes a tanh."
)
def follows_the_gru_slide(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.sigmoid(x @ W_x + (r * h) @ W_h)
    return (1 - z) * h + z * candidate


@exercise.misconception(
    "You have z and 1 - z the other way round, as torch does. "
    "Here z is the part taken from the candidate: (1 - z) * h + z * candidate."
)
def swaps_old_and_new(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(x @ W_x + (r * h) @ W_h)
    return z * h + (1 - z) * candidate


@exercise.misconception(
    "You apply r after the product, r * (h @ W_h), as torch does. "
    "Here it hides parts of h before W_h mixes them: (r * h) @ W_h."
)
def resets_after_the_product(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(x @ W_x + r * (h @ W_h))
    return (1 - z) * h + z * candidate


@exercise.misconception(
    "Your two gates are swapped. z blends old and new, and r hides parts of h in the candidate."
)
def swaps_the_gru_gates(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    r = torch.sigmoid(x @ W_xz + h @ W_hz)
    z = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(x @ W_x + (r * h) @ W_h)
    return (1 - z) * h + z * candidate


@exercise.misconception(
    "Your candidate sees all of h, so r has no effect. Give it r * h: (r * h) @ W_h."
)
def never_resets(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    candidate = torch.tanh(x @ W_x + h @ W_h)
    return (1 - z) * h + z * candidate


@exercise.misconception(
    "You reset the input as well. r hides part of the past only: x @ W_x + (r * h) @ W_h."
)
def resets_the_input_too(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(r * (x @ W_x + h @ W_h))
    return (1 - z) * h + z * candidate


@exercise.misconception(
    "You blend with r * h, so the reset also erases what should be kept. "
    "The blend takes the state itself: (1 - z) * h."
)
def resets_the_kept_state(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(x @ W_x + (r * h) @ W_h)
    return (1 - z) * (r * h) + z * candidate


@exercise.misconception(
    "You return z * candidate and drop the old state. Add the part that is kept, (1 - z) * h."
)
def keeps_nothing(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    return z * torch.tanh(x @ W_x + (r * h) @ W_h)


@exercise.misconception(
    "You add the new to all of the old, so the state grows without bound. "
    "What comes in replaces a part of the old: (1 - z) * h + z * candidate."
)
def keeps_everything(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    return h + z * torch.tanh(x @ W_x + (r * h) @ W_h)


@exercise.misconception(
    "Your candidate has no activation, so the state can grow without bound. Put a tanh around it."
)
def leaves_the_candidate_bare(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    return (1 - z) * h + z * (x @ W_x + (r * h) @ W_h)


@exercise.misconception(
    "Each of your gates uses the other one's recurrent matrix. "
    "z takes W_xz with W_hz, and r takes W_xr with W_hr."
)
def crosses_the_recurrent_matrices(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hr)
    r = torch.sigmoid(x @ W_xr + h @ W_hz)
    candidate = torch.tanh(x @ W_x + (r * h) @ W_h)
    return (1 - z) * h + z * candidate


@exercise.misconception(
    "Your candidate takes z * h. z is only used later, in the blend; "
    "the candidate sees what r lets through: (r * h) @ W_h."
)
def resets_with_the_update_gate(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    new = torch.tanh(x @ W_x + (z * h) @ W_h)
    return (1 - z) * h + z * new
