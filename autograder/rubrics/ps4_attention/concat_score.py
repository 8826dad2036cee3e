"""concat_score: hidden tests and alternative right answers."""

import torch

from rnncourse.exercises.ps4_attention.concat_score import concat_cases
from rnncourse.reference.attention import bahdanau_score

from .. import Rubric

rubric = Rubric(
    (
        concat_cases.gradient(0.75),
        concat_cases.rows(0.25),
        concat_cases.dtype(0.25),
        concat_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def really_concatenates(query, keys, W, v):
    queries = query if query.dim() == 3 else query.unsqueeze(1)
    T, S = queries.shape[1], keys.shape[1]
    f = queries.unsqueeze(2).expand(-1, -1, S, -1)
    e = keys.unsqueeze(1).expand(-1, T, -1, -1)
    alpha = (torch.tanh(torch.cat([f, e], dim=3) @ W) @ v).squeeze(3)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@rubric.alternative
def concatenates_key_by_key(query, keys, W, v):
    columns = []
    for e in keys.unbind(dim=1):
        if query.dim() == 3:
            e = e.unsqueeze(1).repeat(1, query.shape[1], 1)
        columns.append(torch.tanh(torch.cat([query, e], dim=-1) @ W) @ v)
    return torch.cat(columns, dim=-1)


@rubric.alternative
def splits_the_matrix(query, keys, W, v):
    H = query.size(-1)
    return bahdanau_score(query, keys, W[:H], W[H:], v)


@rubric.alternative
def concatenates_pair_by_pair(query, keys, W, v):
    queries = query if query.dim() == 3 else query[:, None]
    alpha = torch.stack(
        [
            torch.stack([torch.tanh(torch.cat([f.expand(len(k), -1), k], 1) @ W) @ v for f in q])
            for q, k in zip(queries, keys, strict=True)
        ]
    ).squeeze(-1)
    return alpha if query.dim() == 3 else alpha[:, 0]
