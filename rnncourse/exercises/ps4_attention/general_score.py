"""general_score: its visible checks and the mistakes people make.

Queries, keys and the weight W are random, of sizes that all differ.
"""

import torch

from ...checks.exercise import Exercise
from ...reference import attention
from ...reference.attention import dot_score
from ._shared import FORBIDDEN, score_cases, steps

general_cases, general_step_cases = score_cases("general_score", {"W": lambda H, K, A: (H, K)})


exercise = Exercise(
    "general_score",
    "ps4_attention",
    attention.general_score,
    points=3,
    properties=(
        general_cases.shape(0.25),
        general_cases.values(0.75),
        steps(general_step_cases, 0.5),
    ),
    forbids=FORBIDDEN,
)


@exercise.misconception(
    "You transpose W. It is (H, K): a query of H numbers times W is a row of K numbers, "
    "as a key is."
)
def transposes_the_matrix(query, keys, W):
    return dot_score(query @ W.T, keys)


@exercise.misconception(
    "You put the keys through W, but W takes H numbers to K and a key has K already. "
    "The query goes through W: `query @ W`."
)
def puts_the_keys_through(query, keys, W):
    return dot_score(query, keys @ W)


@exercise.misconception(
    "You put a tanh around `query @ W`. Luong's general score has none: it is linear in the query."
)
def squashes_the_query(query, keys, W):
    return dot_score(torch.tanh(query @ W), keys)


@exercise.misconception(
    "You put a tanh around the score. Luong's general score is `(f @ W) · e_i` itself."
)
def squashes_the_score(query, keys, W):
    return torch.tanh(dot_score(query @ W, keys))


@exercise.misconception(
    "Your score handles one query for each sentence, (B, H), only. "
    "`query @ W` works for (B, T, H) as it is, and your `dot_score` does the rest."
)
def handles_a_single_query_only(query, keys, W):
    if query.dim() != 2:
        raise ValueError("query must be (B, H)")
    return (keys @ (query @ W).unsqueeze(2)).squeeze(2)


@exercise.misconception(
    "You divide by the square root of the key's size. "
    "That is the Transformer's score; Luong's has no scale but W's own."
)
def scales_the_general_score(query, keys, W):
    return dot_score(query @ W, keys) / keys.shape[-1] ** 0.5


@exercise.misconception(
    "You return weights, not scores: one softmax too many. `attend` takes it, after masking."
)
def returns_weights(query, keys, W):
    return torch.softmax(dot_score(query @ W, keys), dim=-1)


@exercise.misconception(
    "You detach W, so what is looked for can never be learned. Leave the graph whole."
)
def detaches_the_matrix(query, keys, W):
    return dot_score(query @ W.detach(), keys)
