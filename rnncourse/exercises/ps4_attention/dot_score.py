"""dot_score: its visible checks and the mistakes people make.

A query and keys are random; there is one query for each sentence, or one for each target word.
"""

import torch

from ...checks.exercise import Exercise
from ...reference import attention
from ._shared import FORBIDDEN, score_cases, steps

dot_cases, dot_step_cases = score_cases("dot_score", {})


exercise = Exercise(
    "dot_score",
    "ps4_attention",
    attention.dot_score,
    points=3,
    properties=(dot_cases.shape(0.25), dot_cases.values(0.75), steps(dot_step_cases, 0.5)),
    forbids=FORBIDDEN,
)


@exercise.misconception(
    "Your products are right, but not added up: the scores are (B, S, H). "
    "A score is one number for each key, so sum over the last axis."
)
def forgets_the_sum(query, keys):
    if query.dim() == 3:
        return query.unsqueeze(2) * keys.unsqueeze(1)
    return query.unsqueeze(1) * keys


@exercise.misconception(
    "Your matrix product leaves an axis of size 1 behind. "
    "For a query (B, H) the scores are (B, S): take that axis away again."
)
def keeps_an_axis(query, keys):
    if query.dim() == 3:
        return query @ keys.transpose(1, 2)
    return keys @ query.unsqueeze(2)


@exercise.misconception(
    "`squeeze()` without an axis takes away every size of 1, a batch of one sentence too. "
    "Say which axis you mean, such as `squeeze(1)`."
)
def squeezes_everything(query, keys):
    if query.dim() == 3:
        return query @ keys.transpose(1, 2)
    return (query.unsqueeze(1) @ keys.transpose(1, 2)).squeeze()


@exercise.misconception(
    "Your score handles one query for each sentence, (B, H), only. "
    "Handle (B, T, H) as well: a query for each target word, with scores (B, T, S)."
)
def handles_one_query_only(query, keys):
    if query.dim() != 2:
        raise ValueError("query must be (B, H)")
    return (query.unsqueeze(1) * keys).sum(dim=2)


@exercise.misconception(
    "Your `query.unsqueeze(1)` is right for a query (B, H); for (B, T, H) it lines T up with S. "
    "Handle both: with three axes, query @ keys.transpose(1, 2)."
)
def unsqueezes_whatever_comes(query, keys):
    return (query.unsqueeze(1) * keys).sum(dim=2)


@exercise.misconception(
    "Your product is right for (B, T, H), but a query (B, H) is taken for one of T = B words. "
    "Give it a time axis before, `unsqueeze(1)`, and take it away after, `squeeze(1)`."
)
def multiplies_whatever_comes(query, keys):
    return query @ keys.transpose(1, 2)


@exercise.misconception(
    "Your scores for (B, T, H) come out as (B, S, T). One row for each query: (B, T, S)."
)
def puts_the_keys_first(query, keys):
    if query.dim() == 3:
        return keys @ query.transpose(1, 2)
    return (query.unsqueeze(1) * keys).sum(dim=2)


@exercise.misconception(
    "You divide by the square root of H. That is the Transformer's score; "
    "Luong's is the plain dot product."
)
def scales_like_a_transformer(query, keys):
    queries = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = queries @ keys.transpose(1, 2) / query.shape[-1] ** 0.5
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@exercise.misconception(
    "You normalise the vectors, which gives the cosine of their angle. "
    "In a dot product their lengths count too."
)
def takes_the_cosine(query, keys):
    keys = keys / keys.norm(dim=-1, keepdim=True)
    queries = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = (queries / queries.norm(dim=-1, keepdim=True)) @ keys.transpose(1, 2)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@exercise.misconception(
    "You return weights, not scores. Leave the softmax to `attend`, which must mask before it."
)
def takes_the_softmax_already(query, keys):
    queries = query if query.dim() == 3 else query.unsqueeze(1)
    a = torch.softmax(queries @ keys.transpose(1, 2), dim=-1)
    return a if query.dim() == 3 else a.squeeze(1)


@exercise.misconception(
    "Every query of yours meets the keys of sentence 0. "
    "Query b belongs to keys b: use a batched product, `@` of (B, T, H) and (B, H, S)."
)
def looks_at_the_first_sentence(query, keys):
    return query @ keys[0].T


@exercise.misconception(
    "You detach the keys, so the encoder would never learn what is worth looking at. "
    "Leave the graph whole."
)
def detaches_the_keys(query, keys):
    queries = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = queries @ keys.detach().transpose(1, 2)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@exercise.misconception(
    "Your scores are float32 whatever comes in. Keep the dtype of the inputs: leave out the cast."
)
def scores_in_float32(query, keys):
    queries = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = (queries @ keys.transpose(1, 2)).float()
    return alpha if query.dim() == 3 else alpha.squeeze(1)
