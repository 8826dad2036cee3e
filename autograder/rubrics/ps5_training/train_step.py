"""train_step: hidden tests and alternative right answers."""

import math
from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.harness import training as harness
from rnncourse.checks.properties import attempt
from rnncourse.checks.remote import remote
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps5_training.train_step import stepped
from rnncourse.reference.training import clip_gradients

from .. import Rubric


def observe_bad_steps(subject: Any, rng: Rng) -> dict[str, Any]:
    run = remote(subject, harness.bad_step)
    return {
        f"the {kind} is not finite": attempt(run, subject, kind) for kind in ("loss", "gradient")
    }


def observe_modes(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for modes in ((True, True), (False, False), (True, False)):
        outcome = stepped(subject, rng, 2, 1.0, modes=modes)
        seen |= {
            f"the model comes with train mode {modes[0]}, a part of it {modes[1]}: {key}": value
            for key, value in outcome.items()
        }
    return seen


OPTIMIZERS = {
    "Adam": {"lr": 0.1},
    "SGD": {"lr": 0.05, "momentum": 0.9},
    "RMSprop": {"lr": 0.02},
}


def observe_optimizers(subject: Any, rng: Rng) -> dict[str, Any]:
    return {
        f"three steps of {name}": stepped(
            subject, rng, 3, 0.5, optimizer_name=name, settings=settings
        )
        for name, settings in OPTIMIZERS.items()
    }


rubric = Rubric(
    (
        Property("finite", "no step is made into nan or infinity", 1, observe_bad_steps),
        Property(
            "modes", "the mode is left as it is, and loss is called once", 0.75, observe_modes
        ),
        Property("optimizers", "any optimizer will do", 0.75, observe_optimizers),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def clears_by_hand(model, batch, loss, optimizer, max_norm):
    for p in model.parameters():
        p.grad = None
    value = loss(model, batch)
    if not torch.isfinite(value):
        raise FloatingPointError(f"the loss is {value}")
    value.backward()
    norm = float(clip_gradients(model.parameters(), max_norm))
    if norm != norm or norm == math.inf:
        raise FloatingPointError(f"the norm is {norm}")
    optimizer.step()
    return float(value.detach())


@rubric.alternative
def asks_for_the_gradients(model, batch, loss, optimizer, max_norm):
    parameters = list(model.parameters())
    value = loss(model, batch)
    for p, grad in zip(parameters, torch.autograd.grad(value, parameters), strict=True):
        p.grad = grad
    norm = clip_gradients(parameters, max_norm)
    if math.isfinite(value.item()) and math.isfinite(norm):
        optimizer.step()
        return value.item()
    raise FloatingPointError("loss or gradient is not finite")


@rubric.alternative
def clips_without_help(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad(set_to_none=False)
    value = loss(model, batch)
    value.backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    norm = math.sqrt(sum((g.double() ** 2).sum().item() for g in grads))
    if not math.isfinite(norm + value.item()):
        raise FloatingPointError("not finite")
    with torch.no_grad():
        for g in grads:
            g *= min(1.0, max_norm / max(norm, 1e-12))
    optimizer.step()
    return value.tolist()


@rubric.alternative
def gives_the_optimizer_a_closure(model, batch, loss, optimizer, max_norm):
    def closure():
        optimizer.zero_grad()
        value = loss(model, batch)
        value.backward()
        norm = clip_gradients(model.parameters(), max_norm)
        if not (torch.isfinite(value) and math.isfinite(float(norm))):
            raise FloatingPointError("not finite")
        return value

    return optimizer.step(closure).item()
