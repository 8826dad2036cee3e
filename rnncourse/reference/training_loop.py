"""Lecture section 5: training from the first batch to the last, and going on after a break.

`fit` repeats `training.train_step`, validates after each epoch, stops when that no longer helps,
and keeps a checkpoint from which an interrupted run goes on as if nothing had happened: on the
CPU, to the last bit.
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

    batches: what is iterated over anew in each epoch: a list, a loader.
    loss: loss(model, batch) -> a scalar tensor, computed with the model in train mode.
    epochs: how many at most. max_norm: see `clip_gradients`.
    validate: validate(model) -> a number, smaller is better, with the model in eval mode and
        without gradients. Without it, the last weights are kept.
    patience: stop once so many epochs in a row have not been better than the best one.
    schedule: schedule(history) -> factor. The optimizer's learning rates, as they were given, are
        multiplied by it for the epoch to come. `lambda history: 0.5 ** len(history)` halves them
        after each epoch; one that waits for validation to get stuck finds it in the history.
    generators: every torch.Generator that batches, loss or validate draw from. For an exact
        resumption, batches may not share one with the others.
    checkpoint: a path. If there is a file, the run goes on from it (delete it to start afresh);
        it is written every `save_every` steps and after each epoch.
    seconds: how long this call may train. The step in which they are over is the last, the
        checkpoint is written, and the same call goes on from there.
    progress: whether to show progress bars.

    What loss carries from batch to batch, such as a state, is in the checkpoint if it is a buffer
    of the model.

    Returns the history, a dict for each epoch: "train" (the mean of its batches' losses),
    "valid" (with validate only), "factor" (of the learning rate).
    Errors: ValueError when there are no batches, validate returns NaN, patience is given without
    it, or the checkpoint is of another run; FloatingPointError from `train_step`.
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

    def save():
        if checkpoint is not None:
            _save(checkpoint, run, model, optimizer, generators)

    end = math.inf if seconds is None else time.monotonic() + seconds
    mode = model.training
    try:
        while len(run.history) < epochs and not _out_of_patience(run.history, patience):
            factor = 1.0
            if schedule is not None:
                factor = schedule(run.history)
                _set_learning_rates(optimizer, factor)
            model.train()
            rest = _rest_of_epoch(batches, run, generators)
            with tqdm(
                desc=f"epoch {len(run.history) + 1}/{epochs}",
                total=len(batches) if hasattr(batches, "__len__") else None,
                initial=run.step,
                disable=not progress,
            ) as bar:
                for batch in rest:
                    run.total += train_step(model, batch, loss, optimizer, max_norm)
                    run.step += 1
                    bar.set_postfix(train=f"{run.total / run.step:.4g}", refresh=False)
                    bar.update()
                    if run.step % save_every == 0:
                        save()
                    if time.monotonic() >= end:
                        break
                else:
                    _end_epoch(run, model, validate, factor)
                    bar.set_postfix({key: f"{value:.4g}" for key, value in run.history[-1].items()})
            save()
            if time.monotonic() >= end:
                break
    finally:
        model.train(mode)
    if run.best is not None:
        model.load_state_dict(run.best)
    return run.history


@dataclass
class _Run:
    """How far a run has come: what is neither in the model nor in the optimizer."""

    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] | None = None  # the weights after the best epoch
    step: int = 0  # how many batches of the present epoch are done
    total: float = 0.0  # the sum of their losses
    epoch_start: dict[str, Any] | None = None  # the random states when the present epoch began


def _rest_of_epoch(batches, run, generators):
    """The batches of this epoch that are still to come."""
    if run.step == 0:
        run.epoch_start = _random_states(generators)
        return iter(batches)
    # In the middle of an epoch: draw its order once more, pass over what is done, and go back to
    # the random states of the moment when the checkpoint was made.
    now = _random_states(generators)
    _set_random_states(run.epoch_start, generators)
    rest = iter(batches)
    if sum(1 for _ in islice(rest, run.step)) < run.step:
        raise ValueError(
            f"{run.step} batches of this epoch were done, but now there are fewer: "
            "the checkpoint is of another run"
        )
    _set_random_states(now, generators)
    return rest


def _end_epoch(run, model, validate, factor):
    if run.step == 0:
        raise ValueError(
            "there were no batches in this epoch. An iterator can be read only once: "
            "give a list or a loader, which can be iterated over again"
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
    states = {"torch": torch.get_rng_state(), "own": [one.get_state() for one in generators]}
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
            f"{path} is of another run (delete it to start afresh): {error}"
        ) from error
