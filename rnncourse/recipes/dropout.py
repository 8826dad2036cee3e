"""Variational dropout of a whole sequence, for models that know whether they train."""

from rnncourse.reference.regularization import dropout_mask

__all__ = ["drop"]


def drop(xs, p, module):
    """xs (B, T, D) with one mask (B, 1, D) for all steps; only while the module trains.

    The module has a `generator`, which draws the mask.
    Source: lecture section 7, "the same mask".
    """
    if not (module.training and p):
        return xs
    return xs * dropout_mask((len(xs), 1, xs.shape[2]), p, module.generator, like=xs)
