"""Lines: losses over steps, and how gradients fade with distance."""

import numpy as np

from .picture import Picture
from .style import LINES, drawing
from .values import array, named, number

__all__ = ["curves", "gradient_norms"]


def curves(curves, x="step", y="loss", *, title=None, alt=None):
    """Lines over a common axis, such as losses.

    curves: {name: values}, where values are a list (one for each step from 1), or a pair of lists
    (xs, ys). What is not a finite number leaves a gap.
    x, y: what is on the axes.
    Errors: ValueError when it is no dictionary, or a pair differs in length.
    """
    found = {
        name: _pair(one, f"curves[{name!r}]", 1) for name, one in named(curves, "curves").items()
    }
    return _lines(found, x, y, title, alt, log=False)


def gradient_norms(norms, *, title=None, alt=None):
    """How large a gradient still is after so many steps back, on a logarithmic axis.

    norms: {name: values}; value number k is the norm k steps back, from 0. Or a pair of lists
    (distances, norms). A norm of exactly 0 has no place on the axis, and is left out.
    Errors: ValueError when it is no dictionary, or a norm is negative.
    """
    found = {name: _pair(one, f"norms[{name!r}]", 0) for name, one in named(norms, "norms").items()}
    for name, (_, ys) in found.items():
        if (ys < 0).any():
            raise ValueError(f"norms are 0 or more, but norms[{name!r}] has {number(ys.min())}")
        ys[ys == 0] = np.nan
    return _lines(found, "steps back", "norm of the gradient", title, alt, log=True)


def _pair(values, what, start):
    if len(values) == 2 and all(hasattr(part, "__len__") for part in values):
        xs, ys = (array(part, what, "N") for part in values)
        if len(xs) != len(ys):
            raise ValueError(f"{what} has {len(xs)} places, but {len(ys)} values")
    else:
        ys = array(values, what, "N")
        xs = np.arange(start, start + len(ys))
    return xs, np.where(np.isfinite(ys), ys, np.nan)


def _lines(found, x, y, title, alt, log):
    with drawing(6.4, 3.8) as figure:
        axes = figure.add_subplot(xlabel=x, ylabel=y)
        for n, (name, (xs, ys)) in enumerate(found.items()):
            colour, dashes, marker = LINES[n % len(LINES)]
            axes.plot(
                xs,
                ys,
                color=colour,
                linestyle=dashes,
                marker=marker,
                markersize=4,
                markevery=max(1, len(xs) // 12),
                label=name,
            )
        if log:
            axes.set_yscale("log")
        axes.grid(axis="y")
        axes.legend()
        axes.xaxis.get_major_locator().set_params(integer=True)
        if title:
            axes.set_title(title)
    said = "; ".join(
        f"{name} from {number(ys[0])} to {number(ys[-1])}" for name, (_, ys) in found.items()
    )
    return Picture(figure, alt or f"{y} against {x}: {said}.")
