"""The two tools, against numbers computed without them."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from rnncourse.reference import warmup


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(20180206)
    return lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)


def close(actual, expected, tolerance=1e-12):
    torch.testing.assert_close(
        actual, torch.as_tensor(expected, dtype=torch.float64), rtol=tolerance, atol=tolerance
    )


# --- softmax ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (3, 1), (2, 3, 4), (5,)])
@pytest.mark.parametrize("dim", [0, -1])
def test_softmax_number_by_number(draw, shape, dim):
    scores = draw(*shape)
    rows = np.moveaxis(scores.numpy(), dim, -1)
    expected = np.zeros_like(rows)
    for place in np.ndindex(rows.shape[:-1]):
        exps = [math.exp(s) for s in rows[place]]
        expected[place] = [e / sum(exps) for e in exps]
    close(warmup.softmax(scores, dim), np.ascontiguousarray(np.moveaxis(expected, -1, dim)))


def test_softmax_is_over_the_last_dimension_by_default(draw):
    close(warmup.softmax(draw(2, 3, 4)).sum(dim=2), torch.ones(2, 3, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_softmax_of_large_scores(dtype):
    scores = torch.tensor([[1e4, 1e4 + 1, -1e4], [-1e4, -1e4, -1e4]], dtype=dtype)
    p = 1 / (1 + math.e)
    expected = torch.tensor([[p, 1 - p, 0], [1 / 3, 1 / 3, 1 / 3]], dtype=dtype)
    actual = warmup.softmax(scores)
    assert actual.dtype == dtype
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-7)


def test_softmax_gives_minus_infinity_no_weight():
    inf = math.inf
    scores = torch.tensor(
        [[0.0, -inf, math.log(3)], [-inf, -inf, -700], [-inf, -inf, -inf]],
        dtype=torch.float64,
        requires_grad=True,
    )
    weights = warmup.softmax(scores)
    close(weights.detach(), [[0.25, 0, 0.75], [0, 0, 1.0], [0, 0, 0]])
    (weights * torch.tensor([1.0, 2, 4])).sum().backward()
    # d/ds_i sum_j k_j w_j = w_i * (k_i - sum_j k_j w_j), and sum_j k_j w_j is 3.25 in row 0.
    close(scores.grad, [[0.25 * (1 - 3.25), 0, 0.75 * (4 - 3.25)], [0, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_softmax_gradient(draw, dim):
    assert gradcheck(lambda s: warmup.softmax(s, dim), [draw(2, 3, 4).requires_grad_()])


def test_softmax_leaves_its_input_alone(draw):
    scores = draw(3, 4)
    copy = scores.clone()
    warmup.softmax(scores)
    assert torch.equal(scores, copy)


def test_softmax_refuses_a_dimension_that_is_not_there(draw):
    with pytest.raises(IndexError):
        warmup.softmax(draw(3, 4), 2)
    with pytest.raises(IndexError):
        warmup.softmax(draw(3, 0), 1)


# --- numeric gradient ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4), (1,), (), (2, 1, 3), (0,)])
def test_numeric_gradient_of_a_known_function(draw, shape):
    x, a = draw(*shape), draw(*shape)
    gradient = warmup.numeric_gradient(lambda x: (a * x**3).sum(), x)
    assert gradient.shape == x.shape and gradient.dtype == x.dtype
    close(gradient, 3 * a * x**2, 1e-7)


def test_numeric_gradient_mixes_no_places_up(draw):
    x = draw(4, 3).T  # not contiguous
    a = torch.arange(12, dtype=torch.float64).reshape(3, 4)
    close(warmup.numeric_gradient(lambda x: (a * x).sum(), x), a, 1e-7)


def test_numeric_gradient_takes_central_differences_of_the_step_given():
    x = torch.tensor([2.0], dtype=torch.float64)
    # ((x + e)^3 - (x - e)^3) / 2e = 3x^2 + e^2; one-sided, it would be 3x^2 + 3xe + e^2.
    close(warmup.numeric_gradient(lambda x: x[0] ** 3, x, eps=0.5), torch.tensor([12.25]).double())


def test_numeric_gradient_leaves_x_alone_whatever_f_does(draw):
    x = draw(3, 2).requires_grad_()
    copy = x.detach().clone()

    def f(x):
        value = float((x**2).sum())
        x.zero_()
        return value

    close(warmup.numeric_gradient(f, x), 2 * copy, 1e-7)
    assert torch.equal(x, copy) and x.grad is None


def test_numeric_gradient_refuses_a_function_of_many_numbers(draw):
    with pytest.raises((ValueError, RuntimeError)):  # which one, depends on torch's version
        warmup.numeric_gradient(lambda x: x, draw(3))


def test_the_two_agree(draw):
    scores, k = draw(2, 3), draw(2, 3)
    scores.requires_grad_()
    (warmup.softmax(scores, 0) * k).sum().backward()
    close(
        warmup.numeric_gradient(lambda s: (warmup.softmax(s, 0) * k).sum(), scores),
        scores.grad,
        1e-8,
    )
