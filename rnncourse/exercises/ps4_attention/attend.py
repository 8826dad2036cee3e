"""attend: its visible checks and the mistakes people make.

Scores are products with a random matrix, or functions that only a check knows. Keys may be masked
anywhere, not only at the end.
"""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt, part
from ...checks.rng import Rng, Sizes
from ...reference import attention
from ...reference.attention import dot_score
from ._shared import FORBIDDEN, other_sizes

LONG = 8  # an S that differs from all other sizes, with room for padding


def strict(
    score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], H: int, K: int
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A score that raises a ValueError unless it gets a query and keys shaped as in `attend`."""

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
    """Any place may be hidden, not only the end. Each row shows a key; row 0 also hides one."""
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
        return {key: piece for text in seen for key, piece in pieces(seen[text], text).items()}

    return Property(name, title, points, observe)


def observe_scores(subject: Any, rng: Rng) -> dict[str, Any]:
    """Scores that are not dot products."""
    s = rng.sizes(T=LONG)
    query, mask = rng.normal(s.B, s.H), draw_mask(rng, s.B, s.T)
    keys = rng.normal(s.B, s.T, s.H)

    def distance(f, e):
        f, e = f.unsqueeze(-2), e if f.dim() == 2 else e.unsqueeze(1)
        return -((f - e) ** 2).sum(dim=-1)

    def indifferent(f, e):
        return f.new_zeros(*f.shape[:-1], e.shape[1])

    scores = {"minus the squared distance": distance, "0 for every key": indifferent}
    seen: dict[str, Any] = {}
    for text, score in scores.items():
        score = strict(score, s.H, s.H)
        result = attempt(subject, query, keys, mask, score)
        seen |= pieces(result, f"the score is {text}")
    return seen


def observe_rubbish(subject: Any, rng: Rng) -> dict[str, Any]:
    """What the padding holds changes nothing."""
    seen: dict[str, Any] = {}
    for rubbish in (torch.inf, torch.nan):
        query, keys, mask, score = draw_attend(rng, rng.sizes(), steps=True)
        keys[~mask] = rubbish
        result = attempt(subject, query, keys, mask, score)
        seen |= pieces(result, f"{rubbish:g} in the padding of keys")
    return seen


exercise = Exercise(
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


@exercise.canonical
def attend(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    alpha = score(query, keys)
    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@exercise.misconception(
    "You never use the mask, so a sentence's weights leak into its padding. "
    "Mask the scores before the softmax."
)
def attends_to_the_padding(query, keys, mask, score):
    a = torch.softmax(score(query, keys), dim=-1)
    many = a if a.dim() == 3 else a.unsqueeze(1)
    context = many @ keys
    return (context if a.dim() == 3 else context.squeeze(1)), a


@exercise.misconception(
    "You set weights to 0 after the softmax, so a row sums to less than 1. "
    "Mask the scores before it: padding must have no share in the sum."
)
def masks_after_the_softmax(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    a = torch.softmax(score(query, keys), dim=-1).masked_fill(~shown, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@exercise.misconception(
    "You hide the padding after the softmax, which has already given it a share: a row sums to "
    "less than 1. Mask the scores before the softmax."
)
def masks_too_late(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    a = torch.softmax(score(query, keys), dim=-1).masked_fill(~shown, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@exercise.misconception(
    "You set masked scores to 0, but exp(0) is 1: the padding still gets weight. "
    "Set them to the lowest number of their dtype."
)
def masks_with_zero_scores(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    a = torch.softmax(score(query, keys).masked_fill(~shown, 0), dim=-1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@exercise.misconception(
    "You multiply scores by the mask, which makes them 0 in the padding, and exp(0) is 1: it still "
    "gets weight. Replace them by the lowest number of their dtype: masked_fill."
)
def multiplies_scores_by_the_mask(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    a = torch.softmax(score(query, keys) * shown, dim=-1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@exercise.misconception(
    "Your mask is the wrong way round: it is True where there is a token. Hide the others, `~mask`."
)
def hides_the_tokens(query, keys, mask, score):
    hidden = mask if query.dim() == 2 else mask.unsqueeze(1)
    alpha = score(query, keys)
    a = torch.softmax(alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min), dim=-1)
    a = a.masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys.masked_fill(mask.unsqueeze(2), 0)), a


exercise.near_miss(
    "normalises_over_the_batch",
    "Your softmax runs over the batch, so sentences compete with each other. "
    "The keys of one sentence are the last axis: dim=-1.",
    """
    -    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    +    a = torch.softmax(alpha, dim=0).masked_fill(hidden, 0)
    """,
)


exercise.near_miss(
    "normalises_over_axis_1",
    "Your softmax takes axis 1, which for (B, T, S) is the target's time. "
    "The weights of one query are the last axis: dim=-1.",
    """
    -    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    +    a = torch.softmax(alpha, dim=1).masked_fill(hidden, 0)
    """,
)


exercise.near_miss(
    "returns_the_weights_first",
    "You return weights, context. The context comes first: `return context, weights`.",
    """
    -    return torch.einsum("b...s,bsk->b...k", a, keys), a
    +    return a, torch.einsum("b...s,bsk->b...k", a, keys)
    """,
)


exercise.near_miss(
    "returns_no_weights",
    "You return the context alone. Return both, `context, weights`: the weights are the map "
    "of where the model looked.",
    """
    -    return torch.einsum("b...s,bsk->b...k", a, keys), a
    +    return torch.einsum("b...s,bsk->b...k", a, keys)
    """,
)


exercise.near_miss(
    "always_takes_dot_products",
    "You compute dot products yourself and never call the given score. "
    "Call it: `score(query, keys)`.",
    """
    -    alpha = score(query, keys)
    +    alpha = torch.einsum("b...h,bsh->b...s", query, keys)
    """,
)


exercise.near_miss(
    "averages_the_keys",
    "Your context is the plain mean of the keys. Weigh them: sum over i of a_i times key i.",
    """
    -    return torch.einsum("b...s,bsk->b...k", a, keys), a
    +    mean = keys.sum(dim=1) / mask.sum(dim=1, keepdim=True)
    +    if query.dim() == 3:
    +        mean = mean.unsqueeze(1).expand(-1, query.shape[1], -1)
    +    return mean, a
    """,
)


@exercise.misconception(
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


@exercise.misconception(
    "Your mask is (B, S) and does not fit scores (B, T, S). With many queries it needs an axis for "
    "them: mask.unsqueeze(1)."
)
def gives_the_mask_no_query_axis(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    alpha = score(query, keys).masked_fill(~mask, torch.finfo(keys.dtype).min)
    a = torch.softmax(alpha, dim=-1).masked_fill(~mask, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


@exercise.misconception(
    "You add the mask to the scores: a token gets a little more, the padding stays. "
    "Replace the padding's scores by the lowest number."
)
def adds_the_mask(query, keys, mask, score):
    shown = mask if query.dim() == 2 else mask.unsqueeze(1)
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    a = torch.softmax(score(query, keys) + shown.to(keys.dtype), dim=-1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


exercise.near_miss(
    "clears_the_keys_after_scoring",
    "Your results are right, but nan in the padding still reaches the query's gradient through "
    "its score. Clear the padding's keys before you call score.",
    """
    -    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    ...
         a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    +    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    """,
)


exercise.near_miss(
    "leaves_rubbish_in_the_keys",
    "Rubbish in the padding gets through: 0 times nan is nan, so no product clears it. "
    "Before anything else, keys.masked_fill(~mask.unsqueeze(2), 0).",
    """
    -    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    """,
)


@exercise.misconception(
    "You fill with -inf, so a sentence without any token becomes nan. "
    "Fill with the lowest number, torch.finfo(...).min, and set the hidden weights to 0 after."
)
def fills_with_minus_infinity(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    a = torch.softmax(score(query, keys).masked_fill(hidden, -torch.inf), dim=-1)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


exercise.near_miss(
    "looks_at_nothing_evenly",
    "A sentence without any token gets equal weights on its padding. "
    "There is nothing to look at: set the hidden weights to 0 after the softmax as well.",
    """
    -    alpha = alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min)
    -    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    +    a = torch.softmax(alpha.masked_fill(hidden, torch.finfo(alpha.dtype).min), dim=-1)
    """,
)


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
    "Your fill of -100 is not low enough: where the scores of the tokens are lower still, "
    "the padding wins. Use torch.finfo(alpha.dtype).min."
)
def fills_with_a_small_number(query, keys, mask, score):
    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    hidden = ~mask if query.dim() == 2 else ~mask.unsqueeze(1)
    a = torch.softmax(score(query, keys).masked_fill(hidden, -100), dim=-1).masked_fill(hidden, 0)
    return torch.einsum("b...s,bsk->b...k", a, keys), a


exercise.near_miss(
    "clears_the_callers_keys",
    "You clear the padding in the caller's own keys. Use a copy: masked_fill without the "
    "underscore at its end.",
    """
    -    keys = keys.masked_fill(~mask.unsqueeze(2), 0)
    +    with torch.no_grad():
    +        keys.masked_fill_(~mask.unsqueeze(2), 0)
    """,
)


exercise.near_miss(
    "detaches_the_weights",
    "You detach the weights, so nothing learns where to look. "
    "Detach only a copy for a picture; leave the graph whole here.",
    """
    -    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0)
    +    a = torch.softmax(alpha, dim=-1).masked_fill(hidden, 0).detach()
    """,
)
