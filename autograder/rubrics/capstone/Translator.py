"""Translator: hidden tests and alternative right answers."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.compare import Raised
from rnncourse.checks.exercise import Property
from rnncourse.checks.harness import capstone as harness
from rnncourse.checks.properties import attempt
from rnncourse.checks.remote import remote
from rnncourse.checks.rng import Rng
from rnncourse.exercises.capstone._shared import facts
from rnncourse.exercises.capstone.Translator import V_SOURCE, V_TARGET, Case, alike, observing
from rnncourse.reference.inputs import BOS
from rnncourse.reference.state_tree import map_state

from .. import Rubric


def observe_rows_of_states(subject: Any, rng: Rng, case: Case) -> Any:
    """What a beam search does: it goes on with some rows of a state, some of them twice."""
    rows = torch.tensor([2, 0, 0])
    with torch.no_grad():
        state = case.model.start(case.source, case.mask)
        _, state = case.model.step(torch.full((3,), BOS), state)
        before = case.model.step(case.target[:, 1], state)[0]
        chosen = attempt(lambda: map_state(lambda one: one.index_select(0, rows), state))
        if isinstance(chosen, Raised):
            return f"of the state, rows 2, 0, 0 cannot be picked: {chosen!r}"
        after = case.model.step(case.target[rows, 1], chosen)[0]
    same = isinstance(after, torch.Tensor) and alike(before[rows], after)
    return {
        "going on with rows 2, 0, 0 of the state, the scores": (
            "those of these rows" if same else "others"
        )
    }


def observe_saving(subject: Any, rng: Rng, case: Case) -> Any:
    other = remote(subject, harness.rebuilt)(subject, V_SOURCE, V_TARGET, case.model)
    first, case.model = case.model, other
    again = case.ask()
    case.model = first
    return {
        "a new model with the saved weights: its scores": (
            "the same" if case.like(again) else "others"
        )
    }


def observe_gradients(subject: Any, rng: Rng, case: Case) -> Any:
    share = remote(subject, harness.share_unreached)(
        case.model, case.source, case.mask, case.target
    )
    few = isinstance(share, (int, float)) and share < 0.1
    return {"numbers of the model that get no gradient": "few or none" if few else "many"}


translator = (
    Property(
        "states",
        "the rows of a state can be picked, as beam search does",
        1,
        observing(observe_rows_of_states),
        facts,
    ),
    Property(
        "saving",
        "all that the model learns is in its state_dict",
        1,
        observing(observe_saving),
        facts,
    ),
    Property(
        "gradients", "the loss reaches the whole model", 1, observing(observe_gradients), facts
    ),
)


rubric = Rubric(translator)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
class StepByStep(nn.Module):
    """torch's cells in loops, dot attention; forward is start and steps."""

    def __init__(self, V_source, V_target, D=16, H=24):
        super().__init__()
        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
        self.reader, self.writer = nn.GRUCell(D, H), nn.GRUCell(D, H)
        self.out = nn.Linear(2 * H, V_target)

    def start(self, source, mask):
        h, es = self.out.weight.new_zeros(len(source), self.reader.hidden_size), []
        for s in range(source.shape[1]):
            new = self.reader(self.E_source(source[:, s]), h)
            h = torch.where(mask[:, s, None], new, h)
            es.append(h)
        return h, torch.stack(es, dim=1), mask

    def step(self, tokens, state):
        f, es, mask = state
        f = self.writer(self.E_target(tokens), f)
        alpha = (es @ f.unsqueeze(2)).squeeze(2).masked_fill(~mask, -torch.inf)
        context = (torch.softmax(alpha, dim=1).unsqueeze(2) * es).sum(dim=1)
        return self.out(torch.cat([context, f], dim=1)), (f, es, mask)

    def forward(self, source, mask, target):
        state, scores = self.start(source, mask), []
        for t in range(target.shape[1]):
            logits, state = self.step(target[:, t], state)
            scores.append(logits)
        return torch.stack(scores, dim=1)


@rubric.alternative
class Packed(nn.Module):
    """torch.nn.LSTM over packed sequences, no attention, log-probabilities for scores."""

    def __init__(self, V_source, V_target, D=16, H=24):
        super().__init__()
        self.E_source = nn.Embedding(V_source, D, padding_idx=0)
        self.E_target = nn.Embedding(V_target, D)
        self.encoder = nn.LSTM(D, H, batch_first=True)
        self.decoder = nn.LSTM(D, H, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(H, V_target)

    def start(self, source, mask):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.drop(self.E_source(source)), mask.sum(1).cpu(), True, enforce_sorted=False
        )
        _, (h, c) = self.encoder(packed)
        return h.transpose(0, 1), c.transpose(0, 1)

    def step(self, tokens, state):
        h, c = (one.transpose(0, 1).contiguous() for one in state)
        fs, (h, c) = self.decoder(self.E_target(tokens).unsqueeze(1), (h, c))
        logits = nn.functional.log_softmax(self.out(fs).squeeze(1), dim=1)
        return logits, (h.transpose(0, 1), c.transpose(0, 1))

    def forward(self, source, mask, target):
        h, c = (one.transpose(0, 1).contiguous() for one in self.start(source, mask))
        fs, _ = self.decoder(self.drop(self.E_target(target)), (h, c))
        return nn.functional.log_softmax(self.out(fs), dim=2)


@rubric.alternative
class OfTheLibrary(nn.Module):
    """The library's translator of section 5, which takes lengths in place of a mask."""

    def __init__(self, V_source, V_target, D=16, H=24):
        from rnncourse.reference.attention import AttentionSeq2Seq
        from rnncourse.reference.layers import LSTM

        super().__init__()
        self.inner = AttentionSeq2Seq(LSTM(D, H), LSTM(D, H), V_source, V_target, D, H, "general")

    def forward(self, source, mask, target):
        return self.inner(source, mask.sum(dim=1), target)

    def start(self, source, mask):
        return self.inner.start(source, mask.sum(dim=1))

    def step(self, tokens, state):
        return self.inner.step(tokens, state)


@rubric.alternative
class ReadsAllAgain(nn.Module):
    """A state that is only what has been read and written: each step reads it from the start."""

    def __init__(self, V_source, V_target, D=24):
        super().__init__()
        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
        self.encoder = nn.GRU(D, D, batch_first=True)
        self.decoder = nn.GRU(D, D, batch_first=True)

    def forward(self, source, mask, target):
        es, _ = self.encoder(self.E_source(source))
        fs, _ = self.decoder(self.E_target(target))
        alpha = torch.einsum("bth,bsh->bts", fs, es) / es.shape[2] ** 0.5
        a = torch.softmax(alpha.masked_fill(~mask.unsqueeze(1), -1e9), dim=2)
        return (fs + torch.einsum("bts,bsh->bth", a, es)) @ self.E_target.weight.T

    def start(self, source, mask):
        return source, mask, source[:, :0]

    def step(self, tokens, state):
        source, mask, written = state
        written = torch.cat([written, tokens.unsqueeze(1)], dim=1)
        return self(source, mask, written)[:, -1], (source, mask, written)
