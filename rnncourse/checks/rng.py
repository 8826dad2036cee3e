"""Reproducible random inputs for the checks, independent of torch's global random state."""

import hashlib
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TypeVar

import torch

from .pytree import copied

T = TypeVar("T")


class Sizes(NamedTuple):
    """The sizes of one test case: batch B, time steps T, input width D, hidden width H."""

    B: int
    T: int
    D: int
    H: int


ONES = Sizes(1, 1, 1, 1)


class Rng:
    """A seeded source of test inputs. The same seed and name give the same inputs."""

    def __init__(self, seed: int, name: str = ""):
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        self.generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def normal(self, *shape: int, scale: float = 1.0) -> torch.Tensor:
        """Float64 normal numbers of the given shape."""
        return scale * torch.randn(shape, generator=self.generator, dtype=torch.float64)

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """Int64 numbers with low <= number < high."""
        return torch.randint(low, high, shape, generator=self.generator)

    def sizes(self, **fixed: int) -> Sizes:
        """Sizes that all differ, so that a transposed matrix cannot go unnoticed."""
        while True:
            free = torch.randperm(6, generator=self.generator)[:4] + 2
            drawn = Sizes(*free.tolist())._replace(**fixed)
            # With D = 3H an LSTM's (D + H, 4H) weights are square as well.
            if drawn.D != 3 * drawn.H:
                return drawn


def memoised_draw(draw: Callable[..., T]) -> Callable[..., T]:
    """Decorator for a draw that takes many tries: made once for each state of the generator.

    Every caller gets a copy of the result, and a generator in the state that the draw left.
    """

    @lru_cache(maxsize=64)
    def draw_from(state: bytes, *args: Any, **kwargs: Any) -> tuple[T, torch.Tensor]:
        rng = Rng(0)
        rng.generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
        return draw(rng, *args, **kwargs), rng.generator.get_state()

    @wraps(draw)
    def memoised(rng: Rng, *args: Any, **kwargs: Any) -> T:
        state = bytes(rng.generator.get_state().numpy())
        result, state_after = draw_from(state, *args, **kwargs)
        rng.generator.set_state(state_after)
        return copied(result)

    return memoised
