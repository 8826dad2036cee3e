"""Points: word vectors, flattened to a map."""

from collections.abc import Mapping

import numpy as np

from .picture import Picture
from .sheet import width_of
from .style import INK, QUIET, drawing, legend, line_look
from .values import array, count, cut, labels

__all__ = ["embedding_map"]

FEW = 30  # words that a smaller map has room for
SIZE = 9  # of words, in points


def embedding_map(E, words, groups=None, *, title=None, alt=None):
    """Word vectors on the two directions in which they differ most (PCA), labelled.

    Shapes: E (V, D). words: V words. groups: {name: words of that group}, or V names of groups;
    each group has a colour and a marker of its own.
    Errors: ValueError when these do not fit, or a number is not finite.
    """
    E = array(E, "E", "V", "D")
    words = labels(words, "words", len(E))
    if not np.isfinite(E).all():
        raise ValueError("E has numbers that are not finite")
    names = _groups(groups, words)
    places, shares = _flat(E)
    width, height = (6.0, 4.2) if len(words) <= FEW else (7.6, 5.6)  # of the map itself, in inches
    with drawing(width + 0.9, height + 1.1) as figure:
        axes = figure.add_subplot()
        for n, group in enumerate(dict.fromkeys(names)):
            rows = [row for row, name in enumerate(names) if name == group]
            colour, _, marker = line_look(n)
            axes.scatter(*places[rows].T, s=30, color=colour, marker=marker, label=cut(group, 40))
        low, high = places.min(axis=0), places.max(axis=0)
        room = np.where(high - low > 1e-9, high - low, 1.0) * (0.08, 0.07)
        axes.set_xlim(low[0] - room[0], high[0] + 2 * room[0])
        axes.set_ylim(low[1] - room[1], high[1] + room[1])
        scale = np.array([width, height]) / (high - low + room * (3, 2))
        _label(axes, [cut(word) for word in words], places, scale)
        axes.set_xlabel(f"first direction ({shares[0]:.0%} of the variance)")
        axes.set_ylabel(f"second direction ({shares[1]:.0%})")
        axes.grid()
        if groups is not None:
            legend(axes, [cut(name, 40) for name in dict.fromkeys(names)], width)
        if title:
            figure.suptitle(title)
    return Picture(
        figure, alt or _said(words, names if groups is not None else None, places, shares)
    )


def _flat(E):
    """PCA: places (V, 2), and the share of the variance that each direction has."""
    centred = E - E.mean(axis=0)
    U, S, _ = np.linalg.svd(centred, full_matrices=False)
    places, shares = np.zeros((len(E), 2)), np.zeros(2)
    kept = min(2, len(S))
    places[:, :kept] = (U * S)[:, :kept]
    # Which end of a direction is called positive is chance: that of the farthest word shall be.
    for axis in places.T:
        if axis[np.abs(axis).argmax()] < 0:
            axis *= -1
    if S.any():
        shares[:kept] = (S**2 / (S**2).sum())[:kept]
    return places, shares


def _label(axes, words, places, scale):
    """Each word beside its point, where it covers the least of what is there already."""
    at = places * scale  # in inches
    taken = [(x - 0.07, y - 0.07, x + 0.07, y + 0.07) for x, y in at]
    tall = SIZE / 72
    for word, place, (x, y) in zip(words, places, at, strict=True):
        wide = width_of(word, SIZE)
        best = None
        for far in (0.11, 0.2, 0.34, 0.5):
            for dx, dy in ((1, 0.4), (-1, 0.4), (0, 1), (0, -1), (1, -0.6), (-1, -0.6)):
                left = x + dx * far - wide * (1 - dx) / 2
                low = y + dy * far - tall * (1 - dy) / 2
                box = (left, low, left + wide, low + tall)
                cost = sum(_common(box, other) for other in taken) + 0.02 * far
                if best is None or cost < best[0] - 1e-9:
                    best = (cost, box, far)
        _, box, far = best
        taken.append(box)
        target = ((box[0] - x) * 72, (box[1] - y) * 72)
        line = {"arrowstyle": "-", "color": QUIET, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
        axes.annotate(
            word,
            place,
            xytext=target,
            textcoords="offset points",
            size=SIZE,
            color=INK,
            va="bottom",
            arrowprops=line if far > 0.15 else None,
            annotation_clip=False,
        )


def _common(a, b):
    """The area that two boxes share."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)


def _groups(groups, words):
    if groups is None:
        return [""] * len(words)
    if isinstance(groups, Mapping):
        of = {str(word): str(name) for name, members in groups.items() for word in members}
        if strange := [word for word in of if word not in words]:
            raise ValueError(f"groups has words that are not in words: {', '.join(strange[:5])}")
        return [of.get(word, "other") for word in words]
    return labels(groups, "groups", len(words))


def _said(words, names, places, shares):
    text = (
        f"A map of {count(len(words), 'word')} by their vectors, on the two directions that hold "
        f"{shares.sum():.0%} of the variance."
    )
    if names is None:
        return f"{text} {', '.join(words)}."
    for group in dict.fromkeys(names):
        rows = [row for row, name in enumerate(names) if name == group]
        middle = places[rows].mean(axis=0)
        side = f"{'right' if middle[0] > 0 else 'left'}, {'above' if middle[1] > 0 else 'below'}"
        text += f" {group} (on average {side}): {', '.join(words[row] for row in rows)}."
    return text
