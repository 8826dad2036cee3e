"""Points: a map of word vectors."""

from collections.abc import Mapping

import numpy as np

from .picture import Picture
from .sheet import width_of
from .style import INK, QUIET, drawing, legend, line_look
from .values import array, count, cut, labels

__all__ = ["embedding_map"]

FEW = 30  # words that fit on the smaller map
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
    places, shares = _principal_components(E)
    width, height = (6.0, 4.2) if len(words) <= FEW else (7.6, 5.6)  # of the map itself, in inches
    with drawing(width + 0.9, height + 1.1) as figure:
        axes = figure.add_subplot()
        for n, group in enumerate(dict.fromkeys(names)):
            rows = [row for row, name in enumerate(names) if name == group]
            colour, _, marker = line_look(n)
            axes.scatter(*places[rows].T, s=30, color=colour, marker=marker, label=cut(group, 40))
        low, high = places.min(axis=0), places.max(axis=0)
        margin = np.where(high - low > 1e-9, high - low, 1.0) * (0.08, 0.07)
        axes.set_xlim(low[0] - margin[0], high[0] + 2 * margin[0])
        axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
        scale = np.array([width, height]) / (high - low + margin * (3, 2))
        _label(axes, [cut(word) for word in words], places, scale)
        axes.set_xlabel(f"first direction ({shares[0]:.0%} of the variance)")
        axes.set_ylabel(f"second direction ({shares[1]:.0%})")
        axes.grid()
        if groups is not None:
            legend(axes, [cut(name, 40) for name in dict.fromkeys(names)], width)
        if title:
            figure.suptitle(title)
    return Picture(
        figure, alt or _alt_text(words, names if groups is not None else None, places, shares)
    )


def _principal_components(E):
    """Places (V, 2) on the first two, and the share of the variance of each, (2,)."""
    centred = E - E.mean(axis=0)
    U, S, _ = np.linalg.svd(centred, full_matrices=False)
    places, shares = np.zeros((len(E), 2)), np.zeros(2)
    K = min(2, len(S))
    places[:, :K] = (U * S)[:, :K]
    # The sign of a direction is arbitrary: the farthest word is on the positive side.
    for axis in places.T:
        if axis[np.abs(axis).argmax()] < 0:
            axis *= -1
    if S.any():
        shares[:K] = (S**2 / (S**2).sum())[:K]
    return places, shares


def _label(axes, words, places, scale):
    """Each word beside its point, where it overlaps least with earlier points and words."""
    points = places * scale  # in inches
    taken = [(x - 0.07, y - 0.07, x + 0.07, y + 0.07) for x, y in points]
    for word, place, (x, y) in zip(words, places, points, strict=True):
        box, distance = _label_box(word, x, y, taken)
        taken.append(box)
        offset = ((box[0] - x) * 72, (box[1] - y) * 72)
        line = {"arrowstyle": "-", "color": QUIET, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
        axes.annotate(
            word,
            place,
            xytext=offset,
            textcoords="offset points",
            size=SIZE,
            color=INK,
            va="bottom",
            arrowprops=line if distance > 0.15 else None,
            annotation_clip=False,
        )


def _label_box(word, x, y, taken):
    """The box (left, bottom, right, top) for a word beside (x, y), and its distance from there."""
    width, height = width_of(word, SIZE), SIZE / 72
    best_cost, best = None, None
    for distance in (0.11, 0.2, 0.34, 0.5):
        for dx, dy in ((1, 0.4), (-1, 0.4), (0, 1), (0, -1), (1, -0.6), (-1, -0.6)):
            left = x + dx * distance - width * (1 - dx) / 2
            bottom = y + dy * distance - height * (1 - dy) / 2
            box = (left, bottom, left + width, bottom + height)
            cost = sum(_overlap(box, other) for other in taken) + 0.02 * distance
            if best_cost is None or cost < best_cost - 1e-9:
                best_cost, best = cost, (box, distance)
    return best


def _overlap(a, b):
    """The area that two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)


def _groups(groups, words):
    if groups is None:
        return [""] * len(words)
    if isinstance(groups, Mapping):
        group_of = {str(word): str(name) for name, members in groups.items() for word in members}
        if unknown := [word for word in group_of if word not in words]:
            raise ValueError(f"groups has words that are not in words: {', '.join(unknown[:5])}")
        return [group_of.get(word, "other") for word in words]
    return labels(groups, "groups", len(words))


def _alt_text(words, names, places, shares):
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
