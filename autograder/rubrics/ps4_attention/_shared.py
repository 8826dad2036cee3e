"""What the rubrics of several exercises of ps4_attention share."""

from typing import Any

import torch

from rnncourse.checks.rng import Rng


def weighted_sum(rng: Rng, *results: Any) -> torch.Tensor:
    """A loss: a random weight for every number, so that no two mistakes cancel."""
    return sum(((one * rng.normal(*one.shape)).sum() for one in results), torch.zeros(()))
