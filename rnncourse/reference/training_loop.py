"""Lecture section 5: the training loop for long runs, which can be interrupted and resumed.

`fit` repeats `training.train_step`, validates after each epoch, stops when validation no longer
improves, and keeps a checkpoint from which an interrupted run goes on as if nothing had happened:
on the CPU, to the last bit. `minimal_loop` is the same loop without the schedule, the checkpoint
and the time limit.
"""

import copy
import math
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from .checkpoint import load_checkpoint, save_checkpoint
from .training import train_step

__all__ = ["fit"]


def fit(
    model,
    batches,
    loss,
    optimizer,
    *,
    epochs,
    max_norm,
    validate=None,
    patience=None,
    schedule=None,
    generators=(),
    checkpoint=None,
    save_every=500,
    seconds=None,
    progress=True,
):
    """Train a model, and leave it with the weights of its best epoch.

    batches: an iterable that each epoch iterates over once: a list, a loader.
    loss: loss(model, batch) -> a scalar tensor, computed with the model in train mode.
    epochs: the maximum number. max_norm: see `clip_gradients`.
    validate: validate(model) -> a number, smaller is better, with the model in eval mode and
        without gradients. Without it, the last weights are kept.
    patience: stop after this many epochs in a row that were not better than the best one.
    schedule: schedule(history) -> factor. In the next epoch, the learning rates are the optimizer's
        initial ones times factor. `lambda history: 0.5 ** len(history)` halves them after each
        epoch; the history has the validation results for a schedule that waits for a plateau.
    generators: every torch.Generator that batches, loss or validate draw from. To resume exactly,
        batches must not share one with the others.
    checkpoint: a path. If the file exists, the run goes on from it (delete it to start afresh);
        it is written every `save_every` steps and after each epoch.
    seconds: how long this call may train. It stops after the step in which the time runs out and
        writes the checkpoint; calling it again goes on from there.
    progress: whether to show progress bars.

    Anything that loss carries from batch to batch, such as a state, must be a buffer of the model
    to be in the checkpoint.

    Returns the history, a dict for each epoch: "train" (the mean of its batches' losses),
    "valid" (only with validate), "factor" (of the learning rates).
    Errors: ValueError when there are no batches, validate returns NaN, patience is given without
    validate, or the checkpoint is from another run; FloatingPointError from `train_step`.
    Source: lecture section 5, "the training procedure stays the same".
    """
    if patience is not None and validate is None:
        raise ValueError("patience waits for validation to improve, so it needs validate")
    run = _Run()
    if checkpoint is not None and Path(checkpoint).exists():
        run = _resume(checkpoint, model, optimizer, generators)
        if progress:
            tqdm.write(
                f"going on from {checkpoint}: {len(run.history)} epochs and {run.step} steps are "
                "done. Delete it to start afresh."
            )
    deadline = math.inf if seconds is None else time.monotonic() + seconds

    def save():
        if checkpoint is not None:
            _save(checkpoint, run, model, optimizer, generators)

    def train_on(remaining, bar):
        """Train on the remaining batches of this epoch. False: the time was over before the end."""
        for batch in remaining:
            run.total += train_step(model, batch, loss, optimizer, max_norm)
            run.step += 1
            bar.set_postfix(train=f"{run.total / run.step:.4g}", refresh=False)
            bar.update()
            if run.step % save_every == 0:
                save()
            if time.monotonic() >= deadline:
                return False
        return True

    mode = model.training
    try:
        while len(run.history) < epochs and not _out_of_patience(run.history, patience):
            factor = 1.0
            if schedule is not None:
                factor = schedule(run.history)
                _set_learning_rates(optimizer, factor)
            model.train()
            remaining = _rest_of_epoch(batches, run, generators)
            with _progress_bar(batches, run, epochs, progress) as bar:
                if train_on(remaining, bar):
                    _end_epoch(run, model, validate, factor)
                    bar.set_postfix({key: f"{value:.4g}" for key, value in run.history[-1].items()})
            save()
            if time.monotonic() >= deadline:
                break
    finally:
        model.train(mode)
    if run.best is not None:
        model.load_state_dict(run.best)
    return run.history


@dataclass
class _Run:
    """The progress of a run: all of it that is neither in the model nor in the optimizer."""

    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] | None = None  # the weights after the best epoch
    step: int = 0  # batches of the current epoch that are done
    total: float = 0.0  # the sum of their losses
    epoch_start: dict[str, Any] | None = None  # the random states when the current epoch began


def _progress_bar(batches, run, epochs, visible):
    return tqdm(
        desc=f"epoch {len(run.history) + 1}/{epochs}",
        total=len(batches) if hasattr(batches, "__len__") else None,
        initial=run.step,
        disable=not visible,
    )


def _rest_of_epoch(batches, run, generators):
    """The batches of this epoch that are not done yet."""
    if run.step == 0:
        run.epoch_start = _random_states(generators)
        return iter(batches)
    # In the middle of an epoch: draw its order again, skip what is done, and return to the random
    # states of the moment when the checkpoint was made.
    at_checkpoint = _random_states(generators)
    _set_random_states(run.epoch_start, generators)
    remaining = iter(batches)
    if sum(1 for _ in islice(remaining, run.step)) < run.step:
        raise ValueError(
            f"{run.step} batches of this epoch were done, but now there are fewer: "
            "the checkpoint is from another run"
        )
    _set_random_states(at_checkpoint, generators)
    return remaining


def _end_epoch(run, model, validate, factor):
    """Validate, and add the epoch to the history."""
    if run.step == 0:
        raise ValueError(
            "there were no batches in this epoch. An iterator can be read only once: "
            "pass a list or a loader, which can be iterated over again"
        )
    epoch = {"train": run.total / run.step, "factor": factor}
    if validate is not None:
        model.eval()
        with torch.no_grad():
            epoch["valid"] = float(validate(model))
        if math.isnan(epoch["valid"]):
            raise ValueError(f"validate returned NaN after epoch {len(run.history) + 1}")
        if all(epoch["valid"] < earlier["valid"] for earlier in run.history):
            run.best = copy.deepcopy(model.state_dict())
    run.history.append(epoch)
    run.step, run.total = 0, 0.0


def _out_of_patience(history, patience):
    if patience is None or not history:
        return False
    values = [epoch["valid"] for epoch in history]
    return len(values) - 1 - values.index(min(values)) >= patience


def _set_learning_rates(optimizer, factor):
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
        group["lr"] = group["initial_lr"] * factor


def _random_states(generators):
    states = {
        "torch": torch.get_rng_state(),
        "own": [generator.get_state() for generator in generators],
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def _set_random_states(states, generators):
    torch.set_rng_state(states["torch"])
    for generator, state in zip(generators, states["own"], strict=True):
        generator.set_state(state)
    if torch.cuda.is_available() and "cuda" in states:
        torch.cuda.set_rng_state_all(states["cuda"])


def _save(path, run, model, optimizer, generators):
    save_checkpoint(
        path,
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "run": vars(run),
            "random": _random_states(generators),
        },
    )


def _resume(path, model, optimizer, generators):
    saved = load_checkpoint(path)
    try:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        _set_random_states(saved["random"], generators)
        return _Run(**saved["run"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is from another run (delete it to start afresh): {error}"
        ) from error
