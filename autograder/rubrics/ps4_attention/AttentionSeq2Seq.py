"""AttentionSeq2Seq: hidden tests and alternative right answers."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.compare import Raised
from rnncourse.checks.exercise import Property
from rnncourse.checks.model_specs import Model, Network, Restless
from rnncourse.checks.properties import attempt, call, part, using
from rnncourse.checks.pytree import copied, tensors
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps4_attention._shared import other_sizes
from rnncourse.exercises.ps4_attention.attend import LONG
from rnncourse.exercises.ps4_attention.AttentionSeq2Seq import (
    FORMS,
    SCORES,
    draw_sentences,
    draw_translator,
    run_forward,
)
from rnncourse.reference.attention import (
    attend,
    bahdanau_score,
    concat_score,
    dot_score,
    general_score,
)
from rnncourse.reference.inputs import embed, sequence_mask
from rnncourse.reference.outputs import Seq2Seq
from rnncourse.reference.state_tree import map_state

from .. import Rubric
from ._shared import weighted_sum


def observe_model_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    """What `backward` brings to every parameter, the networks' included."""
    seen = {}
    for score, combine in FORMS:
        s = rng.sizes(T=LONG)
        model = draw_translator(rng, s.D, s.H, score, combine)
        sentences = draw_sentences(rng, s.B, s.T, other_sizes(s)[0])
        seen[f'score="{score}", combine="{combine}", gradient'] = attempt(
            model_gradients, model, subject, rng, sentences
        )
    return seen


def model_gradients(
    model: Model, subject: Any, rng: Rng, sentences: tuple[torch.Tensor, ...]
) -> dict[str, Any] | str:
    """The gradients of a random loss by the parameters' names; in words where there are none."""
    built = model.build(subject)
    loss = weighted_sum(rng, built(*sentences))
    if not loss.requires_grad:
        return "none, the result was detached"
    loss.backward()
    named = dict(built.named_parameters())
    return {
        name: "none arrives" if named[name].grad is None else named[name].grad
        for name in model.weights
    }


def observe_alone(subject: Any, rng: Rng) -> dict[str, Any]:
    """Every sentence of a batch again by itself, without padding; other words in the padding."""
    seen = {}
    for score, combine in FORMS[:2]:
        s = rng.sizes(T=LONG, B=3)
        model = draw_translator(rng, s.D, s.H, score, combine)
        source, lengths, target = draw_sentences(rng, s.B, s.T, other_sizes(s)[0])
        built = attempt(model.build, subject)
        text = f'score="{score}", combine="{combine}"'
        for b, length in enumerate(lengths.tolist()):
            alone = source[b : b + 1, :length], lengths[b : b + 1], target[b : b + 1]
            seen[f"{text}: sentence {b} alone"] = using(built, call, *alone)
        other = source.clone()
        for b, length in enumerate(lengths.tolist()):
            other[b, length:] = 1
        seen[f"{text}: all together"] = using(built, call, other, lengths, target)
    return seen


def observe_networks(subject: Any, rng: Rng) -> dict[str, Any]:
    """Other cells, an encoder of both directions, and one that leaves nan behind."""
    s = rng.sizes(T=LONG, H=4)
    halves = (Network("GRU", (s.D, 1)), Network("GRU", (s.D, s.H - 1)))
    restless = Network(Restless, (s.D, s.H))
    pairs = {
        "Elman's networks": (Network("Elman", (s.D, s.H)), Network("Elman", (s.D, s.H))),
        "an encoder of both directions": (
            Network("Bidirectional", halves),
            Network("GRU", (s.D, s.H)),
        ),
        "an encoder whose states in the padding are nan": (restless, Network("GRU", (s.D, s.H))),
    }
    seen = {}
    for text, (encoder, decoder) in pairs.items():
        model = draw_translator(rng, s.D, s.H, "bahdanau", "luong", encoder, decoder)
        sentences = draw_sentences(rng, s.B, s.T, other_sizes(s)[0])
        seen[text] = using(attempt(model.build, subject), call, *sentences)
    return seen


def observe_chosen_rows(subject: Any, rng: Rng) -> dict[str, Any]:
    """Rows of a state are chosen and repeated, as a beam search does between two steps."""
    s = rng.sizes(T=LONG, B=3)
    model = draw_translator(rng, s.D, s.H, "general")
    source, lengths, target = draw_sentences(rng, s.B, s.T, 2)
    rows = torch.tensor([2, 0, 0, 1])
    built = model.build(subject)
    _, state = built.step(target[:, 0], built.start(source, lengths))
    state = map_state(lambda tensor: tensor[rows], state)
    logits, _ = built.step(target[rows, 1], state)
    return {f"logits after rows {rows.tolist()} of the state were chosen": logits}


def observe_refusals(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    seen = {}
    for score, combine in (("luong", "luong"), ("dot", "both")):
        model = draw_translator(rng, s.D, s.H, score, combine)
        result = attempt(model.fresh, subject)
        refused = isinstance(result, Raised)
        text = f'score="{score}", combine="{combine}"'
        seen[text] = f"refused with {result.type}" if refused else "accepted"
    # A class that refuses every name gets no credit for it.
    model = draw_translator(rng, s.D, s.H, "dot")
    sentences = draw_sentences(rng, s.B, s.T, 1)
    built = attempt(model.build, subject)
    logits = using(built, call, *sentences)
    seen['score="dot", combine="luong"'] = using(logits, getattr, "shape")
    return seen


def cast(built: Any, dtype: torch.dtype) -> Any:
    return built.to(dtype)


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def observe_dtypes(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    sentences = draw_sentences(rng, s.B, s.T, other_sizes(s)[0])
    seen = {}
    for dtype in (torch.float32, torch.float64):
        for score in SCORES:
            model = draw_translator(rng, s.D, s.H, score)
            built = using(attempt(model.build, subject), cast, dtype)
            result = using(built, run_forward, *sentences)
            dtypes = [dtype_name(tensor.dtype) for tensor in tensors(result)]
            seen[f'{dtype_name(dtype)} weights, score="{score}"'] = dtypes or result
    return seen


def observe_purity(subject: Any, rng: Rng) -> dict[str, Any]:
    """Nothing is changed by a call: no sentence, no weight, no state that a step was given."""
    s = rng.sizes(T=LONG)
    model = draw_translator(rng, s.D, s.H, "bahdanau")
    sentences = draw_sentences(rng, s.B, s.T, other_sizes(s)[0])
    originals = copied(sentences)
    built = model.build(subject)
    first, second = (built(*sentences) for _ in range(2))
    state = built.start(*sentences[:2])
    steps = [part(built.step(sentences[2][:, 0], state), 0) for _ in range(2)]
    weights = built.state_dict()
    same = {
        "the sentences": all(map(torch.equal, sentences, originals)),
        "the weights": all(
            torch.equal(weights[name], weight) for name, weight in model.weights.items()
        ),
    }
    changed = [name for name, unchanged in same.items() if not unchanged]
    return {
        "the calls changed": ", ".join(changed) or "nothing",
        "logits, twice": (first, second),
        "one step, twice from the same state": steps,
    }


rubric = Rubric(
    (
        Property("gradient", "gradients reach every parameter", 1.5, observe_model_gradients),
        Property("alone", "a sentence gives the same alone as in a batch", 1, observe_alone),
        Property("networks", "any recurrent networks will do", 1, observe_networks),
        Property("rows", "rows of a state can be chosen", 0.5, observe_chosen_rows),
        Property("refuses", "unknown names are refused with a ValueError", 0.5, observe_refusals),
        Property("dtype", "float32 stays float32, float64 stays float64", 0.25, observe_dtypes),
        Property("pure", "a call changes nothing", 0.25, observe_purity),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
class WalksWordByWord(Seq2Seq):
    """Teacher forcing by `step`; the scores are functions that are chosen at the start."""

    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score == "dot":
            self.score = dot_score
        elif score == "general":
            self.W = nn.Parameter(torch.eye(H) + 0.1 * torch.randn(H, H))
            self.score = lambda f, e: general_score(f, e, self.W)
        elif score == "bahdanau":
            self.v = nn.Parameter(torch.randn(H, 1))
            self.w_e = nn.Parameter(torch.randn(H, H) / H**0.5)
            self.w_f = nn.Parameter(torch.randn(H, H) / H**0.5)
            self.score = lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v)
        else:
            raise ValueError(f"what is {score}?")
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H) / (2 * H) ** 0.5)
        elif combine != "context":
            raise ValueError(f"what is {combine}?")

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        state, logits, weights = self.start(source, lengths), [], []
        for tokens in target.unbind(1):
            logits_t, a, state = self.look(tokens, state)
            logits.append(logits_t)
            weights.append(a)
        return torch.stack(logits, dim=1), torch.stack(weights, dim=1)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return es, sequence_mask(lengths, source.shape[1]), e_last

    def step(self, tokens, state):
        logits, _, state = self.look(tokens, state)
        return logits, state

    def look(self, tokens, state):
        es, mask, f = state
        y = embed(tokens, self.E_target)[:, None]
        fs, f = self.decoder(y, None, f)
        seen, a = attend(fs[:, 0], es, mask, self.score)
        if hasattr(self, "W_c"):
            seen = torch.tanh(torch.hstack([seen, fs[:, 0]]) @ self.W_c)
        return seen @ self.W_soft, a, (es, mask, f)


@rubric.alternative
class StandsByItself(nn.Module):
    """No base class, lengths in the state in place of a mask, concat_score for Bahdanau's."""

    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__()
        shapes = {"E_source": (V_source, D), "E_target": (V_target, D), "W_soft": (H, V_target)}
        shapes |= {
            "dot": {},
            "general": {"W": (H, H)},
            "bahdanau": {"w_f": (H, H), "w_e": (H, H), "v": (H, 1)},
        }.get(score, {"": ()})
        shapes |= {"luong": {"W_c": (2 * H, H)}, "context": {}}.get(combine, {"": ()})
        if "" in shapes:
            raise ValueError(f"score={score}, combine={combine}")
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.randn(shape) * shape[0] ** -0.5))
        self.encoder, self.decoder = encoder, decoder
        self.kind = score, combine

    def forward(self, *sentences):
        logits, _ = self.forward_with_weights(*sentences)
        return logits

    def forward_with_weights(self, source, lengths, target):
        f, es, lengths = self.start(source, lengths)
        fs, _ = self.decoder(self.E_target[target], None, f)
        return self.say(fs, es, lengths)

    def start(self, source, lengths):
        es, f = self.encoder(self.E_source[source], lengths)
        return f, es, lengths

    def step(self, tokens, state):
        f, es, lengths = state
        fs, f = self.decoder(self.E_target[tokens.unsqueeze(1)], None, f)
        logits, _ = self.say(fs, es, lengths)
        return logits.squeeze(1), (f, es, lengths)

    def say(self, fs, es, lengths):
        score, combine = self.kind

        def g(f, e):
            if score == "bahdanau":
                return concat_score(f, e, torch.cat([self.w_f, self.w_e]), self.v)
            return dot_score(f, e) if score == "dot" else general_score(f, e, self.W)

        mask = torch.arange(es.shape[1]) < lengths[:, None]
        seen, a = attend(fs, es, mask, g)
        if combine == "luong":
            H = fs.shape[2]
            seen = torch.tanh(seen @ self.W_c[:H] + fs @ self.W_c[H:])  # both halves of [c, f]
        return seen @ self.W_soft, a


@rubric.alternative
class PreparesTheSource(Seq2Seq):
    """The part of a score that depends on the source alone is computed once; attention by hand."""

    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        if score not in {"dot", "general", "bahdanau"}:
            raise ValueError(score)
        if combine not in {"luong", "context"}:
            raise ValueError(combine)
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        self.form, self.with_state = score, combine == "luong"

        def new(*shape):
            return nn.Parameter(nn.init.xavier_uniform_(torch.empty(*shape)))

        if score == "general":
            self.W = new(H, H)
        elif score == "bahdanau":
            self.w_f, self.w_e, self.v = new(H, H), new(H, H), new(H, 1)
        if self.with_state:
            self.W_c = new(2 * H, H)

    def start(self, source, lengths):
        es, f_0 = self.encoder(self.E_source[source], lengths)
        mask = torch.arange(source.shape[1]).unsqueeze(0) < lengths.unsqueeze(1)
        es = es.masked_fill(~mask.unsqueeze(2), 0)
        if self.form == "general":
            return f_0, (es, es @ self.W.T, mask)
        return f_0, (es, es @ self.w_e if self.form == "bahdanau" else es, mask)

    def _read(self, words, f, prepared):
        es, keys, mask = prepared
        fs, f = self.decoder(self.E_target[words], None, f)
        if self.form == "bahdanau":
            alpha = torch.tanh((fs @ self.w_f).unsqueeze(2) + keys.unsqueeze(1)) @ self.v
            alpha = alpha.squeeze(3)
        else:
            alpha = torch.bmm(fs, keys.mT)
        a = torch.softmax(alpha.masked_fill(~mask.unsqueeze(1), -torch.inf), dim=2)
        out = torch.bmm(a, es)
        if self.with_state:
            out = torch.tanh(torch.cat((out, fs), dim=2) @ self.W_c)
        return out @ self.W_soft, a, f

    def forward_with_weights(self, source, lengths, target):
        logits, a, _ = self._read(target, *self.start(source, lengths))
        return logits, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def step(self, tokens, state):
        logits, _, f = self._read(tokens.unsqueeze(1), *state)
        return logits[:, 0], (f, state[1])


@rubric.alternative
class TranslatesSentenceBySentence(Seq2Seq):
    """Each sentence on its own where the whole target is known; batches only in `step`."""

    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        make = {
            "dot": lambda: dot_score,
            "general": self.make_general,
            "bahdanau": self.make_bahdanau,
        }
        if score not in make or combine not in ("luong", "context"):
            raise ValueError(f"score={score!r}, combine={combine!r}")
        self.g = make[score]()
        self.combine = combine
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H) / H)

    def make_general(self):
        H = self.W_soft.shape[0]
        self.W = nn.Parameter(torch.randn(H, H) / H)
        return lambda f, e: general_score(f, e, self.W)

    def make_bahdanau(self):
        H = self.W_soft.shape[0]
        self.w_f, self.w_e, self.v = (nn.Parameter(torch.randn(H, n)) for n in (H, H, 1))
        return lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v)

    def predict(self, f, es, mask):
        c, a = attend(f, es, mask, self.g)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward_with_weights(self, source, lengths, target):
        logits, weights = [], []
        S = source.shape[1]
        for b, length in enumerate(lengths.tolist()):
            f, es, mask = self.start(source[b : b + 1, :length], lengths[b : b + 1])
            fs, _ = self.decoder(embed(target[b : b + 1], self.E_target), None, f)
            sentence_logits, a = self.predict(fs, es, mask)
            logits.append(sentence_logits)
            weights.append(nn.functional.pad(a, (0, S - length)))
        return torch.cat(logits), torch.cat(weights)

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens.unsqueeze(1), self.E_target), None, f)
        return self.predict(fs.squeeze(1), es, mask)[0], (f, es, mask)
