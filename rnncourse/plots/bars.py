"""Bars: how probable each word is."""

from collections.abc import Mapping

import numpy as np

from .picture import Picture
from .style import GREEN, ORANGE, PURPLE, RED, SKY, drawing, legend
from .values import array, count, cut, labels, named

__all__ = ["distribution"]

MAX_WORDS = 30  # of more, the likeliest are drawn
LOOKS = [(ORANGE, ""), (SKY, "///"), (GREEN, "..."), (PURPLE, "xxx"), (RED, "\\\\\\")]


def distribution(words, probabilities, *, title=None, alt=None):
    """How probable each word is, as bars.

    words: V words. probabilities: V numbers, or {name: V numbers} to compare several distributions.
    Of more than 30 words only the likeliest are drawn, in the order of their probability.
    Errors: ValueError when there are not V numbers, or one is not from 0 to 1.
    """
    words = labels(words, "words")
    several = isinstance(probabilities, Mapping)
    distributions = _checked(probabilities if several else {"": probabilities}, len(words))
    highest = np.max(list(distributions.values()), axis=0)
    shown = np.arange(len(words))
    if len(words) > MAX_WORDS:
        shown = np.argsort(-highest, kind="stable")[:MAX_WORDS]
    _, group = _heights(len(distributions))
    total = 0.75 + group * len(shown)
    if "" not in distributions:
        total += 0.3  # the legend
    if title:
        total += 0.3
    with drawing(6.0, total) as figure:
        axes = figure.add_subplot(xlabel="probability")
        _draw_bars(axes, {name: p[shown] for name, p in distributions.items()})
        axes.set_yticks(range(len(shown)), [cut(words[v]) for v in shown])
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xlim(0, max(highest.max() * 1.12, 1e-9))
        axes.tick_params(axis="y", length=0)
        if left_out := len(words) - len(shown):
            axes.set_xlabel(f"probability (and {count(left_out, 'word')} less likely)")
        if "" not in distributions:
            legend(axes, [cut(name, 40) for name in distributions], 4.2)
        if title:
            figure.suptitle(title)
    return Picture(figure, alt or _alt_text(words, distributions))


def _checked(probabilities, V):
    """{name: V numbers from 0 to 1}"""
    distributions = {}
    for name, values in named(probabilities, "probabilities").items():
        what = f"probabilities[{name!r}]" if name else "probabilities"
        p = array(values, what, "V")
        if len(p) != V:
            raise ValueError(f"there are {V} words, but {what} has {len(p)} numbers")
        if not ((p >= 0) & (p <= 1 + 1e-4)).all():
            raise ValueError(f"{what} must be from 0 to 1; given: {p.min():.3g} to {p.max():.3g}")
        distributions[name] = p
    return distributions


def _heights(number):
    """Of a bar, and of all bars of a word, for a number of distributions; in inches."""
    bar = 0.2 if number == 1 else 0.16
    return bar, bar * number + 0.08


def _draw_bars(axes, distributions):
    """A bar for each word and distribution; the bars of a word are next to each other."""
    height, group = _heights(len(distributions))
    for n, (name, p) in enumerate(distributions.items()):
        colour, hatch = LOOKS[n % len(LOOKS)]
        places = np.arange(len(p)) + (n - (len(distributions) - 1) / 2) * height / group
        bars = axes.barh(
            places,
            p,
            height / group,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.6,
            label=cut(name, 40),
        )
        numbers = [f"{value:.2f}" if value >= 0.005 or value == 0 else "<0.01" for value in p]
        axes.bar_label(bars, numbers, padding=3, size=8.5)


def _alt_text(words, distributions):
    parts = []
    for name, p in distributions.items():
        best = [f"{words[v]} {p[v]:.2f}" for v in np.argsort(-p, kind="stable")[:5]]
        parts.append(f"{name + ': ' if name else ''}{', '.join(best)}")
    return f"Probabilities of {count(len(words), 'word')}; the likeliest: {'; '.join(parts)}."
