"""Problem set 2, inputs, solved correctly in other ways.

The audit submits the source of each. It may use torch, nn, Counter, the specials and, for
nplm_logits, the student's own embed; anything else it imports inside.
"""

from collections import Counter

import torch
from torch import nn

from rnncourse.reference.inputs import PAD, SPECIALS, UNK, embed

from . import Alternatives

ALTERNATIVES = Alternatives()


# --- build_vocab --------------------------------------------------------------------------------


@ALTERNATIVES.of("build_vocab")
def sorts_twice(sentences, min_count=1, max_size=None):
    """A stable sort by count leaves the words in the order of the sort before."""
    if max_size is not None and max_size < 4:
        raise ValueError("no room for the specials")
    counts = {}
    for sentence in sentences:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
    for special in SPECIALS:
        counts.pop(special, None)
    words = sorted(sorted(counts), key=counts.get, reverse=True)
    vocab = {special: number for number, special in enumerate(SPECIALS)}
    for word in words:
        if counts[word] < min_count or (max_size is not None and len(vocab) == max_size):
            break
        vocab[word] = len(vocab)
    return vocab


@ALTERNATIVES.of("build_vocab")
def counts_a_sorted_chain(sentences, min_count=1, max_size=None):
    """most_common keeps the order of appearance, and the words appear sorted."""
    from itertools import chain

    assert max_size is None or max_size >= len(SPECIALS), "no room for the specials"
    counts = Counter(sorted(chain.from_iterable(sentences)))
    kept = [w for w, n in counts.most_common() if n >= min_count and w not in SPECIALS]
    numbered = list(SPECIALS) + kept
    numbered = numbered if max_size is None else numbered[:max_size]
    return dict(zip(numbered, range(len(numbered)), strict=True))


@ALTERNATIVES.of("build_vocab")
def groups_by_count(sentences, min_count=1, max_size=None):
    """From the highest count downwards, the words of each count in order."""
    counts = Counter()
    for sentence in sentences:
        counts.update(sentence)
    words = list(SPECIALS)
    for count in sorted(set(counts.values()), reverse=True):
        if count >= min_count:
            words += sorted(w for w in counts if counts[w] == count and w not in SPECIALS)
    if max_size is not None:
        if max_size < len(SPECIALS):
            raise ValueError(f"max_size is {max_size}")
        del words[max_size:]
    return {word: words.index(word) for word in words}


@ALTERNATIVES.of("build_vocab")
def takes_the_best_from_a_heap(sentences, min_count=1, max_size=None):
    import heapq

    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError("max_size is too small")
    text = [word for sentence in sentences for word in sentence]
    heap = [(-n, word) for word, n in Counter(text).items() if word not in SPECIALS]
    heapq.heapify(heap)
    vocab = dict(zip(SPECIALS, range(4), strict=True))
    while heap and -heap[0][0] >= min_count and (max_size is None or len(vocab) < max_size):
        vocab[heapq.heappop(heap)[1]] = len(vocab)
    return vocab


# --- encode -------------------------------------------------------------------------------------


@ALTERNATIVES.of("encode")
def asks_before_it_looks(words, vocab):
    numbers = []
    for word in words:
        if word in vocab:
            numbers.append(vocab[word])
        else:
            numbers.append(UNK)
    return numbers


@ALTERNATIVES.of("encode")
def looks_the_unknown_word_up(words, vocab):
    return [vocab[word if word in vocab else "<unk>"] for word in words]


@ALTERNATIVES.of("encode")
def catches_the_key_error(words, vocab):
    def number(word):
        try:
            return vocab[word]
        except KeyError:
            return UNK

    return list(map(number, words))


@ALTERNATIVES.of("encode")
def copies_into_a_defaultdict(words, vocab):
    from collections import defaultdict

    numbers = defaultdict(lambda: UNK, vocab)
    return [numbers[word] for word in words]


# --- pad_batch ----------------------------------------------------------------------------------


@ALTERNATIVES.of("pad_batch")
def joins_lists(sequences, pad=PAD):
    rows = [[int(number) for number in one] for one in sequences]
    T = max(map(len, rows))
    tokens = torch.tensor([row + [pad] * (T - len(row)) for row in rows], dtype=torch.int64)
    return tokens, torch.tensor(list(map(len, rows)), dtype=torch.int64)


@ALTERNATIVES.of("pad_batch")
def writes_number_by_number(sequences, pad=PAD):
    B, T = len(sequences), 0
    for one in sequences:
        T = len(one) if len(one) > T else T
    tokens = torch.zeros(B, T, dtype=torch.long) + pad
    lengths = torch.zeros(B, dtype=torch.long)
    for b in range(B):
        for t in range(len(sequences[b])):
            tokens[b, t] = sequences[b][t]
            lengths[b] += 1
    return tokens, lengths


@ALTERNATIVES.of("pad_batch")
def pads_tensors_and_stacks(sequences, pad=PAD):
    rows = [torch.as_tensor(one, dtype=torch.long) for one in sequences]
    T = max(row.numel() for row in rows)
    rows = [nn.functional.pad(row, (0, T - row.numel()), value=pad) for row in rows]
    return torch.stack(rows), torch.tensor([len(one) for one in sequences])


@ALTERNATIVES.of("pad_batch")
def zips_the_columns(sequences, pad=PAD):
    from itertools import zip_longest

    lengths = torch.as_tensor([len(one) for one in sequences]).long()
    columns = list(zip_longest(*sequences, fillvalue=pad))
    if not columns:
        return torch.empty(len(sequences), 0, dtype=torch.long), lengths
    return torch.tensor(columns, dtype=torch.long).T.contiguous(), lengths


@ALTERNATIVES.of("pad_batch")
def fills_through_a_mask(sequences, pad=PAD):
    lengths = torch.tensor([len(one) for one in sequences])
    tokens = torch.full((len(sequences), int(lengths.max())), pad)
    mask = torch.arange(tokens.shape[1]) < lengths[:, None]
    flat = [int(number) for one in sequences for number in one]
    tokens[mask] = torch.tensor(flat, dtype=torch.long)
    return tokens, lengths


# --- sequence_mask ------------------------------------------------------------------------------


@ALTERNATIVES.of("sequence_mask")
def joins_rows_of_booleans(lengths, T=None):
    numbers = lengths.tolist()
    T = max(numbers) if T is None else T
    if min(numbers) < 0 or max(numbers) > T:
        raise ValueError(f"lengths must be from 0 to {T}")
    rows = [[True] * n + [False] * (T - n) for n in numbers]
    return torch.tensor(rows, dtype=torch.bool)


@ALTERNATIVES.of("sequence_mask")
def fills_row_by_row(lengths, T=None):
    if T is None:
        T = int(lengths.max())
    mask = torch.zeros(len(lengths), T, dtype=torch.bool)
    for b, length in enumerate(lengths):
        assert 0 <= length <= T, "a length is out of range"
        mask[b, : int(length)] = True
    return mask


@ALTERNATIVES.of("sequence_mask")
def compares_from_the_other_side(lengths, T=None):
    T = lengths.max().item() if T is None else T
    if not ((lengths >= 0) & (lengths <= T)).all():
        raise ValueError("lengths out of range")
    steps = torch.arange(T).expand(lengths.shape[0], T)
    return lengths[:, None].gt(steps)


@ALTERNATIVES.of("sequence_mask")
def cuts_a_triangle(lengths, T=None):
    """Row n of a lower triangle without its diagonal has n times True."""
    T = int(lengths.max()) if T is None else T
    if (lengths < 0).any() or lengths.max() > T:
        raise ValueError("lengths must be from 0 to T")
    triangle = torch.ones(T + 1, T).tril(diagonal=-1)
    return triangle[lengths.long()] == 1


@ALTERNATIVES.of("sequence_mask")
def counts_down(lengths, T=None):
    T = int(lengths.max()) if T is None else T
    if ((lengths < 0) | (lengths > T)).any():
        raise ValueError("lengths must be from 0 to T")
    ones = torch.ones(len(lengths), T, dtype=torch.long)
    return lengths.long().unsqueeze(1) - ones.cumsum(dim=1) >= 0


# --- embed --------------------------------------------------------------------------------------


@ALTERNATIVES.of("embed")
def indexes_the_rows(tokens, E):
    if tokens.numel() and (tokens.min() < 0 or tokens.max() >= E.shape[0]):
        raise IndexError("a token is not from 0 to V-1")
    return E[tokens]


@ALTERNATIVES.of("embed")
def calls_the_functional_embedding(tokens, E):
    return nn.functional.embedding(tokens, E)


@ALTERNATIVES.of("embed")
def selects_from_a_flat_list(tokens, E):
    flat = E.index_select(0, tokens.reshape(-1))
    return flat.reshape(*tokens.shape, E.size(1))


@ALTERNATIVES.of("embed")
def gathers_number_by_number(tokens, E):
    D = E.shape[1]
    index = tokens.reshape(-1, 1).expand(-1, D)
    return torch.gather(E, 0, index).unflatten(0, tokens.shape or (1,)).reshape(*tokens.shape, D)


@ALTERNATIVES.of("embed")
def stacks_the_rows(tokens, E):
    V, D = E.shape
    rows = []
    for token in tokens.flatten().tolist():
        if not 0 <= token < V:
            raise IndexError(f"there is no word {token}")
        rows.append(E[token])
    return torch.stack(rows).view(*tokens.shape, D) if rows else E.new_zeros(*tokens.shape, D)


@ALTERNATIVES.of("embed")
def looks_up_in_float32_and_back(tokens, E):
    if ((tokens < 0) | (tokens > len(E) - 1)).any():
        raise IndexError("no such word")
    return E.float()[tokens].to(E.dtype)


# --- nplm_logits --------------------------------------------------------------------------------


@ALTERNATIVES.of("nplm_logits")
def indexes_and_reshapes(tokens, E, H, d, U, W, b):
    B, N = tokens.shape
    x = E[tokens].reshape(B, N * E.shape[1])
    return torch.addmm(b, x, W) + torch.addmm(d, x, H).tanh() @ U


@ALTERNATIVES.of("nplm_logits")
def adds_word_by_word(tokens, E, H, d, U, W, b):
    D = E.shape[1]
    hidden, scores = d, b
    for n in range(tokens.shape[1]):
        word, part = embed(tokens[:, n], E), slice(n * D, (n + 1) * D)
        hidden = hidden + word @ H[part]
        scores = scores + word @ W[part]
    return scores + torch.tanh(hidden) @ U


@ALTERNATIVES.of("nplm_logits")
def names_the_axes(tokens, E, H, d, U, W, b):
    x = embed(tokens, E)
    N, D = x.shape[1:]
    hidden = torch.tanh(torch.einsum("bnd,ndk->bk", x, H.unflatten(0, (N, D))) + d)
    direct = torch.einsum("bnd,ndv->bv", x, W.unflatten(0, (N, D)))
    return torch.einsum("bk,kv->bv", hidden, U) + direct + b


@ALTERNATIVES.of("nplm_logits")
def goes_row_by_row(tokens, E, H, d, U, W, b):
    logits = []
    for row in tokens:
        x = torch.cat([E[token] for token in row])
        logits.append(b + x @ W + torch.tanh(d + x @ H) @ U)
    return torch.stack(logits)


@ALTERNATIVES.of("nplm_logits")
def runs_the_model_in_float32(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(1).float()
    hidden = torch.tanh(nn.functional.linear(x, H.float().T, d.float()))
    both = torch.cat([x, hidden], dim=1) @ torch.cat([W, U]).float()
    return (both + b.float()).to(E.dtype)


# --- skipgram_pairs -----------------------------------------------------------------------------


@ALTERNATIVES.of("skipgram_pairs")
def loops_over_places(tokens, window):
    if window < 1:
        raise ValueError("window must be at least 1")
    pairs, T = [], len(tokens)
    for i in range(T):
        for j in range(max(0, i - window), min(T, i + window + 1)):
            if i != j:
                pairs.append([int(tokens[i]), int(tokens[j])])
    return torch.tensor(pairs, dtype=torch.long).view(-1, 2)


@ALTERNATIVES.of("skipgram_pairs")
def finds_the_band_of_a_matrix(tokens, window):
    if window <= 0:
        raise ValueError("window must be at least 1")
    tokens = torch.as_tensor(tokens, dtype=torch.long)
    place = torch.arange(len(tokens))
    distance = (place[:, None] - place).abs()
    return tokens[((distance > 0) & (distance <= window)).nonzero()]


@ALTERNATIVES.of("skipgram_pairs")
def slices_left_and_right(tokens, window):
    assert window >= 1, "window must be at least 1"
    words = tokens.tolist() if isinstance(tokens, torch.Tensor) else list(tokens)
    center, context = [], []
    for i, word in enumerate(words):
        around = words[max(i - window, 0) : i] + words[i + 1 : i + 1 + window]
        center += [word] * len(around)
        context += around
    return torch.stack([torch.tensor(center).long(), torch.tensor(context).long()], dim=1)


@ALTERNATIVES.of("skipgram_pairs")
def takes_all_pairs_and_filters(tokens, window):
    from itertools import permutations

    if window < 1:
        raise ValueError("window must be at least 1")
    words = [int(word) for word in tokens]
    near = [
        (words[i], words[j]) for i, j in permutations(range(len(words)), 2) if abs(i - j) <= window
    ]
    return torch.tensor(near, dtype=torch.int64) if near else torch.empty(0, 2, dtype=torch.int64)


# --- negative_sampling_loss ---------------------------------------------------------------------


@ALTERNATIVES.of("negative_sampling_loss")
def adds_softplus(center, context, negatives):
    softplus = nn.functional.softplus
    true = torch.einsum("bd,bd->b", center, context)
    noise = torch.einsum("bd,bkd->bk", center, negatives)
    return softplus(-true) + softplus(noise).sum(-1)


@ALTERNATIVES.of("negative_sampling_loss")
def classifies_with_labels(center, context, negatives):
    words = torch.cat([context.unsqueeze(1), negatives], dim=1)
    scores = (words @ center.unsqueeze(-1)).squeeze(-1)
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1
    loss = nn.functional.binary_cross_entropy_with_logits(scores, labels, reduction="none")
    return loss.sum(dim=1)


@ALTERNATIVES.of("negative_sampling_loss")
def turns_the_negatives_round(center, context, negatives):
    """log sigmoid(-c . n) is log sigmoid(c . (-n)): one call for all."""
    words = torch.cat([context[:, None], -negatives], dim=1)
    return -nn.functional.logsigmoid((center[:, None] * words).sum(dim=2)).sum(dim=1)


@ALTERNATIVES.of("negative_sampling_loss")
def adds_logarithms_of_sums(center, context, negatives):
    true = (center * context).sum(dim=1)
    noise = torch.bmm(negatives, center.unsqueeze(2)).squeeze(2)
    zero = torch.zeros((), dtype=center.dtype)
    return torch.logaddexp(zero, -true) + torch.logaddexp(zero, noise).sum(dim=1)


@ALTERNATIVES.of("negative_sampling_loss")
def goes_pair_by_pair(center, context, negatives):
    losses = []
    for v, u, others in zip(center, context, negatives, strict=True):
        loss = -nn.functional.logsigmoid(v @ u)
        for other in others:
            loss = loss - nn.functional.logsigmoid(-(v @ other))
        losses.append(loss)
    return torch.stack(losses)


@ALTERNATIVES.of("negative_sampling_loss")
def computes_the_loss_in_float32(center, context, negatives):
    c, o, n = center.float(), context.float(), negatives.float()
    true = nn.functional.logsigmoid((c * o).sum(dim=1))
    noise = nn.functional.logsigmoid(-torch.einsum("bd,bkd->bk", c, n))
    return -(true + noise.sum(dim=1)).to(center.dtype)
