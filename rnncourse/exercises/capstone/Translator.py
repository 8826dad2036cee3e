"""Translator: its visible checks and the mistakes people make.

A model of the student's class gets random weights. Scores are compared with those for a changed
batch, never with a reference network.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ...checks.compare import kind
from ...checks.exercise import Exercise, Property
from ...checks.harness import capstone as harness
from ...checks.remote import remote
from ...checks.rng import Rng
from ...reference import capstone
from ...reference.inputs import BOS, EOS, SPECIALS, sequence_mask
from ._shared import facts

V_SOURCE, V_TARGET = 11, 14


def observing(observe: Callable[[Any, Rng, "Case"], Any]) -> Callable[[Any, Rng], Any]:
    """An observation of a model that gives the same scores twice; else, why there is none."""

    def observe_model(subject: Any, rng: Rng) -> Any:
        seed = int(rng.integers(0, 1 << 30, 1))
        model = remote(subject, harness.build)(subject, V_SOURCE, V_TARGET, seed)
        case = Case(model, rng)
        if isinstance(case.scores, str):
            return case.scores
        if not case.like(case.ask()):
            return "in eval mode, two calls with the same arguments give different scores"
        return observe(subject, rng, case)

    return observe_model


class Case:
    """A model and a batch for it: three sentences, the first without padding on either side."""

    def __init__(self, model: Any, rng: Rng):
        self.model = model
        B, S, T = 3, 3 + int(rng.integers(0, 3, 1)), 4 + int(rng.integers(0, 3, 1))
        T += T == S
        self.source = rng.integers(len(SPECIALS), V_SOURCE, B, S)
        self.target = rng.integers(len(SPECIALS), V_TARGET, B, T)
        self.target[:, 0] = BOS
        lengths = torch.tensor([S, S - 1, S - 2])
        self.mask = sequence_mask(lengths)
        self.source[torch.arange(B), lengths - 1] = EOS
        self.source[~self.mask] = 0
        self.scores = self.ask()

    @torch.no_grad()
    def ask(self, **changes: torch.Tensor) -> Any:
        """The scores (B, T, V_target), or in words what is wrong with them."""
        args = {"source": self.source, "mask": self.mask, "target": self.target} | changes
        scores = self.model(args["source"], args["mask"], args["target"])
        shape = (*args["target"].shape, V_TARGET)
        if not isinstance(scores, torch.Tensor) or not scores.is_floating_point():
            return f"the model returned {kind(scores)}, not scores of the shape (B, T, V_target)"
        if scores.shape != shape:
            actual = tuple(scores.shape)
            return f"the scores have the shape {actual}, not (B, T, V_target) = {shape}"
        if not scores.isfinite().all():
            return "some scores are nan or infinite"
        return scores

    def like(self, other: Any, rows: Any = slice(None), steps: Any = slice(None)) -> bool:
        """Whether other scores are those of the unchanged batch, but for rounding."""
        return isinstance(other, torch.Tensor) and alike(
            self.scores[rows, steps], other[rows, steps]
        )


def alike(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Whether scores are the same but for rounding in float32."""
    if first.shape != second.shape:
        return False
    return bool((first - second).abs().max() <= 5e-5 * (first.abs().max() + 1e-6))


SAME, OTHER = "stay the same", "change"


def observe_scores(subject: Any, rng: Rng, case: Case) -> dict[str, Any]:
    sums = case.scores.sum(dim=2)
    single = case.ask(
        source=case.source[:1, :1], mask=case.mask[:1, :1], target=case.target[:1, :1]
    )
    return {
        "model(source (3, S), mask (3, S), target (3, T))": "scores (3, T, V_target)",
        "over the words, the scores add up to 1": (
            "always" if alike(sums, torch.ones_like(sums)) else "not always"
        ),
        "a batch of one word": single if isinstance(single, str) else "scores (1, 1, V_target)",
    }


def observe_past(subject: Any, rng: Rng, case: Case) -> dict[str, str]:
    seen = {}
    for t in range(1, case.target.shape[1]):
        target = case.target.clone()
        target[:, t] = other_word(target[:, t], V_TARGET)
        after = case.ask(target=target)
        before = case.like(after, steps=slice(t))
        at = case.like(after, steps=slice(t, t + 1))
        seen[f"another target word at t = {t}: the scores before it"] = SAME if before else OTHER
        seen[f"another target word at t = {t}: the scores at it"] = SAME if at else OTHER
    return seen


def observe_source(subject: Any, rng: Rng, case: Case) -> dict[str, str]:
    seen = {}
    S = case.source.shape[1]
    for s in range(S - 1):  # the last is EOS, which is not a word
        source = case.source.clone()
        source[0, s] = other_word(source[0, s], V_SOURCE)
        after = case.ask(source=source)
        seen[f"another source word {s + 1} of {S}: the scores"] = (
            SAME if case.like(after, rows=slice(1)) else OTHER
        )
    words = torch.tensor([[4, 7, *[5] * (S - 3), EOS], [7, 4, *[5] * (S - 3), EOS]])
    pair = {"mask": case.mask[:1], "target": case.target[:1]}
    scores = case.ask(source=words[:1], **pair)
    swapped = case.ask(source=words[1:], **pair)
    unchanged = isinstance(scores, torch.Tensor) and alike(scores, swapped)
    seen["two source words change places: the scores"] = SAME if unchanged else OTHER
    return seen


def observe_padding(subject: Any, rng: Rng, case: Case) -> dict[str, str]:
    junk = torch.where(case.mask, case.source, rng.integers(4, V_SOURCE, *case.source.shape))
    more = torch.nn.functional.pad(case.source, (0, 2))
    wider = torch.nn.functional.pad(case.mask, (0, 2))
    alone = case.ask(
        source=case.source[2:, : int(case.mask[2].sum())],
        mask=case.mask[2:, : int(case.mask[2].sum())],
        target=case.target[2:],
    )
    alone_like = isinstance(alone, torch.Tensor) and alike(case.scores[2:], alone)
    return {
        "other words under the padding of the source: the scores": (
            SAME if case.like(case.ask(source=junk)) else OTHER
        ),
        "two more columns of padding: the scores": (
            SAME if case.like(case.ask(source=more, mask=wider)) else OTHER
        ),
        "the shortest sentence alone, without padding: its scores": SAME if alone_like else OTHER,
    }


def observe_rows(subject: Any, rng: Rng, case: Case) -> dict[str, str]:
    source, target = case.source.clone(), case.target.clone()
    source[0, 0], target[0, 1] = other_word(source[0, 0], V_SOURCE), BOS
    after = case.ask(source=source, target=target)
    return {
        "another first sentence: its own scores": SAME if case.like(after, slice(1)) else OTHER,
        "another first sentence: the others' scores": (
            SAME if case.like(after, slice(1, None)) else OTHER
        ),
    }


@torch.no_grad()
def written(case: Case, state: Any) -> Any:
    """The scores of `step`, word after word of the target, as `forward` gives them."""
    scores = []
    for t in range(case.target.shape[1]):
        result = case.model.step(case.target[:, t], state)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            return f"step returned {kind(result)}, not (scores, state)"
        logits, state = result
        shape = (len(case.target), V_TARGET)
        if not isinstance(logits, torch.Tensor) or logits.shape != shape:
            return f"step returned {kind(logits)} for scores of the shape (B, V_target) = {shape}"
        scores.append(logits)
    return torch.stack(scores, dim=1)


def observe_steps(subject: Any, rng: Rng, case: Case) -> Any:
    with torch.no_grad():
        scores = written(case, case.model.start(case.source, case.mask))
    if isinstance(scores, str):
        return scores
    return {
        f"the scores of start and step at t = {t}": (
            "those of forward"
            if case.like(scores, steps=slice(t, t + 1))
            else "others than those of forward"
        )
        for t in range(case.target.shape[1])
    }


def other_word(words: torch.Tensor, V: int) -> torch.Tensor:
    """Another word for each word, never a special."""
    first = len(SPECIALS)
    return first + (words - first + 1) % (V - first)


exercise = Exercise(
    "Translator",
    "capstone",
    capstone.Translator,
    points=10,
    properties=(
        Property(
            "scores",
            "the scores are (B, T, V_target), before any softmax",
            0.5,
            observing(observe_scores),
            facts,
        ),
        Property(
            "past",
            "each score depends on the target words up to its own, and on none after it",
            1.5,
            observing(observe_past),
            facts,
        ),
        Property(
            "source",
            "the scores depend on every source word and on their order",
            1,
            observing(observe_source),
            facts,
        ),
        Property(
            "padding",
            "the padding makes no difference",
            1.5,
            observing(observe_padding),
            facts,
        ),
        Property(
            "rows", "the sentences of a batch do not mix", 0.5, observing(observe_rows), facts
        ),
        # Visible: else who leaves start and step unwritten is told that all visible checks pass.
        Property(
            "steps",
            "`start` and `step` give, word after word, the scores of `forward`",
            2,
            observing(observe_steps),
            facts,
        ),
    ),
)


@exercise.canonical
class Translator(nn.Module):
    def __init__(self, V_source, V_target, D=16, H=24):
        super().__init__()
        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
        self.reader, self.writer = nn.GRUCell(D, H), nn.GRUCell(D, H)
        self.out = nn.Linear(H, V_target)

    def start(self, source, mask):
        h = self.out.weight.new_zeros(len(source), self.reader.hidden_size)
        for s in range(source.shape[1]):
            new = self.reader(self.E_source(source[:, s]), h)
            h = torch.where(mask[:, s, None], new, h)
        return h

    def step(self, tokens, state):
        state = self.writer(self.E_target(tokens), state)
        return self.out(state), state

    def forward(self, source, mask, target):
        state, scores = self.start(source, mask), []
        for t in range(target.shape[1]):
            logits, state = self.step(target[:, t], state)
            scores.append(logits)
        return torch.stack(scores, dim=1)


@exercise.misconception(
    "Your padding counts: the scores change with it. Give the encoder the lengths, and mask the "
    "attention before its softmax."
)
class AttendsToThePadding(nn.Module):
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
        alpha = (es @ f.unsqueeze(2)).squeeze(2)
        context = (torch.softmax(alpha, dim=1).unsqueeze(2) * es).sum(dim=1)
        return self.out(torch.cat([context, f], dim=1)), (f, es, mask)

    def forward(self, source, mask, target):
        state, scores = self.start(source, mask), []
        for t in range(target.shape[1]):
            logits, state = self.step(target[:, t], state)
            scores.append(logits)
        return torch.stack(scores, dim=1)


exercise.near_miss(
    "PeeksAtTheAnswer",
    "Your scores at t have seen the words after t, which is cheating in training and impossible "
    "in translation. Let the decoder read from left to right.",
    """
             self.reader, self.writer = nn.GRUCell(D, H), nn.GRUCell(D, H)
    +        self.backwards = nn.GRU(D, H, batch_first=True)
    ...
    -        state, scores = self.start(source, mask), []
    +        state, hs = self.start(source, mask), []
             for t in range(target.shape[1]):
    -            logits, state = self.step(target[:, t], state)
    -            scores.append(logits)
    -        return torch.stack(scores, dim=1)
    +            state = self.writer(self.E_target(target[:, t]), state)
    +            hs.append(state)
    +        future, _ = self.backwards(self.E_target(target.flip(1)))
    +        return self.out(torch.stack(hs, dim=1) + future.flip(1))
    """,
)


exercise.near_miss(
    "IgnoresTheTarget",
    "Your decoder never reads the words it has written, so it cannot know where it is in its own "
    "sentence. Feed it the target words, one per step.",
    """
    -        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
    -        self.reader, self.writer = nn.GRUCell(D, H), nn.GRUCell(D, H)
    +        self.E_source = nn.Embedding(V_source, D)
    +        self.reader, self.writer = nn.GRUCell(D, H), nn.GRUCell(H, H)
    ...
    -        state = self.writer(self.E_target(tokens), state)
    +        state = self.writer(state, state)
    """,
)


exercise.near_miss(
    "ForgetsTheSource",
    "Your decoder never reads the source: it is a language model. Start it from the encoder's "
    "last state, and let it look back at the others.",
    """
    -        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
    -        self.reader, self.writer = nn.GRUCell(D, H), nn.GRUCell(D, H)
    +        self.E_target = nn.Embedding(V_target, D)
    +        self.writer = nn.GRUCell(D, H)
    ...
    -        h = self.out.weight.new_zeros(len(source), self.reader.hidden_size)
    -        for s in range(source.shape[1]):
    -            new = self.reader(self.E_source(source[:, s]), h)
    -            h = torch.where(mask[:, s, None], new, h)
    -        return h
    +        return self.out.weight.new_zeros(len(source), self.writer.hidden_size)
    """,
)


@exercise.misconception(
    "Your model treats the source as a bag of words: their order changes nothing. Read them with "
    "a recurrent network before you attend to them."
)
class LosesTheWordOrder(nn.Module):
    def __init__(self, V_source, V_target, D=24):
        super().__init__()
        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
        self.writer = nn.GRUCell(D, D)
        self.out = nn.Linear(2 * D, V_target)

    def start(self, source, mask):
        es = self.E_source(source).masked_fill(~mask.unsqueeze(2), 0)
        return es.sum(dim=1), es, mask

    def step(self, tokens, state):
        f, es, mask = state
        f = self.writer(self.E_target(tokens), f)
        alpha = (es @ f.unsqueeze(2)).squeeze(2).masked_fill(~mask, -1e9)
        context = (torch.softmax(alpha, dim=1).unsqueeze(2) * es).sum(dim=1)
        return self.out(torch.cat([context, f], dim=1)), (f, es, mask)

    def forward(self, source, mask, target):
        state, scores = self.start(source, mask), []
        for t in range(target.shape[1]):
            logits, state = self.step(target[:, t], state)
            scores.append(logits)
        return torch.stack(scores, dim=1)


exercise.near_miss(
    "ReturnsProbabilities",
    "Your model returns probabilities. Return the scores before the softmax: the loss and the "
    "decoder have one of their own.",
    """
    -        return self.out(state), state
    +        return torch.softmax(self.out(state), dim=1), state
    """,
)


exercise.near_miss(
    "DropsOutForEver",
    "In eval mode your model still draws at random, as where dropout never stops: use nn.Dropout, "
    "or pass training=self.training. Nothing else may be random there either.",
    """
    -        return self.out(state), state
    +        return self.out(nn.functional.dropout(state, 0.3)), state
    """,
)


@exercise.misconception(
    "Your softmax runs over the batch, so sentences share one weight between them. Take it over "
    "the source words of each sentence."
)
class MixesTheSentences(nn.Module):
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
        alpha = (es @ f.unsqueeze(2)).squeeze(2).masked_fill(~mask, -1e9)
        context = (torch.softmax(alpha, dim=0).unsqueeze(2) * es).sum(dim=1)
        return self.out(torch.cat([context, f], dim=1)), (f, es, mask)

    def forward(self, source, mask, target):
        state, scores = self.start(source, mask), []
        for t in range(target.shape[1]):
            logits, state = self.step(target[:, t], state)
            scores.append(logits)
        return torch.stack(scores, dim=1)


@exercise.misconception(
    "Your step returns the state that it was given, so each word is written as if it were the "
    "first. Return the new state."
)
class StandsStill(nn.Module):
    def __init__(self, V_source, V_target, D=16, H=24):
        super().__init__()
        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
        self.reader, self.writer = nn.GRUCell(D, H), nn.GRUCell(D, H)
        self.out = nn.Linear(H, V_target)

    def start(self, source, mask):
        h = self.out.weight.new_zeros(len(source), self.reader.hidden_size)
        for s in range(source.shape[1]):
            new = self.reader(self.E_source(source[:, s]), h)
            h = torch.where(mask[:, s, None], new, h)
        return h

    def step(self, tokens, state):
        return self.out(self.writer(self.E_target(tokens), state)), state

    def forward(self, source, mask, target):
        state, hs = self.start(source, mask), []
        for t in range(target.shape[1]):
            state = self.writer(self.E_target(target[:, t]), state)
            hs.append(state)
        return self.out(torch.stack(hs, dim=1))


@exercise.misconception(
    "Your state does not have the batch first, as torch.nn.GRU's does not. Turn it round with "
    "transpose(0, 1): beam search picks rows of the state."
)
class KeepsTorchsState(nn.Module):
    def __init__(self, V_source, V_target, D=16, H=24):
        super().__init__()
        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
        self.reader, self.writer = nn.GRUCell(D, H), nn.GRU(D, H, batch_first=True)
        self.out = nn.Linear(H, V_target)

    def start(self, source, mask):
        h = self.out.weight.new_zeros(len(source), self.reader.hidden_size)
        for s in range(source.shape[1]):
            new = self.reader(self.E_source(source[:, s]), h)
            h = torch.where(mask[:, s, None], new, h)
        return h.unsqueeze(0)

    def step(self, tokens, state):
        hs, state = self.writer(self.E_target(tokens).unsqueeze(1), state)
        return self.out(hs.squeeze(1)), state

    def forward(self, source, mask, target):
        hs, _ = self.writer(self.E_target(target), self.start(source, mask))
        return self.out(hs)


exercise.near_miss(
    "HidesItsLayers",
    "Some of your layers are in a plain list, where torch does not find them: they are neither "
    "trained nor saved. Use nn.ModuleList, or an attribute for each.",
    """
    -        self.reader, self.writer = nn.GRUCell(D, H), nn.GRUCell(D, H)
    +        self.cells = [nn.GRUCell(D, H), nn.GRUCell(D, H)]
    ...
    -        h = self.out.weight.new_zeros(len(source), self.reader.hidden_size)
    +        h = self.out.weight.new_zeros(len(source), self.cells[0].hidden_size)
             for s in range(source.shape[1]):
    -            new = self.reader(self.E_source(source[:, s]), h)
    +            new = self.cells[0](self.E_source(source[:, s]), h)
    ...
    -        state = self.writer(self.E_target(tokens), state)
    +        state = self.cells[1](self.E_target(tokens), state)
    """,
)


exercise.near_miss(
    "CutsTheEncoderOff",
    "Your encoder is cut off from the loss, so it never learns. Look for a detach or a no_grad "
    "between the encoder and the scores.",
    """
    +    @torch.no_grad()
         def start(self, source, mask):
    """,
)
