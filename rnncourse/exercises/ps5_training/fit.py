"""fit: its visible checks and the mistakes people make."""

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
    """What training with three batches, and a validation that gives these numbers, leads to."""
    s = rng.sizes()
    batches = [(*draw_points(rng, s), number) for number in (1, 2, 3)]
    run = remote(subject, harness.fitted)
    return run(subject, draw_line(rng, s), batches, script, **rest)


def chosen(seen: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Some of what was seen; whether a history was returned is always among it."""
    listed = isinstance(seen["history"], list)
    returned = "a list" if listed else kind(seen["history"])
    return {**{key: seen[key] for key in keys}, "what is returned is": returned}


def observe_epochs(subject: Any, rng: Rng) -> Any:
    """Three epochs, each better than the one before."""
    seen = fitted(subject, rng, [5.0, 4.0, 3.0], epochs=3, patience=2)
    return {
        "batch by batch": [one.partition(":")[0] for one in seen["calls"]],
        **chosen(seen, "history", "weights"),
    }


BEST = {
    "the second of four epochs": [5.0, 2.0, 3.0, 4.0],
    "the first of four": [1.0, 2.0, 3.0, 4.0],
    "the last of four": [5.0, 3.0, 4.0, 2.0],
}


def observe_best(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for text, script in BEST.items():
        one = fitted(subject, rng, script, epochs=4, patience=9)
        seen |= {
            f"{text} is the best: {key}": value for key, value in chosen(one, "weights").items()
        }
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
    seen = {}
    for script, patience in PATIENCE:
        one = fitted(subject, rng, script, epochs=6, patience=patience)
        text = f"validation gives {script} and patience={patience}"
        seen |= {f"{text}: {key}": value for key, value in chosen(one, "epochs").items()}
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


@exercise.misconception(
    "The model ends with its last weights. Keep the best by copy.deepcopy(model.state_dict()): "
    "without a copy, they go on changing."
)
def keeps_the_last_weights(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
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
            best, waited = valid, 0
    model.train(mode)
    return history


@exercise.misconception(
    "You stop one epoch too late: patience=1 means to stop after the first epoch that is not "
    "better than the best."
)
def waits_one_epoch_more(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited <= patience:
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


@exercise.misconception(
    "You count all epochs that were not better. Patience is about so many in a row: start to "
    "count anew whenever there is a new best."
)
def counts_all_bad_epochs(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        if valid < best:
            best, kept = valid, copy.deepcopy(model.state_dict())
        else:
            waited += 1
    model.load_state_dict(kept)
    model.train(mode)
    return history


@exercise.misconception(
    "You compare each epoch with the one before. A slow recovery after a bad epoch is no new "
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


@exercise.misconception(
    "You take the largest validation for the best. It is a loss: smaller is better."
)
def takes_the_largest(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], -math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid > best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@exercise.misconception(
    "You take the epoch with the smallest training loss, which is nearly always the last. "
    "Validation decides."
)
def goes_by_the_training_loss(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if history[-1]["train"] < best:
            best, kept, waited = history[-1]["train"], copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@exercise.misconception(
    'Your history["train"] is the loss of the last batch alone. Make it the mean over the epoch\'s '
    "batches."
)
def notes_the_last_batch(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": losses[-1], "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@exercise.misconception(
    'Your history["train"] is the sum over the batches, so it depends on how many there are. '
    "Divide by their number."
)
def notes_the_sum(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@exercise.misconception(
    "You make an iterator of the batches before the first epoch, and after that it is used up. "
    "Write `for batch in batches` inside each epoch."
)
def uses_up_the_batches(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    batches = iter(batches)
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / max(1, len(losses)), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@exercise.misconception(
    "You shuffle the batches. They come in the order that the caller wants: take them as they are."
)
def shuffles_the_batches(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        mixed = list(batches)
        mixed = [mixed[n] for n in sorted(torch.randperm(len(mixed)).tolist(), reverse=True)]
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in mixed]
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


@exercise.misconception(
    "You never go back to train mode, so from the second epoch on there is no dropout. "
    "Call model.train() at the start of every epoch."
)
def stays_in_eval_mode(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    model.train()
    while len(history) < epochs and waited < patience:
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


@exercise.misconception(
    "You validate with gradients on, which builds a graph that nobody uses. "
    "Put it under `with torch.no_grad():`."
)
def validates_with_gradients(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@exercise.misconception(
    "You count an epoch that is as good as the best for a new best. Only a smaller number is "
    "better; otherwise a run that stands still never ends."
)
def takes_a_tie_for_better(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid <= best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@exercise.misconception(
    "You save the parameters alone. A model's buffers belong to its best epoch too: save and load "
    "model.state_dict()."
)
def leaves_out_the_buffers(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
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
            best, kept, waited = valid, [p.detach().clone() for p in model.parameters()], 0
    with torch.no_grad():
        for p, saved in zip(model.parameters(), kept, strict=True):
            p.copy_(saved)
    model.train(mode)
    return history
