"""Word vectors by skip-gram with negative sampling: similar contexts give similar vectors."""

import dataclasses
from collections import Counter

import torch
from torch import nn

from rnncourse.data import language
from rnncourse.recipes.run import Outcome
from rnncourse.reference.inputs import (
    SPECIALS,
    build_vocab,
    embed,
    negative_sampling_loss,
    noise_distribution,
    skipgram_pairs,
)

ABOUT = "word vectors: skip-gram with negative sampling, nearest neighbours"


@dataclasses.dataclass(frozen=True)
class Settings:
    D: int = 64
    min_count: int = 5
    lines: int = 0  # of the text, from its beginning; 0 for all
    window: int = 5
    negatives: int = 10
    threshold: float = 1e-3  # a share of the text: more frequent words are subsampled
    epochs: int = 20
    batch_size: int = 512
    learning_rate: float = 0.003


SETTINGS = {
    "python_manual": Settings(),
    "penn_treebank": Settings(D=100, batch_size=4096, epochs=6, threshold=1e-4),
    "wikitext2": Settings(D=100, batch_size=4096, epochs=4, threshold=1e-4, min_count=10),
}
MINUTES = {"python_manual": 1, "penn_treebank": 10, "wikitext2": 20}


class SkipGram(nn.Module):
    """E (V, D), the vectors of center words, and C (V, D), those of context words."""

    def __init__(self, V, D):
        super().__init__()
        # As in word2vec: E small and random, C at 0, so that every pair starts from log 2.
        self.E = nn.Parameter((torch.rand(V, D) - 0.5) / D)
        self.C = nn.Parameter(torch.zeros(V, D))

    def forward(self, center, context, negatives):
        """Shapes: center (B,), context (B,), negatives (B, K) -> loss (B,)."""
        return negative_sampling_loss(
            embed(center, self.E), embed(context, self.C), embed(negatives, self.C)
        )


def build(settings, words):
    return SkipGram(len(words["tokens"]), settings.D)


class Pairs:
    """Batches of pairs (center, context); each epoch subsamples the frequent words anew.

    A word whose share of the text is f stays with probability sqrt(threshold / f): the neighbours
    of "the" say little. Source: Mikolov et al. 2013, eq. 5.
    """

    def __init__(self, lines, keep, s, generator):
        self.lines, self.keep, self.s, self.generator = lines, keep, s, generator

    def __iter__(self):
        pairs = []
        for line in self.lines:
            stays = torch.rand(len(line), generator=self.generator) < self.keep[line]
            pairs.append(skipgram_pairs(line[stays], self.s.window))
        pairs = torch.cat(pairs)
        order = torch.randperm(len(pairs), generator=self.generator)
        return iter(pairs[order].split(self.s.batch_size))


def train(run, s):
    splits = language(run.data, "word")
    run.claim(s, splits.checksum())
    lines, held_out, _ = (part[: s.lines or None] for part in splits)
    vocab = build_vocab(lines, s.min_count)
    words = {"tokens": list(vocab)}
    counts = Counter(word for line in lines for word in line if word in vocab)
    counts = torch.tensor([counts[word] for word in vocab], dtype=torch.float32)
    p = noise_distribution(counts)
    keep = (s.threshold * counts.sum() / counts.clamp(min=1)).sqrt().clamp(max=1)

    def numbers(lines):  # rare words are left out, and the others close up
        known = ([vocab[word] for word in line if word in vocab] for line in lines)
        return [torch.tensor(line) for line in known if len(line) > 1]

    lines, held_out = numbers(lines), numbers(held_out)
    model = build(s, words).to(run.device)
    order, noise = run.generator(1), run.generator(2)
    valid = torch.cat([skipgram_pairs(line, s.window) for line in held_out])[:50_000]

    def negatives(pairs, generator):
        drawn = torch.multinomial(p, len(pairs) * s.negatives, True, generator=generator)
        return drawn.view(len(pairs), s.negatives)

    valid = [
        tensor.to(run.device)
        for tensor in (valid[:, 0], valid[:, 1], negatives(valid, run.generator(3)))
    ]

    def loss(model, pairs):
        drawn = negatives(pairs, noise).to(run.device)
        center, context = pairs.to(run.device).T
        return model(center, context, drawn).mean()

    run.fit(
        model,
        Pairs(lines, keep, s, order),
        loss,
        torch.optim.Adam(model.parameters(), lr=s.learning_rate),
        epochs=s.epochs,
        max_norm=5.0,
        validate=lambda model: model(*valid).mean(),
        schedule=lambda history: 1 - len(history) / s.epochs,
        generators=[order, noise],
        save_every=1000,
    )
    shown = [word for word in vocab if word.isalpha() and len(word) >= 5 and word not in SPECIALS]
    results = {
        "held-out context preferred to a noise word, %": 100 * _preferred(model, *valid),
        "held-out loss": run.best,
        "vocabulary": len(vocab),
    }
    _draw(run.folder / "vectors.png", model.E.detach().cpu(), vocab, shown[:80])
    return Outcome(model, words, results, _table(model.E.detach().cpu(), vocab, shown[:10]))


@torch.no_grad()
def _preferred(model, center, context, negatives):
    """How often the true word scores higher than one drawn from the noise; chance is 1/2."""
    vectors = embed(center, model.E)
    true = (vectors * embed(context, model.C)).sum(dim=1)
    noise = (vectors * embed(negatives[:, 0], model.C)).sum(dim=1)
    return ((true > noise).float() + 0.5 * (true == noise).float()).mean().item()


def neighbours(E, vocab, word, number=5):
    """The words whose vectors point most nearly in the same direction, and the cosines.

    Shapes: E (V, D), vocab {word: row of E} -> list of (word, cosine), nearest first.
    """
    E = nn.functional.normalize(E)
    cosines = E @ E[vocab[word]]
    cosines[[*range(len(SPECIALS)), vocab[word]]] = -2  # never trained, or the word itself
    best = cosines.topk(min(number, len(vocab) - len(SPECIALS) - 1))
    names = list(vocab)
    return [
        (names[row], cosine) for cosine, row in zip(*map(torch.Tensor.tolist, best), strict=True)
    ]


def _table(E, vocab, words):
    lines = []
    for word in words:
        nearest = ", ".join(f"{near} {cosine:.2f}" for near, cosine in neighbours(E, vocab, word))
        lines.append(f"{word:<12} {nearest}")
    return "\n".join(lines)


def _draw(path, E, vocab, words):
    """A map of the words by their normalised vectors."""
    from rnncourse.plots import embedding_map

    vectors = nn.functional.normalize(E)[[vocab[word] for word in words]]
    embedding_map(vectors, words, title="word vectors").save(path)
