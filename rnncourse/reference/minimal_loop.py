"""Lecture section 5: the training loop as short as it can be, which a problem set asks for.

`training_loop.fit` is the same loop with what long runs need: a schedule, checkpoints, a time
limit. The arguments have the same names and meanings in both.
"""

import copy
import math

import torch

from .training import cross_entropy, train_step

__all__ = ["fit", "train_translator"]


def fit(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    """Train a model, and leave it with the weights of its best epoch.

    batches: an iterable that each epoch iterates over once, in its order.
    loss: loss(model, batch) -> a scalar tensor, computed with the model in train mode.
    epochs: the maximum number. max_norm: see `clip_gradients`.
    validate: validate(model) -> a number, smaller is better, with the model in eval mode and
        without gradients.
    patience: stop after this many epochs in a row that were not better than the best one.

    Afterwards the model is in the same mode, train or eval, as before.
    Returns the history, a dict for each epoch: "train" (the mean of its batches' losses), "valid".
    Source: lecture section 5, "the training procedure stays the same"; Prechelt 1998.
    """
    mode = model.training
    history, best, best_weights = [], math.inf, None
    waited = 0  # epochs since the best one
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            # A copy: state_dict() returns the tensors themselves, which the next step changes.
            best, best_weights, waited = valid, copy.deepcopy(model.state_dict()), 0
    if best_weights is not None:
        model.load_state_dict(best_weights)
    model.train(mode)
    return history


def train_translator(model, train, valid):
    """Train a small model to translate: the loss of eq. 6, and `fit`.

    model(source, lengths, words) -> logits (B, T, V), the scores of the word after each of `words`.
    train, valid: lists of batches (source, lengths, target, mask): source (B, S), lengths (B,),
    target (B, T+1) sentences BOS w_1 ... w_n EOS, mask (B, T+1).
    Returns the history of `fit`.
    Source: lecture section 5, eq. 4 to 6.
    """

    def loss(model, batch):
        source, lengths, target, mask = batch
        # Every word but the last is read, every word but the first is predicted.
        logits = model(source, lengths, target[:, :-1])  # (B, T, V)
        return cross_entropy(logits, target[:, 1:], mask[:, 1:])

    def validate(model):
        return sum(loss(model, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return fit(
        model, train, loss, optimizer, epochs=20, max_norm=1.0, validate=validate, patience=5
    )
