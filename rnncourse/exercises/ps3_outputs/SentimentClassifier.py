"""SentimentClassifier: its visible checks and the mistakes people make.

The models have random weights and small networks; one reads in both directions.
"""

from typing import Any

import torch
from torch import nn

from ...checks.exercise import Exercise, Property
from ...checks.model_specs import Model, draw_model
from ...checks.properties import Cases, attempt, call, using
from ...checks.rng import Rng, Sizes
from ...reference import outputs
from ...reference.inputs import embed, sequence_mask
from ...reference.outputs import sum_states
from ._shared import LONG, C, V, draw_lengths, network, refilled, run_model


def draw_classifier(rng: Rng, s: Sizes, name: str = "LSTM") -> Model:
    networks = {"rnn": network(name, s.D, s.H)}
    sizes = {"V": V, "D": s.D, "H": s.H, "C": C}
    return draw_model(rng, networks, sizes, {"E": (V, s.D), "W_soft": (s.H, C)})


def draw_whole_reviews(rng: Rng, s: Sizes) -> tuple:
    """Reviews without padding."""
    model = draw_classifier(rng, s, "GRU" if s.B == 1 else "LSTM")
    return model, rng.integers(0, V, s.B, s.T), torch.full((s.B,), s.T)


def draw_reviews(rng: Rng, s: Sizes, name: str = "LSTM") -> tuple:
    lengths = draw_lengths(rng, s.B, s.T)
    return draw_classifier(rng, s, name), rng.integers(0, V, s.B, s.T), lengths


classifier_cases = Cases(
    "forward", ("model", "tokens", "lengths"), draw_whole_reviews, batched=(), run=run_model
)


def observe_classifier_parameters(subject: Any, rng: Rng) -> dict[str, str]:
    return draw_classifier(rng, rng.sizes()).parameters(subject)


def observe_review_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """Sentences of different lengths, twice, with other words in the padding."""
    seen: dict[str, Any] = {}
    for name in ("LSTM", "Bidirectional"):
        model, tokens, lengths = draw_reviews(rng, rng.sizes(T=LONG), name)
        built = attempt(model.build, subject)
        for text in ("some words", "other words"):
            tokens = refilled(rng, tokens, lengths)
            seen[f"{name}, lengths={lengths.tolist()}, {text} in the padding"] = using(
                built, call, tokens, lengths
            )
    return seen


exercise = Exercise(
    "SentimentClassifier",
    "ps3_outputs",
    outputs.SentimentClassifier,
    points=6,
    properties=(
        Property(
            "parameters",
            "the parameters are E, W_soft and rnn's",
            0.5,
            observe_classifier_parameters,
        ),
        classifier_cases.shape(0.5),
        classifier_cases.values(1, "sentences without padding are right"),
        Property("padding", "every sentence ends at its own length", 1, observe_review_padding),
    ),
)


@exercise.canonical
class SentimentClassifier(nn.Module):
    def __init__(self, rnn, V, D, H, C):
        super().__init__()
        self.rnn = rnn
        self.E = nn.Parameter(torch.randn(V, D))
        self.W_soft = nn.Parameter(torch.randn(H, C))

    def forward(self, tokens, lengths):
        hs, _ = self.rnn(embed(tokens, self.E), lengths)
        return sum_states(hs, sequence_mask(lengths, tokens.shape[1])) @ self.W_soft


exercise.near_miss(
    "UsesTheLastState",
    "You classify by the last state only. Sum all states of the sentence: use your sum_states.",
    """
    -        return sum_states(hs, sequence_mask(lengths, tokens.shape[1])) @ self.W_soft
    +        return hs[torch.arange(len(hs)), lengths - 1] @ self.W_soft
    """,
)


exercise.near_miss(
    "AveragesTheStates",
    "You divide the sum by the length. The lecture's classifier sums: a longer sentence may get "
    "larger scores.",
    """
    -        return sum_states(hs, sequence_mask(lengths, tokens.shape[1])) @ self.W_soft
    +        total = sum_states(hs, sequence_mask(lengths, tokens.shape[1]))
    +        return total / lengths.unsqueeze(1) @ self.W_soft
    """,
)


exercise.near_miss(
    "ReturnsProbabilities",
    "You return probabilities. Return the scores before the softmax: "
    "the loss applies it, and more exactly.",
    """
    -        return sum_states(hs, sequence_mask(lengths, tokens.shape[1])) @ self.W_soft
    +        total = sum_states(hs, sequence_mask(lengths, tokens.shape[1]))
    +        return torch.softmax(total @ self.W_soft, dim=1)
    """,
)


exercise.near_miss(
    "ReadsThePadding",
    "You read every sentence to the end of the batch, padding and all. "
    "Pass lengths to the network, and the mask to sum_states.",
    """
    -        hs, _ = self.rnn(embed(tokens, self.E), lengths)
    -        return sum_states(hs, sequence_mask(lengths, tokens.shape[1])) @ self.W_soft
    +        hs, _ = self.rnn(embed(tokens, self.E))
    +        return hs.sum(dim=1) @ self.W_soft
    """,
)


exercise.near_miss(
    "MasksTheSumOnly",
    "You mask the sum, but the network has read the padding: "
    "one that reads backwards starts there. Pass it the lengths too.",
    """
    -        hs, _ = self.rnn(embed(tokens, self.E), lengths)
    +        hs, _ = self.rnn(embed(tokens, self.E))
    """,
)


exercise.near_miss(
    "TrustsTheNetwork",
    "You trust the network to leave zeros in the padding. Not every network does: "
    "make the mask from lengths and use your sum_states.",
    """
    -        return sum_states(hs, sequence_mask(lengths, tokens.shape[1])) @ self.W_soft
    +        return hs.sum(dim=1) @ self.W_soft
    """,
)


exercise.near_miss(
    "TakesTheSlidesShape",
    "Your W_soft is (D, C), as the lecture prints it. It multiplies a state, "
    "and a state has H numbers: (H, C).",
    """
    -        self.W_soft = nn.Parameter(torch.randn(H, C))
    +        self.W_soft = nn.Parameter(torch.randn(D, C))
    """,
)


exercise.near_miss(
    "UsesALinearLayer",
    "Your head is an nn.Linear, so its weight is (C, H), has another name and brings a bias. "
    "Make W_soft (H, C) yourself: nn.Parameter(...).",
    """
    -        self.W_soft = nn.Parameter(torch.randn(H, C))
    +        self.head = nn.Linear(H, C)
    ...
    -        return sum_states(hs, sequence_mask(lengths, tokens.shape[1])) @ self.W_soft
    +        return self.head(sum_states(hs, sequence_mask(lengths, tokens.shape[1])))
    """,
)


exercise.near_miss(
    "UsesAnEmbeddingLayer",
    "You keep the words in an nn.Embedding, whose parameter is called E.weight. "
    "Make E itself the parameter: nn.Parameter(torch.randn(V, D)).",
    """
    -        self.E = nn.Parameter(torch.randn(V, D))
    +        self.E = nn.Embedding(V, D)
    ...
    -        hs, _ = self.rnn(embed(tokens, self.E), lengths)
    +        hs, _ = self.rnn(self.E(tokens), lengths)
    """,
)


@exercise.misconception(
    "`nn.Embedding` and `nn.Linear` call their parameters E.weight and W_soft.weight. Here E and "
    "W_soft are parameters themselves: nn.Parameter(torch.randn(...))."
)
class UsesReadyMadeLayers(nn.Module):
    def __init__(self, rnn, V, D, H, C):
        super().__init__()
        self.rnn = rnn
        self.E = nn.Embedding(V, D)
        self.W_soft = nn.Linear(H, C, bias=False)

    def forward(self, tokens, lengths):
        hs, _ = self.rnn(self.E(tokens), lengths)
        return self.W_soft(sum_states(hs, sequence_mask(lengths, tokens.shape[1])))


exercise.near_miss(
    "HidesTheNetwork",
    "You put the network into a list, where nn.Module does not find its parameters: "
    "they would never be trained. Write self.rnn = rnn.",
    """
    -        self.rnn = rnn
    +        self.networks = [rnn]
    ...
    -        hs, _ = self.rnn(embed(tokens, self.E), lengths)
    +        hs, _ = self.networks[0](embed(tokens, self.E), lengths)
    """,
)


exercise.near_miss(
    "StartsFromZeroWeights",
    "E and W_soft start as zeros, so all states and all gradients stay zero. "
    "Draw them at random: torch.randn.",
    """
    -        self.E = nn.Parameter(torch.randn(V, D))
    -        self.W_soft = nn.Parameter(torch.randn(H, C))
    +        self.E = nn.Parameter(torch.zeros(V, D))
    +        self.W_soft = nn.Parameter(torch.zeros(H, C))
    """,
)


exercise.near_miss(
    "TrainsTheHeadOnly",
    "You detach the states, so only W_soft learns. Leave the graph whole from the words on.",
    """
    -        return sum_states(hs, sequence_mask(lengths, tokens.shape[1])) @ self.W_soft
    +        total = sum_states(hs.detach(), sequence_mask(lengths, tokens.shape[1]))
    +        return total @ self.W_soft
    """,
)
