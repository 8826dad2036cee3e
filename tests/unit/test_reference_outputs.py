"""What is done with the states, against loops over single sentences and single words."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck

from rnncourse.reference import cells, layers, outputs

RECURRENT = [layers.Elman, layers.LSTM, layers.GRU, cells.LSTM]


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(20180206)
    return lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)


def close(actual, expected):
    expected = torch.as_tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(actual.detach(), expected.detach(), rtol=1e-10, atol=1e-12)


def numpy_elman(rnn, xs, h):
    """The states of one sentence: xs (n, D), h (H,) -> list of n + 1, h first."""
    W_x, W_h = rnn.W_x.detach().numpy(), rnn.W_h.detach().numpy()
    states = [h]
    for x in xs:
        states.append(np.tanh(x @ W_x + states[-1] @ W_h))
    return states


def leaves(state):
    return [state] if isinstance(state, torch.Tensor) else [x for s in state for x in leaves(s)]


def mapped(f, state):
    return f(state) if isinstance(state, torch.Tensor) else tuple(mapped(f, s) for s in state)


# --- sum and classify ---------------------------------------------------------------------------


@pytest.mark.parametrize("junk", [5.0, math.inf, math.nan])
def test_sum_states(draw, junk):
    hs = draw(3, 4, 2)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]).bool()
    dirty = hs.clone()
    dirty[~mask] = junk
    dirty.requires_grad_()
    total = outputs.sum_states(dirty, mask)
    close(
        total,
        torch.stack([hs[0, 0] + hs[0, 1], hs[1, 0] + hs[1, 1] + hs[1, 2] + hs[1, 3], 0 * hs[2, 0]]),
    )
    (total**2).sum().backward()
    assert (dirty.grad[~mask] == 0).all()
    close(dirty.grad[0, 1], 2 * total[0])


def test_classifier_sentence_by_sentence(draw):
    V, D, H, C = 7, 3, 4, 2
    model = outputs.SentimentClassifier(layers.Elman(D, H), V, D, H, C).double()
    sentences = [[4, 5], [6, 1, 2, 3], [5]]
    tokens = torch.tensor([[4, 5, 0, 0], [6, 1, 2, 3], [5, 0, 0, 0]])
    logits = model(tokens, torch.tensor([2, 4, 1]))
    assert logits.shape == (3, C)
    E, W_soft = model.E.detach().numpy(), model.W_soft.detach().numpy()
    for b, sentence in enumerate(sentences):
        states = numpy_elman(model.rnn, E[sentence], np.zeros(H))
        close(logits[b], sum(states[1:]) @ W_soft)
    tokens[tokens == 0] = 6  # whatever stands in the padding
    close(model(tokens, torch.tensor([2, 4, 1])), logits)


class Leaky(nn.Module):
    """A network whose states go on in the padding, which is allowed."""

    def forward(self, xs, lengths=None, state=None):
        return xs.cumsum(dim=1), xs.sum(dim=1)


def test_classifier_masks_by_itself():
    model = outputs.SentimentClassifier(Leaky(), 5, 2, 2, 3).double()
    logits = model(torch.tensor([[1, 2, 3, 4]]), torch.tensor([2]))
    close(logits, (2 * model.E[1] + model.E[2])[None] @ model.W_soft)


@pytest.mark.parametrize("network", RECURRENT)
def test_classifier_takes_any_network(network):
    both = layers.Bidirectional(network(3, 2), network(3, 2))
    for rnn, H in [(network(3, 4), 4), (both, 4)]:
        model = outputs.SentimentClassifier(rnn, 7, 3, H, 2)
        model(torch.tensor([[4, 5, 0], [6, 1, 2]]), torch.tensor([2, 3])).sum().backward()
        assert all(p.grad is not None for p in model.parameters())
        # Only words that were read; word 0 stood in the padding alone.
        assert model.E.grad.abs().sum(dim=1).bool().tolist() == [
            i in (1, 2, 4, 5, 6) for i in range(7)
        ]


# --- language model -----------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True])
def test_language_model_sentence_by_sentence(tied):
    V, D, H = 7, 4, 4 if tied else 3
    model = outputs.LanguageModel(layers.Elman(D, H), V, D, H, tied=tied).double()
    tokens = torch.tensor([[2, 4, 5], [2, 6, 1]])
    logits, state = model(tokens)
    assert logits.shape == (2, 3, V)
    E = model.E.detach().numpy()
    W_soft = E.T if tied else model.W_soft.detach().numpy()
    for b in range(2):
        states = numpy_elman(model.rnn, E[tokens[b].numpy()], np.zeros(H))
        close(logits[b], np.stack(states[1:]) @ W_soft)
        close(state[b], states[-1])


@pytest.mark.parametrize("network", RECURRENT)
def test_language_model_goes_on_where_it_stopped(network):
    model = outputs.LanguageModel(network(3, 2), 7, 3, 2).double()
    tokens = torch.tensor([[2, 4, 5, 1, 6], [2, 6, 1, 1, 3]])
    whole, end = model(tokens)
    first, state = model(tokens[:, :2])
    second, last = model(tokens[:, 2:], state=state)
    close(torch.cat([first, second], dim=1), whole)
    for actual, expected in zip(leaves(last), leaves(end), strict=True):
        close(actual, expected)
    _, state = model(tokens, lengths=torch.tensor([2, 5]))
    close(leaves(state)[0][0], leaves(model(tokens[:1, :2])[1])[0][0])


def test_language_model_cannot_see_what_comes():
    model = outputs.LanguageModel(layers.LSTM(3, 2), 7, 3, 2).double()
    logits, _ = model(torch.tensor([[2, 4, 5, 1]]))
    changed, _ = model(torch.tensor([[2, 4, 6, 3]]))
    close(changed[:, :2], logits[:, :2])
    assert (changed[:, 2:] != logits[:, 2:]).any()


def test_tied_weights():
    model = outputs.LanguageModel(layers.LSTM(4, 4), 7, 4, 4, tied=True)
    assert {name: tuple(p.shape) for name, p in model.named_parameters()} == {
        "E": (7, 4),
        "rnn.W": (8, 16),
    }
    assert model.E.abs().max() <= 0.5
    untied = outputs.LanguageModel(layers.LSTM(3, 4), 7, 3, 4)
    assert {n: tuple(p.shape) for n, p in untied.named_parameters()} == {
        "E": (7, 3),
        "W_soft": (4, 7),
        "rnn.W": (7, 16),
    }
    with pytest.raises(ValueError, match="D = 3 and H = 4"):
        outputs.LanguageModel(layers.LSTM(3, 4), 7, 3, 4, tied=True)


# --- probabilities ------------------------------------------------------------------------------


def log_probs_by_hand(logits, targets, mask):
    B, T, V = logits.shape
    result = np.zeros((B, T))
    for b in range(B):
        for t in range(T):
            if mask[b, t]:
                exps = [math.exp(logits[b, t, v]) for v in range(V)]
                result[b, t] = math.log(exps[targets[b, t]] / sum(exps))
    return result


MASK = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]).bool()
TARGETS = torch.tensor([[4, 0, 1, 2], [3, 2, 2, 1], [0, 0, 0, 0]])


def test_sentence_log_prob_and_perplexity_number_by_number(draw):
    logits = 3 * draw(3, 4, 5)
    by_hand = log_probs_by_hand(logits, TARGETS, MASK)
    log_prob = outputs.sentence_log_prob(logits, TARGETS, MASK)
    close(log_prob, by_hand.sum(axis=1))
    assert log_prob[2] == 0  # an empty sentence is certain
    close(outputs.perplexity(logits, TARGETS, MASK), math.exp(-by_hand.sum() / 6))


@pytest.mark.parametrize("target", [0, -100, 5])
@pytest.mark.parametrize("junk", [7.0, math.inf, math.nan])
def test_probabilities_ignore_the_padding(draw, junk, target):
    logits = draw(3, 4, 5)
    expected = outputs.sentence_log_prob(logits, TARGETS, MASK)
    dirty, targets = logits.clone(), TARGETS.clone()
    dirty[~MASK], targets[~MASK] = junk, target
    dirty.requires_grad_()
    close(outputs.sentence_log_prob(dirty, targets, MASK), expected)
    perplexity = outputs.perplexity(dirty, targets, MASK)
    close(perplexity, outputs.perplexity(logits, TARGETS, MASK))
    perplexity.backward()
    assert (dirty.grad[~MASK] == 0).all() and (dirty.grad[MASK] != 0).all()


def test_perplexity_of_who_knows_nothing_and_who_knows_all():
    logits = torch.zeros(3, 4, 5, dtype=torch.float64)
    close(outputs.perplexity(logits, TARGETS, MASK), 5)
    logits = logits.scatter(2, TARGETS.unsqueeze(2), 1e4)
    close(outputs.perplexity(logits, TARGETS, MASK), 1)
    with pytest.raises(ValueError, match="no words"):
        outputs.perplexity(logits, TARGETS, torch.zeros_like(MASK))


def test_probabilities_of_very_wrong_scores():
    logits = torch.tensor([[[0.0, 1e4]]])
    mask = torch.ones(1, 1).bool()
    log_prob = outputs.sentence_log_prob(logits, torch.tensor([[0]]), mask)
    assert log_prob.dtype == torch.float32 and log_prob.tolist() == [-1e4]


def test_probabilities_gradient(draw):
    logits = draw(3, 4, 5).requires_grad_()
    assert gradcheck(lambda x: outputs.sentence_log_prob(x, TARGETS, MASK), [logits])
    assert gradcheck(lambda x: outputs.perplexity(x, TARGETS, MASK), [logits])


@pytest.mark.parametrize("target", [-1, 5])
def test_a_target_that_is_not_there_is_refused(draw, target):
    targets = TARGETS.clone()
    targets[1, 1] = target
    with pytest.raises((RuntimeError, IndexError)):
        outputs.sentence_log_prob(draw(3, 4, 5), targets, MASK)


def test_all_sentences_together_have_probability_one():
    """p(w) = prod p(w_t | w_<t) is a distribution: over all sentences of 3 words, its sum is 1."""
    V = 3
    model = outputs.LanguageModel(layers.GRU(2, 4), V + 1, 2, 4).double()
    words = torch.cartesian_prod(*[torch.arange(V + 1)] * 3)
    tokens = torch.cat([torch.full((len(words), 1), V), words[:, :-1]], dim=1)
    logits, _ = model(tokens)
    log_prob = outputs.sentence_log_prob(logits, words, torch.ones_like(words).bool())
    close(log_prob.exp().sum(), 1)


# --- sequence to sequence -----------------------------------------------------------------------

SOURCE = torch.tensor([[4, 5, 0, 0], [3, 1, 5, 2], [2, 0, 0, 0]])
LENGTHS = torch.tensor([2, 4, 1])
TARGET = torch.tensor([[2, 4, 6], [2, 5, 1], [2, 3, 3]])


def seq2seq(network, H=3):
    return outputs.Seq2Seq(network(2, H), network(2, H), 6, 7, 2, H).double()


def test_seq2seq_sentence_by_sentence():
    model = seq2seq(layers.Elman)
    logits = model(SOURCE, LENGTHS, TARGET)
    assert logits.shape == (3, 3, 7)
    E_source, E_target = model.E_source.detach().numpy(), model.E_target.detach().numpy()
    W_soft = model.W_soft.detach().numpy()
    for b, n in enumerate(LENGTHS):
        e_last = numpy_elman(model.encoder, E_source[SOURCE[b, :n].numpy()], np.zeros(3))[-1]
        fs = numpy_elman(model.decoder, E_target[TARGET[b].numpy()], e_last)
        close(logits[b], np.stack(fs[1:]) @ W_soft)


@pytest.mark.parametrize("network", RECURRENT)
def test_seq2seq_step_by_step_is_teacher_forcing(network):
    model = seq2seq(network)
    logits = model(SOURCE, LENGTHS, TARGET)
    state = model.start(SOURCE, LENGTHS)
    for t in range(3):
        assert isinstance(state, tuple) and all(leaf.shape[0] == 3 for leaf in leaves(state))
        scores, state = model.step(TARGET[:, t], state)
        close(scores, logits[:, t])


@pytest.mark.parametrize("network", RECURRENT)
def test_seq2seq_rows_of_a_state_can_be_chosen(network):
    model = seq2seq(network)
    rows = torch.tensor([2, 0, 0, 1, 2])
    words = torch.tensor([4, 4, 1, 3, 6])
    logits, state = model.step(words, mapped(lambda s: s[rows], model.start(SOURCE, LENGTHS)))
    for i, (row, word) in enumerate(zip(rows, words, strict=True)):
        alone = model.start(SOURCE[row, : LENGTHS[row]][None], LENGTHS[row][None])
        expected, expected_state = model.step(word[None], alone)
        close(logits[i], expected[0])
        for row, expected in zip(leaves(state), leaves(expected_state), strict=True):
            close(row[i], expected[0])


def test_seq2seq_padding_and_future_are_not_seen():
    model = seq2seq(layers.LSTM)
    logits = model(SOURCE, LENGTHS, TARGET)
    other = SOURCE.clone()
    other[SOURCE == 0] = 3
    close(model(other, LENGTHS, TARGET), logits)
    changed = TARGET.clone()
    changed[:, 1] = 0
    close(model(SOURCE, LENGTHS, changed)[:, :1], logits[:, :1])
    assert (model(SOURCE, LENGTHS, changed)[:, 1:] != logits[:, 1:]).all()


def test_seq2seq_parameters_and_a_bidirectional_encoder():
    encoder = layers.Bidirectional(layers.LSTM(2, 1), layers.LSTM(2, 2))
    model = outputs.Seq2Seq(encoder, layers.LSTM(2, 3), 6, 7, 2, 3)
    shapes = {n: tuple(p.shape) for n, p in model.named_parameters() if "coder" not in n}
    assert shapes == {"E_source": (6, 2), "E_target": (7, 2), "W_soft": (3, 7)}
    model(SOURCE, LENGTHS, TARGET).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert (encoder.backwards.W.grad != 0).any()


def test_seq2seq_learns_to_reverse():
    """All of it together: three words, said backwards."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = outputs.Seq2Seq(layers.GRU(16, 48), layers.GRU(16, 48), 8, 8, 16, 48)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        source = torch.randint(4, 8, (32, 3), generator=generator)
        target = torch.cat([torch.full((32, 1), 2), source.flip(1)], dim=1)
        logits = model(source, torch.full((32,), 3), target[:, :-1])
        mask = torch.ones_like(source).bool()
        loss = -outputs.sentence_log_prob(logits, target[:, 1:], mask).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    source = torch.cartesian_prod(*[torch.arange(4, 8)] * 3)
    state, tokens, said = model.start(source, torch.full((64,), 3)), torch.full((64,), 2), []
    for _ in range(3):
        logits, state = model.step(tokens, state)
        tokens = logits.argmax(dim=1)
        said.append(tokens)
    assert (torch.stack(said, dim=1) == source.flip(1)).double().mean() > 0.95


def test_everything_public_is_documented():
    for name in outputs.__all__:
        assert "Source: lecture section 4" in getattr(outputs, name).__doc__, name
