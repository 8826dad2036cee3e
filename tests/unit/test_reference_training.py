"""The reference of section 5 against torch's own losses and autograd, and formulas written out."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rnncourse.reference import training

# (B, T, D, H): all different, then each of them 1.
SIZES = [(3, 5, 4, 2), (1, 4, 2, 3), (2, 1, 4, 3), (2, 3, 1, 4), (2, 4, 3, 1), (1, 1, 1, 1)]
sizes = pytest.mark.parametrize("B, T, D, H", SIZES)


@pytest.fixture
def draw():
    """draw(3, 4): a float64 tensor of that shape, different at every call, the same every run."""
    generator = torch.Generator().manual_seed(20180220)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


def close(actual, expected):
    torch.testing.assert_close(actual, torch.as_tensor(expected), rtol=1e-10, atol=1e-12)


def lengths_mask(lengths, T):
    return torch.tensor([[t < length for t in range(T)] for length in lengths])


# --- cross_entropy ------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize(
    "lengths, T, V", [([2, 5, 1], 5, 7), ([4], 4, 3), ([1, 1], 1, 2), ([0, 3], 3, 1)]
)
def test_cross_entropy_is_torch_with_ignored_padding(draw, lengths, T, V, smoothing):
    B, mask = len(lengths), lengths_mask(lengths, T)
    logits = draw(B, T, V).requires_grad_()
    targets = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(3))
    ours = training.cross_entropy(logits, targets, mask, label_smoothing=smoothing)
    theirs = F.cross_entropy(
        logits.flatten(0, 1), targets.masked_fill(~mask, -100).flatten(), label_smoothing=smoothing
    )
    close(ours, theirs)
    close(torch.autograd.grad(ours, logits)[0], torch.autograd.grad(theirs, logits)[0])


def test_cross_entropy_number_by_number(draw):
    logits, targets = draw(2, 3, 4), torch.tensor([[1, 3, 0], [2, 0, 0]])
    mask, smoothing = lengths_mask([3, 1], 3), 0.2
    total = 0.0
    for b, t in [(0, 0), (0, 1), (0, 2), (1, 0)]:
        e = [math.exp(x) for x in logits[b, t].tolist()]
        for v in range(4):
            share = smoothing / 4 + (1 - smoothing if v == targets[b, t] else 0)
            total -= share * math.log(e[v] / sum(e))
    loss = training.cross_entropy(logits, targets, mask, smoothing)
    assert loss.item() == pytest.approx(total / 4, rel=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_never_sees_the_padding(draw, smoothing):
    mask, targets = lengths_mask([2, 4], 4), torch.tensor([[1, 2, 0, 0], [2, 1, 0, 1]])
    clean = draw(2, 4, 3)
    dirty = clean.clone()
    dirty[0, 2:] = math.nan
    other = targets.clone()
    other[0, 2:] = 10**6
    results = []
    for logits, words in [(clean, targets), (dirty, other)]:
        logits = logits.clone().requires_grad_()
        loss = training.cross_entropy(logits, words, mask, smoothing)
        results.append((loss, torch.autograd.grad(loss, logits)[0]))
    close(results[1][0], results[0][0])
    close(results[1][1], results[0][1])
    assert (results[1][1][0, 2:] == 0).all()


def test_cross_entropy_of_large_logits_and_of_words_ruled_out():
    logits = torch.tensor([[[1000.0, 0.0, -math.inf]]])
    mask = torch.tensor([[True]])
    assert training.cross_entropy(logits, torch.tensor([[0]]), mask).item() == 0
    assert training.cross_entropy(logits, torch.tensor([[1]]), mask).item() == 1000


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cross_entropy_keeps_the_dtype(draw, dtype):
    logits = draw(2, 3, 4).to(dtype)
    loss = training.cross_entropy(logits, torch.ones(2, 3).long(), torch.ones(2, 3).bool(), 0.1)
    assert loss.dtype == dtype and loss.shape == ()


@pytest.mark.parametrize(
    "logits, targets, mask, message",
    [
        ((2, 3, 4), (2, 3), torch.zeros(2, 3).bool(), "no token"),
        ((2, 3, 4), (2, 3), torch.ones(2, 3).long(), "boolean"),
        ((2, 3, 4), (2, 3), torch.ones(2, 1).bool(), r"mask is \(2, 1\)"),
        ((2, 3, 4), (2, 4), torch.ones(2, 4).bool(), r"\(2, 3, 4\).*\(2, 4\)"),
        ((6, 4), (6,), torch.ones(6).bool(), r"\(6, 4\)"),
    ],
)
def test_cross_entropy_refuses(draw, logits, targets, mask, message):
    with pytest.raises(ValueError, match=message):
        training.cross_entropy(draw(*logits), torch.zeros(targets).long(), mask)


# --- elman_backward -----------------------------------------------------------------------------


@sizes
def test_elman_backward_is_autograd(draw, B, T, D, H):
    theirs = nn.RNN(D, H, bias=False, batch_first=True, dtype=torch.float64)
    xs, h_0 = draw(B, T, D).requires_grad_(), draw(B, H).requires_grad_()
    hs, _ = theirs(xs, h_0[None])
    grad_hs = draw(B, T, H)
    hs.backward(grad_hs)
    W_x, W_h = theirs.weight_ih_l0.detach().T, theirs.weight_hh_l0.detach().T
    ours = training.elman_backward(grad_hs, xs.detach(), h_0.detach(), hs.detach(), W_x, W_h)
    expected = (xs.grad, h_0.grad, theirs.weight_ih_l0.grad.T, theirs.weight_hh_l0.grad.T)
    for actual, correct in zip(ours, expected, strict=True):
        close(actual, correct)


def test_elman_backward_is_the_numeric_gradient(draw):
    B, T, D, H = 2, 3, 4, 5
    given = [draw(B, T, D).numpy(), draw(B, H).numpy(), draw(D, H).numpy(), draw(H, H).numpy()]
    k = draw(B, T, H).numpy()

    def forward(xs, h, W_x, W_h):
        hs = []
        for t in range(T):
            h = np.tanh(xs[:, t] @ W_x + h @ W_h)
            hs.append(h)
        return np.stack(hs, axis=1)

    xs, h_0, W_x, W_h = (torch.as_tensor(a) for a in given)
    hs = torch.as_tensor(forward(*given))
    ours = training.elman_backward(torch.as_tensor(k), xs, h_0, hs, W_x, W_h)
    for which, actual in enumerate(ours):
        for place in np.ndindex(actual.shape):
            values = []
            for step in (1e-5, -1e-5):
                moved = [a.copy() for a in given]
                moved[which][place] += step
                values.append((k * forward(*moved)).sum())
            assert actual[place].item() == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-7)


def test_elman_backward_without_steps(draw):
    ours = training.elman_backward(
        draw(3, 0, 2), draw(3, 0, 4), draw(3, 2), draw(3, 0, 2), draw(4, 2), draw(2, 2)
    )
    assert [tuple(g.shape) for g in ours] == [(3, 0, 4), (3, 2), (4, 2), (2, 2)]
    assert all((g == 0).all() for g in ours)


def test_elman_backward_keeps_float32_and_its_inputs(draw):
    shapes = [(3, 5, 2), (3, 5, 4), (3, 2), (3, 5, 2), (4, 2), (2, 2)]
    given = [draw(*shape).float() for shape in shapes]
    copies = [tensor.clone() for tensor in given]
    assert all(g.dtype == torch.float32 for g in training.elman_backward(*given))
    assert all(torch.equal(now, then) for now, then in zip(given, copies, strict=True))


# --- clip_gradients -----------------------------------------------------------------------------


def parameters_with(*gradients):
    parameters = []
    for gradient in gradients:
        p = nn.Parameter(torch.zeros(()) if gradient is None else torch.zeros_like(gradient))
        p.grad = gradient
        parameters.append(p)
    return parameters


@pytest.mark.parametrize("max_norm", [0.5, 3.0, 100.0, math.inf])
def test_clip_uses_one_norm_for_all(draw, max_norm):
    gradients = [draw(3, 4), draw(5), draw(1, 2, 3)]
    parameters = parameters_with(gradients[0].clone(), None, *(g.clone() for g in gradients[1:]))
    everything = torch.cat([g.flatten() for g in gradients])
    norm = math.sqrt((everything**2).sum())
    close(
        training.clip_gradients(iter(parameters), max_norm), torch.tensor(norm, dtype=torch.float64)
    )
    after = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
    close(after, everything * min(1.0, max_norm / norm))
    assert parameters[1].grad is None


def test_clip_is_torch_but_for_its_epsilon(draw):
    ours, theirs = (parameters_with(g.clone(), h.clone()) for g, h in [(draw(3, 4), draw(5))] * 2)
    norm = training.clip_gradients(ours, 1.5)
    close(norm, nn.utils.clip_grad_norm_(theirs, 1.5))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-6, atol=0)


def test_clip_without_gradients_and_of_zero():
    assert training.clip_gradients(parameters_with(None), 1.0).item() == 0
    assert training.clip_gradients([], 1.0).item() == 0
    parameters = parameters_with(torch.zeros(3))
    assert training.clip_gradients(parameters, 1.0).item() == 0
    assert (parameters[0].grad == 0).all()


def test_clip_lets_nan_be_seen():
    parameters = parameters_with(torch.tensor([1.0, math.nan]), torch.ones(2))
    assert training.clip_gradients(parameters, 0.1).isnan()
    assert (parameters[1].grad == 1).all()


@pytest.mark.parametrize("max_norm", [0, -1.0, math.nan])
def test_clip_refuses(max_norm):
    with pytest.raises(ValueError, match="positive"):
        training.clip_gradients(parameters_with(torch.ones(2)), max_norm)


# --- truncated BPTT -----------------------------------------------------------------------------


def test_detach_state_in_any_nesting(draw):
    a, b, c = (draw(2, 3).requires_grad_() * 2 for _ in range(3))
    detached = training.detach_state(a)
    close(detached, a)
    assert not detached.requires_grad and a.requires_grad
    (x, (y,)), z = training.detach_state(((a, (b,)), c))
    for new, old in [(x, a), (y, b), (z, c)]:
        assert torch.equal(new, old) and new.grad_fn is None and old.grad_fn is not None


def test_detach_state_refuses(draw):
    with pytest.raises(TypeError, match="list"):
        training.detach_state((draw(2), [draw(2)]))


@pytest.mark.parametrize("T, k", [(6, 2), (7, 3), (5, 5), (4, 9), (1, 1)])
def test_chunks_cover_every_target_once(T, k):
    tokens = torch.arange(2 * (T + 1)).view(2, T + 1)
    pairs = list(training.bptt_chunks(tokens, k))
    inputs, targets = (torch.cat(parts, dim=1) for parts in zip(*pairs, strict=True))
    assert torch.equal(inputs, tokens[:, :-1]) and torch.equal(targets, tokens[:, 1:])
    assert all(x.shape == y.shape and x.shape[1] == k for x, y in pairs[:-1])
    assert len(pairs) == math.ceil(T / k)


def test_chunks_refuse():
    with pytest.raises(ValueError, match="k is 0"):
        training.bptt_chunks(torch.zeros(1, 4), 0)


def test_truncated_bptt_keeps_values_but_cuts_gradients(draw):
    # h_t = w * h_{t-1} + x_t and the loss of a chunk is the sum of its h_t.
    w = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    xs, h_0 = draw(1, 7), draw(1)

    def loss(chunk, state):
        (h,) = state
        total = 0.0
        for x in chunk.unbind(dim=1):
            h = w * h + x
            total = total + h.sum()
        return total, (h,)

    hs = [h_0.item()]
    for x in xs[0].tolist():
        hs.append(0.7 * hs[-1] + x)

    start = 0
    for value, (state,) in training.truncated_bptt(loss, xs.split(3, dim=1), (h_0,)):
        stop = min(start + 3, 7)
        assert value.item() == pytest.approx(sum(hs[start + 1 : stop + 1]), rel=1e-12)
        assert state.item() == pytest.approx(hs[stop], rel=1e-12) and not state.requires_grad
        # dh/dw within the chunk only, as if the state it began with were a constant.
        slope, total = 0.0, 0.0
        for t in range(start + 1, stop + 1):
            slope = hs[t - 1] + 0.7 * slope
            total += slope
        assert torch.autograd.grad(value, w)[0].item() == pytest.approx(total, rel=1e-12)
        start = stop
    assert start == 7


def test_truncated_bptt_sees_the_weights_as_they_are_now(draw):
    w = torch.tensor(1.0, requires_grad=True)

    def loss(chunk, h):
        return (w * chunk).sum(), h

    values = []
    for value, _ in training.truncated_bptt(loss, [torch.ones(1)] * 3, torch.zeros(1)):
        values.append(value.item())
        with torch.no_grad():
            w += 1
    assert values == [1, 2, 3]


# --- train_step ---------------------------------------------------------------------------------


def mean_square(model, batch):
    x, y = batch
    return ((model(x) - y) ** 2).mean()


@pytest.mark.parametrize("max_norm", [0.01, math.inf])
def test_train_step_is_gradient_descent(draw, max_norm):
    model = nn.Linear(4, 2, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):  # twice: the gradient of the first step must be gone
        x, y = draw(3, 4), draw(3, 2)
        W, b = model.weight.detach().clone(), model.bias.detach().clone()
        error = x @ W.T + b - y
        grad_W, grad_b = 2 / 6 * error.T @ x, 2 / 6 * error.sum(0)
        norm = math.sqrt((grad_W**2).sum() + (grad_b**2).sum())
        scale = min(1, max_norm / norm)
        loss = training.train_step(model, (x, y), mean_square, optimizer, max_norm)
        assert isinstance(loss, float) and loss == pytest.approx((error**2).mean().item())
        close(model.weight.detach(), W - 0.1 * scale * grad_W)
        close(model.bias.detach(), b - 0.1 * scale * grad_b)


@pytest.mark.parametrize("mode", [True, False])
def test_train_step_leaves_the_mode(draw, mode):
    model = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.5)).double()
    model.train(mode)
    model[0].train(not mode)
    seen = []

    def loss(model, batch):
        seen.append((model.training, model[0].training))
        return mean_square(model, batch)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    training.train_step(model, (draw(3, 4), draw(3, 2)), loss, optimizer, 1.0)
    assert seen == [(mode, not mode)]
    assert (model.training, model[0].training, model[1].training) == (mode, not mode, mode)


@pytest.mark.parametrize(
    "loss",
    [
        lambda model, batch: model.weight.sum() + math.nan,
        lambda model, batch: model.weight.sum() * math.inf,
        lambda model, batch: model.weight.sqrt().sum(),  # at 0 only the gradient is infinite
    ],
)
def test_train_step_refuses_what_is_not_finite(loss):
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(FloatingPointError, match="no step"):
        training.train_step(model, None, loss, optimizer, 1.0)
    assert model.weight.item() == 0
