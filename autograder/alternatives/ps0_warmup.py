"""Problem set 0, warm-up, solved correctly in other ways.

The audit submits the source of each. It may use torch; anything else it imports inside.
"""

import torch

from . import Alternatives

ALTERNATIVES = Alternatives()


# --- softmax ------------------------------------------------------------------------------------


@ALTERNATIVES.of("softmax")
def subtracts_the_log_of_the_sum(scores, dim=-1):
    total = torch.logsumexp(scores, dim, keepdim=True)
    return torch.exp(scores - total.where(total.isfinite(), 0))


@ALTERNATIVES.of("softmax")
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


@ALTERNATIVES.of("softmax")
def lets_the_gradient_through_the_maximum(scores, dim=-1):
    m, _ = torch.max(scores, dim=dim, keepdim=True)
    m = torch.where(torch.isinf(m), torch.zeros_like(m), m)
    e = (scores - m).exp()
    return e / e.sum(dim=dim, keepdim=True).clamp(min=1e-30)


@ALTERNATIVES.of("softmax")
def sums_with_einsum_along_the_last_axis(scores, dim=-1):
    s = scores.transpose(dim, -1)
    nothing = (s == float("-inf")).all(dim=-1, keepdim=True)
    s = s.masked_fill(nothing, 0.0)
    e = torch.exp(s - s.detach().max(dim=-1, keepdim=True).values)
    w = e * torch.einsum("...k->...", e).reciprocal().unsqueeze(-1)
    return w.masked_fill(nothing, 0.0).transpose(dim, -1)


@ALTERNATIVES.of("softmax")
def reads_the_scores_once(scores, dim=-1):
    top = torch.full_like(scores.select(dim, 0), -1e300 if scores.dtype == torch.float64 else -1e30)
    total = torch.zeros_like(top)
    for s in scores.detach().unbind(dim):  # the maximum of what was read so far
        top = torch.maximum(top, s)
    for s in scores.unbind(dim):
        total = total + torch.exp(s - top)
    total = torch.where(total == 0, 1.0, total)
    return torch.stack([torch.exp(s - top) / total for s in scores.unbind(dim)], dim=dim)


@ALTERNATIVES.of("softmax")
def computes_in_float64(scores, dim=-1):
    import numpy as np

    wide = scores.double()
    m = torch.from_numpy(np.asarray(wide.detach().numpy().max(axis=dim, keepdims=True)))
    exps = torch.exp(wide - torch.nan_to_num(m, neginf=0.0))
    total = exps.sum(dim=dim, keepdim=True)
    return (exps / (total + (total == 0))).to(scores.dtype)


# --- numeric_gradient ---------------------------------------------------------------------------


@ALTERNATIVES.of("numeric_gradient")
def steps_along_an_identity_matrix(f, x, eps=1e-6):
    x = x.detach()
    steps = eps * torch.eye(x.numel(), dtype=x.dtype)
    slopes = [
        (float(f(x + step.reshape(x.shape))) - float(f(x - step.reshape(x.shape)))) / (2 * eps)
        for step in steps
    ]
    return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)


@ALTERNATIVES.of("numeric_gradient")
def walks_through_all_index_tuples(f, x, eps=1e-6):
    import itertools

    gradient = torch.zeros_like(x.detach())
    for place in itertools.product(*map(range, x.shape)):
        up, down = x.detach().clone(), x.detach().clone()
        up[place] += eps
        down[place] -= eps
        gradient[place] = (f(up) - f(down)) / (2 * eps)
    return gradient


@ALTERNATIVES.of("numeric_gradient")
def rebuilds_x_from_a_list(f, x, eps=1e-6):
    numbers = x.detach().flatten().tolist()

    def at(i, number):
        moved = [*numbers[:i], number, *numbers[i + 1 :]]
        return float(f(torch.tensor(moved, dtype=x.dtype).reshape(x.shape)))

    slopes = [(at(i, n + eps) - at(i, n - eps)) * 0.5 / eps for i, n in enumerate(numbers)]
    return torch.tensor(slopes, dtype=x.dtype).view(x.shape)


@ALTERNATIVES.of("numeric_gradient")
def averages_both_one_sided_slopes(f, x, eps=1e-6):
    import numpy as np

    center = x.detach().numpy()
    here = float(f(torch.from_numpy(center.copy())))
    gradient = np.zeros_like(center)
    for place in np.ndindex(center.shape):
        sides = []
        for step in (eps, -eps):
            moved = center.copy()
            moved[place] += step
            sides.append((float(f(torch.from_numpy(moved))) - here) / step)
        gradient[place] = sum(sides) / 2
    return torch.from_numpy(gradient)
