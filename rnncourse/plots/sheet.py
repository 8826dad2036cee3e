"""A sheet to draw diagrams on, in inches. It is as large as its content."""

import functools
from collections.abc import Callable
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from .style import CARD, INK, ROLES, drawing, tint

__all__ = ["Sheet", "width_of"]

MARGIN = 0.18
POINT = 1 / 72


@functools.lru_cache(4096)
def width_of(text: str, size: float = 10, weight: str = "normal", math: bool = False) -> float:
    """The width of a text, in inches."""
    if not text.strip():
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight=weight, math_fontfamily="dejavusans")
    if math and "$" in text:
        font.set_size(size)
        return MathTextParser("path").parse(text, 72, font)[0] * POINT
    text = text.replace("$", "S")  # as wide, and not mathematics
    return TextPath((0, 0), text, size=size, prop=font, usetex=False).get_extents().width * POINT


class Sheet:
    """Collects shapes until `figure()` draws them, when the size of the sheet is known."""

    def __init__(self) -> None:
        self._drawings: list[Callable[[Axes], object]] = []
        self._xs: list[float] = []
        self._ys: list[float] = []

    def _reach(self, x: float, y: float, width: float = 0, height: float = 0) -> None:
        self._xs += [x - width / 2, x + width / 2]
        self._ys += [y - height / 2, y + height / 2]

    def box(
        self,
        x,
        y,
        text,
        role="plain",
        *,
        width=None,
        height=0.34,
        size=10,
        shape="round",
        math=False,
        line=1.3,
        dashed=False,
        fill=0.2,
        ink=INK,
        level=3,
    ):
        """A shape with a text and its centre at (x, y); shape: "round", "square" or "circle"."""
        colour = ROLES.get(role, role)
        if width is None:
            width = max(height, width_of(text, size, math=math) + 0.2)
        self._reach(x, y, width, height)

        def draw(axes):
            look = {
                "facecolor": tint(colour, fill),
                "edgecolor": colour,
                "linewidth": line,
                "linestyle": "--" if dashed else "-",
                "zorder": level,
            }
            if shape == "circle":
                axes.add_patch(Circle((x, y), height / 2, **look))
            else:
                radius = 0.02 if shape == "square" else min(0.12, height / 2.5)
                style = f"round,pad=0,rounding_size={radius}"
                corner = (x - width / 2, y - height / 2)
                axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, **look))
            axes.text(
                x,
                y,
                text,
                ha="center",
                va="center_baseline",
                size=size,
                color=ink,
                parse_math=math,
                zorder=4,
            )

        self._drawings.append(draw)

    def text(
        self,
        x,
        y,
        text,
        *,
        size=9,
        color=INK,
        ha="center",
        va="center",
        math=False,
        weight="normal",
    ):
        """A text at the point (x, y): centred on it, or beside it."""
        width = width_of(text, size, weight, math)
        left = {"left": 0, "center": -width / 2, "right": -width}[ha]
        self._xs += [x + left, x + left + width]
        self._ys += [y - size * POINT, y + size * POINT]

        def draw(axes):
            axes.text(
                x,
                y,
                text,
                size=size,
                color=color,
                ha=ha,
                va=va,
                parse_math=math,
                weight=weight,
                zorder=5,
            )

        self._drawings.append(draw)

    def arrow(self, start, end, role="plain", *, line=1.3):
        """An arrow from one point to another."""
        colour = ROLES.get(role, role)
        self._reach(*start)
        self._reach(*end)

        def draw(axes):
            axes.add_patch(
                FancyArrowPatch(
                    start,
                    end,
                    arrowstyle="-|>",
                    mutation_scale=9,
                    color=colour,
                    linewidth=line,
                    shrinkA=0,
                    shrinkB=0,
                    zorder=2,
                )
            )

        self._drawings.append(draw)

    def path(self, points, role="plain", *, line=1.3, head=True):
        """Straight lines through all points, with an arrow head at the last one."""
        colour = ROLES.get(role, role)
        for point in points:
            self._reach(*point)

        def draw(axes):
            xs, ys = zip(*points[:-1] if head else points, strict=True)
            axes.plot(xs, ys, color=colour, linewidth=line, zorder=2)

        if len(points) > 2 or not head:
            self._drawings.append(draw)
        if head:
            self.arrow(points[-2], points[-1], role, line=line)

    def flow(self, points, role="plain", *, line=1.3, dashed=False):
        """A smooth arrow from left to right through all points, horizontal at each."""
        colour = ROLES.get(role, role)
        for point in points:
            self._reach(*point)
        *before, (x, y) = points
        stops = [*before, (x - 0.05, y)]
        corners, codes = [stops[0]], [Path.MOVETO]
        for (x0, y0), (x1, y1) in pairwise(stops):
            half = (x1 - x0) / 2
            corners += [(x0 + half, y0), (x1 - half, y1), (x1, y1)]
            codes += [Path.CURVE4] * 3

        def draw(axes):
            axes.add_patch(
                PathPatch(
                    Path(corners, codes),
                    facecolor="none",
                    edgecolor=colour,
                    linewidth=line,
                    linestyle="--" if dashed else "-",
                    zorder=2,
                )
            )

        self._drawings.append(draw)
        self.arrow((x - 0.1, y), (x, y), role, line=line)

    def gap(self, x, y, width, height):
        """A gap in a bar, through which a line passes."""
        corner = (x - width / 2, y - height / 2)
        self._drawings.append(
            lambda axes: axes.add_patch(
                Rectangle(corner, width, height, facecolor=CARD, edgecolor="none", zorder=1.5)
            )
        )

    def figure(self, title: str | None = None) -> Figure:
        """Draw everything that is on the sheet, with a margin around it."""
        left, right = min(self._xs) - MARGIN, max(self._xs) + MARGIN
        bottom, top = min(self._ys) - MARGIN, max(self._ys) + MARGIN
        if title:
            top += 0.25
            extra = width_of(title, 11) + 2 * MARGIN - (right - left)
            left, right = left - max(0, extra) / 2, right + max(0, extra) / 2
        with drawing(right - left, top - bottom, layout=None) as figure:
            axes = figure.add_axes((0, 0, 1, 1))
            axes.set_xlim(left, right)
            axes.set_ylim(bottom, top)
            axes.set_axis_off()
            for draw in self._drawings:
                draw(axes)
            if title:
                axes.text((left + right) / 2, top - 0.22, title, size=11, ha="center", va="center")
        return figure
