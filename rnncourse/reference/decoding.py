"""Lecture section 6: generating a sequence step by step, from the model's own predictions.

Every decoder here works on a function

    step(tokens (N,), state) -> (logits (N, V), state)

which reads the word just written in each of N sequences and scores the next one. A state is a
tensor or a nested tuple of tensors; the first axis of each of them is N.

Decoders return lists of token numbers without bos. A sequence that ended by itself has eos at its
end; one without eos was cut at max_length. No gradients are computed.
"""

import torch

from .state_tree import first_tensor, select_rows

__all__ = ["beam_search", "greedy_decode", "sample_decode"]


def greedy_decode(step, state, bos, eos, max_length):
    """Always take the likeliest next word.

    state: before the first word, for N sequences. bos, eos: the numbers of the first and the last
    token. max_length: the maximum number of tokens to write, eos included.
    Returns N lists of tokens.
    Source: lecture section 6, "step-by-step, based on your own predictions".
    """
    return _decode(step, state, bos, eos, max_length, lambda logits: logits.argmax(dim=1))


def sample_decode(step, state, bos, eos, max_length, temperature, top_k, generator):
    """Draw each next word from the model's distribution, sharpened and cut off.

        p = softmax(logits / temperature), over the top_k largest logits only

    temperature: positive; 1 is the model's own distribution, towards 0 it becomes greedy.
    top_k: an integer from 1 (greedy), or None for all words; V or more means all as well.
    The rest is as in `greedy_decode`. Returns N lists of tokens.
    Errors: ValueError when temperature or top_k is not as described.
    Source: lecture section 6; top-k from Fan et al. 2018.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, but must be positive: use greedy_decode")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}, but at least one word must be left")

    def choose(logits):
        V = logits.shape[1]
        # The k best by index, not by a threshold, which would let ties through.
        best, words = logits.topk(V if top_k is None else min(top_k, V), dim=1)  # (N, k)
        p = torch.softmax(best / temperature, dim=1)
        drawn = torch.multinomial(p.to(generator.device), 1, generator=generator)  # (N, 1)
        return words.gather(1, drawn.to(words.device)).squeeze(1)

    return _decode(step, state, bos, eos, max_length, choose)


@torch.no_grad()
def _decode(step, state, bos, eos, max_length, choose):
    """The loop of the decoders that follow one sequence: choose(logits (N, V)) -> tokens (N,)."""
    N, device = _batch_size_and_device(state)
    tokens = torch.full((N,), bos, device=device)
    ended = torch.zeros(N, dtype=torch.bool, device=device)
    written = []
    while len(written) < max_length and not ended.all():
        logits, state = step(tokens, state)  # (N, V)
        tokens = choose(logits)  # also for sequences that have ended; cut off below
        ended |= tokens == eos
        written.append(tokens)
    rows = torch.stack(written, dim=1).tolist() if written else [[] for _ in range(N)]
    return [row[: row.index(eos) + 1] if eos in row else row for row in rows]


def _batch_size_and_device(state):
    first = first_tensor(state)
    return len(first), first.device


@torch.no_grad()
def beam_search(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    """Follow the `beam` likeliest hypotheses in parallel, and return the best sequences found.

        score(y) = log p(y) / lp(|y|)          lp(n) = ((5 + n) / 6) ** length_penalty

    |y| counts the tokens written, eos included. At each step:

      1. every hypothesis is extended by every word;
      2. an extension by eos that is among the `beam` likeliest is finished, and set aside;
      3. the `beam` likeliest of the others go on.

    A sentence is done when it has `beam` finished sequences. At max_length, hypotheses that have
    not ended are cut and compete with the finished ones, by score. With beam = 1 this is
    `greedy_decode`; with a beam as large as the number of all sequences it is exact.

    state: for N sentences. The hypotheses of all sentences are rows of one call of step; sentences
    that are done are left out of later calls.
    length_penalty: 0 compares plain log-probabilities, which favours short sequences.
    Returns N lists of at most `beam` pairs (tokens, score), best first.
    Errors: ValueError when beam is less than 1.
    Source: lecture section 6; length penalty of Wu et al. 2016 (GNMT), eq. 14.
    """
    if beam < 1:
        raise ValueError(f"beam is {beam}, but at least one hypothesis must be followed")
    N, device = _batch_size_and_device(state)
    finished = [[] for _ in range(N)]
    searching = torch.arange(N, device=device)  # (M,): the M sentences that are not done yet
    # Each sentence has `beam` rows, but only the first is a hypothesis to begin with: otherwise all
    # would be the same. Rows that are not hypotheses have log p = -inf.
    state = select_rows(state, searching.repeat_interleave(beam))
    log_p = torch.full((N, beam), -torch.inf, device=device)  # (M, beam)
    log_p[:, 0] = 0
    tokens = torch.full((N, beam, 1), bos, device=device)  # (M, beam, 1 + length)

    def score(log_p, length):
        return log_p / ((5 + length) / 6) ** length_penalty

    length = 0
    while length < max_length and len(searching) > 0:
        length += 1
        M = len(searching)
        logits, state = step(tokens[:, :, -1].flatten(), state)  # (M * beam, V)
        # Keep the K = 2 * beam likeliest extensions of each sentence: at most one extension of each
        # hypothesis ends, so enough of them go on. They are among the J = 2 * beam likeliest of
        # each hypothesis, so log p is needed for these J words only.
        J = min(2 * beam, logits.shape[1])
        best, words = logits.topk(J, dim=1)  # (M * beam, J)
        best = best - logits.logsumexp(dim=1, keepdim=True)
        extended = log_p.unsqueeze(2) + best.view(M, beam, J)
        best, place = extended.flatten(1).topk(min(2 * beam, beam * J), dim=1)  # (M, K)
        parent, word = place // J, words.view(M, beam * J).gather(1, place)  # (M, K)
        tokens = torch.cat([_pick(tokens, parent), word.unsqueeze(2)], dim=2)  # (M, K, 1 + length)

        ends = word == eos
        pairs = [finished[n] for n in searching.tolist()]  # the lists of the M sentences
        for m, k in (ends & best.isfinite())[:, :beam].nonzero().tolist():
            pairs[m].append((tokens[m, k, 1:].tolist(), score(best[m, k].item(), length)))

        log_p, going_on = best.masked_fill(ends, -torch.inf).topk(beam, dim=1)  # (M, beam)
        tokens = _pick(tokens, going_on)  # (M, beam, 1 + length)
        rows = torch.arange(M, device=device).unsqueeze(1) * beam + parent.gather(1, going_on)

        undone = torch.tensor([len(pairs_of_m) < beam for pairs_of_m in pairs], device=device)
        undone &= log_p[:, 0].isfinite()  # without it, no hypothesis is left to extend
        searching, log_p, tokens = searching[undone], log_p[undone], tokens[undone]
        state = select_rows(state, rows[undone].flatten())

    for m, n in enumerate(searching.tolist()):
        for row, value in zip(tokens[m, :, 1:].tolist(), log_p[m].tolist(), strict=True):
            if value > -torch.inf:
                finished[n].append((row, score(value, length)))
    return [sorted(pairs, key=lambda pair: -pair[1])[:beam] for pairs in finished]


def _pick(tokens, places):
    """tokens (M, K, L), places (M, J) along the second axis -> (M, J, L)."""
    return tokens.gather(1, places.unsqueeze(2).expand(-1, -1, tokens.shape[2]))
