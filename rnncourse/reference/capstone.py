"""The capstone: from a sentence to its translation, with parts of all seven sections.

    "3 hours ago"  --tokenise, encode-->  source  --Translator-->  target  --decode, detokenise-->
    "il y a 3 heures"

One way among many: what the problem set asks for is the interface, not this network.
"""

import torch
from torch import nn

from rnncourse.data import detokenise, tokenise
from rnncourse.reference.attention import attend, bahdanau_score
from rnncourse.reference.checkpoint import load_checkpoint
from rnncourse.reference.decoding import greedy_decode
from rnncourse.reference.inputs import (
    BOS,
    EOS,
    SPECIALS,
    decode,
    embed,
    encode,
    pad_batch,
    sequence_mask,
)
from rnncourse.reference.layers import GRU, Bidirectional, uniform

__all__ = ["Translator", "load_translator", "translate"]


class Translator(nn.Module):
    """An encoder that reads in both directions, and a decoder that looks back at all of it.

        e_1 ... e_S = [encoder forwards, backwards]            f_0 = tanh(e_last @ W_0)
        f_t = decoder(y_t, f_{t-1})
        c_t = attend(f_t, e), with Bahdanau's score
        logits for y_{t+1} = tanh([c_t, f_t] @ W_c) @ E_target.T + b

    The last line compares what the decoder wants to say with the vector of every word: the vectors
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
        """Teacher forcing: the scores of the word after each of target's.

        Shapes: source (B, S), mask (B, S) bool, target (B, T) -> logits (B, T, V_target).
        """
        f_0, *source_side = self.start(source, mask)
        fs, _ = self.decoder(self.drop(embed(target, self.E_target)), None, f_0)
        return self._predict(fs, *source_side)

    def start(self, source, mask):
        """The state before the first word of the translation.

        Shapes: source (B, S), mask (B, S) bool -> (f_0 (B, H), e (B, S, 2H), mask (B, S)).
        """
        es, e_last = self.encoder(self.drop(embed(source, self.E_source)), mask.sum(dim=1))
        return torch.tanh(e_last @ self.W_0), es, mask

    def step(self, tokens, state):
        """One word further. Shapes: tokens (B,), state -> (logits (B, V_target), state)."""
        f, *source_side = state
        fs, f = self.decoder(self.drop(embed(tokens.unsqueeze(1), self.E_target)), None, f)
        return self._predict(fs, *source_side).squeeze(1), (f, *source_side)

    def _predict(self, fs, es, mask):
        def score(query, keys):
            return bahdanau_score(query, keys, self.w_f, self.w_e, self.v)

        contexts, _ = attend(fs, es, mask, score)
        wanted = torch.tanh(torch.cat([contexts, fs], dim=2) @ self.W_c)
        return self.drop(wanted) @ self.E_target.T + self.b


@torch.no_grad()
def translate(sentences, model, source_vocab, target_vocab, longest=60):
    """English sentences into French ones, with a model that has `start` and `step` as `Translator`.

    Each sentence is cut with `tokenise`, encoded, and ended by EOS; its translation is decoded
    without the specials and put together with `detokenise`. Similar lengths are computed together.

    sentences: a list of strings; source_vocab, target_vocab: {word: number}; longest: so many
    tokens of a translation at most. The model is put into eval mode.
    Returns a list of strings, in the order of the sentences.
    Source: lecture section 6.
    """
    model.eval()
    device = next(model.parameters()).device
    numbers = [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    order = sorted(range(len(numbers)), key=lambda n: len(numbers[n]))
    found = [""] * len(numbers)
    for first in range(0, len(order), 50):
        chosen = order[first : first + 50]
        tokens, lengths = pad_batch([numbers[n] for n in chosen])
        state = model.start(tokens.to(device), sequence_mask(lengths).to(device))
        for n, ids in zip(chosen, greedy_decode(model.step, state, BOS, EOS, longest), strict=True):
            words = decode([id for id in ids if id >= len(SPECIALS)], target_vocab)
            found[n] = detokenise(words, "fr")
    return found


def load_translator(path):
    """What was trained and saved, as a function: a list of English sentences -> French ones.

    path: a file of `save_checkpoint` with {"weights": the state_dict of a `Translator`,
    "source": the source's words in the order of their numbers, "target": the target's}.
    Errors: FileNotFoundError; ValueError when the file is no such checkpoint.
    """
    saved = load_checkpoint(path)
    source_vocab, target_vocab = (
        {word: number for number, word in enumerate(saved[side])} for side in ("source", "target")
    )
    model = Translator(len(source_vocab), len(target_vocab))
    model.load_state_dict(saved["weights"])

    def translator(sentences):
        return translate(sentences, model, source_vocab, target_vocab)

    return translator
