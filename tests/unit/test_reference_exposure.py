"""Training for one's own mistakes, against counting, enumeration, and losses written out."""

import itertools
import math
from collections import Counter

import pytest
import torch
from torch.nn import functional as F

from rnncourse.reference import exposure
from rnncourse.reference.rewards import edit_distance


@pytest.fixture
def draw():
    """draw(3, 4): a float64 tensor of that shape, different at every call, the same every run."""
    generator = torch.Generator().manual_seed(20180227)
    return lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def close(actual, expected):
    torch.testing.assert_close(actual, torch.as_tensor(expected), rtol=1e-10, atol=1e-12)


# --- scheduled sampling -------------------------------------------------------------------------


@pytest.mark.parametrize("epsilon", [0.0, 0.2, 0.7, 1.0])
def test_epsilon_is_the_probability_of_the_true_word(epsilon):
    targets, predictions = (
        torch.arange(60_000).view(300, 200),
        -torch.arange(1, 60_001).view(300, 200),
    )
    before = targets.clone(), predictions.clone()
    mixed = exposure.scheduled_inputs(targets, predictions, epsilon, seeded())
    true = mixed == targets
    assert torch.equal(mixed, torch.where(true, targets, predictions))
    share = true.double().mean().item()
    assert share == pytest.approx(epsilon, abs=4 * math.sqrt(epsilon * (1 - epsilon) / 60_000))
    # A coin for every place: neighbours in either direction agree as often as chance has it.
    for same in (true[1:] == true[:-1], true[:, 1:] == true[:, :-1]):
        assert same.double().mean().item() == pytest.approx(
            epsilon**2 + (1 - epsilon) ** 2, abs=0.01
        )
    assert torch.equal(targets, before[0]) and torch.equal(predictions, before[1])


def test_scheduled_inputs_of_one_step_repeat_with_their_generator():
    targets, predictions = torch.zeros(50).long(), torch.ones(50).long()
    before = torch.get_rng_state()
    first, again, other = (
        exposure.scheduled_inputs(targets, predictions, 0.5, seeded(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (50,) and first.dtype == torch.int64
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_scheduled_inputs_refuse():
    words = torch.zeros(2, 3).long()
    for epsilon in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="epsilon"):
            exposure.scheduled_inputs(words, words, epsilon, seeded())
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 1\)"):
        exposure.scheduled_inputs(words, words[:, :1], 0.5, seeded())


def test_schedules():
    assert [exposure.linear_decay(i, 1.0, 0.25, 0.1) for i in range(5)] == [1, 0.75, 0.5, 0.25, 0.1]
    assert [exposure.exponential_decay(i, 0.5) for i in range(4)] == [1, 0.5, 0.25, 0.125]
    for i in (0, 1, 7, 50):
        for k in (1, 5.0, 20):
            expected = k / (k + math.exp(i / k))
            assert exposure.inverse_sigmoid_decay(i, k) == pytest.approx(expected, rel=1e-12)
    assert exposure.inverse_sigmoid_decay(10**6, 1) == 0  # where exp(i / k) would overflow


# --- Data as Demonstrator -----------------------------------------------------------------------


def test_dad_pairs_own_predictions_with_the_true_next(draw):
    B, T, D, M = 3, 5, 2, 4
    A, U, xs, h_0 = draw(D, D), draw(2, D), draw(B, T, D), draw(B, 2)
    A.requires_grad_()

    def step(x, state):
        (h,) = state
        assert not torch.is_grad_enabled()
        return x @ A + h @ U, (h + x[:, :1],)

    old_inputs, old_targets = draw(M, T - 1, D), draw(M, T - 1, D)
    inputs, targets = exposure.dad_dataset(step, (h_0,), xs, old_inputs, old_targets)
    assert inputs.shape == targets.shape == (M + B, T - 1, D)
    close(inputs[:M], old_inputs)
    close(targets[:M], old_targets)
    for b in range(B):
        x, h = xs[b, 0], h_0[b]
        for t in range(T - 1):
            close(inputs[M + b, t], x)
            close(targets[M + b, t], xs[b, t + 1])  # the truth, not the next prediction
            x, h = x @ A.detach() + h @ U, h + x[0]
    assert not inputs.requires_grad


def test_dad_of_tokens_and_of_the_shortest_sequence():
    tokens = torch.tensor([[1, 5, 5, 5], [2, 7, 7, 7]])
    inputs, targets = exposure.dad_dataset(
        lambda x, state: (x + 1, state), None, tokens, tokens[:, :-1], tokens[:, 1:]
    )
    assert inputs.tolist() == [[1, 5, 5], [2, 7, 7], [1, 2, 3], [2, 3, 4]]
    assert targets.tolist() == [[5, 5, 5], [7, 7, 7]] * 2
    short = tokens[:, :2]
    inputs, targets = exposure.dad_dataset(None, None, short, short[:, :1], short[:, 1:])
    assert inputs.tolist() == [[1], [2], [1], [2]] and targets.tolist() == [[5], [7], [5], [7]]
    with pytest.raises(ValueError, match="T = 1"):
        exposure.dad_dataset(None, None, tokens[:, :1], short[:, :1], short[:, 1:])


# --- MIXER --------------------------------------------------------------------------------------


def mixer_case(draw, lengths, T, V=5, H=3):
    B = len(lengths)
    return {
        "logits": draw(B, T, V),
        "hs": draw(B, T, H),
        "tokens": torch.randint(V, (B, T), generator=seeded(8)),
        "mask": torch.tensor([[t < length for t in range(T)] for length in lengths]),
        "reward": draw(B),
        "w": draw(H),
        "b": draw(),
    }


@pytest.mark.parametrize("s", [0, 1, 2, 4, 9])
@pytest.mark.parametrize("lengths, T", [([4, 2, 3], 4), ([1], 1), ([0, 2], 3)])
def test_mixer_word_by_word(draw, lengths, T, s):
    case = mixer_case(draw, lengths, T)
    B, loss, baseline_loss = len(lengths), 0.0, 0.0
    for b, length in enumerate(lengths):
        for t in range(length):
            e = [math.exp(x) for x in case["logits"][b, t].tolist()]
            log_p = math.log(e[case["tokens"][b, t]] / sum(e))
            if t < s:
                loss -= log_p
                continue
            expected = sum(
                h * w for h, w in zip(case["hs"][b, t].tolist(), case["w"].tolist(), strict=True)
            )
            expected += case["b"].item()
            advantage = case["reward"][b].item() - expected
            loss -= advantage * log_p
            baseline_loss += advantage**2
    ours = exposure.mixer_loss(**case, s=s)
    assert ours[0].item() == pytest.approx(loss / B, rel=1e-10, abs=1e-12)
    assert ours[1].item() == pytest.approx(baseline_loss / B, rel=1e-10, abs=1e-12)


def test_mixer_with_all_words_given_is_cross_entropy(draw):
    case = mixer_case(draw, [4, 2, 3], 4)
    logits = case["logits"].requires_grad_()
    loss, baseline_loss = exposure.mixer_loss(**case, s=4)
    expected = F.cross_entropy(
        logits.flatten(0, 1),
        case["tokens"].masked_fill(~case["mask"], -100).flatten(),
        reduction="sum",
    )
    close(loss, expected / 3)
    assert baseline_loss == 0
    close(torch.autograd.grad(loss, logits)[0], torch.autograd.grad(expected / 3, logits)[0])


def test_mixer_gradients_reach_only_what_they_should(draw):
    case = mixer_case(draw, [4, 2, 3], 4)
    for name in ("logits", "hs", "w", "b", "reward"):
        case[name].requires_grad_()
    names = ("logits", "hs", "w", "b")
    loss, baseline_loss = exposure.mixer_loss(**case, s=1)

    def reached(value):
        grads = torch.autograd.grad(value, [case[n] for n in names], allow_unused=True)
        return {n for n, g in zip(names, grads, strict=True) if g is not None and (g != 0).any()}

    assert reached(loss) == {"logits"}
    assert reached(baseline_loss) == {"w", "b"}


def test_mixer_gradient_is_that_of_the_expected_reward(draw):
    # One step, V words, each with its own reward: averaged over the words as the model draws them,
    # the gradient of the loss is minus the gradient of sum_v p(v) r(v), whatever the baseline is.
    V = 4
    logits, rewards = draw(1, 1, V), draw(V)
    p = logits.flatten().softmax(0)
    total = torch.zeros(V, dtype=torch.float64)
    for v in range(V):
        leaf = logits.clone().requires_grad_()
        loss, _ = exposure.mixer_loss(
            leaf,
            torch.ones(1, 1, 2, dtype=torch.float64),
            torch.tensor([[v]]),
            torch.tensor([[True]]),
            rewards[v : v + 1],
            0,
            torch.tensor([0.3, -0.8], dtype=torch.float64),
            torch.tensor(0.1, dtype=torch.float64),
        )
        total += p[v] * torch.autograd.grad(loss, leaf)[0].flatten()
    close(total, -p * (rewards - (p * rewards).sum()))


def test_mixer_never_sees_the_padding(draw):
    clean = mixer_case(draw, [2, 4], 4)
    dirty = {name: value.clone() for name, value in clean.items()}
    dirty["logits"][0, 2:] = math.nan
    dirty["hs"][0, 2:] = math.nan
    dirty["tokens"][0, 2:] = 10**6
    results = []
    for case in (clean, dirty):
        case["logits"].requires_grad_()
        case["w"].requires_grad_()
        loss, baseline_loss = exposure.mixer_loss(**case, s=1)
        gradients = torch.autograd.grad(loss + baseline_loss, [case["logits"], case["w"]])
        results.append((loss, baseline_loss, *gradients))
    for value, other_value in zip(*results, strict=True):
        close(other_value, value)
    with pytest.raises(ValueError, match="boolean"):
        exposure.mixer_loss(**clean | {"mask": clean["mask"].long()}, s=1)


def test_mixer_keeps_float32(draw):
    case = {
        k: v.float() if v.is_floating_point() else v for k, v in mixer_case(draw, [2, 3], 3).items()
    }
    assert all(value.dtype == torch.float32 for value in exposure.mixer_loss(**case, s=1))


def test_annealing():
    words = [exposure.annealed_words(epoch, 7, first=3, every=2, delta=3) for epoch in range(11)]
    assert words == [7, 7, 7, 4, 4, 1, 1, 0, 0, 0, 0]
    assert exposure.annealed_words(0, 7, first=0, every=1, delta=2) == 5


# --- RAML ---------------------------------------------------------------------------------------


def exact_distribution(target, V, tau, weight):
    """q(y) over all strings, each weighted by `weight(distance)`."""
    weights = {
        y: weight(sum(a != b for a, b in zip(y, target, strict=True)))
        for y in itertools.product(range(V), repeat=len(target))
    }
    total = sum(weights.values())
    return {y: w / total for y, w in weights.items()}


# The 0.999 quantiles of chi-square.
CHI_SQUARE = {7: 24.32, 26: 54.05}


@pytest.mark.parametrize("tau", [0.5, 1.5])
@pytest.mark.parametrize("V, target", [(3, (2, 0, 1)), (2, (0, 1, 1)), (8, (5,))])
@pytest.mark.parametrize("exact", [True, False])
def test_raml_samples_the_distribution(V, target, tau, exact):
    """All strings are enumerated; nothing of how the sample is drawn is assumed."""
    total = 30_000

    def q(tau):
        # Released: the reward of an edit is larger by log(V - 1) * tau.
        cost = 1 / tau if exact else 1 / tau + math.log(V - 1)
        return exact_distribution(target, V, tau, lambda e: math.exp(-e * cost))

    tokens = torch.tensor(target).expand(total, -1)
    mask = torch.ones_like(tokens, dtype=torch.bool)
    sampled = exposure.raml_sample(tokens, mask, V, tau, seeded(3), exact)
    counts = Counter(tuple(row) for row in sampled.tolist())

    def statistic(probs):
        assert len(probs) == V ** len(target) and set(counts) <= set(probs)
        # Strings that are expected less than five times count as one.
        rare = {y for y, p in probs.items() if total * p < 5}
        cells = [(counts[y], total * p) for y, p in probs.items() if y not in rare]
        if rare:
            cells.append((sum(counts[y] for y in rare), total * sum(probs[y] for y in rare)))
        return sum((count - expected) ** 2 / expected for count, expected in cells)

    limit = CHI_SQUARE[V ** len(target) - 1]
    assert statistic(q(tau)) < limit
    assert statistic(q(1.3 * tau)) > limit  # the test could have failed


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("V, tau", [(2, 0.9), (3, 0.4), (5, 2.0)])
def test_edit_counts_by_enumeration(V, tau, exact):
    lengths = torch.tensor([2, 0, 4, 1])
    probs = exposure.edit_count_probs(lengths, V, tau, exact)
    assert probs.shape == (4, 5)
    for row, m in zip(probs, lengths.tolist(), strict=True):
        target = tuple(v % V for v in range(m))
        if exact:
            q = exact_distribution(target, V, tau, lambda e: math.exp(-e / tau))
        else:  # each place is edited or not, and what it becomes does not count
            q = exact_distribution((0,) * m, 2, tau, lambda e: math.exp(-e / tau))
            target = (0,) * m
        expected = [0.0] * 5
        for y, p in q.items():
            expected[sum(a != b for a, b in zip(y, target, strict=True))] += p
        close(row, torch.tensor(expected, dtype=torch.float64))


def test_edit_counts_of_a_real_vocabulary():
    e = torch.arange(21, dtype=torch.float64)
    means = {
        exact: (exposure.edit_count_probs(torch.tensor([20]), 10_000, 0.85, exact)[0] * e).sum()
        for exact in (True, False)
    }
    assert means[True].item() == pytest.approx(19.9935, abs=1e-4)  # almost pure noise
    assert means[False].item() == pytest.approx(4.714, abs=1e-3)
    # The places are independent of each other, so that both have a closed form.
    for exact, odds in [(True, 9999 * math.exp(-1 / 0.85)), (False, math.exp(-1 / 0.85))]:
        assert means[exact].item() == pytest.approx(20 * odds / (1 + odds), rel=1e-9)


def test_the_released_form_is_the_exact_one_for_a_scaled_reward():
    V, tau, lengths = 50, 0.7, torch.tensor([9, 3])
    scaled = tau / (
        1 + tau * math.log(V - 1)
    )  # exp(-e / scaled) = exp(-e (1 + tau log(V-1)) / tau)
    close(
        exposure.edit_count_probs(lengths, V, scaled, exact=True),
        exposure.edit_count_probs(lengths, V, tau, exact=False),
    )


def test_edit_counts_of_long_sentences_stay_finite():
    probs = exposure.edit_count_probs(torch.tensor([2000]), 50_000, 0.05)
    assert probs.isfinite().all() and probs.sum().item() == pytest.approx(1)


def test_raml_edits_only_under_the_mask_and_its_distance_is_the_count():
    targets = torch.tensor([[3, 1, 4, 2, -100], [2, 2, 0, 0, 0], [1, 2, 0, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1]]).bool()
    copy, before = targets.clone(), torch.get_rng_state()
    distances = Counter()
    for seed in range(400):
        sampled = exposure.raml_sample(targets, mask, 5, 1.0, seeded(seed))
        assert sampled.dtype == torch.int64 and torch.equal(sampled[~mask], targets[~mask])
        assert ((sampled >= 0) & (sampled < 5))[mask].all()
        distances[(sampled[0] != targets[0]).sum().item()] += 1
        assert edit_distance(sampled[0].tolist(), targets[0].tolist()) <= 3
    probs = exposure.edit_count_probs(torch.tensor([3]), 5, 1.0)[0]
    for e in range(4):
        assert distances[e] / 400 == pytest.approx(probs[e].item(), abs=0.08)
    assert torch.equal(targets, copy) and torch.equal(torch.get_rng_state(), before)
    first, again = (exposure.raml_sample(targets, mask, 5, 1.0, seeded(7)) for _ in range(2))
    assert torch.equal(first, again)


def test_raml_refuses():
    targets, mask = torch.zeros(2, 3).long(), torch.ones(2, 3).bool()
    with pytest.raises(ValueError, match="V is 1"):
        exposure.raml_sample(targets, mask, 1, 1.0, seeded())
    with pytest.raises(ValueError, match="tau is 0"):
        exposure.raml_sample(targets, mask, 4, 0, seeded())
    with pytest.raises(ValueError, match="boolean"):
        exposure.raml_sample(targets, mask.long(), 4, 1.0, seeded())
