"""LanguageModel: its visible checks and the mistakes people make.

The models have random weights and small networks: LSTMs, GRUs and Elman networks.
"""

from typing import Any

import torch
from torch import nn

from ...checks.compare import Raised
from ...checks.exercise import Exercise, Property
from ...checks.model_specs import Model, draw_model
from ...checks.properties import Cases, attempt, call, part, using
from ...checks.rng import ONES, Rng, Sizes
from ...reference import outputs
from ...reference.inputs import embed
from ._shared import LONG, V, network, run_model, without


def draw_language_model(rng: Rng, s: Sizes, name: str = "LSTM", tied: bool = False) -> Model:
    networks, sizes = {"rnn": network(name, s.D, s.H)}, {"V": V, "D": s.D, "H": s.H}
    if tied:
        return draw_model(rng, networks, sizes, {"E": (V, s.D)}, tied=True)
    return draw_model(rng, networks, sizes, {"E": (V, s.D), "W_soft": (s.H, V)})


def draw_text(rng: Rng, s: Sizes) -> tuple:
    name = "Elman" if s == ONES else "GRU" if s.B == 1 else "LSTM"
    return draw_language_model(rng, s, name), rng.integers(0, V, s.B, s.T)


language_cases = Cases("forward", ("model", "tokens"), draw_text, batched=(), run=run_model)


def observe_language_parameters(subject: Any, rng: Rng) -> dict[str, Any]:
    """Untied, tied, and tied where D is not H."""
    s = rng.sizes()
    seen = draw_language_model(rng, s).parameters(subject)
    seen |= draw_language_model(rng, s._replace(D=s.H), tied=True).parameters(subject)
    impossible = Model({"rnn": network("LSTM", s.D, s.H)}, {"V": V, "D": s.D, "H": s.H}, {})
    impossible.options["tied"] = True
    result = attempt(impossible.fresh, subject)
    refused = "refused with an exception" if isinstance(result, Raised) else "accepted"
    return seen | {str(impossible): refused}


def observe_the_future(subject: Any, rng: Rng) -> dict[str, Any]:
    """Which logits change with one word."""
    model, tokens = draw_text(rng, rng.sizes(T=LONG))
    built = model.build(subject)
    other = tokens.clone()
    other[:, 4] = (other[:, 4] + 1) % V
    before = part(built(tokens), 0)
    after = part(built(other), 0)
    same = (before - after).abs().flatten(2).amax(dim=2) < 1e-9  # (B, T)
    return {
        "word 4 is changed: the logits at positions 0 to 3": (
            "stay the same" if same[:, :4].all() else "change"
        ),
        "word 4 is changed: the logits at position 4": (
            "stay the same" if same[:, 4].any() else "change"
        ),
        "logits": before,
    }


def observe_going_on(subject: Any, rng: Rng) -> dict[str, Any]:
    """A text in two pieces: the second call gets the state that the first returned."""
    seen: dict[str, Any] = {}
    for name in ("LSTM", "GRU"):
        s = rng.sizes(T=LONG)
        model, tokens = draw_language_model(rng, s, name), rng.integers(0, V, s.B, s.T)
        built = attempt(model.build, subject)
        first = using(built, call, tokens[:, :4])
        second = using(built, call, tokens[:, 4:], state=part(first, 1))
        seen |= {
            f"{name}, the state after words 0 to 3": part(first, 1),
            f"{name}, logits for words 4 to 8, from that state": part(second, 0),
            f"{name}, the state after all words": part(second, 1),
        }
    return seen


def observe_following(subject: Any, rng: Rng) -> dict[str, str]:
    """Tied: when the vector of word 0, which is not in the text, changes, so must its scores."""
    s = rng.sizes(T=LONG)
    s = s._replace(D=s.H)
    model, tokens = draw_language_model(rng, s, tied=True), rng.integers(1, V, s.B, s.T)
    built = model.build(subject)
    before = part(built(tokens), 0)
    weights = {**model.weights, "E": model.weights["E"].clone()}
    weights["E"][0] += 1
    built.load_state_dict(weights, strict=False)
    moved = (part(built(tokens), 0) - before).abs().amax(dim=(0, 1)) > 1e-9  # (V,)
    return {
        "tied, the vector of word 0 is changed: its scores": "follow" if moved[0] else "stay",
        "tied, the vector of word 0 is changed: other scores": "change"
        if moved[1:].any()
        else "stay",
    }


exercise = Exercise(
    "LanguageModel",
    "ps3_outputs",
    outputs.LanguageModel,
    points=8,
    properties=(
        Property(
            "parameters",
            "the parameters are E, W_soft (unless tied) and rnn's",
            1,
            observe_language_parameters,
        ),
        language_cases.shape(0.25),
        language_cases.values(1.25, "logits and state are right"),
        Property(
            "causal", "no word sees those after it", 0.75, observe_the_future, without("logits")
        ),
        Property("goes_on", "a text can be read in pieces", 0.75, observe_going_on),
        Property("follows", "tied, a word is read and predicted alike", 0.5, observe_following),
    ),
)


@exercise.canonical
class LanguageModel(nn.Module):
    def __init__(self, rnn, V, D, H, tied=False):
        super().__init__()
        if tied and D != H:
            raise ValueError("tied weights need D = H")
        self.rnn, self.tied = rnn, tied
        self.E = nn.Parameter(torch.randn(V, D))
        if not tied:
            self.W_soft = nn.Parameter(torch.randn(H, V))

    def forward(self, tokens, lengths=None, state=None):
        hs, state = self.rnn(embed(tokens, self.E), lengths, state)
        return hs @ (self.E.T if self.tied else self.W_soft), state


exercise.near_miss(
    "TakesTheSlidesWSoft",
    "Your W_soft is (D, V), as the lecture prints it. It multiplies a state, "
    "and a state has H numbers: (H, V).",
    """
    -            self.W_soft = nn.Parameter(torch.randn(H, V))
    +            self.W_soft = nn.Parameter(torch.randn(D, V))
    """,
)


@exercise.misconception(
    "Tied, your model still has a W_soft of its own: a copy, which training drives away from E. "
    "Make no parameter, and use self.E.T in forward."
)
class TiesByACopy(nn.Module):
    def __init__(self, rnn, V, D, H, tied=False):
        super().__init__()
        if tied and D != H:
            raise ValueError("tied weights need D = H")
        self.rnn = rnn
        self.E = nn.Parameter(torch.randn(V, D))
        self.W_soft = nn.Parameter(self.E.detach().T.clone() if tied else torch.randn(H, V))

    def forward(self, tokens, lengths=None, state=None):
        hs, state = self.rnn(embed(tokens, self.E), lengths, state)
        return hs @ self.W_soft, state


exercise.near_miss(
    "TiesAtTheStartOnly",
    "You take E's transpose once, in __init__, and it stays behind when E moves or is trained. "
    "Write self.E.T in forward.",
    """
    -        self.rnn, self.tied = rnn, tied
    +        self.rnn = rnn
             self.E = nn.Parameter(torch.randn(V, D))
    -        if not tied:
    +        if tied:
    +            self.register_buffer("W_soft", self.E.detach().T.clone())
    +        else:
    ...
    -        return hs @ (self.E.T if self.tied else self.W_soft), state
    +        return hs @ self.W_soft, state
    """,
)


exercise.near_miss(
    "DetachesTheTiedWeights",
    "Tied, you detach E where it predicts. A tied vector learns from both of its uses: self.E.T.",
    """
    -        return hs @ (self.E.T if self.tied else self.W_soft), state
    +        return hs @ (self.E.detach().T if self.tied else self.W_soft), state
    """,
)


exercise.near_miss(
    "TiesWhateverComes",
    "You accept tied=True where D is not H, and fail only when the model runs. "
    "Raise a ValueError in __init__.",
    """
    -        if tied and D != H:
    -            raise ValueError("tied weights need D = H")
    """,
)


exercise.near_miss(
    "UsesTheStateBefore",
    "Your scores come one position too late: at t you use the state before word t. "
    "The state after word t predicts the next word: hs[:, t] @ W_soft.",
    """
             hs, state = self.rnn(embed(tokens, self.E), lengths, state)
    +        hs = torch.cat([torch.zeros_like(hs[:, :1]), hs[:, :-1]], dim=1)
    """,
)


exercise.near_miss(
    "DropsTheLastPlace",
    "You drop the last position, because its next word is not in tokens. "
    "Keep all T: the loss decides which of them have a target.",
    """
    -        return hs @ (self.E.T if self.tied else self.W_soft), state
    +        return hs[:, :-1] @ (self.E.T if self.tied else self.W_soft), state
    """,
)


exercise.near_miss(
    "ReadsAllButTheLastWord",
    "You do not read the last word, so its logits and the state after it are missing. Read all of "
    "tokens: the caller does the shifting.",
    """
    -        hs, state = self.rnn(embed(tokens, self.E), lengths, state)
    +        hs, state = self.rnn(embed(tokens[:, :-1], self.E), lengths, state)
    """,
)


exercise.near_miss(
    "PredictsOnlyAtTheEnd",
    "You predict after the last word only. A language model has a head on every state: hs @ "
    "W_soft.",
    """
    -        return hs @ (self.E.T if self.tied else self.W_soft), state
    +        return hs[:, -1] @ (self.E.T if self.tied else self.W_soft), state
    """,
)


exercise.near_miss(
    "NormalizesOverTime",
    "You apply a softmax over time, so a word changes the predictions before it. "
    "Return the scores as they are.",
    """
    -        return hs @ (self.E.T if self.tied else self.W_soft), state
    +        return torch.softmax(hs @ (self.E.T if self.tied else self.W_soft), dim=1), state
    """,
)


exercise.near_miss(
    "ReturnsLogProbabilities",
    "You return log-probabilities. Return the scores before the softmax: "
    "sentence_log_prob and the loss apply it.",
    """
    -        return hs @ (self.E.T if self.tied else self.W_soft), state
    +        logits = hs @ (self.E.T if self.tied else self.W_soft)
    +        return torch.log_softmax(logits, dim=2), state
    """,
)


exercise.near_miss(
    "SumsTheStates",
    "You sum the states, as a classifier does. Here each state predicts on its own: hs @ W_soft.",
    """
    -        return hs @ (self.E.T if self.tied else self.W_soft), state
    +        return hs.cumsum(dim=1) @ (self.E.T if self.tied else self.W_soft), state
    """,
)


exercise.near_miss(
    "ForgetsTheGivenState",
    "You always start from zeros. Pass the given state to the network: "
    "self.rnn(xs, lengths, state).",
    """
    -        hs, state = self.rnn(embed(tokens, self.E), lengths, state)
    +        hs, state = self.rnn(embed(tokens, self.E), lengths)
    """,
)


exercise.near_miss(
    "ReturnsTheGivenState",
    "You neither use the state that you are given nor return the new one. "
    "hs, state = self.rnn(xs, lengths, state), and return that state.",
    """
    -        hs, state = self.rnn(embed(tokens, self.E), lengths, state)
    +        hs, _ = self.rnn(embed(tokens, self.E), lengths)
    """,
)


exercise.near_miss(
    "ReturnsNoState",
    "You return only the logits. Return logits, state: "
    "without the state a text cannot be continued.",
    """
    -        hs, state = self.rnn(embed(tokens, self.E), lengths, state)
    -        return hs @ (self.E.T if self.tied else self.W_soft), state
    +        hs, _ = self.rnn(embed(tokens, self.E), lengths, state)
    +        return hs @ (self.E.T if self.tied else self.W_soft)
    """,
)


exercise.near_miss(
    "ForgetsTheLengths",
    "You do not pass lengths to the network, so the state you return has read the padding.",
    """
    -        hs, state = self.rnn(embed(tokens, self.E), lengths, state)
    +        hs, state = self.rnn(embed(tokens, self.E), None, state)
    """,
)


exercise.near_miss(
    "CutsTheGradientByItself",
    "You detach the state that you return. The training loop decides where a gradient is cut: "
    "return the state as it is.",
    """
             hs, state = self.rnn(embed(tokens, self.E), lengths, state)
    +        state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
    """,  # noqa: E501
)
