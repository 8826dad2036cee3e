"""variational_dropout: its visible checks and the mistakes people make."""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.entries import judging
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.pytree import copied, tensors
from ...checks.rng import ONES, Rng, Sizes
from ...reference import regularization
from ...reference.cells import unroll
from ...reference.regularization import dropout_mask
from ._shared import MASKED, described, elman_cell, followed, generator, lstm_cell, shapes, watched


def fixed(step: Callable[..., Any], W: torch.Tensor) -> Callable[[Any, Any], Any]:
    """A step(x, state) that has its matrix already."""

    def cell(x, state):
        return step(x, state, W)

    return cell


P_X, P_H = 0.2, 0.6


def run_variational(
    subject: Any, rng: Rng, s: Sizes, p_x: float, p_h: float, cell: Callable[..., Any] = elman_cell
) -> dict[str, Any]:
    noting, calls = watched(fixed(*cell(rng, s)), s.T)
    xs, start = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    state = start if cell is elman_cell else (start, rng.normal(s.B, s.H))
    result = subject(noting, *copied((xs, state)), p_x, p_h, generator(subject, 3))
    return followed(calls, result, xs, tensors(state))


def observe_masks(subject: Any, rng: Rng) -> dict[str, Any]:
    return described(run_variational(subject, rng, MASKED, P_X, P_H))


def observe_tuple(subject: Any, rng: Rng) -> dict[str, Any]:
    return described(run_variational(subject, rng, MASKED, P_X, P_H, lstm_cell))


def observe_variational_off(subject: Any, rng: Rng) -> dict[str, Any]:
    """Outside training, and with probability 0, step sees everything as it is."""
    seen: dict[str, Any] = {}
    for cell, text in ((elman_cell, "h"), (lstm_cell, "(h, c)")):
        for s in (rng.sizes(), ONES):
            step = fixed(*cell(rng, s))
            xs, h, c = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H), rng.normal(s.B, s.H)
            args = step, xs, h if cell is elman_cell else (h, c)
            for p, training in ((0.9, False), (0.0, True)):
                key = f"p_x = p_h = {p}, training={training}, state {text}, xs {shapes(xs)}"
                seen[key] = attempt(
                    lambda a=(*args, p, p), training=training: subject(
                        *a, generator(subject, 5), training
                    )
                )
    return seen


variational_cases = Cases(
    "variational_dropout",
    ("step", "xs", "state", "p_x", "p_h", "seed of the generator"),
    lambda rng, s: (
        fixed(*elman_cell(rng, s)),
        rng.normal(s.B, s.T, s.D),
        rng.normal(s.B, s.H),
        0.5,
        0.5,
        3,
    ),
    batched=(),
    run=lambda subject, *args: subject(*args[:-1], generator(subject, args[-1])),
)


exercise = Exercise(
    "variational_dropout",
    "ps7_regularization",
    regularization.variational_dropout,
    points=8,
    properties=(
        Property(
            "masks",
            "step sees x_t and h_{t-1} times a mask of zeros and 1 / (1 - p)",
            0.75,
            observe_masks,
            judging("calls*", "every call*", "x_t is*", "h of*"),
        ),
        Property(
            "steady",
            "the masks are the same at every step",
            2,
            observe_masks,
            judging("calls*", "every call*", "the mask*"),
        ),
        Property(
            "results",
            "hs and the last state are what step returned, undropped",
            0.5,
            observe_masks,
            judging("calls*", "every call*", "hs*", "the last*"),
        ),
        Property("tuples", "of a state (h, c) only h is dropped", 0.75, observe_tuple),
        Property(
            "off", "training=False and p = 0 drop nothing at all", 0.75, observe_variational_off
        ),
    ),
)


@exercise.misconception(
    "You draw new masks at every step. Draw both once, before the loop: "
    "the same mask for all time steps is the point."
)
def redraws_at_every_step(step, xs, state, p_x, p_h, generator, training=True):
    def dropped(x, state):
        if not training:
            return step(x, state)
        x = x * dropout_mask(x.shape, p_x, generator, x)
        if isinstance(state, tuple):
            h, *rest = state
            return step(x, (h * dropout_mask(h.shape, p_h, generator, h), *rest))
        return step(x, state * dropout_mask(state.shape, p_h, generator, state))

    return unroll(dropped, xs, state)


@exercise.misconception(
    "Your input mask is (B, T, D), a new one for every step. Draw it as (B, 1, D): "
    "all steps then share it."
)
def redraws_the_input_mask(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * dropout_mask(xs.shape, p_x, generator, xs), state)


@exercise.misconception(
    "Your input mask is right, but the state's is drawn anew at every step. "
    "Draw it once, before the loop."
)
def redraws_the_state_mask(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)

    def dropped(x, state):
        h = state[0] if isinstance(state, tuple) else state
        h = h * dropout_mask(h.shape, p_h, generator, h)
        return step(x, (h, *state[1:]) if isinstance(state, tuple) else h)

    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "Your masks have no batch axis, so all sequences of a batch lose the same units. "
    "Draw one for each sequence: (B, 1, D) and (B, H)."
)
def one_mask_for_the_whole_batch(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((1, 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask((1, h.shape[1]), p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "You toss one coin for a whole vector, (B, 1, 1) and (B, 1). "
    "Every unit has its own: (B, 1, D) and (B, H)."
)
def drops_whole_vectors(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    mask_x = dropout_mask((xs.shape[0], 1, 1), p_x, generator, xs)
    mask_h = dropout_mask((xs.shape[0], 1), p_h, generator, xs)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "You draw the masks before you look at training, and then do not use them. "
    "With training=False draw nothing, so that a test does not change the training after it."
)
def draws_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)
    if not training:
        return unroll(step, xs, state)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "You drop outside training too, so every prediction is a gamble. "
    "With training=False just unroll the step."
)
def drops_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "Your condition is the wrong way round: you drop outside training, and not in it. "
    "With training=True the masks apply."
)
def drops_only_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    if training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "You scale at test time, by 1 - p, and not in training. Scale while training, by 1 / (1 - p), "
    "so that a trained network can be used as it is."
)
def scales_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    h = state[0] if isinstance(state, tuple) else state
    if training:
        mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs) * (1 - p_x)
        mask_h = dropout_mask(h.shape, p_h, generator, h) * (1 - p_h)
    else:
        mask_x, mask_h = 1 - p_x, 1 - p_h

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "You drop the inputs and leave the recurrence alone. h has a mask too, "
    "applied to the state each time before step sees it."
)
def leaves_the_recurrence_alone(step, xs, state, p_x, p_h, generator, training=True):
    if training:
        xs = xs * dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    return unroll(step, xs, state)


@exercise.misconception(
    "You drop the recurrence and leave the inputs alone. x_t has a mask too, of shape (B, 1, D) "
    "for all steps."
)
def leaves_the_inputs_alone(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs, state)


@exercise.misconception(
    "You drop the first state only. The mask belongs to every step: wrap step in a function that "
    "multiplies its state by mask_h."
)
def drops_the_first_state_only(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    h = h * dropout_mask(h.shape, p_h, generator, h)
    return unroll(step, xs * mask_x, (h, *state[1:]) if isinstance(state, tuple) else h)


@exercise.misconception(
    "You drop what step returns, so hs itself has holes and the first state has none. "
    "Drop what step is given: step(x * mask_x, h * mask_h)."
)
def drops_what_comes_out(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        new = step(x, state)
        return (new[0] * mask_h, *new[1:]) if isinstance(new, tuple) else new * mask_h

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "The steps are right, but you drop hs once more at the end. Return the states as step made "
    "them: what a layer above drops is its own affair."
)
def drops_the_result_again(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    hs, state = unroll(dropped, xs * mask_x, state)
    return hs * mask_h.unsqueeze(1), state


@exercise.misconception(
    "You drop c as well, and what is multiplied into the memory at every step is lost or blown up. "
    "Of (h, c) drop only h."
)
def drops_the_memory_too(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, tuple(one * mask_h for one in state))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "You multiply the state by the mask as if it were always a tensor. "
    "An LSTM's is a tuple (h, c): take it apart, and drop only h."
)
def takes_every_state_for_a_tensor(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(state.shape, p_h, generator, state)
    return unroll(lambda x, h: step(x, h * mask_h), xs * mask_x, state)


@exercise.misconception(
    "You have mixed up the probabilities: p_x is for the inputs, p_h for the state."
)
def swaps_the_probabilities(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_h, generator, xs)
    mask_h = dropout_mask(h.shape, p_x, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "You detach the state where you drop it, so no gradient goes back in time. "
    "Only multiply it by the mask."
)
def detaches_the_state(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0].detach() * mask_h, *state[1:]))
        return step(x, state.detach() * mask_h)

    return unroll(dropped, xs * mask_x, state)


@exercise.misconception(
    "You draw from torch's global source and leave the generator alone, so a run cannot be "
    "repeated. Hand the generator on to dropout_mask."
)
def draws_from_the_global_source(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = torch.nn.functional.dropout(torch.ones_like(xs[:, :1]), p_x)
    mask_h = torch.nn.functional.dropout(torch.ones_like(h), p_h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)
