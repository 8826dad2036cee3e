"""train_step: its visible checks and the mistakes people make.

A line is fitted to random points, by any optimizer of torch.optim.
"""

import math
from typing import Any

import torch

from ...checks.entries import judging
from ...checks.exercise import Exercise, Property
from ...checks.harness import training as harness
from ...checks.remote import remote
from ...checks.rng import Rng, Sizes
from ...reference import training
from ...reference.training import clip_gradients


def draw_line(rng: Rng, s: Sizes) -> dict[str, torch.Tensor]:
    return {"W": rng.normal(s.H, s.D), "b": rng.normal(s.H)}


def draw_points(rng: Rng, s: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    return rng.normal(s.B, s.D), rng.normal(s.B, s.H, scale=2)


def stepped(subject: Any, rng: Rng, count: int, max_norm: float, **rest: Any) -> Any:
    """What some steps return, and the weights after each."""
    s = rng.sizes()
    weights, batches = draw_line(rng, s), [draw_points(rng, s) for _ in range(count)]
    run = remote(subject, harness.steps)
    return run(subject, weights, batches, max_norm, **rest)


def observe_one_step(subject: Any, rng: Rng) -> Any:
    return stepped(subject, rng, 1, 1e9)


def observe_more_steps(subject: Any, rng: Rng) -> Any:
    """Three steps, the first with an old gradient in the parameters."""
    return stepped(subject, rng, 3, 1e9, stale=3.0)


def observe_clipped_steps(subject: Any, rng: Rng) -> dict[str, Any]:
    return {
        f"max_norm={max_norm}": stepped(subject, rng, 2, max_norm, settings={"lr": 1.0})
        for max_norm in (0.01, 0.2)
    }


def weights_only(got: Any, expected: Any) -> str | None:
    return judging("after*")(got, expected)


exercise = Exercise(
    "train_step",
    "ps5_training",
    training.train_step,
    points=6,
    properties=(
        Property("step", "one step leads downhill", 1, observe_one_step, weights_only),
        Property(
            "returned",
            "the loss before the step is returned, as a float",
            0.5,
            observe_one_step,
            judging("*returned"),
        ),
        Property("old", "old gradients do not count", 1, observe_more_steps, weights_only),
        Property("clip", "the gradient is clipped before the step", 1, observe_clipped_steps),
    ),
)


@exercise.canonical
def train_step(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    if not (math.isfinite(value.item()) and math.isfinite(norm)):
        raise FloatingPointError("not finite")
    optimizer.step()
    return value.item()


exercise.near_miss(
    "never_clears",
    "You never clear the gradients, so each step adds the new ones to the old. Begin with "
    "optimizer.zero_grad().",
    """
    -    optimizer.zero_grad()
    """,
)


exercise.near_miss(
    "clears_at_the_end",
    "You clear the gradients after the step. What was there before the first call is still added: "
    "clear them at the beginning.",
    """
    -    optimizer.zero_grad()
    ...
         optimizer.step()
    +    optimizer.zero_grad()
    """,
)


exercise.near_miss(
    "moves_nothing",
    "The weights do not move: step() is missing, or zero_grad() comes after backward(). The order "
    "is zero_grad, backward, clip, step.",
    """
    -    optimizer.zero_grad()
    ...
             raise FloatingPointError("not finite")
    +    optimizer.zero_grad()
    """,
)


exercise.near_miss(
    "never_clips",
    "Your step uses the gradient as it is. Call clip_gradients(model.parameters(), max_norm) after "
    "backward() and before step().",
    """
    -    norm = clip_gradients(model.parameters(), max_norm)
    -    if not (math.isfinite(value.item()) and math.isfinite(norm)):
    +    if not all(math.isfinite(p.grad.sum()) for p in model.parameters()):
    """,
)


exercise.near_miss(
    "returns_a_tensor",
    "You return the loss as a tensor, which keeps the whole graph of the batch in memory. "
    "Return value.item().",
    """
    -    return value.item()
    +    return value
    """,
)


exercise.near_miss(
    "returns_the_loss_after",
    "You compute the loss again after the step. That doubles the work: return the one that "
    "you have, from before the step.",
    """
    -    return value.item()
    +    with torch.no_grad():
    +        return loss(model, batch).item()
    """,
)


exercise.near_miss(
    "switches_to_train_mode",
    "You switch the model to train mode. The mode is the caller's to choose: leave it as it is.",
    """
     def train_step(model, batch, loss, optimizer, max_norm):
    +    model.train()
    """,
)


exercise.near_miss(
    "steps_into_nan",
    "You make a step whatever the loss is: one nan, and all weights are nan for good. Raise a "
    "FloatingPointError before the step.",
    """
    -    norm = clip_gradients(model.parameters(), max_norm)
    -    if not (math.isfinite(value.item()) and math.isfinite(norm)):
    -        raise FloatingPointError("not finite")
    +    clip_gradients(model.parameters(), max_norm)
    """,
)


@exercise.misconception(
    "You step although the gradient is not finite. Look at the norm that clip_gradients returns, "
    "not only at the loss, and use torch.isfinite: infinity counts as well as nan."
)
def looks_at_the_loss_only(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad()
    value = loss(model, batch)
    if not math.isfinite(value.item()):
        raise FloatingPointError("not finite")
    value.backward()
    clip_gradients(model.parameters(), max_norm)
    optimizer.step()
    return value.item()


exercise.near_miss(
    "steps_by_itself",
    "You change the weights yourself, always by plain gradient descent. How far to go is the "
    "optimizer's business: optimizer.step().",
    """
    -    optimizer.step()
    +    with torch.no_grad():
    +        for group in optimizer.param_groups:
    +            for p in group["params"]:
    +                p -= group["lr"] * p.grad
    """,
)
