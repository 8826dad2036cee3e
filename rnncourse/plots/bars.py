"""Bars: how probable each word is."""

from collections.abc import Mapping

import numpy as np

from .picture import Picture
from .style import GREEN, ORANGE, PURPLE, RED, SKY, drawing, legend
from .values import array, count, cut, labels, named

__all__ = ["distribution"]

MOST = 30  # words; of more, the likeliest are drawn
LOOKS = [(ORANGE, ""), (SKY, "///"), (GREEN, "..."), (PURPLE, "xxx"), (RED, "\\\\\\")]


def distribution(words, probabilities, *, title=None, alt=None):
    """How probable each word is, as bars.

    words: V words. probabilities: V numbers, or {name: V numbers} to compare several distributions.
    Of more than 30 words the likeliest are drawn, these first.
    Errors: ValueError when the numbers are not V, or one is not from 0 to 1.
    """
    words = labels(words, "words")
    several = probabilities if isinstance(probabilities, Mapping) else {"": probabilities}
    found = {}
    for name, one in named(several, "probabilities").items():
        what = f"probabilities[{name!r}]" if name else "probabilities"
        p = array(one, what, "V")
        if len(p) != len(words):
            raise ValueError(f"there are {len(words)} words, but {what} has {len(p)} numbers")
        if not ((p >= 0) & (p <= 1 + 1e-4)).all():
            raise ValueError(f"{what} must be from 0 to 1; given: {p.min():.3g} to {p.max():.3g}")
        found[name] = p
    highest = np.max(list(found.values()), axis=0)
    shown = np.arange(len(words))
    if len(words) > MOST:
        shown = np.argsort(-highest, kind="stable")[:MOST]
    left_out = len(words) - len(shown)
    bar = 0.2 if len(found) == 1 else 0.16
    group = bar * len(found) + 0.08
    with drawing(
        6.0, 0.75 + group * len(shown) + 0.3 * ("" not in found) + 0.3 * bool(title)
    ) as figure:
        axes = figure.add_subplot(xlabel="probability")
        for n, (name, p) in enumerate(found.items()):
            colour, hatch = LOOKS[n % len(LOOKS)]
            places = np.arange(len(shown)) + (n - (len(found) - 1) / 2) * bar / group
            bars = axes.barh(
                places,
                p[shown],
                bar / group,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                linewidth=0.6,
                label=cut(name, 40),
            )
            told = [f"{one:.2f}" if one >= 0.005 or one == 0 else "<0.01" for one in p[shown]]
            axes.bar_label(bars, told, padding=3, size=8.5)
        axes.set_yticks(range(len(shown)), [cut(words[v]) for v in shown])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlim(0, max(highest.max() * 1.12, 1e-9))
        axes.tick_params(axis="y", length=0)
        if left_out:
            axes.set_xlabel(f"probability (and {count(left_out, 'word')} less likely)")
        if "" not in found:
            legend(axes, [cut(name, 40) for name in found], 4.2)
        if title:
            figure.suptitle(title)
    said = []
    for name, p in found.items():
        best = [f"{words[v]} {p[v]:.2f}" for v in np.argsort(-p, kind="stable")[:5]]
        said.append(f"{name + ': ' if name else ''}{', '.join(best)}")
    text = f"Probabilities of {count(len(words), 'word')}; the likeliest: {'; '.join(said)}."
    return Picture(figure, alt or text)
