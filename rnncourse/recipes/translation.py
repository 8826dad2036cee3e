"""Translation with attention: from German to English, or the built-in phrases into French."""

import dataclasses
import math

import torch
from torch import nn

from rnncourse.data import batches, detokenise, translation
from rnncourse.recipes.dropout import drop
from rnncourse.recipes.run import Outcome, RecipeError
from rnncourse.recipes.softmax_loss import softmax_loss
from rnncourse.reference.attention import attend
from rnncourse.reference.decoding import beam_search, greedy_decode
from rnncourse.reference.inputs import BOS, EOS, PAD, UNK, build_vocab, decode, embed, encode
from rnncourse.reference.layers import GRU, Bidirectional, uniform
from rnncourse.reference.regularization import word_dropout

ABOUT = "translation with attention: bidirectional GRU, beam search, attention maps"


@dataclasses.dataclass(frozen=True)
class Settings:
    source: str = "en"
    target: str = "fr"
    D: int = 256
    H: int = 384  # of each direction of the encoder, and of the decoder
    A: int = 256  # of the attention's score
    min_count: int = 2
    pairs: int = 0  # to train on; 0 for all
    tested: int = 0  # pairs to test on; 0 for all
    epochs: int = 16
    batch_size: int = 64
    learning_rate: float = 0.001
    max_norm: float = 1.0
    p_word: float = 0.1  # whole words, on both sides
    p_input: float = 0.3  # the inputs of the networks
    p_output: float = 0.4  # the outputs
    label_smoothing: float = 0.1
    beam: int = 5
    length_penalty: float = 1.0
    longest: int = 60  # words of a translation


SETTINGS = {
    "phrases": Settings(
        D=64,
        H=96,
        A=64,
        min_count=1,
        epochs=10,
        learning_rate=0.004,
        p_word=0.0,
        p_input=0.1,
        p_output=0.1,
    ),
    "multi30k": Settings(source="de", target="en"),
    "tatoeba": Settings(),
}
MINUTES = {"phrases": 3, "multi30k": 40, "tatoeba": 60}


class Translator(nn.Module):
    """`AttentionSeq2Seq` improved: a bidirectional encoder, dropout, tied vectors.

        e_1 ... e_S = [encoder forwards, backwards];    f_0 = tanh(e_last @ W_0)
        f_t = decoder(y_t, f_{t-1})
        c_t = attend(f_t, e), with Bahdanau's score
        p(y_{t+1} | ...) = softmax(tanh([c_t, f_t, y_t] @ W_c) @ E_target.T + b)

    The decoder does not read the contexts, so all its steps are computed before all attention.
    Parameters: E_source (V_source, D), E_target (V_target, D), W_0 (2H, H), w_f (H, A),
    w_e (2H, A), v (A, 1), W_c (2H+H+D, D), b (V_target,), and the networks'.
    Source: lecture section 5; Bahdanau et al. 2015; Luong et al. 2015, eq. 5; Press & Wolf 2017.
    """

    def __init__(self, V_source, V_target, s, generator=None):
        super().__init__()
        D, H, A = s.D, s.H, s.A
        self.s, self.generator = s, generator
        self.encoder = Bidirectional(GRU(D, H, bias=True), GRU(D, H, bias=True))
        self.decoder = GRU(D, H, bias=True)
        self.E_source, self.E_target = uniform(V_source, D, size=D), uniform(V_target, D, size=D)
        self.W_0 = uniform(2 * H, H, size=2 * H)
        self.w_f, self.w_e = uniform(H, A, size=H), uniform(2 * H, A, size=2 * H)
        self.v = uniform(A, 1, size=A)
        self.W_c = uniform(3 * H + D, D, size=3 * H + D)
        self.b = nn.Parameter(torch.zeros(V_target))

    def loss(self, source, source_mask, target, target_mask, label_smoothing=0.0):
        """Teacher forcing: the mean of -log p over the words after BOS, EOS included.

        Shapes: source (B, S), target (B, T+1) with BOS and EOS, masks as these -> a scalar.
        """
        readout, _ = self.readout(source, source_mask, target[:, :-1])
        mask = target_mask[:, 1:]
        return softmax_loss(
            readout[mask], self.E_target, self.b, target[:, 1:][mask], label_smoothing
        )

    def forward(self, source, mask, target):
        """Shapes: source (B, S), mask (B, S), target (B, T) -> logits (B, T, V_target)."""
        return self.readout(source, mask, target)[0] @ self.E_target.T + self.b

    def readout(self, source, mask, target):
        """The vectors to compare with each word's, (B, T, D), and the attention (B, T, S)."""
        f_0, *source_side = self.start(source, mask)
        ys = self._read(target, self.E_target)
        fs, _ = self.decoder(ys, None, f_0)
        return self._attend(fs, ys, *source_side)

    def start(self, source, mask):
        """The state before the first word of a translation, for `step`.

        Shapes: source (B, S), mask (B, S) -> (f_0 (B, H), e (B, S, 2H), e @ w_e (B, S, A), mask).
        """
        es, e_last = self.encoder(self._read(source, self.E_source), mask.sum(dim=1))
        es = drop(es, self.s.p_input, self)
        return torch.tanh(e_last @ self.W_0), es, es @ self.w_e, mask

    def step(self, tokens, state):
        """One decoding step. Shapes: tokens (B,), state -> (logits (B, V_target), state)."""
        f, *source_side = state
        ys = self._read(tokens.unsqueeze(1), self.E_target)
        fs, f = self.decoder(ys, None, f)
        readout, _ = self._attend(fs, ys, *source_side)
        logits = readout.squeeze(1) @ self.E_target.T + self.b
        # Never predict these: any word of the vocabulary is better than <unk>.
        logits[:, [PAD, UNK, BOS]] = -torch.inf
        return logits, (f, *source_side)

    def _read(self, tokens, E):
        if self.training and self.s.p_word:
            xs = word_dropout(tokens, E, self.s.p_word, self.generator)
        else:
            xs = embed(tokens, E)
        return drop(xs, self.s.p_input, self)

    def _attend(self, fs, ys, es, prepared, mask):
        def score(fs, _):  # Bahdanau's; `prepared` is es @ w_e, computed once for a sentence
            pairs = (fs @ self.w_f).unsqueeze(2) + prepared.unsqueeze(1)
            return (torch.tanh(pairs) @ self.v).squeeze(3)

        contexts, a = attend(fs, es, mask, score)
        readout = torch.tanh(torch.cat([contexts, fs, ys], dim=2) @ self.W_c)
        return drop(readout, self.s.p_output, self), a


def build(settings, words, generator=None):
    return Translator(len(words["source"]), len(words["target"]), settings, generator)


def train(run, s):
    sacrebleu = _sacrebleu()
    splits = translation(run.data, s.source, s.target)
    run.claim(s, splits.checksum())
    train, test = splits.train[: s.pairs or None], splits.test[: s.tested or None]
    vocabs = [build_vocab((pair[side] for pair in train), s.min_count) for side in (0, 1)]
    words = {"source": list(vocabs[0]), "target": list(vocabs[1])}

    def numbers(pairs):
        return [
            ([*encode(source, vocabs[0]), EOS], [BOS, *encode(target, vocabs[1]), EOS])
            for source, target in pairs
        ]

    train_pairs, valid_pairs, test_pairs = (numbers(part) for part in (train, splits.valid, test))
    order, masks = run.generator(1), run.generator(2, run.device)
    model = build(s, words, masks).to(run.device)

    class Epoch:
        def __len__(self):
            return -(-len(train_pairs) // s.batch_size)

        def __iter__(self):
            return batches(train_pairs, s.batch_size, order)

    run.fit(
        model,
        Epoch(),
        lambda model, batch: model.loss(*_flat(batch, run.device), s.label_smoothing),
        torch.optim.Adam(model.parameters(), lr=s.learning_rate, betas=(0.9, 0.98)),
        epochs=s.epochs,
        max_norm=s.max_norm,
        validate=lambda model: mean_loss(model, valid_pairs),
        schedule=lambda history: min(1, 1.5 * (1 - len(history) / s.epochs)),
        generators=[order, masks],
        save_every=200,
    )
    beamed = translate(model, test_pairs, vocabs[1], s.beam)
    greedy = translate(model, test_pairs, vocabs[1], 1)
    references = [detokenise(target, s.target) for _, target in test]

    def bleu(translations):
        texts = [detokenise(tokens, s.target) for tokens in translations]
        return sacrebleu.corpus_bleu(texts, [references], lowercase=True).score

    correct = sum(tokens == target for tokens, (_, target) in zip(beamed, test, strict=True))
    results = {
        f"test BLEU, beam {s.beam}": bleu(beamed),
        "test BLEU, greedy": bleu(greedy),
        "whole sentences right, %": 100 * correct / len(test),
        "valid perplexity": math.exp(mean_loss(model, valid_pairs)),
        "pairs to train": len(train),
        "vocabularies": sum(map(len, vocabs)),
    }
    # The attention map shows the first sentence of a length that is easy to read.
    number = next((n for n, (source, _) in enumerate(test) if 6 <= len(source) <= 14), 0)
    draw_attention(run.folder / "attention.png", model, test[number][0], beamed[number], vocabs)
    samples = "\n".join(
        f"{detokenise(source, s.source)}\n  -> {detokenise(tokens, s.target)}\n"
        f"   = {detokenise(target, s.target)}"
        for (source, target), tokens in list(zip(test, beamed, strict=True))[:4]
    )
    return Outcome(model, words, results, samples)


def _sacrebleu():
    try:
        import sacrebleu
    except ImportError:
        raise RecipeError(
            "translations are scored by the package sacrebleu, which is not installed: "
            "pip install sacrebleu"
        ) from None
    return sacrebleu


def _flat(batch, device):
    return (tensor.to(device) for side in batch for tensor in side)


@torch.no_grad()
def mean_loss(model, pairs):
    """-log p of a word of the true translations, in nats, on average."""
    total, N = 0.0, 0
    for batch in batches(sorted(pairs, key=lambda pair: len(pair[1])), 100):
        _, (_, target_mask) = batch
        n = int(target_mask[:, 1:].sum())
        total += model.loss(*_flat(batch, model.b.device)).item() * n
        N += n
    return total / N


@torch.no_grad()
def translate(model, pairs, vocab, beam):
    """The translations of the pairs' sources, as lists of words."""
    translations = {}
    # Sentences of similar length share a batch; the order is restored at the end.
    order = sorted(range(len(pairs)), key=lambda n: len(pairs[n][0]))
    for start in range(0, len(order), 50):
        numbers = order[start : start + 50]
        ((source, mask),) = batches([pairs[n][0] for n in numbers], len(numbers))
        state = model.start(source.to(model.b.device), mask.to(model.b.device))
        if beam == 1:
            best = greedy_decode(model.step, state, BOS, EOS, model.s.longest)
        else:
            best = [
                ranked[0][0]
                for ranked in beam_search(
                    model.step, state, BOS, EOS, model.s.longest, beam, model.s.length_penalty
                )
            ]
        translations.update(zip(numbers, best, strict=True))
    return [
        decode([token for token in translations[n] if token != EOS], vocab)
        for n in range(len(pairs))
    ]


@torch.no_grad()
def draw_attention(path, model, source, target, vocabs):
    """Draw which source words (columns) the model attended to as it wrote each word (rows)."""
    from rnncourse.plots import attention_map

    device = model.b.device
    read = torch.tensor([[*encode(source, vocabs[0]), EOS]], device=device)
    written = torch.tensor([[BOS, *encode(target, vocabs[1])]], device=device)
    _, a = model.readout(read, torch.ones_like(read, dtype=torch.bool), written)
    attention_map(a, [*source, "</s>"], [*target, "</s>"]).save(path)
