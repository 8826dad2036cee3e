"""Lines: losses over steps, and norms of gradients over distance."""

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .picture import Picture
from .style import drawing, legend, line_look
from .values import array, cut, named, number

__all__ = ["curves", "gradient_norms"]


def curves(curves, x="step", y="loss", *, title=None, alt=None):
    """Lines over a common axis, such as losses.

    curves: {name: values}, where values are a list (one for each step, from 1), or a pair of lists
    (xs, ys). A number that is not finite leaves a gap, and is mentioned in the text.
    x, y: the labels of the axes.
    Errors: ValueError when curves is not a dictionary, a pair differs in length, or nothing is
    finite.
    """
    series = _pairs(curves, "curves", 1)
    return _drawn(series, x, y, title, alt or _alt_text(f"{y} by {x}", series))


def gradient_norms(norms, *, title=None, alt=None):
    """The norm of a gradient by the number of steps back, on a logarithmic axis.

    norms: {name: values}; value number k is the norm k steps back, from 0. Or a pair of lists
    (distances, norms). A norm of exactly 0 has no place on the axis: it leaves a gap.
    Errors: ValueError when norms is not a dictionary, a pair differs in length, a norm is negative,
    or none is positive.
    """
    series = _pairs(norms, "norms", 0)
    for name, (_, ys) in series.items():
        if (ys < 0).any():
            raise ValueError(f"norms are 0 or more, but norms[{name!r}] has {number(ys.min())}")
    alt_text = _alt_text("Norm of the gradient by steps back", series)
    shown = {name: (xs, np.where(ys > 0, ys, np.nan)) for name, (xs, ys) in series.items()}
    if not any(np.isfinite(ys).any() for _, ys in shown.values()):
        raise ValueError("norms has no positive number: there is nothing to draw")
    return _drawn(shown, "steps back", "norm of the gradient", title, alt or alt_text, log=True)


def _pairs(values, what, start):
    """{name: (xs, ys)}, with NaN for numbers that are not finite."""
    series = {}
    for name, entry in named(values, what).items():
        label = f"{what}[{name!r}]"
        if _is_list(entry) and len(entry) == 2 and all(map(_is_list, entry)):
            xs, ys = array(entry[0], label, "N"), array(entry[1], label, "N")
            if len(xs) != len(ys):
                raise ValueError(f"{label} has {len(xs)} places, but {len(ys)} values")
        else:
            ys = array(entry, label, "N")
            xs = np.arange(start, start + len(ys), dtype=float)
        series[name] = (xs, np.where(np.isfinite(ys), ys, np.nan))
    if not any(np.isfinite(ys).any() for _, ys in series.values()):
        raise ValueError(f"{what} has no finite number: there is nothing to draw")
    return series


def _is_list(value):
    """Whether it is a sequence: a tensor has `__len__` even where it is a single number."""
    return hasattr(value, "__len__") and getattr(value, "ndim", 1) > 0


def _drawn(series, x, y, title, alt, log=False):
    names = [cut(name, 40) for name in series]
    with drawing(6.6, 4.0) as figure:
        axes = figure.add_subplot(xlabel=x, ylabel=y)
        for n, (name, (xs, ys)) in enumerate(zip(names, series.values(), strict=True)):
            colour, dashes, marker = line_look(n)
            every = max(1, len(xs) // 10)
            axes.plot(
                xs,
                ys,
                color=colour,
                linestyle=dashes,
                linewidth=1.8,
                marker=marker,
                markersize=5,
                # At different places, so that all markers show where lines meet.
                markevery=(n * every // len(series), every),
                label=name,
            )
        everywhere = np.concatenate([xs for xs, _ in series.values()])
        if log:
            _logarithmic(axes)
        if (everywhere == everywhere.round()).all():
            axes.xaxis.get_major_locator().set_params(integer=True)
        if everywhere.min() == everywhere.max():
            axes.set_xlim(everywhere[0] - 1, everywhere[0] + 1)
        axes.grid(axis="y")
        rows = legend(axes, names, 5.7)
        figure.set_size_inches(6.6, 3.7 + 0.2 * rows + (0.3 if title else 0))
        if title:
            figure.suptitle(title)
    return Picture(figure, alt)


def _logarithmic(axes):
    """Ticks at powers of ten; where these are few, also at 2 and 5 times them."""
    axes.set_yscale("log")
    low, high = np.log10(axes.get_ylim())
    few = high - low < 2
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=8))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: number(y) if few else _power(y)))


def _power(y):
    return "10" + str(round(np.log10(y))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _alt_text(what, series):
    parts = []
    for name, (xs, ys) in series.items():
        finite = np.flatnonzero(np.isfinite(ys))
        if not finite.size:
            parts.append(f"{name}: no finite number")
            continue
        first, last = finite[0], finite[-1]
        text = f"{name} goes from {number(ys[first])} at {number(xs[first])}"
        text += f" to {number(ys[last])} at {number(xs[last])}"
        if finite.size == 1:
            text = f"{name} is {number(ys[first])} at {number(xs[first])}"
        low = np.nanargmin(ys)
        if low not in (first, last):
            text += f", lowest {number(ys[low])} at {number(xs[low])}"
        if missing := len(ys) - finite.size:
            text += f", {missing} not finite"
        parts.append(text)
    return f"{what[0].upper()}{what[1:]}: {'; '.join(parts)}."
