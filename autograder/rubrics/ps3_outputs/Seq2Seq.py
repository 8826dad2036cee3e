"""Seq2Seq: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, call, using
from rnncourse.checks.pytree import map_tensors
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps3_outputs._shared import V_TARGET
from rnncourse.exercises.ps3_outputs.Seq2Seq import draw_pairs, translator_cases
from rnncourse.reference.inputs import embed, sequence_mask

from .. import Rubric
from ._shared import gradients, padded_ways


def observe_rows_of_a_state(subject: Any, rng: Rng) -> dict[str, Any]:
    """As in a beam search: one state used twice, its rows repeated and reordered."""
    model, source, lengths, target = draw_pairs(rng, rng.sizes(B=3))
    built = model.build(subject)
    start = built.start(source, lengths)
    first, state = built.step(target[:, 0], start)
    again, _ = built.step(target[:, 0], start)
    rows = torch.tensor([2, 0, 0, 1, 2])
    chosen = map_tensors(lambda tensor: tensor[rows], state)
    after, _ = built.step(rng.integers(0, V_TARGET, 5), chosen)
    return {
        "the first step": first,
        "the same step from the same state": again,
        "rows 2, 0, 0, 1, 2 of the state, one word further": after,
    }


def observe_translator_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for name in ("LSTM", "GRU"):
        model, *args = draw_pairs(rng, rng.sizes(), name)
        built = attempt(model.build, subject)
        seen[name] = using(built, translation_gradients, rng, *args)
    return seen


def translation_gradients(built: Any, rng: Rng, *args: torch.Tensor) -> dict[str, Any]:
    return gradients(built, built(*args), rng)


def observe_other_networks(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for text, names in {
        "an Elman network": ("Elman", ""),
        "an encoder that reads in both directions": ("LSTM", "Bidirectional"),
    }.items():
        model, *args = draw_pairs(rng, rng.sizes(), *names)
        seen[text] = using(attempt(model.build, subject), call, *args)
    return seen


def observe_other_source_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    model, source, lengths, target = draw_pairs(rng, rng.sizes())
    seen: dict[str, Any] = {}
    for text, (other, padded) in padded_ways(model, "E_source", source, lengths).items():
        built = attempt(other.build, subject)
        result = using(built, call, padded, lengths, target)
        seen[f"{text}: logits"] = result
        seen[f"{text}: gradients"] = using(built, gradients, result, rng)
    return seen


def observe_single_pairs(subject: Any, rng: Rng) -> dict[str, Any]:
    model, source, lengths, target = draw_pairs(rng, rng.sizes())
    built = model.build(subject)
    return {
        f"sentence {b} by itself": attempt(
            built, source[b : b + 1, :n], lengths[b : b + 1], target[b : b + 1]
        )
        for b, n in enumerate(lengths.tolist())
    }


rubric = Rubric(
    (
        Property("rows", "rows of a state can be chosen", 0.5, observe_rows_of_a_state),
        Property(
            "gradient",
            "gradients reach both networks, both tables and W_soft",
            1.5,
            observe_translator_gradients,
        ),
        Property("networks", "any two networks work", 0.75, observe_other_networks),
        Property(
            "longer",
            "padding changes neither results nor gradients",
            0.5,
            observe_other_source_padding,
        ),
        Property(
            "alone", "a sentence gives the same alone as in a batch", 0.5, observe_single_pairs
        ),
        translator_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
class WritesWordByWord(nn.Module):
    """forward only calls start and step."""

    def __init__(self, encoder, decoder, V_source, V_target, D, H):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.E_source = nn.Parameter(torch.randn(V_source, D))
        self.E_target = nn.Parameter(torch.randn(V_target, D))
        self.W_soft = nn.Parameter(torch.randn(H, V_target) / H**0.5)

    def forward(self, source, lengths, target):
        state, logits = self.start(source, lengths), []
        for t in range(target.shape[1]):
            scores, state = self.step(target[:, t], state)
            logits.append(scores)
        return torch.stack(logits, dim=1)

    def start(self, source, lengths):
        return self.encoder(self.E_source[source], lengths)[1]

    def step(self, tokens, state):
        fs, state = self.decoder(self.E_target[tokens][:, None], state=state)
        return fs[:, 0] @ self.W_soft, state


@rubric.alternative
class TranslatesSentenceBySentence(nn.Module):
    """One pair after the other, without padding."""

    def __init__(self, encoder, decoder, V_source, V_target, D, H):
        super().__init__()
        self.E_source = nn.Parameter(torch.randn(V_source, D))
        self.E_target = nn.Parameter(torch.randn(V_target, D))
        self.W_soft = nn.Parameter(torch.empty(H, V_target).uniform_(-1, 1))
        self.encoder, self.decoder = encoder, decoder

    def forward(self, source, lengths, target):
        logits = []
        for b in range(len(source)):
            _, f_0 = self.encoder(embed(source[b : b + 1, : lengths[b]], self.E_source))
            fs, _ = self.decoder(embed(target[b : b + 1], self.E_target), None, f_0)
            logits.append(fs @ self.W_soft)
        return torch.cat(logits)

    def start(self, source, lengths):
        _, e_last = self.encoder(nn.functional.embedding(source, self.E_source), lengths=lengths)
        return ((e_last,), lengths)

    def step(self, tokens, state):
        (f,), lengths = state
        fs, f = self.decoder(embed(tokens[:, None], self.E_target), None, f)
        return torch.einsum("bth,hv->bv", fs, self.W_soft), ((f,), lengths)


@rubric.alternative
class ClearsTheSourceFirst(nn.Module):
    """The source's padding is cleared before the encoder; the state is a dictionary."""

    def __init__(self, encoder, decoder, V_source, V_target, D, H):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        tables = {"E_source": (V_source, D), "E_target": (V_target, D), "W_soft": (H, V_target)}
        for name, shape in tables.items():
            setattr(self, name, nn.Parameter(torch.randn(*shape)))

    def start(self, source, lengths):
        mask = sequence_mask(lengths, source.shape[1])
        xs = embed(source, self.E_source).masked_fill(~mask.unsqueeze(2), 0)
        return {"f": self.encoder(xs, mask.sum(dim=1))[1]}

    def step(self, tokens, state):
        fs, f = self.decoder(embed(tokens.reshape(-1, 1), self.E_target), None, state["f"])
        return (fs @ self.W_soft).flatten(1), {"f": f}

    def forward(self, source, lengths, target):
        ys = embed(target, self.E_target)
        everywhere = torch.full((len(target),), target.shape[1])
        fs, _ = self.decoder(ys, everywhere, self.start(source, lengths)["f"])
        return torch.matmul(fs, self.W_soft)
