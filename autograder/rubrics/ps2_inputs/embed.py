"""embed: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.compare import kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, using
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps2_inputs.embed import VOCABULARY, draw_embed, embed_cases

from .. import Rubric


def observe_gradient_rows(subject: Any, rng: Rng) -> dict[str, Any]:
    """Words that occur three times, twice, once and never."""
    words = torch.randperm(VOCABULARY - 1, generator=rng.generator) + 1  # not PAD
    a, b, c, *never = words.tolist()
    tokens = torch.tensor([[a, b, a], [c, a, b]])
    E = rng.normal(VOCABULARY, 4).requires_grad_()
    weights = rng.normal(2, 3, 4)
    result = subject(tokens, E)
    if not torch.is_tensor(result) or not result.requires_grad:
        return {"the result": f"has no gradient: {kind(result)}"}
    (gradient,) = torch.autograd.grad((result * weights).sum(), E)
    return {
        "a word that occurs 3 times": gradient[a],
        "a word that occurs twice": gradient[b],
        "a word that occurs once": gradient[c],
        "the rows of all the other words": gradient[never],
    }


def observe_nan_elsewhere(subject: Any, rng: Rng) -> dict[str, Any]:
    """nan and infinity in a row that is not looked up reach neither result nor gradient."""
    seen: dict[str, Any] = {}
    for rubbish in (float("nan"), float("inf")):
        tokens, E = draw_embed(rng, rng.sizes())
        E[-1] = rubbish
        E.requires_grad_()
        result = attempt(subject, tokens, E)
        seen[f"{rubbish:g} in another row"] = result
        seen[f"{rubbish:g} in another row, gradient"] = using(result, gradient_of_sum, E)
    return seen


def gradient_of_sum(result: Any, E: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(result.sum(), E)[0]


def observe_token_shapes(subject: Any, rng: Rng) -> dict[str, Any]:
    E = rng.normal(VOCABULARY, 3)
    seen: dict[str, Any] = {}
    for shape in ((), (4,), (2, 5, 3), (2, 0), (1, 1)):
        tokens = rng.integers(1, VOCABULARY, *shape)
        seen[f"tokens {shape}, E {tuple(E.shape)}"] = attempt(subject, tokens, E)
    return seen


def draw_bad_tokens(rng: Rng) -> dict[str, tuple]:
    tokens, E = draw_embed(rng, rng.sizes())
    negative, large = tokens.clone(), tokens.clone()
    negative[-1, 0], large[0, -1] = -1, len(E)
    return {"where a token is -1": (negative, E), "where a token is V": (large, E)}


rubric = Rubric(
    (
        Property(
            "sum", "gradients are summed in the rows used, 0 elsewhere", 0.5, observe_gradient_rows
        ),
        Property("unused", "rows that are not looked up do not matter", 0.5, observe_nan_elsewhere),
        Property("shapes", "tokens may have any shape", 0.5, observe_token_shapes),
        embed_cases.refuses(0.25, draw_bad_tokens),
        embed_cases.dtype(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def indexes_the_rows(tokens, E):
    if tokens.numel() and (tokens.min() < 0 or tokens.max() >= E.shape[0]):
        raise IndexError("a token is not from 0 to V-1")
    return E[tokens]


@rubric.alternative
def calls_the_functional_embedding(tokens, E):
    return nn.functional.embedding(tokens, E)


@rubric.alternative
def selects_from_a_flat_list(tokens, E):
    flat = E.index_select(0, tokens.reshape(-1))
    return flat.reshape(*tokens.shape, E.size(1))


@rubric.alternative
def gathers_number_by_number(tokens, E):
    D = E.shape[1]
    index = tokens.reshape(-1, 1).expand(-1, D)
    return torch.gather(E, 0, index).unflatten(0, tokens.shape or (1,)).reshape(*tokens.shape, D)


@rubric.alternative
def stacks_the_rows(tokens, E):
    V, D = E.shape
    rows = []
    for token in tokens.flatten().tolist():
        if not 0 <= token < V:
            raise IndexError(f"there is no word {token}")
        rows.append(E[token])
    return torch.stack(rows).view(*tokens.shape, D) if rows else E.new_zeros(*tokens.shape, D)


@rubric.alternative
def looks_up_in_float32_and_back(tokens, E):
    if ((tokens < 0) | (tokens > len(E) - 1)).any():
        raise IndexError("no such word")
    return E.float()[tokens].to(E.dtype)
