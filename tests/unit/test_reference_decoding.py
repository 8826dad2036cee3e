"""The decoders against enumeration of all sequences, a search written with lists, and counting."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch

from rnncourse.reference.decoding import beam_search, greedy_decode, sample_decode

BOS = 0


class Toy:
    """A little recurrent language model with weights of its own for each seed.

    In torch for the decoders, batched, its state nested: (h, (source,)); in numpy for the oracles,
    one sequence at a time.
    """

    def __init__(self, V, seed, N, H=6, dtype=torch.float64):
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape):
            return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

        self.E, self.U, self.O = 1.5 * draw(V, H), draw(H, H), 1.5 * draw(H, V)
        self.h, self.source = draw(N, H), draw(N, H)
        self.V, self.N, self.calls = V, N, []

    def start(self, rows=slice(None)):
        return self.h[rows], (self.source[rows],)

    def step(self, tokens, state):
        h, (source,) = state
        assert tokens.shape == (len(h),) and len(source) == len(h)
        self.calls.append(len(tokens))
        h = torch.tanh(self.E[tokens] + h @ self.U + source)
        return h @ self.O, (h, (source,))

    def log_probs(self, n, tokens):
        """log p of each next word of sentence n after bos and these tokens."""
        E, U, O = self.E.double().numpy(), self.U.double().numpy(), self.O.double().numpy()
        h, source = self.h[n].double().numpy(), self.source[n].double().numpy()
        for token in [BOS, *tokens]:
            h = np.tanh(E[token] + h @ U + source)
        logits = h @ O
        return logits - np.log(np.exp(logits).sum())

    def log_prob(self, n, tokens):
        return sum(self.log_probs(n, tokens[:t])[tokens[t]] for t in range(len(tokens)))


def penalty(n, alpha):
    return (5 + n) ** alpha / 6**alpha


def everything(V, eos, max_length):
    """All sequences that a decoder can return."""
    words = [v for v in range(V) if v != eos]
    for length in range(max_length):
        for begin in itertools.product(words, repeat=length):
            yield [*begin, eos]
    for whole in itertools.product(words, repeat=max_length):
        yield list(whole)


# --- greedy -------------------------------------------------------------------------------------


@pytest.mark.parametrize("V, N, max_length", [(7, 6, 9), (2, 3, 4), (5, 1, 1), (1, 2, 3)])
def test_greedy_takes_the_argmax_each_time(V, N, max_length):
    eos, endings = V - 1, []
    for seed in range(8):
        toy = Toy(V, seed, N)
        rows = greedy_decode(toy.step, toy.start(), BOS, eos, max_length)
        assert len(rows) == N
        for n in range(N):
            expected = []
            while len(expected) < max_length and eos not in expected:
                expected.append(int(toy.log_probs(n, expected).argmax()))
            assert rows[n] == expected
            endings.append(expected[-1] == eos)
        # It stops as soon as the last sentence has ended.
        assert len(toy.calls) == max(len(row) for row in rows)
    if V > 2 and max_length > 1:
        assert any(endings) and not all(endings)  # both ways to stop have occurred


def test_greedy_of_nothing():
    toy = Toy(4, 1, 3)
    assert greedy_decode(toy.step, toy.start(), BOS, 3, 0) == [[], [], []]
    assert greedy_decode(toy.step, toy.start(slice(0)), BOS, 3, 5) == []
    assert toy.calls == []


def test_a_state_may_be_a_plain_tensor_and_no_gradient_is_kept():
    logits = torch.tensor([[0.0, 2.0, 1.0]], requires_grad=True)
    seen = []

    def step(tokens, state):
        seen.append(state)
        return logits + state, state + torch.tensor([-3.0, 0.0, 1.0]) * logits.sum()

    start = torch.zeros(1, 3)
    assert greedy_decode(step, start, BOS, 2, 5) == [[1, 2]]
    assert not any(state.requires_grad for state in seen)
    assert (start == 0).all()
    assert beam_search(step, start, BOS, 2, 5, 1)[0][0][0] == [1, 2]


# --- sampling -----------------------------------------------------------------------------------

# The 0.999 quantiles of chi-square: what a right sampler exceeds once in a thousand seeds.
CHI_SQUARE = {2: 13.82, 4: 18.47, 5: 20.52, 14: 36.12}


def chi_square(counts, probs, total):
    assert set(counts) <= {key for key, p in probs.items() if p > 0}
    return sum((counts[key] - total * p) ** 2 / (total * p) for key, p in probs.items() if p > 0)


@pytest.mark.parametrize(
    "temperature, top_k, df",
    [(1.0, None, 5), (0.5, None, 5), (3.0, 9, 5), (1.0, 3, 2), (2.0, 5, 4)],
)
def test_sampling_one_word(temperature, top_k, df):
    total = 20_000
    logits = torch.tensor([0.3, -0.5, 1.2, 0.0, 0.9, -1.0], dtype=torch.float64)
    order = sorted(range(6), key=lambda v: -logits[v])[:top_k]

    def probs_at(temperature):
        weights = {v: math.exp(logits[v] / temperature) for v in order}
        return {v: weight / sum(weights.values()) for v, weight in weights.items()}

    rows = sample_decode(
        lambda tokens, state: (logits.expand(len(tokens), 6), state),
        torch.zeros(total, 1),
        BOS,
        1,
        1,
        temperature,
        top_k,
        torch.Generator().manual_seed(5),
    )
    counts = Counter(row[0] for row in rows)
    assert chi_square(counts, probs_at(temperature), total) < CHI_SQUARE[df]
    # The same counts are far from what a slightly other temperature would give.
    assert chi_square(counts, probs_at(1.2 * temperature), total) > CHI_SQUARE[df]


def test_sampling_whole_sequences():
    toy, total, eos = Toy(3, 6, 1), 20_000, 2
    start = tuple_of_rows(toy, total)
    rows = sample_decode(toy.step, start, BOS, eos, 3, 1.0, None, torch.Generator().manual_seed(6))
    probs = {tuple(y): math.exp(toy.log_prob(0, y)) for y in everything(3, eos, 3)}
    assert len(probs) == 15 and sum(probs.values()) == pytest.approx(1)
    counts = Counter(tuple(y) for y in rows)
    assert chi_square(counts, probs, total) < CHI_SQUARE[14]


def tuple_of_rows(toy, total):
    h, (source,) = toy.start()
    return h.expand(total, -1), (source.expand(total, -1),)


def test_sampling_at_its_ends_is_greedy():
    toy = Toy(6, 3, 5)
    greedy = greedy_decode(toy.step, toy.start(), BOS, 5, 8)
    for temperature, top_k in [(1e-4, None), (1.0, 1)]:
        generator = torch.Generator().manual_seed(1)
        rows = sample_decode(toy.step, toy.start(), BOS, 5, 8, temperature, top_k, generator)
        assert rows == greedy


def test_top_k_keeps_k_words_even_if_more_are_equal():
    rows = sample_decode(
        lambda tokens, state: (torch.zeros(len(tokens), 6), state),
        torch.zeros(500, 1),
        BOS,
        5,
        1,
        1.0,
        2,
        torch.Generator().manual_seed(1),
    )
    assert len({row[0] for row in rows}) == 2


def test_sampling_repeats_with_its_generator_and_leaves_torchs_alone():
    toy, before = Toy(6, 3, 5), torch.get_rng_state()
    first, again, other = (
        sample_decode(
            toy.step, toy.start(), BOS, 5, 8, 1.0, None, torch.Generator().manual_seed(seed)
        )
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("temperature, top_k", [(0, None), (-1.0, None), (1.0, 0), (1.0, -2)])
def test_sampling_refuses(temperature, top_k):
    toy = Toy(4, 1, 1)
    with pytest.raises(ValueError, match="temperature" if temperature <= 0 else "top_k"):
        sample_decode(toy.step, toy.start(), BOS, 3, 5, temperature, top_k, torch.Generator())


# --- beam search --------------------------------------------------------------------------------


def check_pairs(actual, expected):
    assert [tokens for tokens, _ in actual] == [tokens for tokens, _ in expected]
    for (_, score), (_, expected_score) in zip(actual, expected, strict=True):
        assert score == pytest.approx(expected_score, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize(
    "V, eos, N, max_length", [(4, 3, 3, 4), (4, 0, 1, 3), (3, 1, 2, 5), (2, 1, 2, 6), (1, 0, 2, 2)]
)
def test_a_large_beam_finds_all_sequences(V, eos, N, max_length, alpha):
    toy = Toy(V, 7, N)
    sequences = list(everything(V, eos, max_length))
    hypotheses = beam_search(toy.step, toy.start(), BOS, eos, max_length, len(sequences), alpha)
    assert len(hypotheses) == N
    for n in range(N):
        scored = [(y, toy.log_prob(n, y) / penalty(len(y), alpha)) for y in sequences]
        if V == 1:  # where eos is certain, every other sequence is impossible
            scored = [pair for pair in scored if pair[0] == [eos]]
        check_pairs(hypotheses[n], sorted(scored, key=lambda pair: -pair[1]))
        if alpha == 0:
            assert sum(math.exp(score) for _, score in hypotheses[n]) == pytest.approx(1)


def beam_with_lists(toy, n, eos, max_length, beam, alpha):
    """The search that the docstring describes, for one sentence, word by word."""
    going, finished = [([], 0.0)], []
    for length in range(1, max_length + 1):
        extended = [
            ([*tokens, v], value + log_p)
            for tokens, value in going
            for v, log_p in enumerate(toy.log_probs(n, tokens))
        ]
        extended.sort(key=lambda pair: -pair[1])
        for tokens, value in extended[:beam]:
            if tokens[-1] == eos:
                finished.append((tokens, value / penalty(length, alpha)))
        going = [pair for pair in extended if pair[0][-1] != eos][:beam]
        if len(finished) >= beam or not going:
            going = []
            break
    finished += [(tokens, value / penalty(max_length, alpha)) for tokens, value in going]
    return sorted(finished, key=lambda pair: -pair[1])[:beam]


@pytest.mark.parametrize("alpha", [0.0, 0.7])
@pytest.mark.parametrize("beam", [1, 2, 3, 5, 20])
def test_beam_search_is_the_search_with_lists(beam, alpha):
    cut = ended = 0
    for seed in range(6):
        toy = Toy(6, seed, 4)
        hypotheses = beam_search(toy.step, toy.start(), BOS, 5, 6, beam, alpha)
        for n in range(4):
            check_pairs(hypotheses[n], beam_with_lists(toy, n, 5, 6, beam, alpha))
            ended += sum(tokens[-1] == 5 for tokens, _ in hypotheses[n])
            cut += sum(tokens[-1] != 5 for tokens, _ in hypotheses[n])
    assert cut and ended


@pytest.mark.parametrize("alpha", [0.0, 0.6, 3.0])
def test_beam_one_is_greedy(alpha):
    for seed in range(10):
        toy = Toy(7, seed, 5)
        hypotheses = beam_search(toy.step, toy.start(), BOS, 6, 9, 1, alpha)
        greedy = greedy_decode(toy.step, toy.start(), BOS, 6, 9)
        assert [[tokens for tokens, _ in pairs] for pairs in hypotheses] == [
            [row] for row in greedy
        ]
        for n, ((tokens, score),) in enumerate(hypotheses):
            expected = toy.log_prob(n, tokens) / penalty(len(tokens), alpha)
            assert score == pytest.approx(expected)


def test_scores_are_those_of_the_sequences_and_a_wider_beam_can_only_win_here():
    better = 0
    for seed in range(10):
        toy = Toy(8, seed, 3)
        narrow = beam_search(toy.step, toy.start(), BOS, 7, 5, 1)
        wide = beam_search(toy.step, toy.start(), BOS, 7, 5, 200)
        for n in range(3):
            for tokens, score in wide[n][:20]:
                assert score == pytest.approx(toy.log_prob(n, tokens))
            assert wide[n][0][1] >= narrow[n][0][1] - 1e-12
            better += wide[n][0][1] > narrow[n][0][1] + 1e-9
    assert better > 0


def test_length_penalty_makes_longer_sequences_win():
    # eos has probability 0.4 at each step, "1" has 0.6.
    logits = torch.tensor([[-math.inf, math.log(0.6), math.log(0.4)]], dtype=torch.float64)

    def step(tokens, state):
        return logits.expand(len(tokens), 3), state

    lengths = []
    for alpha in (0.0, 1.0, 5.0):
        (((best, _), *_),) = beam_search(step, torch.zeros(1, 1), BOS, 2, 3, 10, alpha)
        lengths.append(len(best))
    assert lengths == [1, 1, 3]


def test_sentences_do_not_disturb_each_other():
    toy = Toy(7, 5, 6)
    together = beam_search(toy.step, toy.start(), BOS, 6, 8, 3, 0.6)
    for n in range(6):
        (alone,) = beam_search(toy.step, toy.start(slice(n, n + 1)), BOS, 6, 8, 3, 0.6)
        check_pairs(together[n], alone)


def test_one_call_for_all_hypotheses_and_none_for_sentences_that_are_done():
    toy, beam, max_length = Toy(7, 6, 6), 3, 12
    alone = []
    for n in range(6):
        toy.calls.clear()
        beam_search(toy.step, toy.start(slice(n, n + 1)), BOS, 6, max_length, beam)
        alone.append(len(toy.calls))
    assert len(set(alone)) > 1  # they take different times
    toy.calls.clear()
    beam_search(toy.step, toy.start(), BOS, 6, max_length, beam)
    assert toy.calls == [beam * sum(steps > t for steps in alone) for t in range(max(alone))]


def test_impossible_words_are_never_returned():
    logits = torch.tensor([[0.5, -math.inf, 0.1, -math.inf]])  # eos = 3 is impossible too
    hypotheses = beam_search(
        lambda tokens, state: (logits.expand(len(tokens), 4), state),
        torch.zeros(2, 1),
        BOS,
        3,
        2,
        9,
    )
    for pairs in hypotheses:
        assert sorted(tokens for tokens, _ in pairs) == [[0, 0], [0, 2], [2, 0], [2, 2]]


def test_beam_keeps_float32_and_its_state():
    toy = Toy(6, 2, 3, dtype=torch.float32)
    start = toy.start()
    copies = start[0].clone(), start[1][0].clone()
    hypotheses = beam_search(toy.step, start, BOS, 5, 6, 3, 0.6)
    assert torch.equal(start[0], copies[0]) and torch.equal(start[1][0], copies[1])
    for n in range(3):
        for tokens, score in hypotheses[n]:
            expected = toy.log_prob(n, tokens) / penalty(len(tokens), 0.6)
            assert score == pytest.approx(expected, rel=1e-4)


def test_beam_of_nothing_and_refusal():
    toy = Toy(4, 1, 2)
    assert beam_search(toy.step, toy.start(), BOS, 3, 0, 2) == [[([], 0.0)]] * 2
    assert beam_search(toy.step, toy.start(slice(0)), BOS, 3, 5, 2) == []
    assert toy.calls == []
    with pytest.raises(ValueError, match="beam is 0"):
        beam_search(toy.step, toy.start(), BOS, 3, 5, 0)
