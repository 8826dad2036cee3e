"""gru_step: its hidden tests, and right answers of other kinds."""

import torch

from rnncourse.exercises.ps1_cells.gru_step import gru_cases

from .. import Rubric
from ._shared import chain

rubric = Rubric(
    (
        gru_cases.gradient(1.5),
        chain(gru_cases, 0.5),
        gru_cases.rows(0.5),
        gru_cases.dtype(0.25),
        gru_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def interpolates(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.addmm(x @ W_xz, h, W_hz).sigmoid()
    r = torch.addmm(x @ W_xr, h, W_hr).sigmoid()
    return torch.lerp(h, torch.addmm(x @ W_x, r * h, W_h).tanh(), z)


@rubric.alternative
def joins_the_gates(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    gates = torch.cat([torch.cat([W_xz, W_xr], dim=1), torch.cat([W_hz, W_hr], dim=1)])
    z, r = torch.sigmoid(torch.cat([x, h], dim=1) @ gates).chunk(2, dim=1)
    candidate = torch.tanh(torch.cat([x, r * h], dim=1) @ torch.cat([W_x, W_h]))
    return h + z * (candidate - h)


@rubric.alternative
def scales_the_rows_of_the_matrix(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    rows = []
    for x_b, h_b in zip(x, h, strict=True):
        keep = 1 - torch.sigmoid(x_b @ W_xz + h_b @ W_hz)
        r = torch.sigmoid(x_b @ W_xr + h_b @ W_hr)
        candidate = torch.tanh(x_b @ W_x + h_b @ (r.unsqueeze(1) * W_h))
        rows.append(keep * h_b + (1 - keep) * candidate)
    return torch.stack(rows)


@rubric.alternative
def runs_the_gru_in_float32(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    dtype = x.dtype
    x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h = (
        tensor.float() for tensor in (x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h)
    )
    z = 1 / (1 + torch.exp(-(x @ W_xz + h @ W_hz)))
    r = 1 / (1 + torch.exp(-(x @ W_xr + h @ W_hr)))
    candidate = torch.tanh(torch.einsum("bd,dh->bh", x, W_x) + (r * h) @ W_h)
    return ((1 - z) * h + z * candidate).to(dtype)
