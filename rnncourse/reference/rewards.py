"""Lecture section 6: rewards, one number for the quality of a whole sequence.

A reward is not differentiable with respect to the sequence, so training for it needs the methods of
`exposure`. The reward compares the sequence with the true one.
Sequences are lists of tokens of any kind (numbers, words) without padding.
"""

import math
from collections import Counter

__all__ = ["edit_distance", "sentence_bleu"]


def edit_distance(a, b):
    """The smallest number of insertions, deletions and substitutions that turn a into b.

    Source: Levenshtein 1966; the reward of RAML is its negative.
    """
    # row[j] is the distance from the part of a read so far to b[:j].
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

    A sentence often has no matching n-gram for some n, which would make BLEU 0: for n > 1, 1 is
    added to both numbers of p_n. A sentence that is empty or has no matching word has BLEU 0.
    Source: Papineni et al. 2002, smoothed as in Lin & Och 2004; MIXER's reward.
    """
    log_p = 0.0  # log(p_1 * ... * p_N)
    for n in range(1, max_n + 1):
        ngrams = _ngrams(hypothesis, n)
        matches = ngrams & _ngrams(reference, n)
        if n == 1 and matches.total() == 0:
            return 0.0
        smoothing = 1 if n > 1 else 0
        log_p += math.log((matches.total() + smoothing) / (ngrams.total() + smoothing))
    log_brevity = min(0.0, 1 - len(reference) / len(hypothesis))
    return math.exp(log_brevity + log_p / max_n)


def _ngrams(tokens, n):
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
