"""Problem set 1, cells, solved correctly in other ways.

The audit submits the source of each. It may use torch, nn and, for LSTM, the student's own
lstm_step and unroll; anything else it imports inside.
"""

import torch

from . import Alternatives

ALTERNATIVES = Alternatives()


@ALTERNATIVES.of("elman_step")
def with_einsum(x, h, W_x, W_h, g=torch.tanh):
    return g(torch.einsum("bd,dh->bh", x, W_x) + torch.einsum("bk,kh->bh", h, W_h))
