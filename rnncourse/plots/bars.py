"""Bars: how probable each word is."""

import numpy as np

from .picture import Picture
from .style import LINES, drawing
from .values import array, labels, named

__all__ = ["distribution"]


def distribution(words, probabilities, *, title=None, alt=None):
    """How probable each word is, as bars.

    words: V words. probabilities: V numbers, or {name: V numbers} to compare several distributions.
    Errors: ValueError when the numbers are not V, or one is not from 0 to 1.
    """
    words = labels(words, "words")
    several = probabilities if isinstance(probabilities, dict) else {"": probabilities}
    found = {}
    for name, one in named(several, "probabilities").items():
        p = array(one, f"probabilities[{name!r}]" if name else "probabilities", "V")
        if len(p) != len(words):
            raise ValueError(f"there are {len(words)} words, but {len(p)} probabilities")
        if not ((p >= 0) & (p <= 1 + 1e-6)).all():
            raise ValueError(
                f"probabilities are from 0 to 1; given: {p.min():.3g} to {p.max():.3g}"
            )
        found[name] = p
    height = 0.8 / len(found)
    with drawing(5.5, 0.8 + len(words) * max(0.28, 0.17 * len(found))) as figure:
        axes = figure.add_subplot(xlabel="probability")
        for n, (name, p) in enumerate(found.items()):
            places = np.arange(len(words)) + (n - (len(found) - 1) / 2) * height
            bars = axes.barh(places, p, height * 0.92, color=LINES[n % len(LINES)][0], label=name)
            axes.bar_label(bars, [f"{one:.2f}" for one in p], padding=3, size=8)
        axes.set_yticks(range(len(words)), words)
        axes.invert_yaxis()
        axes.set_xlim(0, max(p.max() for p in found.values()) * 1.15)
        axes.tick_params(axis="y", length=0)
        if "" not in found:
            axes.legend()
        if title:
            axes.set_title(title)
    said = []
    for name, p in found.items():
        best = np.argsort(-p, kind="stable")[:3]
        said.append(
            f"{name + ': ' if name else ''}" + ", ".join(f"{words[v]} {p[v]:.2f}" for v in best)
        )
    return Picture(
        figure, alt or f"Probabilities of {len(words)} words. Likeliest, " + "; ".join(said) + "."
    )
