"""Correct solutions of the capstone in other styles: each must get full marks.

FILES is what the solution hands in beside its notebook: the weights that its training cell made,
in half precision. They are here so that audit and tests need not train.
"""

from pathlib import Path

import torch
from torch import nn

from rnncourse.checks.harness.capstone import WEIGHTS
from rnncourse.data import batches, detokenise, tokenise
from rnncourse.reference.capstone import Translator, translate
from rnncourse.reference.checkpoint import load_checkpoint
from rnncourse.reference.decoding import greedy_decode
from rnncourse.reference.inputs import BOS, EOS, SPECIALS, decode, encode, pad_batch, sequence_mask

FILES = {WEIGHTS: Path(__file__).with_name(f"capstone.{WEIGHTS}").read_bytes()}


# --- Translator ---------------------------------------------------------------------------------


class StepByStep(nn.Module):
    """torch's cells in loops, dot attention; forward is start and steps."""

    def __init__(self, V_source, V_target, D=16, H=24):
        super().__init__()
        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
        self.reader, self.writer = nn.GRUCell(D, H), nn.GRUCell(D, H)
        self.out = nn.Linear(2 * H, V_target)

    def start(self, source, mask):
        h, es = self.out.weight.new_zeros(len(source), self.reader.hidden_size), []
        for s in range(source.shape[1]):
            new = self.reader(self.E_source(source[:, s]), h)
            h = torch.where(mask[:, s, None], new, h)
            es.append(h)
        return h, torch.stack(es, dim=1), mask

    def step(self, tokens, state):
        f, es, mask = state
        f = self.writer(self.E_target(tokens), f)
        alpha = (es @ f.unsqueeze(2)).squeeze(2).masked_fill(~mask, -torch.inf)
        context = (torch.softmax(alpha, dim=1).unsqueeze(2) * es).sum(dim=1)
        return self.out(torch.cat([context, f], dim=1)), (f, es, mask)

    def forward(self, source, mask, target):
        state, scores = self.start(source, mask), []
        for t in range(target.shape[1]):
            logits, state = self.step(target[:, t], state)
            scores.append(logits)
        return torch.stack(scores, dim=1)


class Packed(nn.Module):
    """torch.nn.LSTM over packed sequences, no attention, log-probabilities for scores."""

    def __init__(self, V_source, V_target, D=16, H=24):
        super().__init__()
        self.E_source = nn.Embedding(V_source, D, padding_idx=0)
        self.E_target = nn.Embedding(V_target, D)
        self.encoder = nn.LSTM(D, H, batch_first=True)
        self.decoder = nn.LSTM(D, H, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(H, V_target)

    def start(self, source, mask):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.drop(self.E_source(source)), mask.sum(1).cpu(), True, enforce_sorted=False
        )
        _, (h, c) = self.encoder(packed)
        return h.transpose(0, 1), c.transpose(0, 1)

    def step(self, tokens, state):
        h, c = (one.transpose(0, 1).contiguous() for one in state)
        fs, (h, c) = self.decoder(self.E_target(tokens).unsqueeze(1), (h, c))
        logits = nn.functional.log_softmax(self.out(fs).squeeze(1), dim=1)
        return logits, (h.transpose(0, 1), c.transpose(0, 1))

    def forward(self, source, mask, target):
        h, c = (one.transpose(0, 1).contiguous() for one in self.start(source, mask))
        fs, _ = self.decoder(self.drop(self.E_target(target)), (h, c))
        return nn.functional.log_softmax(self.out(fs), dim=2)


class OfTheLibrary(nn.Module):
    """The library's translator of section 5, which takes lengths in place of a mask."""

    def __init__(self, V_source, V_target, D=16, H=24):
        from rnncourse.reference.attention import AttentionSeq2Seq
        from rnncourse.reference.layers import LSTM

        super().__init__()
        self.inner = AttentionSeq2Seq(LSTM(D, H), LSTM(D, H), V_source, V_target, D, H, "general")

    def forward(self, source, mask, target):
        return self.inner(source, mask.sum(dim=1), target)

    def start(self, source, mask):
        return self.inner.start(source, mask.sum(dim=1))

    def step(self, tokens, state):
        return self.inner.step(tokens, state)


class ReadsAllAgain(nn.Module):
    """A state that is only what has been read and written: each step reads it from the start."""

    def __init__(self, V_source, V_target, D=24):
        super().__init__()
        self.E_source, self.E_target = nn.Embedding(V_source, D), nn.Embedding(V_target, D)
        self.encoder = nn.GRU(D, D, batch_first=True)
        self.decoder = nn.GRU(D, D, batch_first=True)

    def forward(self, source, mask, target):
        es, _ = self.encoder(self.E_source(source))
        fs, _ = self.decoder(self.E_target(target))
        alpha = torch.einsum("bth,bsh->bts", fs, es) / es.shape[2] ** 0.5
        a = torch.softmax(alpha.masked_fill(~mask.unsqueeze(1), -1e9), dim=2)
        return (fs + torch.einsum("bts,bsh->bth", a, es)) @ self.E_target.weight.T

    def start(self, source, mask):
        return source, mask, source[:, :0]

    def step(self, tokens, state):
        source, mask, written = state
        written = torch.cat([written, tokens.unsqueeze(1)], dim=1)
        return self(source, mask, written)[:, -1], (source, mask, written)


# --- translate ----------------------------------------------------------------------------------


def one_at_a_time(sentences, model, source_vocab, target_vocab, longest=60):
    model.train(False)
    words = {number: word for word, number in target_vocab.items()}
    found = []
    for sentence in sentences:
        ids = [*(source_vocab.get(word, 1) for word in tokenise(sentence)), EOS]
        source = torch.tensor([ids])
        with torch.no_grad():
            state = model.start(source, torch.ones_like(source, dtype=torch.bool))
            token, text = torch.tensor([BOS]), []
            while len(text) < longest:
                logits, state = model.step(token, state)
                token = logits.argmax(dim=1)
                if token.item() == EOS:
                    break
                text.append(token.item())
        found.append(detokenise([words[n] for n in text if words[n] not in SPECIALS], "fr"))
    return found


def with_a_beam(sentences, model, source_vocab, target_vocab, longest=60):
    from rnncourse.reference.decoding import beam_search

    model.eval()
    numbers = [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in sentences]
    found = []
    for tokens, mask in batches(numbers, 32):
        with torch.no_grad():
            state = model.start(tokens, mask)
        for ranked in beam_search(model.step, state, BOS, EOS, longest, 4, 1.0):
            ids = [n for n in ranked[0][0] if n >= len(SPECIALS)]
            found.append(detokenise(decode(ids, target_vocab), "fr"))
    return found


def each_sentence_once(sentences, model, source_vocab, target_vocab, longest=60):
    model.eval()
    known = {"": ""}
    todo = sorted(set(sentences) - {""}, key=len, reverse=True)
    for first in range(0, len(todo), 7):
        some = todo[first : first + 7]
        tokens, lengths = pad_batch(
            [[*encode(tokenise(one, "en"), source_vocab), EOS] for one in some]
        )
        with torch.inference_mode():
            state = model.start(tokens, sequence_mask(lengths))
        for sentence, ids in zip(
            some, greedy_decode(model.step, state, BOS, EOS, longest), strict=True
        ):
            words = [word for word in decode(ids, target_vocab) if word not in SPECIALS]
            known[sentence] = detokenise(words, "fr")
    return [known[one] for one in sentences]


# --- load_translator ----------------------------------------------------------------------------


def for_inference(path):
    saved = load_checkpoint(path)
    vocabs = [dict(zip(saved[side], range(10**6), strict=False)) for side in ("source", "target")]
    model = Translator(*map(len, vocabs)).requires_grad_(False).double()
    model.load_state_dict(saved["weights"])
    return lambda sentences: translate(sentences, model, *vocabs)


def reads_the_file_by_itself(path):
    import json

    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        structure = dict(json.loads(file.metadata()["rnncourse"])["dict"])
        weights = {
            name.removeprefix("weights/"): file.get_tensor(name)
            for name in file.keys()  # noqa: SIM118
        }
    source, target = (structure[side]["list"] for side in ("source", "target"))
    model = Translator(len(source), len(target))
    model.load_state_dict(weights)
    source_vocab = {word: number for number, word in enumerate(source)}
    target_vocab = {word: number for number, word in enumerate(target)}
    return lambda sentences: [
        text
        for first in range(0, len(sentences), 5)
        for text in translate(sentences[first : first + 5], model, source_vocab, target_vocab)
    ]


def with_a_class(path):
    class Loaded:
        def __init__(self, saved):
            self.vocabs = [{w: n for n, w in enumerate(saved[k])} for k in ("source", "target")]
            self.model = Translator(*(len(one) for one in self.vocabs))
            for name, parameter in self.model.named_parameters():
                parameter.data.copy_(saved["weights"][name])

        def __call__(self, sentences):
            return translate(list(sentences), self.model, *self.vocabs)

    return Loaded(load_checkpoint(path))


ALTERNATIVES = {
    "Translator": [StepByStep, Packed, OfTheLibrary, ReadsAllAgain],
    "translate": [one_at_a_time, with_a_beam, each_sentence_once],
    "load_translator": [for_inference, reads_the_file_by_itself, with_a_class],
}
