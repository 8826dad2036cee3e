"""The reference cells against oracles that share no code with them: torch's own modules, and
formulas written out again, number by number."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnncourse.reference import cells

# (B, T, D, H): all different, then each of them 1.
SIZES = [(3, 5, 4, 2), (1, 4, 2, 3), (2, 1, 4, 3), (2, 3, 1, 4), (2, 4, 3, 1), (1, 1, 1, 1)]
sizes = pytest.mark.parametrize("B, T, D, H", SIZES)


@pytest.fixture
def draw():
    """draw(3, 4): a float64 tensor of that shape, different at every call, the same every run."""
    generator = torch.Generator().manual_seed(20180206)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


def close(actual, expected):
    torch.testing.assert_close(actual, torch.as_tensor(expected), rtol=1e-10, atol=1e-12)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru_weights(draw, D, H):
    return [draw(*shape) for shape in [(D, H), (H, H)] * 3]


# --- additive and Elman -------------------------------------------------------------------------


def test_additive_is_the_running_sum(draw):
    xs = draw(3, 5, 4)
    hs, h = cells.unroll(cells.additive_step, xs, torch.zeros(3, 4, dtype=torch.float64))
    close(hs, np.cumsum(xs.numpy(), axis=1))
    close(h, xs.numpy().sum(axis=1))


@pytest.mark.parametrize("x, h", [((3, 4), (3, 5)), ((3, 1), (3, 5)), ((1, 5), (3, 5))])
def test_additive_refuses_different_sizes(draw, x, h):
    with pytest.raises(ValueError) as caught:
        cells.additive_step(draw(*x), draw(*h))
    assert str(x) in str(caught.value) and str(h) in str(caught.value)


@sizes
@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_elman_is_torch_rnn(draw, B, T, D, H, name):
    theirs = nn.RNN(D, H, nonlinearity=name, bias=False, batch_first=True, dtype=torch.float64)
    W_x, W_h = theirs.weight_ih_l0.T, theirs.weight_hh_l0.T
    xs, h_0 = draw(B, T, D), draw(B, H)
    hs, h = cells.unroll(
        lambda x, h: cells.elman_step(x, h, W_x, W_h, getattr(torch, name)), xs, h_0
    )
    expected_hs, expected_h = theirs(xs, h_0[None])
    close(hs, expected_hs)
    close(h, expected_h[0])


def test_elman_takes_any_activation_and_tanh_by_default(draw):
    x, h, W_x, W_h = draw(3, 4), draw(3, 2), draw(4, 2), draw(2, 2)
    before = x.numpy() @ W_x.numpy() + h.numpy() @ W_h.numpy()
    close(cells.elman_step(x, h, W_x, W_h), np.tanh(before))
    close(cells.elman_step(x, h, W_x, W_h, torch.sin), np.sin(before))


# --- unroll -------------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [0, 1, 4])
def test_unroll_a_tensor_state(draw, T):
    # A step whose result shows which input came when, and what its arguments were.
    xs, h = draw(3, T, 2), draw(3, 5)
    hs, last = cells.unroll(lambda x, h: 2 * h + x[:, :1], xs, h)
    assert hs.shape == (3, T, 5)
    for t in range(T):
        h = 2 * h + xs[:, t, :1]
        close(hs[:, t], h)
    close(last, h)


@pytest.mark.parametrize("T", [0, 1, 4])
def test_unroll_a_tuple_state(draw, T):
    xs, h, c = draw(3, T, 2), draw(3, 5), draw(3, 5)
    hs, (last_h, last_c) = cells.unroll(lambda x, s: (s[1] + x[:, :1], 3 * s[0]), xs, (h, c))
    assert hs.shape == (3, T, 5)
    for t in range(T):
        h, c = c + xs[:, t, :1], 3 * h
        close(hs[:, t], h)
    close(last_h, h)
    close(last_c, c)


def test_unroll_calls_step_once_for_each_input_in_order(draw):
    xs, seen = draw(2, 3, 4), []

    def step(x, h):
        seen.append(x)
        return h

    cells.unroll(step, xs, draw(2, 5))
    close(torch.stack(seen, dim=1), xs)


def test_unroll_without_steps_gives_back_the_state_and_its_dtype():
    state = (torch.ones(3, 5), torch.ones(3, 5))
    hs, last = cells.unroll(None, torch.zeros(3, 0, 2), state)
    assert hs.shape == (3, 0, 5) and hs.dtype == torch.float32
    assert last is state


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 2, 1)])
def test_unroll_refuses_inputs_without_a_time_axis(draw, shape):
    with pytest.raises(ValueError, match=r"\(B, T, D\)"):
        cells.unroll(cells.additive_step, draw(*shape), draw(3, 2))


# --- LSTM ---------------------------------------------------------------------------------------


def torch_lstm(W, D, H):
    """torch.nn.LSTM with the weights W (D+H, 4H) of ours, whose gate order differs."""
    theirs = nn.LSTM(D, H, bias=False, batch_first=True, dtype=W.dtype)
    i, f, o, g = W.detach().split(H, dim=1)
    packed = torch.cat([i, f, g, o], dim=1).T
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(packed[:, :D])
        theirs.weight_hh_l0.copy_(packed[:, D:])
    return theirs


def unpack(theirs, H):
    """The gradient of torch.nn.LSTM's weights, in our layout."""
    packed = torch.cat([theirs.weight_ih_l0.grad, theirs.weight_hh_l0.grad], dim=1).T
    i, f, g, o = packed.split(H, dim=1)
    return torch.cat([i, f, o, g], dim=1)


@sizes
def test_lstm_step_is_torch_lstm(draw, B, T, D, H):
    W, xs, h_0, c_0 = draw(D + H, 4 * H), draw(B, T, D), draw(B, H), draw(B, H)
    hs, (h, c) = cells.unroll(lambda x, s: cells.lstm_step(x, s, W), xs, (h_0, c_0))
    expected_hs, (expected_h, expected_c) = torch_lstm(W, D, H)(xs, (h_0[None], c_0[None]))
    close(hs, expected_hs)
    close(h, expected_h[0])
    close(c, expected_c[0])


@sizes
def test_lstm_module_is_torch_lstm_from_zeros(draw, B, T, D, H):
    ours = cells.LSTM(D, H).double()
    xs = draw(B, T, D)
    hs, (h, c) = ours(xs)
    expected_hs, (expected_h, expected_c) = torch_lstm(ours.W, D, H)(xs)
    close(hs, expected_hs)
    close(h, expected_h[0])
    close(c, expected_c[0])


@pytest.mark.parametrize("given_state", [False, True])
@pytest.mark.parametrize(
    "T, D, H, lengths",
    [(5, 4, 2, [2, 5, 1]), (5, 4, 2, [1, 3, 4]), (4, 1, 3, [4, 4]), (1, 2, 1, [1]), (3, 2, 3, [2])],
)
def test_lstm_module_with_lengths_is_torch_packed(draw, T, D, H, lengths, given_state):
    B = len(lengths)
    ours = cells.LSTM(D, H).double()
    theirs = torch_lstm(ours.W, D, H)
    xs = draw(B, T, D)
    state = (draw(B, H), draw(B, H)) if given_state else None

    hs, (h, c) = ours(xs, torch.tensor(lengths), state)
    packed = pack_padded_sequence(xs, lengths, batch_first=True, enforce_sorted=False)
    packed_hs, (expected_h, expected_c) = theirs(packed, state and tuple(s[None] for s in state))
    expected_hs, _ = pad_packed_sequence(packed_hs, batch_first=True, total_length=T)
    close(hs, expected_hs)
    close(h, expected_h[0])
    close(c, expected_c[0])

    k_hs, k_h, k_c = draw(B, T, H), draw(B, H), draw(B, H)
    ((hs * k_hs).sum() + (h * k_h).sum() + (c * k_c).sum()).backward()
    (
        (expected_hs * k_hs).sum() + (expected_h[0] * k_h).sum() + (expected_c[0] * k_c).sum()
    ).backward()
    close(ours.W.grad, unpack(theirs, H))


def test_lstm_module_with_length_zero_keeps_the_state_given(draw):
    ours = cells.LSTM(4, 2).double()
    h_0, c_0 = draw(3, 2), draw(3, 2)
    hs, (h, c) = ours(draw(3, 5, 4), torch.tensor([5, 0, 2]), (h_0, c_0))
    assert (hs[1] == 0).all() and (hs[0] != 0).all()
    close(h[1], h_0[1])
    close(c[1], c_0[1])


def test_lstm_module_with_no_steps_at_all(draw):
    ours, state = cells.LSTM(4, 2).double(), (draw(3, 2), draw(3, 2))
    for lengths in (None, torch.zeros(3, dtype=torch.long)):
        hs, (h, c) = ours(draw(3, 0, 4), lengths, state)
        assert hs.shape == (3, 0, 2)
        close(h, state[0])
        close(c, state[1])
        hs, (h, c) = ours(draw(3, 0, 4), lengths)  # the state by default, in the dtype of xs
        assert h.shape == c.shape == (3, 2) and hs.dtype == h.dtype == c.dtype == torch.float64
        assert (h == 0).all() and (c == 0).all()


@pytest.mark.parametrize("junk", [1e300, math.inf, math.nan])
def test_lstm_module_never_sees_the_padding(draw, junk):
    ours, lengths = cells.LSTM(4, 2).double(), torch.tensor([2, 5, 0])
    xs = draw(3, 5, 4)
    results = []
    for padding in (0.0, junk):
        padded = xs.clone()
        padded[0, 2:] = padding
        padded[2] = padding
        padded.requires_grad_()
        ours.zero_grad()
        hs, (h, c) = ours(padded, lengths)
        (hs.sum() + (h * c).sum()).backward()
        results.append((hs, h, c, ours.W.grad.clone(), padded.grad))
    for clean, dirty in zip(*results, strict=True):
        close(dirty, clean)
    assert (results[1][4][0, 2:] == 0).all()


def test_lstm_module_parameter():
    ours = cells.LSTM(6, 25)
    assert {name: tuple(p.shape) for name, p in ours.named_parameters()} == {"W": (31, 100)}
    assert ours.W.dtype == torch.float32
    # uniform(-0.2, 0.2): 3,100 draws reach nearly to both ends and average nearly 0.
    assert ours.W.abs().max() <= 0.2
    assert ours.W.max() > 0.19 and ours.W.min() < -0.19 and ours.W.mean().abs() < 0.02
    assert not torch.equal(ours.W, cells.LSTM(6, 25).W)


@pytest.mark.parametrize(
    "lengths, message",
    [
        (torch.tensor([1, 6, 2]), "T = 5"),
        (torch.tensor([1, -1, 2]), "T = 5"),
        (torch.tensor([1, 2]), "B = 3"),
        (torch.tensor([[1], [2], [3]]), "B = 3"),
        (torch.tensor([1.0, 2.0, 3.0]), "integers"),
        (torch.tensor([True, True, False]), "integers"),
    ],
)
def test_lstm_module_refuses_bad_lengths(draw, lengths, message):
    with pytest.raises(ValueError, match=message):
        cells.LSTM(4, 2).double()(draw(3, 5, 4), lengths)


@pytest.mark.parametrize("lengths", [None, torch.tensor([1, 2, 3])])
def test_lstm_module_refuses_inputs_without_a_time_axis(draw, lengths):
    with pytest.raises(ValueError, match=r"\(B, T, D\)"):
        cells.LSTM(4, 2).double()(draw(3, 4), lengths)


# --- GRU ----------------------------------------------------------------------------------------


@sizes
def test_gru_is_a_loop_over_numbers(draw, B, T, D, H):
    weights = gru_weights(draw, D, H)
    xs, h_0 = draw(B, T, D), draw(B, H)
    hs, h_last = cells.unroll(lambda x, h: cells.gru_step(x, h, *weights), xs, h_0)

    W_xz, W_hz, W_xr, W_hr, W_x, W_h = (W.numpy() for W in weights)
    expected = np.zeros((B, T, H))
    for b in range(B):
        h = h_0[b].numpy().copy()
        for t in range(T):
            x = xs[b, t].numpy()
            reset = np.zeros(H)
            for k in range(H):
                total = sum(x[d] * W_xr[d, k] for d in range(D))
                total += sum(h[j] * W_hr[j, k] for j in range(H))
                reset[k] = sigmoid(total)
            new = np.zeros(H)
            for k in range(H):
                update = sum(x[d] * W_xz[d, k] for d in range(D))
                update += sum(h[j] * W_hz[j, k] for j in range(H))
                content = sum(x[d] * W_x[d, k] for d in range(D))
                content += sum(reset[j] * h[j] * W_h[j, k] for j in range(H))
                new[k] = h[k] + sigmoid(update) * (math.tanh(content) - h[k])
            h = expected[b, t] = new
    close(hs, expected)
    close(h_last, expected[:, -1])


def test_gru_gates_at_their_ends(draw):
    D, H = 4, 3
    x, h = draw(2, D).abs() + 0.1, draw(2, H)
    _, _, W_xr, W_hr, W_x, W_h = gru_weights(draw, D, H)
    shut, none = torch.full((D, H), -1e4, dtype=torch.float64), torch.zeros_like(W_h)
    close(cells.gru_step(x, h, shut, none, W_xr, W_hr, W_x, W_h), h)  # z = 0 keeps h
    close(  # z = 1, r = 0 forgets it
        cells.gru_step(x, h, -shut, none, shut, none, W_x, W_h), np.tanh(x.numpy() @ W_x.numpy())
    )


# --- NAS ----------------------------------------------------------------------------------------


@sizes
def test_nas_by_hand(draw, B, T, D, H):
    W, U = draw(D, 8 * H), draw(H, 8 * H)
    x, m, c = draw(B, D), draw(B, H), draw(B, H)
    new_m, new_c = cells.nas_step(x, (m, c), W, U)
    expected_m, expected_c = np.zeros((B, H)), np.zeros((B, H))
    for b in range(B):
        for k in range(H):
            a = [sum(float(x[b, d] * W[d, j * H + k]) for d in range(D)) for j in range(8)]
            r = [sum(float(m[b, d] * U[d, j * H + k]) for d in range(H)) for j in range(8)]
            left = math.tanh(sigmoid(a[0] + r[0]) * max(0.0, a[1] + r[1]))
            right = math.tanh(sigmoid(a[2] + r[2]) + max(0.0, a[3] * r[3]))
            cell = math.tanh(left + float(c[b, k])) * right
            first = math.tanh(math.tanh(a[4] + r[4]) * sigmoid(a[5] + r[5]))
            second = sigmoid(math.tanh(a[6] + r[6]) + sigmoid(a[7] + r[7]))
            expected_c[b, k] = cell
            expected_m[b, k] = math.tanh(cell * math.tanh(first + second))
    close(new_m, expected_m)
    close(new_c, expected_c)


def test_nas_state_has_the_hidden_output_first(draw):
    W, U, xs = draw(4, 16), draw(2, 16), draw(3, 5, 4)
    state = (draw(3, 2), draw(3, 2))
    hs, (m, c) = cells.unroll(lambda x, s: cells.nas_step(x, s, W, U), xs, state)
    close(hs[:, -1], m)
    assert not torch.allclose(m, c)


# --- ENAS ---------------------------------------------------------------------------------------


def enas_weights(draw, D, H, N):
    return draw(D + H, 2 * H), draw(N, H, 2 * H)


def numpy_highway(H, W_0, W):
    """root(x, h) is node 0; node(n, s, f) is node n reading s."""

    def mix(s, product, f):
        gate = sigmoid(product[:, H:])
        return (1 - gate) * s + gate * f(product[:, :H])

    def root(x, h):
        return mix(h, x @ W_0[: len(W_0) - H] + h @ W_0[len(W_0) - H :], np.tanh)

    def node(n, s, f):
        return mix(s, s @ W[n - 1], f)

    return root, node


def relu(a):
    return np.maximum(a, 0)


@sizes
def test_enas_published_figure(draw, B, T, D, H):
    W_0, W = enas_weights(draw, D, H, 11)
    x, h = draw(B, D), draw(B, H)
    root, node = numpy_highway(H, W_0.numpy(), W.numpy())
    trunk = node(1, root(x.numpy(), h.numpy()), np.tanh)
    two = node(2, trunk, relu)
    leaf_3 = node(3, two, relu)
    leaf_4 = node(4, two, np.tanh)
    five = node(5, two, np.tanh)
    six = node(6, five, relu)
    leaf_7 = node(7, trunk, np.tanh)
    eight = node(8, six, relu)
    leaf_9, leaf_10, leaf_11 = node(9, eight, relu), node(10, eight, relu), node(11, eight, relu)
    expected = (leaf_3 + leaf_4 + leaf_7 + leaf_9 + leaf_10 + leaf_11) / 6
    close(cells.enas_step(x, h, W_0, W, cells.ENAS_PUBLISHED), expected)


@sizes
def test_enas_corrected_release(draw, B, T, D, H):
    W_0, W = enas_weights(draw, D, H, 8)
    x, h = draw(B, D), draw(B, H)
    root, node = numpy_highway(H, W_0.numpy(), W.numpy())
    one = node(1, root(x.numpy(), h.numpy()), sigmoid)
    two = node(2, one, np.tanh)
    three = node(3, two, relu)
    four = node(4, two, sigmoid)
    five = node(5, four, np.tanh)
    six = node(6, five, np.tanh)
    seven = node(7, three, sigmoid)
    eight = node(8, six, sigmoid)
    expected = (one + two + three + four + five + six + seven + eight) / 8
    close(cells.enas_step(x, h, W_0, W, cells.ENAS_CORRECTED), expected)


def test_enas_published_output_is_its_leaves():
    read = {previous for previous, _ in cells.ENAS_PUBLISHED["nodes"]}
    assert set(cells.ENAS_PUBLISHED["output"]) == set(range(12)) - read


def test_enas_identity_and_a_graph_of_lists(draw):
    W_0, W = enas_weights(draw, 4, 2, 1)
    x, h = draw(3, 4), draw(3, 2)
    root, node = numpy_highway(2, W_0.numpy(), W.numpy())
    zero = root(x.numpy(), h.numpy())
    graph = {"nodes": [[0, "identity"]], "output": [1]}
    close(cells.enas_step(x, h, W_0, W, graph), node(1, zero, lambda a: a))


@pytest.mark.parametrize(
    "nodes, output, message",
    [
        (((0, "tanh"),), (1,), "1 nodes.* 2"),
        (((0, "tanh"),) * 3, (1,), "3 nodes.* 2"),
        (((0, "tanh"), (0, "softmax")), (1,), "node 2.*'softmax'.*identity"),
        (((0, "tanh"), (2, "tanh")), (1,), "node 2 reads node 2"),
        (((1, "tanh"), (0, "tanh")), (1,), "node 1 reads node 1"),
        (((0, "tanh"), (-1, "tanh")), (1,), "node 2 reads node -1"),
        (((0, "tanh"), (0, "tanh")), (3,), "output"),
        (((0, "tanh"), (0, "tanh")), (-1,), "output"),
        (((0, "tanh"), (0, "tanh")), (), "output"),
    ],
)
def test_enas_refuses_bad_graphs(draw, nodes, output, message):
    W_0, W = enas_weights(draw, 4, 3, 2)
    with pytest.raises(ValueError, match=message):
        cells.enas_step(draw(2, 4), draw(2, 3), W_0, W, {"nodes": nodes, "output": output})


# --- all of them --------------------------------------------------------------------------------


def every_step(draw, B, D, H):
    """name -> (function of tensors only, its tensors)."""
    enas_p, enas_c = enas_weights(draw, D, H, 11), enas_weights(draw, D, H, 8)
    return {
        "additive": (cells.additive_step, [draw(B, H), draw(B, H)]),
        "elman": (cells.elman_step, [draw(B, D), draw(B, H), draw(D, H), draw(H, H)]),
        "lstm": (
            lambda x, h, c, W: cells.lstm_step(x, (h, c), W),
            [draw(B, D), draw(B, H), draw(B, H), draw(D + H, 4 * H)],
        ),
        "gru": (cells.gru_step, [draw(B, D), draw(B, H), *gru_weights(draw, D, H)]),
        "nas": (
            lambda x, m, c, W, U: cells.nas_step(x, (m, c), W, U),
            [draw(B, D), draw(B, H), draw(B, H), draw(D, 8 * H), draw(H, 8 * H)],
        ),
        "enas published": (
            lambda *given: cells.enas_step(*given, cells.ENAS_PUBLISHED),
            [draw(B, D), draw(B, H), *enas_p],
        ),
        "enas corrected": (
            lambda *given: cells.enas_step(*given, cells.ENAS_CORRECTED),
            [draw(B, D), draw(B, H), *enas_c],
        ),
    }


STEPS = ["additive", "elman", "lstm", "gru", "nas", "enas published", "enas corrected"]


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("B, D, H", [(2, 4, 3), (1, 1, 1)])
@pytest.mark.parametrize("name", STEPS)
def test_gradients_of_steps(draw, name, B, D, H):
    step, tensors = every_step(draw, B, D, H)[name]
    assert gradcheck(step, [tensor.requires_grad_() for tensor in tensors])


@pytest.mark.parametrize("lengths", [None, torch.tensor([1, 3, 0])])
def test_gradients_of_the_module(draw, lengths):
    ours = cells.LSTM(4, 2).double()

    def run(W, xs, h, c):
        hs, (h, c) = torch.func.functional_call(ours, {"W": W}, (xs, lengths, (h, c)))
        return hs, h, c

    tensors = [draw(6, 8), draw(3, 3, 4), draw(3, 2), draw(3, 2)]
    assert gradcheck(run, [tensor.requires_grad_() for tensor in tensors])


@pytest.mark.parametrize("name", STEPS)
def test_steps_keep_float32_and_their_inputs_and_the_other_rows(draw, name):
    step, tensors = every_step(draw, 3, 4, 2)[name]
    single = as_tuple(step(*[tensor.float() for tensor in tensors]))
    copies = [tensor.clone() for tensor in tensors]
    double = as_tuple(step(*tensors))
    assert all(torch.equal(now, then) for now, then in zip(tensors, copies, strict=True))
    for low, high in zip(single, double, strict=True):
        assert low.dtype == torch.float32 and high.dtype == torch.float64
        torch.testing.assert_close(low.double(), high, rtol=1e-4, atol=1e-5)

    changed = [tensor.clone() for tensor in tensors]
    changed[0][1] += 1  # x, row 1
    for before, after in zip(double, as_tuple(step(*changed)), strict=True):
        close(after[[0, 2]], before[[0, 2]])
        assert (after[1] != before[1]).any()


@pytest.mark.parametrize("lengths", [None, torch.tensor([2, 5, 1], dtype=torch.int32)])
def test_module_keeps_float32_and_its_inputs(lengths):
    xs = torch.randn(3, 5, 4)
    copy = xs.clone()
    hs, (h, c) = cells.LSTM(4, 2)(xs, lengths)
    assert hs.dtype == h.dtype == c.dtype == torch.float32
    assert torch.equal(xs, copy)


def test_sizes_that_do_not_fit_are_refused(draw):
    x, h, c = draw(3, 4), draw(3, 2), draw(3, 2)
    bad = [
        lambda: cells.elman_step(x, h, draw(2, 4), draw(2, 2)),
        lambda: cells.lstm_step(x, (h, c), draw(8, 6)),
        lambda: cells.lstm_step(draw(2, 4), (h, c), draw(6, 8)),
        lambda: cells.gru_step(x, h, *reversed(gru_weights(draw, 4, 2))),
        lambda: cells.nas_step(x, (h, c), draw(2, 16), draw(4, 16)),
        lambda: cells.enas_step(x, h, draw(6, 4), draw(8, 3, 4), cells.ENAS_CORRECTED),
        lambda: cells.LSTM(5, 2).double()(draw(3, 5, 4)),
    ]
    for call in bad:
        with pytest.raises(RuntimeError):
            call()


# --- the rest -----------------------------------------------------------------------------------


def test_slide_bugs():
    assert cells.slide_bugs() == {"lstm": {"B", "D", "E", "F", "G", "H"}, "gru": {"K", "L"}}
    cells.slide_bugs()["gru"].clear()
    assert cells.slide_bugs()["gru"] == {"K", "L"}


def test_everything_public_is_documented():
    for name in cells.__all__:
        public = getattr(cells, name)
        if callable(public):
            assert "Source: lecture section 1" in public.__doc__, name


def test_the_package_imports_nothing_eagerly():
    code = "import sys, rnncourse.reference; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
