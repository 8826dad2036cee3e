"""train_translator: its visible checks and the mistakes people make."""

import copy
import math
from collections.abc import Callable
from typing import Any

import torch

from ...checks import toy_translation as animals
from ...checks.compare import kind
from ...checks.entries import judging
from ...checks.exercise import Exercise, Property
from ...checks.pytree import copied
from ...checks.remote import remote
from ...checks.rng import Rng
from ...reference import minimal_loop
from ...reference.minimal_loop import fit
from ...reference.training import cross_entropy

GOOD = 0.9  # the share of unseen sentences that must come out word for word


# What is found out about the weights.
WORDS = "given the words before, at least half of the next words are right"


SENTENCES = f"at least {GOOD:.0%} of the unseen sentences come out word for word"


SURPRISE = "a word of an unseen sentence surprises it by less than 1 nat"


def observe_translator(subject: Any, rng: Rng) -> dict[str, Any]:
    """A new network trained on new sentences; judged by its weights, here, on others."""
    if subject is not minimal_loop.train_translator:
        return trained(subject, rng)
    seed = rng.generator.initial_seed()
    if seed not in _of_the_reference:
        _of_the_reference[seed] = trained(subject, rng)
    return _of_the_reference[seed]


# What the reference's training leads to, by the seed: it takes half a second, and is always asked.
_of_the_reference: dict[int, dict[str, Any]] = {}


def trained(subject: Any, rng: Rng) -> dict[str, Any]:
    order = torch.randperm(240, generator=rng.generator)
    train, valid, (test,) = animals.splits(order)
    start = fresh_weights(rng)
    given = remote(subject, animals.Translator)()
    given.load_state_dict(copied(start))
    history = subject(given, train, valid)
    listed = isinstance(history, list) and len(history) > 0
    returned = "a history" if listed else kind(history)
    return {**judged(given.state_dict(), start, test), "returned": returned}


def fresh_weights(rng: Rng) -> dict[str, torch.Tensor]:
    """The network's first weights: drawn as torch draws them, but from the check's own source."""
    weights = animals.Translator().state_dict()
    for name, one in weights.items():
        bound = 1.0 if name.startswith(("read", "heard")) else 64**-0.5
        one.uniform_(-bound, bound, generator=rng.generator)
    return weights


def judged(learned: Any, start: dict[str, torch.Tensor], test: tuple) -> dict[str, Any]:
    """What weights are worth: coarse findings, so that luck cannot decide."""
    model = animals.Translator()
    try:
        model.load_state_dict(learned)
    except (RuntimeError, TypeError, AttributeError) as error:
        return {"the weights": f"do not fit the network: {type(error).__name__}"}
    if not all(one.isfinite().all() for one in model.state_dict().values()):
        return {"the weights": "nan or infinite"}
    if all(torch.equal(start[name], one) for name, one in model.state_dict().items()):
        return {"the weights": "as they were"}
    source, lengths, target, mask = test
    with torch.no_grad():
        log_p = model(source, lengths, target[:, :-1]).log_softmax(dim=2)
        words, there = target[:, 1:], mask[:, 1:]
        best = log_p.argmax(dim=2)
        surprise = -log_p.gather(2, words.unsqueeze(2)).squeeze(2)[there].mean().item()
        right = (best == words)[there].double().mean().item()
        again = (best == target[:, :-1])[there].double().mean().item()
        rows = animals.translate(model, source, lengths)
    whole = sum(
        animals.cut(row) == animals.cut(true) for row, true in zip(rows, words, strict=True)
    )
    return {
        "the weights": "changed",
        WORDS: right >= 0.5,
        SENTENCES: whole >= GOOD * len(rows),
        SURPRISE: surprise < 1,
        # Not judged; these tell one failure from another.
        "it says the word that it has just read": again >= 0.5,
        "it is far more surprised than one who guesses": (
            surprise > 2 * math.log(len(animals.FRENCH))
        ),
    }


def about(finding: str) -> Callable[[Any, Any], str | None]:
    """A judge of one finding; weights that are of no use are told first."""
    judge_all = judging("the weights", finding)

    def judge(got: Any, expected: Any) -> str | None:
        # The finding is the title of the property: not to be said twice.
        missed = isinstance(got, dict) and got.get(finding) is False
        return "after your training this is not so" if missed else judge_all(got, expected)

    return judge


exercise = Exercise(
    "train_translator",
    "ps5_training",
    minimal_loop.train_translator,
    points=4,
    properties=(
        Property("words", WORDS, 0.75, observe_translator, about(WORDS)),
        Property("sentences", SENTENCES, 1.5, observe_translator, about(SENTENCES)),
    ),
)


@exercise.misconception(
    "The weights are as they were. Train the model that you are given, not a copy of it, and call "
    "fit."
)
def trains_a_copy(model, train, valid):
    twin = copy.deepcopy(model)

    def loss(twin, batch):
        source, lengths, target, mask = batch
        return cross_entropy(twin(source, lengths, target[:, :-1]), target[:, 1:], mask[:, 1:])

    def validate(twin):
        return sum(loss(twin, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.Adam(twin.parameters(), lr=0.01)
    return fit(twin, train, loss, optimizer, epochs=1, max_norm=1.0, validate=validate, patience=5)


@exercise.misconception(
    "Your model predicts the word that it has just read. What it reads is target[:, :-1], what it "
    "must say is target[:, 1:]: one word later."
)
def predicts_what_it_reads(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        return cross_entropy(model(source, lengths, target), target, mask)

    def validate(model):
        return sum(loss(model, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return fit(
        model, train, loss, optimizer, epochs=10, max_norm=1.0, validate=validate, patience=5
    )


@exercise.misconception(
    "It has hardly learned: too few epochs, or too small steps. With torch.optim.Adam, lr=0.01 and "
    "20 epochs are a good start here."
)
def hardly_trains(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        return cross_entropy(model(source, lengths, target[:, :-1]), target[:, 1:], mask[:, 1:])

    def validate(model):
        return sum(loss(model, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    return fit(model, train, loss, optimizer, epochs=5, max_norm=1.0, validate=validate, patience=5)


@exercise.misconception(
    "Your steps are far too big: the loss is worse than that of guessing. Make the learning rate "
    "smaller, and keep the best weights, not the last."
)
def takes_huge_steps(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        return cross_entropy(model(source, lengths, target[:, :-1]), target[:, 1:], mask[:, 1:])

    def validate(model):
        return sum(loss(model, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.SGD(model.parameters(), lr=1000)
    return fit(model, train, loss, optimizer, epochs=3, max_norm=1.0, validate=validate, patience=5)
