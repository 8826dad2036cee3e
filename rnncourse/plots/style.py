"""How all pictures look: one colour for each role, one font, one card to stand on."""

import contextlib
from collections.abc import Iterator

from matplotlib import rc_context, rcParamsDefault
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

__all__ = ["CARD", "DIVERGING", "INK", "LINES", "QUIET", "ROLES", "SHARE", "drawing", "tint"]

CARD = "#ffffff"
INK = "#1a1a1a"
QUIET = "#6b6b6b"  # what is not the point: axes, ids, what was dropped

# Okabe and Ito's colours: apart for every common kind of colour blindness.
GREEN, BLUE, RED, ORANGE = "#009e73", "#0072b2", "#d55e00", "#e69f00"
PURPLE, SKY = "#cc79a7", "#56b4e9"
ROLES = {
    "input": GREEN,
    "state": BLUE,
    "encoder": BLUE,
    "decoder": RED,
    "output": ORANGE,
    "attention": PURPLE,
    "parameter": QUIET,
    "sigmoid": ORANGE,
    "tanh": SKY,
    "relu": PURPLE,
    "plain": QUIET,
}
# For curves: colour, dashes and marker, so that no two differ by colour alone.
LINES = [
    (BLUE, "-", "o"),
    (RED, "--", "s"),
    (GREEN, "-.", "^"),
    (PURPLE, ":", "D"),
    (ORANGE, (0, (5, 1, 1, 1, 1, 1)), "v"),
    (INK, (0, (1, 1)), "x"),
    (SKY, (0, (8, 2)), "P"),
]
SHARE = LinearSegmentedColormap.from_list("share", ["#ffffff", "#9ecae9", "#2a7ab9", "#08305c"])
DIVERGING = LinearSegmentedColormap.from_list(
    "diverging", ["#8c3b00", RED, "#f3b58a", "#ffffff", "#8cc1e3", BLUE, "#003b5e"]
)
for _map in (SHARE, DIVERGING):
    _map.set_bad("#bbbbbb")

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "mathtext.fontset": "dejavusans",
    "text.parse_math": False,  # a $ in a word is a $
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.labelsize": 10.0,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 9.0,
    "legend.frameon": False,
    "figure.facecolor": CARD,
    "axes.facecolor": CARD,
    "savefig.facecolor": CARD,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "svg.hashsalt": "rnncourse",
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.w_pad": 0.12,
    **dict.fromkeys(["axes.edgecolor", "xtick.color", "ytick.color"], QUIET),
    **dict.fromkeys(["text.color", "axes.titlecolor", "axes.labelcolor"], INK),
    **dict.fromkeys(["xtick.labelcolor", "ytick.labelcolor"], INK),
}


def settings() -> contextlib.AbstractContextManager[None]:
    """matplotlib's defaults and the course's style, whatever the reader has set; then as before."""
    kept = ("backend", "interactive", "toolbar", "timezone")
    default = {key: rcParamsDefault[key] for key in rcParamsDefault if not key.startswith(kept)}
    return rc_context({**default, **STYLE})


@contextlib.contextmanager
def drawing(width: float, height: float, layout: str | None = "constrained") -> Iterator[Figure]:
    """A figure of a size in inches, drawn in the course's style; pyplot never hears of it."""
    with settings():
        yield Figure(figsize=(width, height), layout=layout)


def tint(colour: str, share: float = 0.2) -> tuple[float, ...]:
    """A colour mixed with white, to write upon."""
    return tuple(1 - share * (1 - part) for part in to_rgb(colour))
