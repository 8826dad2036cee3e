"""Rewards: how good a whole sequence is, as one number, against the true one.

Not differentiable in the sequence; this is why training for them needs section 6's detours.
Sequences are lists of tokens of any kind (numbers, words) without padding.
"""

import math
from collections import Counter

__all__ = ["edit_distance", "sentence_bleu"]


def edit_distance(a, b):
    """The least number of insertions, deletions and substitutions that turn a into b.

    Source: Levenshtein 1966; the reward of RAML is its negative.
    """
    # row[j] is the distance from the part of a seen so far to b[:j].
    row = list(range(len(b) + 1))
    for i, token in enumerate(a, start=1):
        above, row = row, [i]
        for j, other in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (token != other)))
    return row[-1]


def sentence_bleu(hypothesis, reference, max_n=4):
    """BLEU of one sentence, from 0 to 1.

        p_n = (n-grams of the hypothesis that are in the reference, each as often as it is there)
              / (n-grams of the hypothesis)
        BLEU = min(1, exp(1 - |reference| / |hypothesis|)) * (p_1 * ... * p_N) ** (1 / N)

    A sentence often has no n-gram right for some n, which would make BLEU 0: for n > 1, 1 is added
    to both numbers of p_n. One without any right word, or empty, has BLEU 0.
    Source: Papineni et al. 2002, smoothed as in Lin & Och 2004; MIXER's reward.
    """
    total = 0.0
    for n in range(1, max_n + 1):
        ours, theirs = _ngrams(hypothesis, n), _ngrams(reference, n)
        right, all_of_them = (ours & theirs).total(), ours.total()
        if n == 1 and right == 0:
            return 0.0
        smooth = n > 1
        total += math.log((right + smooth) / (all_of_them + smooth))
    brevity = min(0.0, 1 - len(reference) / len(hypothesis))
    return math.exp(brevity + total / max_n)


def _ngrams(tokens, n):
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
