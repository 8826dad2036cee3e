"""Masks: boolean, True where there is a token."""

import torch

__all__ = ["check_mask"]


def check_mask(mask, shape):
    """Raise a ValueError unless mask is boolean and of this shape, that of the tokens."""
    if mask.dtype != torch.bool:
        # Integers would be read as positions instead of selecting tokens.
        raise ValueError(f"the mask must be boolean, not {mask.dtype}: use mask.bool()")
    if mask.shape != shape:
        raise ValueError(f"the mask is {tuple(mask.shape)}, but the tokens are {tuple(shape)}")
