"""Problem set 4, attention, solved correctly in other ways.

The audit submits the source of each. It may use what the notebook imports and the student's own
other functions; anything else it imports inside.
"""

import torch
from torch import nn

from rnncourse.reference.attention import (
    attend,
    bahdanau_score,
    concat_score,
    dot_score,
    general_score,
)
from rnncourse.reference.inputs import embed, sequence_mask
from rnncourse.reference.outputs import Seq2Seq

from . import Alternatives

ALTERNATIVES = Alternatives()


# --- dot_score ----------------------------------------------------------------------------------


@ALTERNATIVES.of("dot_score")
def multiplies_batches(query, keys):
    if query.dim() == 2:
        return torch.bmm(keys, query.unsqueeze(2)).squeeze(2)
    return torch.bmm(query, keys.mT)


@ALTERNATIVES.of("dot_score")
def sums_products(query, keys):
    if query.dim() == 3:
        keys = keys[:, None]
    return (query[..., None, :] * keys).sum(-1)


@ALTERNATIVES.of("dot_score")
def scores_sentence_by_sentence(query, keys):
    return torch.stack([q @ k.T for q, k in zip(query, keys, strict=True)])


@ALTERNATIVES.of("dot_score")
def scores_key_by_key(query, keys):
    columns = []
    for e in keys.unbind(1):
        if query.dim() == 3:
            e = e.unsqueeze(1)
        columns.append((query * e).sum(dim=-1))
    return torch.stack(columns, dim=-1)


@ALTERNATIVES.of("dot_score")
def computes_the_dot_in_float32(query, keys):
    letters = "bth,bsh->bts" if query.ndim == 3 else "bh,bsh->bs"
    return torch.einsum(letters, query.float(), keys.float()).to(query.dtype)


# --- general_score ------------------------------------------------------------------------------


@ALTERNATIVES.of("general_score")
def prepares_the_keys(query, keys, W):
    return dot_score(query, keys @ W.T)  # f . (e @ W^T)


@ALTERNATIVES.of("general_score")
def sums_over_three_at_once(query, keys, W):
    letters = "bth,hk,bsk->bts" if query.dim() == 3 else "bh,hk,bsk->bs"
    return torch.einsum(letters, query, W, keys)


@ALTERNATIVES.of("general_score")
def calls_bilinear(query, keys, W):
    from torch.nn import functional as F

    B, S, K = keys.shape
    many = query if query.dim() == 3 else query.unsqueeze(1)
    T = many.shape[1]
    left = many.unsqueeze(2).expand(B, T, S, many.shape[2]).contiguous()
    right = keys.unsqueeze(1).expand(B, T, S, K).contiguous()
    alpha = F.bilinear(left, right, W.unsqueeze(0)).squeeze(3)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@ALTERNATIVES.of("general_score")
def scores_each_sentence(query, keys, W):
    return torch.stack([query[b] @ W @ keys[b].T for b in range(len(keys))])


# --- bahdanau_score -----------------------------------------------------------------------------


@ALTERNATIVES.of("bahdanau_score")
def loops_over_the_queries(query, keys, w_f, w_e, v):
    from_keys = keys @ w_e
    many = query.unsqueeze(1) if query.dim() == 2 else query
    rows = [(torch.tanh((f @ w_f).unsqueeze(1) + from_keys) @ v).squeeze(2) for f in many.unbind(1)]
    return rows[0] if query.dim() == 2 else torch.stack(rows, dim=1)


@ALTERNATIVES.of("bahdanau_score")
def loops_over_the_keys(query, keys, w_f, w_e, v):
    columns = []
    for s in range(keys.shape[1]):
        e = keys[:, s] if query.dim() == 2 else keys[:, s : s + 1]
        columns.append(torch.tanh(query @ w_f + e @ w_e) @ v)
    return torch.cat(columns, dim=-1)


@ALTERNATIVES.of("bahdanau_score")
def weighs_with_einsum(query, keys, w_f, w_e, v):
    many = query.reshape(len(query), -1, query.shape[-1])
    q = torch.einsum("bth,ha->bta", many, w_f)
    k = torch.einsum("bsk,ka->bsa", keys, w_e)
    alpha = torch.einsum("btsa,a->bts", torch.tanh(q[:, :, None] + k[:, None]), v[:, 0])
    return alpha.reshape(*query.shape[:-1], keys.shape[1])


@ALTERNATIVES.of("bahdanau_score")
def computes_the_score_in_float32(query, keys, w_f, w_e, v):
    f, e = (query.float() @ w_f.float()), (keys.float() @ w_e.float())
    both = f[:, None] + e if query.dim() == 2 else f[:, :, None] + e[:, None]
    return (both.tanh() * v.float().squeeze(1)).sum(dim=-1).to(query.dtype)


# --- concat_score -------------------------------------------------------------------------------


@ALTERNATIVES.of("concat_score")
def really_concatenates(query, keys, W, v):
    many = query if query.dim() == 3 else query.unsqueeze(1)
    T, S = many.shape[1], keys.shape[1]
    f = many.unsqueeze(2).expand(-1, -1, S, -1)
    e = keys.unsqueeze(1).expand(-1, T, -1, -1)
    alpha = (torch.tanh(torch.cat([f, e], dim=3) @ W) @ v).squeeze(3)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@ALTERNATIVES.of("concat_score")
def concatenates_key_by_key(query, keys, W, v):
    columns = []
    for e in keys.unbind(dim=1):
        if query.dim() == 3:
            e = e.unsqueeze(1).repeat(1, query.shape[1], 1)
        columns.append(torch.tanh(torch.cat([query, e], dim=-1) @ W) @ v)
    return torch.cat(columns, dim=-1)


@ALTERNATIVES.of("concat_score")
def splits_the_matrix(query, keys, W, v):
    H = query.size(-1)
    return bahdanau_score(query, keys, W[:H], W[H:], v)


@ALTERNATIVES.of("concat_score")
def concatenates_pair_by_pair(query, keys, W, v):
    many = query if query.dim() == 3 else query[:, None]
    alpha = torch.stack(
        [
            torch.stack([torch.tanh(torch.cat([f.expand(len(k), -1), k], 1) @ W) @ v for f in q])
            for q, k in zip(many, keys, strict=True)
        ]
    ).squeeze(-1)
    return alpha if query.dim() == 3 else alpha[:, 0]


# --- attend -------------------------------------------------------------------------------------


@ALTERNATIVES.of("attend")
def attends_sentence_by_sentence(query, keys, mask, score):
    """Only a sentence's own keys are ever looked at: nothing to mask."""
    contexts, weights = [], []
    for b in range(len(keys)):
        own, f = keys[b : b + 1, mask[b]], query[b : b + 1]
        a = query.new_zeros(*f.shape[:-1], keys.shape[1])
        context = f.new_zeros(*f.shape[:-1], keys.shape[2])
        if own.shape[1]:
            shown = torch.softmax(score(f, own), dim=-1)
            a[..., mask[b]] = shown
            context = shown @ own if f.dim() == 3 else (shown.unsqueeze(1) @ own).squeeze(1)
        contexts.append(context)
        weights.append(a)
    return torch.cat(contexts), torch.cat(weights)


@ALTERNATIVES.of("attend")
def fills_with_infinity_and_repairs(query, keys, mask, score):
    keys = torch.where(mask[:, :, None], keys, torch.zeros_like(keys))
    alpha = score(query, keys)
    shown = mask if alpha.dim() == 2 else mask[:, None].expand_as(alpha)
    alpha = torch.where(shown, alpha, torch.full_like(alpha, -torch.inf))
    a = torch.nan_to_num(torch.softmax(alpha, dim=-1), nan=0.0)
    letters = "bs,bsk->bk" if a.dim() == 2 else "bts,bsk->btk"
    return torch.einsum(letters, a, keys), a


@ALTERNATIVES.of("attend")
def takes_the_exponents_by_hand(query, keys, mask, score):
    keys = keys.clone()
    keys[~mask] = 0
    alpha = score(query, keys)
    m = mask.to(keys.dtype) if query.dim() == 2 else mask.to(keys.dtype).unsqueeze(1)
    alpha = alpha.masked_fill(m == 0, torch.finfo(alpha.dtype).min)
    e = torch.exp(alpha - alpha.max(dim=-1, keepdim=True).values.detach()) * m
    total = e.sum(dim=-1, keepdim=True)
    a = e / torch.where(total > 0, total, torch.ones_like(total))
    many = a if a.dim() == 3 else a.unsqueeze(1)
    context = torch.bmm(many, keys)
    return (context if a.dim() == 3 else context.squeeze(1)), a


@ALTERNATIVES.of("attend")
def always_has_steps(query, keys, mask, score):
    """One query is a sequence of one, until the end."""
    one = query.dim() == 2
    keys = keys.masked_fill(mask.logical_not().unsqueeze(-1), 0.0)
    alpha = score(query.unsqueeze(1) if one else query, keys)
    hidden = mask.logical_not().unsqueeze(1)
    log_a = torch.log_softmax(alpha.masked_fill(hidden, -1e9), dim=2)
    a = log_a.exp().masked_fill(hidden, 0.0)
    context = a @ keys
    return (context.squeeze(1), a.squeeze(1)) if one else (context, a)


@ALTERNATIVES.of("attend")
def attends_in_float32(query, keys, mask, score):
    dtype = query.dtype
    keys = keys.float().masked_fill(~mask.unsqueeze(2), 0)
    alpha = score(query.float(), keys)
    hidden = (~mask).view(mask.shape[0], *[1] * (alpha.dim() - 2), mask.shape[1])
    a = torch.softmax(alpha.masked_fill(hidden, -3e38), dim=-1) * ~hidden
    return [torch.einsum("b...s,bsk->b...k", a, keys).to(dtype), a.to(dtype)]


# --- attention_slide_bugs -----------------------------------------------------------------------


@ALTERNATIVES.of("attention_slide_bugs")
def spells_the_letters():
    return {"slide": set("EJ"), "code": set("NP")}


@ALTERNATIVES.of("attention_slide_bugs")
def takes_the_correct_lines_away():
    everything = {"slide": "ABCDEFGHIJ", "code": "KLMNOP"}
    correct = set("ABCDFGHIKLMO")
    return {key: set(lines) - correct for key, lines in everything.items()}


@ALTERNATIVES.of("attention_slide_bugs")
def gives_reasons():
    reasons = {
        "E": "the softmax cannot see the decoder's state",
        "J": "general and concat are Luong's too, and so is tanh(W_c[c; f])",
        "N": "the padding is not masked",
        "P": "fs does not get into the logits",
    }
    return dict(
        slide=frozenset(one for one in reasons if one <= "J"),
        code=frozenset(one for one in reasons if one > "J"),
    )


# --- AttentionSeq2Seq ---------------------------------------------------------------------------


@ALTERNATIVES.of("AttentionSeq2Seq")
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
            one, a, state = self.look(tokens, state)
            logits.append(one)
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


@ALTERNATIVES.of("AttentionSeq2Seq")
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


@ALTERNATIVES.of("AttentionSeq2Seq")
class PreparesTheSource(Seq2Seq):
    """What of a score depends on the source alone is computed once; attention by hand."""

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


@ALTERNATIVES.of("AttentionSeq2Seq")
class TranslatesSentenceBySentence(Seq2Seq):
    """Each sentence by itself where the whole target is known; batches only in `step`."""

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
            one, a = self.predict(fs, es, mask)
            logits.append(one)
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
