"""Variational dropout of a whole sequence, for models in train mode."""

from rnncourse.reference.regularization import dropout_mask

__all__ = ["drop"]


def drop(xs, p, module):
    """xs (B, T, D) times one mask (B, 1, D) for all steps, when the module is in train mode.

    The mask is drawn from the module's `generator`.
    Source: lecture section 7, "the same mask".
    """
    if not (module.training and p):
        return xs
    return xs * dropout_mask((len(xs), 1, xs.shape[2]), p, module.generator, like=xs)
