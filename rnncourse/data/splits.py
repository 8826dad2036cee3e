"""Training, validation and test examples, and the rule that keeps them apart.

A set with an official division keeps it. Everything else is divided by its own text: the hash of an
example's key decides its split (80 in 100 go to train, 10 to valid, 10 to test). So the division
needs no seed and no stored list, does not depend on order, edition or size, and two examples with
the same key are always in the same split.
"""

import hashlib
import json
import random
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "SPLIT_NAMES",
    "DataSet",
    "Splits",
    "convert_first",
    "divide",
    "generate",
    "look_up",
    "sizes_of",
    "split_of",
]

SPLIT_NAMES = ("train", "valid", "test")
DEFAULT_SIZES = {"train": 10_000, "valid": 1_000, "test": 1_000}  # of generated sets


@dataclass(frozen=True)
class Splits:
    """Examples as plain lists, and what to cite when you use them.

    `train, valid, test = splits` unpacks the lists. Each loader documents its examples.
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
        """sha256 of all examples, to record with results: equal sums mean equal data."""
        return hashlib.sha256(json.dumps(list(self)).encode()).hexdigest()

    def __repr__(self) -> str:
        sizes = " · ".join(f"{split} {len(getattr(self, split)):,}" for split in SPLIT_NAMES)
        return "\n".join(
            [
                f"{self.name}: {sizes}",
                f"source:  {self.source}",
                f"licence: {self.licence}",
                f"tokens:  {self.tokens}",
            ]
        )


@dataclass(frozen=True)
class DataSet:
    """A data set that a loader offers by name.

    read: a function that returns its examples; its interface is that of the loader's module.
    source, licence: as in `Splits`.
    """

    read: Callable[..., Any]
    source: str
    licence: str


def look_up(sets: Mapping[str, DataSet], name: str, kind: str) -> DataSet:
    """The data set with this name. Errors: ValueError for an unknown name; it mentions the kind."""
    if name not in sets:
        raise ValueError(f"there is no {kind} {name!r}; available: {', '.join(sets)}")
    return sets[name]


def split_of(key: str) -> str:
    """The split of the example with this key: "train", "valid" or "test"."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 10
    return {8: "valid", 9: "test"}.get(number, "train")


def sizes_of(train: int | None, valid: int | None, test: int | None) -> dict[str, int | None]:
    """The requested sizes by split. Errors: ValueError when a size is negative."""
    sizes = {"train": train, "valid": valid, "test": test}
    negative = {split: size for split, size in sizes.items() if size is not None and size < 0}
    if negative:
        raise ValueError(f"sizes cannot be negative: {negative}")
    return sizes


def convert_first(
    examples: dict[str, list], sizes: dict[str, int | None], convert: Callable[[Any], Any]
) -> dict[str, list]:
    """The first examples of each split, converted; as many as sizes asks for, None is all."""
    return {
        split: [convert(example) for example in examples[split][: sizes[split]]]
        for split in SPLIT_NAMES
    }


def divide(examples: list, key: Callable[[Any], str]) -> dict[str, list]:
    """The examples by split, each list in the order given."""
    divided: dict[str, list] = {split: [] for split in SPLIT_NAMES}
    for example in examples:
        divided[split_of(key(example))].append(example)
    return divided


def generate(
    draw: Callable[[random.Random], Any],
    key: Callable[[Any], Hashable],
    sizes: dict[str, int | None],
    seed: int,
    assign: Callable[[str], str] = split_of,
) -> dict[str, list]:
    """Draw examples with different keys until every split has as many as `sizes` asks for.

    sizes: by split; None is 10,000 for train, 1,000 for valid and 1,000 for test.
    draw: makes one example from the random numbers it is given.
    assign: the split of a key. Examples whose split is not in `sizes` are left out.
    If one split is asked to be larger, its first examples and the other splits stay the same.
    Errors: ValueError when no new example turns up for a long time.
    """
    targets = {
        split: DEFAULT_SIZES[split] if size is None else size for split, size in sizes.items()
    }
    rng = random.Random(seed)
    drawn: dict[str, list] = {split: [] for split in targets}
    keys: set[Hashable] = set()
    patience = misses_left = 20_000
    while any(len(drawn[split]) < target for split, target in targets.items()):
        example = draw(rng)
        example_key = key(example)
        split = assign(str(example_key))
        if example_key in keys or len(drawn.get(split, ())) == targets.get(split, 0):
            misses_left -= 1
            if not misses_left:
                counts = {split: len(examples) for split, examples in drawn.items()}
                raise ValueError(
                    f"there are too few different examples for {targets}: {patience:,} draws in a "
                    f"row gave no new one, with {counts} drawn. Ask for fewer, or for longer ones"
                )
            continue
        misses_left = patience
        keys.add(example_key)
        drawn[split].append(example)
    return drawn
