"""bahdanau_score: hidden tests and alternative right answers."""

import torch

from rnncourse.exercises.ps4_attention.bahdanau_score import bahdanau_cases

from .. import Rubric

rubric = Rubric(
    (
        bahdanau_cases.gradient(1),
        bahdanau_cases.rows(0.5),
        bahdanau_cases.dtype(0.25),
        bahdanau_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def loops_over_the_queries(query, keys, w_f, w_e, v):
    from_keys = keys @ w_e
    queries = query.unsqueeze(1) if query.dim() == 2 else query
    rows = [
        (torch.tanh((f @ w_f).unsqueeze(1) + from_keys) @ v).squeeze(2) for f in queries.unbind(1)
    ]
    return rows[0] if query.dim() == 2 else torch.stack(rows, dim=1)


@rubric.alternative
def loops_over_the_keys(query, keys, w_f, w_e, v):
    columns = []
    for s in range(keys.shape[1]):
        e = keys[:, s] if query.dim() == 2 else keys[:, s : s + 1]
        columns.append(torch.tanh(query @ w_f + e @ w_e) @ v)
    return torch.cat(columns, dim=-1)


@rubric.alternative
def weighs_with_einsum(query, keys, w_f, w_e, v):
    queries = query.reshape(len(query), -1, query.shape[-1])
    q = torch.einsum("bth,ha->bta", queries, w_f)
    k = torch.einsum("bsk,ka->bsa", keys, w_e)
    alpha = torch.einsum("btsa,a->bts", torch.tanh(q[:, :, None] + k[:, None]), v[:, 0])
    return alpha.reshape(*query.shape[:-1], keys.shape[1])


@rubric.alternative
def computes_the_score_in_float32(query, keys, w_f, w_e, v):
    f, e = (query.float() @ w_f.float()), (keys.float() @ w_e.float())
    both = f[:, None] + e if query.dim() == 2 else f[:, :, None] + e[:, None]
    return (both.tanh() * v.float().squeeze(1)).sum(dim=-1).to(query.dtype)
