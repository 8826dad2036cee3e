"""Data: one loader for each task, one call each, and a helper that makes batches.

    from rnncourse.data import batches, language, names, sentiment, toy, translation

    train, valid, test = translation()              # built in, no download
    train, valid, test = translation("multi30k", "de", "en")

A loader returns a `Splits`: plain lists, with their source and licence. Every loader has a built-in
default that needs no internet; the standard sets are downloaded on first use into `cache_folder()`.
docs/data.md has a table of all sources, licences and sizes.
"""

from .batches import batches, blocks, stream
from .download import DataError, cache_folder
from .language import language
from .names import names
from .sentiment import sentiment
from .splits import Splits
from .tokenisation import detokenise, tokenise
from .toys import toy
from .translation import translation

__all__ = [
    "DataError",
    "Splits",
    "batches",
    "blocks",
    "cache_folder",
    "detokenise",
    "language",
    "names",
    "sentiment",
    "stream",
    "tokenise",
    "toy",
    "translation",
]
