"""AttentionSeq2Seq: its visible checks and the mistakes people make.

The models have random weights and small networks, LSTMs unless a check says otherwise; source
sentences differ in length.
"""

from typing import Any

import torch
from torch import nn

from ...checks.entries import judging
from ...checks.exercise import Exercise, Property
from ...checks.model_specs import Model, Network, draw_model
from ...checks.properties import Cases, attempt, part, using
from ...checks.rng import Rng, Sizes
from ...reference import attention
from ...reference.attention import attend, bahdanau_score, dot_score, general_score
from ...reference.inputs import embed, sequence_mask
from ...reference.outputs import Seq2Seq
from ._shared import FORBIDDEN, other_sizes
from .attend import LONG

SCORES = ("dot", "general", "bahdanau")
FORMS = (("bahdanau", "luong"), ("general", "context"), ("dot", "luong"))  # (score, combine)
VOCABULARIES = {"V_source": 10, "V_target": 9}


def draw_translator(
    rng: Rng,
    D: int,
    H: int,
    score: str,
    combine: str = "luong",
    encoder: Network | None = None,
    decoder: Network | None = None,
) -> Model:
    """A model of the given kind with random weights; its networks are LSTMs unless given."""
    networks = {
        "encoder": encoder or Network("LSTM", (D, H)),
        "decoder": decoder or Network("LSTM", (D, H)),
    }
    shapes: dict[str, tuple[int, ...]] = {
        "E_source": (VOCABULARIES["V_source"], D),
        "E_target": (VOCABULARIES["V_target"], D),
        "W_soft": (H, VOCABULARIES["V_target"]),
    }
    if score == "general":
        shapes |= {"W": (H, H)}
    if score == "bahdanau":
        shapes |= {"w_f": (H, H), "w_e": (H, H), "v": (H, 1)}
    if combine == "luong":
        shapes |= {"W_c": (2 * H, H)}
    sizes = {**VOCABULARIES, "D": D, "H": H}
    return draw_model(rng, networks, sizes, shapes, score=score, combine=combine)


def draw_sentences(rng: Rng, B: int, S: int, T: int) -> tuple[torch.Tensor, ...]:
    """source, lengths, target. One source has length S; where S > 1, another is shorter."""
    lengths = rng.integers(1, S + 1, B)
    lengths[0] = S
    lengths[-1] = max(1, S - 2)
    return (
        rng.integers(0, VOCABULARIES["V_source"], B, S),
        lengths,
        rng.integers(0, VOCABULARIES["V_target"], B, T),
    )


def run_forward(built: Any, *sentences: torch.Tensor) -> Any:
    return built.forward_with_weights(*sentences)


def draw_translation(rng: Rng, s: Sizes) -> tuple:
    T, _ = other_sizes(s)
    model = draw_translator(rng, s.D, s.H, "general")
    return model, *draw_sentences(rng, s.B, s.T, T)


translation_cases = Cases(
    "forward_with_weights",
    ("model", "source", "lengths", "target"),
    draw_translation,
    batched=(),
    run=lambda subject, model, *sentences: run_forward(model.build(subject), *sentences),
)


def observe_parameters(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    kinds = [*((score, "luong") for score in SCORES), ("dot", "context")]
    seen: dict[str, Any] = {}
    for score, combine in kinds:
        seen |= draw_translator(rng, s.D, s.H, score, combine).parameters(subject)
    return seen


def observe_translation(subject: Any, rng: Rng, combine: str) -> dict[str, Any]:
    """Logits and weights for every score, of sentences of different lengths."""
    seen: dict[str, Any] = {}
    for score in SCORES:
        s = rng.sizes(T=LONG)
        T, _ = other_sizes(s)
        model = draw_translator(rng, s.D, s.H, score, combine)
        sentences = draw_sentences(rng, s.B, s.T, T)
        built = attempt(model.build, subject)
        result = using(built, run_forward, *sentences)
        text = f'score="{score}", combine="{combine}", lengths={sentences[1].tolist()}'
        seen[f"{text}: logits"] = part(result, 0)
        seen[f"{text}: weights"] = part(result, 1)
    return seen


def observe_luong(subject: Any, rng: Rng) -> dict[str, Any]:
    return observe_translation(subject, rng, "luong")


def observe_printed(subject: Any, rng: Rng) -> dict[str, Any]:
    return observe_translation(subject, rng, "context")


def observe_steps(subject: Any, rng: Rng) -> dict[str, Any]:
    """Word by word, from `start` on: the logits of teacher forcing."""
    seen: dict[str, Any] = {}
    for score, combine in FORMS:
        s = rng.sizes(T=LONG)
        T, _ = other_sizes(s)
        model = draw_translator(rng, s.D, s.H, score, combine)
        sentences = draw_sentences(rng, s.B, s.T, T)
        seen[f'score="{score}", combine="{combine}"'] = attempt(walk, model, subject, *sentences)
    return seen


def walk(
    model: Model, subject: Any, source: torch.Tensor, lengths: torch.Tensor, target: torch.Tensor
) -> dict[str, Any]:
    """The logits of each step, with a model of the subject that is given the target's words."""
    built = model.build(subject)
    state, logits = built.start(source, lengths), {}
    for t in range(target.shape[1]):
        result = built.step(target[:, t], state)
        logits[f"logits of step {t + 1}"] = part(result, 0)
        state = result[1]
    return logits


exercise = Exercise(
    "AttentionSeq2Seq",
    "ps4_attention",
    attention.AttentionSeq2Seq,
    points=12,
    properties=(
        Property("parameters", "the parameters are those asked for", 1, observe_parameters),
        translation_cases.shape(0.5),
        Property("weights", "it looks where its score says", 1, observe_luong, judging("*weights")),
        Property(
            "values", "the logits of Luong's form are right", 2, observe_luong, judging("*logits")
        ),
        Property("printed", "the logits of equation 8 as printed are right", 1, observe_printed),
        # Visible: otherwise all visible checks would pass with start and step left unwritten.
        Property("steps", "word by word gives the same as teacher forcing", 1.5, observe_steps),
    ),
    forbids=FORBIDDEN,
)


@exercise.canonical
class AttentionSeq2Seq(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f = nn.Parameter(torch.randn(H, H))
            self.w_e = nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


exercise.near_miss(
    "LosesTheState",
    "Your softmax sees only the context, as equation 8 is printed, whatever combine is. "
    'For "luong" put the state back: tanh([c, f] @ W_c) @ W_soft.',
    """
    -        if self.combine == "luong":
    -            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
    """,
)


exercise.near_miss(
    "PutsTheStateFirst",
    "You put the state before the context. W_c's upper H rows belong to the context: [c, f].",
    """
    -            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
    +            c = torch.tanh(torch.cat([f, c], dim=-1) @ self.W_c)
    """,
)


exercise.near_miss(
    "LeavesOutTheTanh",
    "You leave out the tanh between W_c and W_soft. Two matrices in a row are only one matrix: "
    "tanh([c, f] @ W_c) @ W_soft.",
    """
    -            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
    +            c = torch.cat([c, f], dim=-1) @ self.W_c
    """,
)


exercise.near_miss(
    "AddsContextAndState",
    "You add context and state, so W_c is (H, H). Put them side by side, [c, f]: W_c is (2H, H).",
    """
    -            self.W_c = nn.Parameter(torch.randn(2 * H, H))
    +            self.W_c = nn.Parameter(torch.randn(H, H))
    ...
    -            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
    +            c = torch.tanh((c + f) @ self.W_c)
    """,
)


exercise.near_miss(
    "IgnoresCombine",
    'You use Luong\'s form whatever combine is. With combine="context" there is no W_c, '
    "and the logits are c @ W_soft.",
    """
    -        if combine == "luong":
    -            self.W_c = nn.Parameter(torch.randn(2 * H, H))
    +        self.W_c = nn.Parameter(torch.randn(2 * H, H))
    ...
    -        if self.combine == "luong":
    -            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
    +        c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
    """,
)


exercise.near_miss(
    "KeepsPlainTensors",
    "Your weights are plain tensors, so no optimizer would find them. "
    "Wrap them: nn.Parameter(...).",
    """
    -            self.W = nn.Parameter(torch.randn(H, H))
    +            self.W = torch.randn(H, H)
             if score == "bahdanau":
    -            self.w_f = nn.Parameter(torch.randn(H, H))
    -            self.w_e = nn.Parameter(torch.randn(H, H))
    -            self.v = nn.Parameter(torch.randn(H, 1))
    +            self.w_f = torch.randn(H, H)
    +            self.w_e = torch.randn(H, H)
    +            self.v = torch.randn(H, 1)
             if combine == "luong":
    -            self.W_c = nn.Parameter(torch.randn(2 * H, H))
    +            self.W_c = torch.randn(2 * H, H)
    """,
)


exercise.near_miss(
    "LooksWithTheStateBefore",
    "You look with the decoder's state before y_t is read. "
    "Here f_t, which has read y_t, is the query: it predicts y_{t+1}.",
    """
    -    def predict(self, f, es, mask):
    +    def predict(self, before, f, es, mask):
    ...
    -        c, a = attend(f, es, mask, score)
    +        c, a = attend(before, es, mask, score)
    ...
    -        return self.predict(fs, es, mask)
    +        f_0 = f_0[0] if isinstance(f_0, tuple) else f_0
    +        before = torch.cat([f_0.unsqueeze(1), fs[:, :-1]], dim=1)
    +        return self.predict(before, fs, es, mask)
    ...
    +        before = f[0] if isinstance(f, tuple) else f
             fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
    -        logits, _ = self.predict(fs.squeeze(1), es, mask)
    +        logits, _ = self.predict(before, fs.squeeze(1), es, mask)
    """,
)


@exercise.misconception(
    "You look once, with f_0, and use that context for every word. "
    "Each f_t looks anew: that is what attention adds."
)
class LooksOnce(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f = nn.Parameter(torch.randn(H, H))
            self.w_e = nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f_0, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        f_0 = f_0[0] if isinstance(f_0, tuple) else f_0
        if f.dim() == 3:
            f_0 = f_0.unsqueeze(1).expand_as(f)
        c, a = attend(f_0, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask, _ = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(f_0, fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1]), e_last

    def step(self, tokens, state):
        f, es, mask, f_0 = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(f_0, fs.squeeze(1), es, mask)
        return logits, (f, es, mask, f_0)


exercise.near_miss(
    "LooksAtThePadding",
    "Your mask lets the padding through. Make it from the lengths of the source: "
    "sequence_mask(lengths, S).",
    """
    -        return e_last, es, sequence_mask(lengths, source.shape[1])
    +        return e_last, es, torch.ones_like(source, dtype=torch.bool)
    """,
)


exercise.near_miss(
    "ReadsThePadding",
    "Your encoder reads on through the padding, because it never gets the lengths: "
    "encoder(embed(source, E_source), lengths).",
    """
    -        es, e_last = self.encoder(embed(source, self.E_source), lengths)
    +        es, e_last = self.encoder(embed(source, self.E_source))
    """,
)


exercise.near_miss(
    "StartsFromZeros",
    "Your decoder starts from zeros. It starts where the encoder stopped: "
    "f_0 is the encoder's last state.",
    """
    -        f_0, es, mask = self.start(source, lengths)
    -        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
    +        _, es, mask = self.start(source, lengths)
    +        fs, _ = self.decoder(embed(target, self.E_target))
    ...
    -        es, e_last = self.encoder(embed(source, self.E_source), lengths)
    -        return e_last, es, sequence_mask(lengths, source.shape[1])
    +        es, _ = self.encoder(embed(source, self.E_source), lengths)
    +        return None, es, sequence_mask(lengths, source.shape[1])
    """,
)


exercise.near_miss(
    "SwapsTheMatrices",
    "You give w_e to the query and w_f to the keys. Both are (H, H), so nothing complains: "
    "w_f goes with the decoder's f, w_e with the encoder's e.",
    """
    -            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
    +            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_e, self.w_f, self.v),
    """,
)


exercise.near_miss(
    "TransposesTheSquare",
    "You transpose W in the general score. It is square here, so nothing complains: "
    "general_score(f, e, W) is f @ W with e, not f @ W.T.",
    """
    -            "general": lambda f, e: general_score(f, e, self.W),
    +            "general": lambda f, e: general_score(f, e, self.W.T),
    """,
)


exercise.near_miss(
    "ReturnsProbabilities",
    "You return probabilities. Logits are asked for, the scores before the softmax: "
    "the loss takes the softmax itself.",
    """
    -        return c @ self.W_soft, a
    +        return torch.softmax(c @ self.W_soft, dim=-1), a
    """,
)


exercise.near_miss(
    "DetachesTheEncoder",
    "You detach the encoder's states, so it never learns from what the attention asks of it. "
    "Leave the graph whole.",
    """
    -        return e_last, es, sequence_mask(lengths, source.shape[1])
    +        return e_last, es.detach(), sequence_mask(lengths, source.shape[1])
    """,
)


exercise.near_miss(
    "ForgetsBetweenSteps",
    "Your step hands back the decoder state that it was given, so every word is the first one. "
    "Return the state that the decoder returned.",
    """
    -        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
    +        fs, _ = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
    """,
)


exercise.near_miss(
    "KeepsTheTimeAxis",
    "Your step returns logits (B, 1, V). It is one word further, without a time axis: (B, V).",
    """
    -        logits, _ = self.predict(fs.squeeze(1), es, mask)
    +        logits, _ = self.predict(fs, es, mask)
    """,
)


exercise.near_miss(
    "AcceptsAnyName",
    "An unknown score or combine slips through. Raise a ValueError, "
    "or a misspelt name trains another model than the one asked for.",
    """
    -        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
    -            raise ValueError("an unknown score or combine")
    ...
    -            "dot": dot_score,
                 "general": lambda f, e: general_score(f, e, self.W),
                 "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
    -        }[self.score]
    +        }.get(self.score, dot_score)
    """,
)
