"""fit: its visible checks and the mistakes people make.

A line is fitted to three batches; what `validate` returns is scripted.
"""

import copy
import math
from typing import Any

import torch

from ...checks.compare import kind
from ...checks.entries import judging, judging_all_but
from ...checks.exercise import Exercise, Property
from ...checks.harness import training as harness
from ...checks.remote import remote
from ...checks.rng import Rng
from ...reference import minimal_loop
from ...reference.training import train_step
from .train_step import draw_line, draw_points


def fitted(subject: Any, rng: Rng, script: list[float], **rest: Any) -> Any:
    """The outcome of training on three batches with a validation that returns these numbers."""
    s = rng.sizes()
    batches = [(*draw_points(rng, s), number) for number in (1, 2, 3)]
    run = remote(subject, harness.fitted)
    return run(subject, draw_line(rng, s), batches, script, **rest)


def chosen(seen: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Some entries of what was seen, and always whether a history was returned."""
    listed = isinstance(seen["history"], list)
    returned = "a list" if listed else kind(seen["history"])
    return {**{key: seen[key] for key in keys}, "what is returned is": returned}


def observe_epochs(subject: Any, rng: Rng) -> Any:
    """Three epochs, each better than the one before."""
    seen = fitted(subject, rng, [5.0, 4.0, 3.0], epochs=3, patience=2)
    return {
        "batch by batch": [call.partition(":")[0] for call in seen["calls"]],
        **chosen(seen, "history", "weights"),
    }


BEST = {
    "the second of four epochs": [5.0, 2.0, 3.0, 4.0],
    "the first of four": [1.0, 2.0, 3.0, 4.0],
    "the last of four": [5.0, 3.0, 4.0, 2.0],
}


def observe_best(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for text, script in BEST.items():
        outcome = chosen(fitted(subject, rng, script, epochs=4, patience=9), "weights")
        seen |= {f"{text} is the best: {key}": value for key, value in outcome.items()}
    return seen


PATIENCE = (
    # (what validation gives, patience)
    ([5.0, 2.0, 3.0, 1.0, 0.5, 0.4], 1),
    ([5.0, 2.0, 3.0, 4.0, 1.0, 0.5], 2),
    # Worse now and then, but never twice in a row.
    ([5.0, 6.0, 4.0, 5.0, 3.0, 4.0], 2),
    # Better than the one before, but not than the best.
    ([3.0, 6.0, 5.0, 4.0, 2.0, 1.0], 3),
)


def observe_patience(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for script, patience in PATIENCE:
        outcome = chosen(fitted(subject, rng, script, epochs=6, patience=patience), "epochs")
        text = f"validation gives {script} and patience={patience}"
        seen |= {f"{text}: {key}": value for key, value in outcome.items()}
    return seen


exercise = Exercise(
    "fit",
    "ps5_training",
    minimal_loop.fit,
    points=8,
    properties=(
        Property(
            "trains",
            "each epoch makes a step with every batch, in order",
            1,
            observe_epochs,
            judging_all_but("history"),
        ),
        Property(
            "history",
            "the history has mean loss and validation of every epoch",
            1,
            observe_epochs,
            judging("history"),
        ),
        Property("best", "the weights of the best epoch are kept", 1.25, observe_best),
        Property("patience", "it stops when patience has run out", 1, observe_patience),
    ),
)


@exercise.canonical
def fit(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


exercise.near_miss(
    "keeps_the_last_weights",
    "The model ends with its last weights. Keep the best, copy.deepcopy(model.state_dict()): "
    "without a copy, they go on changing.",
    """
    -def fit(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    +def fit(
    +    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
    +):
    ...
    -            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    -    model.load_state_dict(kept)
    +            best, waited = valid, 0
    """,
)


exercise.near_miss(
    "waits_one_epoch_more",
    "You stop one epoch too late: patience=1 means to stop after the first epoch that is not "
    "better than the best.",
    """
    -    while len(history) < epochs and waited < patience:
    +    while len(history) < epochs and waited <= patience:
    """,
)


exercise.near_miss(
    "counts_all_bad_epochs",
    "You count all epochs that were not better. Patience counts those in a row: start again from "
    "0 whenever there is a new best.",
    """
    -        waited += 1
             if valid < best:
    -            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    +            best, kept = valid, copy.deepcopy(model.state_dict())
    +        else:
    +            waited += 1
    """,
)


@exercise.misconception(
    "You compare each epoch with the one before. A slow recovery after a bad epoch is not a new "
    "best: compare with the best so far."
)
def compares_with_the_epoch_before(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, before, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < before:
            kept, waited = copy.deepcopy(model.state_dict()), 0
        before = valid
    model.load_state_dict(kept)
    model.train(mode)
    return history


exercise.near_miss(
    "takes_the_largest",
    "You take the largest validation loss as the best. It is a loss: smaller is better.",
    """
    -    mode, history, best, waited = model.training, [], math.inf, 0
    +    mode, history, best, waited = model.training, [], -math.inf, 0
    ...
    -        if valid < best:
    +        if valid > best:
    """,
)


exercise.near_miss(
    "goes_by_the_training_loss",
    "You take the epoch with the smallest training loss, which is nearly always the last. "
    "Validation decides.",
    """
    -def fit(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    +def fit(
    +    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
    +):
    ...
    -        if valid < best:
    -            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    +        if history[-1]["train"] < best:
    +            best, kept, waited = history[-1]["train"], copy.deepcopy(model.state_dict()), 0
    """,
)


exercise.near_miss(
    "notes_the_last_batch",
    'Your history["train"] is the loss of the last batch alone. Make it the mean over the epoch\'s '
    "batches.",
    """
    -        history.append({"train": sum(losses) / len(losses), "valid": valid})
    +        history.append({"train": losses[-1], "valid": valid})
    """,
)


exercise.near_miss(
    "notes_the_sum",
    'Your history["train"] is the sum over the batches, so it depends on how many there are. '
    "Divide by their number.",
    """
    -        history.append({"train": sum(losses) / len(losses), "valid": valid})
    +        history.append({"train": sum(losses), "valid": valid})
    """,
)


exercise.near_miss(
    "uses_up_the_batches",
    "You make an iterator of the batches before the first epoch, which that epoch uses up. "
    "Write `for batch in batches` inside each epoch.",
    """
         mode, history, best, waited = model.training, [], math.inf, 0
    +    batches = iter(batches)
    ...
    -        history.append({"train": sum(losses) / len(losses), "valid": valid})
    +        history.append({"train": sum(losses) / max(1, len(losses)), "valid": valid})
    """,
)


exercise.near_miss(
    "shuffles_the_batches",
    "You shuffle the batches. They come in the order that the caller wants: take them as they are.",
    """
    -        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
    +        mixed = list(batches)
    +        mixed = [mixed[n] for n in sorted(torch.randperm(len(mixed)).tolist(), reverse=True)]
    +        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in mixed]
    """,
)


@exercise.misconception(
    "You validate in train mode, where dropout is at work and batch norm learns from what it sees. "
    "Call model.eval() before, and model.train() for the next epoch."
)
def validates_in_train_mode(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    model.train()
    while len(history) < epochs and waited < patience:
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


exercise.near_miss(
    "stays_in_eval_mode",
    "You never go back to train mode, so from the second epoch on there is no dropout. "
    "Call model.train() at the start of every epoch.",
    """
    +    model.train()
         while len(history) < epochs and waited < patience:
    -        model.train()
    """,
)


exercise.near_miss(
    "validates_with_gradients",
    "You validate with gradients on, which builds a graph that nobody uses. "
    "Put it under `with torch.no_grad():`.",
    """
    -def fit(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    +def fit(
    +    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
    +):
    ...
    -        with torch.no_grad():
    -            valid = float(validate(model))
    +        valid = float(validate(model))
    """,
)


exercise.near_miss(
    "takes_a_tie_for_better",
    "You count an epoch that is as good as the best as a new best. Only a smaller number is "
    "better; otherwise a run that stands still never ends.",
    """
    -def fit(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    +def fit(
    +    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
    +):
    ...
    -        if valid < best:
    +        if valid <= best:
    """,
)


exercise.near_miss(
    "leaves_out_the_buffers",
    "You save the parameters alone. A model's buffers belong to its best epoch too: save and load "
    "model.state_dict().",
    """
    -def fit(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    +def fit(
    +    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
    +):
    ...
    -            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    -    model.load_state_dict(kept)
    +            best, kept, waited = valid, [p.detach().clone() for p in model.parameters()], 0
    +    with torch.no_grad():
    +        for p, saved in zip(model.parameters(), kept, strict=True):
    +            p.copy_(saved)
    """,
)
