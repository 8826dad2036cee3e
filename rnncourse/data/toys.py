"""Toy tasks, to try a new sequence-to-sequence model on first."""

import random
from collections.abc import Callable

from .splits import Splits, generate, sizes_of

__all__ = ["toy"]

LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")


def toy(
    name: str = "reverse",
    train: int = 10_000,
    valid: int = 1_000,
    test: int = 1_000,
    seed: int = 0,
    longest: int = 10,
) -> Splits:
    """Pairs (source tokens, target tokens) whose target follows from the source by a rule.

    name, and the rule for letters:
        "copy"     f c a -> f c a
        "reverse"  f c a -> a c f
        "sort"     f c a -> a c f, in the order of the alphabet
        "add"      1 7 + 2 5 -> 4 2, digits of two numbers and of their sum
    longest: sources of "copy", "reverse" and "sort" have 1 to `longest` letters, every length
        equally often while there are enough; numbers of "add" have 1 to longest // 2 digits.

    The same seed gives the same pairs; no source occurs twice, in one list or in two.
    Errors: ValueError for an unknown name, or for more examples than exist.
    Source: generated; nothing to license.
    """
    if name not in _RULES:
        raise ValueError(f"there is no toy task {name!r}; available: {', '.join(_RULES)}")
    if longest < 2:
        raise ValueError(f"longest is {longest}, but must be at least 2")
    sizes = sizes_of(train, valid, test)
    pairs = generate(
        lambda rng: _RULES[name](rng, longest), lambda pair: " ".join(pair[0]), sizes, seed
    )
    return Splits(
        name=name,
        **pairs,
        source=f"generated, seed {seed}",
        licence="none needed",
        tokens="one letter or digit each",
    )


Rule = Callable[[random.Random, int], tuple[list[str], list[str]]]


def _letters(target_of: Callable[[list[str]], list[str]]) -> Rule:
    def draw(rng: random.Random, longest: int) -> tuple[list[str], list[str]]:
        source = [rng.choice(LETTERS) for _ in range(rng.randint(1, longest))]
        return source, target_of(source)

    return draw


def _add(rng: random.Random, longest: int) -> tuple[list[str], list[str]]:
    def number() -> int:
        digits = rng.randint(1, longest // 2)
        return rng.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)

    a, b = number(), number()
    return list(f"{a}+{b}"), list(str(a + b))


_RULES = {
    "copy": _letters(list),
    "reverse": _letters(lambda source: source[::-1]),
    "sort": _letters(sorted),
    "add": _add,
}
