"""Hidden tests of problem set 5, training."""

import math
from typing import Any

import torch

from rnncourse.checks import ps5_training as ps5
from rnncourse.checks.compare import Raised
from rnncourse.checks.entries import judging
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.remote import alongside
from rnncourse.checks.rng import Rng

# --- cross_entropy ------------------------------------------------------------------------------


def observe_loss_gradient(subject: Any, rng: Rng) -> dict[str, Any]:
    """The gradient of the logits, with numbers and with nan in the padding."""
    seen = {}
    for rubbish in (0.5, float("nan")):
        for options in ({}, {"label_smoothing": 0.2}) if rubbish == 0.5 else ({},):
            logits, targets, mask = ps5.draw_logits(rng, rng.sizes())
            logits = logits.masked_fill(~mask.unsqueeze(2), rubbish).requires_grad_()
            loss = attempt(lambda l=logits, t=targets, m=mask, o=options: subject(l, t, m, **o))
            text = f"{rubbish:g} in the padding{', smoothed' if options else ''}: the gradient"
            if not isinstance(loss, torch.Tensor):
                seen[text] = loss
            elif not loss.requires_grad or loss.dim():
                seen[text] = "none flows back"
            else:
                seen[text] = torch.autograd.grad(loss, logits)[0]
    return seen


def observe_rubbish(subject: Any, rng: Rng) -> dict[str, Any]:
    args = ps5.draw_logits(rng, rng.sizes())
    return {
        f"logits {logit:g} and targets {target} in the padding": attempt(
            lambda logit=logit, target=target: subject(*ps5.widened(args, 1, logit, target))
        )
        for logit, target in ((math.nan, 0), (math.inf, 0), (-math.inf, -100), (0.0, 10**6))
    }


def observe_holes(subject: Any, rng: Rng) -> dict[str, Any]:
    """Padding anywhere, in whole rows too."""
    s = rng.sizes(B=4, T=6)
    logits, targets, _ = ps5.draw_logits(rng, s)
    starts = rng.integers(1, s.T, s.B)
    starts[2] = 1
    before = torch.arange(s.T) >= starts.unsqueeze(1)
    scattered = rng.normal(s.B, s.T) > 0
    scattered[2:, :3] = True
    scattered[1] = False
    return {
        text: attempt(lambda mask=mask: subject(logits, targets, mask))
        for text, mask in (
            ("the padding comes first", before),
            ("tokens here and there, and none in row 1", scattered),
        )
    }


def draw_no_tokens(rng: Rng) -> dict[str, tuple]:
    logits, targets, mask = ps5.draw_logits(rng, rng.sizes())
    return {"whose mask is False everywhere": (logits, targets, torch.zeros_like(mask))}


# --- elman_backward -----------------------------------------------------------------------------


def observe_with_bias(subject: Any, rng: Rng) -> dict[str, Any]:
    args = ps5.draw_backward(rng, rng.sizes(), bias=1.0)
    return ps5.gradients_of(subject, args, " of a forward pass with a bias")


def observe_long(subject: Any, rng: Rng) -> dict[str, Any]:
    # With larger matrices the gradient would explode, and rounding with it.
    return ps5.gradients_of(subject, ps5.draw_backward(rng, rng.sizes(T=40), scale=0.4))


# --- clip_gradients -----------------------------------------------------------------------------


def observe_zeros(subject: Any, rng: Rng) -> dict[str, Any]:
    """No length at all: gradients of 0, no gradients, no parameters."""
    zeros = [torch.zeros(2, 3, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)]
    return {
        **ps5.clipped(subject, zeros, 1.0, "all gradients are 0"),
        **ps5.clipped(subject, [None, None], 1.0, "no parameter has a gradient"),
    }


def observe_measuring(subject: Any, rng: Rng) -> dict[str, Any]:
    """Gradients of other sizes; an infinite max_norm only measures; nan is not hidden."""
    s = rng.sizes()
    odd = [rng.normal(1), rng.normal(), rng.normal(s.B, s.T, s.D, s.H)]
    single = [one.float() for one in ps5.draw_gradients(rng, 7.0)]
    return {
        **ps5.clipped(subject, odd, 0.5, "gradients with 0, 1 and 4 axes"),
        **ps5.clipped(subject, ps5.draw_gradients(rng, 300.0), math.inf, "max_norm=inf"),
        **ps5.clipped(subject, single, 2.0, "float32 gradients"),
    }


def observe_nan(subject: Any, rng: Rng) -> dict[str, Any]:
    gradients = ps5.draw_gradients(rng, 3.0)
    gradients[1][0] = math.nan
    seen = ps5.clipped(subject, gradients, 1.0, "one of the numbers is nan")
    good = ps5.clipped(subject, ps5.draw_gradients(rng, 3.0), 1.0, "all of them are numbers")
    return {**{key: value for key, value in seen.items() if key.endswith("returned")}, **good}


def observe_bad_limits(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for max_norm in (0.0, -1.0):
        result = ps5.clipped(subject, ps5.draw_gradients(rng, 3.0), max_norm, "it")
        refused = isinstance(result["it: what is returned"], Raised)
        seen[f"max_norm={max_norm:g}"] = "refused with an exception" if refused else "accepted"
    # A function that refuses everything refuses nothing.
    good = ps5.clipped(subject, ps5.draw_gradients(rng, 3.0), 1.0, "max_norm=1")
    return {**seen, **good}


# --- detach_state -------------------------------------------------------------------------------


def observe_nested(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    a, b, c, d = (rng.normal(s.B, n) for n in (s.H, s.D, s.H, 1))
    return {
        **ps5.detached(subject, ((a, b), c), "a state ((h, c), keys)"),
        **ps5.detached(subject, (((d,), a.clone()), (b.clone(),)), "a deeper one"),
    }


def observe_given(subject: Any, rng: Rng) -> dict[str, Any]:
    run = alongside(subject, f"{ps5.PARTS}.given_state")
    s = rng.sizes()
    return {
        text: attempt(lambda state=state: run(subject, state))
        for text, state in (
            ("a state h", rng.normal(s.B, s.H)),
            ("a state (h, c)", (rng.normal(s.B, s.H), rng.normal(s.B, s.H))),
        )
    }


# --- truncated_bptt -----------------------------------------------------------------------------


def observe_turns(subject: Any, rng: Rng) -> dict[str, Any]:
    """With a step between the chunks, as in training."""
    return ps5.in_chunks(subject, rng, 2, rate=0.1)


def observe_tuples(subject: Any, rng: Rng) -> dict[str, Any]:
    return ps5.in_chunks(subject, rng, 2, tuples=True)


def observe_chunks_of_one(subject: Any, rng: Rng) -> dict[str, Any]:
    return ps5.in_chunks(subject, rng, 1)


# --- train_step ---------------------------------------------------------------------------------


def observe_bad_steps(subject: Any, rng: Rng) -> dict[str, Any]:
    run = alongside(subject, f"{ps5.PARTS}.bad_step")
    return {
        f"the {what} is not finite": attempt(lambda what=what: run(subject, what))
        for what in ("loss", "gradient")
    }


def observe_modes(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for modes in ((True, True), (False, False), (True, False)):
        one = ps5.stepped(subject, rng, 2, 1.0, modes=modes)
        seen |= {
            f"the model comes with train mode {modes[0]}, a part of it {modes[1]}: {key}": value
            for key, value in one.items()
        }
    return seen


OPTIMIZERS = {
    "Adam": {"lr": 0.1},
    "SGD": {"lr": 0.05, "momentum": 0.9},
    "RMSprop": {"lr": 0.02},
}


def observe_optimizers(subject: Any, rng: Rng) -> dict[str, Any]:
    return {
        f"three steps of {name}": ps5.stepped(
            subject, rng, 3, 0.5, optimizer=name, settings=settings
        )
        for name, settings in OPTIMIZERS.items()
    }


# --- fit ----------------------------------------------------------------------------------------


def observe_calls(subject: Any, rng: Rng) -> Any:
    """In which mode, and with or without gradients, everything is called."""
    seen = ps5.fitted(subject, rng, [5.0, 4.0, 3.0], epochs=2, patience=2)
    return ps5.chosen(seen, "calls")


def observe_ties(subject: Any, rng: Rng) -> Any:
    """The second epoch is as good as the first, the others are worse."""
    seen = {}
    for patience in (1, 2):
        script = [2.0, 2.0, 3.0, 3.0, 3.0, 3.0]
        one = ps5.fitted(subject, rng, script, epochs=6, patience=patience)
        seen |= {
            f"validation gives {script} and patience={patience}: {key}": value
            for key, value in ps5.chosen(one, "epochs", "weights").items()
        }
    return seen


def observe_loader(subject: Any, rng: Rng) -> Any:
    """A loader gives its batches in a new order in each epoch."""
    seen = ps5.fitted(subject, rng, [5.0, 4.0, 3.0], epochs=3, patience=2, loader=True)
    calls = [one.partition(":")[0] for one in seen["calls"]]
    return {"batch by batch": calls, **ps5.chosen(seen, "weights", "torch's random state")}


def observe_clipped_epochs(subject: Any, rng: Rng) -> Any:
    seen = ps5.fitted(subject, rng, [5.0, 4.0], epochs=2, patience=2, max_norm=0.3)
    return ps5.chosen(seen, "weights")


def observe_afterwards(subject: Any, rng: Rng) -> dict[str, Any]:
    """The model's mode, and its buffers, after a run whose first epoch was the best."""
    seen = {}
    for training in (True, False):
        one = ps5.fitted(subject, rng, [1.0, 2.0, 3.0], epochs=3, patience=9, training=training)
        text = f"the model came in {'train' if training else 'eval'} mode"
        found = ps5.chosen(one, "mode afterwards", "weights", "uses")
        seen |= {f"{text}: {key}": value for key, value in found.items()}
    return seen


HIDDEN: dict[str, tuple[Property, ...]] = {
    "cross_entropy": (
        Property("gradient", "the gradient is right", 0.75, observe_loss_gradient),
        Property("rubbish", "whatever is in the padding is ignored", 0.75, observe_rubbish),
        Property("holes", "the mask may have any form", 0.25, observe_holes),
        ps5.loss_cases.refuses(0.25, draw_no_tokens),
        ps5.loss_cases.dtype(0.25),
        ps5.loss_cases.pure(0.25),
    ),
    "elman_backward": (
        Property("bias", "hs is used as it is given", 1.5, observe_with_bias),
        Property("long", "forty steps are no problem", 1, observe_long),
        ps5.backward_cases.dtype(0.5),
        ps5.backward_cases.pure(0.5),
    ),
    "clip_gradients": (
        Property("zero", "gradients of 0, and none at all", 0.5, observe_zeros),
        Property("sizes", "any shape, dtype and max_norm", 0.75, observe_measuring),
        Property("nan", "nan can be seen in what is returned", 0.25, observe_nan),
        Property("refuses", "max_norm must be positive", 0.5, observe_bad_limits),
    ),
    "detach_state": (
        Property("nested", "tuples in tuples are detached as well", 0.5, observe_nested),
        Property("given", "the state given keeps its history", 0.5, observe_given),
    ),
    "truncated_bptt": (
        Property("turns", "each chunk sees what the steps before it learned", 1, observe_turns),
        Property("tuples", "the state may be a tuple", 0.75, observe_tuples),
        Property(
            "ones", "chunks of one step, and states without history", 0.75, observe_chunks_of_one
        ),
    ),
    "train_step": (
        Property("finite", "no step is made into nan or infinity", 1, observe_bad_steps),
        Property(
            "modes", "the mode is left as it is, and loss is called once", 0.75, observe_modes
        ),
        Property("optimizers", "any optimizer will do", 0.75, observe_optimizers),
    ),
    "fit": (
        Property("modes", "trains in train mode, validates in eval mode", 1.25, observe_calls),
        Property("ties", "as good as the best is not better", 0.5, observe_ties),
        Property("loader", "a loader may change the order", 0.5, observe_loader),
        Property("clips", "max_norm reaches every step", 0.5, observe_clipped_epochs),
        Property("afterwards", "mode and buffers are put back", 1, observe_afterwards),
    ),
    "train_translator": (
        Property("surprise", ps5.SURPRISE, 1, ps5.observe_translator, ps5.about(ps5.SURPRISE)),
        Property(
            "history",
            "the history of fit is returned",
            0.75,
            ps5.observe_translator,
            judging("*returned"),
        ),
    ),
}
