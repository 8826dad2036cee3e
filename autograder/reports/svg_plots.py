"""The plots of the class report, as SVG elements for an HTML page."""

import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from .class_report import ClassReport, ExerciseMarks
from .wording import format_points, percent, pluralise, truncate

# matplotlib writes these three into the SVG, where the page's own colours take their place: so a
# plot follows the page's dark mode.
INK, RULE, FILL = "#010101", "#020202", "#030303"
# Orange, pale, blue (Okabe-Ito): apart for every common kind of colour blindness.
SHADES = LinearSegmentedColormap.from_list("rate", ["#d55e00", "#f3eee2", "#0072b2"])
DARK = 0.95  # from here on white stands out more than black does
MIN_AXIS = 10  # students that an axis shows at least, if the class has them
MAX_SHARED = 9  # columns of the heat map for properties that several exercises have
MAX_OWN = 7  # and for those that only one exercise has
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the page's own font
    "text.parse_math": False,  # a $ in a name is a $
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "grid.linewidth": 0.6,
    **dict.fromkeys(["axes.spines.left", "axes.spines.top", "axes.spines.right"], False),
    **dict.fromkeys(["axes.edgecolor", "grid.color", "xtick.color", "ytick.color"], RULE),
    **dict.fromkeys(["text.color", "axes.titlecolor", "axes.labelcolor"], INK),
    **dict.fromkeys(["xtick.labelcolor", "ytick.labelcolor"], INK),
}


def marks_plot(report: ClassReport) -> str:
    """A histogram of the marks."""
    marks, bins = report.marks, report.histogram()

    def draw(axes: Axes) -> None:
        lows = [marks_bin.low for marks_bin in bins]
        counts = [marks_bin.students for marks_bin in bins]
        width, top = bins[0].high, bins[-1].high
        bars = axes.bar(lows, counts, width * 0.94, align="edge", color=FILL)
        axes.bar_label(bars, [str(count or "") for count in counts], padding=2)
        axes.axvline(marks.median, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), ymax=0.93)
        axes.text(
            marks.median,
            0.95,
            f" median {format_points(marks.median, 1)} ",
            transform=axes.get_xaxis_transform(),
            ha="right" if marks.median > top / 2 else "left",
            va="center",
        )
        axes.set_title("Marks")
        axes.set_xlabel(f"points, of {format_points(report.max_points)}")
        axes.set_ylabel("students")
        axes.set_xlim(-width * 0.1, lows[-1] + width)
        axes.set_ylim(0, max(counts) * 1.3)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")

    alt_text = f"Histogram of the marks of {pluralise(marks.count, 'student')}: " + ", ".join(
        f"{students} from {format_points(low)} to {format_points(high)}"
        for low, high, students in bins
        if students
    )
    return _svg("marks", 4.8, 3.6, alt_text, draw)


def misconceptions_plot(report: ClassReport, limit: int) -> str:
    """Bars of the misconceptions that most students hold, `limit` of them."""
    held, size = report.misconceptions[:limit], len(report.students)

    def draw(axes: Axes) -> None:
        counts = [misconception.students for misconception in held]
        bars = axes.barh(range(len(held)), counts, height=0.36, color=FILL)
        axes.bar_label(bars, padding=4, fontweight="bold")
        for y, misconception in enumerate(held):
            label = truncate(f"{misconception.exercise}: {misconception.title}", 50)
            axes.text(0, y - 0.24, label, va="bottom")
        axes.set_title("Most common misconceptions")
        axes.set_xlabel(f"students, of {size:,}")
        axes.set_ylabel("misconception")
        axes.set_yticks([])
        axes.set_xlim(0, max(max(counts) * 1.1, min(size, MIN_AXIS)))
        axes.set_ylim(len(held) - 0.6, -0.95)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.spines.bottom.set_visible(False)

    alt_text = "Bars of the most common misconceptions: " + ", ".join(
        f"{misconception.exercise}, {misconception.title}: "
        f"{pluralise(misconception.students, 'student')}"
        for misconception in held
    )
    return _svg("misconceptions", 4.8, 0.9 + 0.38 * len(held), alt_text, draw)


@dataclass(frozen=True)
class _Tile:
    """A pass rate in the heat map, at column x."""

    x: float
    name: str
    passed: int
    tested: int


def heat_plot(report: ClassReport) -> str:
    """Exercises × properties: first those that several exercises have, then each one's own."""
    uses = Counter(name for exercise in report.exercises for name in exercise.properties)
    shared = [name for name, count in uses.most_common() if count > 1][:MAX_SHARED]
    shared_x, own_x = 1.18, 1.36 + len(shared)  # where the two groups of columns begin
    own = [
        [name for name in exercise.properties if name not in shared][:MAX_OWN]
        for exercise in report.exercises
    ]
    own_columns = max(map(len, own), default=0)
    rows = []
    for exercise, own_names in zip(report.exercises, own, strict=True):
        columns = {name: shared_x + n for n, name in enumerate(shared)}
        columns |= {name: own_x + n for n, name in enumerate(own_names)}
        rows.append(_heat_row(exercise, columns))

    def draw(axes: Axes) -> None:
        for y, (exercise, tiles) in enumerate(zip(report.exercises, rows, strict=True)):
            if exercise.full_share is None:
                why = "by hand" if exercise.waiting else "—"
                axes.text(0.5, y + 0.52, why, ha="center", va="center", size=8)
            for tile in tiles:
                _draw_tile(axes, tile, y, named=tile.x >= own_x)
        ticks = {0.5: "full marks"}
        ticks |= {shared_x + n + 0.5: truncate(name, 12) for n, name in enumerate(shared)}
        if own_columns:
            label = "its own properties" if own_columns > 1 else "its own"
            ticks[own_x + own_columns / 2] = label
        axes.set_title("Pass rate by exercise and property", pad=10)
        axes.set_xlim(0, own_x + own_columns)
        axes.set_ylim(len(rows), 0)
        axes.set_xticks(list(ticks), list(ticks.values()))
        names = [truncate(exercise.name, 22) for exercise in report.exercises]
        axes.set_yticks([y + 0.5 for y in range(len(rows))], names)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("property", loc="right")
        axes.set_ylabel("exercise")
        axes.spines[:].set_visible(False)

    alt_text = "Pass rates."
    for exercise, tiles in zip(report.exercises, rows, strict=True):
        rates = (f"{tile.name} {percent(tile.passed, tile.tested)}" for tile in tiles)
        alt_text += f" {exercise.name}: {', '.join(rates)}"
    width = 1.9 + 0.68 * (1 + len(shared) + own_columns)
    return _svg("heat", width, 1.15 + 0.42 * len(rows), alt_text, draw)


def _heat_row(exercise: ExerciseMarks, columns: dict[str, float]) -> list[_Tile]:
    """The tiles of an exercise. columns: the name of a property → its x."""
    tiles = []
    if exercise.full_share is not None:
        tiles.append(_Tile(0.0, "full marks", exercise.full, exercise.marked))
    for name, x in columns.items():
        prop = exercise.properties.get(name)
        if prop and prop.tested:
            tiles.append(_Tile(x, name, prop.passed, prop.tested))
    return tiles


def _draw_tile(axes: Axes, tile: _Tile, y: float, named: bool) -> None:
    """named: with the property's name, where the column's head does not say it."""
    share = tile.passed / tile.tested
    corner = (tile.x + 0.03, y + 0.04)
    axes.add_patch(Rectangle(corner, 0.94, 0.92, color=SHADES(share), lw=0))
    colour = "#ffffff" if share >= DARK else "#111111"
    middle: dict[str, Any] = {"ha": "center", "va": "center", "color": colour}
    height = 0.34 if named else 0.52
    axes.text(tile.x + 0.5, y + height, percent(tile.passed, tile.tested), **middle)
    if named:
        axes.text(tile.x + 0.5, y + 0.72, truncate(tile.name, 11), size=7.5, **middle)


def _svg(
    kind: str, width: float, height: float, alt_text: str, draw: Callable[[Axes], None]
) -> str:
    """A plot of a size in inches, as one SVG element of class `kind`."""
    with rc_context({**SETTINGS, "svg.hashsalt": kind}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.tick_params(length=0)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True)
    svg = file.getvalue()
    # What an SVG of its own would need and one inside a page must not have: ids that repeat from
    # plot to plot, a style for everything, the addresses of its namespaces.
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    start = (
        f'<svg class="{kind}" role="img" aria-label="{escape(alt_text)}" '
        f'viewBox="0 0 {72 * width:g} {72 * height:g}" style="--natural:{6 * width:.4g}rem">'
    )
    svg = re.sub(r"^.*?<svg[^>]*>", lambda _: start, svg, count=1, flags=re.DOTALL)
    for sentinel, colour in ((INK, "currentColor"), (RULE, "var(--rule)"), (FILL, "var(--bar)")):
        svg = svg.replace(sentinel, colour)
    return svg
