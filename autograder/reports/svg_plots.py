"""The plots of the class report, as SVG to stand inside a page."""

import io
import re
from collections import Counter
from collections.abc import Callable
from html import escape

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from .class_report import TOP, ClassReport, cut, many, percent, short

# matplotlib writes these three into the SVG, where the page's own colours take their place: so a
# plot follows the page into the dark.
INK, RULE, FILL = "#010101", "#020202", "#030303"
# Orange, pale, blue (Okabe-Ito): apart for every common kind of colour blindness.
SHADES = LinearSegmentedColormap.from_list("rate", ["#d55e00", "#f3eee2", "#0072b2"])
DARK = 0.95  # from here on white stands out more than black does
FEW = 10  # students that an axis shows at least, if the class has them
SHARED = 9  # columns of the heat map for properties that several exercises have
OWN = 7  # and for those that an exercise has for itself
SETTINGS = {
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


def _svg(kind: str, width: float, height: float, words: str, draw: Callable[[Axes], None]) -> str:
    """A plot of a size in inches; words say what it shows to who cannot see it."""
    with rc_context({**SETTINGS, "svg.hashsalt": kind}):
        axes = Figure(figsize=(width, height), layout="constrained").add_subplot()
        draw(axes)
        axes.tick_params(length=0)
        file = io.StringIO()
        axes.figure.savefig(file, format="svg", transparent=True)
    svg = file.getvalue()
    # What an SVG of its own would need and one inside a page must not have: ids that repeat from
    # plot to plot, a style for everything, the addresses of its namespaces.
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    start = (
        f'<svg class="{kind}" role="img" aria-label="{escape(words)}" '
        f'viewBox="0 0 {72 * width:g} {72 * height:g}" style="--natural:{6 * width:.4g}rem">'
    )
    svg = re.sub(r"^.*?<svg[^>]*>", lambda _: start, svg, count=1, flags=re.DOTALL)
    for sentinel, colour in ((INK, "currentColor"), (RULE, "var(--rule)"), (FILL, "var(--bar)")):
        svg = svg.replace(sentinel, colour)
    return svg


def marks_plot(report: ClassReport) -> str:
    """A histogram of the marks."""
    marks, bins = report.marks, report.bins()

    def draw(axes: Axes) -> None:
        lows, highs, counts = zip(*bins, strict=True)
        width = highs[0]
        bars = axes.bar(lows, counts, width * 0.94, align="edge", color=FILL)
        axes.bar_label(bars, [count or "" for count in counts], padding=2)
        axes.axvline(marks.median, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), ymax=0.93)
        axes.text(
            marks.median,
            0.95,
            f" median {short(marks.median, 1)} ",
            transform=axes.get_xaxis_transform(),
            ha="right" if marks.median > highs[-1] / 2 else "left",
            va="center",
        )
        axes.set_title("Marks")
        axes.set_xlabel(f"points, of {short(report.top)}")
        axes.set_ylabel("students")
        axes.set_xlim(-width * 0.1, lows[-1] + width)
        axes.set_ylim(0, max(counts) * 1.3)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")

    words = f"Histogram of the marks of {many(marks.n, 'student')}: " + ", ".join(
        f"{count} from {short(low)} to {short(high)}" for low, high, count in bins if count
    )
    return _svg("marks", 4.8, 3.6, words, draw)


def misconceptions_plot(report: ClassReport) -> str:
    """Bars of the misconceptions that most students hold."""
    found, size = report.misconceptions[:TOP], len(report.students)

    def draw(axes: Axes) -> None:
        counts = [one.students for one in found]
        bars = axes.barh(range(len(found)), counts, height=0.36, color=FILL)
        axes.bar_label(bars, padding=4, fontweight="bold")
        for place, one in enumerate(found):
            axes.text(0, place - 0.24, cut(f"{one.exercise}: {one.title}", 50), va="bottom")
        axes.set_title("Most held misconceptions")
        axes.set_xlabel(f"students, of {size:,}")
        axes.set_ylabel("misconception")
        axes.set_yticks([])
        axes.set_xlim(0, max(max(counts) * 1.1, min(size, FEW)))
        axes.set_ylim(len(found) - 0.6, -0.95)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.spines.bottom.set_visible(False)

    words = "Bars of the most held misconceptions: " + ", ".join(
        f"{one.exercise}, {one.title}: {many(one.students, 'student')}" for one in found
    )
    return _svg("misconceptions", 4.8, 0.9 + 0.38 * len(found), words, draw)


def heat_plot(report: ClassReport) -> str:
    """Exercises × properties: first those that several exercises have, then each one's own."""
    uses = Counter(name for one in report.exercises for name in one.properties)
    shared = [name for name, count in uses.most_common() if count > 1][:SHARED]
    first, second = 1.18, 1.36 + len(shared)  # where the two groups begin
    own = 0
    rows = []  # of tiles: its place, whose share it shows, of how many
    for one in report.exercises:
        tiles = [] if one.full_share is None else [(0.0, "full marks", one.full, one.marked)]
        places = {name: first + n for n, name in enumerate(shared)}
        special = [name for name in one.properties if name not in places][:OWN]
        places |= {name: second + n for n, name in enumerate(special)}
        own = max(own, len(special))
        for name, place in places.items():
            each = one.properties.get(name)
            if each and each.tested:
                tiles.append((place, name, each.passed, each.tested))
        rows.append(tiles)

    def draw(axes: Axes) -> None:
        for y, (one, tiles) in enumerate(zip(report.exercises, rows, strict=True)):
            if one.full_share is None:
                why = "by hand" if one.waiting else "—"
                axes.text(0.5, y + 0.52, why, ha="center", va="center", size=8)
            for x, name, part, whole in tiles:
                share = part / whole
                axes.add_patch(
                    Rectangle((x + 0.03, y + 0.04), 0.94, 0.92, color=SHADES(share), lw=0)
                )
                ink = "#ffffff" if share >= DARK else "#111111"
                middle = {"ha": "center", "va": "center", "color": ink}
                height = 0.34 if x >= second else 0.52
                axes.text(x + 0.5, y + height, percent(part, whole), **middle)
                if x >= second:
                    axes.text(x + 0.5, y + 0.72, cut(name, 11), size=7.5, **middle)
        ticks = {0.5: "full marks"}
        ticks |= {first + n + 0.5: cut(name, 12) for n, name in enumerate(shared)}
        if own:
            ticks[second + own / 2] = "its own properties" if own > 1 else "its own"
        axes.set_title("Pass rate by exercise and property", pad=10)
        axes.set_xlim(0, second + own)
        axes.set_ylim(len(rows), 0)
        axes.set_xticks(list(ticks), ticks.values())
        names = [cut(one.name, 22) for one in report.exercises]
        axes.set_yticks([n + 0.5 for n in range(len(rows))], names)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("property", loc="right")
        axes.set_ylabel("exercise")
        axes.spines[:].set_visible(False)

    words = "Pass rates." + "".join(
        f" {one.name}: " + ", ".join(f"{name} {percent(*counts)}" for _, name, *counts in tiles)
        for one, tiles in zip(report.exercises, rows, strict=True)
    )
    width = 1.9 + 0.68 * (1 + len(shared) + own)
    return _svg("heat", width, 1.15 + 0.42 * len(rows), words, draw)
