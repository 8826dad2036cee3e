"""pad_batch: its hidden tests, and right answers of other kinds."""

from typing import Any

import torch
from torch import nn

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import part
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps2_inputs.pad_batch import (
    draw_sequences,
    dtype_of,
    observe_batches,
    padded,
)
from rnncourse.reference.inputs import PAD

from .. import Rubric
from ._shared import changed, judge_inputs


def observe_pads(subject: Any, rng: Rng) -> dict[str, Any]:
    sequences = draw_sequences(rng, rng.sizes(B=3))
    return observe_batches(subject, [(sequences, -100), (sequences, 99)])


def observe_empty_sequences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Values, and the dtype of tokens without any number."""
    sequence = rng.integers(4, 60, 3).tolist()
    batches = [([[], sequence],), ([sequence[:1], [], sequence],), ([[]],), ([[], []],)]
    seen = observe_batches(subject, batches)
    result = padded(subject, [[], []])
    seen["tokens of two empty sequences"] = dtype_of(part(result, 0))
    return seen


def observe_one_row(subject: Any, rng: Rng) -> dict[str, Any]:
    sequence = rng.integers(4, 60, 4).tolist()
    return observe_batches(
        subject, [([sequence],), ([sequence[:1]],), ([sequence[:1], sequence[1:2]],)]
    )


def observe_tensors(subject: Any, rng: Rng) -> dict[str, Any]:
    sequences = [torch.tensor(sequence) for sequence in draw_sequences(rng, rng.sizes(B=3))]
    return observe_batches(subject, [(sequences,)])


def observe_pad_as_a_number(subject: Any, rng: Rng) -> dict[str, Any]:
    """A sequence may hold the number that pads, at its end too."""
    a, b, c = rng.integers(4, 60, 3).tolist()
    batches = [([[a, 0], [0, b, 0, 0], [c]],), ([[a], [b, a, a], [a, a]], a)]
    return observe_batches(subject, batches)


def observe_batch_inputs(subject: Any, rng: Rng) -> dict[str, Any]:
    sequences = draw_sequences(rng, rng.sizes(B=4))
    originals = [list(sequence) for sequence in sequences]
    result = subject(sequences)
    return {"the sequences are": changed(sequences, originals), "the result": result}


rubric = Rubric(
    (
        Property("pad", "pad may be any number", 0.5, observe_pads),
        Property("empty", "empty sequences work", 0.5, observe_empty_sequences),
        Property("one", "one row and one column work", 0.25, observe_one_row),
        Property("tensors", "sequences may be tensors", 0.25, observe_tensors),
        Property("number", "pad may occur in a sequence", 0.25, observe_pad_as_a_number),
        Property(
            "pure", "the sequences are left as they were", 0.25, observe_batch_inputs, judge_inputs
        ),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def joins_lists(sequences, pad=PAD):
    rows = [[int(number) for number in sequence] for sequence in sequences]
    T = max(map(len, rows))
    tokens = torch.tensor([row + [pad] * (T - len(row)) for row in rows], dtype=torch.int64)
    return tokens, torch.tensor(list(map(len, rows)), dtype=torch.int64)


@rubric.alternative
def writes_number_by_number(sequences, pad=PAD):
    B, T = len(sequences), 0
    for sequence in sequences:
        T = len(sequence) if len(sequence) > T else T
    tokens = torch.zeros(B, T, dtype=torch.long) + pad
    lengths = torch.zeros(B, dtype=torch.long)
    for b in range(B):
        for t in range(len(sequences[b])):
            tokens[b, t] = sequences[b][t]
            lengths[b] += 1
    return tokens, lengths


@rubric.alternative
def pads_tensors_and_stacks(sequences, pad=PAD):
    rows = [torch.as_tensor(sequence, dtype=torch.long) for sequence in sequences]
    T = max(row.numel() for row in rows)
    rows = [nn.functional.pad(row, (0, T - row.numel()), value=pad) for row in rows]
    return torch.stack(rows), torch.tensor([len(sequence) for sequence in sequences])


@rubric.alternative
def zips_the_columns(sequences, pad=PAD):
    from itertools import zip_longest

    lengths = torch.as_tensor([len(sequence) for sequence in sequences]).long()
    columns = list(zip_longest(*sequences, fillvalue=pad))
    if not columns:
        return torch.empty(len(sequences), 0, dtype=torch.long), lengths
    return torch.tensor(columns, dtype=torch.long).T.contiguous(), lengths


@rubric.alternative
def fills_through_a_mask(sequences, pad=PAD):
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    tokens = torch.full((len(sequences), int(lengths.max())), pad)
    mask = torch.arange(tokens.shape[1]) < lengths[:, None]
    flat = [int(number) for sequence in sequences for number in sequence]
    tokens[mask] = torch.tensor(flat, dtype=torch.long)
    return tokens, lengths
