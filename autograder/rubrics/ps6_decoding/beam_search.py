"""beam_search: hidden tests and alternative right answers."""

import itertools
import math
from typing import Any

import torch

from rnncourse.checks.compare import Raised
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps6_decoding._shared import draw_phases, draw_table, table_step
from rnncourse.exercises.ps6_decoding.beam_search import (
    describe_search,
    draw_search,
    pairs_of,
    searched,
)
from rnncourse.reference.state_tree import first_tensor, select_rows

from .. import Rubric
from ._shared import Decode, careful, decode_rows, nested


def with_beam(beam: int) -> Decode:
    return lambda subject, *args: subject(*args, beam, 0.6)


def observe_everything(subject: Any, rng: Rng) -> dict[str, Any]:
    """A beam wide enough for all possible sequences, so that the search is exact."""
    words, L = 2, 4
    beam = sum(words**length for length in range(L)) + words**L
    case = draw_search(rng, beam, N=2, V=words + 1, L=L)
    return searched(subject, case, beam, 0.0, 1.0)


def observe_finished(subject: Any, rng: Rng) -> dict[str, str]:
    """What must hold for every list of hypotheses."""
    table, state, eos, L = draw_table(rng, 5), draw_phases(rng, 4), 4, 5
    table[:, :, eos] = table[:, :, :eos].logsumexp(dim=2)  # as likely as all others together
    step = table_step(table)
    pairs = pairs_of(attempt(subject, step, state, 0, eos, L, 4))
    if not pairs or not any(pairs):
        return {"hypotheses": "there are none in the right form"}
    # Sorted, not put into sets: rows can be made to have all the same hash.
    rows_by_sentence = [sorted(tuple(row) for row, _ in hypotheses) for hypotheses in pairs]
    all_rows = [row for rows in rows_by_sentence for row in rows]
    return {
        "hypotheses": "found",
        "words after eos": "some" if any(eos in row[:-1] for row in all_rows) else "none",
        "sequences that come twice": (
            "some"
            if any(
                first == second
                for rows in rows_by_sentence
                for first, second in itertools.pairwise(rows)
            )
            else "none"
        ),
        "unfinished sequences that are shorter than max_length": (
            "some" if any(row[-1:] != (eos,) and len(row) < L for row in all_rows) else "none"
        ),
    }


def observe_impossible(subject: Any, rng: Rng) -> dict[str, Any]:
    """Words of probability 0, in a beam that is wide enough to need them."""
    table = draw_table(rng, 4)
    table[:, :, 1] = -torch.inf
    state = draw_phases(rng, 2)
    seen: dict[str, Any] = {}
    for eos in (3, 1):
        result = attempt(subject, table_step(table), state, 0, eos, 2, 20)
        pairs = pairs_of(result)
        seen[f"beam=20, max_length=2, word 1 is impossible, eos={eos}: the words"] = (
            describe_search(result)
            if pairs is None
            else [sorted(list(row) for row, _ in hypotheses) for hypotheses in pairs]
        )
    return seen


def observe_beam_refusals(subject: Any, rng: Rng) -> dict[str, str]:
    table, *args = draw_search(rng, 2)

    def tried(beam: int) -> str:
        result = attempt(subject, table_step(table), *args, beam)
        if isinstance(result, Raised):
            return "refused with a ValueError" if result.type == "ValueError" else repr(result)
        return "accepted" if pairs_of(result) else describe_search(result)

    return {f"beam={beam}": tried(beam) for beam in (0, -1, 2)}


rubric = Rubric(
    (
        Property("exhaustive", "a large beam finds the best of all", 1.5, observe_everything),
        nested(0.75, with_beam(3)),
        Property("finished", "sequences that have ended are not extended", 0.5, observe_finished),
        Property("impossible", "impossible words are not returned", 0.25, observe_impossible),
        decode_rows(0.5, with_beam(3)),
        Property("refuses", "a beam below 1 is refused", 0.25, observe_beam_refusals),
        careful(0.25, with_beam(2)),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
@torch.no_grad()
def searches_all_sentences_at_once(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("beam must be at least 1")
    N = len(first_tensor(state))
    state = select_rows(state, torch.arange(N).repeat_interleave(beam))
    log_p = torch.full((N, beam), -torch.inf, dtype=torch.float64)
    log_p[:, 0] = 0.0
    tokens = torch.full((N, beam, 1), bos)
    finished = [[] for _ in range(N)]
    done = torch.zeros(N, dtype=torch.bool)
    for length in range(1, max_length + 1):
        if done.all():
            break
        logits, state = step(tokens[:, :, -1].flatten(), state)
        V = logits.shape[1]
        extended = log_p.unsqueeze(2) + logits.double().log_softmax(1).view(N, beam, V)
        best, place = extended.flatten(1).sort(dim=1, descending=True)
        parent, word = place // V, place % V
        lp = ((5 + length) / 6) ** length_penalty
        log_p, rows = torch.full_like(log_p, -torch.inf), torch.zeros(N, beam, dtype=torch.long)
        longer = torch.full((N, beam, length + 1), eos)
        for n in range(N):
            k = 0
            for j in range(best.shape[1]):
                value, p, v = best[n, j].item(), int(parent[n, j]), int(word[n, j])
                if done[n] or value == -math.inf:
                    break
                if v == eos:
                    if j < beam:
                        finished[n].append(([*tokens[n, p, 1:].tolist(), v], value / lp))
                elif k < beam:
                    log_p[n, k], rows[n, k] = value, p
                    longer[n, k] = torch.cat([tokens[n, p], torch.tensor([v])])
                    k += 1
            if len(finished[n]) >= beam or k == 0:
                done[n] = True
        tokens = longer
        state = select_rows(state, (rows + torch.arange(N).unsqueeze(1) * beam).flatten())
    for n in range(N):
        for k in range(beam):
            if not done[n] and log_p[n, k] > -math.inf:
                finished[n].append((tokens[n, k, 1:].tolist(), log_p[n, k].item() / lp))
    return [sorted(pairs, key=lambda pair: pair[1], reverse=True)[:beam] for pairs in finished]


@rubric.alternative
def keeps_states_with_hypotheses(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    from heapq import nlargest

    if beam < 1:
        raise ValueError("beam must be at least 1")

    def search(state):
        going, finished = [(0.0, (), bos, state)], []
        for n in range(1, max_length + 1):
            lp = math.pow((5 + n) / 6, length_penalty)
            extended = []
            for log_p, words, last, state in going:
                with torch.no_grad():
                    logits, state = step(torch.tensor([last]), state)
                for v, q in enumerate(torch.log_softmax(logits[0], dim=0).tolist()):
                    if not math.isinf(q):
                        extended.append((log_p + q, (*words, v), v, state))
            ranked = nlargest(len(extended), extended, key=lambda extension: extension[0])
            finished += [(list(y), p / lp) for p, y, v, _ in ranked[:beam] if v == eos]
            going = [extension for extension in ranked if extension[2] != eos][:beam]
            if len(finished) >= beam:
                break
        else:
            finished += [(list(y), p / lp) for p, y, _, _ in going]
        return nlargest(beam, finished, key=lambda pair: pair[1])

    N = len(first_tensor(state))
    return [search(select_rows(state, torch.tensor([n]))) for n in range(N)]


@rubric.alternative
@torch.no_grad()
def searches_with_topk(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError(f"beam is {beam}")
    results = []
    for n in range(len(first_tensor(state))):
        own, total = select_rows(state, [n]), torch.zeros(1, 1, dtype=torch.float64)
        words, finished, length = torch.zeros(1, 0, dtype=torch.int64), [], 0
        last = torch.tensor([bos])
        while length < max_length and len(finished) < beam and len(total) > 0:
            logits, own = step(last, own)
            length += 1
            scores = (total + (logits - logits.logsumexp(1, keepdim=True))).flatten()
            value, place = scores.topk(min(len(scores), 2 * beam))
            value, place = value[value.isfinite()], place[value.isfinite()]
            parent, last = place // logits.shape[1], place % logits.shape[1]
            words = torch.cat([words[parent], last.unsqueeze(1)], dim=1)
            penalty = ((5.0 + length) ** length_penalty) / (6.0**length_penalty)
            ends = last == eos
            for k in ends[:beam].nonzero().flatten().tolist():
                finished.append((words[k].tolist(), value[k].item() / penalty))
            keep = (~ends).nonzero().flatten()[:beam]
            words, last, total = words[keep], last[keep], value[keep].unsqueeze(1)
            own = select_rows(own, parent[keep])
        if len(finished) < beam:
            rest = total.flatten().tolist()
            finished += [(y, p / penalty) for y, p in zip(words.tolist(), rest, strict=True)]
        finished.sort(key=lambda pair: pair[1], reverse=True)
        results.append(finished[:beam])
    return results
