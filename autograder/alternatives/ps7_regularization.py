"""Problem set 7, regularization, solved correctly in other ways.

The audit submits the source of each. It may use torch, unroll and the student's own dropout_mask;
anything else it imports inside.
"""

import torch

from rnncourse.reference.cells import unroll
from rnncourse.reference.regularization import dropout_mask

from . import Alternatives

ALTERNATIVES = Alternatives()


# --- dropout_mask -------------------------------------------------------------------------------


@ALTERNATIVES.of("dropout_mask")
def draws_from_bernoulli(shape, p, generator, like):
    if p < 0 or p >= 1:
        raise ValueError(f"p is {p}")
    mask = torch.empty(shape, dtype=like.dtype, device=like.device)
    return mask.bernoulli_(1 - p, generator=generator).div_(1 - p)


@ALTERNATIVES.of("dropout_mask")
def chooses_between_two_numbers(shape, p, generator, like):
    assert 0 <= p < 1, "p must be at least 0 and below 1"
    chance = torch.rand(shape, generator=generator, dtype=torch.float64)
    zero, kept = like.new_zeros(()), like.new_full((), 1 / (1 - p))
    return torch.where(chance < p, zero, kept)


@ALTERNATIVES.of("dropout_mask")
def draws_number_by_number(shape, p, generator, like):
    import math

    if not 0 <= p < 1:
        raise ValueError("impossible")
    q = 1 - p
    chances = torch.rand(math.prod(shape), generator=generator).tolist()
    entries = [1 / q if chance < q else 0.0 for chance in chances]
    return torch.tensor(entries, dtype=like.dtype).reshape(shape)


@ALTERNATIVES.of("dropout_mask")
def multiplies_two_masks(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be in [0, 1)")
    # Kept is what both keep, each with the root of the probability.
    root = (1 - p) ** 0.5
    first, second = (torch.rand(shape, generator=generator) < root for _ in range(2))
    return (first & second).to(like.dtype) / (root * root)


# --- variational_dropout ------------------------------------------------------------------------


@ALTERNATIVES.of("variational_dropout")
def loops_over_time(step, xs, state, p_x, p_h, generator, training=True):
    B, T, D = xs.shape
    if training:
        h = state if torch.is_tensor(state) else state[0]
        mask_x = dropout_mask((B, D), p_x, generator, xs)
        mask_h = dropout_mask((B, h.size(1)), p_h, generator, h)
    hs = []
    for t in range(T):
        x, seen = xs[:, t], state
        if training:
            x = x * mask_x
            seen = state * mask_h if torch.is_tensor(state) else (state[0] * mask_h, *state[1:])
        state = step(x, seen)
        hs.append(state if torch.is_tensor(state) else state[0])
    return torch.stack(hs, dim=1), state


@ALTERNATIVES.of("variational_dropout")
def multiplies_by_ones_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    is_tuple = isinstance(state, tuple)
    h = state[0] if is_tuple else state
    mask_x, mask_h = torch.ones_like(xs[:, 0]), torch.ones_like(h)
    if training:
        mask_h = dropout_mask(mask_h.shape, p_h, generator, mask_h)
        mask_x = dropout_mask(mask_x.shape, p_x, generator, mask_x)

    def masked(x, state):
        if is_tuple:
            h, c = state
            return step(mask_x * x, (mask_h * h, c))
        return step(mask_x * x, mask_h * state)

    return unroll(masked, xs, state)


@ALTERNATIVES.of("variational_dropout")
def draws_its_own_masks(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)

    def mask(like, p):
        kept = torch.bernoulli(torch.full(like.shape, 1 - p), generator=generator)
        return kept.to(like.dtype).div(1 - p)

    h = state[0] if type(state) is tuple else state
    mask_x, mask_h = mask(xs[:, 0], p_x), mask(h, p_h)
    hs = []
    for x in xs.transpose(0, 1):
        if type(state) is tuple:
            state = step(x * mask_x, (state[0] * mask_h, *state[1:]))
            hs.append(state[0])
        else:
            state = step(x * mask_x, state * mask_h)
            hs.append(state)
    return torch.stack(hs).transpose(0, 1), state


@ALTERNATIVES.of("variational_dropout")
def draws_one_mask_and_cuts_it(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h, *rest = state if isinstance(state, tuple) else (state,)
    D = xs.shape[2]
    chances = torch.rand(len(xs), D + h.shape[1], generator=generator).to(xs.device)
    mask_x = (chances[:, :D] >= p_x) / (1 - p_x)
    mask_h = (chances[:, D:] >= p_h) / (1 - p_h)
    xs = torch.einsum("btd,bd->btd", xs, mask_x.to(xs))

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h.to(h), *state[1:]))
        return step(x, state * mask_h.to(h))

    return unroll(dropped, xs, (h, *rest) if isinstance(state, tuple) else h)


# --- word_dropout -------------------------------------------------------------------------------


@ALTERNATIVES.of("word_dropout")
def drops_rows_of_a_table_for_each_sentence(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens]
    return torch.stack([(E * dropout_mask((len(E), 1), p, generator, E))[row] for row in tokens])


@ALTERNATIVES.of("word_dropout")
def remembers_what_it_has_decided(tokens, E, p, generator, training=True):
    from torch.nn import functional

    xs = functional.embedding(tokens, E)
    if not training or p == 0:
        return xs
    factors = torch.zeros(tokens.shape, dtype=E.dtype)
    for b, row in enumerate(tokens.tolist()):
        decided = {}
        for t, word in enumerate(row):
            if word not in decided:
                decided[word] = torch.rand((), generator=generator).item() >= p
            factors[b, t] = decided[word] / (1 - p)
    return torch.einsum("btd,bt->btd", xs, factors)


@ALTERNATIVES.of("word_dropout")
def looks_the_mask_up(tokens, E, p, generator, training=True):
    xs = E.index_select(0, tokens.flatten()).reshape(*tokens.shape, -1)
    if training:
        mask = dropout_mask((len(tokens), len(E)), p, generator, like=xs)
        xs = xs * mask[torch.arange(len(tokens)).unsqueeze(1), tokens][..., None]
    return xs


@ALTERNATIVES.of("word_dropout")
def multiplies_one_hot_rows(tokens, E, p, generator, training=True):
    V = E.shape[0]
    hot = torch.nn.functional.one_hot(tokens, V).to(E.dtype)
    if training:
        hot = hot * dropout_mask((tokens.shape[0], 1, V), p, generator, E)
    return hot @ E


@ALTERNATIVES.of("word_dropout")
def keeps_padding_apart(tokens, E, p, generator, training=True):
    xs = E[tokens]
    if not training:
        return xs
    mask = dropout_mask((len(tokens), len(E)), p, generator, E)
    mask[:, 0] = 1
    return xs * mask.gather(1, tokens)[:, :, None]


# --- l2_penalty ---------------------------------------------------------------------------------


@ALTERNATIVES.of("l2_penalty")
def adds_up_in_a_loop(parameters):
    penalty = None
    for W in parameters:
        square = W.pow(2).sum()
        penalty = square if penalty is None else penalty + square
    if penalty is None:
        raise ValueError("no parameters")
    return penalty


@ALTERNATIVES.of("l2_penalty")
def joins_all_parameters(parameters):
    everything = torch.cat([W.reshape(-1) for W in parameters])  # refuses an empty list
    return everything @ everything


@ALTERNATIVES.of("l2_penalty")
def squares_the_norms(parameters):
    norms = [torch.linalg.vector_norm(W) for W in parameters]
    if len(norms) == 0:
        raise ValueError("nothing to penalize")
    return torch.stack(norms).square().sum()


@ALTERNATIVES.of("l2_penalty")
def adds_with_sum(parameters):
    parameters = list(parameters)
    assert parameters, "there are no parameters"
    return sum(torch.einsum("i,i->", W.flatten(), W.flatten()) for W in parameters)


# --- activation_penalty -------------------------------------------------------------------------


@ALTERNATIVES.of("activation_penalty")
def clears_a_copy(hs, mask):
    return hs.masked_fill(~mask.unsqueeze(-1), 0).square().sum()


@ALTERNATIVES.of("activation_penalty")
def chooses_with_where(hs, mask):
    clean = torch.where(mask[:, :, None], hs, torch.zeros_like(hs))
    return torch.einsum("bth,bth->", clean, clean)


@ALTERNATIVES.of("activation_penalty")
def squares_row_by_row(hs, mask):
    penalty = hs.new_zeros(())
    for b in range(len(hs)):
        for t in range(hs.shape[1]):
            if mask[b, t]:
                penalty = penalty + hs[b, t] @ hs[b, t]
    return penalty


@ALTERNATIVES.of("activation_penalty")
def squares_norms_of_tokens(hs, mask):
    b, t = mask.nonzero(as_tuple=True)
    return hs[b, t].pow(2).sum(dim=1).sum()


# --- temporal_penalty ---------------------------------------------------------------------------


@ALTERNATIVES.of("temporal_penalty")
def selects_the_pairs(hs, mask):
    both = mask[:, 1:].logical_and(mask[:, :-1])
    later, earlier = hs[:, 1:][both], hs[:, :-1][both]
    return (later - earlier).square().sum()


@ALTERNATIVES.of("temporal_penalty")
def clears_before_it_squares(hs, mask):
    both = (mask[:, 1:] * mask[:, :-1]).unsqueeze(2)
    steps = torch.where(both, hs.diff(dim=1), 0)
    return (steps * steps).sum()


@ALTERNATIVES.of("temporal_penalty")
def steps_through_time(hs, mask):
    penalty = hs.new_zeros(())
    for t in range(1, hs.shape[1]):
        alive = (mask[:, t] & mask[:, t - 1]).unsqueeze(1)
        step = (hs[:, t] - hs[:, t - 1]).masked_fill(~alive, 0)
        penalty = penalty + (step**2).sum()
    return penalty


@ALTERNATIVES.of("temporal_penalty")
def clears_the_padding_first(hs, mask):
    clean = hs.masked_fill(~mask[..., None], 0)
    both = (mask[:, :-1] & mask[:, 1:]).to(hs.dtype)
    squares = (clean[:, 1:] - clean[:, :-1]).pow(2).sum(dim=2)
    return (squares * both).sum()


# --- weight_drop --------------------------------------------------------------------------------


@ALTERNATIVES.of("weight_drop")
def loops_with_the_dropped_matrix(step, xs, state, W_h, p, generator, training=True):
    W = W_h
    if training:
        W = torch.mul(dropout_mask(W_h.size(), p, generator, like=W_h), W_h)
    hs = []
    for t in range(xs.size(1)):
        state = step(xs[:, t], state, W)
        hs.append(state if isinstance(state, torch.Tensor) else state[0])
    return torch.stack(hs, 1), state


@ALTERNATIVES.of("weight_drop")
def multiplies_in_every_step(step, xs, state, W_h, p, generator, training=True):
    mask = dropout_mask(W_h.shape, p, generator, W_h) if training else torch.ones_like(W_h)

    def dropped(x, state):
        return step(x, state, W_h * mask)

    return unroll(dropped, xs, state)


@ALTERNATIVES.of("weight_drop")
def binds_the_matrix(step, xs, state, W_h, p, generator, training=True):
    import functools

    if training:
        gone = torch.rand(W_h.numel(), generator=generator).view_as(W_h) < p
        W_h = W_h.masked_fill(gone, 0) / (1 - p)

    def with_matrix(W, x, state):
        return step(x, state, W)

    return unroll(functools.partial(with_matrix, W_h), xs, state)
