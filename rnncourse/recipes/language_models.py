"""The language model of the recipes `characters` and `words`, which differ in their tokens."""

import dataclasses
import math

import torch
from torch import nn
from torch.func import functional_call

from rnncourse.data import blocks, language, stream
from rnncourse.recipes.dropout import drop
from rnncourse.recipes.run import Outcome
from rnncourse.recipes.softmax_loss import softmax_loss
from rnncourse.reference.decoding import sample_decode
from rnncourse.reference.inputs import build_vocab, decode, encode
from rnncourse.reference.layers import LSTM
from rnncourse.reference.outputs import LanguageModel
from rnncourse.reference.regularization import (
    activation_penalty,
    dropout_mask,
    temporal_penalty,
    word_dropout,
)

__all__ = ["RegularizedLanguageModel", "Settings", "StackedLSTM", "build_model", "train_model"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """Sizes, training, and lecture section 7. regularize=no switches the last group off."""

    H: int = 256
    layers: int = 1
    min_count: int = 1  # rarer tokens are <unk>
    lines: int = 0  # of the text, from its beginning; 0 for all
    epochs: int = 12
    batch_size: int = 32
    steps: int = 35  # of truncated back-propagation through time
    learning_rate: float = 0.003
    max_norm: float = 1.0
    regularize: bool = True
    p_word: float = 0.1
    p_input: float = 0.3
    p_hidden: float = 0.25  # between layers
    p_output: float = 0.4
    p_weight: float = 0.3
    activation: float = 2.0  # AR and TAR: factors of the mean over all numbers of all states
    temporal: float = 1.0


class StackedLSTM(nn.Module):
    """Layers of LSTM, with the masks of lecture section 7: on the input and between layers one mask
    for all steps of a sequence, and one mask for the recurrent weights of each layer.

    The masks are drawn from the generator, in train mode.
    """

    def __init__(self, H, layers, p_input=0.0, p_hidden=0.0, p_weight=0.0, generator=None):
        super().__init__()
        self.H, self.generator = H, generator
        self.p_input, self.p_hidden, self.p_weight = p_input, p_hidden, p_weight
        self.layers = nn.ModuleList(LSTM(H, H, bias=True) for _ in range(layers))
        with torch.no_grad():
            for layer in self.layers:
                layer.b[H : 2 * H] = 1  # the forget gate starts open

    def forward(self, xs, lengths=None, state=None):
        """Shapes: xs (B, T, H), state a tuple of (h, c) for each layer (None: zeros)
        -> (hs (B, T, H), state)."""
        states = []
        for number, layer in enumerate(self.layers):
            xs = drop(xs, self.p_hidden if number else self.p_input, self)
            W = layer.W
            if self.training and self.p_weight:
                W_x, W_h = W.split(self.H)
                mask = dropout_mask(W_h.shape, self.p_weight, self.generator, like=W_h)
                W = torch.cat([W_x, W_h * mask])
            first = None if state is None else state[number]
            # The layer with other weights: the fast LSTM has no dropout of its own.
            xs, last = functional_call(layer, {"W": W}, (xs, lengths, first))
            states.append(last)
        return xs, tuple(states)


class RegularizedLanguageModel(LanguageModel):
    """The reference's tied `LanguageModel` with a bias, dropout of words and of the last states.

    The state after the last training batch is a buffer, so that checkpoints include it.
    """

    def __init__(self, V, settings, generator=None):
        s = settings if settings.regularize else dataclasses.replace(settings, **NOTHING)
        H = s.H
        rnn = StackedLSTM(H, s.layers, s.p_input, s.p_hidden, s.p_weight, generator)
        super().__init__(rnn, V, H, H, tied=True)
        self.b = nn.Parameter(torch.zeros(V))
        self.generator = generator
        self.p_word, self.p_output = s.p_word, s.p_output
        self.activation, self.temporal = s.activation, s.temporal
        self.register_buffer("carried", torch.zeros(s.layers, 2, s.batch_size, H))

    def forward(self, tokens, lengths=None, state=None):
        """As `LanguageModel.forward`."""
        logits, state = super().forward(tokens, lengths, state)
        return logits + self.b, state

    def loss(self, first, tokens, targets):
        """The loss of a block, which starts from the previous one's last state (first: from zeros).

        Shapes: tokens (B, T), targets (B, T) -> a scalar, in nats, penalties included.
        """
        state = None if first else tuple(tuple(layer) for layer in self.carried)
        if self.p_word:
            xs = word_dropout(tokens, self.E, self.p_word, self.generator, self.training)
        else:
            xs = self.E[tokens]
        hs, state = self.rnn(xs, None, state)
        self.carried = torch.stack([torch.stack(layer) for layer in state]).detach()
        dropped = drop(hs, self.p_output, self)
        loss = softmax_loss(dropped.flatten(0, 1), self.E, self.b, targets.flatten())
        if self.activation or self.temporal:
            everywhere = torch.ones_like(tokens, dtype=torch.bool)
            loss = loss + self.activation * activation_penalty(dropped, everywhere) / hs.numel()
            loss = loss + self.temporal * temporal_penalty(hs, everywhere) / hs.numel()
        return loss


REGULARIZERS = ("p_word", "p_input", "p_hidden", "p_output", "p_weight", "activation", "temporal")
NOTHING = dict.fromkeys(REGULARIZERS, 0.0)


def build_model(settings, words, generator=None):
    return RegularizedLanguageModel(len(words["tokens"]), settings, generator)


def train_model(run, s, level, end, measure):
    """Train on run.data, and return the outcome.

    level, end: see `language` and `stream`. measure: the name of what is reported, and the function
    that computes it from the mean loss in nats.
    """
    splits = language(run.data, level)
    run.claim(s, splits.checksum())
    texts = [stream(lines[: s.lines or None], end) for lines in splits]
    vocab = build_vocab([texts[0]], s.min_count)
    train, valid, test = (encode(text, vocab) for text in texts)
    words = {"tokens": list(vocab)}

    generator = run.generator(1, run.device)
    model = build_model(s, words, generator).to(run.device)
    training_blocks = [
        (number == 0, *block) for number, block in enumerate(blocks(train, s.batch_size, s.steps))
    ]

    def loss(model, batch):
        first, tokens, targets = batch
        return model.loss(first, tokens.to(run.device), targets.to(run.device))

    optimizer = torch.optim.Adam(model.parameters(), lr=s.learning_rate)
    run.fit(
        model,
        training_blocks,
        loss,
        optimizer,
        epochs=s.epochs,
        max_norm=s.max_norm,
        validate=lambda model: mean_loss(model, valid, 10),
        # The learning rate falls linearly.
        schedule=lambda history: 1 - len(history) / s.epochs,
        generators=[generator],
        save_every=200,
    )
    name, convert = measure
    results = {
        f"test {name}": convert(mean_loss(model, test, 1)),
        f"valid {name}": convert(mean_loss(model, valid, 1)),
        "tokens to train": len(train),
        "vocabulary": len(vocab),
    }
    return Outcome(model, words, results, _samples(model, vocab, end, run.generator(2)))


@torch.no_grad()
def mean_loss(model, ids, rows):
    """-log p of a token, in nats, on average; the text is cut into that number of rows."""
    device = model.E.device
    rows = min(rows, len(ids) - 1)
    state, total, N = None, 0.0, 0
    for tokens, targets in blocks(ids, rows, 200):
        tokens, targets = tokens.to(device), targets.to(device)
        hs, state = model.rnn(model.E[tokens], None, state)
        loss = softmax_loss(hs.flatten(0, 1), model.E, model.b, targets.flatten())
        total += loss.item() * targets.numel()
        N += targets.numel()
    return total / N


def _samples(model, vocab, end, generator, number=3, length=60):
    """Texts that the model samples, each from the beginning of a line."""
    device = model.E.device

    def step(tokens, state):
        logits, state = model(tokens.unsqueeze(1), None, state)
        return logits.squeeze(1), state

    H = model.rnn.H
    zeros = tuple((torch.zeros(number, H, device=device),) * 2 for _ in model.rnn.layers)
    no_end = -1  # no token ends the sample
    texts = sample_decode(step, zeros, vocab[end], no_end, length, 0.8, 40, generator)
    separator = "" if end == "\n" else " "
    return "\n".join(separator.join(decode(text, vocab)).strip() for text in texts)


def perplexity(nats):
    return math.exp(nats)


def bits(nats):
    return nats / math.log(2)
