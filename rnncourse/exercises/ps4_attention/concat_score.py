"""concat_score: its visible checks and the mistakes people make.

Queries, keys and the weights W and v are random, of sizes that all differ.
"""

import torch

from ...checks.exercise import Exercise
from ...reference import attention
from ...reference.attention import bahdanau_score
from ._shared import FORBIDDEN, score_cases, steps

concat_cases, concat_step_cases = score_cases(
    "concat_score",
    {"W": lambda H, K, A: (H + K, A), "v": lambda H, K, A: (A, 1)},
)


exercise = Exercise(
    "concat_score",
    "ps4_attention",
    attention.concat_score,
    points=3,
    properties=(
        concat_cases.shape(0.25),
        concat_cases.values(0.75),
        steps(concat_step_cases, 0.5),
    ),
    forbids=FORBIDDEN,
)


@exercise.misconception(
    "You put the key first. W's upper H rows belong to the query: [f, e_i], in this order."
)
def puts_the_key_first(query, keys, W, v):
    K = keys.shape[-1]
    return bahdanau_score(query, keys, W[K:], W[:K], v)


@exercise.misconception(
    "You take the upper H rows of W for the keys and the lower ones for the query. "
    "In [f, e_i] the query f comes first, so its rows are the upper ones."
)
def swaps_the_rows_of_the_matrix(query, keys, W, v):
    H = query.shape[-1]
    return bahdanau_score(query, keys, W[H:], W[:H], v)


@exercise.misconception(
    "You leave out the tanh. Then query and key never meet, "
    "and the query adds the same number to every score: tanh([f, e_i] @ W) @ v."
)
def concatenates_without_tanh(query, keys, W, v):
    H = query.shape[-1]
    queries = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = (queries @ W[:H] @ v) + (keys @ W[H:] @ v).transpose(1, 2)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@exercise.misconception(
    "You cut W in the middle. Its first H rows belong to the query and the other K to the keys, "
    "and H need not be K."
)
def cuts_in_the_middle(query, keys, W, v):
    w_f, w_e = W.chunk(2)
    return bahdanau_score(query, keys, w_f, w_e, v)


@exercise.misconception(
    "You join a query (B, H) and keys (B, S, K), which differ in the number of axes. Repeat the "
    "query for every key, or cut W in two: [f, e_i] @ W is f @ W[:H] + e_i @ W[H:]."
)
def joins_without_repeating(query, keys, W, v):
    return (torch.tanh(torch.cat([query, keys], dim=-1) @ W) @ v).squeeze(-1)


@exercise.misconception(
    "You cut W's columns. Its rows are what is multiplied by [f, e_i]: the first H, W[:H], belong "
    "to the query."
)
def cuts_the_columns(query, keys, W, v):
    H = query.shape[-1]
    return bahdanau_score(query, keys, W[:, :H], W[:, H:], v)


@exercise.misconception(
    "Your tanh is around the whole score. It belongs inside, before v: tanh([f, e_i] @ W) @ v."
)
def squashes_the_concat_score(query, keys, W, v):
    H = query.shape[-1]
    queries = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = torch.tanh((queries @ W[:H] @ v) + (keys @ W[H:] @ v).transpose(1, 2))
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@exercise.misconception(
    "Your score handles one query for each sentence, (B, H), only. "
    "For (B, T, H), repeat each query for every key and each key for every query."
)
def concatenates_one_query_only(query, keys, W, v):
    if query.dim() != 2:
        raise ValueError("query must be (B, H)")
    both = torch.cat([query.unsqueeze(1).expand(-1, keys.shape[1], -1), keys], dim=2)
    return (torch.tanh(both @ W) @ v).squeeze(2)


@exercise.misconception(
    "Your scores keep the 1 of v's shape: (B, S, 1). Take the last axis away: `.squeeze(-1)`."
)
def keeps_the_last_one(query, keys, W, v):
    H = query.shape[-1]
    return bahdanau_score(query, keys, W[:H], W[H:], v).unsqueeze(-1)


@exercise.misconception(
    "You detach W or what is computed from it, so it can never be learned. Leave the graph whole."
)
def detaches_the_stacked_matrix(query, keys, W, v):
    H = query.shape[-1]
    W = W.detach()
    return bahdanau_score(query, keys, W[:H], W[H:], v)
