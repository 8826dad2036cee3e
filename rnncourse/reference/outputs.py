"""Lecture section 4: what to do with the states h_1 ... h_T of a recurrent network.

    sum them and classify        SentimentClassifier
    predict the next word        LanguageModel
    start a second network       Seq2Seq

The models work with any recurrent network that is called as `hs, state = rnn(xs, lengths, state)`,
with xs (B, T, D), hs (B, T, H): those of `layers`, and `cells.LSTM`. All models return logits, the
scores before the softmax: f @ W_soft, without a bias, as in the lecture.
"""

import torch
from torch import nn

from .inputs import embed, sequence_mask
from .layers import uniform

__all__ = [
    "LanguageModel",
    "SentimentClassifier",
    "Seq2Seq",
    "perplexity",
    "sentence_log_prob",
    "sum_states",
    "translation_bugs",
]


def embeddings(V, D):
    """E (V, D), drawn from N(0, 1) as torch.nn.Embedding does."""
    return nn.Parameter(torch.randn(V, D))


# --- one answer for a sequence ------------------------------------------------------------------


def sum_states(hs, mask):
    """The sum of a sequence's states, without the padding.

        s_b = sum of hs[b, t] over the t with mask[b, t]

    Shapes: hs (B, T, H), mask (B, T) bool, True where there is a token -> (B, H).
    Source: lecture section 4, "sum over the h_t".
    """
    # Not hs * mask: 0 * NaN is NaN, and so is 0 * inf.
    return hs.masked_fill(~mask.unsqueeze(2), 0).sum(dim=1)


class SentimentClassifier(nn.Module):
    """Sum over the h_t and hook up a softmax head.

        xs = E[tokens];  hs = rnn(xs);  logits = (sum_t hs_t) @ W_soft

    SentimentClassifier(rnn, V, D, H, C): V words, D numbers for each, H the size of rnn's outputs,
    C classes. Parameters: E (V, D), W_soft (H, C), and rnn's.
    Source: lecture section 4, sentiment analysis.
    """

    def __init__(self, rnn, V, D, H, C):
        super().__init__()
        self.rnn = rnn
        self.E = embeddings(V, D)
        self.W_soft = uniform(H, C, size=H)

    def forward(self, tokens, lengths):
        """Shapes: tokens (B, T), lengths (B,) -> logits (B, C)."""
        hs, _ = self.rnn(embed(tokens, self.E), lengths)  # (B, T, H)
        mask = sequence_mask(lengths, tokens.shape[1]).to(hs.device)  # (B, T)
        return sum_states(hs, mask) @ self.W_soft


# --- a word after every word --------------------------------------------------------------------


class LanguageModel(nn.Module):
    """Predict each word from those before it: p(w_{t+1} | w_1 ... w_t) = softmax(h_t @ W_soft).

    LanguageModel(rnn, V, D, H, tied=False): V words, D numbers for each, H the size of rnn's
    outputs. Parameters: E (V, D), W_soft (H, V), and rnn's. Tied (needs D = H), a word has the same
    vector where it is read and where it is predicted: W_soft is E's transpose, not a parameter.
    Source: lecture section 4, language model (W_soft is H x vocabulary; the slide prints D x
    vocabulary). Tying: Press & Wolf 2017; Inan et al. 2017.
    """

    def __init__(self, rnn, V, D, H, tied=False):
        super().__init__()
        if tied and D != H:
            raise ValueError(f"tied weights need D = H, not D = {D} and H = {H}")
        self.rnn = rnn
        self.tied = tied
        if tied:
            # Drawn as W_soft is: with E's larger numbers, the first predictions would be very
            # confident, and wrong.
            self.E = uniform(V, D, size=H)
        else:
            self.E = embeddings(V, D)
            self.W_soft = uniform(H, V, size=H)

    def forward(self, tokens, lengths=None, state=None):
        """logits[:, t] has the scores for the word after tokens[:, t].

        Pass the returned state to the next call to go on where this one stopped.

        Shapes: tokens (B, T), lengths (B,) or None, state as rnn's or None (zeros)
        -> (logits (B, T, V), state).
        """
        hs, state = self.rnn(embed(tokens, self.E), lengths, state)  # (B, T, H)
        return hs @ (self.E.T if self.tied else self.W_soft), state


def sentence_log_prob(logits, targets, mask):
    """The natural logarithm of the probability of each sentence.

        log p(w) = sum_t log p(w_t | w_1 ... w_{t-1})     over the t with mask[b, t]

    Shapes: logits (B, T, V), targets (B, T), the words that logits[:, t] should have predicted,
    mask (B, T) bool -> (B,). Logits and targets in the padding have no influence.
    Errors: RuntimeError when a target outside the padding is not from 0 to V-1.
    Source: lecture section 4, p(w_t | w_<t); eq. 5.
    """
    scores = logits[mask]  # (N, V): the N words of the batch, without the padding
    score = scores.gather(1, targets[mask].unsqueeze(1)).squeeze(1)  # (N,)
    log_p = score - scores.logsumexp(dim=1)
    return log_p.new_zeros(mask.shape).masked_scatter(mask, log_p).sum(dim=1)


def perplexity(logits, targets, mask):
    """How many words the model hesitates between, on average over all words of the batch.

        exp(-(1/N) sum log p(w_t | w_1 ... w_{t-1}))       over the N words with mask[b, t]

    Every word counts the same, so a long sentence counts more than a short one. For a corpus of
    several batches, add up the sums and the N first: a mean of perplexities is something else.

    Shapes: as `sentence_log_prob` -> a number from 1 (always sure and right) up.
    Errors: ValueError when mask is False everywhere.
    Source: lecture section 4, language model.
    """
    N = mask.sum()
    if N == 0:
        raise ValueError("mask is False everywhere: no words, so no perplexity")
    return torch.exp(-sentence_log_prob(logits, targets, mask).sum() / N)


# --- a sentence for a sentence ------------------------------------------------------------------


class Seq2Seq(nn.Module):
    """Translate: the encoder reads a sentence, the decoder starts where the encoder stopped.

        e_0 = 0;              e_t = encoder(x_t, e_{t-1})
        f_0 = e_last;         f_t = decoder(y_t, f_{t-1})
        p(y_{t+1} | y_1 ... y_t, x) = softmax(f_t @ W_soft)

    which is eq. 4 with t+1 for t: y_t is predicted from f_{t-1}. y_1 is BOS and is not predicted,
    and there are no heads on the encoder: only where a word is generated.

    Seq2Seq(encoder, decoder, V_source, V_target, D, H): the two networks have inputs of size D and
    the same kind of state, of size H. Parameters: E_source (V_source, D), E_target (V_target, D),
    W_soft (H, V_target), and the networks'.
    Source: lecture section 4, neural machine translation; section 5, eq. 4 (W_soft is
    H x vocabulary; the slide prints D x vocabulary).
    """

    def __init__(self, encoder, decoder, V_source, V_target, D, H):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.E_source, self.E_target = embeddings(V_source, D), embeddings(V_target, D)
        self.W_soft = uniform(H, V_target, size=H)

    def forward(self, source, lengths, target):
        """Teacher forcing: the decoder reads the true words, not its own predictions.

        logits[:, t] has the scores for the word after target[:, t]. For sentences
        BOS w_1 ... w_n EOS, pass all words but the last as target, and compare with all but the
        first. Padding may follow them; its logits mean nothing, and the loss leaves them out.

        Shapes: source (B, S), lengths (B,) of the source, target (B, T) -> logits (B, T, V_target).
        """
        (f_0,) = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)  # (B, T, H)
        return fs @ self.W_soft

    def start(self, source, lengths):
        """The state before the first word of a translation, for `step`.

        Shapes: source (B, S), lengths (B,) -> state: (f_0,), a nested tuple of tensors with the
        batch first, so that a decoder can select, repeat and reorder rows.
        """
        _, e_last = self.encoder(embed(source, self.E_source), lengths)
        return (e_last,)

    def step(self, tokens, state):
        """Read one word, predict the next. The first word is BOS, the others are those chosen.

        Shapes: tokens (B,), state -> (logits (B, V_target) for the next word, state).
        """
        (f,) = state
        ys = embed(tokens, self.E_target).unsqueeze(1)  # (B, 1, D): a sequence of one word
        fs, f = self.decoder(ys, None, f)  # fs (B, 1, H)
        return fs.squeeze(1) @ self.W_soft, (f,)


def translation_bugs():
    """The wrong lines in the notes on translation of problem set 3.

    Returns the set of their letters, from A to J.
    Source: lecture section 4, neural machine translation; section 5, "hidden states" and "loss
    function". D is the lecture's own slip, the others were planted.
    """
    return {
        "B",  # the decoder starts from the encoder's last state, not from 0
        "D",  # W_soft multiplies a state: H rows
        "F",  # heads only where a word is generated, not on the encoder
        "H",  # the probability of a sentence is a product
    }
