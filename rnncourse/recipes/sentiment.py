"""Is a review good or bad: a bidirectional LSTM, its states summed."""

import dataclasses

import torch
from torch import nn

from rnncourse.data import batches, detokenise, sentiment
from rnncourse.recipes.dropout import drop
from rnncourse.recipes.run import Outcome
from rnncourse.reference.inputs import build_vocab, encode
from rnncourse.reference.layers import LSTM, Bidirectional
from rnncourse.reference.outputs import SentimentClassifier, sum_states
from rnncourse.reference.regularization import word_dropout

ABOUT = "good or bad reviews: bidirectional LSTM, sum of the states"


@dataclasses.dataclass(frozen=True)
class Settings:
    D: int = 100
    H: int = 100  # of each direction
    min_count: int = 1
    reviews: int = 0  # to train on; 0 for all
    longest: int = 400  # words of a review; the rest is not read
    epochs: int = 12
    batch_size: int = 50
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    p_word: float = 0.2
    p_input: float = 0.5
    p_output: float = 0.5


SETTINGS = {
    "synthetic": Settings(p_word=0.0, p_input=0.1, p_output=0.1, learning_rate=0.003, epochs=10),
    "sst2": Settings(),
    "rotten_tomatoes": Settings(),
    "imdb": Settings(min_count=5, epochs=6),
}
MINUTES = {"synthetic": 3, "sst2": 3, "rotten_tomatoes": 4, "imdb": 60}


class DroppedClassifier(SentimentClassifier):
    """The reference's `SentimentClassifier` with dropout: of words, of the network's inputs, and of
    the sum of its states."""

    def __init__(self, V, s, generator=None):
        rnn = Bidirectional(LSTM(s.D, s.H, bias=True), LSTM(s.D, s.H, bias=True))
        super().__init__(rnn, V, s.D, 2 * s.H, C=2)
        with torch.no_grad():
            self.E.mul_(0.1)  # so that training soon outweighs the initial values
        self.s, self.generator = s, generator

    def forward(self, tokens, mask):
        """Shapes: tokens (B, T), mask (B, T) -> logits (B, 2)."""
        xs = word_dropout(tokens, self.E, self.s.p_word, self.generator, self.training)
        hs, _ = self.rnn(drop(xs, self.s.p_input, self), mask.sum(dim=1))
        total = sum_states(hs, mask) / mask.sum(dim=1, keepdim=True) ** 0.5
        return drop(total.unsqueeze(1), self.s.p_output, self).squeeze(1) @ self.W_soft


def build(settings, words, generator=None):
    return DroppedClassifier(len(words["tokens"]), settings, generator)


def train(run, s):
    splits = sentiment(run.data)
    run.claim(s, splits.checksum())
    reviews = splits.train[: s.reviews or None]
    vocab = build_vocab((tokens for tokens, _ in reviews), s.min_count)
    words = {"tokens": list(vocab)}
    train, valid, test = (
        [(encode(tokens[: s.longest], vocab), label) for tokens, label in part]
        for part in (reviews, splits.valid, splits.test)
    )
    order, masks = run.generator(1), run.generator(2, run.device)
    model = build(s, words, masks).to(run.device)

    class Epoch:
        def __len__(self):
            return -(-len(train) // s.batch_size)

        def __iter__(self):
            return batches(train, s.batch_size, order)

    def loss(model, batch):
        (tokens, mask), labels = (_to(part, run.device) for part in batch)
        return nn.functional.cross_entropy(model(tokens, mask), labels)

    run.fit(
        model,
        Epoch(),
        loss,
        torch.optim.Adam(model.parameters(), lr=s.learning_rate, weight_decay=s.weight_decay),
        epochs=s.epochs,
        max_norm=5.0,
        # Of two epochs with the same number of mistakes, the one with the smaller loss.
        validate=lambda model: mistakes(model, valid) + 0.01 * mean_loss(model, valid),
        schedule=lambda history: 1 - len(history) / s.epochs,
        generators=[order, masks],
        save_every=500,
    )
    results = {
        "test accuracy, %": 100 * (1 - mistakes(model, test)),
        "valid accuracy, %": 100 * (1 - mistakes(model, valid)),
        "reviews to train": len(train),
        "vocabulary": len(vocab),
    }
    return Outcome(model, words, results, _samples(model, splits.test[:10], test[:10]))


def _to(part, device):
    if isinstance(part, tuple):
        return tuple(tensor.to(device) for tensor in part)
    return part.to(device)


@torch.no_grad()
def log_probabilities(model, examples):
    """log p of both labels for each example, (N, 2), and the true labels, (N,)."""
    rows, labels = [], []
    for (tokens, mask), label in batches(examples, 100):
        logits = model(tokens.to(model.E.device), mask.to(model.E.device))
        rows.append(logits.log_softmax(dim=1).cpu())
        labels.append(label)
    return torch.cat(rows), torch.cat(labels)


def mistakes(model, examples):
    """The share of the examples that get the wrong label."""
    log_p, labels = log_probabilities(model, examples)
    return (log_p.argmax(dim=1) != labels).double().mean().item()


def mean_loss(model, examples):
    return nn.functional.nll_loss(*log_probabilities(model, examples)).item()


def _samples(model, texts, examples):
    log_p, labels = log_probabilities(model, examples)
    lines = ["true  p(good)"]
    for (tokens, _), p, label in zip(texts, log_p.exp()[:, 1], labels, strict=True):
        lines.append(f"{('bad', 'good')[label]:<5} {p:.3f}    {detokenise(tokens)}")
    return "\n".join(lines)
