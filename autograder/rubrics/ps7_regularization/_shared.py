"""What the rubrics of several exercises of ps7_regularization share."""

from typing import Any

import torch

from rnncourse.exercises.ps7_regularization._shared import same


def gradients(hs: Any, last: Any, weights: tuple, leaves: tuple) -> Any:
    results = [one for one in (hs, last) if isinstance(one, torch.Tensor) and one.requires_grad]
    if len(results) < 2:
        return [None] * len(leaves)
    loss = sum((one * weight).sum() for one, weight in zip(results, weights, strict=True))
    return torch.autograd.grad(loss, leaves, allow_unused=True)


def verdict(got: Any, expected: torch.Tensor) -> str:
    if got is None:
        return "missing"
    return "right" if same(got, expected) else "wrong"
