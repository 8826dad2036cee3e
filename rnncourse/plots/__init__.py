"""The course's pictures, drawn from data: networks, cells, gates, attention, searches, curves.

    from rnncourse import plots

    plots.unrolled(["how", "are", "you"])

Every function returns a `Picture`: as the last line of a cell it shows itself, with a text for
people who cannot see it. `.alt` is that text, `.save(path)` writes PNG, SVG or PDF. The text is
written from the data; `alt="…"` replaces it, and `title="…"` adds a title. Arguments can be
tensors, arrays or lists. Nothing is drawn at random, and matplotlib's settings stay as they are.
"""

import importlib
from typing import Any

_HOME = {
    "Picture": "picture",
    "attention_map": "heatmaps",
    "beam_tree": "search_tree",
    "cell": "cells",
    "curves": "lines",
    "distribution": "bars",
    "embedding_map": "points",
    "gates": "heatmaps",
    "gradient_norms": "lines",
    "language_model_wiring": "wirings",
    "masks": "heatmaps",
    "searched_cell": "cells",
    "sentiment_wiring": "wirings",
    "states": "heatmaps",
    "translation_wiring": "wirings",
    "unrolled": "wirings",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    # Loaded on first use. Where a problem set hides the code that a picture needs (a beam search),
    # only that picture is missing.
    if name not in _HOME:
        raise AttributeError(f"module 'rnncourse.plots' has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
