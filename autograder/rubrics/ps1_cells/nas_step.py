"""nas_step: its hidden tests, and right answers of other kinds."""

import torch
from torch import nn

from rnncourse.exercises.ps1_cells.nas_step import nas_cases

from .. import Rubric
from ._shared import chain

rubric = Rubric(
    (
        nas_cases.gradient(1.5),
        chain(nas_cases, 0.5),
        nas_cases.rows(0.5),
        nas_cases.dtype(0.25),
        nas_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def lists_the_leaves(x, state, W, U):
    m, c = state
    H = m.shape[1]
    sigmoid, relu, tanh = torch.sigmoid, torch.relu, torch.tanh
    leaves = []
    for k, f in enumerate([sigmoid, relu, sigmoid, relu, tanh, sigmoid, tanh, sigmoid]):
        block = slice(k * H, (k + 1) * H)
        a, b = x @ W[:, block], m @ U[:, block]
        leaves.append(f(a * b if k == 3 else a + b))
    l0, l1, l2, l3, l4, l5, l6, l7 = leaves
    c = tanh(tanh(l0 * l1) + c) * tanh(l2 + l3)
    return tanh(c * tanh(tanh(l4 * l5) + sigmoid(l6 + l7))), c


@rubric.alternative
def groups_leaves_by_activation(x, state, W, U):
    m, c = state
    a = torch.einsum("bd,dkh->kbh", x, W.reshape(W.shape[0], 8, -1))
    b = torch.einsum("bj,jkh->kbh", m, U.reshape(U.shape[0], 8, -1))
    gates = torch.sigmoid((a + b)[[0, 2, 5, 7]])
    contents = torch.tanh((a + b)[[4, 6]])
    p0 = torch.tanh(gates[0] * (a[1] + b[1]).clamp(min=0))
    p1 = torch.tanh(gates[1] + (a[3] * b[3]).clamp(min=0))
    p2 = torch.tanh(contents[0] * gates[2])
    p3 = torch.sigmoid(contents[1] + gates[3])
    new_c = torch.tanh(p0 + c) * p1
    return torch.tanh(new_c * torch.tanh(p2 + p3)), new_c


@rubric.alternative
def runs_the_nas_cell_in_float32(x, state, W, U):
    m, c = (s.float() for s in state)
    a = nn.functional.linear(x.float(), W.float().T).chunk(8, dim=-1)
    b = nn.functional.linear(m, U.float().T).chunk(8, dim=-1)
    relu = nn.functional.relu
    p0 = ((a[0] + b[0]).sigmoid() * relu(a[1] + b[1])).tanh()
    p1 = ((a[2] + b[2]).sigmoid() + relu(a[3] * b[3])).tanh()
    p2 = ((a[4] + b[4]).tanh() * (a[5] + b[5]).sigmoid()).tanh()
    p3 = ((a[6] + b[6]).tanh() + (a[7] + b[7]).sigmoid()).sigmoid()
    c = (p0 + c).tanh() * p1
    m = (c * (p2 + p3).tanh()).tanh()
    return m.to(x.dtype), c.to(x.dtype)


@rubric.alternative
def runs_the_nas_cell_row_by_row(x, state, W, U):
    results = []
    for x_b, m_b, c_b in zip(x, *state, strict=True):
        a, b = (x_b @ W).view(8, -1), (m_b @ U).view(8, -1)
        both = a + b
        l0, l2, l5, l7 = torch.sigmoid(both[[0, 2, 5, 7]])
        l1 = torch.where(both[1] > 0, both[1], torch.zeros_like(both[1]))
        l3 = torch.maximum(a[3] * b[3], torch.zeros_like(a[3]))
        l4, l6 = torch.tanh(both[4]), torch.tanh(both[6])
        c_b = torch.tanh(torch.tanh(l0 * l1) + c_b) * torch.tanh(l2 + l3)
        m_b = torch.tanh(c_b * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7)))
        results.append(torch.stack([m_b, c_b]))
    m, c = torch.stack(results, dim=1)
    return m, c
