"""SentimentClassifier: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.exercise import Property
from rnncourse.checks.model_specs import Network, Restless, draw_model
from rnncourse.checks.properties import attempt, call, using
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps3_outputs._shared import LONG, C, V
from rnncourse.exercises.ps3_outputs.SentimentClassifier import classifier_cases, draw_reviews
from rnncourse.reference.inputs import embed, sequence_mask

from .. import Rubric
from ._shared import gradients, padded_ways


def observe_classifier_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    model, tokens, lengths = draw_reviews(rng, rng.sizes(T=LONG))
    built = model.build(subject)
    return gradients(built, built(tokens, lengths), rng)


def observe_restless_network(subject: Any, rng: Rng) -> Any:
    s = rng.sizes(T=LONG)
    _, tokens, lengths = draw_reviews(rng, s)
    restless = Network(Restless, (s.D, s.H))
    sizes = {"V": V, "D": s.D, "H": s.H, "C": C}
    shapes: dict[str, tuple[int, ...]] = {"E": (V, s.D), "W_soft": (s.H, C)}
    model = draw_model(rng, {"rnn": restless}, sizes, shapes)
    return {"a network whose outputs in the padding are nan": model.build(subject)(tokens, lengths)}


def observe_other_padding_of_reviews(subject: Any, rng: Rng) -> dict[str, Any]:
    model, tokens, lengths = draw_reviews(rng, rng.sizes(T=LONG))
    seen: dict[str, Any] = {}
    for text, (other, padded) in padded_ways(model, "E", tokens, lengths).items():
        built = attempt(other.build, subject)
        result = using(built, call, padded, lengths)
        seen[f"{text}: logits"] = result
        seen[f"{text}: gradients"] = using(built, gradients, result, rng)
    return seen


def observe_single_reviews(subject: Any, rng: Rng) -> dict[str, Any]:
    """Each sentence alone, and one of length 0."""
    model, tokens, lengths = draw_reviews(rng, rng.sizes(T=LONG))
    built = model.build(subject)
    seen = {
        f"sentence {b} by itself": attempt(built, tokens[b : b + 1, :n], lengths[b : b + 1])
        for b, n in enumerate(lengths.tolist())
    }
    lengths = lengths.clone()
    lengths[-1] = 0
    return seen | {f"lengths={lengths.tolist()}": attempt(built, tokens, lengths)}


rubric = Rubric(
    (
        Property("gradient", "gradients reach E, W_soft and rnn", 1, observe_classifier_gradients),
        Property(
            "network",
            "the network may leave anything in the padding",
            0.5,
            observe_restless_network,
        ),
        Property(
            "longer",
            "padding changes neither results nor gradients",
            0.75,
            observe_other_padding_of_reviews,
        ),
        Property(
            "alone", "a sentence gives the same alone as in a batch", 0.5, observe_single_reviews
        ),
        classifier_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
class ReadsReviewByReview(nn.Module):
    """Each sentence by itself, cut to its length: nothing to mask."""

    def __init__(self, rnn, V, D, H, C):
        super().__init__()
        self.W_soft = nn.Parameter(torch.randn(H, C))
        self.E = nn.Parameter(torch.randn(V, D))
        self.rnn = rnn

    def forward(self, tokens, lengths):
        logits = []
        for words, n in zip(tokens, lengths.tolist(), strict=True):
            if n == 0:
                logits.append(self.W_soft.new_zeros(self.W_soft.shape[1]))
                continue
            hs, _ = self.rnn(self.E[words[:n]].unsqueeze(0))
            logits.append(hs[0].sum(0) @ self.W_soft)
        return torch.stack(logits)


@rubric.alternative
class AddsUpTheScores(nn.Module):
    """The head on every state; the scores are summed instead of the states."""

    def __init__(self, rnn, V, D, H, C):
        super().__init__()
        self.rnn = rnn
        self.E = nn.Parameter(torch.empty(V, D))
        self.W_soft = nn.Parameter(torch.empty(H, C))
        nn.init.normal_(self.E)
        nn.init.xavier_uniform_(self.W_soft)

    def forward(self, tokens, lengths):
        mask = torch.arange(tokens.size(1)) < lengths[:, None]
        hs, _ = self.rnn(xs=nn.functional.embedding(tokens, self.E), lengths=lengths)
        hs = torch.where(mask[:, :, None], hs, 0.0)
        return torch.einsum("bth,hc->bc", hs, self.W_soft)


@rubric.alternative
class PicksTheWords(nn.Module):
    """The embeddings' padding is cleared before the network sees it, and only words are summed."""

    def __init__(self, rnn, V, D, H, C):
        super().__init__()
        self.rnn = rnn
        self.register_parameter("E", nn.Parameter(0.1 * torch.randn(V, D)))
        self.register_parameter("W_soft", nn.Parameter(torch.rand(H, C) - 0.5))
        self.classes = C

    def forward(self, tokens, lengths):
        mask = sequence_mask(lengths, tokens.shape[1])
        xs = embed(tokens, self.E).masked_fill(~mask.unsqueeze(2), 0)
        hs, _ = self.rnn(xs, mask.sum(dim=1))
        sentence = mask.nonzero()[:, 0]
        logits = self.W_soft.new_zeros(len(tokens), self.classes)
        return logits.index_add(0, sentence, hs[mask] @ self.W_soft)
