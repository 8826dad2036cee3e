"""beam_search: its visible checks and the mistakes people make.

Models are tables of logits; searches are drawn so that no two candidates have nearly equal scores.
"""

import itertools
from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import Raised, difference, kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import attempt
from ...checks.rng import Rng, memoised_draw
from ...reference import decoding
from ...reference.state_tree import first_tensor, select_rows
from ._shared import draw_phases, draw_table, is_list, is_words, table_step


def states_matter(step: Callable[..., Any], state: Any, *args: int) -> bool:
    """Whether the words differ if the states do not follow their hypotheses."""

    def words(search: Callable[..., Any]) -> list[list[list[int]]]:
        return [[row for row, _ in pairs] for pairs in search(step, state, *args)]

    name = "leaves_the_states_behind"
    wrong = next(mistake.wrong for mistake in exercise.misconceptions if mistake.name == name)
    return words(decoding.beam_search) != words(wrong)


@memoised_draw
def draw_search(
    rng: Rng, beam: int, N: int = 3, V: int = 5, L: int = 5, alphas: tuple[float, ...] = (0.0,)
) -> tuple:
    """(table, state, bos, eos, max_length), whose winners differ from one alpha to the next.

    A search compares scores that may be nearly equal: a case is drawn again if a little noise in
    the table changes its result.
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
    """The result of a search in one case, for each length penalty."""
    table, state, bos, eos, L = case
    return {
        search_text(state, bos, eos, L, beam, alpha): attempt(
            subject, table_step(table), state, bos, eos, L, beam, alpha
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

    def is_pair(item: Any) -> bool:
        return is_list(item) and len(item) == 2 and is_words(item[0]) and isinstance(item[1], float)

    valid = is_list(result) and all(is_list(pairs) and all(map(is_pair, pairs)) for pairs in result)
    return result if valid else None


def describe_search(result: Any) -> str:
    pairs = pairs_of(result)
    if pairs is None:
        if isinstance(result, Raised):
            return repr(result)
        return f"not lists of pairs (list of integers, float) but {kind(result)}"
    best_first = all(
        first[1] >= second[1]
        for hypotheses in pairs
        for first, second in itertools.pairwise(hypotheses)
    )
    text = f"{len(pairs)} lists of {[len(hypotheses) for hypotheses in pairs]} pairs"
    return f"{text}, {'best first' if best_first else 'not sorted by score'}"


def judge_search_form(got: Any, expected: Any) -> str | None:
    return difference(
        {text: describe_search(result) for text, result in got.items()},
        {text: describe_search(result) for text, result in expected.items()},
    )


def observe_narrow(subject: Any, rng: Rng) -> dict[str, Any]:
    """beam = 1, whatever the length penalty: the words alone."""
    case = draw_search(rng, 1, N=4, V=6, L=6)
    seen: dict[str, Any] = {}
    for text, result in searched(subject, case, 1, 0.0, 0.7).items():
        pairs = pairs_of(result)
        seen[f"{text}, the words"] = (
            describe_search(result) if pairs is None else [[row for row, _ in p] for p in pairs]
        )
    return seen


exercise = Exercise(
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


@exercise.canonical
@torch.no_grad()
def beam_search(step, state, bos, eos, max_length, beam, length_penalty=0.0):
    if beam < 1:
        raise ValueError("at least one hypothesis must be followed")
    results = []
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
            more.sort(key=lambda extension: -extension[1])
            lp = ((5 + length) / 6) ** length_penalty
            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
            more = [extension for extension in more if extension[0][-1] != eos][:beam]
            going = [(y, p) for y, p, _ in more]
            if len(finished) >= beam or not going:
                going = []
                break
            own = select_rows(own, [k for _, _, k in more])
        finished += [(y, p / lp) for y, p in going]
        results.append(sorted(finished, key=lambda pair: -pair[1])[:beam])
    return results


exercise.near_miss(
    "adds_raw_logits",
    "You add up logits, which are not normalised: a step with large logits wins undeservedly. "
    "Add log-probabilities, logits.log_softmax(dim=1).",
    """
    -            log_p = logits.log_softmax(dim=1).tolist()
    +            log_p = logits.tolist()
    """,
)


exercise.near_miss(
    "leaves_the_states_behind",
    "Your states stay in their rows while the hypotheses move. After each step, take for "
    "every hypothesis the state of the prefix that it extends.",
    """
    -            own = select_rows(own, [k for _, _, k in more])
    +            rows = [min(k, len(first_tensor(own)) - 1) for k in range(len(going))]
    +            own = select_rows(own, rows)
    """,
)


exercise.near_miss(
    "starts_from_copies",
    "You begin with `beam` copies of the same empty sequence, so every result comes several "
    "times. Begin with one of them.",
    """
    -        going, finished, own = [([], 0.0)], [], select_rows(state, [n])
    +        going, finished, own = [([], 0.0)] * beam, [], select_rows(state, [n] * beam)
    """,
)


exercise.near_miss(
    "extends_what_has_ended",
    "You extend sequences that have ended. Set aside those that end with eos, and go on with the "
    "others.",
    """
    -            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
    -            more = [extension for extension in more if extension[0][-1] != eos][:beam]
    +            more = more[:beam]
    """,
)


exercise.near_miss(
    "follows_the_last_word_only",
    "You compare the last words alone and forget what came before. Add each log-probability "
    "to that of its prefix.",
    """
    -                ([*y, v], p + q, k)
    +                ([*y, v], q, k)
    """,
)


exercise.near_miss(
    "extends_by_the_best_word_only",
    "You extend each prefix by its best word only, so nothing ever branches. Let all words "
    "of all prefixes compete, and keep the best `beam` of them.",
    """
    -                for v, q in enumerate(log_p[k])
    -                if q > -torch.inf
    +                for q, v in [max((q, v) for v, q in enumerate(log_p[k]))]
    """,
)


exercise.near_miss(
    "has_no_length_penalty",
    "You ignore length_penalty. Divide the log-probability of a sequence of n words by ((5 + "
    "n) / 6) ** length_penalty.",
    """
    -        for length in range(1, max_length + 1):
    +        for _ in range(max_length):
    ...
    -            lp = ((5 + length) / 6) ** length_penalty
    +            lp = 1.0
    """,
)


exercise.near_miss(
    "multiplies_by_the_penalty",
    "You multiply by the length penalty, which punishes long sequences even more, as log p is "
    "negative. Divide by it.",
    """
    -            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
    +            finished += [(y, p * lp) for y, p, _ in more[:beam] if y[-1] == eos]
    ...
    -        finished += [(y, p / lp) for y, p in going]
    +        finished += [(y, p * lp) for y, p in going]
    """,
)


exercise.near_miss(
    "divides_by_the_length",
    "You divide by length ** length_penalty. This search has lp(n) = ((5 + n) / 6) ** "
    "length_penalty, which is gentler on short sequences.",
    """
    -            lp = ((5 + length) / 6) ** length_penalty
    +            lp = length**length_penalty
    """,
)


exercise.near_miss(
    "drops_what_is_cut",
    "You lose the sequences that reach max_length without eos. They compete with the finished "
    "ones: add them before you sort.",
    """
    -        finished += [(y, p / lp) for y, p in going]
    """,
)


exercise.near_miss(
    "stops_at_the_first_end",
    "You stop when one sequence has ended, though a better one may end later. Stop when "
    "`beam` of them have.",
    """
    -            if len(finished) >= beam or not going:
    +            if finished or not going:
    """,
)


exercise.near_miss(
    "takes_every_ending",
    "You finish every sequence that could end. Only an ending that is among the `beam` best "
    "extensions counts.",
    """
    -            finished += [(y, p / lp) for y, p, _ in more[:beam] if y[-1] == eos]
    +            finished += [(y, p / lp) for y, p, _ in more if y[-1] == eos]
    """,
)
