"""Heat maps over time: states, gates, dropout masks, and where attention looked."""

import numpy as np

from .picture import Picture
from .style import DIVERGING, SHARE, drawing
from .values import array, labels, named, number

__all__ = ["attention_map", "gates", "masks", "states"]

MANY = 24  # ticks on an axis, at most


def states(hs, words=None, *, title=None, alt=None):
    """A hidden sequence over time: a row for each unit, a column for each step.

    Shapes: hs (T, H), or (1, T, H). words: T words to stand below the steps.
    Errors: ValueError when hs is not (T, H), or words are not T.
    """
    hs = array(hs, "hs", "T", "H")
    words = _words(words, len(hs))
    return _over_time({"": hs}, words, title, alt or _said("States", {"": hs}, words), "unit")


def gates(gates, words=None, *, title=None, alt=None):
    """Gates (or any other units) over time, a panel for each name, all on one scale.

    gates: {name: (T, H)}, all with the same T. From 0 to 1 where no number is negative, else from
    -1 to 1 (or as far as the numbers go). words: T words to stand below the steps.
    Errors: ValueError when it is no dictionary, or an entry is not (T, H), or T differs.
    """
    found = _sequences(gates, "gates")
    words = _words(words, len(next(iter(found.values()))))
    return _over_time(found, words, title, alt or _said("Gates", found, words), "unit")


def masks(masks, *, title=None, alt=None):
    """Dropout masks over time, side by side: what is dropped (0) is dark, what is kept is light.

    masks: {name: (T, H)}, all with the same T; numbers or booleans, 0 is dropped.
    Errors: ValueError when it is no dictionary, or an entry is not (T, H), or T differs.
    """
    found = _sequences(masks, "masks")
    T, H = max(one.shape for one in found.values())
    said = []
    with drawing(0.6 + len(found) * max(1.6, 0.22 * T), 0.9 + max(0.6, 0.18 * H)) as figure:
        axes = figure.subplots(1, len(found), squeeze=False)[0]
        for one, (name, mask) in zip(axes, found.items(), strict=True):
            dropped = (mask == 0).T
            one.pcolormesh(
                dropped.astype(float),
                cmap=SHARE,
                vmin=0,
                vmax=1.15,
                edgecolors="white",
                linewidth=0.8,
            )
            one.set_title(name, size=10)
            one.set_xlabel("step")
            _ticks(one.xaxis, [str(t + 1) for t in range(mask.shape[0])])
            one.set_yticks([])
            one.spines[:].set_visible(False)
            same = (
                "the same units at every step"
                if (mask == mask[0]).all()
                else ("other units at other steps")
            )
            said.append(f"{name}: {dropped.mean():.0%} dropped, {same}")
        axes[0].set_ylabel("unit")
        if title:
            figure.suptitle(title)
    return Picture(figure, alt or f"Dropout masks over {T} steps. " + "; ".join(said) + ".")


def attention_map(weights, source, target, *, title=None, alt=None):
    """Where the decoder looked (columns) when it wrote each word (rows).

    Shapes: weights (T, S), or (1, T, S); source S words, target T words.
    Errors: ValueError when these do not fit, or a weight is negative.
    """
    weights = array(weights, "weights", "T", "S")
    target = labels(target, "target", weights.shape[0])
    source = labels(source, "source", weights.shape[1])
    if not (weights >= 0).all():
        raise ValueError(f"attention weights are 0 or more, but there is {number(weights.min())}")
    T, S = weights.shape
    with drawing(1.8 + 0.42 * S, 1.2 + 0.34 * T) as figure:
        axes = figure.add_subplot()
        mesh = axes.pcolormesh(
            weights,
            cmap=SHARE,
            vmin=0,
            vmax=max(1, weights.max()),
            edgecolors="#dddddd",
            linewidth=0.5,
        )
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.xaxis.tick_top()
        axes.set_xticks(np.arange(S) + 0.5, source, rotation=45, ha="left", rotation_mode="anchor")
        axes.set_yticks(np.arange(T) + 0.5, target)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.colorbar(mesh, label="attention", shrink=0.8)
        if title:
            figure.suptitle(title)
    most = ", ".join(
        f"{word!r} mostly at {source[row.argmax()]!r} ({row.max():.0%})"
        for word, row in zip(target, weights, strict=True)
    )
    return Picture(figure, alt or f"Attention of {T} written words to {S} words read: {most}.")


def _sequences(values, what):
    found = {
        name: array(one, f"{what}[{name!r}]", "T", "H") for name, one in named(values, what).items()
    }
    steps = {name: len(one) for name, one in found.items()}
    if len(set(steps.values())) > 1:
        told = ", ".join(f"{name} {T}" for name, T in steps.items())
        raise ValueError(f"all {what} must have as many steps; given: {told}")
    return found


def _words(words, T):
    return None if words is None else labels(words, "words", T)


def _over_time(panels, words, title, alt, what):
    lowest = min(np.nanmin(one) for one in panels.values())
    highest = max(np.nanmax(one) for one in panels.values())
    far = max(1.0, -lowest, highest)
    scale = {"cmap": SHARE, "vmin": 0, "vmax": max(1.0, highest)}
    if lowest < 0:
        scale = {"cmap": DIVERGING, "vmin": -far, "vmax": far}
    T = len(next(iter(panels.values())))
    heights = [min(2.4, max(0.5, 0.16 * one.shape[1])) for one in panels.values()]
    with drawing(min(10, 1.8 + max(2.2, 0.42 * T)), 0.9 + sum(heights) + 0.3 * len(panels)) as (
        figure
    ):
        axes = figure.subplots(
            len(panels), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )[:, 0]
        for one, (name, values) in zip(axes, panels.items(), strict=True):
            mesh = one.pcolormesh(values.T, **scale)
            one.set_yticks([])
            one.set_ylabel(name or what, rotation=0, ha="right", va="center")
            one.spines[:].set_visible(False)
            one.tick_params(length=0)
        _ticks(axes[-1].xaxis, words or [str(t + 1) for t in range(T)])
        if words is None:
            axes[-1].set_xlabel("step")
        figure.colorbar(mesh, ax=list(axes), fraction=0.05, pad=0.02)
        if title:
            figure.suptitle(title)
    return Picture(figure, alt)


def _ticks(axis, words):
    every = -(-len(words) // MANY)
    axis.set_ticks(np.arange(0, len(words), every) + 0.5, words[::every])
    if max(map(len, words)) > 3:
        for label in axis.get_ticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")


def _said(what, panels, words):
    T = len(next(iter(panels.values())))
    over = f"over {T} steps" + (f" ({' '.join(words)})" if words else "")
    parts = []
    for name, values in panels.items():
        means = np.nanmean(values, axis=1)
        parts.append(
            f"{name + ': ' if name else ''}{values.shape[1]} units from "
            f"{number(np.nanmin(values))} to {number(np.nanmax(values))}, on average "
            f"{number(means[0])} at the first step and {number(means[-1])} at the last"
        )
    return f"{what} {over}. " + "; ".join(parts) + "."
