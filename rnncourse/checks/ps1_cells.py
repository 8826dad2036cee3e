"""Problem set 1, cells: what is checked, and the mistakes people make (lecture §1).

A misconception is a whole wrong implementation under a telling name. It may use torch, nn and,
for LSTM, the student's lstm_step and unroll; nothing else, because the audit submits its source.
"""

import torch

from ..reference import cells
from .cases import Cases
from .exercise import Exercise
from .rng import Rng, Sizes
from .rules import RECURRENT

# --- additive_step ------------------------------------------------------------------------------

additive_cases = Cases(
    "additive_step",
    ("x", "h"),
    lambda rng, s: (rng.normal(s.B, s.H), rng.normal(s.B, s.H)),
    batched=("x", "h"),
)
additive_step = Exercise(
    "additive_step",
    "ps1_cells",
    cells.additive_step,
    points=2,
    properties=(additive_cases.shape(0.5), additive_cases.values(1)),
    forbids=RECURRENT,
)


@additive_step.misconception("The network adds x to h and keeps nothing else: h' = x + h.")
def averages(x, h):
    return (x + h) / 2


# --- elman_step ---------------------------------------------------------------------------------


def draw_elman(rng: Rng, s: Sizes) -> tuple:
    return (
        rng.normal(s.B, s.D),
        rng.normal(s.B, s.H),
        rng.normal(s.D, s.H, scale=0.7),
        rng.normal(s.H, s.H, scale=0.7),
        torch.tanh,
    )


elman_cases = Cases("elman_step", ("x", "h", "W_x", "W_h", "g"), draw_elman, batched=("x", "h"))
elman_step = Exercise(
    "elman_step",
    "ps1_cells",
    cells.elman_step,
    points=4,
    properties=(elman_cases.shape(0.5), elman_cases.values(1.5)),
    forbids=RECURRENT,
)


@elman_step.misconception("Your code always uses tanh. Apply the activation g that it is given.")
def always_tanh(x, h, W_x, W_h, g=torch.tanh):
    return torch.tanh(x @ W_x + h @ W_h)


EXERCISES = {one.name: one for one in (additive_step, elman_step)}
