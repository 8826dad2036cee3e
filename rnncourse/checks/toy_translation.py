"""A translation task that a small network learns in a second: 240 sentences about animals.

    the red cat sleeps -> le chat rouge dort

The adjective changes its place, and the article depends on a noun that comes later. A sentence is
numbers here; `text` gives the words back.
"""

from itertools import product

import torch
from torch import nn

NOUNS = {
    "cat": ("le", "chat"),
    "dog": ("le", "chien"),
    "horse": ("le", "cheval"),
    "rabbit": ("le", "lapin"),
    "mouse": ("la", "souris"),
    "cow": ("la", "vache"),
    "goat": ("la", "chèvre"),
    "hen": ("la", "poule"),
}
ADJECTIVES = {
    "red": "rouge",
    "yellow": "jaune",
    "calm": "calme",
    "sad": "triste",
    "fast": "rapide",
}
VERBS = {
    "sleeps": "dort",
    "eats": "mange",
    "runs": "court",
    "sings": "chante",
    "waits": "attend",
}
PAD, BOS, EOS = 0, 1, 2
ENGLISH = ("<pad>", "<bos>", "<eos>", "the", *NOUNS, *ADJECTIVES, *VERBS)
FRENCH = (
    *("<pad>", "<bos>", "<eos>", "le", "la"),
    *(noun for _, noun in NOUNS.values()),
    *ADJECTIVES.values(),
    *VERBS.values(),
)


def sentences():
    """All 240 pairs of sentences, as lists of words."""
    pairs = []
    for noun, adjective, verb in product(NOUNS, (None, *ADJECTIVES), VERBS):
        article, french = NOUNS[noun]
        if adjective is None:
            pair = ["the", noun, verb], [article, french, VERBS[verb]]
        else:
            pair = (
                ["the", adjective, noun, verb],
                [article, french, ADJECTIVES[adjective], VERBS[verb]],
            )
        pairs.append(pair)
    return pairs


def batch(pairs):
    """Some pairs as a batch.

    Returns source (B, S), its lengths (B,), target (B, T+1) with BOS and EOS, and the target's
    mask (B, T+1). Lengths differ, so there is padding in both.
    """
    sources = [[ENGLISH.index(word) for word in source] for source, _ in pairs]
    targets = [[BOS, *(FRENCH.index(word) for word in target), EOS] for _, target in pairs]
    target = _padded(targets)
    lengths = torch.tensor([len(row) for row in targets])
    mask = torch.arange(target.shape[1]) < lengths.unsqueeze(1)
    return _padded(sources), torch.tensor([len(row) for row in sources]), target, mask


def _padded(rows):
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


def splits(order, size=30):
    """Batches to train on (180 sentences), to validate with (24), and to test with (36).

    order: the numbers from 0 to 239 in random order, a tensor.
    """
    pairs = sentences()
    pairs = [pairs[index] for index in order.tolist()]
    train = [batch(pairs[start : start + size]) for start in range(0, 180, size)]
    return train, [batch(pairs[180:204])], [batch(pairs[204:])]


class Translator(nn.Module):
    """An encoder and a decoder, both GRUs: the lecture's section 4, with torch's fast parts."""

    def __init__(self, D=32, H=64):
        super().__init__()
        self.read, self.heard = nn.Embedding(len(ENGLISH), D), nn.Embedding(len(FRENCH), D)
        self.encoder = nn.GRU(D, H, batch_first=True)
        self.decoder = nn.GRU(D, H, batch_first=True)
        self.head = nn.Linear(H, len(FRENCH))

    def forward(self, source, lengths, words):
        """Shapes: source (B, S), lengths (B,), words (B, T) -> logits (B, T, V): what follows each
        of the words of the target sentence."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.read(source), lengths, batch_first=True, enforce_sorted=False
        )
        _, last = self.encoder(packed)
        states, _ = self.decoder(self.heard(words), last)
        return self.head(states)


@torch.no_grad()
def translate(model, source, lengths, longest=8):
    """The likeliest next word, again and again. Returns (B, longest): see `cut`."""
    words = torch.full((len(source), 1), BOS)
    for _ in range(longest):
        best = model(source, lengths, words)[:, -1].argmax(dim=1)
        words = torch.cat([words, best.unsqueeze(1)], dim=1)
    return words[:, 1:]


def cut(row):
    """The numbers of one sentence up to its EOS, as a list; all of them where there is none."""
    row = row.tolist()
    return row[: row.index(EOS)] if EOS in row else row


def text(row, language=FRENCH):
    """One row of numbers as words."""
    return " ".join(language[index] for index in cut(row) if index not in (PAD, BOS))
