"""lstm_step: its hidden tests, and right answers of other kinds."""

import torch
from torch import nn

from rnncourse.exercises.ps1_cells.lstm_step import lstm_cases

from .. import Rubric
from ._shared import chain

rubric = Rubric(
    (
        lstm_cases.gradient(2),
        chain(lstm_cases, 0.5),
        lstm_cases.rows(0.5),
        lstm_cases.dtype(0.5),
        lstm_cases.pure(0.5),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def splits_the_weights(x, state, W):
    h, c = state
    D, H = x.shape[1], h.shape[1]
    W_x, W_h = W[:D], W[D:]

    def block(k):
        columns = slice(k * H, (k + 1) * H)
        return x @ W_x[:, columns] + h @ W_h[:, columns]

    i, f, o = block(0).sigmoid(), block(1).sigmoid(), block(2).sigmoid()
    c = torch.addcmul(i * block(3).tanh(), f, c)
    return o * c.tanh(), c


@rubric.alternative
def names_the_gate_axis(x, state, W):
    h, c = state
    z = torch.einsum("bd,dkh->kbh", torch.cat([x, h], dim=1), W.reshape(len(W), 4, -1))
    gates, g = torch.sigmoid(z[:3]), torch.tanh(z[3])
    new_c = gates[0] * g + gates[1] * c
    return gates[2] * torch.tanh(new_c), new_c


@rubric.alternative
def runs_the_lstm_row_by_row(x, state, W):
    hs, cs = [], []
    for x_row, h_row, c_row in zip(x, *state, strict=True):
        i, f, o, g = torch.split(torch.cat([x_row, h_row]) @ W, len(h_row))
        c_row = g.tanh() * i.sigmoid() + c_row * f.sigmoid()
        cs.append(c_row)
        hs.append(c_row.tanh() * o.sigmoid())
    return [torch.stack(hs), torch.stack(cs)]


@rubric.alternative
def runs_the_lstm_in_float32(x, state, W):
    h, c = (s.to(torch.float32) for s in state)
    z = nn.functional.linear(torch.cat([x.to(torch.float32), h], dim=-1), W.to(torch.float32).T)
    i, f, o, g = z.tensor_split(4, dim=-1)
    sigmoid = nn.Sigmoid()
    c = sigmoid(f) * c + sigmoid(i) * torch.tanh(g)
    h = sigmoid(o) * torch.tanh(c)
    return h.to(x.dtype), c.to(x.dtype)


@rubric.alternative
def makes_sigmoids_of_tanh(x, state, W):
    h, c = state
    H = h.shape[1]
    z = torch.cat([x, h], dim=1).mm(W)
    scale = torch.ones(4 * H, dtype=x.dtype)
    scale[: 3 * H] = 0.5
    squashed = torch.tanh(z * scale)  # sigmoid(a) = (1 + tanh(a / 2)) / 2
    i, f, o = ((1 + squashed[:, k * H : (k + 1) * H]) / 2 for k in range(3))
    c = i * squashed[:, 3 * H :] + f * c
    return o * torch.tanh(c), c
