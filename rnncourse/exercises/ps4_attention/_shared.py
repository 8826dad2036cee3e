"""Shared by exercises of ps4_attention: sizes of test cases, and cases of a score."""

from collections.abc import Callable
from typing import Any

from ...checks.exercise import Property
from ...checks.properties import Cases
from ...checks.rng import ONES, Rng, Sizes

FORBIDDEN = ("torch.nn.functional.scaled_dot_product_attention", "torch.nn.MultiheadAttention")


def other_sizes(s: Sizes) -> tuple[int, int]:
    """T of the target and A of a score, which differ from all other sizes; 1 where all are 1."""
    if s == ONES:
        return 1, 1
    T = next(n for n in range(2, 9) if n not in s)
    A = next(n for n in range(2, 12) if n not in (*s, T, s.H + s.D, s.H + s.T))
    return T, A


# --- the scores -----------------------------------------------------------------------------------


def score_cases(name: str, shapes: dict[str, Callable[[int, int, int], tuple[int, ...]]]) -> Any:
    """Cases of a score: with one query for each sentence, and with one for each target word.

    shapes: for each weight, its shape from H (size of a query), K (of a key) and A.
    """

    def draw(rng: Rng, s: Sizes, steps: bool) -> tuple:
        T, A = other_sizes(s)
        # With K = H - 1, cutting [f, e] in the middle would be right.
        S, K = (s.T, s.D) if s.D != s.H - 1 else (s.D, s.T)
        if not shapes:  # without weights, a key is as long as a query
            K = s.H
        query = rng.normal(s.B, T, s.H) if steps else rng.normal(s.B, s.H)
        weights = (rng.normal(*shape(s.H, K, A), scale=0.7) for shape in shapes.values())
        return query, rng.normal(s.B, S, K), *weights

    arguments, batched = ("query", "keys", *shapes), ("query", "keys")
    return (
        Cases(name, arguments, lambda rng, s: draw(rng, s, False), batched),
        Cases(name, arguments, lambda rng, s: draw(rng, s, True), batched),
    )


def steps(cases: Cases, points: float) -> Property:
    """Values again, for queries (B, T, H)."""
    values = cases.values(points)
    title = "a query for each target word, (B, T, H), works too"
    return Property("steps", title, points, values.observe)
