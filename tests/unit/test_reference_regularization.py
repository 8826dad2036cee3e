"""Section 7: masks that are read off a step's arguments, and penalties written as loops."""

import math

import pytest
import torch
from torch import nn

from rnncourse.reference import regularization
from rnncourse.reference.cells import elman_step, lstm_step, unroll

# (B, T, D, H): all different, then each of them 1.
SIZES = [(3, 5, 4, 2), (1, 4, 2, 3), (2, 1, 4, 3), (2, 3, 1, 4), (2, 4, 3, 1), (1, 1, 1, 1)]
sizes = pytest.mark.parametrize("B, T, D, H", SIZES)


@pytest.fixture
def draw():
    """draw(3, 4): a float64 tensor of that shape, different at every call, the same every run."""
    generator = torch.Generator().manual_seed(20180306)
    return lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def close(actual, expected):
    torch.testing.assert_close(actual, torch.as_tensor(expected), rtol=1e-10, atol=1e-12)


# --- variational dropout ------------------------------------------------------------------------


def masks_of_steps(B, T, D, H, p_x, p_h, seed=1, training=True):
    """What each step gets when inputs and states are all ones: the masks themselves.

    -> (B, T, D) and (B, T, H).
    """
    seen_x, seen_h = [], []

    def step(x, h):
        seen_x.append(x)
        seen_h.append(h)
        return torch.ones_like(h)

    regularization.variational_dropout(
        step, torch.ones(B, T, D), torch.ones(B, H), p_x, p_h, seeded(seed), training
    )
    return torch.stack(seen_x, dim=1), torch.stack(seen_h, dim=1)


@sizes
def test_one_mask_for_all_steps(B, T, D, H):
    for masks in masks_of_steps(B, T, D, H, 0.5, 0.5):
        assert (masks == masks[:, :1]).all()
        assert ((masks == 0) | (masks == 2)).all()


@pytest.mark.parametrize("p_x, p_h", [(0.2, 0.6), (0.6, 0.2), (0.0, 0.5), (0.5, 0.0)])
def test_masks_have_their_own_probability_and_keep_the_expectation(p_x, p_h):
    B, D, H = 200, 100, 150
    for masks, p, width in zip(
        masks_of_steps(B, 2, D, H, p_x, p_h), (p_x, p_h), (D, H), strict=True
    ):
        mask = masks[:, 0]
        assert set(mask.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - p)).item()}
        deviation = math.sqrt(p * (1 - p) / (B * width))
        assert (mask == 0).double().mean().item() == pytest.approx(p, abs=4 * deviation)
        assert mask.mean().item() == pytest.approx(1, abs=4 * deviation / (1 - p) + 1e-6)
        if p > 0:  # independent between sequences and between units
            for same in (mask[1:] == mask[:-1], mask[:, 1:] == mask[:, :-1]):
                share = same.double().mean().item()
                assert share == pytest.approx(p**2 + (1 - p) ** 2, abs=0.02)


def test_masks_of_inputs_and_recurrence_are_drawn_apart():
    masks_x, masks_h = masks_of_steps(40, 1, 50, 50, 0.5, 0.5)
    assert (masks_x == masks_h).double().mean().item() == pytest.approx(0.5, abs=0.06)


def test_a_new_mask_at_each_call_and_the_same_from_the_same_seed():
    first, again, other = (masks_of_steps(3, 2, 20, 20, 0.5, 0.5, seed) for seed in (1, 1, 2))
    for a, b, c in zip(first, again, other, strict=True):
        assert torch.equal(a, b) and not torch.equal(a, c)
    generator, outputs = seeded(), []
    for _ in range(2):
        hs, _ = regularization.variational_dropout(
            lambda x, h: x, torch.ones(2, 3, 40), torch.ones(2, 40), 0.5, 0.5, generator
        )
        outputs.append(hs)
    assert not torch.equal(*outputs)


@sizes
def test_elman_with_masks_written_out(draw, B, T, D, H):
    W_x, W_h, xs, h_0 = draw(D, H), draw(H, H), draw(B, T, D), draw(B, H)
    hs, last = regularization.variational_dropout(
        lambda x, h: elman_step(x, h, W_x, W_h), xs, h_0, 0.3, 0.6, seeded(5)
    )
    ones_x, ones_h = masks_of_steps(B, T, D, H, 0.3, 0.6, seed=5)
    mask_x, mask_h = (ones_x[:, 0] > 0).double() / 0.7, (ones_h[:, 0] > 0).double() / 0.4
    h = h_0
    for t in range(T):
        h = torch.tanh((mask_x * xs[:, t]) @ W_x + (mask_h * h) @ W_h)
        close(hs[:, t], h)
    assert torch.equal(last, hs[:, -1])


def test_the_memory_of_an_lstm_is_not_dropped(draw):
    seen_h, seen_c = [], []

    def step(x, state):
        h, c = state
        seen_h.append(h)
        seen_c.append(c)
        return torch.ones_like(h), torch.ones_like(c)

    ones = torch.ones(3, 50)
    hs, (h, c) = regularization.variational_dropout(
        step, torch.ones(3, 4, 2), (ones, ones), 0.5, 0.5, seeded()
    )
    assert all((c == 1).all() for c in seen_c)
    assert all(torch.equal(h, seen_h[0]) for h in seen_h) and (seen_h[0] == 0).any()
    assert (hs == 1).all() and (h == 1).all() and (c == 1).all()  # what comes out is whole


def test_dropped_inputs_and_states_get_no_gradient(draw):
    xs, h_0 = draw(2, 3, 40).requires_grad_(), draw(2, 30).requires_grad_()
    W_x, W_h = draw(40, 30), draw(30, 30)
    hs, _ = regularization.variational_dropout(
        lambda x, h: elman_step(x, h, W_x, W_h), xs, h_0, 0.5, 0.5, seeded()
    )
    hs.sum().backward()
    assert 0 < (xs.grad == 0).sum() < xs.numel() and 0 < (h_0.grad == 0).sum() < h_0.numel()
    assert ((xs.grad == 0) == (xs.grad == 0)[:, :1]).all()


def test_nothing_is_dropped_outside_training_or_at_probability_zero(draw):
    W, xs, state = draw(6, 8), draw(3, 5, 4), (draw(3, 2), draw(3, 2))

    def step(x, state):
        return lstm_step(x, state, W)

    expected, (h, c) = unroll(step, xs, state)
    generator = seeded()
    before = generator.get_state()
    for p, training in [(0.9, False), (0.0, True)]:
        hs, last = regularization.variational_dropout(step, xs, state, p, p, generator, training)
        close(hs, expected)
        close(last[0], h)
        close(last[1], c)
        if not training:
            assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dropout_keeps_the_dtype_its_inputs_and_torchs_random_state(draw, dtype):
    W_x, W_h = draw(4, 2).to(dtype), draw(2, 2).to(dtype)
    xs, h_0 = draw(3, 5, 4).to(dtype), draw(3, 2).to(dtype)
    copies, before = (xs.clone(), h_0.clone()), torch.get_rng_state()
    hs, h = regularization.variational_dropout(
        lambda x, h: elman_step(x, h, W_x, W_h), xs, h_0, 0.5, 0.5, seeded()
    )
    assert hs.dtype == h.dtype == dtype
    assert torch.equal(xs, copies[0]) and torch.equal(h_0, copies[1])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, math.nan])
def test_dropout_refuses(draw, p):
    with pytest.raises(ValueError, match="p is"):
        regularization.dropout_mask((2, 3), p, seeded(), like=draw(1))


# --- word dropout -------------------------------------------------------------------------------


def test_a_word_goes_everywhere_or_nowhere(draw):
    V, D, B, T, p = 7, 3, 500, 12, 0.3
    E = draw(V, D)
    tokens = torch.randint(V, (B, T), generator=seeded(9))
    xs = regularization.word_dropout(tokens, E, p, seeded())
    assert xs.shape == (B, T, D) and xs.dtype == torch.float64
    state = {}  # (sequence, word) -> whether it was kept
    for b in range(B):
        for t in range(T):
            w = tokens[b, t].item()
            kept = bool((xs[b, t] != 0).any())
            close(xs[b, t], E[w] / (1 - p) * kept)
            assert state.setdefault((b, w), kept) == kept
    dropped = [not kept for kept in state.values()]
    assert sum(dropped) / len(dropped) == pytest.approx(
        p, abs=4 * math.sqrt(p * (1 - p) / len(dropped))
    )
    for w in range(V):  # each word goes from some sequences and stays in others
        assert {kept for (_, word), kept in state.items() if word == w} == {True, False}


def test_word_dropout_gradient_reaches_only_what_was_kept(draw):
    E = draw(6, 2).requires_grad_()
    tokens = torch.tensor([[0, 1, 2, 3, 0, 1]])
    xs = regularization.word_dropout(tokens, E, 0.5, seeded(4))
    xs.sum().backward()
    kept = {w for w, x in zip(tokens[0].tolist(), xs[0], strict=True) if (x != 0).any()}
    assert 0 < len(kept) < 4
    for w in range(6):
        times = (tokens == w).sum().item() if w in kept else 0
        close(E.grad[w], torch.full((2,), 2.0 * times).double())


def test_word_dropout_outside_training(draw):
    E, tokens, generator = draw(5, 2).float(), torch.tensor([[1, 4, 4], [0, 2, 1]]), seeded()
    before = generator.get_state()
    xs = regularization.word_dropout(tokens, E, 0.9, generator, training=False)
    assert torch.equal(xs, nn.functional.embedding(tokens, E)) and xs.dtype == torch.float32
    assert torch.equal(generator.get_state(), before)
    assert torch.equal(regularization.word_dropout(tokens, E, 0.0, generator), xs)


# --- weight drop --------------------------------------------------------------------------------


def weights_of_steps(p, seed=1, training=True, T=4):
    W_h, seen = torch.arange(1.0, 401.0, dtype=torch.float64).view(20, 20), []

    def step(x, h, W):
        seen.append(W)
        return h

    regularization.weight_drop(
        step, torch.zeros(2, T, 3), torch.zeros(2, 20), W_h, p, seeded(seed), training
    )
    return W_h, seen


def test_the_same_weights_are_dropped_at_every_step():
    W_h, seen = weights_of_steps(0.3)
    assert len(seen) == 4 and all(torch.equal(W, seen[0]) for W in seen)
    kept = seen[0] != 0
    close(seen[0], torch.where(kept, W_h / 0.7, 0))
    assert kept.double().mean().item() == pytest.approx(0.7, abs=4 * math.sqrt(0.21 / 400))
    assert kept.any(dim=0).all() and kept.any(dim=1).all()  # single weights, not rows or columns
    assert (~kept).any(dim=0).sum() > 15 and (~kept).any(dim=1).sum() > 15
    assert not torch.equal(weights_of_steps(0.3, seed=2)[1][0], seen[0])


def test_weights_stay_outside_training():
    for p, training in [(0.9, False), (0.0, True)]:
        W_h, seen = weights_of_steps(p, training=training)
        assert all(torch.equal(W, W_h) for W in seen)


def test_weight_drop_runs_cells_and_trains_the_raw_weights(draw):
    B, T, D, H = 3, 5, 4, 2
    W_x, W_h, xs = draw(D, 4 * H), draw(H, 4 * H).requires_grad_(), draw(B, T, D)
    state = (draw(B, H), draw(B, H))
    step_weights = []

    def step(x, s, W):
        step_weights.append(W)
        return lstm_step(x, s, torch.cat([W_x, W]))

    before = torch.get_rng_state()
    hs, (h, c) = regularization.weight_drop(step, xs, state, W_h, 0.5, seeded(2))
    W = torch.cat([W_x, step_weights[0].detach()])
    expected, (expected_h, expected_c) = unroll(lambda x, s: lstm_step(x, s, W), xs, state)
    close(hs, expected)
    close(h, expected_h)
    close(c, expected_c)
    hs.sum().backward()
    dropped = step_weights[0] == 0
    assert 0 < dropped.sum() < W_h.numel()
    assert (W_h.grad[dropped] == 0).all() and (W_h.grad[~dropped] != 0).all()
    assert torch.equal(torch.get_rng_state(), before)


# --- penalties ----------------------------------------------------------------------------------


def test_l2_of_all_and_of_some(draw):
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)).double()
    everything = [x for p in model.parameters() for x in p.flatten().tolist()]
    penalty = regularization.l2_penalty(model.parameters())
    assert penalty.item() == pytest.approx(sum(x * x for x in everything), rel=1e-12)
    some = regularization.l2_penalty([model[1].weight])
    assert some.item() == pytest.approx(sum(x * x for x in model[1].weight.flatten().tolist()))
    penalty.backward()
    for p in model.parameters():
        close(p.grad, 2 * p.detach())


def test_l2_of_a_generator_that_was_read_before():
    parameters = nn.Linear(3, 2).parameters()
    regularization.l2_penalty(parameters)
    with pytest.raises(ValueError, match="once"):
        regularization.l2_penalty(parameters)


def penalties_by_loops(hs, mask):
    activation = temporal = 0.0
    B, T, H = hs.shape
    for b in range(B):
        for t in range(T):
            for k in range(H):
                if mask[b, t]:
                    activation += hs[b, t, k].item() ** 2
                if t > 0 and mask[b, t] and mask[b, t - 1]:
                    temporal += (hs[b, t, k] - hs[b, t - 1, k]).item() ** 2
    return activation, temporal


@sizes
def test_penalties_are_sums_over_tokens(draw, B, T, D, H):
    hs = draw(B, T, H).requires_grad_()
    lengths = [(T - b) % (T + 1) for b in range(B)]
    mask = torch.tensor([[t < length for t in range(T)] for length in lengths])
    activation, temporal = penalties_by_loops(hs.detach(), mask)
    ours = regularization.activation_penalty(hs, mask), regularization.temporal_penalty(hs, mask)
    assert ours[0].item() == pytest.approx(activation, rel=1e-12)
    assert ours[1].item() == pytest.approx(temporal, rel=1e-12)
    (grad,) = torch.autograd.grad(ours[0], hs)
    close(grad, 2 * hs.detach() * mask.unsqueeze(2))


def test_penalties_with_a_hole_in_the_mask(draw):
    hs, mask = draw(2, 6, 3), torch.tensor([[1, 1, 0, 1, 1, 0], [0, 0, 1, 1, 1, 1]]).bool()
    activation, temporal = penalties_by_loops(hs, mask)
    assert regularization.activation_penalty(hs, mask).item() == pytest.approx(activation)
    assert regularization.temporal_penalty(hs, mask).item() == pytest.approx(temporal)


@pytest.mark.parametrize("name", ["activation_penalty", "temporal_penalty"])
def test_penalties_never_see_the_padding(draw, name):
    penalty = getattr(regularization, name)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]).bool()
    clean = draw(2, 4, 3)
    dirty = clean.clone()
    dirty[0, 2:] = math.nan
    results = []
    for hs in (clean, dirty):
        hs = hs.clone().requires_grad_()
        value = penalty(hs, mask)
        results.append((value, torch.autograd.grad(value, hs)[0]))
    close(results[1][0], results[0][0])
    close(results[1][1], results[0][1])
    assert (results[1][1][0, 2:] == 0).all()
    assert penalty(clean.float(), mask).dtype == torch.float32
    with pytest.raises(ValueError, match="boolean"):
        penalty(clean, mask.long())
    with pytest.raises(ValueError, match=r"mask is \(2, 3\)"):
        penalty(clean, mask[:, :3])
