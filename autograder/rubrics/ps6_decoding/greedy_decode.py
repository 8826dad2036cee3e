"""greedy_decode: hidden tests and alternative right answers."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, call
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps6_decoding._shared import draw_phases, draw_table, table_step
from rnncourse.exercises.ps6_decoding.greedy_decode import MIXED, draw_greedy
from rnncourse.reference.state_tree import first_tensor

from .. import Rubric
from ._shared import careful, decode_rows, nested


def observe_limits(subject: Any, rng: Rng) -> dict[str, Any]:
    """max_length 0 and 1, bos and eos the same word, an eos that comes at once."""
    table, state = draw_table(rng, 5), draw_phases(rng, 3)
    at_once = table.clone()
    at_once[:, 0, 3] = 99.0
    alike, *alike_args = draw_greedy(rng, MIXED, alike=True)
    cases = {
        "max_length=0": (table, state, 0, 4, 0),
        "max_length=1": (table, state, 0, 4, 1),
        f"bos and eos are both {alike_args[1]}": (alike, *alike_args),
        "eos is the likeliest first word": (at_once, state, 0, 3, 4),
    }
    return {
        text: attempt(subject, table_step(table), *args) for text, (table, *args) in cases.items()
    }


rubric = Rubric(
    (
        Property("limits", "short and unusual cases work", 0.5, observe_limits),
        nested(0.5, call),
        decode_rows(0.5, call),
        careful(0.25, call),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
@torch.no_grad()
def writes_into_a_matrix(step, state, bos, eos, max_length):
    N = len(first_tensor(state))
    words = torch.zeros(N, max_length, dtype=torch.int64)
    lengths = torch.full((N,), max_length)
    tokens, going, t = torch.full((N,), bos), torch.ones(N, dtype=torch.bool), 0
    while t < max_length and going.any():
        logits, state = step(tokens, state)
        tokens = logits.max(dim=1).indices
        words[:, t] = tokens
        t += 1
        ends = going & (tokens == eos)
        lengths[ends] = t
        going &= ~ends
    return [row[:n].tolist() for row, n in zip(words, lengths.tolist(), strict=True)]


@rubric.alternative
@torch.no_grad()
def appends_to_lists(step, state, bos, eos, max_length):
    rows = [[] for _ in range(len(first_tensor(state)))]

    def has_ended(row):
        return row[-1:] == [eos]

    tokens = torch.tensor([bos] * len(rows))
    for _ in range(max_length):
        if all(map(has_ended, rows)):
            break
        logits, state = step(tokens, state)
        tokens = logits.argsort(dim=1)[:, -1]
        for row, word in zip(rows, tokens.tolist(), strict=True):
            if not has_ended(row):
                row.append(word)
    return rows


@rubric.alternative
def pads_with_eos(step, state, bos, eos, max_length):
    with torch.no_grad():
        tokens = first_tensor(state).new_full((len(first_tensor(state)),), bos, dtype=torch.long)
        written, ended = [], torch.zeros_like(tokens)
        for _ in range(max_length):
            if ended.sum() == len(ended):
                break
            logits, state = step(tokens, state)
            best = logits.log_softmax(dim=-1).argmax(dim=-1)
            tokens = torch.where(ended.bool(), torch.tensor(eos), best)
            ended = torch.maximum(ended, (tokens == eos).long())
            written.append(tokens.tolist())
    rows = [[] for _ in range(len(ended))]
    for column in written:
        for row, word in zip(rows, column, strict=True):
            if eos not in row:
                row.append(word)
    return rows
