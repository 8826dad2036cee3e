"""Lecture section 7: keeping a recurrent network from learning its training data by heart.

Dropout draws its mask once for a whole sequence, not anew for each step: noise that changes at
every step adds up along the recurrence until nothing is remembered. What is kept is scaled by
1 / (1 - p), so that the expectation stays the same, and outside training nothing is dropped.

Penalties are added to the loss, each times a small factor of its own. They are plain sums, as in
the lecture; divide by the number of tokens where the loss is a mean over tokens.
"""

import torch

from .cells import unroll
from .masks import check_mask

__all__ = [
    "activation_penalty",
    "dropout_mask",
    "l2_penalty",
    "temporal_penalty",
    "variational_dropout",
    "weight_drop",
    "word_dropout",
]

# --- Dropout ------------------------------------------------------------------------------------


def dropout_mask(shape, p, generator, like):
    """A mask that is 0 with probability p and 1 / (1 - p) otherwise: its mean is 1.

    like: a tensor whose dtype and device the mask gets. To use one mask for a whole sequence
    hs (B, T, H), use the shape (B, 1, H).
    Errors: ValueError unless 0 <= p < 1.
    """
    if not 0 <= p < 1:
        raise ValueError(f"p is {p}, but the probability to drop must be at least 0 and below 1")
    kept = torch.rand(shape, generator=generator, device=generator.device) >= p
    return kept.to(like) / (1 - p)


def variational_dropout(step, xs, state, p_x, p_h, generator, training=True):
    """`cells.unroll` with dropout on inputs and on the recurrence, the same masks at every step.

        h_t = f(x_t * mask_x, h_{t-1} * mask_h)

    mask_x (B, D) and mask_h (B, H) are drawn once for each sequence of the batch. Of a state that
    is a tuple, only the first entry is dropped: h of (h, c); a cell's memory c stays whole.

    step, xs (B, T, D), state -> (hs (B, T, H), state): as in `cells.unroll`. Dropout is not applied
    to hs and the last state.
    p_x, p_h: the probabilities to drop. training: False applies step alone, and draws nothing.
    Errors: ValueError unless both probabilities are at least 0 and below 1.
    Source: lecture section 7, "the same mask"; Gal & Ghahramani 2016.
    """
    if not training:
        return unroll(step, xs, state)
    B, _, D = xs.shape
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((B, 1, D), p_x, generator, like=xs)
    mask_h = dropout_mask(h.shape, p_h, generator, like=h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


def word_dropout(tokens, E, p, generator, training=True):
    """Look up embeddings, dropping whole words: a dropped word is 0 wherever it occurs.

        xs[b, t] = E[w] * mask[b, w]    with w = tokens[b, t]

    One coin for each word of the vocabulary and each sequence: "the" either stays in a sentence or
    is dropped at all its positions. Dropping single positions would hide little, since the word
    would still be there elsewhere.

    Shapes: tokens (B, T) integers, E (V, D) -> xs (B, T, D).
    p: the probability to drop. training: False only looks up, and draws nothing.
    Errors: ValueError unless 0 <= p < 1.
    Source: lecture section 7, "remove the whole word"; Gal & Ghahramani 2016, section 4.2.
    """
    xs = E[tokens]
    if not training:
        return xs
    mask = dropout_mask((tokens.shape[0], E.shape[0]), p, generator, like=E)  # (B, V)
    return xs * mask.gather(1, tokens).unsqueeze(2)


def weight_drop(step, xs, state, W_h, p, generator, training=True):
    """`cells.unroll` with single weights of the recurrence dropped, the same ones at each step.

        h_t = f(x_t, h_{t-1}, W_h * mask)

    One mask of the shape of W_h for the whole run, that is for all steps and all sequences of the
    batch, because weights are dropped, not states.

    step: step(x, state, W_h) -> state, such as
        lambda x, h, W_h: elman_step(x, h, W_x, W_h)
        lambda x, s, W_h: lstm_step(x, s, torch.cat([W_x, W_h]))
    xs (B, T, D), state -> (hs (B, T, H), state): as in `cells.unroll`. W_h: of any shape.
    p: the probability to drop. training: False uses W_h unchanged, and draws nothing.
    Errors: ValueError unless 0 <= p < 1.
    Source: lecture section 7 (extension); Merity et al. 2018, DropConnect of Wan et al. 2013.
    """
    W = W_h * dropout_mask(W_h.shape, p, generator, like=W_h) if training else W_h
    return unroll(lambda x, state: step(x, state, W), xs, state)


# --- Penalties ----------------------------------------------------------------------------------


def l2_penalty(parameters):
    """The sum of the squares of all entries of the given parameters.

    parameters: tensors, all of a model's (model.parameters()) or some ([model.W_soft]).
    Returns a scalar. Its gradient is 2 * W, so factor * l2_penalty is weight decay of 2 * factor.
    Errors: ValueError when there are none.
    Source: lecture section 7, "l2 norm of all or some parameters".
    """
    squares = [(W**2).sum() for W in parameters]
    if not squares:
        raise ValueError(
            "there are no parameters. model.parameters() can be read only once: call it again"
        )
    return torch.stack(squares).sum()


def activation_penalty(hs, mask):
    """AR: the sum of ||h_t||^2 over all tokens, which keeps the states small.

    Merity et al. apply it to the last layer's states AFTER dropout.

    Shapes: hs (B, T, H), mask (B, T) -> a scalar.
    Errors: ValueError when the mask is not boolean (B, T).
    Source: lecture section 7; Merity et al. 2017 (AR; there a mean instead of the sum).
    """
    check_mask(mask, hs.shape[:2])
    return (hs[mask] ** 2).sum()


def temporal_penalty(hs, mask):
    """TAR: the sum of ||h_t - h_{t-1}||^2, which makes the states change slowly.

    Merity et al. apply it to the last layer's states BEFORE dropout, whose zeros would count as
    changes. A pair counts when both are tokens; h_1 - h_0 is not part of the sum.

    Shapes: hs (B, T, H), mask (B, T) -> a scalar.
    Errors: ValueError when the mask is not boolean (B, T).
    Source: lecture section 7; Merity et al. 2017 (TAR; there a mean instead of the sum).
    """
    check_mask(mask, hs.shape[:2])
    both = mask[:, 1:] & mask[:, :-1]  # (B, T-1)
    return ((hs[:, 1:] - hs[:, :-1])[both] ** 2).sum()
