"""word_dropout: hidden tests and alternative right answers."""

from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps7_regularization._shared import (
    draws,
    generator,
    how_alike,
    how_often,
    some,
)
from rnncourse.exercises.ps7_regularization.word_dropout import draw_words, word_cases, word_factors
from rnncourse.reference.regularization import dropout_mask

from .. import Rubric
from ._shared import verdict


def word_draws(rng: Rng) -> Callable[[Any, Any, bool], Any]:
    tokens, E = draw_words(rng, 4, 40, 30, 2)
    return lambda subject, generator, training: subject(tokens, E.clone(), 0.5, generator, training)


def observe_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Every sentence has every word once, so that all coins can be seen."""
    B, V, D = 150, 33, 2
    E = rng.normal(V, D)
    tokens = torch.stack([torch.randperm(V - 1, generator=rng.generator) + 1 for _ in range(B)])
    said: dict[str, Any] = {}
    for p in (0.2, 0.5):
        xs = subject(tokens.clone(), E.clone(), p, generator(subject, 8))
        form, factors = word_factors(xs, tokens, E)
        if factors is None:
            return form
        # From the order of the sentences to that of the vocabulary.
        dropped = (factors.abs() < 1e-3).all(dim=2).gather(1, tokens.argsort(dim=1))
        if p != 0.5:
            said[f"p = {p}: the share of words that go is"] = how_often(dropped, p)
        else:
            said["the sentences of the batch are"] = how_alike(dropped, 0)
            said["the words of the vocabulary are"] = how_alike(dropped, 1)
    return said


def observe_word_gradients(subject: Any, rng: Rng) -> dict[str, str]:
    """Each occurrence that stayed brings 1 / (1 - p) times its share to its row of E."""
    tokens, E = draw_words(rng, 6, 20, 9, 4)
    E.requires_grad_()
    xs = subject(tokens, E, 0.5, generator(subject, 9))
    form, factors = word_factors(xs, tokens, E)
    if factors is None:
        return form
    weights = rng.normal(*tokens.shape, 4)
    # Padding may be treated as a word or not: its gradient is not looked at.
    expected = torch.zeros_like(E).index_add(
        0, tokens.flatten(), (factors.detach().nan_to_num() * weights).flatten(0, 1)
    )
    if not xs.requires_grad:
        return {"the gradient of E is": "missing"}
    (found,) = torch.autograd.grad((xs * weights).sum(), E, allow_unused=True)
    return {
        "of the words is dropped": some(factors == 0),
        "the gradient of E is": verdict(None if found is None else found[1:], expected[1:]),
    }


rubric = Rubric(
    (
        Property(
            "sentences",
            "each word goes for itself, in each sentence anew",
            1.25,
            observe_sentences,
        ),
        Property("gradient", "E learns where words have stayed", 0.5, observe_word_gradients),
        draws(0.5, word_draws),
        word_cases.dtype(0.25),
        word_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def drops_rows_of_a_table_for_each_sentence(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens]
    return torch.stack([(E * dropout_mask((len(E), 1), p, generator, E))[row] for row in tokens])


@rubric.alternative
def remembers_what_it_has_decided(tokens, E, p, generator, training=True):
    from torch.nn import functional

    xs = functional.embedding(tokens, E)
    if not training or p == 0:
        return xs
    factors = torch.zeros(tokens.shape, dtype=E.dtype)
    for b, row in enumerate(tokens.tolist()):
        decided = {}
        for t, word in enumerate(row):
            if word not in decided:
                decided[word] = torch.rand((), generator=generator).item() >= p
            factors[b, t] = decided[word] / (1 - p)
    return torch.einsum("btd,bt->btd", xs, factors)


@rubric.alternative
def looks_the_mask_up(tokens, E, p, generator, training=True):
    xs = E.index_select(0, tokens.flatten()).reshape(*tokens.shape, -1)
    if training:
        mask = dropout_mask((len(tokens), len(E)), p, generator, like=xs)
        xs = xs * mask[torch.arange(len(tokens)).unsqueeze(1), tokens][..., None]
    return xs


@rubric.alternative
def multiplies_one_hot_rows(tokens, E, p, generator, training=True):
    V = E.shape[0]
    hot = torch.nn.functional.one_hot(tokens, V).to(E.dtype)
    if training:
        hot = hot * dropout_mask((tokens.shape[0], 1, V), p, generator, E)
    return hot @ E


@rubric.alternative
def keeps_padding_apart(tokens, E, p, generator, training=True):
    xs = E[tokens]
    if not training:
        return xs
    mask = dropout_mask((len(tokens), len(E)), p, generator, E)
    mask[:, 0] = 1
    return xs * mask.gather(1, tokens)[:, :, None]
