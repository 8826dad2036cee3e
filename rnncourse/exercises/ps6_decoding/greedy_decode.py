"""greedy_decode: its visible checks and the mistakes people make.

Models are tables of logits; batches are drawn whose sentences end in a given way.
"""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import difference
from ...checks.exercise import Exercise, Property
from ...checks.properties import attempt
from ...checks.pytree import copied
from ...checks.rng import Rng, memoised_draw
from ...reference import decoding
from ...reference.state_tree import first_tensor
from ._shared import describe_rows, draw_phases, draw_table, is_list, is_words, table_step

MIXED, ENDING = "some end by themselves, some are cut", "all end by themselves, not at once"


def matters(
    step: Callable[..., Any], state: Any, bos: int, eos: int, L: int, feature: Callable = len
) -> bool:
    """Whether `feature` of the rows differs if step reads bos every time, or the first state."""

    def reads_bos(tokens, state):
        return step(torch.full_like(tokens, bos), state)

    def reads_the_start(tokens, later_state):
        return step(tokens, state)[0], later_state

    def features(model: Callable[..., Any]) -> list[Any]:
        return [feature(row) for row in decoding.greedy_decode(model, state, bos, eos, L)]

    return features(step) not in (features(reads_bos), features(reads_the_start))


@memoised_draw
def draw_greedy(rng: Rng, kind_of_case: str, alike: bool = False) -> tuple:
    """(table, state, bos, eos, max_length) whose sentences end as `kind_of_case` says.

    alike: bos and eos are the same word.
    """
    N, V, L = 4, 6, 7
    while True:
        bos, eos = torch.randperm(V, generator=rng.generator)[:2].tolist()
        bos = eos if alike else bos
        table, state = draw_table(rng, V), draw_phases(rng, N)
        step = table_step(table)
        rows = decoding.greedy_decode(step, state, bos, eos, L)
        ended = {len(row) for row in rows if row[-1] == eos}
        cut = sum(row[-1] != eos for row in rows)
        if kind_of_case == MIXED and not (cut and ended and min(ended) < L - 2):
            continue
        if kind_of_case == ENDING and not (not cut and len(ended) > 1 and max(ended) < L):
            continue
        if matters(step, state, bos, eos, L):
            return table, state, bos, eos, L


def greedy_text(state: Any, bos: int, eos: int, L: int) -> str:
    N = len(first_tensor(state))
    return f"greedy_decode of N = {N} with bos={bos}, eos={eos}, max_length={L}"


def observe_greedy(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for kind_of_case in (MIXED, ENDING):
        table, *args = draw_greedy(rng, kind_of_case)
        result = attempt(subject, table_step(table), *args)
        seen[f"{greedy_text(*args)}, where {kind_of_case}"] = result
    table, state, *args = draw_greedy(rng, MIXED)
    alone = attempt(subject, table_step(table), state[:1], *args)
    return {**seen, greedy_text(state[:1], *args): alone}


def judge_form(got: Any, expected: Any) -> str | None:
    return difference(
        {text: describe_rows(result) for text, result in got.items()},
        {text: describe_rows(result) for text, result in expected.items()},
    )


def judge_ends(got: Any, expected: Any) -> str | None:
    """Each sentence has the right number of words; the words are not judged here."""

    def lengths(result: Any) -> Any:
        if not is_list(result) or not all(map(is_words, result)):
            return describe_rows(result)
        return [f"{len(row)} words" for row in result]

    return difference(
        {f"{text}, lengths": lengths(result) for text, result in got.items()},
        {f"{text}, lengths": lengths(result) for text, result in expected.items()},
    )


def observe_greedy_calls(subject: Any, rng: Rng) -> dict[str, Any]:
    """The arguments of each call of step, for the sentences that have not ended yet."""
    table, *args = draw_greedy(rng, ENDING)
    step, state = table_step(table), args[0]
    lengths = [len(row) for row in decoding.greedy_decode(step, *args)]
    seen: dict[str, Any] = {}
    count = 0

    def recording(tokens, state):
        nonlocal count
        count += 1
        if count <= max(lengths):
            going = [n for n, length in enumerate(lengths) if length >= count]
            whole = len(tokens) == len(lengths) and len(state) == len(lengths)
            for name, value in (("tokens", tokens), ("state", state)):
                seen[f"call {count} of step, {name} of the sentences that go on"] = (
                    copied(value[going]) if whole else f"for {len(value)} sentences, not for all"
                )
        return step(tokens, state)

    attempt(subject, recording, state, *args[1:])
    text = f"how often step is called where the longest sentence has {max(lengths)} words"
    return {**seen, text: count}


exercise = Exercise(
    "greedy_decode",
    "ps6_decoding",
    decoding.greedy_decode,
    points=4,
    properties=(
        Property("form", "the result is N lists of integers", 0.25, observe_greedy, judge_form),
        Property(
            "ends",
            "a sentence ends with its first eos, or after max_length words",
            0.5,
            observe_greedy,
            judge_ends,
        ),
        Property("values", "each word is the likeliest one", 1, observe_greedy),
        Property(
            "calls",
            "step reads the word just written and the state it returned, until all have ended",
            0.5,
            observe_greedy_calls,
        ),
    ),
)


@exercise.canonical
@torch.no_grad()
def greedy_decode(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    ended = [False for _ in tokens]
    rows = [[] for _ in tokens]
    for _ in range(max_length):
        if all(ended):
            break
        logits, state = step(tokens, state)
        tokens = logits.argmax(dim=1)
        for n, token in enumerate(tokens.tolist()):
            if not ended[n]:
                rows[n].append(token)
            ended[n] = ended[n] or token == eos
    return rows


@exercise.misconception(
    "You stop as soon as one sentence has ended, and cut the others short. "
    "Go on until all of them have."
)
@torch.no_grad()
def stops_with_the_first(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    rows = [[] for _ in tokens]
    for _ in range(max_length):
        logits, state = step(tokens, state)
        tokens = logits.argmax(dim=1)
        for row, token in zip(rows, tokens.tolist(), strict=True):
            row.append(token)
        if (tokens == eos).any():
            break
    return rows


@exercise.misconception(
    "You go on writing after eos. What follows a sentence's first eos is not part of it: "
    "cut it off."
)
@torch.no_grad()
def writes_on_after_eos(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    ended = torch.zeros(len(tokens), dtype=torch.bool)
    rows = [[] for _ in tokens]
    for _ in range(max_length):
        if ended.all():
            break
        logits, state = step(tokens, state)
        tokens = logits.argmax(dim=1)
        ended |= tokens == eos
        for row, token in zip(rows, tokens.tolist(), strict=True):
            row.append(token)
    return rows


exercise.near_miss(
    "drops_the_eos",
    "You drop the eos, so nobody can tell a sentence that ended from one that was cut. Keep it.",
    """
    +            ended[n] = ended[n] or token == eos
                 if not ended[n]:
                     rows[n].append(token)
    -            ended[n] = ended[n] or token == eos
    """,
)


exercise.near_miss(
    "returns_the_bos",
    "Your sentences begin with bos. It is read first, but it was not written by the model: "
    "return what comes after it.",
    """
    -    rows = [[] for _ in tokens]
    +    rows = [[bos] for _ in tokens]
    """,
)


exercise.near_miss(
    "always_reads_bos",
    "All your steps read bos. Feed the word just written back: `tokens = logits.argmax(1)`.",
    """
    -        tokens = logits.argmax(dim=1)
    -        for n, token in enumerate(tokens.tolist()):
    +        for n, token in enumerate(logits.argmax(dim=1).tolist()):
    """,
)


exercise.near_miss(
    "loses_the_state",
    "You give every step the initial state, so the model forgets what it has written. "
    "Pass on the state that step returned.",
    """
    -        logits, state = step(tokens, state)
    +        logits, _ = step(tokens, state)
    """,
)


exercise.near_miss(
    "stops_one_word_early",
    "You write one word fewer than max_length allows. The eos counts, bos does not: "
    "`for _ in range(max_length)`.",
    """
    -    for _ in range(max_length):
    +    for _ in range(max_length - 1):
    """,
)


exercise.near_miss(
    "never_stops_early",
    "You go on calling step until max_length, though every sentence has ended. "
    "Remember which have ended, and stop when all have.",
    """
    -        if all(ended):
    -            break
    """,
)


@exercise.misconception(
    "You return one padded tensor. Sentences differ in length: return N lists of integers."
)
@torch.no_grad()
def returns_a_tensor(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    ended = torch.zeros(len(tokens), dtype=torch.bool)
    written = []
    for _ in range(max_length):
        if ended.all():
            break
        logits, state = step(tokens, state)
        tokens = logits.argmax(dim=1).masked_fill(ended, eos)
        ended |= tokens == eos
        written.append(tokens)
    return torch.stack(written, dim=1) if written else torch.zeros(len(tokens), 0)


exercise.near_miss(
    "records_a_graph",
    "You let autograd record every step, which fills the memory for nothing. "
    "Put @torch.no_grad() above the function.",
    """
    -@torch.no_grad()
    """,
)
