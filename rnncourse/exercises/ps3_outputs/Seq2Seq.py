"""Seq2Seq: its visible checks and the mistakes people make.

The models have random weights and small networks; sources and targets have different vocabularies.
"""

from typing import Any

import torch
from torch import nn

from ...checks.exercise import Exercise, Property
from ...checks.model_specs import Model, draw_model
from ...checks.properties import Cases, attempt, call, using
from ...checks.rng import ONES, Rng, Sizes
from ...reference import outputs
from ...reference.inputs import embed
from ._shared import LONG, V_TARGET, V, draw_lengths, network, refilled, run_model, without


def draw_translator(rng: Rng, s: Sizes, name: str = "LSTM", encoder: str = "") -> Model:
    networks = {
        "encoder": network(encoder or name, s.D, s.H),
        "decoder": network(name, s.D, s.H),
    }
    sizes = {"V_source": V, "V_target": V_TARGET, "D": s.D, "H": s.H}
    shapes: dict[str, tuple[int, ...]] = {
        "E_source": (V, s.D),
        "E_target": (V_TARGET, s.D),
        "W_soft": (s.H, V_TARGET),
    }
    return draw_model(rng, networks, sizes, shapes)


def draw_pairs(rng: Rng, s: Sizes, name: str = "LSTM", encoder: str = "") -> tuple:
    """A model, source, lengths, target; the first source has LONG words, the second only 1."""
    lengths = draw_lengths(rng, s.B, LONG)
    lengths[1:2] = 1
    return (
        draw_translator(rng, s, name, encoder),
        rng.integers(0, V, s.B, LONG),
        lengths,
        rng.integers(0, V_TARGET, s.B, s.T),
    )


def draw_whole_pairs(rng: Rng, s: Sizes) -> tuple:
    """Sources without padding."""
    S = 1 if s == ONES else LONG
    name = "Elman" if s == ONES else "GRU" if s.B == 1 else "LSTM"
    return (
        draw_translator(rng, s, name),
        rng.integers(0, V, s.B, S),
        torch.full((s.B,), S),
        rng.integers(0, V_TARGET, s.B, s.T),
    )


translator_cases = Cases(
    "forward",
    ("model", "source", "lengths", "target"),
    draw_whole_pairs,
    batched=(),
    run=run_model,
)


def observe_translator_parameters(subject: Any, rng: Rng) -> dict[str, str]:
    return draw_translator(rng, rng.sizes()).parameters(subject)


def observe_source_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """Sources of different lengths, twice, with other words in the padding."""
    seen: dict[str, Any] = {}
    for name in ("LSTM", "GRU"):
        model, source, lengths, target = draw_pairs(rng, rng.sizes(), name)
        built = attempt(model.build, subject)
        for text in ("some words", "other words"):
            source = refilled(rng, source, lengths)
            seen[f"{name}, lengths={lengths.tolist()}, {text} in the padding"] = using(
                built, call, source, lengths, target
            )
    return seen


def observe_teacher_forcing(subject: Any, rng: Rng) -> dict[str, Any]:
    """Which logits change with one word of the target or of the source."""
    model, source, lengths, target = draw_pairs(rng, rng.sizes(T=LONG))
    built = model.build(subject)
    other_target, other_source = target.clone(), source.clone()
    other_target[:, 4] = (other_target[:, 4] + 1) % V_TARGET
    other_source[:, 0] = (other_source[:, 0] + 1) % V
    before = built(source, lengths, target)

    def same(*args: Any) -> torch.Tensor:
        return (before - built(*args)).abs().flatten(2).amax(dim=2) < 1e-9  # (B, T)

    target_same = same(source, lengths, other_target)
    source_same = same(other_source, lengths, target)
    return {
        "target word 4 is changed: the logits at positions 0 to 3": (
            "stay the same" if target_same[:, :4].all() else "change"
        ),
        "target word 4 is changed: the logits at position 4": (
            "stay the same" if target_same[:, 4].any() else "change"
        ),
        "the first source word is changed: the logits at positions 0 and 1": (
            "stay the same" if source_same[:, :2].any() else "change"
        ),
        "logits": before,
    }


def observe_steps(subject: Any, rng: Rng) -> dict[str, Any]:
    """Word by word: the logits of forward, one position at a time."""
    seen: dict[str, Any] = {}
    for name in ("LSTM", "GRU"):
        model, source, lengths, target = draw_pairs(rng, rng.sizes(T=4), name)
        built = model.build(subject)
        state = built.start(source, lengths)
        for t in range(4):
            logits, state = built.step(target[:, t], state)
            seen[f"{name}, step {t}: logits"] = logits
    return seen


exercise = Exercise(
    "Seq2Seq",
    "ps3_outputs",
    outputs.Seq2Seq,
    points=10,
    properties=(
        Property(
            "parameters",
            "the parameters are E_source, E_target, W_soft and the networks'",
            0.5,
            observe_translator_parameters,
        ),
        translator_cases.shape(0.5),
        translator_cases.values(2, "sources without padding are right"),
        Property(
            "padding", "the decoder starts from the last real word", 1, observe_source_padding
        ),
        Property(
            "forcing",
            "a prediction depends on the source and the true words before it",
            1,
            observe_teacher_forcing,
            without("logits"),
        ),
        # Visible: otherwise all visible checks would pass with start and step left unwritten.
        Property("steps", "start and step give word by word what forward gives", 1, observe_steps),
    ),
)


@exercise.canonical
class Seq2Seq(nn.Module):
    def __init__(self, encoder, decoder, V_source, V_target, D, H):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.E_source = nn.Parameter(torch.randn(V_source, D))
        self.E_target = nn.Parameter(torch.randn(V_target, D))
        self.W_soft = nn.Parameter(torch.randn(H, V_target))

    def forward(self, source, lengths, target):
        fs, _ = self.decoder(embed(target, self.E_target), None, self.start(source, lengths))
        return fs @ self.W_soft

    def start(self, source, lengths):
        return self.encoder(embed(source, self.E_source), lengths)[1]

    def step(self, tokens, state):
        fs, state = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, state)
        return fs.squeeze(1) @ self.W_soft, state


exercise.near_miss(
    "StartsFromZeros",
    "Your decoder starts from zeros, so its output does not depend on the source. "
    "Start it from the encoder's last state.",
    """
    -        return self.encoder(embed(source, self.E_source), lengths)[1]
    +        _, e_last = self.encoder(embed(source, self.E_source), lengths)
    +        if isinstance(e_last, tuple):
    +            return tuple(torch.zeros_like(tensor) for tensor in e_last)
    +        return torch.zeros_like(e_last)
    """,
)


exercise.near_miss(
    "ReadsTheSourcesPadding",
    "Your encoder reads on through the padding, so a translation depends on its neighbours. "
    "Pass lengths to the encoder.",
    """
    -        return self.encoder(embed(source, self.E_source), lengths)[1]
    +        return self.encoder(embed(source, self.E_source))[1]
    """,
)


exercise.near_miss(
    "TakesTheLastColumnOfStates",
    "You start from the last column of the encoder's outputs, which is padding for a short source. "
    "Use the state that it returns.",
    """
    -        return self.encoder(embed(source, self.E_source), lengths)[1]
    +        es, e_last = self.encoder(embed(source, self.E_source), lengths)
    +        return (es[:, -1], *e_last[1:]) if isinstance(e_last, tuple) else es[:, -1]
    """,
)


exercise.near_miss(
    "TakesTheLastOutputForTheState",
    "You start the decoder from hs[:, -1], which is padding for a short source, and not (h, c) "
    "for an LSTM. Use the state that the encoder returns with hs.",
    """
    -        return self.encoder(embed(source, self.E_source), lengths)[1]
    +        hs, _ = self.encoder(embed(source, self.E_source), lengths)
    +        return hs[:, -1]
    """,
)


exercise.near_miss(
    "GivesTheDecoderNoTimeAxis",
    "Your step gives the decoder (B, D), but a network reads (B, T, D). One word is a sequence of "
    "one: unsqueeze(1) before the decoder, squeeze(1) after it.",
    """
    -        fs, state = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, state)
    -        return fs.squeeze(1) @ self.W_soft, state
    +        fs, state = self.decoder(embed(tokens, self.E_target), None, state)
    +        return fs @ self.W_soft, state
    """,
)


exercise.near_miss(
    "LosesTheMemory",
    "You pass on the LSTM's output h, and zeros for its memory c. "
    "Pass on the state as the encoder returns it, whatever it contains.",
    """
    -        return self.encoder(embed(source, self.E_source), lengths)[1]
    +        _, e_last = self.encoder(embed(source, self.E_source), lengths)
    +        if isinstance(e_last, tuple):
    +            return e_last[0], torch.zeros_like(e_last[0])
    +        return e_last
    """,
)


exercise.near_miss(
    "CutsTheEncoderOff",
    "You detach the encoder's state, so the encoder never learns what the decoder needs. "
    "Pass it on as it is.",
    """
    -        return self.encoder(embed(source, self.E_source), lengths)[1]
    +        _, e_last = self.encoder(embed(source, self.E_source), lengths)
    +        if isinstance(e_last, tuple):
    +            return tuple(tensor.detach() for tensor in e_last)
    +        return e_last.detach()
    """,
)


exercise.near_miss(
    "PutsHeadsOnTheEncoder",
    "You have heads on the encoder's states as well. "
    "Use them only where a word is generated: on the decoder's states.",
    """
    -        fs, _ = self.decoder(embed(target, self.E_target), None, self.start(source, lengths))
    -        return fs @ self.W_soft
    +        es, e_last = self.encoder(embed(source, self.E_source), lengths)
    +        fs, _ = self.decoder(embed(target, self.E_target), None, e_last)
    +        return torch.cat([es, fs], dim=1) @ self.W_soft
    """,
)


exercise.near_miss(
    "UsesTheStateBeforeTheWord",
    "Your scores come one position too late. f_{t-1} of eq. 4 has read y_1 to y_{t-1}: "
    "the scores for the word after target[:, t] are fs[:, t] @ W_soft.",
    """
    -        fs, _ = self.decoder(embed(target, self.E_target), None, self.start(source, lengths))
    -        return fs @ self.W_soft
    +        f_0 = self.start(source, lengths)
    +        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
    +        first = f_0[0] if isinstance(f_0, tuple) else f_0
    +        return torch.cat([first.unsqueeze(1), fs[:, :-1]], dim=1) @ self.W_soft
    """,
)


exercise.near_miss(
    "DropsTheLastTarget",
    "You drop the last word of target. The caller has done that already: "
    "read all T words, and return logits (B, T, V_target).",
    """
    -        fs, _ = self.decoder(embed(target, self.E_target), None, self.start(source, lengths))
    +        f_0 = self.start(source, lengths)
    +        fs, _ = self.decoder(embed(target[:, :-1], self.E_target), None, f_0)
    """,
)


exercise.near_miss(
    "FeedsItsOwnPredictions",
    "Your forward reads its own predictions. In training the decoder gets the true words, "
    "whatever it predicts: teacher forcing.",
    """
    -        fs, _ = self.decoder(embed(target, self.E_target), None, self.start(source, lengths))
    -        return fs @ self.W_soft
    +        state, tokens, logits = self.start(source, lengths), target[:, 0], []
    +        for _ in range(target.shape[1]):
    +            scores, state = self.step(tokens, state)
    +            logits.append(scores)
    +            tokens = scores.argmax(dim=1)
    +        return torch.stack(logits, dim=1)
    """,
)


exercise.near_miss(
    "GivesTheSourcesLengthsToTheDecoder",
    "You pass the source's lengths to the decoder, so a translation ends where its source does. "
    "The decoder needs no lengths.",
    """
    -        fs, _ = self.decoder(embed(target, self.E_target), None, self.start(source, lengths))
    +        ys = embed(target, self.E_target)
    +        f_0 = self.start(source, lengths)
    +        fs, _ = self.decoder(ys, lengths.clamp(max=target.shape[1]), f_0)
    """,
)


exercise.near_miss(
    "LooksTheSourceUpInTheTargetsTable",
    "You look up the source's words in E_target. "
    "The two languages have two tables: the source's is E_source.",
    """
    -        return self.encoder(embed(source, self.E_source), lengths)[1]
    +        return self.encoder(embed(source, self.E_target), lengths)[1]
    """,
)


exercise.near_miss(
    "TakesTheSlidesWSoftForTranslation",
    "Your W_soft is (D, V_target), as the lecture prints it. "
    "It multiplies a state, and a state has H numbers: (H, V_target).",
    """
    -        self.W_soft = nn.Parameter(torch.randn(H, V_target))
    +        self.W_soft = nn.Parameter(torch.randn(D, V_target))
    """,
)


exercise.near_miss(
    "ReadsAndWritesWithOneNetwork",
    "You use one network to read and to write. These are two tasks with a network each: "
    "self.encoder = encoder, self.decoder = decoder.",
    """
    -        self.encoder, self.decoder = encoder, decoder
    +        self.encoder = self.decoder = encoder
    """,
)


exercise.near_miss(
    "ReturnsThePairOfLogitsAndState",
    "Your forward returns the decoder's state as well. Return only the logits; "
    "the state is for start and step.",
    """
    -        fs, _ = self.decoder(embed(target, self.E_target), None, self.start(source, lengths))
    -        return fs @ self.W_soft
    +        f_0 = self.start(source, lengths)
    +        fs, state = self.decoder(embed(target, self.E_target), None, f_0)
    +        return fs @ self.W_soft, state
    """,
)


exercise.near_miss(
    "NeverMovesOn",
    "Your step returns the state that it was given, so every word is read as the first one. "
    "Return the decoder's new state.",
    """
    -        fs, state = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, state)
    +        fs, _ = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, state)
    """,
)


exercise.near_miss(
    "KeepsTheTimeAxis",
    "Your step returns logits (B, 1, V_target). Return one word's, (B, V_target), with squeeze(1).",
    """
    -        return fs.squeeze(1) @ self.W_soft, state
    +        return fs @ self.W_soft, state
    """,
)
