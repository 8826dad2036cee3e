"""sample_decode: hidden tests and alternative right answers."""

from typing import Any

import torch

from rnncourse.checks.compare import Raised
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.checks.statistics import looks_like
from rnncourse.exercises.ps6_decoding._shared import (
    describe_rows,
    draw_phases,
    draw_table,
    run_with_generator,
    table_step,
)
from rnncourse.exercises.ps6_decoding.greedy_decode import MIXED, draw_greedy
from rnncourse.exercises.ps6_decoding.sample_decode import (
    SAMPLE,
    counts_of,
    sample_words,
)
from rnncourse.reference.decoding import greedy_decode
from rnncourse.reference.state_tree import first_tensor

from .. import Rubric
from ._shared import SOURCE, careful, observe_source


def sample_three(subject: Any, *args: Any) -> Any:
    """With temperature 0.7 and the three best words."""
    return run_with_generator(subject, *args, 0.7, 3, 3)


def observe_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Whole sentences: the next step reads the word that was drawn, and the state."""
    V, eos, L, phases = 3, 2, 3, 4
    table = draw_table(rng, V, phases)
    phase = int(rng.integers(0, phases, 1))
    state = torch.full((SAMPLE, 1), float(phase), dtype=torch.float64)
    probs: dict[tuple[int, ...], float] = {}

    def walk(row: tuple[int, ...], p: float, last: int, state: torch.Tensor) -> None:
        if row and (row[-1] == eos or len(row) == L):
            probs[row] = p
            return
        logits, state = table_step(table)(torch.tensor([last]), state)
        for v, q in enumerate(logits[0].softmax(dim=0).tolist()):
            walk((*row, v), p * q, v, state)

    walk((), 1.0, 0, state[:1])
    rows = attempt(run_with_generator, subject, table_step(table), state, 0, eos, L, 1.0, None, 17)
    counts = counts_of(rows, list(probs))
    return {
        f"{SAMPLE} sentences of up to {L} words": (
            counts
            if isinstance(counts, str)
            else looks_like(counts, {"each as often as the model says": list(probs.values())})
        )
    }


def observe_ties(subject: Any, rng: Rng) -> dict[str, Any]:
    """Among equally good words still only k come; and k may be larger than V."""
    seen: dict[str, Any] = {}
    for k in (2, 6, 9):
        rows = attempt(sample_words, subject, torch.ones(6, dtype=torch.float64), 500, 1.0, k, 23)
        counts = counts_of(rows, [(v,) for v in range(6)])
        seen[f"6 words that are all equal, top_k={k}: how many come"] = (
            counts if isinstance(counts, str) else sum(count > 0 for count in counts)
        )
    return seen


def observe_sample_refusals(subject: Any, rng: Rng) -> dict[str, str]:
    table, *args = draw_greedy(rng, MIXED)

    def tried(temperature: float, k: int | None) -> str:
        result = attempt(run_with_generator, subject, table_step(table), *args, temperature, k, 1)
        if isinstance(result, Raised):
            return "refused with a ValueError" if result.type == "ValueError" else repr(result)
        return f"accepted: {describe_rows(result)}"

    return {
        f"temperature={temperature}, top_k={k}": tried(temperature, k)
        for temperature, k in ((0, None), (-1.0, None), (1.0, 0), (1.0, -2), (1.0, None))
    }


def draw_sample(subject: Any, rng: Rng, source: Any) -> Any:
    table, state = draw_table(rng, 6), draw_phases(rng, 40)
    return subject(table_step(table / 3), state, 0, 5, 6, 1.0, None, source)


rubric = Rubric(
    (
        Property("sentences", "whole sentences have the right distribution", 1, observe_sentences),
        Property("source", SOURCE, 0.75, observe_source(draw_sample, describe_rows)),
        Property("ties", "exactly k words are left, also among equals", 0.5, observe_ties),
        Property("refuses", "bad input is refused", 0.5, observe_sample_refusals),
        careful(0.25, sample_three),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
@torch.no_grad()
def adds_gumbel_noise(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k <= 0):
        raise ValueError("temperature and top_k must be positive")

    def noisy(tokens, state):
        logits, state = step(tokens, state)
        k = logits.shape[1] if top_k is None else min(top_k, logits.shape[1])
        _, words = logits.topk(k, dim=1)
        best = torch.full_like(logits, -torch.inf).scatter(1, words, logits.gather(1, words))
        uniform = torch.rand(logits.shape, generator=generator, dtype=torch.float64)
        return best / temperature - (-uniform.log()).log(), state

    return greedy_decode(noisy, state, bos, eos, max_length)


@rubric.alternative
@torch.no_grad()
def walks_up_the_cumulative_sum(step, state, bos, eos, max_length, temperature, top_k, generator):
    if not temperature > 0:
        raise ValueError("temperature must be positive")
    if top_k is not None and top_k < 1:
        raise ValueError("top_k must be positive")
    N = len(first_tensor(state))
    tokens, rows = torch.full((N,), bos), [[] for _ in range(N)]
    for _ in range(max_length):
        if all(row and row[-1] == eos for row in rows):
            break
        logits, state = step(tokens, state)
        logits, words = logits.sort(dim=1, descending=True)
        p = (logits[:, :top_k] / temperature).softmax(dim=1).cumsum(dim=1)
        uniform = torch.rand(N, 1, generator=generator, dtype=torch.float64)
        place = (p < uniform * p[:, -1:]).sum(dim=1, keepdim=True)
        tokens = words.gather(1, place).squeeze(1)
        for row, word in zip(rows, tokens.tolist(), strict=True):
            if not row or row[-1] != eos:
                row.append(word)
    return rows


@rubric.alternative
def draws_row_by_row(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")
    rows = {n: [] for n in range(len(first_tensor(state)))}
    with torch.no_grad():
        tokens = torch.full((len(rows),), bos)
        for _ in range(max_length):
            if all(row and row[-1] == eos for row in rows.values()):
                break
            logits, state = step(tokens, state)
            for n, row in rows.items():
                if row and row[-1] == eos:
                    continue
                scores = logits[n] / temperature
                if top_k is not None and top_k < len(scores):
                    scores[scores.argsort(descending=True)[top_k:]] = -torch.inf
                word = torch.multinomial(scores.softmax(0), 1, generator=generator)
                tokens[n] = word.item()
                row.append(word.item())
    return list(rows.values())


@rubric.alternative
def keeps_the_p_of_the_best(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def chosen(tokens, state):
        logits, state = step(tokens, state)
        p = torch.softmax(logits / temperature, dim=1)
        if top_k is not None:
            _, words = logits.topk(min(top_k, p.shape[1]))
            p = p * torch.zeros_like(p).scatter(1, words, 1.0)  # multinomial normalises
        word = torch.multinomial(p, 1, generator=generator).squeeze(1)
        return torch.nn.functional.one_hot(word, p.shape[1]), state

    return greedy_decode(chosen, state, bos, eos, max_length)
