"""Heat maps over time: states, gates, dropout masks and attention."""

import numpy as np
from matplotlib.colors import ListedColormap

from .picture import Picture
from .sheet import width_of
from .style import ATTENTION, DIVERGING, INK, QUIET, SHARE, drawing
from .values import array, count, cut, labels, named, number

__all__ = ["attention_map", "gates", "masks", "states"]

# In inches.
MAX_WIDTH = 8.0  # of all cells side by side
MIN_COLUMN = 0.18  # narrower columns do not each have their word
MARGIN, BAR = 0.2, 0.13
SIZE = 9  # of words, in points


def states(hs, words=None, *, title=None, alt=None):
    """A hidden sequence over time: a row for each unit, a column for each step.

    Shapes: hs (T, H), or (1, T, H). words: T words to stand below the steps.
    Errors: ValueError when hs is not (T, H), or words are not T.
    """
    panels = {"": array(hs, "hs", "T", "H")}
    return _over_time("States", panels, words, title, alt)


def gates(gates, words=None, *, title=None, alt=None):
    """Gates (or any other units) over time, a panel for each name, all on one scale.

    gates: {name: (T, H)}, all with the same T. The scale is from 0 to 1 where no number is
    negative, else from -1 to 1; larger numbers extend it. words: T words to stand below the steps.
    Errors: ValueError when gates is not a dictionary, or an entry is not (T, H), or T differs.
    """
    return _over_time("Gates", _sequences(gates, "gates"), words, title, alt)


def masks(masks, *, title=None, alt=None):
    """Dropout masks over time, side by side: dropped units are dark, kept ones light.

    masks: {name: (T, H)}, all with the same T; numbers or booleans, 0 is dropped.
    Errors: ValueError when masks is not a dictionary, or an entry is not (T, H), or T differs.
    """
    panels = _sequences(masks, "masks")
    T, H = max(mask.shape for mask in panels.values())
    column = min(0.2, (MAX_WIDTH + 1.5) / len(panels) / T)
    panel = max(column * T, *(width_of(name, 10) for name in panels), 0.9)
    row = min(0.2, max(0.05, 3.0 / H))
    left, bottom, top = MARGIN + 0.3, 0.85, 0.45 + (0.3 if title else 0)
    wide = max(left + len(panels) * (panel + 0.35), 2.2, width_of(title or "", 11) + 2 * MARGIN)
    high = bottom + row * H + top
    with drawing(wide, high, layout=None) as figure:
        for n, (name, mask) in enumerate(panels.items()):
            tall = row * mask.shape[1]
            axes = _axes(figure, left + n * (panel + 0.35), high - top - tall, column * T, tall)
            dropped = (mask == 0).T
            shades = ListedColormap([KEPT, DROPPED])
            _mesh(axes, dropped.astype(float), column, row, cmap=shades, vmin=0, vmax=1)
            axes.set_title(name, size=10, loc="left")
            axes.set_xlabel("step")
            _steps(axes, T, column)
            if n == 0:
                axes.set_ylabel("unit")
        for n, (shade, label) in enumerate(((KEPT, "kept"), (DROPPED, "dropped"))):
            swatch = _axes(figure, left + n * 0.75, 0.18, 0.14, 0.14)
            swatch.set_facecolor(shade)
            swatch.set_xticks([])
            swatch.set_yticks([])
            figure.text((left + n * 0.75 + 0.2) / wide, 0.25 / high, label, size=9, va="center")
        _title(figure, title)
    parts = "; ".join(f"{name}: {_mask_text(mask)}" for name, mask in panels.items())
    return Picture(figure, alt or f"Dropout masks over {count(T, 'step')}. {parts}.")


KEPT, DROPPED = "#d4e6f3", "#22303c"


def _mask_text(mask):
    dropped = mask == 0
    if not dropped.any():
        units = "nothing at any step"
    elif (mask == mask[0]).all():
        units = "the same units at every step"
    else:
        units = "other units at other steps"
    return f"{dropped.mean():.0%} dropped, {units}"


def attention_map(weights, source, target, *, title=None, alt=None):
    """Which source words (columns) the decoder attended to as it wrote each word (rows).

    Shapes: weights (T, S), or (1, T, S); source S words, target T words.
    Errors: ValueError when these do not fit, or a weight is not a number from 0 to 1.
    """
    weights = array(weights, "weights", "T", "S")
    target = labels(target, "target", weights.shape[0])
    source = labels(source, "source", weights.shape[1])
    if not ((weights >= 0) & (weights <= 1 + 1e-4)).all():
        raise ValueError(
            f"attention weights are from 0 to 1; given: {weights.min():.3g} to {weights.max():.3g}"
        )
    T, S = weights.shape
    left = MARGIN + 0.25 + max(width_of(cut(word), SIZE) for word in target) + 0.08
    cell = 0.4 if max(S, T) <= 12 else 0.28
    _, over = _slanted(source, cell)
    cell = min(cell, MAX_WIDTH / T, (MAX_WIDTH + 2 - left - over) / S)
    above, over = _slanted(source, cell)
    top = MARGIN + 0.22 + above + (0.3 if title else 0)
    bar_at = left + max(S * cell, S * cell + over - 0.1) + 0.2
    tall = max(T * cell, 0.9)
    wide, high = bar_at + BAR + 0.75, top + tall + MARGIN
    wide = max(wide, width_of(title or "", 11) + 2 * MARGIN)
    with drawing(wide, high, layout=None) as figure:
        axes = _axes(figure, left, high - top - T * cell, S * cell, T * cell)
        mesh = _mesh(axes, weights, cell, cell, cmap=ATTENTION, vmin=0, vmax=1)
        axes.invert_yaxis()
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("read", color=QUIET, loc="left", size=9)
        axes.set_ylabel("written", color=QUIET, loc="top", size=9)
        _words(axes.xaxis, source, cell, above=True)
        _words(axes.yaxis, target, cell)
        if cell >= 0.4:
            for t, s in np.argwhere(weights >= 0.005):
                ink = "white" if weights[t, s] > 0.55 else INK
                value = f"{100 * weights[t, s]:.0f}"
                axes.text(s + 0.5, t + 0.5, value, size=8, color=ink, ha="center", va="center")
        bar = _axes(figure, bar_at, high - top - min(tall, 2.2), BAR, min(tall, 2.2))
        _bar(figure, mesh, bar, "attention, %", percent=True)
        _title(figure, title)
    peaks = ", ".join(
        f"{word} mostly at {source[row.argmax()]} ({row.max():.0%})"
        for word, row in zip(target, weights, strict=True)
    )
    alt_text = f"Attention of {count(T, 'written word')} to {count(S, 'word')} read: {peaks}."
    return Picture(figure, alt or alt_text)


# --- several panels over one time axis ----------------------------------------------------------


def _sequences(values, what):
    sequences = {
        name: array(sequence, f"{what}[{name!r}]", "T", "H")
        for name, sequence in named(values, what).items()
    }
    steps = {name: len(sequence) for name, sequence in sequences.items()}
    if len(set(steps.values())) > 1:
        given = ", ".join(f"{name} {T}" for name, T in steps.items())
        raise ValueError(f"all {what} must have the same number of steps; given: {given}")
    return sequences


def _over_time(what, panels, words, title, alt):
    T = len(next(iter(panels.values())))
    words = None if words is None else labels(words, "words", T)
    finite = np.concatenate([values[np.isfinite(values)] for values in panels.values()])
    if not finite.size:
        raise ValueError(f"there is no finite number in {what.lower()}")
    scale = {"cmap": SHARE, "vmin": 0, "vmax": max(1.0, finite.max())}
    if finite.min() < 0:
        largest = max(1.0, np.abs(finite).max())
        scale = {"cmap": DIVERGING, "vmin": -largest, "vmax": largest}
    column = min(0.42, MAX_WIDTH / T)
    rows = [min(0.22, max(0.03, 2.6 / values.shape[1])) for values in panels.values()]
    heights = [row * values.shape[1] for row, values in zip(rows, panels.values(), strict=True)]
    below, over = _slanted(words, column) if words else (0.2, 0.0)
    left = MARGIN + max(0.35, *(width_of(name or "unit", 10) + 0.12 for name in panels), over)
    bottom = MARGIN + below + (0.0 if words else 0.22)
    top = MARGIN + (0.3 if title else 0)
    tall = sum(heights) + 0.14 * (len(panels) - 1)
    high = max(bottom + tall, 0.8 + MARGIN) + top
    wide = max(left + column * T + 1.0, width_of(title or "", 11) + 2 * MARGIN)
    with drawing(wide, high, layout=None) as figure:
        y = high - top
        for (name, values), row, height in zip(panels.items(), rows, heights, strict=True):
            y -= height
            axes = _axes(figure, left, y, column * T, height)
            mesh = _mesh(axes, values.T, column, row, **scale)
            axes.invert_yaxis()
            axes.set_ylabel(name or "unit", rotation=0, ha="right", va="center", labelpad=5)
            axes.set_xticks([])
            y -= 0.14
        if words:
            _words(axes.xaxis, words, column)
        else:
            _steps(axes, T, column)
            axes.set_xlabel("step")
        bar_high = max(0.8, min(tall, 2.2))
        bar = _axes(figure, left + column * T + 0.2, high - top - bar_high, BAR, bar_high)
        _bar(figure, mesh, bar)
        _title(figure, title)
    return Picture(figure, alt or _alt_text(what, panels, words))


def _alt_text(what, panels, words):
    T = len(next(iter(panels.values())))
    over = f"over {count(T, 'step')}" + (f" ({' '.join(words)})" if words else "")
    parts = []
    for name, values in panels.items():
        means = [_mean(step) for step in values]
        text = f"{name}: no finite number"
        if np.isfinite(values).any():
            text = (
                f"{name + ': ' if name else ''}{count(values.shape[1], 'unit')} from "
                f"{number(np.nanmin(values))} to {number(np.nanmax(values))}"
            )
        if T > 1:
            text += f", on average {means[0]} at the first step and {means[-1]} at the last"
        parts.append(text)
    return f"{what} {over}. {'; '.join(parts)}."


def _mean(values):
    finite = values[np.isfinite(values)]
    return number(finite.mean()) if finite.size else "nothing finite"


# --- parts of a plot ----------------------------------------------------------------------------


def _axes(figure, x, y, width, height):
    """Axes at a place and of a size in inches."""
    wide, high = figure.get_size_inches()
    axes = figure.add_axes((x / wide, y / high, width / wide, height / high))
    axes.spines[:].set(visible=True, color="#999999", linewidth=0.6)
    axes.tick_params(length=0)
    axes.set_yticks([])
    return axes


def _mesh(axes, values, column, row, **scale):
    """The cells, with lines between them where they are large enough."""
    lines = {"edgecolors": "white", "linewidth": 0.6} if min(column, row) > 0.11 else {}
    return axes.pcolormesh(np.ma.masked_invalid(values), **lines, **scale)


def _slanted(words, column):
    """The space that words at the columns need: across the axis, and beyond its end."""
    widest = max(width_of(cut(word), SIZE) for word in words)
    if widest <= column - 0.06:
        return 0.22, 0.0
    return 0.72 * widest + 0.15, 0.72 * widest


def _words(axis, words, cell, above=False):
    """Words as ticks, as many as fit; on the x axis slanted where they are wider than a cell."""
    every = max(1, -(-MIN_COLUMN // cell)) if cell < MIN_COLUMN - 1e-9 else 1
    shown = [cut(word) for word in words]
    axis.set_ticks(np.arange(0, len(words), int(every)) + 0.5, shown[:: int(every)], size=SIZE)
    if axis.axis_name == "x" and max(width_of(word, SIZE) for word in shown) > cell - 0.06:
        for label in axis.get_ticklabels():
            ha = "left" if above else "right"
            label.set(rotation=45, ha=ha, va="bottom" if above else "top", rotation_mode="anchor")


def _steps(axes, T, column):
    """Numbers from 1 as ticks, as many as fit."""
    every = next(n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, T) if n * column > 0.24)
    shown = [t for t in range(1, T + 1) if t == 1 or t % every == 0]
    if len(shown) > 1 and (shown[1] - 1) * column < 0.22:
        del shown[0]
    axes.set_xticks([t - 0.5 for t in shown], shown)


def _bar(figure, mesh, axes, label=None, percent=False):
    bar = figure.colorbar(mesh, cax=axes)
    bar.outline.set(color="#999999", linewidth=0.6)
    axes.tick_params(labelsize=8.5, length=2)
    axes.yaxis.get_major_locator().set_params(nbins=4)
    if percent:
        bar.set_ticks([0, 0.5, 1], labels=["0", "50", "100"])
    if label:
        bar.set_label(label, size=9)


def _title(figure, title):
    if title:
        high = figure.get_size_inches()[1]
        figure.text(0.5, 1 - 0.24 / high, title, size=11, ha="center", va="center")
