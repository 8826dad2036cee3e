"""train_translator: hidden tests and alternative right answers."""

import torch

from rnncourse.checks.entries import judging
from rnncourse.checks.exercise import Property
from rnncourse.exercises.ps5_training.train_translator import SURPRISE, about, observe_translator
from rnncourse.reference.minimal_loop import fit
from rnncourse.reference.training import cross_entropy

from .. import Rubric

rubric = Rubric(
    (
        Property("surprise", SURPRISE, 1, observe_translator, about(SURPRISE)),
        Property(
            "history",
            "the history of fit is returned",
            0.75,
            observe_translator,
            judging("*returned"),
        ),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def warms_up_with_more_epochs(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        logits = model(source, lengths, target)[:, :-1]
        return cross_entropy(logits, target[:, 1:], mask[:, 1:], label_smoothing=0.05)

    def validate(model):
        return loss(model, valid[0])

    optimizer = torch.optim.AdamW(model.parameters(), lr=0.008, weight_decay=0.01)
    return fit(
        model, train, loss, optimizer, epochs=25, max_norm=2.0, validate=validate, patience=10
    )


@rubric.alternative
def counts_wrong_words(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        words, answers = (
            target.narrow(1, 0, target.shape[1] - 1),
            target.narrow(1, 1, -1 + len(target[0])),
        )
        return cross_entropy(model(source, lengths, words), answers, mask[:, 1:])

    def validate(model):
        wrong = 0
        for source, lengths, target, mask in valid:
            best = model(source, lengths, target[:, :-1]).argmax(dim=2)
            wrong += ((best != target[:, 1:]) & mask[:, 1:]).sum().item()
        return wrong + loss(model, valid[0]).item() / 100

    optimizer = torch.optim.NAdam(model.parameters(), lr=0.01)
    return fit(
        model, train, loss, optimizer, epochs=20, max_norm=5.0, validate=validate, patience=8
    )


@rubric.alternative
def trains_in_two_rounds(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        return cross_entropy(model(source, lengths, target[:, :-1]), target[:, 1:], mask[:, 1:])

    def validate(model):
        return sum(loss(model, batch) for batch in valid)

    history = []
    for rate in (0.012, 0.004):
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        history += fit(
            model, train, loss, optimizer, epochs=12, max_norm=1.0, validate=validate, patience=12
        )
    return history
