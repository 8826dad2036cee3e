"""LanguageModel: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, part, using
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps3_outputs._shared import LONG, V, draw_lengths, gradients
from rnncourse.exercises.ps3_outputs.LanguageModel import (
    draw_language_model,
    draw_text,
    language_cases,
)
from rnncourse.reference.inputs import embed, sequence_mask

from .. import Rubric
from ._shared import padded_ways


def observe_language_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    """Also through the state from one piece of a text to the next."""
    seen = {}
    for name in ("LSTM", "GRU"):
        s = rng.sizes(T=LONG)
        model = draw_language_model(rng, s, name)
        tokens = rng.integers(0, V, s.B, s.T)

        def read(built: Any, tokens: torch.Tensor = tokens) -> dict[str, Any]:
            _, state = built(tokens[:, :4])
            logits, _ = built(tokens[:, 4:], state=state)
            return gradients(built, logits, rng)

        built = attempt(lambda model=model: model.build(subject))
        seen[f"{name}, the second piece of a text"] = using(built, read)
    return seen


def observe_tied(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes(T=LONG)
    s = s._replace(D=s.H)
    model = draw_language_model(rng, s, tied=True)
    tokens = rng.integers(0, V, s.B, s.T)
    built = model.build(subject)
    result = attempt(lambda: part(built(tokens), 0))
    return {
        "tied=True: logits": result,
        "tied=True: gradients": using(result, lambda one: gradients(built, one, rng)),
    }


def observe_text_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """With lengths: the logits where there are words, the state, the gradients."""
    s = rng.sizes(T=LONG)
    model, tokens = draw_language_model(rng, s), rng.integers(0, V, s.B, s.T)
    lengths = draw_lengths(rng, s.B, s.T)
    mask = sequence_mask(lengths, s.T)
    seen = {}
    for text, (other, padded) in padded_ways(model, "E", tokens, lengths).items():
        built = attempt(lambda other=other: other.build(subject))
        result = using(built, lambda one, padded=padded: one(padded, lengths=lengths))
        words = using(part(result, 0), lambda logits: logits[:, : s.T][mask])
        seen |= {
            f"{text}: the logits where there are words": words,
            f"{text}: the state": part(result, 1),
            f"{text}: gradients": using(built, lambda one, words=words: gradients(one, words, rng)),
        }
    return seen


def observe_single_texts(subject: Any, rng: Rng) -> dict[str, Any]:
    model, tokens = draw_text(rng, rng.sizes())
    built = model.build(subject)
    return {
        f"sentence {b} by itself": attempt(lambda b=b: built(tokens[b : b + 1]))
        for b in range(len(tokens))
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
            "no padding makes a difference, nor does it to gradients",
            0.75,
            observe_text_padding,
        ),
        Property("alone", "a sentence alone or in company", 0.5, observe_single_texts),
        language_cases.pure(0.25),
    )
)


# --- other right answers --------------------------------------------------------------------------


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
    """W_soft is looked up anew each time, tied or not."""

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
