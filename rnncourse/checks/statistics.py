"""What can be said for certain about random results: counts compared with probabilities.

A right sampler must never lose a point by bad luck. So a sample is judged only where a right one
would fail less than once in a million times, and it has to be large.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from .remote import alongside

FALSE_ALARM = 1e-9
RARE = 10  # outcomes that are expected less often are put together


def generator(subject: Any, seed: int) -> Any:
    """A torch.Generator in the process of the subject."""
    return alongside(subject, "torch.Generator")().manual_seed(seed)


def p_value(counts: Sequence[int], probs: Sequence[float]) -> float:
    """How likely counts at least as odd as these are, by Pearson's chi-square test.

    counts[v]: how often outcome v came; probs[v]: how likely it is each time.
    """
    total = sum(counts)
    if total == 0 or any(n > 0 and p <= 0 for n, p in zip(counts, probs, strict=True)):
        return 0.0
    cells, rare = [], [0.0, 0.0]
    for n, p in zip(counts, probs, strict=True):
        if total * p < RARE:
            rare = [rare[0] + n, rare[1] + total * p]
        else:
            cells.append((n, total * p))
    if rare[1] >= RARE:
        cells.append((rare[0], rare[1]))
    if len(cells) < 2:
        return 1.0
    statistic = sum((n - m) ** 2 / m for n, m in cells)
    half = torch.tensor([len(cells) - 1, statistic], dtype=torch.float64) / 2
    return torch.special.gammaincc(half[0], half[1]).item()


def looks_like(counts: Sequence[int], candidates: Mapping[str, Sequence[float]]) -> str:
    """The name of the first distribution that these counts may have come from, else what is odd."""
    if len(counts) > 1 and max(counts) == sum(counts) > 0:
        certain = [name for name, probs in candidates.items() if max(probs) > 1 - 1e-9]
        if not certain:
            return "the same for all"
    for name, probs in candidates.items():
        if p_value(counts, probs) > FALSE_ALARM:
            return name
    return f"not {next(iter(candidates))}, nor anything else that is known here"
