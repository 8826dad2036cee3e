"""Points: word vectors, flattened to a map."""

import numpy as np

from .picture import Picture
from .style import LINES, drawing
from .values import array, labels

__all__ = ["embedding_map"]


def embedding_map(E, words, groups=None, *, title=None, alt=None):
    """Word vectors on the two directions in which they differ most (PCA), labelled.

    Shapes: E (V, D). words: V words. groups: {name: words of that group}, or V names; each group
    gets a colour and a marker of its own.
    Errors: ValueError when these do not fit.
    """
    E = array(E, "E", "V", "D")
    words = labels(words, "words", len(E))
    names = _groups(groups, words)
    places, shares = _flat(E)
    with drawing(7.5, 6) as figure:
        axes = figure.add_subplot()
        for n, group in enumerate(dict.fromkeys(names)):
            rows = [row for row, name in enumerate(names) if name == group]
            colour, _, marker = LINES[n % len(LINES)]
            axes.scatter(*places[rows].T, s=22, color=colour, marker=marker, label=group)
        for word, place in zip(words, places, strict=True):
            axes.annotate(word, place, xytext=(4, 3), textcoords="offset points", size=9)
        axes.set_xlabel(f"first direction ({shares[0]:.0%} of the variance)")
        axes.set_ylabel(f"second direction ({shares[1]:.0%})")
        axes.margins(0.12)
        if groups is not None:
            axes.legend()
        if title:
            axes.set_title(title)
    return Picture(
        figure,
        alt
        or f"A map of {len(words)} word vectors, on two directions with "
        f"{shares.sum():.0%} of their variance: {', '.join(words)}.",
    )


def _flat(E):
    """PCA: places (V, 2), and the share of the variance that each direction has."""
    centred = E - E.mean(axis=0)
    U, S, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(E), 2))
    kept = min(2, len(S))
    places[:, :kept] = (U * S)[:, :kept]
    # The sign of a direction is chance: what is largest shall be positive.
    for axis in places.T:
        if axis[np.abs(axis).argmax()] < 0:
            axis *= -1
    total = (S**2).sum()
    shares = np.zeros(2)
    if total > 0:
        shares[:kept] = (S**2)[:kept] / total
    return places, shares


def _groups(groups, words):
    if groups is None:
        return [""] * len(words)
    if isinstance(groups, dict):
        of = {word: str(name) for name, members in groups.items() for word in members}
        if strange := [word for word in of if word not in words]:
            raise ValueError(f"groups has words that are not in words: {', '.join(strange[:5])}")
        return [of.get(word, "other") for word in words]
    return labels(groups, "groups", len(words))
