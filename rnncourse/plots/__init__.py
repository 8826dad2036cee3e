"""The course's pictures, drawn from data: networks, cells, gates, attention, searches, curves.

    from rnncourse import plots

    plots.unrolled(["how", "are", "you"])

Every function returns a `Picture`: the last line of a cell shows it, with a text for who cannot see
it; `.alt` is that text, `.save(path)` writes PNG, SVG or PDF. That text is written from the data;
`alt="…"` replaces it, and `title="…"` stands above the picture. Tensors, arrays and lists are taken
alike. Nothing is drawn at random, and matplotlib's settings stay as they are.
"""

from .bars import distribution
from .cell import cell, searched_cell
from .heatmaps import attention_map, gates, masks, states
from .lines import curves, gradient_norms
from .networks import language_model_wiring, sentiment_wiring, translation_wiring, unrolled
from .picture import Picture
from .points import embedding_map
from .tree import beam_tree

__all__ = [
    "Picture",
    "attention_map",
    "beam_tree",
    "cell",
    "curves",
    "distribution",
    "embedding_map",
    "gates",
    "gradient_norms",
    "language_model_wiring",
    "masks",
    "searched_cell",
    "sentiment_wiring",
    "states",
    "translation_wiring",
    "unrolled",
]
