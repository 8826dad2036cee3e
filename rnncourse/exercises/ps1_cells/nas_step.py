"""nas_step: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.forbidden import RECURRENT
from ...checks.properties import Cases, attempt, part
from ...checks.rng import ONES, Rng, Sizes
from ...reference import cells


def draw_nas(rng: Rng, s: Sizes) -> tuple:
    return (
        rng.normal(s.B, s.D),
        (rng.normal(s.B, s.H), rng.normal(s.B, s.H)),
        rng.normal(s.D, 8 * s.H, scale=0.7),
        rng.normal(s.H, 8 * s.H, scale=0.7),
    )


nas_cases = Cases("nas_step", ("x", "state", "W", "U"), draw_nas, batched=("x", "state"))


def observe_nas_memory(subject: Any, rng: Rng) -> dict[str, Any]:
    """c' alone: if it is right, a mistake is in the part of the formula that only m' uses."""
    seen: dict[str, Any] = {}
    for s in (rng.sizes(), ONES):
        args = draw_nas(rng, s)
        seen[f"{nas_cases.text(args)}, its c'"] = part(attempt(subject, *args), 1)
    return seen


exercise = Exercise(
    "nas_step",
    "ps1_cells",
    cells.nas_step,
    points=6,
    properties=(
        nas_cases.shape(0.5),
        Property(
            "memory", "the memory c' is right (it needs l0 to l3, p0 and p1)", 1, observe_nas_memory
        ),
        nas_cases.values(1.5, "both m' and c' are right (m' also needs l4 to l7, p2 and p3)"),
    ),
    forbids=RECURRENT,
)


@exercise.misconception(
    "You add a3 and b3 like the others. l3 is the one leaf that multiplies: relu(a3 * b3)."
)
def adds_in_l3(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] + b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@exercise.misconception(
    "You read the state as (c, m), the papers' order. Here the hidden output m comes first, "
    "both in what you get and in what you return."
)
def takes_the_memory_first(x, state, W, U):
    c, m = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return c, torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7)))


@exercise.misconception("You return (c, m). The hidden output comes first: return m, c.")
def returns_c_before_m(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return c, torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7)))


@exercise.misconception(
    "You unpack the state as c, m. The hidden output comes first here: `m, c = state`."
)
def unpacks_the_memory_first(x, state, W, U):
    c, m = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l2 = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[2] + b[2])
    l5, l7 = torch.sigmoid(a[5] + b[5]), torch.sigmoid(a[7] + b[7])
    l1, l3 = torch.relu(a[1] + b[1]), torch.relu(a[3] * b[3])
    l4, l6 = torch.tanh(a[4] + b[4]), torch.tanh(a[6] + b[6])
    p0 = torch.tanh(torch.tanh(l0 * l1) + c)
    p1 = torch.tanh(l2 + l3)
    p2, p3 = torch.tanh(l4 * l5), torch.sigmoid(l6 + l7)
    c = p0 * p1
    return torch.tanh(c * torch.tanh(p2 + p3)), c


@exercise.misconception(
    "You multiply l2 and l3 in p1. Only p0 and p2 multiply their leaves; p1 and p3 add them."
)
def multiplies_in_p1(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l2 = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[2] + b[2])
    l5, l7 = torch.sigmoid(a[5] + b[5]), torch.sigmoid(a[7] + b[7])
    l1, l3 = torch.relu(a[1] + b[1]), torch.relu(a[3] * b[3])
    l4, l6 = torch.tanh(a[4] + b[4]), torch.tanh(a[6] + b[6])
    p0 = torch.tanh(torch.tanh(l0 * l1) + c)
    p1 = torch.tanh(l2 * l3)
    p2, p3 = torch.tanh(l4 * l5), torch.sigmoid(l6 + l7)
    c = p0 * p1
    return torch.tanh(c * torch.tanh(p2 + p3)), c


@exercise.misconception(
    "You use tanh for p3 as for the other pairs. p3 is the exception: sigmoid(l6 + l7)."
)
def uses_tanh_for_p3(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.tanh(l6 + l7))), c


@exercise.misconception(
    "Your new memory never sees the old one. Add c to p0 before the second tanh: tanh(p0 + c)."
)
def leaves_the_old_memory_out(x, state, W, U):
    m, _ = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(l0 * l1) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@exercise.misconception(
    "You add c inside the first tanh of p0. There are two: tanh(tanh(l0 * l1) + c)."
)
def adds_the_memory_too_early(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(l0 * l1 + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@exercise.misconception(
    "You add c to p0 but leave out the tanh that follows. The memory is tanh(p0 + c) * p1."
)
def leaves_out_the_second_tanh(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = (torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@exercise.misconception("Your l1 is a sigmoid. Two leaves are relu: l1 as well as l3.")
def uses_a_sigmoid_for_l1(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@exercise.misconception(
    "You multiply l6 and l7 in p3. Only p0 and p2 multiply their leaves; p1 and p3 add them."
)
def multiplies_in_p3(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 * l7))), c


@exercise.misconception(
    "Your m' reads the old memory c. Compute c' first, then m' = tanh(c' * tanh(p2 + p3))."
)
def reads_the_memory_before_writing(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    new_c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), new_c


@exercise.misconception(
    "You multiply c' by p2 + p3 without its tanh. There are two: tanh(c' * tanh(p2 + p3))."
)
def leaves_out_the_inner_tanh_of_m(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * (torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c
