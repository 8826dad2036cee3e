"""Training, validation and test examples, and the one rule that keeps them apart.

Where a set has an official division, that is used. Everything else is divided by its own text:
the hash of an example's key says where it belongs (80 in 100 to train, 10 to valid, 10 to test).
So the division needs no seed and no stored list, does not depend on order, edition or size, and
two examples with the same key can never be on different sides of it.
"""

import hashlib
import json
import random
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Splits", "divide", "generate", "place", "sizes_of"]

PLACES = ("train", "valid", "test")


@dataclass(frozen=True)
class Splits:
    """Examples as plain lists, and what to say when you use them.

    `train, valid, test = splits` unpacks the lists. What an example is, each loader says.
    source: where it is from; licence: its terms; tokens: how text was cut into tokens.
    """

    name: str
    train: list
    valid: list
    test: list
    source: str
    licence: str
    tokens: str

    def __iter__(self) -> Iterator[list]:
        return iter((self.train, self.valid, self.test))

    def checksum(self) -> str:
        """sha256 over all examples, to record with results: the same sum, the same data."""
        return hashlib.sha256(json.dumps(list(self)).encode()).hexdigest()

    def __repr__(self) -> str:
        sizes = " · ".join(f"{place} {len(getattr(self, place)):,}" for place in PLACES)
        return "\n".join(
            [
                f"{self.name}: {sizes}",
                f"source:  {self.source}",
                f"licence: {self.licence}",
                f"tokens:  {self.tokens}",
            ]
        )


def place(key: str) -> str:
    """Where the example with this key belongs: "train", "valid" or "test"."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 10
    return {8: "valid", 9: "test"}.get(number, "train")


def sizes_of(train: int | None, valid: int | None, test: int | None) -> dict[str, int | None]:
    """What a caller asked for, by place. Errors: ValueError when a size is negative."""
    sizes = dict(zip(PLACES, (train, valid, test), strict=True))
    if bad := {name: size for name, size in sizes.items() if size is not None and size < 0}:
        raise ValueError(f"sizes cannot be negative: {bad}")
    return sizes


def divide(examples: list, key: Callable[[Any], str]) -> dict[str, list]:
    """The examples by their place, each list in the order given."""
    divided: dict[str, list] = {name: [] for name in PLACES}
    for example in examples:
        divided[place(key(example))].append(example)
    return divided


def generate(
    draw: Callable[[random.Random], Any],
    key: Callable[[Any], Hashable],
    sizes: dict[str, int | None],
    seed: int,
    place: Callable[[str], str] = place,
) -> dict[str, list]:
    """Draw examples with different keys until every place has as many as `sizes` asks for.

    sizes: by place; None is 10,000 to train, 1,000 valid and 1,000 to test.
    draw: makes one example from the random numbers it is given.
    place: the rule that says where a key belongs; what belongs to no place of `sizes` is left out.
    With more wanted of one place, the examples before stay the same, and so do the other places.
    Errors: ValueError when no new example turns up for a long time.
    """
    default = {"train": 10_000, "valid": 1_000, "test": 1_000}
    sizes = {name: default[name] if size is None else size for name, size in sizes.items()}
    rng = random.Random(seed)
    filled: dict[str, list] = {name: [] for name in sizes}
    seen: set[Hashable] = set()
    patience = misses = 20_000
    while any(len(filled[name]) < sizes[name] for name in sizes):
        example = draw(rng)
        text = key(example)
        here = place(str(text))
        if text in seen or len(filled.get(here, ())) == sizes.get(here, 0):
            misses -= 1
            if not misses:
                found = {name: len(filled[name]) for name in sizes}
                raise ValueError(
                    f"there are too few different examples for {sizes}: after {patience:,} draws "
                    f"without a new one there are {found}. Ask for fewer, or for longer ones"
                )
            continue
        misses = patience
        seen.add(text)
        filled[here].append(example)
    return filled
