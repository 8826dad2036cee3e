"""Statistical tests of random results: counts compared with probabilities.

A correct sampler must never lose a point by bad luck. So samples are large, and a correct one
fails less than once in a million times.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from .remote import remote

FALSE_ALARM = 1e-9
RARE = 10  # outcomes expected less often than this are pooled


def generator(subject: Any, seed: int) -> Any:
    """A torch.Generator in the process of the subject."""
    return remote(subject, torch.Generator)().manual_seed(seed)


def p_value(counts: Sequence[int], probs: Sequence[float]) -> float:
    """How likely counts at least as unusual as these are, by Pearson's chi-square test.

    counts[v]: how often outcome v came; probs[v]: how likely it is each time.
    """
    total = sum(counts)
    if total == 0 or any(n > 0 and p <= 0 for n, p in zip(counts, probs, strict=True)):
        return 0.0
    cells: list[tuple[float, float]] = []  # (count, expected count)
    rare_count, rare_expected = 0.0, 0.0
    for n, p in zip(counts, probs, strict=True):
        if total * p < RARE:
            rare_count += n
            rare_expected += total * p
        else:
            cells.append((n, total * p))
    if rare_expected >= RARE:
        cells.append((rare_count, rare_expected))
    if len(cells) < 2:
        return 1.0
    statistic = sum((n - m) ** 2 / m for n, m in cells)
    half = torch.tensor([len(cells) - 1, statistic], dtype=torch.float64) / 2
    return torch.special.gammaincc(half[0], half[1]).item()


def looks_like(counts: Sequence[int], candidates: Mapping[str, Sequence[float]]) -> str:
    """The first distribution that the counts may come from, by name; else what is wrong."""
    if len(counts) > 1 and max(counts) == sum(counts) > 0:
        certain = [name for name, probs in candidates.items() if max(probs) > 1 - 1e-9]
        if not certain:
            return "the same for all"
    for name, probs in candidates.items():
        if p_value(counts, probs) > FALSE_ALARM:
            return name
    return f"not {next(iter(candidates))}, nor anything else that is known here"
