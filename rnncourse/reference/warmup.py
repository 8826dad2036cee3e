"""Tools for all sections: a softmax that survives large scores, and numeric gradients.

A numeric gradient needs no calculus, and tests the gradients that do.
"""

import math

import torch

__all__ = ["numeric_gradient", "softmax"]


def softmax(scores, dim=-1):
    """Turn scores into weights: each from 0 to 1, with sum 1 along dim.

        w_i = exp(s_i) / sum_j exp(s_j) = exp(s_i - m) / sum_j exp(s_j - m),   m = max_j s_j

    A score of -inf gets the weight 0: that is how a mask says "not this one". Where all scores are
    -inf there is nothing to choose from, and all weights are 0 (torch.softmax returns NaN).

    Shapes: scores of any shape, dim one of its dimensions -> weights of the same shape.
    Errors: IndexError when scores has no such dimension, or nothing along it.
    Source: the softmax heads of lecture section 4; eq. 3, 4, 10.
    """
    # m changes nothing in the exact result, so no gradient needs to flow through it. With it the
    # largest exponent is 0: exp cannot overflow, and the sum is at least 1.
    m = scores.detach().amax(dim, keepdim=True)
    m = m.masked_fill(m == -math.inf, 0)  # -inf - (-inf) would be NaN
    exps = torch.exp(scores - m)
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)  # 0 only where all scores are -inf


def numeric_gradient(f, x, eps=1e-6):
    """The gradient of a scalar function by central differences, one number of x at a time.

        df/dx_i  ~  (f(x + eps * e_i) - f(x - eps * e_i)) / (2 * eps)

    where e_i is 1 at i and 0 elsewhere. The error is of order eps^2 from the formula plus
    (rounding of f) / eps: the default eps suits float64. In float32 it is far too small; compute
    in float64.

    Shapes: x of any shape, f(x) one number (float or tensor) -> gradient of the shape of x.
    x is not modified; each call of f gets a new tensor.
    Errors: torch's own when f returns more than one number.
    Source: any calculus book; it checks "just the chain rule" of lecture section 5.
    """
    flat = x.detach().flatten()

    def f_moved(i, step):
        moved = flat.clone()
        moved[i] += step
        return float(f(moved.reshape(x.shape)))

    slopes = [(f_moved(i, eps) - f_moved(i, -eps)) / (2 * eps) for i in range(len(flat))]
    return torch.tensor(slopes, dtype=x.dtype, device=x.device).reshape(x.shape)
