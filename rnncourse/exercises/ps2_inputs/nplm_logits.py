"""nplm_logits: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng, Sizes
from ...reference import inputs
from ...reference.inputs import embed
from .embed import VOCABULARY


def draw_nplm(rng: Rng, s: Sizes) -> tuple:
    """Of the sizes, T is N, the number of context words, and H is K, the number of hidden units.

    The context words of a row differ.
    """
    N, K, V = s.T, s.H, VOCABULARY
    return (
        torch.stack([torch.randperm(V, generator=rng.generator)[:N] for _ in range(s.B)]),
        rng.normal(V, s.D),
        rng.normal(N * s.D, K, scale=0.5),
        rng.normal(K),
        rng.normal(K, V),
        rng.normal(N * s.D, V, scale=0.5),
        rng.normal(V),
    )


nplm_cases = Cases(
    "nplm_logits", ("tokens", "E", "H", "d", "U", "W", "b"), draw_nplm, batched=("tokens",)
)


def observe_nplm_parts(subject: Any, rng: Rng) -> dict[str, Any]:
    """Some of the weights are 0, so that each part of the sum shows by itself."""
    tokens, E, H, d, U, W, b = draw_nplm(rng, rng.sizes())
    zero_U, zero_W, zero_b = torch.zeros_like(U), torch.zeros_like(W), torch.zeros_like(b)
    weights = {
        "W = 0, b = 0: the hidden layer alone": (H, d, U, zero_W, zero_b),
        "U = 0, b = 0: the direct connections alone": (H, d, zero_U, W, zero_b),
        "U = 0, W = 0: what is left is b": (H, d, zero_U, zero_W, b),
        "H = 0, W = 0, b = 0: what is left is tanh(d) U": (0 * H, d, U, zero_W, zero_b),
    }
    return {text: attempt(subject, tokens, E, *values) for text, values in weights.items()}


exercise = Exercise(
    "nplm_logits",
    "ps2_inputs",
    inputs.nplm_logits,
    points=6,
    properties=(
        nplm_cases.shape(0.5),
        nplm_cases.values(1.5),
        Property("parts", "each part of the sum is right by itself", 1, observe_nplm_parts),
    ),
    forbids=("torch.nn.Embedding", "torch.nn.EmbeddingBag"),
)


@exercise.misconception(
    "You average the vectors of the context, so word order is lost and W does not fit. "
    "Concatenate the N vectors: (B, N*D)."
)
def averages_the_context(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).mean(dim=1)
    return b + x @ W + torch.tanh(d + x @ H) @ U


@exercise.misconception(
    "You concatenate the context from its last word to its first. Here x is in reading order."
)
def reads_backwards(tokens, E, H, d, U, W, b):
    x = embed(tokens.flip(1), E).flatten(start_dim=1)
    return b + x @ W + torch.tanh(d + x @ H) @ U


@exercise.misconception(
    "Your x lists the N words for each of the D numbers. "
    "Flatten (B, N, D) as it is, so that each word's vector stays in one piece."
)
def interleaves_the_vectors(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).transpose(1, 2).flatten(start_dim=1)
    return b + x @ W + torch.tanh(d + x @ H) @ U


@exercise.misconception(
    "Your reshape mixes the rows of the batch. Keep axis 0 and flatten the other two: "
    "x.flatten(start_dim=1)."
)
def mixes_the_batch(tokens, E, H, d, U, W, b):
    x = embed(tokens.T, E).reshape(len(tokens), -1)
    return b + x @ W + torch.tanh(d + x @ H) @ U


@exercise.misconception(
    "You flatten the whole batch into one row. Leave its axis alone: "
    "`.flatten(start_dim=1)` makes (B, N*D)."
)
def flattens_the_whole_batch(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten()
    return b + x @ W + torch.tanh(d + x @ H) @ U


@exercise.misconception(
    "You leave out the direct connections from the words to the scores. Add x @ W."
)
def leaves_out_the_direct_connections(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + torch.tanh(d + x @ H) @ U


@exercise.misconception(
    "You leave out b, the score that each word has whatever comes before it. Add it."
)
def leaves_out_the_output_bias(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return x @ W + torch.tanh(d + x @ H) @ U


@exercise.misconception("You add d after the tanh. It belongs inside: tanh(d + x @ H).")
def adds_the_bias_outside(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + x @ W + (d + torch.tanh(x @ H)) @ U


@exercise.misconception(
    "You leave out the tanh, and without it the two layers are one: (x @ H) @ U is x @ (H @ U)."
)
def leaves_out_the_tanh(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + x @ W + (d + x @ H) @ U


@exercise.misconception("Your hidden layer has a sigmoid. Bengio's has a tanh.")
def has_a_sigmoid(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + x @ W + torch.sigmoid(d + x @ H) @ U


@exercise.misconception(
    "You put a tanh around the whole sum. Only d + x @ H goes through one; "
    "a score may be any number."
)
def squashes_the_scores(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return torch.tanh(b + x @ W + torch.tanh(d + x @ H) @ U)


@exercise.misconception(
    "Your tanh is around x @ W as well. Only the hidden layer has one: b + x @ W + tanh(...) @ U."
)
def squashes_the_direct_connections(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return b + torch.tanh(x @ W + torch.tanh(d + x @ H) @ U)


@exercise.misconception(
    "You return probabilities. Return logits, the scores before the softmax: "
    "cross-entropy applies it itself, and more exactly."
)
def returns_probabilities(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return torch.softmax(b + x @ W + torch.tanh(d + x @ H) @ U, dim=1)


@exercise.misconception(
    "You return log-probabilities. Return logits: leave log_softmax to the loss."
)
def returns_log_probabilities(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1)
    return torch.log_softmax(b + x @ W + torch.tanh(d + x @ H) @ U, dim=1)


@exercise.misconception(
    "You detach the vectors, but learning them is the point of this model. "
    "Let the gradient reach E."
)
def does_not_train_the_vectors(tokens, E, H, d, U, W, b):
    x = embed(tokens, E).flatten(start_dim=1).detach()
    return b + x @ W + torch.tanh(d + x @ H) @ U
