"""The style of all pictures: a colour for each role, a font, a light background."""

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

from matplotlib import rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

__all__ = [
    "ATTENTION",
    "BLUE",
    "CARD",
    "DIVERGING",
    "GREEN",
    "INK",
    "ORANGE",
    "PURPLE",
    "QUIET",
    "RED",
    "ROLES",
    "SHARE",
    "SKY",
    "drawing",
    "legend",
    "line_look",
    "settings",
    "tint",
]

CARD = "#ffffff"
INK = "#1a1a1a"
QUIET = "#6b6b6b"  # for the background: axes, ids, dropped items

# Okabe and Ito's colours, which people with colour blindness can tell apart.
GREEN, BLUE, RED, ORANGE = "#009e73", "#0072b2", "#d55e00", "#e69f00"
PURPLE, SKY = "#cc79a7", "#56b4e9"
OLIVE = "#bfae00"  # their yellow, dark enough for a line
ROLES = {
    "input": GREEN,
    "state": BLUE,
    "encoder": BLUE,
    "decoder": RED,
    "output": ORANGE,
    "attention": PURPLE,
    "parameter": QUIET,
    "sigmoid": OLIVE,
    "tanh": SKY,
    "relu": INK,
    "plain": QUIET,
}
# For curves: colour, dashes and marker, so that no two differ by colour alone.
_LINES = [
    (BLUE, "-", "o"),
    (RED, "--", "s"),
    (GREEN, "-.", "^"),
    (PURPLE, ":", "D"),
    (ORANGE, (0, (5, 1, 1, 1, 1, 1)), "v"),
    (INK, (0, (1, 1)), "x"),
    (SKY, (0, (8, 2)), "P"),
]


def _shades(name: str, *colours: str) -> Colormap:
    """A colour map through these colours; NaN is grey."""
    return LinearSegmentedColormap.from_list(name, colours).with_extremes(bad="#bbbbbb")


SHARE = _shades("share", "#ffffff", "#9ecae9", "#2a7ab9", "#08305c")
ATTENTION = _shades("attention", "#ffffff", "#eac8dc", PURPLE, "#8f3f6b", "#3d0f2a")
DIVERGING = _shades("diverging", "#8c3b00", RED, "#f3b58a", "#ffffff", "#8cc1e3", BLUE, "#003b5e")

STYLE = {
    "font.family": "DejaVu Sans",  # part of matplotlib: the same picture on every machine
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
    "hatch.linewidth": 0.6,
    "figure.titlesize": 11.0,
    "svg.hashsalt": "rnncourse",
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.w_pad": 0.12,
    **dict.fromkeys(["axes.edgecolor", "xtick.color", "ytick.color"], QUIET),
    **dict.fromkeys(["text.color", "axes.titlecolor", "axes.labelcolor"], INK),
    **dict.fromkeys(["xtick.labelcolor", "ytick.labelcolor"], INK),
}


def settings() -> contextlib.AbstractContextManager[None]:
    """A context with matplotlib's defaults and the course's style, whatever the reader has set."""
    excluded = ("backend", "interactive", "toolbar", "timezone")
    default = {key: rcParamsDefault[key] for key in rcParamsDefault if not key.startswith(excluded)}
    parameters: dict[Any, Any] = {**default, **STYLE}
    return rc_context(parameters)


@contextlib.contextmanager
def drawing(
    width: float, height: float, layout: Literal["constrained"] | None = "constrained"
) -> Iterator[Figure]:
    """A figure of a size in inches, in the course's style, and not registered with pyplot."""
    with settings():
        yield Figure(figsize=(width, height), layout=layout)


def line_look(n: int) -> tuple[str, object, str]:
    """Colour, dashes and marker of line or group number n."""
    colour = _LINES[n % len(_LINES)][0]
    # In the next rounds the colours come with other dashes and markers.
    _, dashes, marker = _LINES[(n + n // len(_LINES)) % len(_LINES)]
    return colour, dashes, marker


def legend(axes: Axes, names: list[str], width: float) -> int:
    """Draw a legend above axes of this width. Returns the number of its rows."""
    column = 0.75 + 0.08 * max(map(len, names))
    columns = max(1, min(len(names), int(width / column)))
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=columns, handlelength=3.0)
    return -(-len(names) // columns)


def tint(colour: str, share: float = 0.2) -> tuple[float, ...]:
    """A colour mixed with white, as a background for text."""
    return tuple(1 - share * (1 - part) for part in to_rgb(colour))
