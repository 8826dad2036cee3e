"""Turns lists of different lengths into padded tensors with masks.

Batch first. A mask is boolean and True where there is a token.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

__all__ = ["batches", "blocks", "stream"]

# The number of batches that are sorted by length together: enough for similar lengths within a
# batch, few enough that the composition of a batch changes from epoch to epoch.
_POOL = 50


def batches(
    examples: Sequence[Any],
    batch_size: int,
    generator: torch.Generator | None = None,
    shuffle: bool | None = None,
    pad: int = 0,
) -> Iterator[Any]:
    """Yield padded batches; every example is in exactly one of them.

    examples: each a list of token ids, or a tuple of such lists and of numbers, all examples of
        the same kind: (source, target) for translation, (tokens, label) for sentiment.
    shuffle: True groups examples of similar length (bucketing), with examples and batches in random
        order, which depends only on the generator's state. False keeps the order given. Default:
        shuffle if there is a generator.
    pad: the id that fills up shorter lists.

    Yields batched examples: a list becomes the pair (tokens (B, T), mask (B, T)), with T the length
    of the longest in this batch; a number becomes a tensor (B,). So:

        for (source, source_mask), (target, target_mask) in batches(pairs, 32, generator): ...
        for (tokens, mask), labels in batches(reviews, 32, generator): ...
        for tokens, mask in batches(sentences, 32): ...

    The last batch may be smaller. tokens are int64, whole-number labels int64, others float32.
    Errors: ValueError for a batch_size below 1, for shuffling without a generator, and for tokens
    that are still words; TypeError when the examples are not all of the same kind.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, and must be at least 1")
    if shuffle is None:
        shuffle = generator is not None
    if shuffle and generator is None:
        raise ValueError("shuffling needs generator=torch.Generator().manual_seed(...)")
    kinds = {_kind(example) for example in examples}
    if len(kinds) > 1:
        raise TypeError(f"examples of different kinds: {' and '.join(sorted(map(str, kinds)))}")
    return _batches(examples, batch_size, generator if shuffle else None, pad)


def _batches(
    examples: Sequence[Any], batch_size: int, generator: torch.Generator | None, pad: int
) -> Iterator[Any]:
    for indices in _batch_indices(examples, batch_size, generator):
        batch = [examples[index] for index in indices]
        if isinstance(batch[0], tuple):
            yield tuple(_tensors(field, pad) for field in zip(*batch, strict=True))
        else:
            yield _tensors(batch, pad)


def _batch_indices(
    examples: Sequence[Any], batch_size: int, generator: torch.Generator | None
) -> list[list[int]]:
    """The indices of the examples of each batch."""
    if generator is None:
        order = list(range(len(examples)))
    else:
        shuffled = torch.randperm(len(examples), generator=generator).tolist()
        order = []
        for start in range(0, len(shuffled), _POOL * batch_size):
            pool = shuffled[start : start + _POOL * batch_size]
            order += sorted(pool, key=lambda index: _lengths(examples[index]))
    groups = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    if generator is not None:
        groups = [groups[g] for g in torch.randperm(len(groups), generator=generator).tolist()]
    return groups


def _lengths(example: Any) -> list[int]:
    fields = example if isinstance(example, tuple) else (example,)
    return [len(field) for field in fields if isinstance(field, Sequence)]


def _kind(example: Any) -> str:
    """What an example is made of, in the words of an error message."""
    if isinstance(example, tuple):
        return "a tuple of " + ", ".join(_kind(field) for field in example)
    if isinstance(example, str):
        raise ValueError(f"{example!r} is text: tokenise it, then turn the tokens into ids")
    if isinstance(example, Sequence):
        if example and isinstance(example[0], str):
            raise ValueError(f"{list(example[:3])} ... are words: turn them into ids first")
        return "a list"
    if isinstance(example, (int, float)):
        return "a number"
    raise TypeError(f"{type(example).__name__} is neither a list of ids nor a number")


def _tensors(field: Sequence[Any], pad: int) -> Any:
    """One field of a batch: numbers (B,), or lists as tokens (B, T) and mask (B, T)."""
    if not isinstance(field[0], Sequence):
        whole = all(isinstance(number, int) for number in field)
        return torch.tensor(field, dtype=torch.int64 if whole else torch.float32)
    lengths = torch.tensor([len(sequence) for sequence in field])
    longest = int(lengths.max())
    mask = torch.arange(longest) < lengths[:, None]
    tokens = torch.full((len(field), longest), pad, dtype=torch.int64)
    # In row order, the True entries of the mask are the tokens one after another.
    tokens[mask] = torch.tensor([id for sequence in field for id in sequence], dtype=torch.int64)
    return tokens, mask


def stream(lines: Iterable[Sequence[str]], end: str) -> list[str]:
    """All lines as one list of tokens, each line followed by `end`.

    end: "<eos>" for words, as is usual for the Penn Treebank, or "\\n" for characters, which
    restores the text.
    """
    return [token for line in lines for token in (*line, end)]


def blocks(
    ids: Sequence[int], batch_size: int, length: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """A long text as batches for truncated back-propagation through time.

    The text is cut into batch_size equal rows (the rest at the end is dropped), and the rows into
    blocks of `length`. Row b of a block continues row b of the block before, so the last state of
    one block is the first of the next.

    Yields (inputs, targets), both (B, T) with B = batch_size and T = length (the last block may be
    shorter); targets are the inputs one step later.
    Errors: ValueError when batch_size or length is below 1, or the text is too short for one step.
    """
    if batch_size < 1 or length < 1:
        raise ValueError(f"batch_size is {batch_size} and length {length}: both must be at least 1")
    width = (len(ids) - 1) // batch_size
    if width < 1:
        raise ValueError(f"{len(ids)} tokens are too few for {batch_size} rows of at least one")
    text = torch.tensor(ids, dtype=torch.int64)
    inputs = text[: width * batch_size].view(batch_size, width)
    targets = text[1 : width * batch_size + 1].view(batch_size, width)
    return zip(inputs.split(length, dim=1), targets.split(length, dim=1), strict=True)
