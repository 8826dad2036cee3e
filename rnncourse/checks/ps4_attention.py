"""Problem set 4, attention: what is checked, and the mistakes people make (lecture §4 and §5).

A misconception is a whole wrong implementation under a telling name. It may use what the notebook
imports and the student's other functions; nothing else, because the audit submits its source.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..reference import attention
from ..reference.attention import attend, bahdanau_score, dot_score, general_score
from ..reference.inputs import embed, sequence_mask
from ..reference.outputs import Seq2Seq
from .bug_hunt import BugHunt
from .entries import judging
from .exercise import Exercise, Property
from .model_specs import Model, Network, draw_model
from .properties import Cases, attempt, part, using
from .rng import ONES, Rng, Sizes

FORBIDDEN = ("torch.nn.functional.scaled_dot_product_attention", "torch.nn.MultiheadAttention")


def other_sizes(s: Sizes) -> tuple[int, int]:
    """Two sizes more, T of the target and A of a score, unlike all others; 1 where all are 1."""
    if s == ONES:
        return 1, 1
    T = next(n for n in range(2, 9) if n not in s)
    A = next(n for n in range(2, 12) if n not in (*s, T, s.H + s.D, s.H + s.T))
    return T, A


# --- the scores ---------------------------------------------------------------------------------


def score_cases(name: str, shapes: dict[str, Callable[[int, int, int], tuple[int, ...]]]) -> Any:
    """How a score is run: with one query for each sentence, and with one for each target word.

    shapes: those of its weights, made of H (of a query), K (of a key) and A.
    """

    def draw(rng: Rng, s: Sizes, steps: bool) -> tuple:
        T, A = other_sizes(s)
        # With K = H - 1, [f, e] cut in the middle would be cut in the right place.
        S, K = (s.T, s.D) if s.D != s.H - 1 else (s.D, s.T)
        if not shapes:  # without weights, a key is as long as a query
            K = s.H
        query = rng.normal(s.B, T, s.H) if steps else rng.normal(s.B, s.H)
        weights = (rng.normal(*shape(s.H, K, A), scale=0.7) for shape in shapes.values())
        return query, rng.normal(s.B, S, K), *weights

    arguments, batched = ("query", "keys", *shapes), ("query", "keys")
    return (
        Cases(name, arguments, lambda rng, s: draw(rng, s, False), batched),
        Cases(name, arguments, lambda rng, s: draw(rng, s, True), batched),
    )


def steps(cases: Cases, points: float) -> Property:
    """Values again, for queries (B, T, H)."""
    values = cases.values(points)
    title = "a query for each target word, (B, T, H), works too"
    return Property("steps", title, points, values.observe)


# --- dot_score ----------------------------------------------------------------------------------

dot_cases, dot_step_cases = score_cases("dot_score", {})

dot = Exercise(
    "dot_score",
    "ps4_attention",
    attention.dot_score,
    points=3,
    properties=(dot_cases.shape(0.25), dot_cases.values(0.75), steps(dot_step_cases, 0.5)),
    forbids=FORBIDDEN,
)


@dot.misconception(
    "Your products are right, but not added up: the scores are (B, S, H). "
    "A score is one number for each key, so sum over the last axis."
)
def forgets_the_sum(query, keys):
    if query.dim() == 3:
        return query.unsqueeze(2) * keys.unsqueeze(1)
    return query.unsqueeze(1) * keys


@dot.misconception(
    "Your matrix product leaves an axis of size 1 behind. "
    "For a query (B, H) the scores are (B, S): take that axis away again."
)
def keeps_an_axis(query, keys):
    if query.dim() == 3:
        return query @ keys.transpose(1, 2)
    return keys @ query.unsqueeze(2)


@dot.misconception(
    "`squeeze()` without an axis takes away every size of 1, a batch of one sentence too. "
    "Say which axis you mean, such as `squeeze(1)`."
)
def squeezes_everything(query, keys):
    if query.dim() == 3:
        return query @ keys.transpose(1, 2)
    return (query.unsqueeze(1) @ keys.transpose(1, 2)).squeeze()


@dot.misconception(
    "Your score handles one query for each sentence, (B, H), only. "
    "Handle (B, T, H) as well: a query for each target word, with scores (B, T, S)."
)
def handles_one_query_only(query, keys):
    if query.dim() != 2:
        raise ValueError("query must be (B, H)")
    return (query.unsqueeze(1) * keys).sum(dim=2)


@dot.misconception(
    "Your `query.unsqueeze(1)` is right for a query (B, H); for (B, T, H) it lines T up with S. "
    "Handle both: with three axes, query @ keys.transpose(1, 2)."
)
def unsqueezes_whatever_comes(query, keys):
    return (query.unsqueeze(1) * keys).sum(dim=2)


@dot.misconception(
    "Your product is right for (B, T, H), but a query (B, H) is taken for one of T = B words. "
    "Give it a time axis before, `unsqueeze(1)`, and take it away after, `squeeze(1)`."
)
def multiplies_whatever_comes(query, keys):
    return query @ keys.transpose(1, 2)


@dot.misconception(
    "Your scores for (B, T, H) come out as (B, S, T). One row for each query: (B, T, S)."
)
def puts_the_keys_first(query, keys):
    if query.dim() == 3:
        return keys @ query.transpose(1, 2)
    return (query.unsqueeze(1) * keys).sum(dim=2)


@dot.misconception(
    "You divide by the square root of H. That is the Transformer's score; "
    "Luong's is the plain dot product."
)
def scales_like_a_transformer(query, keys):
    many = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = many @ keys.transpose(1, 2) / query.shape[-1] ** 0.5
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@dot.misconception(
    "You normalise the vectors, which gives the cosine of their angle. "
    "In a dot product their lengths count too."
)
def takes_the_cosine(query, keys):
    keys = keys / keys.norm(dim=-1, keepdim=True)
    many = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = (many / many.norm(dim=-1, keepdim=True)) @ keys.transpose(1, 2)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@dot.misconception(
    "You return weights, not scores. Leave the softmax to `attend`, which must mask before it."
)
def takes_the_softmax_already(query, keys):
    many = query if query.dim() == 3 else query.unsqueeze(1)
    a = torch.softmax(many @ keys.transpose(1, 2), dim=-1)
    return a if query.dim() == 3 else a.squeeze(1)


@dot.misconception(
    "Every query of yours meets the keys of sentence 0. "
    "Query b belongs to keys b: use a batched product, `@` of (B, T, H) and (B, H, S)."
)
def looks_at_the_first_sentence(query, keys):
    return query @ keys[0].T


@dot.misconception(
    "You detach the keys, so the encoder would never learn what is worth looking at. "
    "Leave the graph whole."
)
def detaches_the_keys(query, keys):
    many = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = many @ keys.detach().transpose(1, 2)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@dot.misconception(
    "Your scores are float32 whatever comes in. Keep the dtype of the inputs: leave out the cast."
)
def scores_in_float32(query, keys):
    many = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = (many @ keys.transpose(1, 2)).float()
    return alpha if query.dim() == 3 else alpha.squeeze(1)


# --- general_score ------------------------------------------------------------------------------

general_cases, general_step_cases = score_cases("general_score", {"W": lambda H, K, A: (H, K)})

general = Exercise(
    "general_score",
    "ps4_attention",
    attention.general_score,
    points=3,
    properties=(
        general_cases.shape(0.25),
        general_cases.values(0.75),
        steps(general_step_cases, 0.5),
    ),
    forbids=FORBIDDEN,
)


@general.misconception(
    "You transpose W. It is (H, K): a query of H numbers times W is a row of K numbers, "
    "as a key is."
)
def transposes_the_matrix(query, keys, W):
    return dot_score(query @ W.T, keys)


@general.misconception(
    "You put the keys through W, but W takes H numbers to K and a key has K already. "
    "The query goes through W: `query @ W`."
)
def puts_the_keys_through(query, keys, W):
    return dot_score(query, keys @ W)


@general.misconception(
    "You put a tanh around `query @ W`. Luong's general score has none: it is linear in the query."
)
def squashes_the_query(query, keys, W):
    return dot_score(torch.tanh(query @ W), keys)


@general.misconception(
    "You put a tanh around the score. Luong's general score is `(f @ W) · e_i` itself."
)
def squashes_the_score(query, keys, W):
    return torch.tanh(dot_score(query @ W, keys))


@general.misconception(
    "Your score handles one query for each sentence, (B, H), only. "
    "`query @ W` works for (B, T, H) as it is, and your `dot_score` does the rest."
)
def handles_a_single_query_only(query, keys, W):
    if query.dim() != 2:
        raise ValueError("query must be (B, H)")
    return (keys @ (query @ W).unsqueeze(2)).squeeze(2)


@general.misconception(
    "You divide by the square root of the key's size. "
    "That is the Transformer's score; Luong's has no scale but W's own."
)
def scales_the_general_score(query, keys, W):
    return dot_score(query @ W, keys) / keys.shape[-1] ** 0.5


@general.misconception(
    "You return weights, not scores: there is a softmax too many. `attend` takes it, after masking."
)
def returns_weights(query, keys, W):
    return torch.softmax(dot_score(query @ W, keys), dim=-1)


@general.misconception(
    "You detach W, so what is looked for can never be learned. Leave the graph whole."
)
def detaches_the_matrix(query, keys, W):
    return dot_score(query @ W.detach(), keys)


# --- bahdanau_score -----------------------------------------------------------------------------

bahdanau_cases, bahdanau_step_cases = score_cases(
    "bahdanau_score",
    {
        "w_f": lambda H, K, A: (H, A),
        "w_e": lambda H, K, A: (K, A),
        "v": lambda H, K, A: (A, 1),
    },
)

bahdanau = Exercise(
    "bahdanau_score",
    "ps4_attention",
    attention.bahdanau_score,
    points=4,
    properties=(
        bahdanau_cases.shape(0.25),
        bahdanau_cases.values(1),
        steps(bahdanau_step_cases, 0.75),
    ),
    forbids=FORBIDDEN,
)


@bahdanau.misconception(
    "You leave out the tanh. Without it the query adds the same number to every score, "
    "and the softmax forgets it: what is looked for would not matter."
)
def leaves_out_the_tanh(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return ((queries + from_keys) @ v).squeeze(-1)


@bahdanau.misconception(
    "You apply tanh to each product and add afterwards. Add first, then one tanh around the sum."
)
def squashes_each_product(query, keys, w_f, w_e, v):
    queries = torch.tanh(query @ w_f).unsqueeze(-2)
    from_keys = torch.tanh(keys @ w_e)
    if query.dim() == 3:
        from_keys = from_keys.unsqueeze(1)
    return ((queries + from_keys) @ v).squeeze(-1)


@bahdanau.misconception(
    "Your tanh is around the whole score. It belongs inside, before v: `tanh(...) @ v`."
)
def squashes_after_v(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return torch.tanh((queries + from_keys) @ v).squeeze(-1)


@bahdanau.misconception(
    "Your scores keep the 1 of v's shape: (B, S, 1). Take the last axis away: `.squeeze(-1)`."
)
def keeps_the_one_of_v(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return torch.tanh(queries + from_keys) @ v


@bahdanau.misconception(
    "`squeeze()` without an axis also takes away a batch or a sentence of size 1. "
    "The axis that v leaves is the last: `squeeze(-1)`."
)
def squeezes_every_one(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return (torch.tanh(queries + from_keys) @ v).squeeze()


@bahdanau.misconception(
    "You add (B, A) to (B, S, A), where torch lines up B with S. "
    "Make room for the keys: `(query @ w_f).unsqueeze(-2)`."
)
def adds_without_room(query, keys, w_f, w_e, v):
    return (torch.tanh(query @ w_f + keys @ w_e) @ v).squeeze(-1)


@bahdanau.misconception(
    "Your score handles one query for each sentence, (B, H), only. For (B, T, H) each query meets "
    "each key: (B, T, 1, A) + (B, 1, S, A)."
)
def handles_no_steps(query, keys, w_f, w_e, v):
    if query.dim() != 2:
        raise ValueError("query must be (B, H)")
    return (torch.tanh((query @ w_f).unsqueeze(1) + keys @ w_e) @ v).squeeze(-1)


@bahdanau.misconception(
    "Your room for the keys is right for one query, (B, 1, A). For (B, T, H) there are four axes: "
    "(B, T, 1, A) for the queries, (B, 1, S, A) for the keys."
)
def makes_room_for_one_query(query, keys, w_f, w_e, v):
    return (torch.tanh((query @ w_f).unsqueeze(1) + keys @ w_e) @ v).squeeze(-1)


@bahdanau.misconception(
    "You sum over A and never use v. It decides how much each of the A numbers counts: `... @ v`."
)
def sums_instead_of_v(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return torch.tanh(queries + from_keys).sum(dim=-1)


@bahdanau.misconception(
    "You return weights, not scores. No softmax here: `attend` masks first and takes it then."
)
def normalises_the_scores(query, keys, w_f, w_e, v):
    queries = (query @ w_f).unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return torch.softmax((torch.tanh(queries + from_keys) @ v).squeeze(-1), dim=-1)


@bahdanau.misconception(
    "You detach the query's part, so the decoder never learns what to ask for. "
    "Leave the graph whole."
)
def detaches_the_query(query, keys, w_f, w_e, v):
    queries = (query @ w_f).detach().unsqueeze(-2)
    from_keys = keys @ w_e if query.dim() == 2 else (keys @ w_e).unsqueeze(1)
    return (torch.tanh(queries + from_keys) @ v).squeeze(-1)


# --- concat_score -------------------------------------------------------------------------------

concat_cases, concat_step_cases = score_cases(
    "concat_score",
    {"W": lambda H, K, A: (H + K, A), "v": lambda H, K, A: (A, 1)},
)

concat = Exercise(
    "concat_score",
    "ps4_attention",
    attention.concat_score,
    points=3,
    properties=(
        concat_cases.shape(0.25),
        concat_cases.values(0.75),
        steps(concat_step_cases, 0.5),
    ),
    forbids=FORBIDDEN,
)


@concat.misconception(
    "You put the key first. W's upper H rows belong to the query: [f, e_i], in this order."
)
def puts_the_key_first(query, keys, W, v):
    K = keys.shape[-1]
    return bahdanau_score(query, keys, W[K:], W[:K], v)


@concat.misconception(
    "You take the upper H rows of W for the keys and the lower ones for the query. "
    "In [f, e_i] the query f comes first, so its rows are the upper ones."
)
def swaps_the_rows_of_the_matrix(query, keys, W, v):
    H = query.shape[-1]
    return bahdanau_score(query, keys, W[H:], W[:H], v)


@concat.misconception(
    "You leave out the tanh. Then query and key never meet, "
    "and the query adds the same number to every score: tanh([f, e_i] @ W) @ v."
)
def concatenates_without_tanh(query, keys, W, v):
    H = query.shape[-1]
    many = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = (many @ W[:H] @ v) + (keys @ W[H:] @ v).transpose(1, 2)
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@concat.misconception(
    "You cut W in the middle. Its first H rows belong to the query and the other K to the keys, "
    "and H need not be K."
)
def cuts_in_the_middle(query, keys, W, v):
    w_f, w_e = W.chunk(2)
    return bahdanau_score(query, keys, w_f, w_e, v)


@concat.misconception(
    "You join a query (B, H) and keys (B, S, K), which have another number of axes. Repeat the "
    "query for every key, or cut W in two: [f, e_i] @ W is f @ W[:H] + e_i @ W[H:]."
)
def joins_without_repeating(query, keys, W, v):
    return (torch.tanh(torch.cat([query, keys], dim=-1) @ W) @ v).squeeze(-1)


@concat.misconception(
    "You cut W's columns. Its rows are what is multiplied by [f, e_i]: the first H, W[:H], belong "
    "to the query."
)
def cuts_the_columns(query, keys, W, v):
    H = query.shape[-1]
    return bahdanau_score(query, keys, W[:, :H], W[:, H:], v)


@concat.misconception(
    "Your tanh is around the whole score. It belongs inside, before v: tanh([f, e_i] @ W) @ v."
)
def squashes_the_concat_score(query, keys, W, v):
    H = query.shape[-1]
    many = query if query.dim() == 3 else query.unsqueeze(1)
    alpha = torch.tanh((many @ W[:H] @ v) + (keys @ W[H:] @ v).transpose(1, 2))
    return alpha if query.dim() == 3 else alpha.squeeze(1)


@concat.misconception(
    "Your score handles one query for each sentence, (B, H), only. "
    "For (B, T, H), repeat each query for every key and each key for every query."
)
def concatenates_one_query_only(query, keys, W, v):
    if query.dim() != 2:
        raise ValueError("query must be (B, H)")
    both = torch.cat([query.unsqueeze(1).expand(-1, keys.shape[1], -1), keys], dim=2)
    return (torch.tanh(both @ W) @ v).squeeze(2)


@concat.misconception(
    "Your scores keep the 1 of v's shape: (B, S, 1). Take the last axis away: `.squeeze(-1)`."
)
def keeps_the_last_one(query, keys, W, v):
    H = query.shape[-1]
    return bahdanau_score(query, keys, W[:H], W[H:], v).unsqueeze(-1)


@concat.misconception(
    "You detach W or what is computed from it, so it can never be learned. Leave the graph whole."
)
def detaches_the_stacked_matrix(query, keys, W, v):
    H = query.shape[-1]
    W = W.detach()
    return bahdanau_score(query, keys, W[:H], W[H:], v)


# --- attend -------------------------------------------------------------------------------------

LONG = 8  # an S that no other size is equal to, with room for padding


def strict(
    score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], H: int, K: int
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The score of a test: it refuses what is not a query and the keys, as `attend` has them."""

    def score_function(query, keys):
        fits = (
            query.dim() in (2, 3)
            and keys.dim() == 3
            and query.shape[0] == keys.shape[0]
            and (query.shape[-1], keys.shape[-1]) == (H, K)
        )
        if not fits:
            raise ValueError(
                f"score(query, keys) was called with {tuple(query.shape)} and {tuple(keys.shape)}, "
                f"not with (B, {H}) or (B, T, {H}) and (B, S, {K})"
            )
        return score(query, keys)

    return score_function


def bilinear(rng: Rng, H: int, K: int, scale: float = 1.0) -> Any:
    W = rng.normal(H, K, scale=scale)
    return strict(lambda f, e: dot_score(f @ W.to(f.dtype), e), H, K)


def draw_mask(rng: Rng, B: int, S: int) -> torch.Tensor:
    """Anything may be hidden, not only the end. Every row shows a key; row 0 also hides one."""
    mask = rng.integers(0, 2, B, S).bool()
    rows = torch.arange(B)
    mask[rows, rows % S] = True
    if S > 2:
        mask[0, :3] = torch.tensor([True, True, False])
    return mask


def draw_attend(rng: Rng, s: Sizes, steps: bool = False, hide: bool = True) -> tuple:
    T, _ = other_sizes(s)
    S = LONG if s.T > 1 else 1
    return (
        rng.normal(s.B, T, s.H) if steps else rng.normal(s.B, s.H),
        rng.normal(s.B, S, s.D),
        draw_mask(rng, s.B, S) if hide else torch.ones(s.B, S, dtype=torch.bool),
        bilinear(rng, s.H, s.D, scale=0.7),
    )


def attend_cases(steps: bool, hide: bool) -> Cases:
    return Cases(
        "attend",
        ("query", "keys", "mask", "score"),
        lambda rng, s: draw_attend(rng, s, steps, hide),
        batched=("query", "keys"),
    )


whole_cases = attend_cases(steps=False, hide=False)
padded_cases = attend_cases(steps=False, hide=True)
stepped_cases = attend_cases(steps=True, hide=True)


def pieces(result: Any, text: str) -> dict[str, Any]:
    """The result of `attend`, piece by piece."""
    return {f"{text}: context": part(result, 0), f"{text}: weights": part(result, 1)}


def in_pieces(name: str, title: str, points: float, cases: Cases) -> Property:
    """Context and weights, each judged by itself."""
    observe_both = cases.values(points).observe

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        seen = observe_both(subject, rng)
        return {key: one for text in seen for key, one in pieces(seen[text], text).items()}

    return Property(name, title, points, observe)


def observe_scores(subject: Any, rng: Rng) -> dict[str, Any]:
    """Scores that are no dot products."""
    s = rng.sizes(T=LONG)
    query, mask = rng.normal(s.B, s.H), draw_mask(rng, s.B, s.T)
    keys = rng.normal(s.B, s.T, s.H)

    def distance(f, e):
        f, e = f.unsqueeze(-2), e if f.dim() == 2 else e.unsqueeze(1)
        return -((f - e) ** 2).sum(dim=-1)

    def indifferent(f, e):
        return f.new_zeros(*f.shape[:-1], e.shape[1])

    scores = {"minus the squared distance": distance, "0 for every key": indifferent}
    seen = {}
    for text, score in scores.items():
        score = strict(score, s.H, s.H)
        result = attempt(lambda score=score: subject(query, keys, mask, score))
        seen |= pieces(result, f"the score is {text}")
    return seen


def observe_rubbish(subject: Any, rng: Rng) -> dict[str, Any]:
    """What the padding holds changes nothing."""
    seen = {}
    for rubbish in (torch.inf, torch.nan):
        query, keys, mask, score = draw_attend(rng, rng.sizes(), steps=True)
        keys[~mask] = rubbish
        result = attempt(lambda args=(query, keys, mask, score): subject(*args))
        seen |= pieces(result, f"{rubbish:g} in the padding of keys")
    return seen


attending = Exercise(
    "attend",
    "ps4_attention",
    attention.attend,
    points=9,
    properties=(
        whole_cases.shape(0.25),
        in_pieces("values", "without padding, context and weights are right", 1, whole_cases),
        in_pieces("padding", "padding gets the weight 0, and rows sum to 1", 1.5, padded_cases),
        in_pieces(
            "steps", "a query for each target word, (B, T, H), works too", 0.75, stepped_cases
        ),
        Property("score", "the score that is given decides", 0.5, observe_scores),
        Property("rubbish", "whatever is in the padding makes no difference", 1, observe_rubbish),
    ),
    forbids=FORBIDDEN,
)


@attending.misconception(
    "You never use the mask, so a sentence's weights leak into its padding. "
    "Mask the scores before the softmax."
)
def attends_to_the_padding(query, keys, mask, score):
    a = torch.softmax(score(query, keys), dim=-1)
    many = a if a.dim() == 3 else a.unsqueeze(1)
    context = many @ keys
    return (context if a.dim() == 3 else context.squeeze(1)), a


@attending.misconception(
    "You set weights to 0 after the softmax, so a row sums to less than 1. "
    "Mask the scores before it: padding must have no share in the sum."
)
def masks_after_the_softmax(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    a = torch.softmax(score(query, keys), dim=-1).masked_fill(~shown, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You hide the padding after the softmax, when it has taken its share already: a row sums to "
    "less than 1. Mask the scores before."
)
def masks_too_late(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    a = torch.softmax(score(query, keys), dim=-1).masked_fill(~shown, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You set masked scores to 0, but exp(0) is 1: the padding still gets weight. "
    "Set them to the lowest number there is."
)
def masks_with_zero_scores(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    a = torch.softmax(score(query, keys).masked_fill(~shown, 0), dim=-1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You multiply scores by the mask, which makes them 0 in the padding, and exp(0) is 1: it still "
    "gets weight. Replace them by the lowest number there is: masked_fill."
)
def multiplies_scores_by_the_mask(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    a = torch.softmax(score(query, keys) * shown, dim=-1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "Your mask is the wrong way round: it is True where there is a token. Hide the others, `~mask`."
)
def hides_the_tokens(query, keys, mask, score):
    hidden = mask if query.dim() == 2 else mask.unsqueeze(1)
    alpha = score(query, keys)
    a = torch.softmax(alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min), dim=-1)
    a = a.masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys.masked_fill(mask.unsqueeze(2), 0)), a


@attending.misconception(
    "Your softmax runs over the batch, so sentences compete with each other. "
    "The keys of one sentence are the last axis: dim=-1."
)
def normalises_over_the_batch(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=0).masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "Your softmax takes axis 1, which for (B, T, S) is the target's time. "
    "The weights of one query are the last axis: dim=-1."
)
def normalises_over_axis_1(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=1).masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You return weights, context. The context comes first: `return context, weights`."
)
def returns_the_weights_first(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    return a, torch.einsum("b...s,bsk->b...k", a, keys)


@attending.misconception(
    "You return the context alone. Return both, `context, weights`: the weights are the map "
    "of where the model looked."
)
def returns_no_weights(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys)


@attending.misconception(
    "You compute dot products yourself and never call the score that is given. "
    "Call it: `score(query, keys)`."
)
def always_takes_dot_products(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = torch.einsum("b...h,bsh->b...s", query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "Your context is the plain mean of the keys. Weigh them: sum over i of a_i times key i."
)
def averages_the_keys(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    mean = keys.sum(dim=1) / mask.sum(dim=1, keepdim=True)
    if query.dim() == 3:
        mean = mean.unsqueeze(1).expand(-1, query.shape[1], -1)
    return mean, a


@attending.misconception(
    "Your code handles one query for each sentence, (B, H), only. "
    "For (B, T, H) the mask needs an axis, `mask.unsqueeze(1)`, and weights @ keys is the context."
)
def attends_with_one_query_only(query, keys, mask, score):
    if query.dim() != 2:
        raise ValueError("query must be (B, H)")
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(~mask, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=1).masked_fill(~mask, 0)
    return (a.unsqueeze(2) * keys).sum(dim=1), a


@attending.misconception(
    "Your mask is (B, S) and does not fit scores (B, T, S). With many queries it needs an axis for "
    "them: mask.unsqueeze(1)."
)
def gives_the_mask_no_query_axis(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    alpha = score(query, keys).masked_fill(~mask, torch.finfo(keys.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(~mask, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You add the mask to the scores: a token gets a little more, the padding stays. "
    "Replace the padding's scores by the lowest number."
)
def adds_the_mask(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    a = torch.softmax(score(query, keys) + shown.to(keys.dtype), dim=-1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "Your results are right, but nan in the padding still reaches the query's gradient through "
    "its score. Clear the padding's keys before you call score."
)
def clears_the_keys_after_scoring(query, keys, mask, score):
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "Rubbish in the padding gets through: 0 times nan is nan, so no product clears it. "
    "Before anything else, keys.masked_fill(~mask.unsqueeze(2), 0)."
)
def leaves_rubbish_in_the_keys(query, keys, mask, score):
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You fill with -inf, so a sentence without any token becomes nan. "
    "Fill with the lowest number, torch.finfo(...).min, and set the hidden weights to 0 after."
)
def fills_with_minus_infinity(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    a = torch.softmax(score(query, keys).masked_fill(hidden, -torch.inf), dim=-1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "A sentence without any token gets equal weights on its padding. "
    "There is nothing to look at: set the hidden weights to 0 after the softmax as well."
)
def looks_at_nothing_evenly(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    a = torch.softmax(alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min), dim=-1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You take exp of the scores as they are, which is infinite from about 710 on. "
    "Subtract each row's largest score first, or use torch.softmax."
)
def exponentiates_as_it_is(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    e = torch.exp(score(query, keys)).masked_fill(~shown, 0)
    nothing = ~mask.any(dim=1).view(-1, *[1] * (e.dim() - 1))
    a = e / e.sum(dim=-1, keepdim=True).masked_fill(nothing, 1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You take the softmax over the padding too and rescale after. With large scores the padding "
    "takes it all and 0 / 0 is left. Mask before the softmax."
)
def rescales_after_the_softmax(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    a = torch.softmax(score(query, keys), dim=-1).masked_fill(~shown, 0)
    nothing = ~mask.any(dim=1).view(-1, *[1] * (a.dim() - 1))
    a = a / a.sum(dim=-1, keepdim=True).masked_fill(nothing, 1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "Your fill of -100 is not low enough: where the scores of the tokens are lower still, "
    "the padding wins. Use torch.finfo(alpha.dtype).min."
)
def fills_with_a_small_number(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    a = torch.softmax(score(query, keys).masked_fill(hidden, -100), dim=-1).masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You clear the padding in the caller's own keys. Use a copy: masked_fill without the "
    "underscore at its end."
)
def clears_the_callers_keys(query, keys, mask, score):
    with torch.no_grad():
        keys.masked_fill_(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@attending.misconception(
    "You detach the weights, so nothing learns where to look. "
    "Detach only a copy for a picture; leave the graph whole here."
)
def detaches_the_weights(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0).detach()
    return torch.einsum("b...s,bsk->b...k", a, keys), a


# --- attention_slide_bugs -----------------------------------------------------------------------

bug_hunt = BugHunt(
    attention.attention_slide_bugs,
    {"slide": "ABCDEFGHIJ", "code": "KLMNOP"},
    {"slide": "the slide's", "code": "the code's"},
)

slides = Exercise(
    "attention_slide_bugs",
    "ps4_attention",
    attention.attention_slide_bugs,
    points=4,
    properties=(bug_hunt.form(0.25), bug_hunt.count(0.5)),
)


@slides.misconception(
    "You let equation 8 pass. Its softmax sees the context alone, and the context says what was "
    "looked at, not how far the translation has come: f is lost."
)
def accepts_the_lost_state():
    return {"slide": {"J"}, "code": {"N", "P"}}


@slides.misconception(
    "You let the slide's Luong attention pass. The dot product is one of three scores of that "
    "paper, and its tanh(W_c[c; f]) is missing altogether."
)
def accepts_half_of_luong():
    return {"slide": {"E"}, "code": {"N", "P"}}


@slides.misconception(
    "You let the code's softmax pass. In a padded batch it gives weight to what is no word: "
    "mask the scores first."
)
def accepts_the_unmasked_softmax():
    return {"slide": {"E", "J"}, "code": {"P"}}


@slides.misconception(
    "You found that equation 8 loses the decoder's state; its last line of code does the same. "
    "fs goes into the scores and nowhere else."
)
def accepts_the_same_slip_in_code():
    return {"slide": {"E", "J"}, "code": {"N"}}


@slides.misconception(
    "You call six vectors for seven words wrong. f_6, which has read y_6, predicts the seventh "
    "word, and after that nothing is read: six are enough."
)
def wants_a_seventh_vector():
    return {"slide": {"C", "E", "J"}, "code": {"N", "P"}}


@slides.misconception(
    "You call f_{t-1} in equation 7 wrong. f_t has read y_t itself, so y_t must be predicted from "
    "the state before it."
)
def wants_the_state_that_has_read_the_answer():
    return {"slide": {"D", "E", "J"}, "code": {"N", "P"}}


@slides.misconception(
    "You call f_0 = e_4 wrong. The decoder starts where the encoder stopped, "
    "and a source of four words ends at e_4."
)
def wants_another_start():
    return {"slide": {"B", "E", "J"}, "code": {"N", "P"}}


@slides.misconception(
    "You call Bahdanau's score wrong. Its shapes fit: rows of H numbers, added, squashed, "
    "and times v (H, 1) one number."
)
def wants_another_bahdanau():
    return {"slide": {"E", "I", "J"}, "code": {"N", "P"}}


@slides.misconception(
    "You call the code's context wrong. bmm of (B, T, S) and (B, S, H) sums over the source words, "
    "as equation 10 asks."
)
def wants_another_context():
    return {"slide": {"E", "J"}, "code": {"N", "O", "P"}}


@slides.misconception(
    "You named the lines that are right. Turn it round: name those that are wrong."
)
def names_the_correct_lines():
    return {"slide": set("ABCDFGHI"), "code": set("KLMO")}


@slides.misconception(
    "You name every line, which finds nothing: accusing a correct line costs what was found. "
    "Ask of each line what it reads, and what it leaves out."
)
def names_every_line():
    return {"slide": set("ABCDEFGHIJ"), "code": set("KLMNOP")}


# --- AttentionSeq2Seq ---------------------------------------------------------------------------

SCORES = ("dot", "general", "bahdanau")
VOCABULARIES = {"V_source": 10, "V_target": 9}


def draw_translator(
    rng: Rng,
    D: int,
    H: int,
    score: str,
    combine: str = "luong",
    encoder: Network | None = None,
    decoder: Network | None = None,
) -> Model:
    """A model of the given kind with random weights; its networks are LSTMs unless given."""
    networks = {
        "encoder": encoder or Network("LSTM", (D, H)),
        "decoder": decoder or Network("LSTM", (D, H)),
    }
    shapes: dict[str, tuple[int, ...]] = {
        "E_source": (VOCABULARIES["V_source"], D),
        "E_target": (VOCABULARIES["V_target"], D),
        "W_soft": (H, VOCABULARIES["V_target"]),
    }
    if score == "general":
        shapes |= {"W": (H, H)}
    if score == "bahdanau":
        shapes |= {"w_f": (H, H), "w_e": (H, H), "v": (H, 1)}
    if combine == "luong":
        shapes |= {"W_c": (2 * H, H)}
    sizes = {**VOCABULARIES, "D": D, "H": H}
    return draw_model(rng, networks, sizes, shapes, score=score, combine=combine)


def draw_sentences(rng: Rng, B: int, S: int, T: int) -> tuple[torch.Tensor, ...]:
    """source, lengths, target. One source is as long as S and, with room for it, one is not."""
    lengths = rng.integers(1, S + 1, B)
    lengths[0] = S
    lengths[-1] = max(1, S - 2)
    return (
        rng.integers(0, VOCABULARIES["V_source"], B, S),
        lengths,
        rng.integers(0, VOCABULARIES["V_target"], B, T),
    )


def draw_translation(rng: Rng, s: Sizes) -> tuple:
    T, _ = other_sizes(s)
    model = draw_translator(rng, s.D, s.H, "general")
    return model, *draw_sentences(rng, s.B, s.T, T)


translation_cases = Cases(
    "forward_with_weights",
    ("model", "source", "lengths", "target"),
    draw_translation,
    batched=(),
    run=lambda subject, model, *sentences: model.build(subject).forward_with_weights(*sentences),
)


def observe_parameters(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    kinds = [*((score, "luong") for score in SCORES), ("dot", "context")]
    seen = {}
    for score, combine in kinds:
        seen |= draw_translator(rng, s.D, s.H, score, combine).parameters(subject)
    return seen


def observe_translation(subject: Any, rng: Rng, combine: str) -> dict[str, Any]:
    """Logits and weights for every score, of sentences of different lengths."""
    seen = {}
    for score in SCORES:
        s = rng.sizes(T=LONG)
        T, _ = other_sizes(s)
        model = draw_translator(rng, s.D, s.H, score, combine)
        sentences = draw_sentences(rng, s.B, s.T, T)
        built = attempt(lambda model=model: model.build(subject))
        result = using(built, lambda built, one=sentences: built.forward_with_weights(*one))
        text = f'score="{score}", combine="{combine}", lengths={sentences[1].tolist()}'
        seen[f"{text}: logits"] = part(result, 0)
        seen[f"{text}: weights"] = part(result, 1)
    return seen


def observe_luong(subject: Any, rng: Rng) -> dict[str, Any]:
    return observe_translation(subject, rng, "luong")


def observe_printed(subject: Any, rng: Rng) -> dict[str, Any]:
    return observe_translation(subject, rng, "context")


FORMS = (("bahdanau", "luong"), ("general", "context"), ("dot", "luong"))


def observe_steps(subject: Any, rng: Rng) -> dict[str, Any]:
    """Word by word, from `start` on: the logits of teacher forcing."""
    seen = {}
    for score, combine in FORMS:
        s = rng.sizes(T=LONG)
        T, _ = other_sizes(s)
        model = draw_translator(rng, s.D, s.H, score, combine)
        source, lengths, target = draw_sentences(rng, s.B, s.T, T)

        def walk(model=model, source=source, lengths=lengths, target=target):
            built = model.build(subject)
            state, logits = built.start(source, lengths), {}
            for t in range(target.shape[1]):
                result = built.step(target[:, t], state)
                logits[f"logits of step {t + 1}"] = part(result, 0)
                state = result[1]
            return logits

        seen[f'score="{score}", combine="{combine}"'] = attempt(walk)
    return seen


translating = Exercise(
    "AttentionSeq2Seq",
    "ps4_attention",
    attention.AttentionSeq2Seq,
    points=12,
    properties=(
        Property("parameters", "the parameters are those asked for", 1, observe_parameters),
        translation_cases.shape(0.5),
        Property("weights", "it looks where its score says", 1, observe_luong, judging("*weights")),
        Property(
            "values", "the logits of Luong's form are right", 2, observe_luong, judging("*logits")
        ),
        Property("printed", "the logits of equation 8 as printed are right", 1, observe_printed),
        # Visible: else who leaves start and step unwritten is told that all visible checks pass.
        Property("steps", "word by word says the same as teacher forcing", 1.5, observe_steps),
    ),
    forbids=FORBIDDEN,
)


@translating.misconception(
    "Your softmax sees only the context, as equation 8 is printed, whatever combine is. "
    'For "luong" put the state back: tanh([c, f] @ W_c) @ W_soft.'
)
class LosesTheState(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "You put the state before the context. W_c's upper H rows belong to the context: [c, f]."
)
class PutsTheStateFirst(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([f, c], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "You leave out the tanh between W_c and W_soft. Two matrices in a row are only one matrix: "
    "tanh([c, f] @ W_c) @ W_soft."
)
class LeavesOutTheTanh(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.cat([c, f], dim=-1) @ self.W_c
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "You add context and state, so W_c is (H, H). Put them side by side, [c, f]: W_c is (2H, H)."
)
class AddsContextAndState(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh((c + f) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    'You use Luong\'s form whatever combine is. With combine="context" there is no W_c, '
    "and the logits are c @ W_soft."
)
class IgnoresCombine(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "Your weights are plain tensors, so no optimizer would find them. Wrap them: nn.Parameter(...)."
)
class KeepsPlainTensors(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = torch.randn(H, H)
        if score == "bahdanau":
            self.w_f, self.w_e = torch.randn(H, H), torch.randn(H, H)
            self.v = torch.randn(H, 1)
        if combine == "luong":
            self.W_c = torch.randn(2 * H, H)

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "You look with the decoder's state before y_t is read. "
    "Here f_t, which has read y_t, is the query: it predicts y_{t+1}."
)
class LooksWithTheStateBefore(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, before, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(before, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        f_0 = f_0[0] if isinstance(f_0, tuple) else f_0
        before = torch.cat([f_0.unsqueeze(1), fs[:, :-1]], dim=1)
        return self.predict(before, fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        before = f[0] if isinstance(f, tuple) else f
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(before, fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "You look once, with f_0, and use that context for every word. "
    "Each f_t looks anew: that is what attention adds."
)
class LooksOnce(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f_0, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        f_0 = f_0[0] if isinstance(f_0, tuple) else f_0
        if f.dim() == 3:
            f_0 = f_0.unsqueeze(1).expand_as(f)
        c, a = attend(f_0, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask, _ = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(f_0, fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1]), e_last

    def step(self, tokens, state):
        f, es, mask, f_0 = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(f_0, fs.squeeze(1), es, mask)
        return logits, (f, es, mask, f_0)


@translating.misconception(
    "Your mask lets the padding through. Make it from the lengths of the source: "
    "sequence_mask(lengths, S)."
)
class LooksAtThePadding(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, torch.ones_like(source, dtype=torch.bool)

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "Your encoder reads on through the padding, because it never gets the lengths: "
    "encoder(embed(source, E_source), lengths)."
)
class ReadsThePadding(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source))
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "Your decoder starts from zeros. It starts where the encoder stopped: "
    "f_0 is the encoder's last state."
)
class StartsFromZeros(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        _, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target))
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, _ = self.encoder(embed(source, self.E_source), lengths)
        return None, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "You give w_e to the query and w_f to the keys. Both are (H, H), so nothing complains: "
    "w_f goes with the decoder's f, w_e with the encoder's e."
)
class SwapsTheMatrices(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_e, self.w_f, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "You transpose W in the general score. It is square here, so nothing complains: "
    "general_score(f, e, W) is f @ W with e, not f @ W.T."
)
class TransposesTheSquare(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W.T),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "You return probabilities. Logits are asked for, the scores before the softmax: "
    "the loss takes the softmax itself."
)
class ReturnsProbabilities(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return torch.softmax(c @ self.W_soft, dim=-1), a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "You detach the encoder's states, so it never learns from what the attention asks of it. "
    "Leave the graph whole."
)
class DetachesTheEncoder(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es.detach(), sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "Your step hands back the decoder state that it was given, so every word is the first one. "
    "Return the state that the decoder returned."
)
class ForgetsBetweenSteps(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, _ = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "Your step returns logits (B, 1, V). It is one word further, without a time axis: (B, V)."
)
class KeepsTheTimeAxis(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        if score not in ("dot", "general", "bahdanau") or combine not in ("luong", "context"):
            raise ValueError("an unknown score or combine")
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "dot": dot_score,
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }[self.score]
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs, es, mask)
        return logits, (f, es, mask)


@translating.misconception(
    "An unknown score or combine slips through. Raise a ValueError, "
    "or a misspelt name trains another model than the one asked for."
)
class AcceptsAnyName(Seq2Seq):
    def __init__(
        self, encoder, decoder, V_source, V_target, D, H, score="bahdanau", combine="luong"
    ):
        super().__init__(encoder, decoder, V_source, V_target, D, H)
        self.score, self.combine = score, combine
        if score == "general":
            self.W = nn.Parameter(torch.randn(H, H))
        if score == "bahdanau":
            self.w_f, self.w_e = nn.Parameter(torch.randn(H, H)), nn.Parameter(torch.randn(H, H))
            self.v = nn.Parameter(torch.randn(H, 1))
        if combine == "luong":
            self.W_c = nn.Parameter(torch.randn(2 * H, H))

    def predict(self, f, es, mask):
        score = {
            "general": lambda f, e: general_score(f, e, self.W),
            "bahdanau": lambda f, e: bahdanau_score(f, e, self.w_f, self.w_e, self.v),
        }.get(self.score, dot_score)
        c, a = attend(f, es, mask, score)
        if self.combine == "luong":
            c = torch.tanh(torch.cat([c, f], dim=-1) @ self.W_c)
        return c @ self.W_soft, a

    def forward(self, source, lengths, target):
        return self.forward_with_weights(source, lengths, target)[0]

    def forward_with_weights(self, source, lengths, target):
        f_0, es, mask = self.start(source, lengths)
        fs, _ = self.decoder(embed(target, self.E_target), None, f_0)
        return self.predict(fs, es, mask)

    def start(self, source, lengths):
        es, e_last = self.encoder(embed(source, self.E_source), lengths)
        return e_last, es, sequence_mask(lengths, source.shape[1])

    def step(self, tokens, state):
        f, es, mask = state
        fs, f = self.decoder(embed(tokens, self.E_target).unsqueeze(1), None, f)
        logits, _ = self.predict(fs.squeeze(1), es, mask)
        return logits, (f, es, mask)


EXERCISES = {
    one.name: one for one in (dot, general, bahdanau, concat, attending, slides, translating)
}
