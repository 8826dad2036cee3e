"""Attention against loops over single numbers, and against itself step by step."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from rnncourse.reference import attention, cells, layers

# (B, T, S, H): all different, then each of them 1.
SIZES = [(3, 4, 5, 2), (1, 3, 4, 2), (2, 1, 4, 3), (2, 3, 1, 4), (2, 4, 3, 1), (1, 1, 1, 1)]
sizes = pytest.mark.parametrize("B, T, S, H", SIZES)


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(20180206)
    return lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)


def close(actual, expected):
    expected = torch.as_tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(actual.detach(), expected.detach(), rtol=1e-10, atol=1e-12)


def leaves(state):
    return [state] if isinstance(state, torch.Tensor) else [x for s in state for x in leaves(s)]


def mapped(f, state):
    return f(state) if isinstance(state, torch.Tensor) else tuple(mapped(f, s) for s in state)


# --- scores -------------------------------------------------------------------------------------


def scores(draw, H, K, A):
    """name -> (function, its weights, the score of one query with one key, in numpy)."""
    W, w_f, w_e, v, W_cat = draw(H, K), draw(H, A), draw(K, A), draw(A, 1), draw(H + K, A)

    def one_bahdanau(f, e):
        return (np.tanh(f @ w_f.numpy() + e @ w_e.numpy()) @ v.numpy()).item()

    def one_concat(f, e):  # in columns, as the paper has it: v^T tanh(W [f; e])
        both = np.concatenate([f, e])[:, None]
        return (v.numpy().T @ np.tanh(W_cat.numpy().T @ both)).item()

    return {
        "dot": (attention.dot_score, [], lambda f, e: float(sum(f * e))),
        "general": (attention.general_score, [W], lambda f, e: float(f @ W.numpy() @ e)),
        "bahdanau": (attention.bahdanau_score, [w_f, w_e, v], one_bahdanau),
        "concat": (attention.concat_score, [W_cat, v], one_concat),
    }


@sizes
@pytest.mark.parametrize("name", ["dot", "general", "bahdanau", "concat"])
def test_scores_one_by_one(draw, B, T, S, H, name):
    K, A = (H, H) if name == "dot" else (H + 1, H + 2)
    score, weights, score_of_pair = scores(draw, H, K, A)[name]
    queries, keys = draw(B, T, H), draw(B, S, K)
    expected = np.zeros((B, T, S))
    for b, t, s in np.ndindex(B, T, S):
        expected[b, t, s] = score_of_pair(queries[b, t].numpy(), keys[b, s].numpy())
    close(score(queries, keys, *weights), expected)
    for t in range(T):
        close(score(queries[:, t], keys, *weights), expected[:, t])


@pytest.mark.parametrize("name", ["dot", "general", "bahdanau", "concat"])
def test_scores_gradient_and_float32(draw, name):
    score, weights, _ = scores(draw, 2, 2 if name == "dot" else 3, 4)[name]
    tensors = [draw(2, 2), draw(2, 4, 2 if name == "dot" else 3), *weights]
    single = score(*(tensor.float() for tensor in tensors))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), score(*tensors), rtol=1e-4, atol=1e-5)
    assert gradcheck(score, [tensor.requires_grad_() for tensor in tensors])


# --- weights and context ------------------------------------------------------------------------


def mask_of(B, S):
    """Different lengths, the first row full."""
    return torch.arange(S) < torch.tensor([[max(1, S - 2 * b)] for b in range(B)])


@sizes
def test_attend_number_by_number(draw, B, T, S, H):
    queries, keys, mask = draw(B, T, H), draw(B, S, H), mask_of(B, S)
    expected_a, expected_c = np.zeros((B, T, S)), np.zeros((B, T, H))
    for b, t in np.ndindex(B, T):
        n = int(mask[b].sum())
        exps = [math.exp(float(queries[b, t] @ keys[b, s])) for s in range(n)]
        for s in range(n):
            expected_a[b, t, s] = exps[s] / sum(exps)
            expected_c[b, t] += exps[s] / sum(exps) * keys[b, s].numpy()
    context, weights = attention.attend(queries, keys, mask, attention.dot_score)
    close(weights, expected_a)
    close(context, expected_c)
    close(weights.sum(dim=-1), np.ones((B, T)))
    for t in range(T):
        context, weights = attention.attend(queries[:, t], keys, mask, attention.dot_score)
        close(weights, expected_a[:, t])
        close(context, expected_c[:, t])


@pytest.mark.parametrize("junk", [7.0, 1e300, math.inf, math.nan])
@pytest.mark.parametrize("name", ["dot", "bahdanau"])
@pytest.mark.parametrize("query", [(3, 2), (3, 4, 2)])
def test_attend_never_sees_what_is_masked(draw, junk, name, query):
    """A hole in the middle, an end, and a row with nothing at all."""
    mask = torch.tensor([[1, 0, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]).bool()
    score, weights, _ = scores(draw, 2, 2, 3)[name]
    query, keys, k = draw(*query), draw(3, 5, 2), draw(3, 2)
    results = []
    for masked in (0.0, junk):
        dirty = keys.clone()
        dirty[~mask] = masked
        inputs = [tensor.clone().requires_grad_() for tensor in (query, dirty, *weights)]
        q, e, *rest = inputs
        context, a = attention.attend(q, e, mask, lambda q, e, rest=rest: score(q, e, *rest))
        assert (a[0, ..., 1] == 0).all() and (a[1, ..., 2:] == 0).all()
        assert (a[2] == 0).all() and (context[2] == 0).all()
        close(a[:2].sum(dim=-1), torch.ones(a[:2].shape[:-1]))
        loss = (context.reshape(3, -1, 2) * k[:, None]).sum() + (a**2).sum()
        results.append((context, a, *torch.autograd.grad(loss, inputs)))
        assert (results[-1][3][~mask] == 0).all()
    for clean, dirty in zip(*results, strict=True):
        close(dirty, clean)


def test_attend_to_one_word_that_stands_out():
    keys = torch.tensor([[[1.0, 0], [0, 1], [1, 1]]])
    context, weights = attention.attend(
        torch.tensor([[-1e4, 1e4]]), keys, torch.ones(1, 3).bool(), attention.dot_score
    )
    assert weights.tolist() == [[0, 1, 0]] and context.tolist() == [[0, 1]]
    assert context.dtype == weights.dtype == torch.float32


def test_attend_leaves_its_inputs_alone_and_has_a_gradient(draw):
    query, keys, mask = draw(2, 3), draw(2, 4, 3), mask_of(2, 4)
    copies = query.clone(), keys.clone(), mask.clone()
    attention.attend(query, keys, mask, attention.dot_score)
    for now, then in zip((query, keys, mask), copies, strict=True):
        assert torch.equal(now, then)
    assert gradcheck(
        lambda q, e: attention.attend(q, e, mask, attention.dot_score),
        [query.requires_grad_(), keys.requires_grad_()],
    )


# --- the slides ---------------------------------------------------------------------------------


def test_attention_slide_bugs():
    assert attention.attention_slide_bugs() == {"slide": {"E", "J"}, "code": {"N", "P"}}
    attention.attention_slide_bugs()["code"].clear()
    assert attention.attention_slide_bugs()["code"] == {"N", "P"}


# --- translation --------------------------------------------------------------------------------

SOURCE = torch.tensor([[4, 5, 0, 0], [3, 1, 5, 2], [2, 0, 0, 0]])
LENGTHS = torch.tensor([2, 4, 1])
TARGET = torch.tensor([[2, 4, 6, 1, 1], [2, 5, 1, 3, 4], [2, 3, 3, 6, 0]])
variants = pytest.mark.parametrize(
    "score, combine",
    [(s, c) for s in ("dot", "general", "bahdanau") for c in ("luong", "context")],
)


def translator(network, score, combine, H=3):
    return attention.AttentionSeq2Seq(
        network(2, H), network(2, H), 6, 7, 2, H, score, combine
    ).double()


@variants
def test_translation_word_by_word_in_numpy(score, combine):
    model = translator(layers.Elman, score, combine)
    logits, weights = model.forward_with_weights(SOURCE, LENGTHS, TARGET)
    assert logits.shape == (3, 5, 7) and weights.shape == (3, 5, 4)
    close(model(SOURCE, LENGTHS, TARGET), logits)
    W = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}

    def g(f, e):
        if score == "bahdanau":
            return (np.tanh(f @ W["w_f"] + e @ W["w_e"]) @ W["v"]).item()
        return f @ W["W"] @ e if score == "general" else f @ e

    for b, n in enumerate(LENGTHS):
        es, h = [], np.zeros(3)
        for word in SOURCE[b, :n]:
            h = np.tanh(W["E_source"][word] @ W["encoder.W_x"] + h @ W["encoder.W_h"])
            es.append(h)
        for t, word in enumerate(TARGET[b]):
            h = np.tanh(W["E_target"][word] @ W["decoder.W_x"] + h @ W["decoder.W_h"])
            a = np.exp([g(h, e) for e in es])
            a = a / a.sum()
            c = sum(a_i * e_i for a_i, e_i in zip(a, es, strict=True))
            seen = np.tanh(np.concatenate([c, h]) @ W["W_c"]) if combine == "luong" else c
            close(logits[b, t], seen @ W["W_soft"])
            close(weights[b, t, :n], a)
            assert (weights[b, t, n:] == 0).all()


@variants
@pytest.mark.parametrize("network", [layers.LSTM, layers.GRU, cells.LSTM])
def test_step_by_step_is_teacher_forcing(network, score, combine):
    model = translator(network, score, combine)
    logits = model(SOURCE, LENGTHS, TARGET)
    state = model.start(SOURCE, LENGTHS)
    for t in range(TARGET.shape[1]):
        assert isinstance(state, tuple) and all(leaf.shape[0] == 3 for leaf in leaves(state))
        scores, state = model.step(TARGET[:, t], state)
        close(scores, logits[:, t])


@variants
def test_rows_of_a_state_can_be_chosen(score, combine):
    model = translator(layers.LSTM, score, combine)
    rows, words = torch.tensor([2, 0, 0, 1, 2]), torch.tensor([4, 4, 1, 3, 6])
    logits, state = model.step(words, mapped(lambda s: s[rows], model.start(SOURCE, LENGTHS)))
    again, _ = model.step(words.flip(0), state)
    for i, row in enumerate(rows):
        alone = model.start(SOURCE[row, : LENGTHS[row]][None], LENGTHS[row][None])
        expected, alone = model.step(words[i][None], alone)
        close(logits[i], expected[0])
        close(again[i], model.step(words[4 - i][None], alone)[0][0])


@variants
def test_padding_and_future_are_not_seen(score, combine):
    model = translator(layers.LSTM, score, combine)
    logits = model(SOURCE, LENGTHS, TARGET)
    other = SOURCE.clone()
    other[SOURCE == 0] = 3
    close(model(other, LENGTHS, TARGET), logits)
    changed = TARGET.clone()
    changed[:, 2] = 0
    close(model(SOURCE, LENGTHS, changed)[:, :2], logits[:, :2])
    # One word to look at gives one context: as printed, eq. 8 then says the same at every step.
    same = (logits[2] - logits[2, :1]).abs().max() < 1e-12
    assert same == (combine == "context")


@variants
def test_all_parameters_learn(score, combine):
    encoder = layers.Bidirectional(layers.LSTM(2, 1), layers.LSTM(2, 2))
    model = attention.AttentionSeq2Seq(
        encoder, layers.LSTM(2, 3), 6, 7, 2, 3, score, combine
    ).double()
    (model(SOURCE, LENGTHS, TARGET) ** 2).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and (parameter.grad != 0).any(), name
    own = {n: tuple(p.shape) for n, p in model.named_parameters() if "coder" not in n}
    expected = {"E_source": (6, 2), "E_target": (7, 2), "W_soft": (3, 7)}
    expected |= {"W": (3, 3)} if score == "general" else {}
    expected |= {"w_f": (3, 3), "w_e": (3, 3), "v": (3, 1)} if score == "bahdanau" else {}
    expected |= {"W_c": (6, 3)} if combine == "luong" else {}
    assert own == expected


def test_a_source_without_words_is_looked_at_in_vain():
    model = translator(layers.LSTM, "bahdanau", "luong")
    logits, weights = model.forward_with_weights(SOURCE, torch.tensor([2, 0, 1]), TARGET)
    assert (weights[1] == 0).all() and logits.isfinite().all()
    logits.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("given", [{"score": "luong"}, {"combine": "both"}])
def test_unknown_variants_are_refused(given):
    ((name, value),) = given.items()
    with pytest.raises(ValueError, match=f"{name} is '{value}'"):
        attention.AttentionSeq2Seq(layers.GRU(2, 3), layers.GRU(2, 3), 6, 7, 2, 3, **given)


def test_the_heat_map_of_a_reversal_is_a_diagonal():
    """All of it together: five words said backwards, and looked at backwards."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = attention.AttentionSeq2Seq(
        layers.GRU(16, 32), layers.GRU(16, 32), 14, 14, 16, 32, "general", "luong"
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def batch():
        source = torch.randint(4, 14, (32, 5), generator=generator)
        target = torch.cat([torch.full((32, 1), 2), source.flip(1)], dim=1)
        return source, torch.full((32,), 5), target

    for _ in range(200):
        source, lengths, target = batch()
        logits = model(source, lengths, target[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    source, lengths, target = batch()
    logits, weights = model.forward_with_weights(source, lengths, target[:, :-1])
    assert (logits.argmax(dim=2) == target[:, 1:]).double().mean() > 0.95
    assert (weights.argmax(dim=2) == torch.arange(5).flip(0)).double().mean() > 0.7


def test_everything_public_is_documented():
    for name in attention.__all__:
        assert "Source: " in getattr(attention, name).__doc__, name
