"""Problem set 6, decoding: what is checked, and the mistakes people make (lecture §6).

The models here are tables: a few words, logits that depend on the last word and on a phase that
moves on with every word. What is drawn at random is judged by large samples, see `chance`.

A misconception is a whole wrong implementation under a telling name. It may use torch, math, the
two helpers for states and the student's other functions; nothing else, because the audit submits
its source.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import torch

from ..reference import decoding, exposure
from ..reference.decoding import greedy_decode
from ..reference.exposure import edit_count_probs
from ..reference.state_tree import first_tensor, select_rows
from .compare import Raised, difference, kind
from .exercise import Exercise, Property
from .properties import Cases, attempt, part
from .pytree import copied
from .remote import alongside
from .rng import Rng, Sizes
from .statistics import generator, looks_like


def once(draw: Callable[..., Any]) -> Callable[..., Any]:
    """A draw that takes many tries is made once for a seed, and copied for all who are tried."""

    @lru_cache(maxsize=64)
    def made(state: bytes, *args: Any, **kwargs: Any) -> tuple[Any, torch.Tensor]:
        rng = Rng(0)
        rng.generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
        return draw(rng, *args, **kwargs), rng.generator.get_state()

    @wraps(draw)
    def drawn(rng: Rng, *args: Any, **kwargs: Any) -> Any:
        case, after = made(bytes(rng.generator.get_state().numpy()), *args, **kwargs)
        rng.generator.set_state(after)
        return copied(case)

    return drawn


# --- models that are tables ---------------------------------------------------------------------


def draw_table(rng: Rng, V: int, phases: int = 5) -> torch.Tensor:
    """Logits (phases, V, V) after each word, well apart, so that no rounding changes an order."""
    order = torch.stack(
        [torch.randperm(V, generator=rng.generator) for _ in range(phases * V)]
    ).view(phases, V, V)
    return 0.8 * order.double() + 0.08 * rng.normal(phases, V, V).clamp(-3, 3)


def draw_phases(rng: Rng, N: int, phases: int = 5) -> torch.Tensor:
    """A state (N, 1) before the first word."""
    return rng.integers(0, phases, N, 1).double()


def table_step(table: torch.Tensor) -> Callable[..., Any]:
    """The model of a table; what it says depends on the last word and on all words before it."""

    def step(tokens, state):
        phase = state[:, 0].long()
        moved = (phase + 2 * tokens + 1) % len(table)
        return table[phase, tokens], moved.unsqueeze(1).to(state.dtype)

    return step


def nested_step(table: torch.Tensor) -> Callable[..., Any]:
    """The same with a state (phase, (bias, words so far)), as a decoder with attention has one."""
    plain_step = table_step(table)

    def step(tokens, state):
        phase, (bias, count) = state
        logits, phase = plain_step(tokens, phase)
        return logits + bias * (1 + count % 2), (phase, (bias, count + 1))

    return step


def draw_nested(rng: Rng, N: int, V: int) -> Any:
    return draw_phases(rng, N), (1.3 * rng.normal(N, V), torch.zeros(N, 1, dtype=torch.float64))


def is_words(row: Any) -> bool:
    return isinstance(row, (list, tuple)) and all(type(word) is int for word in row)


def describe_rows(result: Any) -> str:
    """The form of a decoded batch, in words."""
    if not isinstance(result, (list, tuple)):
        return repr(result) if isinstance(result, Raised) else kind(result)
    odd = [row for row in result if not is_words(row)]
    if not odd:
        return f"a list of {len(result)} lists of integers"
    row = odd[0]
    inside = next((word for word in row if type(word) is not int), None) if is_list(row) else row
    return f"a list in which there is a {kind(inside)}"


def is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


# --- greedy_decode ------------------------------------------------------------------------------

MIXED, ENDING = "some end by themselves, some are cut", "all end by themselves, not at once"


def matters(
    step: Callable[..., Any], state: Any, bos: int, eos: int, L: int, what: Callable = len
) -> bool:
    """Whether it shows (in the lengths) if step reads bos every time, or the first state."""

    def reads_bos(tokens, state):
        return step(torch.full_like(tokens, bos), state)

    def reads_the_start(tokens, now):
        return step(tokens, state)[0], now

    one, *others = (
        [what(row) for row in decoding.greedy_decode(model, state, bos, eos, L)]
        for model in (step, reads_bos, reads_the_start)
    )
    return one not in others


@once
def draw_greedy(rng: Rng, kind_of_case: str, alike: bool = False) -> tuple:
    """(table, state, bos, eos, max_length) whose sentences end in the way that is asked for.

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
    seen = {}
    for kind_of_case in (MIXED, ENDING):
        table, *args = draw_greedy(rng, kind_of_case)
        result = attempt(lambda table=table, args=args: subject(table_step(table), *args))
        seen[f"{greedy_text(*args)}, where {kind_of_case}"] = result
    table, state, *args = draw_greedy(rng, MIXED)
    alone = attempt(lambda: subject(table_step(table), state[:1], *args))
    return {**seen, greedy_text(state[:1], *args): alone}


def judge_form(got: Any, expected: Any) -> str | None:
    return difference(
        {text: describe_rows(result) for text, result in got.items()},
        {text: describe_rows(result) for text, result in expected.items()},
    )


def judge_ends(got: Any, expected: Any) -> str | None:
    """Each sentence has the right number of words; which words they are is not judged here."""

    def lengths(result: Any) -> Any:
        right = is_list(result) and all(map(is_words, result))
        return [f"{len(row)} words" for row in result] if right else describe_rows(result)

    return difference(
        {f"{text}, lengths": lengths(result) for text, result in got.items()},
        {f"{text}, lengths": lengths(result) for text, result in expected.items()},
    )


def observe_greedy_calls(subject: Any, rng: Rng) -> dict[str, Any]:
    """What step is called with, for the sentences that have not ended yet, call by call."""
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

    attempt(lambda: subject(recording, state, *args[1:]))
    text = f"how often step is called where the longest sentence has {max(lengths)} words"
    return {**seen, text: count}


greedy = Exercise(
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


@greedy.misconception(
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


@greedy.misconception(
    "You go on writing after eos. What follows a sentence's first eos is no part of it: cut it off."
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


@greedy.misconception(
    "You drop the eos, so nobody can tell a sentence that ended from one that was cut. Keep it."
)
@torch.no_grad()
def drops_the_eos(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    ended = [False for _ in tokens]
    rows = [[] for _ in tokens]
    for _ in range(max_length):
        if all(ended):
            break
        logits, state = step(tokens, state)
        tokens = logits.argmax(dim=1)
        for n, token in enumerate(tokens.tolist()):
            ended[n] = ended[n] or token == eos
            if not ended[n]:
                rows[n].append(token)
    return rows


@greedy.misconception(
    "Your sentences begin with bos. It is read first, but it was not written by the model: "
    "return what comes after it."
)
@torch.no_grad()
def returns_the_bos(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    ended = [False for _ in tokens]
    rows = [[bos] for _ in tokens]
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


@greedy.misconception(
    "Every step of yours reads bos. Feed the word just written back: `tokens = logits.argmax(1)`."
)
@torch.no_grad()
def always_reads_bos(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    ended = [False for _ in tokens]
    rows = [[] for _ in tokens]
    for _ in range(max_length):
        if all(ended):
            break
        logits, state = step(tokens, state)
        for n, token in enumerate(logits.argmax(dim=1).tolist()):
            if not ended[n]:
                rows[n].append(token)
            ended[n] = ended[n] or token == eos
    return rows


@greedy.misconception(
    "You hand every step the initial state, so the model forgets what it has written. "
    "Pass on the state that step returned."
)
@torch.no_grad()
def loses_the_state(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    ended = [False for _ in tokens]
    rows = [[] for _ in tokens]
    for _ in range(max_length):
        if all(ended):
            break
        logits, _ = step(tokens, state)
        tokens = logits.argmax(dim=1)
        for n, token in enumerate(tokens.tolist()):
            if not ended[n]:
                rows[n].append(token)
            ended[n] = ended[n] or token == eos
    return rows


@greedy.misconception(
    "You write one word less than max_length allows. The eos counts, bos does not: "
    "`for _ in range(max_length)`."
)
@torch.no_grad()
def stops_one_word_early(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    ended = [False for _ in tokens]
    rows = [[] for _ in tokens]
    for _ in range(max_length - 1):
        if all(ended):
            break
        logits, state = step(tokens, state)
        tokens = logits.argmax(dim=1)
        for n, token in enumerate(tokens.tolist()):
            if not ended[n]:
                rows[n].append(token)
            ended[n] = ended[n] or token == eos
    return rows


@greedy.misconception(
    "You go on calling step until max_length, though every sentence has ended. "
    "Remember who has ended, and stop when all have."
)
@torch.no_grad()
def never_stops_early(step, state, bos, eos, max_length):
    tokens = torch.full((len(first_tensor(state)),), bos)
    ended = [False for _ in tokens]
    rows = [[] for _ in tokens]
    for _ in range(max_length):
        logits, state = step(tokens, state)
        tokens = logits.argmax(dim=1)
        for n, token in enumerate(tokens.tolist()):
            if not ended[n]:
                rows[n].append(token)
            ended[n] = ended[n] or token == eos
    return rows


@greedy.misconception(
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


@greedy.misconception(
    "You let autograd record every step, which fills the memory for nothing. "
    "Put @torch.no_grad() above the function."
)
def records_a_graph(step, state, bos, eos, max_length):
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


# --- sample_decode ------------------------------------------------------------------------------

SAMPLE = 3000  # sentences in one call


def fixed_step(logits: torch.Tensor) -> Callable[..., Any]:
    """A model that says the same (V,) whatever it reads."""

    def step(tokens, state):
        return logits.expand(len(tokens), -1).clone(), state

    return step


def draw_apart(rng: Rng, V: int) -> torch.Tensor:
    """Logits (V,) half a unit apart, in random order."""
    return 0.5 * torch.randperm(V, generator=rng.generator).double()


def counts_of(rows: Any, outcomes: list[Any]) -> list[int] | str:
    """How often each outcome is among the rows; in words where there are others."""
    if not is_list(rows) or not all(map(is_words, rows)):
        return describe_rows(rows)
    # Before they are counted: foreign rows can be made to have all the same hash.
    for row in rows:
        if tuple(row) not in outcomes:
            return f"there is a {list(row)} among them"
    found = Counter(map(tuple, rows))
    return [found[row] for row in outcomes]


ASKED = "like softmax(logits / temperature) over the top_k best"


def observe_frequencies(subject: Any, rng: Rng) -> dict[str, str]:
    """The distribution of the first word, named by what it looks like."""
    V, seen = 6, {}
    for temperature, k in ((1.0, None), (0.5, None), (2.0, None), (1.0, 3), (2.0, 4)):
        logits, seed = draw_apart(rng, V), int(rng.integers(0, 2**31, 1))
        rows = attempt(
            lambda logits=logits, temperature=temperature, k=k, seed=seed: subject(
                fixed_step(logits),
                torch.zeros(SAMPLE, 1, dtype=torch.float64),
                0,
                V - 1,
                1,
                temperature,
                k,
                generator(subject, seed),
            )
        )
        worst = logits.argsort(descending=True)[k or V :]
        best = torch.zeros_like(logits).index_fill(0, worst, -torch.inf)
        p = logits.softmax(dim=0)
        candidates = {
            ASKED: (logits / temperature + best).softmax(dim=0),
            "like softmax(logits * temperature)": (logits * temperature + best).softmax(dim=0),
            "as if the temperature were 1": (logits + best).softmax(dim=0),
            "like a softmax of the softmax": (p / temperature + best).softmax(dim=0),
            "as if every word were equally likely": best.softmax(dim=0),
            "as if there were no top_k": (logits / temperature).softmax(dim=0),
        }
        counts = counts_of(rows, [(v,) for v in range(V)])
        seen[f"the words for temperature={temperature}, top_k={k}"] = (
            counts
            if isinstance(counts, str)
            else looks_like(counts, {name: p.tolist() for name, p in candidates.items()})
        )
    return seen


def observe_cold(subject: Any, rng: Rng) -> dict[str, Any]:
    """Where nothing is left to chance, whole sentences must be those of greedy_decode."""
    table, *args = draw_greedy(rng, MIXED)
    return {
        f"temperature={temperature}, top_k={k}": attempt(
            lambda temperature=temperature, k=k: subject(
                table_step(table), *args, temperature, k, generator(subject, 5)
            )
        )
        for temperature, k in ((1e-4, None), (1.0, 1), (5.0, 1))
    }


def observe_top_k(subject: Any, rng: Rng) -> dict[str, Any]:
    """Which words ever come: with a large sample, exactly the k best."""
    V, seen = 6, {}
    logits = draw_apart(rng, V) / 2
    for k in (2, 3, 5):
        rows = attempt(
            lambda k=k: subject(
                fixed_step(logits),
                torch.zeros(SAMPLE // 2, 1, dtype=torch.float64),
                0,
                V - 1,
                1,
                1.0,
                k,
                generator(subject, 100 + k),
            )
        )
        counts = counts_of(rows, [(v,) for v in range(V)])
        order = logits.argsort(descending=True).tolist()
        seen[f"with top_k={k} of {V} words, those that come, best first"] = (
            counts if isinstance(counts, str) else [v for v in order if counts[v] > 0]
        )
    return seen


def observe_source(draw: Callable[[Any, Rng, Any], Any], describe: Callable[[Any], str]) -> Any:
    """An observation: does chance come from the generator that was handed in, and only from it?

    draw(subject, rng, generator): a random result that hardly comes twice.
    """

    def observe(subject: Any, rng: Rng) -> dict[str, str]:
        state = alongside(subject, "torch.get_rng_state")
        before = state()
        shared = Rng(int(rng.integers(0, 2**31, 1)), "alike")
        kept = shared.generator.get_state()
        results = []
        for seed in (1, 1, 2):
            shared.generator.set_state(kept)  # the same inputs each time
            results.append(draw(subject, shared, generator(subject, seed)))
        one, same, other = results

        def alike(a: Any, b: Any) -> str:
            return "the same result" if difference(a, b) is None else "another result"

        return {
            "what comes back": describe(one),
            "the same seed again": alike(one, same),
            "another seed": alike(one, other),
            "torch's global random state": (
                "is left alone" if torch.equal(before, state()) else "is used"
            ),
        }

    return observe


def draw_sampled(subject: Any, rng: Rng, source: Any) -> Any:
    table, state = draw_table(rng, 6), draw_phases(rng, 40)
    return subject(table_step(table / 3), state, 0, 5, 6, 1.0, None, source)


sampling = Exercise(
    "sample_decode",
    "ps6_decoding",
    decoding.sample_decode,
    points=6,
    properties=(
        Property(
            "frequencies",
            f"words come as often as they should ({SAMPLE} sentences)",
            1.5,
            observe_frequencies,
        ),
        Property("top_k", "no word but the k best ever comes", 0.75, observe_top_k),
        Property("cold", "without chance it writes what greedy_decode writes", 0.75, observe_cold),
    ),
)


@sampling.misconception(
    "You keep all words that reach the k-th largest logit, more than k where some are equal. "
    "Use the indices that topk returns: they are exactly k."
)
def keeps_all_ties(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        best, _ = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
        kept = logits.masked_fill(logits < best[:, -1:], -torch.inf)
        word = torch.multinomial((kept / temperature).softmax(1), 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, word, 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


@sampling.misconception(
    "You multiply the logits by the temperature. Divide: a high temperature makes them more alike."
)
def multiplies_by_the_temperature(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
        place = torch.multinomial((best * temperature).softmax(1), 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


@sampling.misconception(
    "You never use the temperature. Divide the logits by it before the softmax."
)
def ignores_the_temperature(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
        place = torch.multinomial(best.softmax(1), 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


@sampling.misconception(
    "You take a softmax of probabilities, which makes all words nearly alike. "
    "The temperature divides the logits, and there is one softmax, after that."
)
def softens_twice(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        p = logits.softmax(dim=1)
        best, words = p.topk(min(top_k or p.shape[1], p.shape[1]), dim=1)
        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


@sampling.misconception(
    "You never use top_k. Keep the k largest logits only, and draw among their words."
)
def ignores_top_k(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        word = torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, word, 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


@sampling.misconception(
    "You set the logits outside the top k to 0, but exp(0) is 1: they can still come. "
    "Set them to -inf."
)
def masks_with_zero(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        _, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
        kept = torch.zeros_like(logits).scatter(1, words, 1.0)
        word = torch.multinomial((logits * kept / temperature).softmax(1), 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, word, 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


@sampling.misconception(
    "You return the place among the top k, not the word that stands there. "
    "topk gives both: look the word up in its indices."
)
def returns_the_place(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        best, _ = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
        place = torch.multinomial((best / temperature).softmax(1), 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, place, 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


@sampling.misconception(
    "You draw one word for the whole batch. Each sentence has its own chance: draw N words a step."
)
def draws_once_for_all(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
        place = torch.multinomial((best[0] / temperature).softmax(0), 1, generator=generator)
        word = words.gather(1, place.expand(len(words), 1))
        return torch.zeros_like(logits).scatter(1, word, 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


@sampling.misconception(
    "You leave the generator out, so nobody can repeat what came. "
    "Hand it on: torch.multinomial(p, 1, generator=generator)."
)
def forgets_the_generator(step, state, bos, eos, max_length, temperature, top_k, generator):
    if temperature <= 0 or (top_k is not None and top_k < 1):
        raise ValueError("temperature and top_k must be positive")

    def drawn(tokens, state):
        logits, state = step(tokens, state)
        best, words = logits.topk(min(top_k or logits.shape[1], logits.shape[1]), dim=1)
        place = torch.multinomial((best / temperature).softmax(1), 1)
        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


@sampling.misconception(
    "You accept a temperature of 0 or below, or a top_k of 0. Refuse them with a ValueError first."
)
def accepts_everything(step, state, bos, eos, max_length, temperature, top_k, generator):
    def drawn(tokens, state):
        logits, state = step(tokens, state)
        best, words = logits.topk(min(max(top_k or 99, 1), logits.shape[1]), dim=1)
        p = (best / max(temperature, 1e-9)).softmax(1)
        place = torch.multinomial(p, 1, generator=generator)
        return torch.zeros_like(logits).scatter(1, words.gather(1, place), 1.0), state

    return greedy_decode(drawn, state, bos, eos, max_length)


# --- beam_search --------------------------------------------------------------------------------


def states_matter(step: Callable[..., Any], state: Any, *args: int) -> bool:
    """Whether it shows if the states do not follow their hypotheses."""
    one, other = (
        [[row for row, _ in pairs] for pairs in search(step, state, *args)]
        for search in (decoding.beam_search, leaves_the_states_behind)
    )
    return one != other


@once
def draw_search(
    rng: Rng, beam: int, N: int = 3, V: int = 5, L: int = 5, alphas: tuple[float, ...] = (0.0,)
) -> tuple:
    """(table, state, bos, eos, max_length), whose winners differ from one alpha to the next.

    A search compares numbers that may be nearly equal. Nothing is drawn here that a little noise
    in the table could turn round.
    """
    while True:
        bos, eos = torch.randperm(V, generator=rng.generator)[:2].tolist()
        table, state = draw_table(rng, V), draw_phases(rng, N)
        winners, steady = [], True
        for alpha in alphas:
            first, *others = (
                decoding.beam_search(table_step(near), state, bos, eos, L, beam, alpha)
                for near in (table, table + 1e-4 * rng.normal(*table.shape))
            )
            words = [[row for row, _ in pairs] for pairs in first]
            steady &= all(words == [[row for row, _ in p] for p in other] for other in others)
            winners.append([rows[0] for rows in words])
        some_end = any(row[-1] == eos and len(row) > 1 for row in winners[0])
        some_are_cut = any(row[-1] != eos for rows in words for row in rows)
        differ = all(a != b for a, b in itertools.pairwise(winners))
        if not (steady and some_end and some_are_cut and differ):
            continue
        if beam == 1 or states_matter(table_step(table), state, bos, eos, L, beam):
            return table, state, bos, eos, L


def search_text(state: Any, bos: int, eos: int, L: int, beam: int, alpha: float) -> str:
    N = len(first_tensor(state))
    text = f"beam_search of N = {N}, bos={bos}, eos={eos}, max_length={L}, beam={beam}"
    return f"{text}, length_penalty={alpha}" if alpha else text


def searched(subject: Any, case: tuple, beam: int, *alphas: float) -> dict[str, Any]:
    """What a search finds in one case, for each length penalty."""
    table, *args = case
    return {
        search_text(*args, beam, alpha): attempt(
            lambda alpha=alpha: subject(table_step(table), *args, beam, alpha)
        )
        for alpha in alphas
    }


def observe_beams(subject: Any, rng: Rng) -> dict[str, Any]:
    return {
        **searched(subject, draw_search(rng, 3), 3, 0.0),
        **searched(subject, draw_search(rng, 2, N=1, V=6, L=4), 2, 0.0),
    }


def observe_penalty(subject: Any, rng: Rng) -> dict[str, Any]:
    return searched(subject, draw_search(rng, 4, alphas=(0.0, 2.0)), 4, 0.0, 2.0)


def pairs_of(result: Any) -> list[list[tuple[list[int], float]]] | None:
    """The result of a search where it has the right form, else None."""

    def is_pair(one: Any) -> bool:
        return is_list(one) and len(one) == 2 and is_words(one[0]) and isinstance(one[1], float)

    right = is_list(result) and all(is_list(pairs) and all(map(is_pair, pairs)) for pairs in result)
    return result if right else None


def describe_search(result: Any) -> str:
    pairs = pairs_of(result)
    if pairs is None:
        if isinstance(result, Raised):
            return repr(result)
        return f"no lists of pairs (list of integers, float) but {kind(result)}"
    best_first = all(
        one[1] >= other[1] for found in pairs for one, other in itertools.pairwise(found)
    )
    text = f"{len(pairs)} lists of {[len(found) for found in pairs]} pairs"
    return f"{text}, {'best first' if best_first else 'not sorted by score'}"


def judge_search_form(got: Any, expected: Any) -> str | None:
    return difference(
        {text: describe_search(result) for text, result in got.items()},
        {text: describe_search(result) for text, result in expected.items()},
    )


def observe_narrow(subject: Any, rng: Rng) -> dict[str, Any]:
    """beam = 1, whatever the length penalty: the words alone."""
    case = draw_search(rng, 1, N=4, V=6, L=6)
    seen = {}
    for text, result in searched(subject, case, 1, 0.0, 0.7).items():
        pairs = pairs_of(result)
        seen[f"{text}, the words"] = (
            describe_search(result) if pairs is None else [[row for row, _ in p] for p in pairs]
        )
    return seen


searching = Exercise(
    "beam_search",
    "ps6_decoding",
    decoding.beam_search,
    points=8,
    properties=(
        Property(
            "form",
            "the result is N lists of at most `beam` pairs (tokens, score), best first",
            0.5,
            observe_beams,
            judge_search_form,
        ),
        Property("narrow", "with beam 1 it is greedy_decode", 0.75, observe_narrow),
        Property("values", "the sequences and their scores are right", 1.5, observe_beams),
        Property("penalty", "the length penalty can make a longer one win", 1.25, observe_penalty),
    ),
)


@searching.misconception(
    "You add up logits, which are not normalised: a step with large ones wins for nothing. "
    "Add log-probabilities, logits.log_softmax(dim=1)."
)
@torch.no_grad()
def adds_raw_logits(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "Your states stay in their rows while the hypotheses move. After each step, take for "
    "every hypothesis the state of the beginning that it extends."
)
@torch.no_grad()
def leaves_the_states_behind(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [min(k, len(first_tensor(own)) - 1) for k in range(len(going))])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You begin with `beam` copies of the same empty sequence, so every result comes several "
    "times. At the first step only one of them may exist."
)
@torch.no_grad()
def starts_from_copies(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)] * beam, [], select_rows(state, [n] * beam)
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You extend sequences that have ended. Set aside what ends with eos, and go on with the others."
)
@torch.no_grad()
def extends_what_has_ended(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            more = more[:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You compare the last words alone and forget what came before. Add each log-probability "
    "to that of its beginning."
)
@torch.no_grad()
def follows_the_last_word_only(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You extend each beginning by its best word only, so nothing ever branches. Let all words "
    "of all beginnings compete, and keep the best `beam` of them."
)
@torch.no_grad()
def extends_by_the_best_word_only(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for q, v in [max((q, v) for v, q in enumerate(log_p[k]))]
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You ignore length_penalty. Divide the log-probability of a sequence of n words by ((5 + "
    "n) / 6) ** length_penalty."
)
@torch.no_grad()
def has_no_length_penalty(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for _ in range(max_length):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = 1.0
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You multiply by the length penalty, which punishes long sequences even more, as log p is "
    "negative. Divide by it."
)
@torch.no_grad()
def multiplies_by_the_penalty(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p * lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p * lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You divide by length ** length_penalty. This search has lp(n) = ((5 + n) / 6) ** "
    "length_penalty, which is gentler to short sequences."
)
@torch.no_grad()
def divides_by_the_length(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = length**length_penalty
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You lose the sequences that reach max_length without eos. They compete with the finished "
    "ones: add them before you sort."
)
@torch.no_grad()
def drops_what_is_cut(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You stop when one sequence has ended, though a better one may end later. Stop when "
    "`beam` of them have."
)
@torch.no_grad()
def stops_at_the_first_end(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if finished or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


@searching.misconception(
    "You finish every sequence that could end. Only an ending that is among the `beam` best "
    "extensions counts."
)
@torch.no_grad()
def takes_every_ending(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    found = []
    for n in range(len(first_tensor(state))):
        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
        for length in range(1, max_length + 1):
            last = torch.tensor([y[-1] if y else bos for y, _ in going])
            logits, own = step(last, own)
            log_p = logits.log_softmax(dim=1).tolist()
            more = [
                ([*y, v], p + q, k)
                for k, (y, p) in enumerate(going)
                for v, q in enumerate(log_p[k])
                if q > -torch.inf
            ]
            more.sort(key=lambda one: -one[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p / lp) for y, p, _ in more if y[-1] == eos]
            more = [one for one in more if one[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        found.append(sorted(finished, key=lambda one: -one[1])[:beam])
    return found


# --- scheduled_inputs ---------------------------------------------------------------------------


def run_with_generator(subject: Any, *args: Any) -> Any:
    """Call a subject whose last argument is a generator, given here by its seed."""
    *rest, seed = args
    return subject(*rest, generator(subject, seed))


def draw_scheduled(rng: Rng, s: Sizes) -> tuple:
    """Words and predictions that differ everywhere, so that each place says where it is from."""
    targets = rng.integers(0, 50, s.B, s.T)
    return targets, targets + rng.integers(1, 50, s.B, s.T), 0.5, 7


scheduled_cases = Cases(
    "scheduled_inputs",
    ("targets", "predictions", "epsilon", "generator with seed"),
    draw_scheduled,
    batched=("targets", "predictions"),
    run=run_with_generator,
)


def observe_extremes(subject: Any, rng: Rng) -> dict[str, Any]:
    """Without chance: ordinary training, and only the model's own words."""
    targets, predictions, _, seed = draw_scheduled(rng, rng.sizes())
    return {
        f"epsilon={epsilon}: {text}": attempt(
            lambda epsilon=epsilon: run_with_generator(
                subject, targets.clone(), predictions.clone(), epsilon, seed
            )
        )
        for epsilon, text in ((1.0, "the true words"), (0.0, "the model's own"))
    }


def tossed(subject: Any, rng: Rng, B: int, T: int, epsilon: float) -> torch.Tensor | str:
    """Where the true word stands in a large result (B, T); in words if a place has neither."""
    targets, predictions, _, seed = draw_scheduled(rng, Sizes(B, T, 1, 1))
    result = attempt(lambda: run_with_generator(subject, targets, predictions, epsilon, seed + B))
    if not isinstance(result, torch.Tensor) or result.shape != targets.shape:
        return repr(result) if isinstance(result, Raised) else kind(result)
    true = result == targets
    if not (true | (result == predictions)).all():
        return "words that are neither the true ones nor the predicted ones"
    return true


def observe_tosses(subject: Any, rng: Rng) -> dict[str, str]:
    seen = {}
    for epsilon in (0.25, 0.5, 0.9):
        true = tossed(subject, rng, 60, 100, epsilon)
        if isinstance(true, torch.Tensor):
            count = int(true.sum())
            candidates = {
                "the true word with probability epsilon": (epsilon, 1 - epsilon),
                "the true word with probability 1 - epsilon": (1 - epsilon, epsilon),
                "only true words": (1.0, 0.0),
                "only predictions": (0.0, 1.0),
                "the true word with probability 0.5": (0.5, 0.5),
            }
            true = looks_like((count, true.numel() - count), candidates)
        seen[f"epsilon={epsilon}, {60 * 100} words"] = true
    return seen


def observe_places(subject: Any, rng: Rng) -> dict[str, str]:
    """Each place has its own coin: a chance of 2^-60 that a whole row or column falls alike."""
    true = tossed(subject, rng, 60, 61, 0.5)
    if isinstance(true, str):
        return {"epsilon=0.5": true}

    def mixed(dim: int) -> str:
        alike = (true.all(dim=dim) | (~true).all(dim=dim)).any()
        return "some are all true or all predicted" if alike else "each has words of both kinds"

    pairs = torch.stack([true[:, 0::2][:, :30], true[:, 1::2]])
    return {
        "epsilon=0.5, the sentences": mixed(1),
        "epsilon=0.5, the time steps": mixed(0),
        "epsilon=0.5, neighbours in time": (
            "always alike" if (pairs[0] == pairs[1]).all() else "alike or not"
        ),
    }


scheduled = Exercise(
    "scheduled_inputs",
    "ps6_decoding",
    exposure.scheduled_inputs,
    points=3,
    properties=(
        Property(
            "extremes", "epsilon 1 and epsilon 0 leave nothing to chance", 0.5, observe_extremes
        ),
        Property("tosses", "the true word comes with probability epsilon", 0.5, observe_tosses),
        Property("places", "every place has a coin of its own", 0.5, observe_places),
    ),
)


@scheduled.misconception(
    "Your epsilon is the probability of the model's own word. It is that of the true one: "
    "1 is ordinary training."
)
def turns_epsilon_round(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is no probability")
    own = torch.rand(targets.shape, generator=generator) < epsilon
    return torch.where(own, predictions, targets)


@scheduled.misconception(
    "You toss one coin for each sentence. Toss one for each word: a (B, T) of random numbers."
)
def tosses_for_each_sentence(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is no probability")
    coins = torch.rand(len(targets), generator=generator) < epsilon
    return torch.where(coins.view(-1, *[1] * (targets.dim() - 1)), targets, predictions)


@scheduled.misconception(
    "You toss one coin for a time step of the whole batch. Toss one for each word of each sentence."
)
def tosses_for_each_time_step(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is no probability")
    coins = torch.rand(targets.shape[-1], generator=generator) < epsilon
    return torch.where(coins, targets, predictions)


@scheduled.misconception(
    "You toss a single coin for everything. Each word needs its own: a (B, T) of random numbers."
)
def tosses_once(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is no probability")
    coin = torch.rand(1, generator=generator) < epsilon
    return torch.where(coin, targets, predictions)


@scheduled.misconception(
    "You average the numbers of two words, which gives the number of a third. Choose one of them."
)
def averages_words(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is no probability")
    return (epsilon * targets + (1 - epsilon) * predictions).to(targets.dtype)


@scheduled.misconception(
    "You toss with probability 0.5 whatever epsilon is. Compare uniform numbers with epsilon."
)
def tosses_a_fair_coin(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is no probability")
    fair = torch.randint(2, targets.shape, generator=generator).bool()
    return torch.where(fair, targets, predictions)


@scheduled.misconception(
    "You leave the generator out, so nobody can repeat a training run. "
    "Hand it on: torch.rand(shape, generator=generator)."
)
def tosses_without_the_generator(targets, predictions, epsilon, generator):
    if targets.shape != predictions.shape or not 0 <= epsilon <= 1:
        raise ValueError("shapes differ, or epsilon is no probability")
    return torch.where(torch.rand(targets.shape) < epsilon, targets, predictions)


@scheduled.misconception(
    "You do not look at what you are given: torch broadcasts shapes that differ, and an epsilon "
    "of 1.1 passes. Raise a ValueError first."
)
def tosses_without_looking(targets, predictions, epsilon, generator):
    coins = torch.rand(targets.shape, generator=generator) < epsilon
    return torch.where(coins, targets, predictions)


# --- dad_dataset --------------------------------------------------------------------------------


def linear_system(rng: Rng, D: int, H: int) -> Callable[..., Any]:
    """A model of the next x that remembers: its state (B, H) is moved by what it reads."""
    A, U, R = rng.normal(D, D, scale=0.5), rng.normal(H, D), rng.normal(D, H, scale=0.5)

    def linear_model(x, state):
        predicted = x @ A.to(x.dtype) + state @ U.to(x.dtype)
        return predicted, state / 2 + x @ R.to(x.dtype)

    return linear_model


def draw_dad(rng: Rng, s: Sizes) -> tuple:
    """M = B + 2 sequences are in the data set already; T is large enough to lose one's way."""
    T = s.T + 2
    step = linear_system(rng, s.D, s.H)
    old = rng.normal(s.B + 2, T - 1, s.D), rng.normal(s.B + 2, T - 1, s.D)
    return step, rng.normal(s.B, s.H), rng.normal(s.B, T, s.D), *old


dad_cases = Cases(
    "dad_dataset",
    ("step", "state", "xs", "inputs", "targets"),
    draw_dad,
    batched=("state", "xs"),
)


def observe_rollout(subject: Any, rng: Rng) -> dict[str, Any]:
    """What step reads: x_1, then its own predictions, with the state it returned."""
    s = rng.sizes()
    step, *args = draw_dad(rng, s)
    seen: dict[str, Any] = {}
    count = 0

    def recording(x, state):
        nonlocal count
        count += 1
        if count <= s.T:
            seen[f"call {count} of step, its x"] = copied(x)
            seen[f"call {count} of step, its state"] = copied(state)
        return step(x, state)

    attempt(lambda: subject(recording, *args))
    # The prediction after the last new input has no use: it may be made or not.
    return {**seen, f"enough calls for T = {s.T + 2}": s.T <= count <= s.T + 1}


def observe_targets(subject: Any, rng: Rng) -> dict[str, Any]:
    args = draw_dad(rng, rng.sizes())
    return {"targets": attempt(lambda: part(subject(*args), 1))}


demonstrating = Exercise(
    "dad_dataset",
    "ps6_decoding",
    exposure.dad_dataset,
    points=4,
    properties=(
        dad_cases.shape(0.25),
        dad_cases.values(1, "the old pairs, then (own prediction → true next)"),
        Property("rollout", "the model reads its own predictions", 0.5, observe_rollout),
        Property("targets", "the targets are the true next ones", 0.5, observe_targets),
    ),
)


@demonstrating.misconception(
    "You let the model read the true x_t, so it never leaves the true path. "
    "Let it read its own prediction of the step before."
)
@torch.no_grad()
def reads_the_truth(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    new = [xs[:, 0]]
    for t in range(xs.shape[1] - 2):
        x, state = step(xs[:, t], state)
        new.append(x)
    return torch.cat([inputs, torch.stack(new, 1)]), torch.cat([targets, xs[:, 1:]])


@demonstrating.misconception(
    "Your new targets are the model's own next predictions, so it learns what it does already. "
    "The target of x^_t is the TRUE x_{t+1}."
)
@torch.no_grad()
def targets_its_own_predictions(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    own = [xs[:, 0]]
    for _ in range(xs.shape[1] - 1):
        x, state = step(own[-1], state)
        own.append(x)
    own = torch.stack(own, 1)
    return torch.cat([inputs, own[:, :-1]]), torch.cat([targets, own[:, 1:]])


@demonstrating.misconception(
    "Your targets are one step late: x^_t is where the model is at t, so it must learn x_{t+1}. "
    "Begin the new inputs with x_1."
)
@torch.no_grad()
def pairs_one_step_late(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    x, new = xs[:, 0], []
    for _ in range(xs.shape[1] - 1):
        x, state = step(x, state)
        new.append(x)
    return torch.cat([inputs, torch.stack(new, 1)]), torch.cat([targets, xs[:, 1:]])


@demonstrating.misconception(
    "You return the new pairs alone, so the next fit forgets the true data. "
    "Add them to those you were given, along the batch."
)
@torch.no_grad()
def replaces_the_data(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    new = [xs[:, 0]]
    for _ in range(xs.shape[1] - 2):
        x, state = step(new[-1], state)
        new.append(x)
    return torch.stack(new, 1), xs[:, 1:]


@demonstrating.misconception(
    "You add the new sequences to the TRUE ones, xs, not to the data set so far: "
    "what earlier rounds have added gets lost. Extend inputs and targets."
)
@torch.no_grad()
def forgets_earlier_rounds(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    new = [xs[:, 0]]
    for _ in range(xs.shape[1] - 2):
        x, state = step(new[-1], state)
        new.append(x)
    new = torch.stack(new, 1)
    return torch.cat([xs[:, :-1], new]), torch.cat([xs[:, 1:], xs[:, 1:]])


@demonstrating.misconception(
    "You hand every step the initial state, so the model forgets the path that it is on. "
    "Pass on the state that step returned."
)
@torch.no_grad()
def restarts_the_state(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    new = [xs[:, 0]]
    for _ in range(xs.shape[1] - 2):
        x, _ = step(new[-1], state)
        new.append(x)
    return torch.cat([inputs, torch.stack(new, 1)]), torch.cat([targets, xs[:, 1:]])


@demonstrating.misconception(
    "You put the new sequences before the old ones. Add them at the end: torch.cat([old, new])."
)
@torch.no_grad()
def puts_the_new_first(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    new = [xs[:, 0]]
    for _ in range(xs.shape[1] - 2):
        x, state = step(new[-1], state)
        new.append(x)
    return torch.cat([torch.stack(new, 1), inputs]), torch.cat([xs[:, 1:], targets])


@demonstrating.misconception(
    "Your new inputs hang on the graph of the model that made them. They are data: "
    "roll out under torch.no_grad()."
)
def keeps_the_graph(step, state, xs, inputs, targets):
    if xs.shape[1] < 2:
        raise ValueError("nothing comes next")
    new = [xs[:, 0]]
    for _ in range(xs.shape[1] - 2):
        x, state = step(new[-1], state)
        new.append(x)
    return torch.cat([inputs, torch.stack(new, 1)]), torch.cat([targets, xs[:, 1:]])


# --- mixer_loss ---------------------------------------------------------------------------------


def draw_mixer(rng: Rng, s: Sizes) -> tuple:
    """A batch whose first sentence is whole and whose last is as short as can be; 0 < s < T."""
    B, T, V, H = s
    lengths = rng.integers(1, T + 1, B)
    lengths[-1], lengths[0] = 1, T
    return (
        rng.normal(B, T, V),
        rng.normal(B, T, H),
        rng.integers(0, V, B, T),
        torch.arange(T) < lengths.unsqueeze(1),
        rng.normal(B, scale=2.0),
        max(1, T // 2),
        rng.normal(H, scale=0.5),
        rng.normal(1)[0],
    )


mixer_cases = Cases(
    "mixer_loss",
    ("logits", "hs", "tokens", "mask", "reward", "s", "w", "b"),
    draw_mixer,
    batched=("logits", "hs", "tokens", "mask", "reward"),
)


def observe_part(which: int) -> Callable[[Any, Rng], Any]:
    """One of the two losses, for a few sizes."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        seen = {}
        for sizes in (rng.sizes(), rng.sizes(B=1), rng.sizes(H=1)):
            args = draw_mixer(rng, sizes)
            result = attempt(lambda args=args: subject(*args))
            seen[f"{mixer_cases.text(args)}, result {which}"] = part(result, which)
        return seen

    return observe


def leaves_of(args: tuple) -> tuple[tuple, dict[str, torch.Tensor]]:
    """The arguments as leaves that gradients may reach, and those leaves by name."""
    names = ("logits", "hs", "w", "b")
    args = tuple(
        one.clone().requires_grad_() if name in names else one
        for name, one in zip(mixer_cases.arguments, args, strict=True)
    )
    return args, {n: a for n, a in zip(mixer_cases.arguments, args, strict=True) if n in names}


def gradients(value: Any, leaves: dict[str, torch.Tensor]) -> dict[str, Any] | str:
    """What a loss brings to each leaf, zeros where nothing arrives."""
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        return f"no loss but {kind(value)}"
    if not value.requires_grad:
        return {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    found = torch.autograd.grad(
        value.reshape(()), list(leaves.values()), allow_unused=True, retain_graph=True
    )
    return {
        name: torch.zeros_like(leaf) if one is None else one
        for (name, leaf), one in zip(leaves.items(), found, strict=True)
    }


def observe_reach(subject: Any, rng: Rng) -> dict[str, str]:
    """Whom each of the losses teaches."""
    args, leaves = leaves_of(draw_mixer(rng, rng.sizes(T=5)))
    result = subject(*args)
    seen = {}
    for which, name in enumerate(("the gradient of loss", "the gradient of baseline_loss")):
        found = gradients(part(result, which), leaves)
        if isinstance(found, dict):
            reached = [leaf for leaf, one in found.items() if (one != 0).any()]
            found = f"reaches {' and '.join(reached) or 'nothing'}"
        seen[name] = found
    return seen


def observe_logit_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for s in (1, 3):
        drawn = draw_mixer(rng, rng.sizes(T=4))
        args, leaves = leaves_of((*drawn[:5], s, *drawn[6:]))
        found = gradients(part(subject(*args), 0), leaves)
        seen[f"T = 4, s = {s}: the gradient of loss for logits"] = (
            found if isinstance(found, str) else found["logits"]
        )
    return seen


mixing = Exercise(
    "mixer_loss",
    "ps6_decoding",
    exposure.mixer_loss,
    points=7,
    properties=(
        Property("loss", "the first result is the loss of the words", 1, observe_part(0)),
        Property("baseline", "the second is that of the baseline", 0.75, observe_part(1)),
        Property("reach", "each of them teaches only what it should", 1, observe_reach),
        Property("gradient", "the gradient for the logits is right", 0.75, observe_logit_gradients),
    ),
)


@mixing.misconception(
    "You weigh words by the bare reward. Subtract what was to be expected: the advantage is "
    "r - r^_t, with r^_t = h_t @ w + b."
)
def has_no_baseline(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, reward.unsqueeze(1), 1.0)
    loss = -(weight * log_p * mask).sum() / B
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    return loss, baseline_loss


@mixing.misconception(
    "Your REINFORCE part has the wrong sign: it makes words rarer that did better than "
    "expected. The loss is minus (r - r^_t) log p."
)
def rewards_with_the_wrong_sign(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, -advantage.detach(), 1.0)
    loss = -(weight * log_p * mask).sum() / B
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    return loss, baseline_loss


@mixing.misconception(
    "Your loss reaches w and b, through the advantage. There it is only a weight: detach "
    "it, and let baseline_loss teach w and b."
)
def teaches_the_baseline_with_the_loss(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, advantage, 1.0)
    loss = -(weight * log_p * mask).sum() / B
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    return loss, baseline_loss


@mixing.misconception(
    "The gradient of your baseline reaches the network through hs. Detach hs: the baseline "
    "judges from h_t, and must not change it."
)
def teaches_the_network_with_the_baseline(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0) @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, advantage.detach(), 1.0)
    loss = -(weight * log_p * mask).sum() / B
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    return loss, baseline_loss


@mixing.misconception(
    "You detach nothing, so both losses teach everyone. Detach hs where the reward is predicted, "
    "and the advantage where it weighs a word."
)
def detaches_nothing(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0) @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, advantage, 1.0)
    loss = -(weight * log_p * mask).sum() / B
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    return loss, baseline_loss


@mixing.misconception(
    "You return one number. The two losses go to two optimizers: return loss, baseline_loss."
)
def adds_the_losses_up(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, advantage.detach(), 1.0)
    loss = -(weight * log_p * mask).sum() / B
    return loss + (advantage**2 * (sampled & mask)).sum() / B


@mixing.misconception(
    "You take one word too many for cross-entropy. With t from 0, the first s words are "
    "those with t < s; sampling begins at t = s."
)
def begins_one_word_late(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) > s
    weight = torch.where(sampled, advantage.detach(), 1.0)
    loss = -(weight * log_p * mask).sum() / B
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    return loss, baseline_loss


@mixing.misconception(
    "You divide by the number of words. Add up over each sequence and take the mean over "
    "the batch: divide by B."
)
def averages_over_words(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    T = tokens.shape[1]
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, advantage.detach(), 1.0)
    loss = -(weight * log_p * mask).sum() / mask.sum()
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / mask.sum()
    return loss, baseline_loss


@mixing.misconception(
    "You add up over the batch as well, so a larger batch would mean larger steps. Divide "
    "both sums by B."
)
def adds_up_over_the_batch(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    T = tokens.shape[1]
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, advantage.detach(), 1.0)
    loss = -(weight * log_p * mask).sum()
    baseline_loss = (advantage**2 * (sampled & mask)).sum()
    return loss, baseline_loss


@mixing.misconception(
    "You count the padding. Where the mask is False there is no word: leave those places "
    "out of both sums."
)
def counts_the_padding(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, advantage.detach(), 1.0)
    loss = -(weight * log_p).sum() / B
    baseline_loss = (advantage**2 * sampled).sum() / B
    return loss, baseline_loss


@mixing.misconception(
    "You weigh the first s words by the advantage too. Those are the true words, with the "
    "weight 1; the reward is for what was sampled."
)
def rewards_the_given_words(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = advantage.detach()
    loss = -(weight * log_p * mask).sum() / B
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    return loss, baseline_loss


@mixing.misconception(
    "You have cross-entropy for all words, and REINFORCE on top. From t = s on, words are "
    "sampled, not true: only the reward says whether they are good."
)
def learns_all_words_by_heart(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, advantage.detach(), 1.0) + sampled
    loss = -(weight * log_p * mask).sum() / B
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    return loss, baseline_loss


@mixing.misconception(
    "Your baseline is fitted to the first s words as well, where no reward is used. Sum its "
    "squares over t >= s only."
)
def fits_the_baseline_everywhere(logits, hs, tokens, mask, reward, s, w, b):
    if mask.dtype != torch.bool or mask.shape != tokens.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    B, T = tokens.shape
    words = tokens.masked_fill(~mask, 0).unsqueeze(2)
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(2).gather(2, words).squeeze(2)
    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    advantage = reward.unsqueeze(1) - expected
    sampled = torch.arange(T, device=tokens.device) >= s
    weight = torch.where(sampled, advantage.detach(), 1.0)
    loss = -(weight * log_p * mask).sum() / B
    baseline_loss = (advantage**2 * mask).sum() / B
    return loss, baseline_loss


# --- edit_count_probs ---------------------------------------------------------------------------


def observe_counts(exact: bool) -> Callable[[Any, Rng], Any]:
    """Probabilities for short sentences, one of them empty."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        seen = {}
        for lengths, V, tau in (([4, 2, 0], 5, 0.8), ([1, 6], 3, 1.7), ([3], 30, 0.4)):
            text = f"lengths={lengths}, V={V}, tau={tau}, exact={exact}"
            seen[text] = attempt(
                lambda lengths=lengths, V=V, tau=tau: subject(torch.tensor(lengths), V, tau, exact)
            )
        return seen

    return observe


counting = Exercise(
    "edit_count_probs",
    "ps6_decoding",
    exposure.edit_count_probs,
    points=3,
    properties=(
        Property("exact", "the exact distribution is right", 1, observe_counts(True)),
        Property("released", "so is the one that was released", 0.75, observe_counts(False)),
    ),
)


@counting.misconception(
    "You leave out C(m, e), the number of ways to choose the places. One edit in 20 words "
    "can be in 20 places, none only in one."
)
def forgets_the_places(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = 0 * m - e / tau
    if exact:
        log_q = log_q + e * math.log(V - 1)
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)


@counting.misconception(
    "Your exact form leaves out (V - 1)^e, the number of other words for each edit. Only "
    "the released form drops it."
)
def forgets_the_words(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    log_q = log_q - e / tau
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)


@counting.misconception(
    "You count V words for each edit. The true word is no edit of itself: V - 1 others are left."
)
def counts_the_word_itself(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    log_q = log_q - e / tau
    if exact:
        log_q = log_q + e * math.log(V)
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)


@counting.misconception(
    "You have the sign of the exponent wrong: exp(e / tau) favours edits. The farther from "
    "the truth, the less likely: exp(-e / tau)."
)
def favours_edits(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    log_q = log_q + e / tau
    if exact:
        log_q = log_q + e * math.log(V - 1)
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)


@counting.misconception(
    "You multiply by tau. It is a temperature: divide the distance by it, exp(-e / tau)."
)
def multiplies_by_tau(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    log_q = log_q - e * tau
    if exact:
        log_q = log_q + e * math.log(V - 1)
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)


@counting.misconception(
    "Your short sentences can get more edits than they have words. C(m, e) is 0 for e > m: "
    "set log q to -inf there before the softmax."
)
def edits_more_than_there_is(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    log_q = log_q - e / tau
    if exact:
        log_q = log_q + e * math.log(V - 1)
    return log_q.softmax(dim=1)


@counting.misconception(
    "You leave out the last column. From 0 edits to m it is m + 1 numbers: "
    "torch.arange(int(lengths.max()) + 1)."
)
def forgets_that_all_may_be_edited(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max())).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    log_q = log_q - e / tau
    if exact:
        log_q = log_q + e * math.log(V - 1)
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)


@counting.misconception(
    "You normalise over the batch. Each sentence has its own distribution: its row must sum "
    "to 1, so dim=1."
)
def normalises_over_the_batch(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    log_q = log_q - e / tau
    if exact:
        log_q = log_q + e * math.log(V - 1)
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=0).nan_to_num()


@counting.misconception(
    "You have the two forms the wrong way round: exact=True is the one with (V - 1)^e."
)
def swaps_the_forms(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    log_q = log_q - e / tau
    if not exact:
        log_q = log_q + e * math.log(V - 1)
    return log_q.masked_fill(e > m, -torch.inf).softmax(dim=1)


@counting.misconception(
    "Your powers leave the range of floating point for long sentences. Add logarithms "
    "instead, and let softmax do the rest."
)
def leaves_the_range(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    m = lengths.unsqueeze(1).double()
    e = torch.arange(int(lengths.max()) + 1).double()
    log_q = torch.lgamma(m + 1) - torch.lgamma(e + 1) - torch.lgamma((m - e).clamp(min=0) + 1)
    q = log_q.exp() * torch.exp(-e / tau) * ((V - 1) ** e if exact else 1)
    q = q.masked_fill(e > m, 0)
    return q / q.sum(dim=1, keepdim=True)


# --- raml_sample --------------------------------------------------------------------------------


def draw_raml(rng: Rng, s: Sizes) -> tuple:
    """Targets with padding of -100, a mask with holes, one sentence that may not change at all."""
    V = s.D + 2
    T = s.T + 2
    targets = rng.integers(0, V, s.B + 1, T)
    mask = rng.integers(0, 3, s.B + 1, T) > 0
    mask[:, 0], mask[:, -1], mask[-1] = True, False, False
    targets[:, -1] = -100
    return targets, mask, V, 1.0, 11


raml_cases = Cases(
    "raml_sample",
    ("targets", "mask", "V", "tau", "generator with seed"),
    draw_raml,
    batched=("targets", "mask"),
    run=run_with_generator,
)


def observe_kept(subject: Any, rng: Rng) -> dict[str, Any]:
    """What does not depend on luck: form, range, and all that is outside of the mask."""
    seen = {}
    for tau in (0.3, 30.0):
        targets, mask, V, _, seed = draw_raml(rng, rng.sizes(B=20))
        result = attempt(
            lambda targets=targets, mask=mask, V=V, tau=tau, seed=seed: run_with_generator(
                subject, targets.clone(), mask.clone(), V, tau, seed
            )
        )
        text = f"raml_sample of {tuple(targets.shape)}, V={V}, tau={tau}"
        if not isinstance(result, torch.Tensor) or result.shape != targets.shape:
            seen[text] = result if isinstance(result, Raised) else kind(result)
            continue
        seen[f"{text}, dtype"] = str(result.dtype)
        seen[f"{text}, places outside of the mask"] = (
            "as they were" if torch.equal(result[~mask], targets[~mask]) else "changed"
        )
        inside = result[mask]
        seen[f"{text}, words inside"] = (
            "from 0 to V - 1" if ((inside >= 0) & (inside < V)).all() else "out of range"
        )
    return seen


def observe_frozen(subject: Any, rng: Rng) -> dict[str, Any]:
    """With a small tau, nothing is left to chance."""
    seen = {}
    for sizes in (rng.sizes(), rng.sizes(B=1)):
        targets, mask, V, _, seed = draw_raml(rng, sizes)
        seen[f"raml_sample of {tuple(targets.shape)}, V={V}, tau=0.001"] = attempt(
            lambda targets=targets, mask=mask, V=V, seed=seed: run_with_generator(
                subject, targets.clone(), mask.clone(), V, 0.001, seed
            )
        )
    return seen


def edited(subject: Any, rng: Rng, m: int, V: int, tau: float, *exact: bool) -> Any:
    """(targets, result) of a large sample from one sentence of m words; in words what is wrong."""
    target = rng.integers(0, V, m)
    targets = target.expand(SAMPLE, m).clone()
    mask = torch.ones_like(targets, dtype=torch.bool)
    seed = int(rng.integers(0, 2**31, 1))
    given = targets.clone(), mask  # a copy: who edits in place is told so elsewhere
    result = attempt(lambda: subject(*given, V, tau, generator(subject, seed), *exact))
    if not isinstance(result, torch.Tensor) or result.shape != targets.shape:
        return repr(result) if isinstance(result, Raised) else kind(result)
    return targets, result


def thinned(m: int, p: float) -> torch.Tensor:
    """How likely it is that k of e edits take effect, each with probability p; (e, k)."""
    rows = [
        [math.comb(e, k) * p**k * (1 - p) ** (e - k) if k <= e else 0.0 for k in range(m + 1)]
        for e in range(m + 1)
    ]
    return torch.tensor(rows, dtype=torch.float64)


def distinct(m: int) -> torch.Tensor:
    """How likely it is that e places, each one of m at random, are k different ones; (e, k)."""
    rows = [[1.0] + [0.0] * m]
    for _ in range(m):
        last = rows[-1]
        rows.append(
            [last[k] * k / m + (last[k - 1] * (m - k + 1) / m if k else 0.0) for k in range(m + 1)]
        )
    return torch.tensor(rows, dtype=torch.float64)


def observe_edits(subject: Any, rng: Rng) -> dict[str, str]:
    """How many words are replaced."""
    seen = {}
    for m, V, tau, exact in ((4, 5, 0.8, True), (5, 4, 0.5, True), (4, 5, 1.2, False)):
        found = edited(subject, rng, m, V, tau, exact)
        if not isinstance(found, str):
            targets, result = found
            counts = torch.bincount((targets != result).sum(dim=1), minlength=m + 1)

            forms = {
                form: exposure.edit_count_probs(torch.tensor([m]), V, tau, form == "exact")[0]
                for form in ("exact", "released")
            }
            asked, other = ("exact", "released") if exact else ("released", "exact")
            candidates = {
                f"edits as in the {asked} form": forms[asked],
                f"edits as in the {other} form": forms[other],
                "some edits leave the word as it is": forms[asked] @ thinned(m, (V - 1) / V),
                "some places are edited twice": forms[asked] @ distinct(m),
                "as if no number of edits were likelier than another": torch.ones(m + 1) / (m + 1),
            }
            candidates = {name: probs.tolist() for name, probs in candidates.items()}
            found = looks_like(counts.tolist(), candidates)
        seen[f"{SAMPLE} samples of {m} words, V={V}, tau={tau}, exact={exact}"] = found
    return seen


augmenting = Exercise(
    "raml_sample",
    "ps6_decoding",
    exposure.raml_sample,
    points=5,
    properties=(
        Property("kept", "only words under the mask may change", 0.5, observe_kept),
        Property("frozen", "a tiny tau gives the target back", 0.5, observe_frozen),
        Property("edits", "as many words are replaced as should be", 1.5, observe_edits),
    ),
)


@augmenting.misconception(
    "You draw the new word from all V, so it may be the old one and nothing has changed. "
    "Draw one of the V - 1 others."
)
def replaces_by_any_word(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs, 1, generator=generator)
    order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    chosen = order.argsort(dim=1).argsort(dim=1) < edits
    other = (targets + torch.randint(0, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


@augmenting.misconception(
    "You choose places outside of the mask too. Put them last, and compare ranks with e: "
    "argsort(dim=1) twice. Once gives the places in their order, not the rank of each."
)
def edits_the_padding(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs, 1, generator=generator)
    order = torch.rand(targets.shape, generator=generator)
    chosen = order.argsort(dim=1).argsort(dim=1) < edits
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


@augmenting.misconception(
    "You replace the first words of a sentence. Every choice of places must be equally "
    "likely: shuffle them."
)
def edits_the_first_words(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs, 1, generator=generator)
    order = torch.arange(targets.shape[1]).expand(targets.shape).masked_fill(~mask, 10**6)
    chosen = order.argsort(dim=1).argsort(dim=1) < edits
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


@augmenting.misconception(
    "You may draw the same place twice, and then too few words change. Draw the places "
    "without replacement."
)
def draws_places_with_replacement(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs, 1, generator=generator)
    chosen = torch.zeros_like(mask)
    for b, words in enumerate(mask):
        places = words.nonzero().flatten()
        for _ in range(int(edits[b])):
            place = torch.randint(len(places), (1,), generator=generator)
            chosen[b, places[place]] = True
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


@augmenting.misconception(
    "You draw one number of edits for the whole batch. Each sentence has its own."
)
def draws_one_count_for_all(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs[0], 1, generator=generator).expand(len(targets), 1)
    order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    chosen = (order.argsort(dim=1).argsort(dim=1) < edits) & mask
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


@augmenting.misconception(
    "You ignore exact, so the released form comes out like the exact one. Hand it on to "
    "edit_count_probs."
)
def has_one_form_only(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau)
    edits = torch.multinomial(probs, 1, generator=generator)
    order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    chosen = order.argsort(dim=1).argsort(dim=1) < edits
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


@augmenting.misconception(
    "You draw the number of edits as if all were equally likely. Use edit_count_probs."
)
def draws_any_count(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial((probs > 0).double(), 1, generator=generator)
    order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    chosen = order.argsort(dim=1).argsort(dim=1) < edits
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


@augmenting.misconception(
    "You replace each word with probability tau. First draw the number of edits, from "
    "edit_count_probs, then their places."
)
def edits_each_word_by_chance_tau(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    chosen = (torch.rand(targets.shape, generator=generator) < tau) & mask
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


@augmenting.misconception(
    "You leave the generator out of some draw, so nobody can repeat the sample. Hand it to "
    "every one."
)
def edits_without_the_generator(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs, 1, generator=generator)
    order = torch.rand(targets.shape).masked_fill(~mask, 2)
    chosen = order.argsort(dim=1).argsort(dim=1) < edits
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


@augmenting.misconception(
    "You always replace a word by the next one in the vocabulary. Each of the V - 1 others "
    "must be equally likely."
)
def always_the_next_word(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs, 1, generator=generator)
    order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    chosen = order.argsort(dim=1).argsort(dim=1) < edits
    other = (targets + 1) % V
    return torch.where(chosen, other, targets)


EXERCISES = {
    one.name: one
    for one in (
        greedy,
        sampling,
        searching,
        scheduled,
        demonstrating,
        mixing,
        counting,
        augmenting,
    )
}
