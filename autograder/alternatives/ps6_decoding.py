"""Problem set 6, decoding, solved correctly in other ways.

The audit submits the source of each. It may use torch, math, the two helpers for states and the
student's own greedy_decode and edit_count_probs; anything else it imports inside.
"""

import math

import torch

from rnncourse.reference.decoding import greedy_decode
from rnncourse.reference.exposure import edit_count_probs
from rnncourse.reference.state_tree import first_tensor, select_rows

from . import Alternatives

ALTERNATIVES = Alternatives()


# --- greedy_decode ------------------------------------------------------------------------------


@ALTERNATIVES.of("greedy_decode")
@torch.no_grad()
def writes_into_a_matrix(step, state, bos, eos, max_length):
    N = len(first_tensor(state))
    words = torch.zeros(N, max_length, dtype=torch.int64)
    lengths = torch.full((N,), max_length)
    tokens, going, t = torch.full((N,), bos), torch.ones(N, dtype=torch.bool), 0
    while t < max_length and going.any():
        logits, state = step(tokens, state)
        tokens = logits.max(dim=1).indices
        words[:, t] = tokens
        t += 1
        ends = going & (tokens == eos)
        lengths[ends] = t
        going &= ~ends
    return [row[:n].tolist() for row, n in zip(words, lengths.tolist(), strict=True)]


@ALTERNATIVES.of("greedy_decode")
@torch.no_grad()
def appends_to_lists(step, state, bos, eos, max_length):
    rows = [[] for _ in range(len(first_tensor(state)))]

    def has_ended(row):
        return row[-1:] == [eos]

    tokens = torch.tensor([bos] * len(rows))
    for _ in range(max_length):
        if all(map(has_ended, rows)):
            break
        logits, state = step(tokens, state)
        tokens = logits.argsort(dim=1)[:, -1]
        for row, word in zip(rows, tokens.tolist(), strict=True):
            if not has_ended(row):
                row.append(word)
    return rows


@ALTERNATIVES.of("greedy_decode")
def pads_with_eos(step, state, bos, eos, max_length):
    with torch.no_grad():
        tokens = first_tensor(state).new_full((len(first_tensor(state)),), bos, dtype=torch.long)
        written, ended = [], torch.zeros_like(tokens)
        for _ in range(max_length):
            if ended.sum() == len(ended):
                break
            logits, state = step(tokens, state)
            best = logits.log_softmax(dim=-1).argmax(dim=-1)
            tokens = torch.where(ended.bool(), torch.tensor(eos), best)
            ended = torch.maximum(ended, (tokens == eos).long())
            written.append(tokens.tolist())
    rows = [[] for _ in range(len(ended))]
    for column in written:
        for row, word in zip(rows, column, strict=True):
            if eos not in row:
                row.append(word)
    return rows


# --- sample_decode ------------------------------------------------------------------------------


@ALTERNATIVES.of("sample_decode")
@torch.no_grad()
def adds_gumbel_noise(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k <= 0):
        raise ValueError("temperature and top_k must be positive")

    def noisy(tokens, state):
        logits, state = step(tokens, state)
        k = logits.shape[1] if top_k is None else min(top_k, logits.shape[1])
        _, words = logits.topk(k, dim=1)
        kept = torch.full_like(logits, -torch.inf).scatter(1, words, logits.gather(1, words))
        uniform = torch.rand(logits.shape, generator=generator, dtype=torch.float64)
        return kept / temperature - (-uniform.log()).log(), state

    return greedy_decode(noisy, state, bos, eos, max_length)


@ALTERNATIVES.of("sample_decode")
@torch.no_grad()
def walks_up_the_cumulative_sum(step, state, bos, eos, max_length, temperature, top_k, generator):
    if not temperature > 0:
        raise ValueError("temperature must be positive")
    if top_k is not None and top_k < 1:
        raise ValueError("top_k must be positive")
    N = len(first_tensor(state))
    tokens, rows = torch.full((N,), bos), [[] for _ in range(N)]
    for _ in range(max_length):
        if all(row and row[-1] == eos for row in rows):
            break
        logits, state = step(tokens, state)
        logits, words = logits.sort(dim=1, descending=True)
        p = (logits[:, :top_k] / temperature).softmax(dim=1).cumsum(dim=1)
        uniform = torch.rand(N, 1, generator=generator, dtype=torch.float64)
        place = (p < uniform * p[:, -1:]).sum(dim=1, keepdim=True)
        tokens = words.gather(1, place).squeeze(1)
        for row, word in zip(rows, tokens.tolist(), strict=True):
            if not row or row[-1] != eos:
                row.append(word)
    return rows


@ALTERNATIVES.of("sample_decode")
def draws_row_by_row(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")
    rows = {n: [] for n in range(len(first_tensor(state)))}
    with torch.no_grad():
        tokens = torch.full((len(rows),), bos)
        for _ in range(max_length):
            if all(row and row[-1] == eos for row in rows.values()):
                break
            logits, state = step(tokens, state)
            for n, row in rows.items():
                if row and row[-1] == eos:
                    continue
                scores = logits[n] / temperature
                if top_k is not None and top_k < len(scores):
                    scores[scores.argsort(descending=True)[top_k:]] = -torch.inf
                word = torch.multinomial(scores.softmax(0), 1, generator=generator)
                tokens[n] = word.item()
                row.append(word.item())
    return list(rows.values())


@ALTERNATIVES.of("sample_decode")
def keeps_the_p_of_the_best(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def chosen(tokens, state):
        logits, state = step(tokens, state)
        p = torch.softmax(logits / temperature, dim=1)
        if top_k is not None:
            _, words = logits.topk(min(top_k, p.shape[1]))
            p = p * torch.zeros_like(p).scatter(1, words, 1.0)  # multinomial normalises
        word = torch.multinomial(p, 1, generator=generator).squeeze(1)
        return torch.nn.functional.one_hot(word, p.shape[1]), state

    return greedy_decode(chosen, state, bos, eos, max_length)


# --- beam_search --------------------------------------------------------------------------------


@ALTERNATIVES.of("beam_search")
@torch.no_grad()
def searches_all_sentences_at_once(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("beam must be at least 1")
    N = len(first_tensor(state))
    state = select_rows(state, torch.arange(N).repeat_interleave(beam))
    log_p = torch.full((N, beam), -torch.inf, dtype=torch.float64)
    log_p[:, 0] = 0.0
    tokens = torch.full((N, beam, 1), bos)
    finished = [[] for _ in range(N)]
    done = torch.zeros(N, dtype=torch.bool)
    for length in range(1, max_length + 1):
        if done.all():
            break
        logits, state = step(tokens[:, :, -1].flatten(), state)
        V = logits.shape[1]
        extended = log_p.unsqueeze(2) + logits.double().log_softmax(1).view(N, beam, V)
        best, place = extended.flatten(1).sort(dim=1, descending=True)
        parent, word = place // V, place % V
        lp = ((5 + length) / 6) ** length_penalty
        log_p, rows = torch.full_like(log_p, -torch.inf), torch.zeros(N, beam, dtype=torch.long)
        longer = torch.full((N, beam, length + 1), eos)
        for n in range(N):
            k = 0
            for j in range(best.shape[1]):
                value, p, v = best[n, j].item(), int(parent[n, j]), int(word[n, j])
                if done[n] or value == -math.inf:
                    break
                if v == eos:
                    if j < beam:
                        finished[n].append(([*tokens[n, p, 1:].tolist(), v], value / lp))
                elif k < beam:
                    log_p[n, k], rows[n, k] = value, p
                    longer[n, k] = torch.cat([tokens[n, p], torch.tensor([v])])
                    k += 1
            if len(finished[n]) >= beam or k == 0:
                done[n] = True
        tokens = longer
        state = select_rows(state, (rows + torch.arange(N).unsqueeze(1) * beam).flatten())
    for n in range(N):
        for k in range(beam):
            if not done[n] and log_p[n, k] > -math.inf:
                finished[n].append((tokens[n, k, 1:].tolist(), log_p[n, k].item() / lp))
    return [sorted(pairs, key=lambda pair: pair[1], reverse=True)[:beam] for pairs in finished]


@ALTERNATIVES.of("beam_search")
def keeps_states_with_hypotheses(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    from heapq import nlargest

    if beam < 1:
        raise ValueError("beam must be at least 1")

    def search(state):
        going, finished = [(0.0, (), bos, state)], []
        for n in range(1, max_length + 1):
            lp = math.pow((5 + n) / 6, length_penalty)
            extended = []
            for log_p, words, last, state in going:
                with torch.no_grad():
                    logits, state = step(torch.tensor([last]), state)
                for v, q in enumerate(torch.log_softmax(logits[0], dim=0).tolist()):
                    if not math.isinf(q):
                        extended.append((log_p + q, (*words, v), v, state))
            ranked = nlargest(len(extended), extended, key=lambda one: one[0])
            finished += [(list(y), p / lp) for p, y, v, _ in ranked[:beam] if v == eos]
            going = [one for one in ranked if one[2] != eos][:beam]
            if len(finished) >= beam:
                break
        else:
            finished += [(list(y), p / lp) for p, y, _, _ in going]
        return nlargest(beam, finished, key=lambda one: one[1])

    N = len(first_tensor(state))
    return [search(select_rows(state, torch.tensor([n]))) for n in range(N)]


@ALTERNATIVES.of("beam_search")
@torch.no_grad()
def searches_with_topk(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError(f"beam is {beam}")
    results = []
    for n in range(len(first_tensor(state))):
        own, total = select_rows(state, [n]), torch.zeros(1, 1, dtype=torch.float64)
        words, finished, length = torch.zeros(1, 0, dtype=torch.int64), [], 0
        last = torch.tensor([bos])
        while length < max_length and len(finished) < beam and len(total) > 0:
            logits, own = step(last, own)
            length += 1
            scores = (total + (logits - logits.logsumexp(1, keepdim=True))).flatten()
            value, place = scores.topk(min(len(scores), 2 * beam))
            value, place = value[value.isfinite()], place[value.isfinite()]
            parent, last = place // logits.shape[1], place % logits.shape[1]
            words = torch.cat([words[parent], last.unsqueeze(1)], dim=1)
            penalty = ((5.0 + length) ** length_penalty) / (6.0**length_penalty)
            ends = last == eos
            for k in ends[:beam].nonzero().flatten().tolist():
                finished.append((words[k].tolist(), value[k].item() / penalty))
            keep = (~ends).nonzero().flatten()[:beam]
            words, last, total = words[keep], last[keep], value[keep].unsqueeze(1)
            own = select_rows(own, parent[keep])
        if len(finished) < beam:
            rest = total.flatten().tolist()
            finished += [(y, p / penalty) for y, p in zip(words.tolist(), rest, strict=True)]
        finished.sort(key=lambda one: one[1], reverse=True)
        results.append(finished[:beam])
    return results


# --- scheduled_inputs ---------------------------------------------------------------------------


@ALTERNATIVES.of("scheduled_inputs")
def draws_with_bernoulli(targets, predictions, epsilon, generator):
    if targets.size() != predictions.size() or not (0 <= epsilon <= 1):
        raise ValueError("the shapes must agree, and epsilon must be a probability")
    p = torch.full(targets.shape, float(epsilon))
    true = torch.bernoulli(p, generator=generator).bool()
    return targets.where(true, predictions)


@ALTERNATIVES.of("scheduled_inputs")
def writes_over_the_truth(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape:
        raise ValueError("the shapes differ")
    if epsilon < 0 or epsilon > 1 or epsilon != epsilon:
        raise ValueError("no probability")
    own = torch.rand(targets.shape, generator=generator) >= epsilon
    mixed = targets.clone()
    mixed[own] = predictions[own]
    return mixed


@ALTERNATIVES.of("scheduled_inputs")
def tosses_word_by_word(targets, predictions, epsilon, generator):
    assert targets.shape == predictions.shape and 0 <= epsilon <= 1
    words = [
        t if torch.rand((), generator=generator).item() < epsilon else p
        for t, p in zip(targets.flatten().tolist(), predictions.flatten().tolist(), strict=True)
    ]
    return torch.tensor(words, dtype=targets.dtype).view(targets.shape)


@ALTERNATIVES.of("scheduled_inputs")
def multiplies_by_the_coin(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("the shapes must agree, and epsilon must be a probability")
    coin = (torch.empty(targets.shape).uniform_(generator=generator) < epsilon).to(targets.dtype)
    return coin * targets + (1 - coin) * predictions


# --- dad_dataset --------------------------------------------------------------------------------


@ALTERNATIVES.of("dad_dataset")
def writes_into_zeros(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    new = torch.zeros_like(xs[:, 1:])
    new[:, 0] = xs[:, 0]
    with torch.no_grad():
        for t in range(1, new.shape[1]):
            new[:, t], state = step(new[:, t - 1].clone(), state)
    return torch.cat([inputs, new], dim=0), torch.cat([targets, xs[:, 1:]], dim=0)


@ALTERNATIVES.of("dad_dataset")
def rolls_out_by_recursion(step, state, xs, inputs, targets):
    if xs.size(1) <= 1:
        raise ValueError("nothing comes next")

    def rest(x, state, n):
        if n == 0:
            return []
        predicted, state = step(x, state)
        predicted = predicted.detach()
        return [predicted, *rest(predicted, state, n - 1)]

    path = [xs[:, 0], *rest(xs[:, 0], state, xs.size(1) - 2)]
    return torch.vstack([inputs, torch.stack(path, dim=1)]), torch.vstack([targets, xs[:, 1:]])


@ALTERNATIVES.of("dad_dataset")
@torch.no_grad()
def grows_the_path(step, state, xs, inputs, targets):
    T = xs.shape[1]
    if T < 2:
        raise ValueError(f"T = {T}")
    path = xs[:, :1]
    while path.shape[1] < T:  # one prediction more than is needed
        x, state = step(path[:, -1], state)
        path = torch.cat([path, x.unsqueeze(1)], dim=1)
    pairs = [*zip(inputs, targets, strict=True), *zip(path[:, :-1], xs[:, 1:], strict=True)]
    return torch.stack([one for one, _ in pairs]), torch.stack([two for _, two in pairs])


# --- mixer_loss ---------------------------------------------------------------------------------


@ALTERNATIVES.of("mixer_loss")
def goes_word_by_word(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    loss, baseline_loss = logits[mask].sum() * 0, (w.sum() + b) * 0
    for i in range(B):
        for t in range(T):
            if not mask[i, t]:
                continue
            log_p = torch.log_softmax(logits[i, t], dim=0)[tokens[i, t]]
            if t < s:
                loss = loss - log_p / B
            else:
                advantage = reward[i] - (torch.dot(hs[i, t].detach(), w) + b)
                loss = loss - advantage.detach() * log_p / B
                baseline_loss = baseline_loss + advantage.square() / B
    return loss, baseline_loss


@ALTERNATIVES.of("mixer_loss")
def calls_cross_entropy(logits, hs, tokens, mask, reward, s, w, b):
    from torch.nn import functional as F

    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T, V = logits.shape
    labels = tokens.masked_fill(~mask, -100).flatten()
    nll = F.cross_entropy(logits.reshape(-1, V), labels, reduction="none").view(B, T)
    given = (torch.arange(T) < s).expand(B, T)
    with torch.no_grad():
        states = hs.masked_fill(~mask.unsqueeze(-1), 0)
    advantage = reward.view(-1, 1) - torch.einsum("bth,h->bt", states, w) - b
    reinforced = mask & ~given
    loss = nll[mask & given].sum() + (advantage.detach() * nll)[reinforced].sum()
    return loss / B, advantage[reinforced].pow(2).sum() / B


@ALTERNATIVES.of("mixer_loss")
def splits_at_s(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype is not torch.bool:
        raise TypeError("the mask must be boolean")
    if mask.size() != tokens.size():
        raise ValueError("the mask must be (B, T)")
    hs = hs.detach()

    def nll(part):
        words = tokens[:, part][mask[:, part]].unsqueeze(1)
        scores = logits[:, part][mask[:, part]]
        return scores.logsumexp(dim=1) - scores.gather(1, words).squeeze(1)

    first, later = slice(0, s), slice(s, None)
    rows = mask[:, later].nonzero()[:, 0]
    advantage = reward[rows] - (hs[:, later][mask[:, later]] * w).sum(dim=1) - b
    B = len(tokens)
    loss = (nll(first).sum() + nll(later).dot(advantage.detach())) / B
    return loss, advantage.dot(advantage) / B


# --- edit_count_probs ---------------------------------------------------------------------------


@ALTERNATIVES.of("edit_count_probs")
def counts_with_whole_numbers(lengths, V, tau, exact=True):
    if V < 2 or not tau > 0:
        raise ValueError("there must be another word, and tau must be positive")
    rows = torch.full((len(lengths), max(lengths.tolist()) + 1), -torch.inf, dtype=torch.float64)
    for row, m in zip(rows, lengths.tolist(), strict=True):
        for e in range(m + 1):
            ways = math.comb(m, e) * (V - 1) ** (e if exact else 0)
            row[e] = math.log(ways) - e / tau
    return rows.softmax(dim=1)


@ALTERNATIVES.of("edit_count_probs")
def knows_that_it_is_binomial(lengths, V, tau, exact=True):
    if V < 2:
        raise ValueError("there is no other word")
    if tau <= 0:
        raise ValueError("tau must be positive")
    # The words are independent of each other: each is replaced with these odds.
    log_odds = (math.log(V - 1) if exact else 0.0) - 1 / tau
    longest = int(lengths.max())
    m = lengths.double().unsqueeze(1)
    e = torch.arange(longest + 1, dtype=torch.float64).expand(len(lengths), -1)
    binomial = torch.distributions.Binomial(m, logits=torch.tensor(log_odds).double())
    return binomial.log_prob(torch.minimum(e, m)).exp().where(e <= m, torch.zeros(()).double())


@ALTERNATIVES.of("edit_count_probs")
def multiplies_step_by_step(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    rows = []
    for m in lengths.tolist():
        log_q = [0.0]
        for e in range(1, int(lengths.max()) + 1):
            left = m - e + 1  # q(e) / q(e - 1) = (m - e + 1) / e * (V - 1) * exp(-1 / tau)
            step = math.log(left / e) - 1 / tau if left > 0 else -math.inf
            log_q.append(log_q[-1] + step + (math.log(V - 1) if exact else 0.0))
        log_q = torch.tensor(log_q, dtype=torch.float64)
        rows.append((log_q - log_q.logsumexp(dim=0)).exp())
    return torch.stack(rows)


# --- raml_sample --------------------------------------------------------------------------------


@ALTERNATIVES.of("raml_sample")
def edits_sentence_by_sentence(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    probs, result = edit_count_probs(mask.sum(dim=1), V, tau, exact), targets.clone()
    for row, words, q in zip(result, mask, probs, strict=True):
        places = words.nonzero().flatten()
        e = torch.multinomial(q, 1, generator=generator).item()
        for place in places[torch.randperm(len(places), generator=generator)[:e]].tolist():
            other = torch.randint(V - 1, (), generator=generator).item()
            row[place] = other + (other >= row[place].item())  # skips the old word
    return result


@ALTERNATIVES.of("raml_sample")
def edits_each_word_by_itself(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    # exp(-distance / tau) is a product over the words, so that each has its own coin.
    odds = (V - 1 if exact else 1) * math.exp(-1 / tau)
    edited = torch.rand(targets.shape, generator=generator, dtype=torch.float64)
    edited = mask & (edited < odds / (1 + odds))
    shift = torch.randint(1, V, targets.shape, generator=generator)
    return targets.where(~edited, (targets + shift) % V)


@ALTERNATIVES.of("raml_sample")
def shuffles_the_places(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    probs = edit_count_probs(mask.long().sum(dim=1), V, tau, exact)
    uniform = torch.rand(len(targets), 1, generator=generator, dtype=torch.float64)
    edits = (probs.cumsum(dim=1) < uniform).sum(dim=1)
    noise = torch.rand(targets.shape, generator=generator) + ~mask
    result = targets.clone()
    for b, e in enumerate(edits.tolist()):
        places = noise[b].topk(e, largest=False).indices
        words = torch.randint(V - 1, (e,), generator=generator)
        result[b, places] = words + (words >= targets[b, places]).long()
    return result
