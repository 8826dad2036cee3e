"""pad_batch: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.compare import kind
from ...checks.entries import judging
from ...checks.exercise import Exercise, Property
from ...checks.properties import attempt, part
from ...checks.rng import Rng, Sizes
from ...reference import inputs
from ...reference.inputs import PAD


def draw_sequences(rng: Rng, s: Sizes) -> list[list[int]]:
    """B sequences, the second the longest of all; numbers from 4, so that there are no specials."""
    lengths = [int(rng.integers(1, max(s.T, 2))) for _ in range(s.B)]
    lengths[min(1, s.B - 1)] = s.T
    return [rng.integers(4, 60, length).tolist() for length in lengths]


def padded(subject: Any, sequences: list[Any], *pad: int) -> Any:
    """The result for a copy of the sequences."""
    copies = [
        sequence.clone() if isinstance(sequence, torch.Tensor) else list(sequence)
        for sequence in sequences
    ]
    return attempt(subject, copies, *pad)


def batch_text(sequences: list[Any], *pad: int) -> str:
    lists = ", ".join(
        str(sequence.tolist() if torch.is_tensor(sequence) else sequence) for sequence in sequences
    )
    return f"pad_batch([{lists}]{''.join(f', pad={number}' for number in pad)})"


def observe_batches(subject: Any, batches: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Tokens and lengths for each (sequences,) or (sequences, pad)."""
    seen: dict[str, Any] = {}
    for sequences, *pad in batches:
        result = padded(subject, sequences, *pad)
        text = batch_text(sequences, *pad)
        seen[f"{text}, tokens"] = part(result, 0)
        seen[f"{text}, lengths"] = part(result, 1)
    return seen


def observe_padded(subject: Any, rng: Rng) -> dict[str, Any]:
    """The property `tokens` judges one half of this, `lengths` the other."""
    return observe_batches(subject, [(draw_sequences(rng, rng.sizes(B=B)),) for B in (3, 5)])


def dtype_of(value: Any) -> Any:
    return str(value.dtype).removeprefix("torch.") if torch.is_tensor(value) else kind(value)


def observe_batch_dtypes(subject: Any, rng: Rng) -> dict[str, Any]:
    result = padded(subject, draw_sequences(rng, rng.sizes(B=4)))
    return {"tokens": dtype_of(part(result, 0)), "lengths": dtype_of(part(result, 1))}


exercise = Exercise(
    "pad_batch",
    "ps2_inputs",
    inputs.pad_batch,
    points=4,
    properties=(
        Property(
            "tokens",
            "tokens (B, T): each row a sequence, then pad",
            1,
            observe_padded,
            judging("*tokens"),
        ),
        Property(
            "lengths",
            "lengths (B,): how long each sequence is",
            0.5,
            observe_padded,
            judging("*lengths"),
        ),
        Property("dtype", "both are int64", 0.5, observe_batch_dtypes),
    ),
    forbids=("torch.nn.utils.rnn.pad_sequence",),
)


@exercise.misconception(
    "You pad in front. Here padding comes after the sequence, "
    "so that mask[b, t] is simply t < lengths[b]."
)
def pads_in_front(sequences, pad=PAD):
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
    T = int(lengths.max())
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[T - len(sequence) :] = torch.as_tensor(sequence)
    return tokens, lengths


@exercise.misconception(
    "You cut all sequences to the shortest, which throws words away. T is the longest length."
)
def cuts_to_the_shortest(sequences, pad=PAD):
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
    T = int(lengths.min())
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[:] = torch.as_tensor(sequence[:T])
    return tokens, lengths


@exercise.misconception(
    "You take T from the first sequence. It is the length of the longest, wherever that is."
)
def takes_the_first_length(sequences, pad=PAD):
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
    T = len(sequences[0])
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence[:T], dtype=torch.long)
    return tokens, lengths


@exercise.misconception(
    "Your tokens are floating-point, which torch.zeros and torch.full make by default. "
    "Word numbers are int64: dtype=torch.long."
)
def makes_floats(sequences, pad=PAD):
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
    tokens = torch.full((len(sequences), int(lengths.max())), float(pad))
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence)
    return tokens, lengths


@exercise.misconception(
    "Your tokens are int32. torch looks rows up with int64 everywhere else: use dtype=torch.long."
)
def makes_int32(sequences, pad=PAD):
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int32)
    tokens = torch.full((len(sequences), int(lengths.max())), pad, dtype=torch.int32)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence)
    return tokens, lengths


@exercise.misconception(
    "You always pad with 0. Use the number in pad: other vocabularies may have another one."
)
def ignores_pad(sequences, pad=PAD):
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
    tokens = torch.zeros(len(sequences), int(lengths.max()), dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence)
    return tokens, lengths


@exercise.misconception(
    "You return only the tokens. Return lengths too: otherwise padding cannot be told apart "
    "from a word with the same number."
)
def returns_tokens_only(sequences, pad=PAD):
    T = max(len(sequence) for sequence in sequences)
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence)
    return tokens


@exercise.misconception(
    "Your lengths are a Python list. Make them an int64 tensor (B,), "
    "so that they can be compared and moved like tokens."
)
def lists_the_lengths(sequences, pad=PAD):
    lengths = [len(sequence) for sequence in sequences]
    tokens = torch.full((len(sequences), max(lengths)), pad, dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence)
    return tokens, lengths


@exercise.misconception(
    "All your lengths are T, so the padding counts as words. Measure the sequences, not the rows."
)
def measures_the_rows(sequences, pad=PAD):
    T = max(len(sequence) for sequence in sequences)
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence)
    return tokens, torch.full((len(sequences),), T, dtype=torch.long)


@exercise.misconception(
    "You count what is not pad, but a sequence may hold that number. Take len(sequence)."
)
def counts_what_is_not_padding(sequences, pad=PAD):
    T = max(len(sequence) for sequence in sequences)
    tokens = torch.full((len(sequences), T), pad, dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence)
    return tokens, (tokens != pad).sum(dim=1)


@exercise.misconception(
    "Your += writes the padding into the caller's lists. "
    "Make a new list, sequence + [pad] * n, or fill a new tensor."
)
def pads_the_callers_lists(sequences, pad=PAD):
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
    T = int(lengths.max())
    if isinstance(sequences[0], torch.Tensor):
        sequences = [sequence.tolist() for sequence in sequences]
    for sequence in sequences:
        sequence += [pad] * (T - len(sequence))
    return torch.tensor(sequences, dtype=torch.long), lengths


@exercise.misconception(
    "Your tokens are (T, B). The batch is first here: one row for each sequence, (B, T)."
)
def puts_time_first(sequences, pad=PAD):
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
    tokens = torch.full((int(lengths.max()), len(sequences)), pad, dtype=torch.long)
    for column, sequence in enumerate(sequences):
        tokens[: len(sequence), column] = torch.as_tensor(sequence)
    return tokens, lengths


@exercise.misconception(
    "You sort the sequences by length. Row b must be sequence b, or it gets another's target."
)
def sorts_by_length(sequences, pad=PAD):
    sequences = sorted(sequences, key=len, reverse=True)
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)
    tokens = torch.full((len(sequences), int(lengths.max())), pad, dtype=torch.long)
    for row, sequence in zip(tokens, sequences, strict=True):
        row[: len(sequence)] = torch.as_tensor(sequence)
    return tokens, lengths


@exercise.misconception(
    "An empty list becomes a float tensor, so a batch of empty sequences is not int64. "
    "Pass dtype=torch.long wherever you make a tensor."
)
def forgets_the_dtype_of_nothing(sequences, pad=PAD):
    T = max(len(sequence) for sequence in sequences)
    rows = [
        [int(number) for number in sequence] + [pad] * (T - len(sequence)) for sequence in sequences
    ]
    return torch.tensor(rows), torch.tensor([len(sequence) for sequence in sequences])
