"""bahdanau_score: its visible checks and the mistakes people make.

Queries, keys and the weights w_f, w_e and v are random, of sizes that all differ.
"""

import torch

from ...checks.exercise import Exercise
from ...reference import attention
from ._shared import FORBIDDEN, score_cases, steps

bahdanau_cases, bahdanau_step_cases = score_cases(
    "bahdanau_score",
    {
        "w_f": lambda H, K, A: (H, A),
        "w_e": lambda H, K, A: (K, A),
        "v": lambda H, K, A: (A, 1),
    },
)


exercise = Exercise(
    "bahdanau_score",
    "ps4_attention",
    attention.bahdanau_score,
    points=4,
    properties=(
        bahdanau_cases.shape(0.25),
        bahdanau_cases.values(1),
        steps(bahdanau_step_cases, 0.75),
    ),
    forbids=FORBIDDEN,
)


@exercise.misconception(
    "You leave out the tanh. Without it the query adds the same number to every score, "
    "and the softmax forgets it: what is looked for would not matter."
)
def leaves_out_the_tanh(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return ((queries + from_keys) @ v).squeeze(-1)


@exercise.misconception(
    "You apply tanh to each product and add afterwards. Add first, then one tanh around the sum."
)
def squashes_each_product(query, keys, w_f, w_e, v):
    queries = torch.tanh(query @ w_f).unsqueeze(-2)
    from_keys = torch.tanh(keys @ w_e)
    if query.dim() == 3:
        from_keys = from_keys.unsqueeze(1)
    return ((queries + from_keys) @ v).squeeze(-1)


@exercise.misconception(
    "Your tanh is around the whole score. It belongs inside, before v: `tanh(...) @ v`."
)
def squashes_after_v(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return torch.tanh((queries + from_keys) @ v).squeeze(-1)


@exercise.misconception(
    "Your scores keep the 1 of v's shape: (B, S, 1). Take the last axis away: `.squeeze(-1)`."
)
def keeps_the_one_of_v(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return torch.tanh(queries + from_keys) @ v


@exercise.misconception(
    "`squeeze()` without an axis also takes away a batch or a sentence of size 1. "
    "The axis that v leaves is the last: `squeeze(-1)`."
)
def squeezes_every_one(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return (torch.tanh(queries + from_keys) @ v).squeeze()


@exercise.misconception(
    "You add (B, A) to (B, S, A), where torch lines up B with S. "
    "Make room for the keys: `(query @ w_f).unsqueeze(-2)`."
)
def adds_without_room(query, keys, w_f, w_e, v):
    return (torch.tanh(query @ w_f + keys @ w_e) @ v).squeeze(-1)


@exercise.misconception(
    "Your score handles one query for each sentence, (B, H), only. For (B, T, H) each query meets "
    "each key: (B, T, 1, A) + (B, 1, S, A)."
)
def handles_no_steps(query, keys, w_f, w_e, v):
    if query.dim() != 2:
        raise ValueError("query must be (B, H)")
    return (torch.tanh((query @ w_f).unsqueeze(1) + keys @ w_e) @ v).squeeze(-1)


@exercise.misconception(
    "Your room for the keys is right for one query, (B, 1, A). For (B, T, H) there are four axes: "
    "(B, T, 1, A) for the queries, (B, 1, S, A) for the keys."
)
def makes_room_for_one_query(query, keys, w_f, w_e, v):
    return (torch.tanh((query @ w_f).unsqueeze(1) + keys @ w_e) @ v).squeeze(-1)


@exercise.misconception(
    "You sum over A and never use v. It decides how much each of the A numbers counts: `... @ v`."
)
def sums_instead_of_v(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return torch.tanh(queries + from_keys).sum(dim=-1)


@exercise.misconception(
    "You return weights, not scores. No softmax here: `attend` masks first and takes it then."
)
def normalises_the_scores(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return torch.softmax((torch.tanh(queries + from_keys) @ v).squeeze(-1), dim=-1)


@exercise.misconception(
    "You detach the query's part, so the decoder never learns what to ask for. "
    "Leave the graph whole."
)
def detaches_the_query(query, keys, w_f, w_e, v):
    queries = (query @ w_f).detach().unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return (torch.tanh(queries + from_keys) @ v).squeeze(-1)
