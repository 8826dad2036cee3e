"""Lecture section 3: words become the vectors x_t that a recurrent network reads.

    words --vocab--> numbers (B, T), padded --E--> vectors (B, T, D)

and two ways to learn the vectors E: Bengio's neural language model (2003) and skip-gram with
negative sampling (2013). A vocabulary is a dict from words to the numbers 0 ... V-1.
"""

from collections import Counter

import torch
from torch.nn import functional

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "SPECIALS",
    "UNK",
    "build_vocab",
    "decode",
    "embed",
    "encode",
    "negative_sampling_loss",
    "noise_distribution",
    "nplm_logits",
    "one_hot",
    "pad_batch",
    "sequence_mask",
    "skipgram_pairs",
]

# The first words of every vocabulary and their numbers: padding, a word that is not in the
# vocabulary, the beginning and the end of a sentence. (The lecture writes <s> for the last two.)
SPECIALS = ("<pad>", "<unk>", "<s>", "</s>")
PAD, UNK, BOS, EOS = range(len(SPECIALS))


# --- from words to numbers ----------------------------------------------------------------------


def build_vocab(sentences, min_count=1, max_size=None):
    """Number the words: first the specials, then the most frequent words first.

    Words with the same count are in alphabetical order, so that the order of the sentences does not
    matter. A special that also occurs in the text keeps its number.

    sentences: an iterable of sequences of words (a string is a sequence of characters).
    min_count: rarer words are left out. max_size: the largest V allowed, specials included.
    Returns {word: number}, numbers 0 ... V-1 in the order of the dict.
    Errors: ValueError when max_size is too small for the specials.
    Source: lecture section 3, "a dictionary that maps words to vectors".
    """
    if max_size is not None and max_size < len(SPECIALS):
        raise ValueError(f"max_size is {max_size}: the {len(SPECIALS)} specials alone need more")
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [word for word in counts if counts[word] >= min_count and word not in SPECIALS]
    words.sort(key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate([*SPECIALS, *words][:max_size])}


def encode(words, vocab):
    """The numbers of words; UNK for a word that is not in vocab.

    words: a sequence of words -> list of ints of the same length.
    Source: lecture section 3.
    """
    return [vocab.get(word, UNK) for word in words]


def decode(ids, vocab):
    """The words of numbers: the inverse of `encode`, specials included.

    ids: a sequence of ints or a tensor (T,) -> list of words of the same length.
    Errors: ValueError for a number that is not in vocab.
    Source: lecture section 3.
    """
    words = {number: word for word, number in vocab.items()}
    try:
        return [words[int(number)] for number in ids]
    except KeyError as unknown:
        raise ValueError(
            f"no word has the number {unknown}: the vocabulary has {len(vocab)} words"
        ) from None


def pad_batch(sequences, pad=PAD):
    """Sequences of different lengths in one tensor, each padded at its end.

    sequences: B lists (or 1-D tensors) of ints -> tokens (B, T), lengths (B,), both int64;
    T is the length of the longest.
    Source: lecture section 3, which leaves batches out.
    """
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
    T = max(lengths.tolist(), default=0)
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence)
    return tokens, lengths


def sequence_mask(lengths, T=None):
    """Where a padded batch has tokens: mask[b, t] is True when t < lengths[b].

    Shapes: lengths (B,) integers, T the number of columns (None: the largest length) -> (B, T)
    bool.
    Errors: ValueError when a length is not from 0 to T, or lengths is not (B,).
    Source: lecture section 3, which leaves batches out.
    """
    lengths = torch.as_tensor(lengths)
    if lengths.dim() != 1:
        raise ValueError(f"lengths is {tuple(lengths.shape)}, not (B,)")
    if T is None:
        T = max(lengths.tolist(), default=0)
    if ((lengths < 0) | (lengths > T)).any():
        raise ValueError(f"lengths must be from 0 to T = {T}, not {lengths.tolist()}")
    return torch.arange(T, device=lengths.device) < lengths.unsqueeze(1)


# --- from numbers to vectors --------------------------------------------------------------------


def one_hot(tokens, V, dtype=None):
    """Each token as a row of V numbers: 1 at its index, 0 elsewhere.

    Shapes: tokens of any shape (...), from 0 to V-1 -> (..., V) of dtype (None: torch's default).
    Errors: ValueError when a token is not from 0 to V-1.
    Source: lecture section 3.
    """
    if ((tokens < 0) | (tokens >= V)).any():
        raise ValueError(f"tokens must be from 0 to V-1 = {V - 1}")
    hot = tokens.unsqueeze(-1) == torch.arange(V, device=tokens.device)
    return hot.to(dtype or torch.get_default_dtype())


def embed(tokens, E):
    """Look each word's vector up: the same as one_hot(tokens, V) @ E, without the product.

    The gradient of E is 0 in all rows that were not looked up, and in a row that was looked up
    several times it is the sum.

    Shapes: tokens of any shape (...), E (V, D) -> (..., D).
    Errors: IndexError when a token is not from 0 to V-1.
    Source: lecture section 3, "a dictionary that maps words to vectors in R^D".
    """
    # E[tokens] does the same, but reads a negative number as a row counted from the end.
    return functional.embedding(tokens, E)


# --- two ways to learn the vectors --------------------------------------------------------------


def nplm_logits(tokens, E, H, d, U, W, b):
    """The neural probabilistic language model: scores for the word after N words of context.

        x = [E[tokens_1], ..., E[tokens_N]]
        y = b + x @ W + tanh(d + x @ H) @ U

    x @ W are the direct connections from words to scores; W = 0 is the model without them.

    Shapes: tokens (B, N) in reading order, E (V, D), H (N*D, K), d (K,), U (K, V), W (N*D, V),
    b (V,) -> logits (B, V).
    Source: lecture section 3; Bengio et al. 2003, eq. 1. The paper has column vectors, C for E,
    and the last word first in x.
    """
    x = embed(tokens, E).flatten(start_dim=1)  # (B, N*D)
    return b + x @ W + torch.tanh(d + x @ H) @ U


def skipgram_pairs(tokens, window):
    """All pairs (center, context) of words that are at most window positions apart.

    In the order of the centers, and for each center from left to right.

    Shapes: tokens (T,) ints, window >= 1 -> pairs (N, 2) int64.
    Errors: ValueError when window is smaller than 1.
    Source: lecture section 3, "drove people crazy in 2013"; Mikolov et al. 2013 (who shrink the
    window at random, so that nearby words count more).
    """
    if window < 1:
        raise ValueError(f"window is {window}, and must be at least 1")
    tokens = torch.as_tensor(tokens, dtype=torch.long)
    T, device = len(tokens), tokens.device
    offsets = torch.cat([torch.arange(-window, 0), torch.arange(1, window + 1)]).to(device)
    places = torch.arange(T, device=device).unsqueeze(1) + offsets  # (T, 2 * window)
    inside = (places >= 0) & (places < T)
    center = tokens.unsqueeze(1).expand_as(places)[inside]
    return torch.stack([center, tokens[places[inside]]], dim=1)


def negative_sampling_loss(center, context, negatives):
    """Distinguish the word that was there (context) from K words drawn at random (negatives).

        loss = -log sigmoid(center . context) - sum_k log sigmoid(-center . negatives_k)

    Shapes: vectors center (B, D), context (B, D), negatives (B, K, D) -> loss (B,), one for each
    pair; train on its mean.
    Source: lecture section 3; Mikolov et al. 2013, eq. 4, with the sign of a loss.
    """
    true = (center * context).sum(dim=1)  # (B,)
    noise = (negatives @ center.unsqueeze(2)).squeeze(2)  # (B, K)
    # Not log(sigmoid(s)): that is log(0) = -inf, with no gradient, for a very wrong s.
    return -functional.logsigmoid(true) - functional.logsigmoid(-noise).sum(dim=1)


def noise_distribution(counts, power=0.75):
    """The distribution of the negatives: p_w proportional to counts_w ^ power.

    A power below 1 gives rare words a larger share than they have in the text; power = 1 is the
    unigram distribution. Draw with torch.multinomial(p, number, replacement=True).

    Shapes: counts (V,) >= 0 -> p (V,), floating point, with sum 1.
    Errors: ValueError when all counts are 0 or one is negative.
    Source: Mikolov et al. 2013, section 2.2.
    """
    if (counts < 0).any() or not (counts > 0).any():
        raise ValueError("counts must be 0 or more, and not all 0")
    weights = counts**power
    return weights / weights.sum()
