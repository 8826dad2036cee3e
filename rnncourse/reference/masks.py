"""Masks: boolean, True where there is a token."""

import torch

__all__ = ["check_mask"]


def check_mask(mask, shape):
    """Refuse what cannot be the mask of tokens of this shape, with a ValueError that says why."""
    if mask.dtype != torch.bool:
        # Integers would not select tokens: they would be read as positions.
        raise ValueError(f"the mask must be boolean, not {mask.dtype}: use mask.bool()")
    if mask.shape != shape:
        raise ValueError(f"the mask is {tuple(mask.shape)}, but the tokens are {tuple(shape)}")
