"""general_score: hidden tests and alternative right answers."""

import torch

from rnncourse.exercises.ps4_attention.general_score import general_cases
from rnncourse.reference.attention import dot_score

from .. import Rubric

rubric = Rubric(
    (
        general_cases.gradient(0.75),
        general_cases.rows(0.25),
        general_cases.dtype(0.25),
        general_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def prepares_the_keys(query, keys, W):
    return dot_score(query, keys @ W.T)  # f . (e @ W^T)


@rubric.alternative
def sums_over_three_at_once(query, keys, W):
    letters = "bth,hk,bsk->bts" if query.dim() == 3 else "bh,hk,bsk->bs"
    return torch.einsum(letters, query, W, keys)


@rubric.alternative
def calls_bilinear(query, keys, W):
    from torch.nn import functional as F

    B, S, K = keys.shape
    queries = query if query.dim() == 3 else query.unsqueeze(1)
    T = queries.shape[1]
    left = queries.unsqueeze(2).expand(B, T, S, queries.shape[2]).contiguous()
    right = keys.unsqueeze(1).expand(B, T, S, K).contiguous()
    alpha = F.bilinear(left, right, W.unsqueeze(0)).squeeze(3)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@rubric.alternative
def scores_each_sentence(query, keys, W):
    return torch.stack([query[b] @ W @ keys[b].T for b in range(len(keys))])
