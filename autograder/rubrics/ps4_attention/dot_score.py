"""dot_score: hidden tests and alternative right answers."""

import torch

from rnncourse.exercises.ps4_attention.dot_score import dot_cases

from .. import Rubric

rubric = Rubric(
    (
        dot_cases.gradient(0.75),
        dot_cases.rows(0.25),
        dot_cases.dtype(0.25),
        dot_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def multiplies_batches(query, keys):
    if query.dim() == 2:
        return torch.bmm(keys, query.unsqueeze(2)).squeeze(2)
    return torch.bmm(query, keys.mT)


@rubric.alternative
def sums_products(query, keys):
    if query.dim() == 3:
        keys = keys[:, None]
    return (query[..., None, :] * keys).sum(-1)


@rubric.alternative
def scores_sentence_by_sentence(query, keys):
    return torch.stack([q @ k.T for q, k in zip(query, keys, strict=True)])


@rubric.alternative
def scores_key_by_key(query, keys):
    columns = []
    for e in keys.unbind(1):
        if query.dim() == 3:
            e = e.unsqueeze(1)
        columns.append((query * e).sum(dim=-1))
    return torch.stack(columns, dim=-1)


@rubric.alternative
def computes_the_dot_in_float32(query, keys):
    letters = "bth,bsh->bts" if query.ndim == 3 else "bh,bsh->bs"
    return torch.einsum(letters, query.float(), keys.float()).to(query.dtype)
