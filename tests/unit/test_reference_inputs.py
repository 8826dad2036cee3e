"""From words to vectors, against plain Python, torch's own modules and formulas written out."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from rnncourse.reference import inputs
from rnncourse.reference.inputs import BOS, EOS, PAD, SPECIALS, UNK


@pytest.fixture
def draw():
    generator = torch.Generator().manual_seed(20180206)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


def close(actual, expected):
    torch.testing.assert_close(
        actual, torch.as_tensor(expected, dtype=torch.float64), rtol=1e-10, atol=1e-12
    )


# --- from words to numbers ----------------------------------------------------------------------

SENTENCES = [["the", "cat", "saw", "the", "dog"], ["a", "dog", "saw", "the", "bee"], []]


def test_specials():
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)
    assert SPECIALS == ("<pad>", "<unk>", "<s>", "</s>")


def test_vocab_is_by_count_then_by_alphabet():
    expected = [*SPECIALS, "the", "dog", "saw", "a", "bee", "cat"]
    vocab = inputs.build_vocab(SENTENCES)
    assert vocab == {word: number for number, word in enumerate(expected)}
    assert list(vocab) == expected
    assert list(inputs.build_vocab(SENTENCES[::-1])) == expected
    assert list(inputs.build_vocab(iter(SENTENCES))) == expected


@pytest.mark.parametrize(
    "given, words",
    [
        ({"min_count": 2}, ["the", "dog", "saw"]),
        ({"min_count": 3}, ["the"]),
        ({"min_count": 4}, []),
        ({"max_size": 6}, ["the", "dog"]),
        ({"max_size": 4}, []),
        ({"max_size": 100}, ["the", "dog", "saw", "a", "bee", "cat"]),
        ({"min_count": 2, "max_size": 8}, ["the", "dog", "saw"]),
    ],
)
def test_vocab_limits(given, words):
    assert list(inputs.build_vocab(SENTENCES, **given)) == [*SPECIALS, *words]


def test_vocab_enters_no_word_twice():
    vocab = inputs.build_vocab([["<unk>", "b", "<unk>", "</s>"]])
    assert vocab == {"<pad>": 0, "<unk>": 1, "<s>": 2, "</s>": 3, "b": 4}


def test_vocab_without_sentences_and_without_room():
    assert list(inputs.build_vocab([])) == list(SPECIALS)
    with pytest.raises(ValueError, match="max_size is 3"):
        inputs.build_vocab(SENTENCES, max_size=3)


def test_encode_and_decode():
    vocab = inputs.build_vocab(SENTENCES)
    ids = inputs.encode(["the", "cow", "saw", "<s>"], vocab)
    assert ids == [4, UNK, 6, BOS]
    assert inputs.decode(ids, vocab) == ["the", "<unk>", "saw", "<s>"]
    assert inputs.decode(torch.tensor(ids), vocab) == ["the", "<unk>", "saw", "<s>"]
    assert inputs.encode([], vocab) == inputs.decode([], vocab) == []
    for sentence in SENTENCES:
        assert inputs.decode(inputs.encode(sentence, vocab), vocab) == sentence


@pytest.mark.parametrize("number", [10, -1])
def test_decode_refuses_a_number_without_a_word(number):
    with pytest.raises(ValueError, match=f"number {number}.* 10 words"):
        inputs.decode([4, number], inputs.build_vocab(SENTENCES))


@pytest.mark.parametrize("kind", [list, torch.tensor])
def test_pad_batch(kind):
    tokens, lengths = inputs.pad_batch([kind([5, 6]), kind([7, 8, 9]), kind([4])])
    assert tokens.tolist() == [[5, 6, PAD], [7, 8, 9], [4, PAD, PAD]]
    assert lengths.tolist() == [2, 3, 1]
    assert tokens.dtype == lengths.dtype == torch.long


def test_pad_batch_at_its_ends():
    tokens, lengths = inputs.pad_batch([[], [7, 8]], pad=-100)
    assert tokens.tolist() == [[-100, -100], [7, 8]] and lengths.tolist() == [0, 2]
    tokens, lengths = inputs.pad_batch([[]])
    assert tokens.shape == (1, 0) and lengths.tolist() == [0]
    tokens, lengths = inputs.pad_batch([])
    assert tokens.shape == (0, 0) and lengths.shape == (0,)


def test_sequence_mask():
    mask = inputs.sequence_mask(torch.tensor([2, 0, 3]))
    assert mask.dtype == torch.bool
    assert mask.int().tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]
    assert inputs.sequence_mask([1, 2], T=4).int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0]]
    assert inputs.sequence_mask(torch.tensor([1], dtype=torch.int32)).tolist() == [[True]]
    assert inputs.sequence_mask(torch.zeros(3, dtype=torch.long)).shape == (3, 0)


@pytest.mark.parametrize("lengths, T", [([1, 5], 4), ([-1, 2], None), ([[1], [2]], None)])
def test_sequence_mask_refuses(lengths, T):
    with pytest.raises(ValueError, match="lengths"):
        inputs.sequence_mask(torch.tensor(lengths), T)


def test_padding_and_mask_fit(draw):
    sequences = [[4] * n for n in (3, 1, 0, 5)]
    tokens, lengths = inputs.pad_batch(sequences)
    assert torch.equal(inputs.sequence_mask(lengths, tokens.shape[1]), tokens != PAD)


# --- from numbers to vectors --------------------------------------------------------------------


def test_one_hot():
    hot = inputs.one_hot(torch.tensor([[2, 0], [1, 2], [0, 0]]), 4)
    assert hot.shape == (3, 2, 4) and hot.dtype == torch.float32
    assert hot[0].tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]
    assert hot[1].tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]
    assert inputs.one_hot(torch.tensor(1), 2, torch.float64).dtype == torch.float64


@pytest.mark.parametrize("token", [4, -1])
def test_one_hot_refuses_words_that_are_not_there(token):
    with pytest.raises(ValueError, match="V-1 = 3"):
        inputs.one_hot(torch.tensor([0, token]), 4)


@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (4,), ()])
@pytest.mark.parametrize("V, D", [(7, 2), (1, 1)])
def test_embed_is_one_hot_times_e(draw, shape, V, D):
    tokens = torch.arange(math.prod(shape)).reshape(shape) * 3 % V
    E = draw(V, D)
    expected = np.zeros((*shape, V))
    for place in np.ndindex(shape):
        expected[(*place, int(tokens[place]))] = 1
    close(inputs.embed(tokens, E), expected @ E.numpy())
    close(inputs.one_hot(tokens, V, torch.float64) @ E, expected @ E.numpy())


def test_embed_gives_gradient_to_looked_up_rows_only(draw):
    E, k = draw(6, 2).requires_grad_(), draw(2, 3, 2)
    tokens = torch.tensor([[4, 1, 4], [2, 4, 1]])
    (inputs.embed(tokens, E) * k).sum().backward()
    expected = torch.zeros(6, 2, dtype=torch.float64)
    expected[4] = k[0, 0] + k[0, 2] + k[1, 1]
    expected[1] = k[0, 1] + k[1, 2]
    expected[2] = k[1, 0]
    close(E.grad, expected)
    assert (E.grad[[0, 3, 5]] == 0).all()


@pytest.mark.parametrize("token", [6, -1])
def test_embed_refuses_words_that_are_not_there(draw, token):
    with pytest.raises(IndexError):
        inputs.embed(torch.tensor([[0, token]]), draw(6, 2))


# --- the neural language model ------------------------------------------------------------------


def nplm_weights(draw, V, D, N, K):
    return [draw(V, D), draw(N * D, K), draw(K), draw(K, V), draw(N * D, V), draw(V)]


@pytest.mark.parametrize("B, V, D, N, K", [(3, 7, 2, 4, 5), (1, 2, 3, 1, 4), (2, 3, 1, 2, 1)])
def test_nplm_as_the_paper_has_it(draw, B, V, D, N, K):
    E, H, d, U, W, b = nplm_weights(draw, V, D, N, K)
    tokens = torch.arange(B * N).reshape(B, N) * 5 % V
    expected = np.zeros((B, V))
    for row in range(B):  # columns, matrices from the left: y = b + Wx + U tanh(d + Hx)
        x = np.concatenate([E[token].numpy() for token in tokens[row]])[:, None]
        hidden = np.tanh(d.numpy()[:, None] + H.numpy().T @ x)
        y = b.numpy()[:, None] + W.numpy().T @ x + U.numpy().T @ hidden
        expected[row] = y[:, 0]
    close(inputs.nplm_logits(tokens, E, H, d, U, W, b), expected)


def test_nplm_gradient(draw):
    tokens = torch.tensor([[0, 2, 2], [3, 1, 0]])
    weights = [w.requires_grad_() for w in nplm_weights(draw, 4, 2, 3, 5)]
    assert gradcheck(lambda *w: inputs.nplm_logits(tokens, *w), weights)


# --- skip-gram ----------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 2, 9])
@pytest.mark.parametrize("tokens", [[5, 6, 7, 5, 8], [4, 4], [3], []])
def test_skipgram_pairs(tokens, window):
    expected = []
    for i in range(len(tokens)):
        for j in range(len(tokens)):
            if i != j and abs(i - j) <= window:
                expected.append([tokens[i], tokens[j]])
    for given in (tokens, torch.tensor(tokens, dtype=torch.long)):
        pairs = inputs.skipgram_pairs(given, window)
        assert pairs.shape == (len(expected), 2) and pairs.dtype == torch.long
        assert pairs.tolist() == expected


def test_skipgram_refuses_a_window_without_words():
    with pytest.raises(ValueError, match="window is 0"):
        inputs.skipgram_pairs([1, 2], 0)


@pytest.mark.parametrize("B, K, D", [(3, 4, 2), (1, 1, 1), (2, 1, 3)])
def test_negative_sampling_number_by_number(draw, B, K, D):
    center, context, negatives = draw(B, D), draw(B, D), draw(B, K, D)
    expected = np.zeros(B)
    for b in range(B):
        score = sum(float(center[b, d] * context[b, d]) for d in range(D))
        expected[b] -= math.log(1 / (1 + math.exp(-score)))
        for k in range(K):
            score = sum(float(center[b, d] * negatives[b, k, d]) for d in range(D))
            expected[b] -= math.log(1 / (1 + math.exp(score)))
    close(inputs.negative_sampling_loss(center, context, negatives), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_negative_sampling_of_very_wrong_scores(dtype):
    center = torch.tensor([[1.0]], dtype=dtype, requires_grad=True)
    context = torch.tensor([[-1e3]], dtype=dtype)
    negatives = torch.tensor([[[2e3]]], dtype=dtype)
    loss = inputs.negative_sampling_loss(center, context, negatives)
    assert loss.dtype == dtype and loss.tolist() == [3000.0]
    loss.sum().backward()
    assert center.grad.tolist() == [[3000.0]]


def test_negative_sampling_gradient(draw):
    vectors = [draw(2, 3), draw(2, 3), draw(2, 4, 3)]
    assert gradcheck(inputs.negative_sampling_loss, [v.requires_grad_() for v in vectors])


def test_noise_distribution():
    counts = torch.tensor([0, 1, 16, 81])
    close(inputs.noise_distribution(counts.double()), [0, 1 / 36, 8 / 36, 27 / 36])
    close(inputs.noise_distribution(counts.double(), power=1), [0, 1 / 98, 16 / 98, 81 / 98])
    assert inputs.noise_distribution(counts).dtype == torch.float32
    for wrong in ([0, 0], [3, -1]):
        with pytest.raises(ValueError, match="counts"):
            inputs.noise_distribution(torch.tensor(wrong))


def test_skipgram_learns_who_stands_together():
    """The pieces together: words of two topics, never mixed, end up in two bunches."""
    generator = torch.Generator().manual_seed(1)
    topics = torch.randint(0, 2, (60, 1), generator=generator)
    sentences = 4 * topics + torch.randint(0, 4, (60, 6), generator=generator)  # words 0-3, 4-7
    pairs = torch.cat([inputs.skipgram_pairs(sentence, 2) for sentence in sentences])
    noise = inputs.noise_distribution(torch.bincount(sentences.flatten(), minlength=8))
    E, O = (0.1 * torch.randn(2, 8, 5, generator=generator)).unbind()
    E.requires_grad_(), O.requires_grad_()
    for _ in range(100):
        drawn = torch.multinomial(noise, 5 * len(pairs), replacement=True, generator=generator)
        loss = inputs.negative_sampling_loss(
            inputs.embed(pairs[:, 0], E),
            inputs.embed(pairs[:, 1], O),
            inputs.embed(drawn.view(-1, 5), O),
        ).mean()
        for table, slope in zip((E, O), torch.autograd.grad(loss, (E, O)), strict=True):
            table.data -= 5 * slope
    similar = torch.nn.functional.normalize(E.detach(), dim=1)
    similar = similar @ similar.T
    nearest = similar.fill_diagonal_(-1).topk(3, dim=1).indices
    assert all(int(j) // 4 == i // 4 for i in range(8) for j in nearest[i])
