"""weight_drop: its visible checks and the mistakes people make."""

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
from ._shared import MASKED, described, elman_cell, followed, generator, lstm_cell, watched

P_W = 0.3


def run_weight_drop(
    subject: Any, rng: Rng, s: Sizes, p: float, cell: Callable[..., Any] = elman_cell
) -> dict[str, Any]:
    step, W_h = cell(rng, s)
    noting, calls = watched(step, s.T)
    xs, start = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    state = start if cell is elman_cell else (start, rng.normal(s.B, s.H))
    result = subject(noting, *copied((xs, state, W_h)), p, generator(subject, 4))
    seen = followed(calls, result, xs, tensors(state))
    if "x_t" in seen and all(call[2].shape == W_h.shape for call in calls):
        seen["W_h"] = torch.stack([call[2] for call in calls]).unsqueeze(0) / W_h
    return seen


def observe_weights(subject: Any, rng: Rng) -> dict[str, Any]:
    return described(run_weight_drop(subject, rng, MASKED, P_W))


def observe_lstm_weights(subject: Any, rng: Rng) -> dict[str, Any]:
    """The matrix of an LSTM, (H, 4H), and a state that is a tuple."""
    return described(run_weight_drop(subject, rng, MASKED._replace(H=12), P_W, lstm_cell))


def observe_weights_off(subject: Any, rng: Rng) -> dict[str, Any]:
    """Outside training, and with probability 0, step gets W_h as it is."""
    seen: dict[str, Any] = {}
    for s in (rng.sizes(), ONES):
        step, W_h = elman_cell(rng, s)
        args = step, rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H), W_h
        for p, training in ((0.9, False), (0.0, True)):
            key = f"p = {p}, training={training}, W_h {tuple(W_h.shape)}"
            seen[key] = attempt(
                lambda a=(*args, p), training=training: subject(*a, generator(subject, 5), training)
            )
    return seen


weight_cases = Cases(
    "weight_drop",
    ("step", "xs", "state", "W_h", "p", "seed of the generator"),
    lambda rng, s: (
        (cell := elman_cell(rng, s))[0],
        rng.normal(s.B, s.T, s.D),
        rng.normal(s.B, s.H),
        cell[1],
        0.5,
        4,
    ),
    batched=(),
    run=lambda subject, *args: subject(*args[:-1], generator(subject, args[-1])),
)


exercise = Exercise(
    "weight_drop",
    "ps7_regularization",
    regularization.weight_drop,
    points=6,
    properties=(
        Property(
            "entries",
            "step gets W_h times a mask of zeros and 1 / (1 - p); x_t and the state are whole",
            0.75,
            observe_weights,
            judging("calls*", "every call*", "x_t*", "h of*", "W_h*"),
        ),
        Property(
            "steady",
            "the dropped weights are the same at every step",
            1.5,
            observe_weights,
            judging("calls*", "every call*", "the mask*"),
        ),
        Property(
            "results",
            "hs and the last state are what step returned",
            0.5,
            observe_weights,
            judging("calls*", "every call*", "hs*", "the last*"),
        ),
        Property("off", "training=False and p = 0 drop nothing at all", 0.75, observe_weights_off),
    ),
)


@exercise.misconception(
    "You drop other weights at every step. Draw the mask once, before the loop."
)
def redraws_the_weights(step, xs, state, W_h, p, generator, training=True):
    def dropped(x, state):
        return step(x, state, W_h * dropout_mask(W_h.shape, p, generator, W_h))

    return unroll(dropped if training else lambda x, s: step(x, s, W_h), xs, state)


@exercise.misconception(
    "You drop units of the state. Here it is the weights that go: W_h * mask, "
    "with the state left whole."
)
def drops_the_state(step, xs, state, W_h, p, generator, training=True):
    if not training:
        return unroll(lambda x, s: step(x, s, W_h), xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask = dropout_mask(h.shape, p, generator, h)

    def dropped(x, s):
        return step(x, (s[0] * mask, *s[1:]) if isinstance(s, tuple) else s * mask, W_h)

    return unroll(dropped, xs, state)


@exercise.misconception(
    "You drop whole rows of W_h, which is the same as dropping units of the state. "
    "Every single weight has its own coin: a mask of the shape of W_h."
)
def drops_rows_of_weights(step, xs, state, W_h, p, generator, training=True):
    W = W_h * dropout_mask((len(W_h), 1), p, generator, W_h) if training else W_h
    return unroll(lambda x, s: step(x, s, W), xs, state)


@exercise.misconception(
    "You drop whole columns of W_h. Every single weight has its own coin: "
    "a mask of the shape of W_h."
)
def drops_columns_of_weights(step, xs, state, W_h, p, generator, training=True):
    W = W_h * dropout_mask((1, W_h.shape[1]), p, generator, W_h) if training else W_h
    return unroll(lambda x, s: step(x, s, W), xs, state)


@exercise.misconception(
    "You do not scale the weights that stay. Divide them by 1 - p, as dropout_mask does."
)
def leaves_the_weights_unscaled(step, xs, state, W_h, p, generator, training=True):
    W = W_h * (dropout_mask(W_h.shape, p, generator, W_h) > 0) if training else W_h
    return unroll(lambda x, s: step(x, s, W), xs, state)


@exercise.misconception(
    "You scale outside training, by 1 - p, and not in training. Divide by 1 - p while training, "
    "and use W_h as it is afterwards."
)
def scales_the_weights_outside_training(step, xs, state, W_h, p, generator, training=True):
    W = W_h * (dropout_mask(W_h.shape, p, generator, W_h) > 0 if training else 1 - p)
    return unroll(lambda x, s: step(x, s, W), xs, state)


@exercise.misconception(
    "You draw the mask before you look at training. With training=False draw nothing, "
    "so that a test does not change the training after it."
)
def draws_weights_outside_training(step, xs, state, W_h, p, generator, training=True):
    mask = dropout_mask(W_h.shape, p, generator, W_h)
    return unroll(lambda x, s: step(x, s, W_h * mask if training else W_h), xs, state)


@exercise.misconception(
    "You drop outside training too. With training=False step gets W_h as it is."
)
def drops_weights_outside_training(step, xs, state, W_h, p, generator, training=True):
    W = W_h * dropout_mask(W_h.shape, p, generator, W_h)
    return unroll(lambda x, s: step(x, s, W), xs, state)


@exercise.misconception(
    "You draw the mask and then hand on the whole W_h. Give step the product, W_h * mask."
)
def hands_on_the_whole_matrix(step, xs, state, W_h, p, generator, training=True):
    if training:
        W_h * dropout_mask(W_h.shape, p, generator, W_h)
    return unroll(lambda x, s: step(x, s, W_h), xs, state)


@exercise.misconception(
    "Your mask is multiplied in again at every step, so the weights that stay grow and grow. "
    "Multiply once, before the loop."
)
def multiplies_again_and_again(step, xs, state, W_h, p, generator, training=True):
    mask = dropout_mask(W_h.shape, p, generator, W_h) if training else torch.ones_like(W_h)
    W = W_h

    def dropped(x, state):
        nonlocal W
        W = W * mask
        return step(x, state, W)

    return unroll(dropped, xs, state)


@exercise.misconception(
    "Only your first step gets the dropped weights; the others get W_h whole. "
    "All steps share the same dropped matrix."
)
def drops_for_the_first_step_only(step, xs, state, W_h, p, generator, training=True):
    W = W_h * dropout_mask(W_h.shape, p, generator, W_h) if training else W_h

    def dropped(x, state):
        nonlocal W
        used, W = W, W_h
        return step(x, state, used)

    return unroll(dropped, xs, state)


@exercise.misconception(
    "You write the zeros into W_h itself, so these weights are lost for ever. "
    "Make a new matrix, W_h * mask, and leave W_h as it is."
)
def writes_into_the_weights(step, xs, state, W_h, p, generator, training=True):
    if training:
        W_h.data.mul_(dropout_mask(W_h.shape, p, generator, W_h))
    return unroll(lambda x, s: step(x, s, W_h), xs, state)


@exercise.misconception(
    "Your dropped matrix is cut off from W_h (.detach(), .data, nn.Parameter), so W_h learns "
    "nothing. Multiply W_h itself by the mask."
)
def detaches_the_weights(step, xs, state, W_h, p, generator, training=True):
    W = W_h.detach() * dropout_mask(W_h.shape, p, generator, W_h) if training else W_h
    return unroll(lambda x, s: step(x, s, W), xs, state)
