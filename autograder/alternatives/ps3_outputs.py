"""Correct solutions of problem set 3 in other styles: the tests must give them full marks.

As in a student's notebook, a solution may use torch, nn, embed, sequence_mask and the student's
other functions.
"""

import torch
from torch import nn

from rnncourse.reference.inputs import embed, sequence_mask
from rnncourse.reference.outputs import sentence_log_prob

from . import Alternatives

ALTERNATIVES = Alternatives()


# --- sum_states ---------------------------------------------------------------------------------


@ALTERNATIVES.of("sum_states")
def selects_with_where(hs, mask):
    return torch.where(mask[..., None], hs, torch.zeros_like(hs)).sum(1)


@ALTERNATIVES.of("sum_states")
def sums_sentence_by_sentence(hs, mask):
    return torch.stack([states[there].sum(dim=0) for states, there in zip(hs, mask, strict=True)])


@ALTERNATIVES.of("sum_states")
def adds_up_step_by_step(hs, mask):
    total = hs.new_zeros(hs.shape[0], hs.shape[2])
    for t in range(hs.shape[1]):
        total = torch.where(mask[:, t].unsqueeze(1), total + hs[:, t], total)
    return total


@ALTERNATIVES.of("sum_states")
def multiplies_after_clearing(hs, mask):
    clean = hs.masked_fill(mask.logical_not().unsqueeze(-1), 0.0)
    return torch.einsum("bth,bt->bh", clean, mask.to(hs.dtype))


@ALTERNATIVES.of("sum_states")
def scatters_the_words(hs, mask):
    sentence, _ = mask.nonzero(as_tuple=True)
    return hs.new_zeros(len(hs), hs.shape[-1]).index_add(0, sentence, hs[mask])


# --- SentimentClassifier ------------------------------------------------------------------------


@ALTERNATIVES.of("SentimentClassifier")
class ReadsReviewByReview(nn.Module):
    """Each sentence by itself, cut to its length: nothing to mask."""

    def __init__(self, rnn, V, D, H, C):
        super().__init__()
        self.W_soft = nn.Parameter(torch.randn(H, C))
        self.E = nn.Parameter(torch.randn(V, D))
        self.rnn = rnn

    def forward(self, tokens, lengths):
        logits = []
        for words, n in zip(tokens, lengths.tolist(), strict=True):
            if n == 0:
                logits.append(self.W_soft.new_zeros(self.W_soft.shape[1]))
                continue
            hs, _ = self.rnn(self.E[words[:n]].unsqueeze(0))
            logits.append(hs[0].sum(0) @ self.W_soft)
        return torch.stack(logits)


@ALTERNATIVES.of("SentimentClassifier")
class AddsUpTheScores(nn.Module):
    """The head on every state, and the scores added up: the sum can wait."""

    def __init__(self, rnn, V, D, H, C):
        super().__init__()
        self.rnn = rnn
        self.E = nn.Parameter(torch.empty(V, D))
        self.W_soft = nn.Parameter(torch.empty(H, C))
        nn.init.normal_(self.E)
        nn.init.xavier_uniform_(self.W_soft)

    def forward(self, tokens, lengths):
        mask = torch.arange(tokens.size(1)) < lengths[:, None]
        hs, _ = self.rnn(xs=nn.functional.embedding(tokens, self.E), lengths=lengths)
        hs = torch.where(mask[:, :, None], hs, 0.0)
        return torch.einsum("bth,hc->bc", hs, self.W_soft)


@ALTERNATIVES.of("SentimentClassifier")
class PicksTheWords(nn.Module):
    """The embeddings' padding is cleared before the network sees it, and only words are summed."""

    def __init__(self, rnn, V, D, H, C):
        super().__init__()
        self.rnn = rnn
        self.register_parameter("E", nn.Parameter(0.1 * torch.randn(V, D)))
        self.register_parameter("W_soft", nn.Parameter(torch.rand(H, C) - 0.5))
        self.classes = C

    def forward(self, tokens, lengths):
        mask = sequence_mask(lengths, tokens.shape[1])
        xs = embed(tokens, self.E).masked_fill(~mask.unsqueeze(2), 0)
        hs, _ = self.rnn(xs, mask.sum(dim=1))
        sentence = mask.nonzero()[:, 0]
        logits = self.W_soft.new_zeros(len(tokens), self.classes)
        return logits.index_add(0, sentence, hs[mask] @ self.W_soft)


# --- LanguageModel ------------------------------------------------------------------------------


@ALTERNATIVES.of("LanguageModel")
class ReadsWordByWord(nn.Module):
    """One call of the network for each word, the state carried along."""

    def __init__(self, rnn, V, D, H, tied=False):
        super().__init__()
        if tied and D != H:
            raise ValueError(f"D = {D} and H = {H} must be equal")
        self.rnn = rnn
        self.E = nn.Parameter(torch.randn(V, D) / D**0.5)
        self.W_soft = None if tied else nn.Parameter(torch.randn(H, V) / H**0.5)

    def forward(self, tokens, lengths=None, state=None):
        head = self.E.T if self.W_soft is None else self.W_soft
        logits = []
        for t in range(tokens.shape[1]):
            alive = None if lengths is None else (lengths > t).long()
            hs, state = self.rnn(self.E[tokens[:, t : t + 1]], alive, state)
            logits.append(hs @ head)
        return torch.cat(logits, dim=1), state


@ALTERNATIVES.of("LanguageModel")
class TiesAProperty(nn.Module):
    """W_soft is looked up anew each time, tied or not."""

    def __init__(self, rnn, V, D, H, tied=False):
        super().__init__()
        assert not tied or D == H, "tied weights need D = H"
        self.rnn = rnn
        self.E = nn.Parameter(torch.randn(V, D))
        if not tied:
            self.W_soft = nn.Parameter(torch.randn(H, V))

    @property
    def scores(self):
        return self.W_soft if hasattr(self, "W_soft") else self.E.transpose(0, 1)

    def forward(self, tokens, lengths=None, state=None):
        xs = nn.functional.embedding(tokens, self.E)
        hs, state = self.rnn(xs, lengths=lengths, state=state)
        return torch.einsum("bth,hv->btv", hs, self.scores), state


@ALTERNATIVES.of("LanguageModel")
class SharesOneParameter(nn.Module):
    """A linear layer whose weight is E itself: the same parameter under two names."""

    def __init__(self, rnn, V, D, H, tied=False):
        super().__init__()
        if tied:
            if D != H:
                raise ValueError("tied weights need D = H")
            self.E = nn.Parameter(torch.randn(V, D))
            self.out = nn.Linear(H, V, bias=False)
            self.out.weight = self.E
        else:
            self.E, self.W_soft = (nn.Parameter(torch.randn(*n)) for n in ((V, D), (H, V)))
            self.out = lambda hs: torch.matmul(hs, self.W_soft)
        self.rnn = rnn

    def forward(self, tokens, lengths=None, state=None):
        hs, state = self.rnn(embed(tokens, self.E), lengths, state)
        return self.out(hs), state


# --- sentence_log_prob --------------------------------------------------------------------------


@ALTERNATIVES.of("sentence_log_prob")
def uses_torchs_cross_entropy(logits, targets, mask):
    targets = targets.masked_fill(~mask, 0)
    logits = logits.masked_fill(~mask.unsqueeze(2), 0)
    loss = nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return -(loss * mask).sum(dim=1)


@ALTERNATIVES.of("sentence_log_prob")
def loops_over_the_words(logits, targets, mask):
    B, T, V = logits.shape
    totals = []
    for b in range(B):
        total = logits.new_zeros(())
        for t in range(T):
            if mask[b, t]:
                word = int(targets[b, t])
                if not 0 <= word < V:
                    raise IndexError(f"there is no word {word}")
                total = total + logits[b, t].log_softmax(0)[word]
        totals.append(total)
    return torch.stack(totals)


@ALTERNATIVES.of("sentence_log_prob")
def takes_off_the_largest_score(logits, targets, mask):
    safe = torch.where(mask[:, :, None], logits, torch.zeros_like(logits))
    words = torch.where(mask, targets, torch.zeros_like(targets))
    safe = safe - safe.amax(dim=2, keepdim=True).detach()
    log_p = safe - safe.exp().sum(dim=2, keepdim=True).log()
    found = torch.gather(log_p, 2, words[:, :, None])[:, :, 0]
    return torch.where(mask, found, torch.zeros_like(found)).sum(1)


@ALTERNATIVES.of("sentence_log_prob")
def points_with_a_one_hot(logits, targets, mask):
    sentence = mask.nonzero()[:, 0]
    log_p = torch.log_softmax(logits[mask], dim=-1)
    hot = nn.functional.one_hot(targets[mask], logits.shape[2]).bool()
    return log_p.new_zeros(len(logits)).index_add(0, sentence, log_p[hot])


# --- perplexity ---------------------------------------------------------------------------------


@ALTERNATIVES.of("perplexity")
def asks_torch_for_the_mean(logits, targets, mask):
    if not bool(mask.any()):
        raise ValueError("there are no words")
    return nn.functional.cross_entropy(logits[mask], targets[mask]).exp()


@ALTERNATIVES.of("perplexity")
def returns_a_float(logits, targets, mask):
    total, words = sentence_log_prob(logits, targets, mask).sum().item(), mask.sum().item()
    return 2.718281828459045 ** (-total / words)


@ALTERNATIVES.of("perplexity")
def goes_through_bits(logits, targets, mask):
    log_p = nn.functional.log_softmax(logits[mask], dim=1)
    if len(log_p) == 0:
        raise ValueError("mask is False everywhere")
    bits = -log_p.gather(1, targets[mask][:, None]) / 0.6931471805599453  # log 2
    return torch.exp2(bits.mean())


@ALTERNATIVES.of("perplexity")
def weighs_the_sentences(logits, targets, mask):
    lengths = mask.sum(dim=1)
    there = lengths > 0
    if not there.any():
        raise ValueError("no words")
    log_p = sentence_log_prob(logits[there], targets[there], mask[there])
    means, weights = log_p / lengths[there], lengths[there] / lengths.sum()
    return (-(means * weights).sum()).exp()


# --- translation_bugs ---------------------------------------------------------------------------


@ALTERNATIVES.of("translation_bugs")
def takes_the_right_lines_away():
    return set("ABCDEFGHIJ") - set("ACEGIJ")


@ALTERNATIVES.of("translation_bugs")
def returns_a_frozen_set():
    return frozenset(["H", "F", "D", "B"])


@ALTERNATIVES.of("translation_bugs")
def takes_the_letters_of_a_word():
    return set("BDFH")


# --- Seq2Seq ------------------------------------------------------------------------------------


@ALTERNATIVES.of("Seq2Seq")
class WritesWordByWord(nn.Module):
    """forward is nothing but start and step."""

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


@ALTERNATIVES.of("Seq2Seq")
class TranslatesSentenceBySentence(nn.Module):
    """No padding anywhere: one pair after the other."""

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


@ALTERNATIVES.of("Seq2Seq")
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
