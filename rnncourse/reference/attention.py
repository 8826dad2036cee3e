"""Lecture sections 4 and 5: attention lets the decoder look back at every state of the encoder.

    alpha_i = g(f, e_i)                      a score for each source word
    a       = softmax(alpha)                 weights with sum 1
    c       = sum_i a_i e_i                  the context: what was looked at

The query f is a decoder state (B, H), the keys are the encoder's states e (B, S, H). Every function
also takes the queries of a whole target sentence at once: with (B, T, H) in place of (B, H),
scores and weights are (B, T, S) and contexts (B, T, H).
"""

import torch

from .inputs import embed, sequence_mask
from .layers import uniform
from .outputs import Seq2Seq

__all__ = [
    "AttentionSeq2Seq",
    "attend",
    "attention_slide_bugs",
    "bahdanau_score",
    "concat_score",
    "dot_score",
    "general_score",
]


# --- scores g(f, e_i) ---------------------------------------------------------------------------


def dot_score(query, keys):
    """alpha_i = f . e_i

    Shapes: query (B, H) or (B, T, H), keys (B, S, H) -> (B, S) or (B, T, S).
    Source: lecture section 5, "Luong attention"; Luong et al. 2015, eq. 8, "dot".
    """
    return torch.einsum("b...h,bsh->b...s", query, keys)


def general_score(query, keys, W):
    """alpha_i = (f @ W) . e_i

    Shapes: query (B, H) or (B, T, H), keys (B, S, K), W (H, K) -> (B, S) or (B, T, S).
    Source: Luong et al. 2015, eq. 8, "general".
    """
    return dot_score(query @ W, keys)


def bahdanau_score(query, keys, w_f, w_e, v):
    """alpha_i = tanh(f @ w_f + e_i @ w_e) @ v

    Shapes: query (B, H) or (B, T, H), keys (B, S, K), w_f (H, A), w_e (K, A), v (A, 1)
    -> (B, S) or (B, T, S). In the lecture, H = K = A.
    Source: lecture section 5, eq. 11, "Bahdanau attention"; Bahdanau et al. 2015.
    """
    return _score_of_sum(query @ w_f, keys @ w_e, v)


def _score_of_sum(query, keys, v):
    """tanh(query + key_i) @ v: every query (B, A) or (B, T, A) with every key (B, S, A)."""
    if query.dim() == 3:
        keys = keys.unsqueeze(1)  # (B, 1, S, A)
    hidden = torch.tanh(query.unsqueeze(-2) + keys)  # (B, S, A) or (B, T, S, A)
    return (hidden @ v).squeeze(-1)  # (B, S) or (B, T, S)


def concat_score(query, keys, W, v):
    """alpha_i = tanh([f, e_i] @ W) @ v

    This is Bahdanau's score: the upper rows of W are w_f, the lower ones w_e.

    Shapes: query (B, H) or (B, T, H), keys (B, S, K), W (H+K, A), v (A, 1)
    -> (B, S) or (B, T, S).
    Source: Luong et al. 2015, eq. 8, "concat".
    """
    w_f, w_e = W.split([query.shape[-1], keys.shape[-1]])
    return bahdanau_score(query, keys, w_f, w_e, v)


# --- weights and context ------------------------------------------------------------------------


def attend(query, keys, mask, score):
    """Look at all keys, at each with a weight that depends on its score.

        a = softmax(score(query, keys)) where mask is True, 0 elsewhere
        context = sum_i a_i * keys_i

    Each row of weights sums to 1. Where mask is False for a whole row there is nothing to look at:
    weights and context are 0. Keys where mask is False have no influence, whatever they contain.

    Shapes: query (B, H) or (B, T, H), keys (B, S, K), mask (B, S) bool, True where there is a
    token, score(query, keys) -> (B, S) or (B, T, S)
    -> (context (B, K) or (B, T, K), weights (B, S) or (B, T, S)).
    Source: lecture section 4, eq. 3; section 5, eq. 10.
    """
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)  # (B, S, K); 0 * NaN would be NaN
    alpha = score(query, keys)  # (B, S) or (B, T, S)
    padding = ~mask if alpha.dim() == 2 else ~mask.unsqueeze(1)  # (B, S) or (B, 1, S)
    # The lowest number, not -inf: a row that is all padding would become NaN.
    alpha = alpha.masked_fill(padding, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(padding, 0)  # (B, S) or (B, T, S)
    context = torch.einsum("b...s,bsk->b...k", a, keys)  # (B, K) or (B, T, K)
    return context, a


# --- what the slides say ------------------------------------------------------------------------


def attention_slide_bugs():
    """The letters of the wrong lines, on the slides about attention and in code based on them.

    The slides, eq. 7 to 11, and the inputs of the same example:
        A  e_0 = 0, e_t = f(x_t, e_{t-1})
        B  f_0 = e_4 for a source of four words, f_t = f(y_t, f_{t-1})
        C  six vectors y_1 ... y_6 for seven target words
        D  without attention: p(y_t | y_<t, x) = Softmax(f_{t-1} · W_soft), t = 2, ..., |y|
        E  with attention:    p(y_t | y_<t, x) = Softmax(a(f_{t-1}, e_1...|x|) · W_soft)
        F  alpha_i = g(f, e_i)
        G  a = Softmax(alpha_1...|x|)
        H  a(f, e_1...|x|) = sum_i a_i e_i
        I  Bahdanau attention: g(f, e_i) = tanh(f · w_f + e_i · w_e) · v
        J  Luong attention: g(f, e_i) = f · e_i^T, and nothing else
    The code, for a batch of padded sentences:
        K  es, e_last = encoder(embed(source, E_source), lengths)
        L  fs, _ = decoder(embed(target, E_target), None, e_last)
        M  alpha = dot_score(fs, es)
        N  a = torch.softmax(alpha, dim=-1)
        O  context = torch.bmm(a, es)
        P  logits = context @ W_soft

    C is not a slip: the seventh word is predicted from f_6, and nothing is predicted from it.

    Returns {"slide": set of letters, "code": set of letters}.
    Source: lecture section 5, eq. 7 to 11; `attend` and `AttentionSeq2Seq` are the corrected forms.
    """
    return {
        # E: the decoder's state is lost.   J: one of three, and Luong puts the state back.
        "slide": {"E", "J"},
        # N: the padding gets weight too.   P: as E.
        "code": {"N", "P"},
    }


# --- translation with attention -----------------------------------------------------------------


class AttentionSeq2Seq(Seq2Seq):
    """`Seq2Seq` whose predictions look at the source: y_{t+1} is predicted from f_t and

        c_t = a(f_t, e_1 ... e_|x|)

    in one of two ways:

        combine="luong"      softmax(tanh([c_t, f_t] @ W_c) @ W_soft)
        combine="context"    softmax(c_t @ W_soft)

    "context" is eq. 8 as printed: the softmax sees only the context. The decoder's position in its
    own sentence is lost, unless the weights reveal it. Luong's form puts it back.

    AttentionSeq2Seq(encoder, decoder, V_source, V_target, D, H, score, combine) with score one of
    "dot", "general", "bahdanau" (concat is bahdanau with its two matrices stacked).
    Parameters, in addition to those of Seq2Seq: W (H, H) for general; w_f, w_e (H, H), v (H, 1) for
    bahdanau; W_c (2H, H) for luong.
    Source: lecture section 5, eq. 7 to 11; Luong et al. 2015, eq. 5.
    """

    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau"):
            raise ValueError(f"score is {score!r}, not 'dot', 'general' or 'bahdanau'")
        if combine not in ("luong", "context"):
            raise ValueError(f"combine is {combine!r}, not 'luong' or 'context'")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = uniform(H, H, size=H)
        if score == "bahdanau":
            self.w_f, self.w_e = uniform(H, H, size=H), uniform(H, H, size=H)
            self.v = uniform(H, 1, size=H)
        if combine == "luong":
            self.W_c = uniform(2 * H, H, size=2 * H)

    def forward(self, source, lengths, target):
        """Teacher forcing, as in `Seq2Seq.forward`.

        Shapes: source (B, S), lengths (B,) of the source, target (B, T) -> logits (B, T, V_target).
        """
        logits, _ = self.forward_with_weights(source, lengths, target)
        return logits

    def forward_with_weights(self, source, lengths, target):
        """As `forward`, with the weights for a heat map: row t shows where the model looked when it
        predicted the word after target[:, t].

        Shapes: as `forward` -> (logits (B, T, V_target), weights (B, T, S)).
        """
        f_0, *source_side = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)  # (B, T, H)
        return self._predict(fs, *source_side)

    def start(self, source, lengths):
        """As `Seq2Seq.start`, with everything that later steps need from the source.

        Shapes: source (B, S), lengths (B,) -> state: (f_0, e (B, S, H), prepared (B, S, H),
        mask (B, S)); prepared is the part of the score that depends only on e.
        """
        es, e_last = self.encoder(embed(source, self.E_source), lengths)  # es (B, S, H)
        mask = sequence_mask(lengths, source.shape[1]).to(es.device)
        return e_last, es, self._prepare(es), mask

    def step(self, tokens, state):
        """Read one word, predict the next. The first word is BOS, the others are those chosen.

        Shapes: tokens (B,), state -> (logits (B, V_target) for the next word, state).
        """
        f, *source_side = state
        ys = embed(tokens, self.E_target).unsqueeze(1)  # (B, 1, D): a sequence of one word
        fs, f = self.decoder(ys, None, f)  # fs (B, 1, H)
        logits, _ = self._predict(fs.squeeze(1), *source_side)
        return logits, (f, *source_side)

    def _prepare(self, es):
        """The part of the score that depends only on the keys, computed once per sentence."""
        if self.score == "general":
            return es @ self.W.T  # (f @ W) . e = f . (e @ W.T)
        if self.score == "bahdanau":
            return es @ self.w_e
        return es

    def _predict(self, f, es, prepared, mask):
        def score(f, _):
            if self.score == "bahdanau":
                return _score_of_sum(f @ self.w_f, prepared, self.v)
            return dot_score(f, prepared)

        context, a = attend(f, es, mask, score)
        if self.combine == "luong":
            context = torch.tanh(torch.cat([context, f], dim=-1) @ self.W_c)
        return context @ self.W_soft, a
