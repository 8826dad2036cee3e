"""The capstone: from a sentence to its translation, with parts of all seven sections.

    "3 hours ago"  --tokenise, encode-->  source  --Translator-->  target  --decode, detokenise-->
    "il y a 3 heures"

This is one way among many: the problem set prescribes the interface, not the network.
"""

import torch
from torch import nn

from ..data import detokenise, tokenise
from .attention import attend, bahdanau_score
from .checkpoint import load_checkpoint
from .decoding import greedy_decode
from .inputs import BOS, EOS, SPECIALS, decode, embed, encode, pad_batch, sequence_mask
from .layers import GRU, Bidirectional, uniform

__all__ = ["Translator", "load_translator", "translate"]


class Translator(nn.Module):
    """An encoder that reads in both directions, and a decoder that looks back at all of it.

        e_1 ... e_S = [encoder forwards, backwards]            f_0 = tanh(e_last @ W_0)
        f_t = decoder(y_t, f_{t-1})
        c_t = attend(f_t, e), with Bahdanau's score
        logits for y_{t+1} = tanh([c_t, f_t] @ W_c) @ E_target.T + b

    The last line compares the decoder's output with the vector of every word: the same vectors
    serve for reading and for writing.
    Parameters: E_source (V_source, D), E_target (V_target, D), W_0 (2H, H), w_f (H, A),
    w_e (2H, A), v (A, 1), W_c (3H, D), b (V_target,), and the networks'.
    Source: lecture sections 3 to 7; Bahdanau et al. 2015; Press & Wolf 2017.
    """

    def __init__(self, V_source, V_target, D=32, H=64, A=48, p=0.1):
        super().__init__()
        self.E_source, self.E_target = uniform(V_source, D, size=D), uniform(V_target, D, size=D)
        self.encoder = Bidirectional(GRU(D, H, bias=True), GRU(D, H, bias=True))
        self.decoder = GRU(D, H, bias=True)
        self.W_0 = uniform(2 * H, H, size=2 * H)
        self.w_f, self.w_e = uniform(H, A, size=H), uniform(2 * H, A, size=2 * H)
        self.v = uniform(A, 1, size=A)
        self.W_c = uniform(3 * H, D, size=3 * H)
        self.b = nn.Parameter(torch.zeros(V_target))
        self.drop = nn.Dropout(p)

    def forward(self, source, mask, target):
        """Teacher forcing: the scores for the word after each word of target.

        Shapes: source (B, S), mask (B, S) bool, target (B, T) -> logits (B, T, V_target).
        """
        f_0, *source_side = self.start(source, mask)
        ys = self.drop(embed(target, self.E_target))  # (B, T, D)
        fs, _ = self.decoder(ys, None, f_0)  # (B, T, H)
        return self._predict(fs, *source_side)

    def start(self, source, mask):
        """The state before the first word of the translation.

        Shapes: source (B, S), mask (B, S) bool -> (f_0 (B, H), e (B, S, 2H), mask (B, S)).
        """
        xs = self.drop(embed(source, self.E_source))  # (B, S, D)
        es, e_last = self.encoder(xs, mask.sum(dim=1))  # (B, S, 2H), (B, 2H)
        return torch.tanh(e_last @ self.W_0), es, mask

    def step(self, tokens, state):
        """Read one word, predict the next. Shapes: tokens (B,), state -> (logits (B, V_target),
        state)."""
        f, *source_side = state
        ys = self.drop(embed(tokens.unsqueeze(1), self.E_target))  # (B, 1, D)
        fs, f = self.decoder(ys, None, f)  # (B, 1, H)
        return self._predict(fs, *source_side).squeeze(1), (f, *source_side)

    def _predict(self, fs, es, mask):
        def score(query, keys):
            return bahdanau_score(query, keys, self.w_f, self.w_e, self.v)

        contexts, _ = attend(fs, es, mask, score)  # (B, T, 2H)
        combined = torch.tanh(torch.cat([contexts, fs], dim=2) @ self.W_c)  # (B, T, D)
        return self.drop(combined) @ self.E_target.T + self.b


@torch.no_grad()
def translate(sentences, model, source_vocab, target_vocab, longest=60):
    """Translate English sentences into French.

    Each sentence is cut with `tokenise`, encoded, and ended by EOS; its translation is decoded
    without the specials and joined with `detokenise`. Sentences of similar length share a batch.

    sentences: a list of strings. model: has `start` and `step`, as `Translator` does; it is put
    into eval mode. source_vocab, target_vocab: {word: number}. longest: the maximum number of
    tokens of a translation.
    Returns a list of strings, in the order of the sentences.
    Source: lecture section 6.
    """
    model.eval()
    device = next(model.parameters()).device
    sources = [[*encode(tokenise(text, "en"), source_vocab), EOS] for text in sentences]
    by_length = sorted(range(len(sources)), key=lambda n: len(sources[n]))
    translations = [""] * len(sources)
    for start in range(0, len(by_length), 50):
        batch = by_length[start : start + 50]
        tokens, lengths = pad_batch([sources[n] for n in batch])  # (B, S), (B,)
        state = model.start(tokens.to(device), sequence_mask(lengths).to(device))
        rows = greedy_decode(model.step, state, BOS, EOS, longest)
        for n, row in zip(batch, rows, strict=True):
            words = decode([token for token in row if token >= len(SPECIALS)], target_vocab)
            translations[n] = detokenise(words, "fr")
    return translations


def load_translator(path):
    """A saved `Translator` as a function: a list of English sentences -> French ones.

    path: a file of `save_checkpoint` with {"weights": the state_dict of a `Translator`,
    "source": the source's words in the order of their numbers, "target": the target's}.
    Errors: FileNotFoundError; ValueError when the file is not such a checkpoint.
    """
    saved = load_checkpoint(path)
    source_vocab = {word: number for number, word in enumerate(saved["source"])}
    target_vocab = {word: number for number, word in enumerate(saved["target"])}
    model = Translator(len(source_vocab), len(target_vocab))
    model.load_state_dict(saved["weights"])

    def translator(sentences):
        return translate(sentences, model, source_vocab, target_vocab)

    return translator
