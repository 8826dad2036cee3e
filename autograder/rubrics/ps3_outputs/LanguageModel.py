"""LanguageModel: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, call, part, using
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps3_outputs._shared import LONG, V, draw_lengths
from rnncourse.exercises.ps3_outputs.LanguageModel import (
    draw_language_model,
    draw_text,
    language_cases,
)
from rnncourse.reference.inputs import embed, sequence_mask

from .. import Rubric
from ._shared import gradients, padded_ways


def observe_language_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    """Also through the state from one piece of a text to the next."""
    seen: dict[str, Any] = {}
    for name in ("LSTM", "GRU"):
        s = rng.sizes(T=LONG)
        model = draw_language_model(rng, s, name)
        tokens = rng.integers(0, V, s.B, s.T)
        built = attempt(model.build, subject)
        seen[f"{name}, the second piece of a text"] = using(built, second_gradients, tokens, rng)
    return seen


def second_gradients(built: Any, tokens: torch.Tensor, rng: Rng) -> dict[str, Any]:
    """The gradients from the second piece of a text, which continues the first."""
    _, state = built(tokens[:, :4])
    logits, _ = built(tokens[:, 4:], state=state)
    return gradients(built, logits, rng)


def observe_tied(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes(T=LONG)
    s = s._replace(D=s.H)
    model = draw_language_model(rng, s, tied=True)
    tokens = rng.integers(0, V, s.B, s.T)
    built = model.build(subject)
    logits = part(attempt(built, tokens), 0)
    return {
        "tied=True: logits": logits,
        "tied=True: gradients": using(logits, gradients_from, built, rng),
    }


def gradients_from(logits: Any, built: Any, rng: Rng) -> dict[str, Any]:
    return gradients(built, logits, rng)


def observe_text_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """With lengths: the logits at the words, the state, the gradients."""
    s = rng.sizes(T=LONG)
    model, tokens = draw_language_model(rng, s), rng.integers(0, V, s.B, s.T)
    lengths = draw_lengths(rng, s.B, s.T)
    mask = sequence_mask(lengths, s.T)
    seen: dict[str, Any] = {}
    for text, (other, padded) in padded_ways(model, "E", tokens, lengths).items():
        built = attempt(other.build, subject)
        result = using(built, call, padded, lengths=lengths)
        words = using(part(result, 0), at_words, mask)
        seen |= {
            f"{text}: the logits where there are words": words,
            f"{text}: the state": part(result, 1),
            f"{text}: gradients": using(built, gradients, words, rng),
        }
    return seen


def at_words(logits: Any, mask: torch.Tensor) -> Any:
    """The logits where mask (B, T) is True; there may be more padding than in the mask."""
    return logits[:, : mask.shape[1]][mask]


def observe_single_texts(subject: Any, rng: Rng) -> dict[str, Any]:
    model, tokens = draw_text(rng, rng.sizes())
    built = model.build(subject)
    return {
        f"sentence {b} by itself": attempt(built, tokens[b : b + 1]) for b in range(len(tokens))
    }


rubric = Rubric(
    (
        Property(
            "gradient",
            "gradients reach E, W_soft and rnn, also through the state",
            1.25,
            observe_language_gradients,
        ),
        Property("tied", "tied, E reads and predicts, and learns from both", 0.75, observe_tied),
        Property(
            "longer",
            "padding changes neither results nor gradients",
            0.75,
            observe_text_padding,
        ),
        Property(
            "alone", "a sentence gives the same alone as in a batch", 0.5, observe_single_texts
        ),
        language_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
class ReadsWordByWord(nn.Module):
    """One call of the network for each word, the state carried along."""

    def __init__(self, rnn, V, D, H, tied=False):
        super().__init__()
        if tied and D != H:
            raise ValueError(f"D = {D} and H = {H} must be equal")
        self.rnn = rnn
        self.E = nn.Parameter(torch.randn(V, D) / D**0.5)
        self.W_soft = None if tied else nn.Parameter(torch.randn(H, V) / H**0.5)

    def forward(self, tokens, lengths=None, state=None):
        head = self.E.T if self.W_soft is None else self.W_soft
        logits = []
        for t in range(tokens.shape[1]):
            alive = None if lengths is None else (lengths > t).long()
            hs, state = self.rnn(self.E[tokens[:, t : t + 1]], alive, state)
            logits.append(hs @ head)
        return torch.cat(logits, dim=1), state


@rubric.alternative
class TiesAProperty(nn.Module):
    """A property looks up W_soft or E at every call."""

    def __init__(self, rnn, V, D, H, tied=False):
        super().__init__()
        assert not tied or D == H, "tied weights need D = H"
        self.rnn = rnn
        self.E = nn.Parameter(torch.randn(V, D))
        if not tied:
            self.W_soft = nn.Parameter(torch.randn(H, V))

    @property
    def scores(self):
        return self.W_soft if hasattr(self, "W_soft") else self.E.transpose(0, 1)

    def forward(self, tokens, lengths=None, state=None):
        xs = nn.functional.embedding(tokens, self.E)
        hs, state = self.rnn(xs, lengths=lengths, state=state)
        return torch.einsum("bth,hv->btv", hs, self.scores), state


@rubric.alternative
class SharesOneParameter(nn.Module):
    """A linear layer whose weight is E itself: the same parameter under two names."""

    def __init__(self, rnn, V, D, H, tied=False):
        super().__init__()
        if tied:
            if D != H:
                raise ValueError("tied weights need D = H")
            self.E = nn.Parameter(torch.randn(V, D))
            self.out = nn.Linear(H, V, bias=False)
            self.out.weight = self.E
        else:
            self.E, self.W_soft = (nn.Parameter(torch.randn(*n)) for n in ((V, D), (H, V)))
            self.out = lambda hs: torch.matmul(hs, self.W_soft)
        self.rnn = rnn

    def forward(self, tokens, lengths=None, state=None):
        hs, state = self.rnn(embed(tokens, self.E), lengths, state)
        return self.out(hs), state
