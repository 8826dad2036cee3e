"""softmax: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases, attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps0_warmup.softmax import masked, softmax_cases, weights

from .. import Rubric

masked_cases = Cases(
    "softmax",
    ("scores", "dim"),
    lambda rng, s: (masked(rng, s.B), 1),
    batched=("scores",),
)


def observe_dims(subject: Any, rng: Rng) -> dict[str, Any]:
    """More dimensions, fewer dimensions, and a dim counted from the end."""
    s = rng.sizes()
    four = rng.normal(s.B, s.T, s.D, s.H)
    return {
        **weights(subject, rng.normal(s.T), 0),
        **weights(subject, rng.normal(s.B, s.T, s.D), -2),
        **weights(subject, rng.normal(s.B, s.T, s.D), -3),
        **weights(subject, four, 2),
        **weights(subject, four, 0),
        **weights(subject, rng.normal(s.B, 1, s.D), 1),
        **weights(subject, rng.normal(s.B, s.T, 1), 1),
    }


def observe_shifts(subject: Any, rng: Rng) -> dict[str, Any]:
    """softmax(s + k) = softmax(s), with a different k for each row."""
    s = rng.sizes()
    scores = rng.normal(s.B, s.T)
    seen = {}
    for size in (0, 5, 1e4):
        shifts = size * torch.linspace(-1, 1, s.B, dtype=torch.float64).unsqueeze(1)
        text = f"each row shifted by a number from {-size:g} to {size:g}"
        seen[text] = attempt(subject, scores + shifts, 1)
    return seen


rubric = Rubric(
    (
        masked_cases.gradient(1),
        Property("dims", "scores may have any number of dimensions", 0.5, observe_dims),
        Property("shifts", "adding a number to a whole row changes nothing", 0.75, observe_shifts),
        softmax_cases.dtype(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def subtracts_the_log_of_the_sum(scores, dim=-1):
    total = torch.logsumexp(scores, dim, keepdim=True)
    return torch.exp(scores - total.where(total.isfinite(), 0))


@rubric.alternative
def goes_row_by_row(scores, dim=-1):
    moved = scores.movedim(dim, -1)
    rows = []
    for row in moved.reshape(-1, moved.shape[-1]):
        top = max(row.tolist())
        if top == float("-inf"):
            rows.append(torch.zeros_like(row))
        else:
            exps = [(s - top).exp() for s in row]
            rows.append(torch.stack([e / sum(exps) for e in exps]))
    return torch.stack(rows).reshape(moved.shape).movedim(-1, dim)


@rubric.alternative
def lets_the_gradient_through_the_maximum(scores, dim=-1):
    m, _ = torch.max(scores, dim=dim, keepdim=True)
    m = torch.where(torch.isinf(m), torch.zeros_like(m), m)
    e = (scores - m).exp()
    return e / e.sum(dim=dim, keepdim=True).clamp(min=1e-30)


@rubric.alternative
def sums_with_einsum_along_the_last_axis(scores, dim=-1):
    s = scores.transpose(dim, -1)
    all_masked = (s == float("-inf")).all(dim=-1, keepdim=True)
    s = s.masked_fill(all_masked, 0.0)
    e = torch.exp(s - s.detach().max(dim=-1, keepdim=True).values)
    w = e * torch.einsum("...k->...", e).reciprocal().unsqueeze(-1)
    return w.masked_fill(all_masked, 0.0).transpose(dim, -1)


@rubric.alternative
def reads_the_scores_once(scores, dim=-1):
    top = torch.full_like(scores.select(dim, 0), -1e300 if scores.dtype == torch.float64 else -1e30)
    total = torch.zeros_like(top)
    for s in scores.detach().unbind(dim):  # the maximum of what was read so far
        top = torch.maximum(top, s)
    for s in scores.unbind(dim):
        total = total + torch.exp(s - top)
    total = torch.where(total == 0, 1.0, total)
    return torch.stack([torch.exp(s - top) / total for s in scores.unbind(dim)], dim=dim)


@rubric.alternative
def computes_in_float64(scores, dim=-1):
    import numpy as np

    wide = scores.double()
    m = torch.from_numpy(np.asarray(wide.detach().numpy().max(axis=dim, keepdims=True)))
    exps = torch.exp(wide - torch.nan_to_num(m, neginf=0.0))
    total = exps.sum(dim=dim, keepdim=True)
    return (exps / (total + (total == 0))).to(scores.dtype)
