"""fit: hidden tests and alternative right answers."""

import copy
import math
from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps5_training.fit import chosen, fitted
from rnncourse.reference.training import train_step

from .. import Rubric


def observe_calls(subject: Any, rng: Rng) -> Any:
    """In which mode, and with or without gradients, everything is called."""
    seen = fitted(subject, rng, [5.0, 4.0, 3.0], epochs=2, patience=2)
    return chosen(seen, "calls")


def observe_ties(subject: Any, rng: Rng) -> Any:
    """The second epoch is as good as the first, the others are worse."""
    seen: dict[str, Any] = {}
    for patience in (1, 2):
        script = [2.0, 2.0, 3.0, 3.0, 3.0, 3.0]
        outcome = fitted(subject, rng, script, epochs=6, patience=patience)
        seen |= {
            f"validation gives {script} and patience={patience}: {key}": value
            for key, value in chosen(outcome, "epochs", "weights").items()
        }
    return seen


def observe_loader(subject: Any, rng: Rng) -> Any:
    """A loader gives its batches in a new order in each epoch."""
    seen = fitted(subject, rng, [5.0, 4.0, 3.0], epochs=3, patience=2, loader=True)
    calls = [call.partition(":")[0] for call in seen["calls"]]
    return {"batch by batch": calls, **chosen(seen, "weights", "torch's random state")}


def observe_clipped_epochs(subject: Any, rng: Rng) -> Any:
    seen = fitted(subject, rng, [5.0, 4.0], epochs=2, patience=2, max_norm=0.3)
    return chosen(seen, "weights")


def observe_afterwards(subject: Any, rng: Rng) -> dict[str, Any]:
    """The model's mode, and its buffers, after a run whose first epoch was the best."""
    seen: dict[str, Any] = {}
    for training in (True, False):
        outcome = fitted(subject, rng, [1.0, 2.0, 3.0], epochs=3, patience=9, training=training)
        text = f"the model came in {'train' if training else 'eval'} mode"
        entries = chosen(outcome, "mode afterwards", "weights", "uses")
        seen |= {f"{text}: {key}": value for key, value in entries.items()}
    return seen


rubric = Rubric(
    (
        Property("modes", "trains in train mode, validates in eval mode", 1.25, observe_calls),
        Property("ties", "as good as the best is not better", 0.5, observe_ties),
        Property("loader", "a loader may change the order", 0.5, observe_loader),
        Property("clips", "max_norm reaches every step", 0.5, observe_clipped_epochs),
        Property("afterwards", "mode and buffers are put back", 1, observe_afterwards),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def counts_back_in_the_history(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    was_training, history = model.training, []
    for epoch in range(epochs):
        model.train()
        total = count = 0
        for batch in batches:
            total += train_step(model, batch, loss, optimizer, max_norm)
            count += 1
        model.train(False)
        with torch.inference_mode():
            valid = validate(model)
        history.append(dict(train=total / count, valid=valid))
        values = [entry["valid"] for entry in history]
        if values.index(min(values)) == epoch:
            best = {name: value.clone() for name, value in model.state_dict().items()}
        if epoch - values.index(min(values)) >= patience:
            break
    model.load_state_dict(best)
    model.train() if was_training else model.eval()
    return history


@rubric.alternative
def keeps_all_weights(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, saved = model.training, [], []
    try:
        while len(history) < epochs:
            model.train()
            losses = []
            for batch in batches:
                losses += [train_step(model, batch, loss, optimizer, max_norm)]
            model.eval()
            with torch.no_grad():
                history.append({"valid": float(validate(model))})
            history[-1]["train"] = math.fsum(losses) / len(losses)
            saved.append(copy.deepcopy(model.state_dict()))
            best = min(range(len(history)), key=lambda n: history[n]["valid"])
            if len(history) - 1 - best == patience:
                break
        model.load_state_dict(saved[best])
    finally:
        model.train(mode)
    return history


@rubric.alternative
def saves_to_memory(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    import io

    training, best, left, history = model.training, None, patience, []
    for _ in range(epochs):
        model.train()
        mean = torch.tensor(
            [train_step(model, b, loss, optimizer, max_norm) for b in batches], dtype=torch.float64
        ).mean()
        with torch.no_grad():
            valid = float(validate(model.eval()))
        history.append({"train": mean.item(), "valid": valid})
        if best is None or valid < best:
            best, left, file = valid, patience, io.BytesIO()
            torch.save(model.state_dict(), file)
            continue
        left -= 1
        if not left:
            break
    file.seek(0)
    model.load_state_dict(torch.load(file))
    model.train(training)
    return history
