"""The fast modules against the step functions they are made of, torch's own modules, and formulas
written out number by number."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnncourse.reference import cells, layers

# (B, T, D, H): all different, then each of them 1.
SIZES = [(3, 5, 4, 2), (1, 4, 2, 3), (2, 1, 4, 3), (2, 3, 1, 4), (2, 4, 3, 1), (1, 1, 1, 1)]
sizes = pytest.mark.parametrize("B, T, D, H", SIZES)
NETWORKS = [layers.Elman, layers.LSTM, layers.GRU]
networks = pytest.mark.parametrize("network", NETWORKS)


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(20180206)
    return lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)


def close(actual, expected):
    expected = torch.as_tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-12)


def tensors_of(state):
    return (state,) if isinstance(state, torch.Tensor) else state


def new_state(draw, network, B, H):
    return (draw(B, H), draw(B, H)) if network is layers.LSTM else draw(B, H)


def step_of(ours):
    """The step function of cells.py with the parameters of ours."""
    if isinstance(ours, layers.LSTM):
        return lambda x, state: cells.lstm_step(x, state, ours.W)
    step = {layers.GRU: cells.gru_step, layers.Elman: cells.elman_step}[type(ours)]
    return lambda x, h: step(x, h, *ours.parameters())


def loss_of(draw_weights, hs, state):
    """A loss to which everything contributes, each number differently."""
    results = (hs, *tensors_of(state))
    return sum((k * result).sum() for k, result in zip(draw_weights, results, strict=True))


def gradients(loss, inputs):
    return torch.autograd.grad(loss, inputs, allow_unused=False)


# --- the step functions, unrolled ---------------------------------------------------------------


@networks
@sizes
def test_same_as_the_step_unrolled_gradients_too(draw, network, B, T, D, H):
    ours = network(D, H).double()
    xs = draw(B, T, D).requires_grad_()
    state = new_state(draw, network, B, H)
    leaves = [xs, *(s.requires_grad_() for s in tensors_of(state)), *ours.parameters()]
    k = [draw(B, T, H), *(draw(B, H) for _ in tensors_of(state))]

    hs, last = ours(xs, None, state)
    expected_hs, expected_last = cells.unroll(step_of(ours), xs, state)
    close(hs, expected_hs)
    for actual, expected in zip(tensors_of(last), tensors_of(expected_last), strict=True):
        close(actual, expected)
    for actual, expected in zip(
        gradients(loss_of(k, hs, last), leaves),
        gradients(loss_of(k, expected_hs, expected_last), leaves),
        strict=True,
    ):
        close(actual, expected)


@networks
@pytest.mark.parametrize("lengths", [[2, 5, 0, 1], [3, 4, 1, 2]])
def test_lengths_are_each_sequence_by_itself(draw, network, lengths):
    """Values and gradients of a padded batch are those of its sequences, run alone."""
    B, T, D, H = len(lengths), 5, 4, 2
    ours = network(D, H, bias=True).double()
    xs, state = draw(B, T, D).requires_grad_(), new_state(draw, network, B, H)
    leaves = [xs, *(s.requires_grad_() for s in tensors_of(state)), *ours.parameters()]
    k = [draw(B, T, H), *(draw(B, H) for _ in tensors_of(state))]

    hs, last = ours(xs, torch.tensor(lengths), state)
    total = 0
    for b, n in enumerate(lengths):
        alone = [s[b : b + 1] for s in tensors_of(state)]
        alone_hs, alone_last = ours(
            xs[b : b + 1, :n], None, tuple(alone) if len(alone) == 2 else alone[0]
        )
        close(hs[b, :n], alone_hs[0])
        assert (hs[b, n:] == 0).all()
        for actual, expected in zip(tensors_of(last), tensors_of(alone_last), strict=True):
            close(actual[b], expected[0])
        total = total + loss_of(
            [k[0][b : b + 1, :n], *(part[b : b + 1] for part in k[1:])], alone_hs, alone_last
        )
    for actual, expected in zip(
        gradients(loss_of(k, hs, last), leaves), gradients(total, leaves), strict=True
    ):
        close(actual, expected)


# --- torch's own --------------------------------------------------------------------------------


def packed(theirs, xs, lengths, state):
    """torch's module on sequences of different lengths."""
    into = pack_padded_sequence(xs, lengths, batch_first=True, enforce_sorted=False)
    hs, last = theirs(into, state)
    return pad_packed_sequence(hs, batch_first=True, total_length=xs.shape[1])[0], last


@sizes
@pytest.mark.parametrize("bias", [False, True])
def test_elman_is_torch_rnn(draw, B, T, D, H, bias):
    ours = layers.Elman(D, H, bias).double()
    theirs = nn.RNN(D, H, bias=bias, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(ours.W_x.T)
        theirs.weight_hh_l0.copy_(ours.W_h.T)
        if bias:
            theirs.bias_hh_l0.zero_()
            theirs.bias_ih_l0.copy_(ours.b)
    xs, h_0, lengths = draw(B, T, D), draw(B, H), [T - b % T for b in range(B)]
    hs, h = ours(xs, torch.tensor(lengths), h_0)
    expected_hs, expected_h = packed(theirs, xs, lengths, h_0[None])
    close(hs, expected_hs)
    close(h, expected_h[0])


@sizes
@pytest.mark.parametrize("bias", [False, True])
def test_lstm_is_torch_lstm(draw, B, T, D, H, bias):
    ours = layers.LSTM(D, H, bias).double()
    theirs = nn.LSTM(D, H, bias=bias, batch_first=True, dtype=torch.float64)

    def repacked(ours):  # torch has the gates i, f, g, o
        i, f, o, g = ours.split(H, dim=-1)
        return torch.cat([i, f, g, o], dim=-1).T if ours.dim() == 2 else torch.cat([i, f, g, o])

    with torch.no_grad():
        theirs.weight_ih_l0.copy_(repacked(ours.W[:D]))
        theirs.weight_hh_l0.copy_(repacked(ours.W[D:]))
        if bias:
            theirs.bias_hh_l0.zero_()
            theirs.bias_ih_l0.copy_(repacked(ours.b))
    xs, h_0, c_0 = draw(B, T, D), draw(B, H), draw(B, H)
    lengths = [T - b % T for b in range(B)]
    hs, (h, c) = ours(xs, torch.tensor(lengths), (h_0, c_0))
    expected_hs, (expected_h, expected_c) = packed(theirs, xs, lengths, (h_0[None], c_0[None]))
    close(hs, expected_hs)
    close(h, expected_h[0])
    close(c, expected_c[0])


@sizes
def test_gru_with_bias_number_by_number(draw, B, T, D, H):
    ours = layers.GRU(D, H, bias=True).double()
    W = {name: p.detach().numpy() for name, p in ours.named_parameters()}
    xs, h_0 = draw(B, T, D), draw(B, H)
    expected = np.zeros((B, T, H))
    for b in range(B):
        h = h_0[b].numpy()
        for t in range(T):
            x = xs[b, t].numpy()
            z = 1 / (1 + np.exp(-(W["W_xz"].T @ x + W["W_hz"].T @ h + W["b_z"])))
            r = 1 / (1 + np.exp(-(W["W_xr"].T @ x + W["W_hr"].T @ h + W["b_r"])))
            candidate = np.tanh(W["W_x"].T @ x + W["W_h"].T @ (r * h) + W["b"])
            h = expected[b, t] = (1 - z) * h + z * candidate
    hs, h = ours(xs, None, h_0)
    close(hs, expected)
    close(h, expected[:, -1])


# --- gradients ----------------------------------------------------------------------------------


@networks
@pytest.mark.parametrize("lengths", [None, torch.tensor([1, 3, 0])])
@pytest.mark.parametrize("bias", [False, True])
def test_gradients_by_differences(draw, network, lengths, bias):
    B, T, D, H = 3, 3, 4, 2
    ours = network(D, H, bias).double()
    names = [name for name, _ in ours.named_parameters()]
    state = tensors_of(new_state(draw, network, B, H))

    def run(xs, *rest):
        given, parameters = rest[: len(state)], rest[len(state) :]
        hs, last = functional_call(
            ours,
            dict(zip(names, parameters, strict=True)),
            (xs, lengths, given if len(given) == 2 else given[0]),
        )
        return hs, *tensors_of(last)

    tensors = [draw(B, T, D), *state, *(draw(*p.shape) for p in ours.parameters())]
    assert gradcheck(run, [tensor.requires_grad_() for tensor in tensors])


@networks
def test_gradients_where_only_the_last_state_counts(draw, network):
    """As for an encoder: nothing comes back from hs."""
    ours, xs = network(4, 2).double(), draw(3, 5, 4)
    leaves = list(ours.parameters())
    zeros = torch.zeros(3, 2, dtype=torch.float64)
    start = (zeros, zeros) if network is layers.LSTM else zeros
    _, last = ours(xs)
    _, expected = cells.unroll(step_of(ours), xs, start)
    for actual, expected_gradient in zip(
        gradients(tensors_of(last)[0].sum(), leaves),
        gradients(tensors_of(expected)[0].sum(), leaves),
        strict=True,
    ):
        close(actual, expected_gradient)


@networks
def test_backward_twice_gives_the_same_and_second_order_is_refused(draw, network):
    ours, xs = network(4, 2).double(), draw(3, 5, 4)
    loss = ours(xs)[0].sum()
    leaves = list(ours.parameters())
    first = torch.autograd.grad(loss, leaves, retain_graph=True)
    again = torch.autograd.grad(loss, leaves, retain_graph=True, create_graph=True)
    for gradient, gradient_again in zip(first, again, strict=True):
        close(gradient, gradient_again.detach())
    with pytest.raises(RuntimeError):  # rather than a wrong number
        sum((gradient**2).sum() for gradient in again).backward()


# --- padding, ends, types -----------------------------------------------------------------------


@networks
@pytest.mark.parametrize("junk", [1e300, math.inf, math.nan])
def test_the_padding_is_never_seen(draw, network, junk):
    ours, lengths, xs = network(4, 2, bias=True).double(), torch.tensor([2, 5, 0]), draw(3, 5, 4)
    results = []
    for padding in (0.0, junk):
        padded = xs.clone()
        padded[0, 2:] = padding
        padded[2] = padding
        padded.requires_grad_()
        ours.zero_grad()
        hs, state = ours(padded, lengths)
        (hs.sum() + sum((s**2).sum() for s in tensors_of(state))).backward()
        grads = [parameter.grad.clone() for parameter in ours.parameters()]
        results.append((hs, *tensors_of(state), *grads, padded.grad))
    for clean, dirty in zip(*results, strict=True):
        close(dirty, clean)
    assert (results[1][-1][0, 2:] == 0).all() and (results[1][-1][1] != 0).all()


@networks
def test_no_steps_at_all(draw, network):
    ours, state = network(4, 2, bias=True).double(), new_state(draw, network, 3, 2)
    for lengths in (None, torch.zeros(3, dtype=torch.long)):
        hs, last = ours(draw(3, 0, 4), lengths, state)
        assert hs.shape == (3, 0, 2)
        for actual, given in zip(tensors_of(last), tensors_of(state), strict=True):
            close(actual, given)
        hs, last = ours(draw(3, 0, 4), lengths)
        assert all(s.shape == (3, 2) and (s == 0).all() for s in tensors_of(last))
        assert hs.dtype == torch.float64


@networks
def test_going_on_from_a_state(draw, network):
    ours, xs = network(4, 2).double(), draw(3, 5, 4)
    whole, end = ours(xs)
    first, state = ours(xs[:, :2])
    second, last = ours(xs[:, 2:], None, state)
    close(torch.cat([first, second], dim=1), whole)
    for actual, expected in zip(tensors_of(last), tensors_of(end), strict=True):
        close(actual, expected)


@networks
@pytest.mark.parametrize("lengths", [None, torch.tensor([2, 5, 1], dtype=torch.int32)])
def test_float32_inputs_kept_and_no_gradient_needed(draw, network, lengths):
    ours, xs = network(4, 2, bias=True).double(), draw(3, 5, 4)
    with torch.no_grad():
        double, _ = ours(xs, lengths)
    assert not double.requires_grad
    ours, xs = ours.float(), xs.float()
    copy = xs.clone()
    hs, state = ours(xs, lengths)
    assert hs.dtype == torch.float32 and all(s.dtype == torch.float32 for s in tensors_of(state))
    assert torch.equal(xs, copy)
    torch.testing.assert_close(hs.double(), double, rtol=1e-4, atol=1e-5)


@networks
def test_autocast_is_the_same_but_less_exact(draw, network):
    ours, xs = network(4, 3, bias=True), draw(2, 5, 4).float()
    expected = ours(xs)[0]
    expected_gradients = gradients(expected.sum(), list(ours.parameters()))
    with torch.autocast("cpu", torch.bfloat16):
        hs, _ = ours(xs)
    torch.testing.assert_close(hs, expected, rtol=0.05, atol=0.05)
    for actual, expected_gradient in zip(
        gradients(hs.sum(), list(ours.parameters())), expected_gradients, strict=True
    ):
        torch.testing.assert_close(actual, expected_gradient, rtol=0.1, atol=0.1)


def test_parameters():
    shapes = {
        layers.Elman: {"W_x": (6, 25), "W_h": (25, 25), "b": (25,)},
        layers.LSTM: {"W": (31, 100), "b": (100,)},
        layers.GRU: {
            **{"W_xz": (6, 25), "W_hz": (25, 25), "W_xr": (6, 25), "W_hr": (25, 25)},
            **{"W_x": (6, 25), "W_h": (25, 25), "b_z": (25,), "b_r": (25,), "b": (25,)},
        },
    }
    for network, expected in shapes.items():
        ours = network(6, 25, bias=True)
        assert {name: tuple(p.shape) for name, p in ours.named_parameters()} == expected
        without = {name: shape for name, shape in expected.items() if not name.startswith("b")}
        plain = network(6, 25)
        assert [(n, tuple(p.shape)) for n, p in plain.named_parameters()] == list(without.items())
        for parameter in ours.parameters():  # uniform(-0.2, 0.2)
            assert parameter.dtype == torch.float32
            assert 0.1 < parameter.abs().max() <= 0.2 and parameter.min() < 0 < parameter.max()


@networks
def test_what_is_refused(draw, network):
    ours, xs = network(4, 2).double(), draw(3, 5, 4)
    for lengths, message in [
        (torch.tensor([1, 6, 2]), "T = 5"),
        (torch.tensor([1, -1, 2]), "T = 5"),
        (torch.tensor([1, 2]), "B = 3"),
        (torch.tensor([1.0, 2.0, 3.0]), "integers"),
    ]:
        with pytest.raises(ValueError, match=message):
            ours(xs, lengths)
    with pytest.raises(ValueError, match=r"\(B, T, D\)"):
        ours(draw(3, 4))
    with pytest.raises(ValueError, match=r"\(1, 2\), not \(B, H\) = \(3, 2\)"):
        ours(xs, None, new_state(draw, network, 1, 2))
    with pytest.raises(RuntimeError):
        ours(draw(3, 5, 3))


# --- both directions ----------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [None, [2, 5, 1], [4, 4, 3], [0, 5, 2]])
def test_bidirectional_is_two_loops(draw, lengths):
    D, H_1, H_2 = 4, 2, 3
    both = layers.Bidirectional(layers.LSTM(D, H_1), layers.LSTM(D, H_2)).double()
    xs = draw(3, 5, D)
    hs, (h, c) = both(xs, lengths and torch.tensor(lengths))
    assert hs.shape == (3, 5, 5) and h.shape == c.shape == (3, 5)
    for b, n in enumerate(lengths or [5, 5, 5]):
        expected = torch.zeros(5, 5, dtype=torch.float64)
        ends = []
        for network, times, columns in [
            (both.forwards, range(n), slice(0, H_1)),
            (both.backwards, reversed(range(n)), slice(H_1, 5)),
        ]:
            zeros = torch.zeros(1, network.H, dtype=torch.float64)
            state = (zeros, zeros)
            for t in times:
                state = cells.lstm_step(xs[b : b + 1, t], state, network.W)
                expected[t, columns] = state[0][0]
            ends.append(state)
        close(hs[b], expected.detach())
        close(h[b], torch.cat([ends[0][0][0], ends[1][0][0]]).detach())
        close(c[b], torch.cat([ends[0][1][0], ends[1][1][0]]).detach())


def test_bidirectional_with_a_tensor_state(draw):
    both = layers.Bidirectional(layers.GRU(4, 2), layers.Elman(4, 3)).double()
    xs, lengths = draw(2, 3, 4), torch.tensor([3, 1])
    hs, h = both(xs, lengths)
    close(h[:, :2], torch.stack([hs[0, 2, :2], hs[1, 0, :2]]).detach())
    close(h[:, 2:], hs[:, 0, 2:].detach())


def test_bidirectional_never_sees_the_padding(draw):
    both = layers.Bidirectional(layers.LSTM(4, 2), layers.LSTM(4, 3)).double()
    xs, lengths = draw(3, 5, 4), torch.tensor([2, 5, 0])
    dirty = xs.clone()
    dirty[0, 2:], dirty[2] = math.nan, math.inf
    dirty.requires_grad_()
    hs, (h, _) = both(dirty, lengths)
    close(hs, both(xs, lengths)[0].detach())
    (hs.sum() + h.sum()).backward()
    assert all(p.grad.isfinite().all() for p in both.parameters()) and dirty.grad.isfinite().all()


def test_everything_public_is_documented():
    for name in layers.__all__:
        assert "Source: " in getattr(layers, name).__doc__, name
