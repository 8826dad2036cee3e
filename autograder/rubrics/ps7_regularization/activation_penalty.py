"""activation_penalty: hidden tests and alternative right answers."""

import torch

from rnncourse.checks.exercise import Property
from rnncourse.exercises.ps7_regularization._shared import observe_padding, observe_some_tokens
from rnncourse.exercises.ps7_regularization.activation_penalty import activation_cases

from .. import Rubric

rubric = Rubric(
    (
        Property("padding", "whatever is in the padding makes no difference", 0.5, observe_padding),
        activation_cases.gradient(0.25),
        Property("tokens", "any mask is followed", 0.25, observe_some_tokens),
        activation_cases.dtype(0.25),
        activation_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def clears_a_copy(hs, mask):
    return hs.masked_fill(~mask.unsqueeze(-1), 0).square().sum()


@rubric.alternative
def chooses_with_where(hs, mask):
    clean = torch.where(mask[:, :, None], hs, torch.zeros_like(hs))
    return torch.einsum("bth,bth->", clean, clean)


@rubric.alternative
def squares_row_by_row(hs, mask):
    penalty = hs.new_zeros(())
    for b in range(len(hs)):
        for t in range(hs.shape[1]):
            if mask[b, t]:
                penalty = penalty + hs[b, t] @ hs[b, t]
    return penalty


@rubric.alternative
def squares_norms_of_tokens(hs, mask):
    b, t = mask.nonzero(as_tuple=True)
    return hs[b, t].pow(2).sum(dim=1).sum()
