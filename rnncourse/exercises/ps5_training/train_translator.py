"""train_translator: its visible checks and the mistakes people make.

A small network learns the toy translation task; it is judged by its weights, on unseen sentences.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

import torch

from ...checks import toy_translation as toy
from ...checks.compare import kind
from ...checks.entries import judging
from ...checks.exercise import Exercise, Property
from ...checks.pytree import copied
from ...checks.remote import remote
from ...checks.rng import Rng
from ...reference import minimal_loop
from ...reference.minimal_loop import fit
from ...reference.training import cross_entropy

ENOUGH = 0.9  # the share of unseen sentences that must come out word for word

# Findings about the weights.
WORDS = "given the words before, at least half of the next words are right"
SENTENCES = f"at least {ENOUGH:.0%} of the unseen sentences come out word for word"
SURPRISE = "a word of an unseen sentence surprises it by less than 1 nat"


def observe_translator(subject: Any, rng: Rng) -> dict[str, Any]:
    """A new network trained on new sentences; judged by its weights, here, on others."""
    if subject is not minimal_loop.train_translator:
        return trained(subject, rng)
    seed = rng.generator.initial_seed()
    if seed not in _reference_results:
        _reference_results[seed] = trained(subject, rng)
    return _reference_results[seed]


# The observations of the reference by seed: its training takes half a second.
_reference_results: dict[int, dict[str, Any]] = {}


def trained(subject: Any, rng: Rng) -> dict[str, Any]:
    order = torch.randperm(240, generator=rng.generator)
    train, valid, (test,) = toy.splits(order)
    start = fresh_weights(rng)
    model = remote(subject, toy.Translator)()
    model.load_state_dict(copied(start))
    history = subject(model, train, valid)
    listed = isinstance(history, list) and len(history) > 0
    returned = "a history" if listed else kind(history)
    return {**judged(model.state_dict(), start, test), "returned": returned}


def fresh_weights(rng: Rng) -> dict[str, torch.Tensor]:
    """The network's first weights: drawn as torch draws them, but from the check's own source."""
    weights = toy.Translator().state_dict()
    for name, weight in weights.items():
        bound = 1.0 if name.startswith(("read", "heard")) else 64**-0.5
        weight.uniform_(-bound, bound, generator=rng.generator)
    return weights


def judged(learned: Any, start: dict[str, torch.Tensor], test: tuple) -> dict[str, Any]:
    """How good the weights are: coarse findings, so that luck cannot decide."""
    model = toy.Translator()
    try:
        model.load_state_dict(learned)
    except (RuntimeError, TypeError, AttributeError) as error:
        return {"the weights": f"do not fit the network: {type(error).__name__}"}
    if not all(weight.isfinite().all() for weight in model.state_dict().values()):
        return {"the weights": "nan or infinite"}
    if all(torch.equal(start[name], weight) for name, weight in model.state_dict().items()):
        return {"the weights": "as they were"}
    source, lengths, target, mask = test
    with torch.no_grad():
        log_p = model(source, lengths, target[:, :-1]).log_softmax(dim=2)
        words, real = target[:, 1:], mask[:, 1:]
        best = log_p.argmax(dim=2)
        surprise = -log_p.gather(2, words.unsqueeze(2)).squeeze(2)[real].mean().item()
        right = (best == words)[real].double().mean().item()
        again = (best == target[:, :-1])[real].double().mean().item()
        rows = toy.translate(model, source, lengths)
    whole = sum(toy.cut(row) == toy.cut(true) for row, true in zip(rows, words, strict=True))
    return {
        "the weights": "changed",
        WORDS: right >= 0.5,
        SENTENCES: whole >= ENOUGH * len(rows),
        SURPRISE: surprise < 1,
        # Not judged; these tell one failure from another.
        "it predicts the word that it has just read": again >= 0.5,
        "it is far more surprised than by guessing": (surprise > 2 * math.log(len(toy.FRENCH))),
    }


def about(finding: str) -> Callable[[Any, Any], str | None]:
    """A judge of one finding; useless weights are reported first."""
    judge_all = judging("the weights", finding)

    def judge(got: Any, expected: Any) -> str | None:
        # The finding is the title of the property: do not repeat it.
        missed = isinstance(got, dict) and got.get(finding) is False
        return "this is not so after your training" if missed else judge_all(got, expected)

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


@exercise.canonical
def train_translator(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        logits = model(source, lengths, target[:, :-1])
        return cross_entropy(logits, target[:, 1:], mask[:, 1:])

    def validate(model):
        return sum(loss(model, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return fit(
        model, train, loss, optimizer, epochs=20, max_norm=1.0, validate=validate, patience=5
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


exercise.near_miss(
    "predicts_what_it_reads",
    "Your model predicts the word that it has just read. It reads target[:, :-1] and must predict "
    "target[:, 1:]: one word later.",
    """
    -        logits = model(source, lengths, target[:, :-1])
    -        return cross_entropy(logits, target[:, 1:], mask[:, 1:])
    +        logits = model(source, lengths, target)
    +        return cross_entropy(logits, target, mask)
    ...
    -        model, train, loss, optimizer, epochs=20, max_norm=1.0, validate=validate, patience=5
    +        model, train, loss, optimizer, epochs=10, max_norm=1.0, validate=validate, patience=5
    """,
)


exercise.near_miss(
    "hardly_trains",
    "It has hardly learned. Is the loss the right one, does it fall, are epochs and learning rate "
    "large enough? With torch.optim.Adam, lr=0.01 and 20 epochs are a good start here.",
    """
    -    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    +    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    ...
    -        model, train, loss, optimizer, epochs=20, max_norm=1.0, validate=validate, patience=5
    +        model, train, loss, optimizer, epochs=5, max_norm=1.0, validate=validate, patience=5
    """,
)


exercise.near_miss(
    "takes_huge_steps",
    "It does worse than guessing, as where steps are far too big or the targets are the wrong "
    "words. Check what each position predicts; make the learning rate smaller.",
    """
    -    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    +    optimizer = torch.optim.SGD(model.parameters(), lr=1000)
    ...
    -        model, train, loss, optimizer, epochs=20, max_norm=1.0, validate=validate, patience=5
    +        model, train, loss, optimizer, epochs=3, max_norm=1.0, validate=validate, patience=5
    """,
)
