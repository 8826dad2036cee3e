"""nplm_logits: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.compare import kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps2_inputs.embed import VOCABULARY
from rnncourse.exercises.ps2_inputs.nplm_logits import nplm_cases
from rnncourse.reference.inputs import embed

from .. import Rubric


def rows(cases: Cases, points: float) -> Property:
    """`Cases.rows` for tokens: one sequence of a batch must not change another's result."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        tokens, *rest = cases.draw(rng, rng.sizes())
        other = tokens.clone()
        other[0] = (other[0] + 1) % VOCABULARY
        before, after = subject(tokens, *rest), subject(other, *rest)
        if not torch.is_tensor(before) or before.shape[:1] != tokens.shape[:1]:
            return {"the result": kind(before)}
        return {
            f"after a change of row 0 of tokens, {which} of the result": (
                "as before" if torch.allclose(before[part], after[part]) else "changed"
            )
            for which, part in (("row 0", slice(1)), ("the other rows", slice(1, None)))
        }

    return Property("rows", "the rows of a batch do not mix", points, observe)


rubric = Rubric(
    (
        nplm_cases.gradient(1.5),
        rows(nplm_cases, 0.5),
        nplm_cases.dtype(0.5),
        nplm_cases.pure(0.5),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def indexes_and_reshapes(tokens, E, H, d, U, W, b):
    B, N = tokens.shape
    x = E[tokens].reshape(B, N * E.shape[1])
    return torch.addmm(b, x, W) + torch.addmm(d, x, H).tanh() @ U


@rubric.alternative
def adds_word_by_word(tokens, E, H, d, U, W, b):
    D = E.shape[1]
    hidden, scores = d, b
    for n in range(tokens.shape[1]):
        word, part = embed(tokens[:, n], E), slice(n * D, (n + 1) * D)
        hidden = hidden + word @ H[part]
        scores = scores + word @ W[part]
    return scores + torch.tanh(hidden) @ U


@rubric.alternative
def names_the_axes(tokens, E, H, d, U, W, b):
    x = embed(tokens, E)
    N, D = x.shape[1:]
    hidden = torch.tanh(torch.einsum("bnd,ndk->bk", x, H.unflatten(0, (N, D))) + d)
    direct = torch.einsum("bnd,ndv->bv", x, W.unflatten(0, (N, D)))
    return torch.einsum("bk,kv->bv", hidden, U) + direct + b


@rubric.alternative
def goes_row_by_row(tokens, E, H, d, U, W, b):
    logits = []
    for row in tokens:
        x = torch.cat([E[token] for token in row])
        logits.append(b + x @ W + torch.tanh(d + x @ H) @ U)
    return torch.stack(logits)


@rubric.alternative
def runs_the_model_in_float32(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(1).float()
    hidden = torch.tanh(nn.functional.linear(x, H.float().T, d.float()))
    both = torch.cat([x, hidden], dim=1) @ torch.cat([W, U]).float()
    return (both + b.float()).to(E.dtype)
