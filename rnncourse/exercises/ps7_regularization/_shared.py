"""What several exercises of ps7_regularization share."""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import difference, kind
from ...checks.exercise import Property
from ...checks.properties import attempt, part
from ...checks.pytree import copied, tensors
from ...checks.remote import remote
from ...checks.rng import ONES, Rng, Sizes

# --- what can be said of a mask -------------------------------------------------------------------


SIGMAS = 6  # two in a billion


def generator(subject: Any, seed: int) -> Any:
    """A torch.Generator where the subject runs."""
    return remote(subject, torch.Generator)().manual_seed(seed)


def numbers(tensor: torch.Tensor) -> str:
    """Which numbers there are in a tensor: "0 and 1.4286"."""
    found = (tensor.detach().double().round(decimals=4) + 0.0).unique().tolist()
    if len(found) > 4:
        return "many different numbers"
    return " and ".join(f"{one:.5g}" for one in found)


def how_often(dropped: torch.Tensor, p: float) -> str:
    """Whether the share that is dropped is p; p must not be 1/2."""
    share = dropped.double().mean().item()
    tolerance = SIGMAS * (p * (1 - p) / dropped.numel()) ** 0.5
    if abs(share - p) <= tolerance:
        return f"about p = {p}"
    if abs(share - (1 - p)) <= tolerance:
        return f"about 1 - p = {1 - p:g}"
    return {0: "none", 1: "all"}.get(share, f"neither p = {p} nor 1 - p")


def how_alike(dropped: torch.Tensor, dim: int) -> str:
    """Whether neighbours along an axis are dropped together; p must be 1/2, which makes the number
    of those that agree a sum of fair coins."""
    size = dropped.shape[dim] - 1
    agree = dropped.narrow(dim, 0, size) == dropped.narrow(dim, 1, size)
    share = agree.double().mean().item()
    if abs(share - 0.5) <= SIGMAS * 0.5 / agree.numel() ** 0.5:
        return "independent of each other"
    return "always the same" if share == 1 else "related"


def how_steady(factors: torch.Tensor) -> str:
    """Whether factors (B, T, ...) are the same at every step; 1 everywhere is no mask."""
    if not ((factors - 1).abs() > 1e-3).any():
        return "none"
    moves = (factors[:, 1:] - factors[:, :-1]).abs() > 1e-3
    count = int(moves.transpose(0, 1).flatten(1).any(dim=1).sum())
    return "the same at every step" if count == 0 else f"changes {count} times"


def some(dropped: torch.Tensor) -> str:
    return "something" if dropped.any() else "nothing"


def same(got: Any, expected: torch.Tensor) -> bool:
    return difference(got, expected) is None


def draws(
    points: float, prepare: Callable[[Rng], Callable[[Any, Any, bool], Any]], trains: bool = True
) -> Property:
    """Where the random numbers come from: from the generator that is given, and from nowhere else.

    prepare(rng) draws the inputs; what it returns, run(subject, generator, training), calls the
    subject on them. trains: whether the subject knows of training at all.
    """

    def observe(subject: Any, rng: Rng) -> dict[str, str]:
        run = prepare(rng)
        global_state = remote(subject, torch.get_rng_state)
        before = global_state()
        one = generator(subject, 1)
        first, following = run(subject, one, True), run(subject, one, True)
        again = run(subject, generator(subject, 1), True)
        other = run(subject, generator(subject, 2), True)
        seen = {"the result is": "a tensor" if isinstance(first, torch.Tensor) else kind(first)}
        for text, result in (
            ("a generator with the same seed gives", again),
            ("a generator with another seed gives", other),
            ("the next call with one generator gives", following),
        ):
            seen[text] = "the same" if same(result, first) else "something else"
        if trains:
            state = one.get_state()
            run(subject, one, False)
            kept = torch.equal(state, one.get_state())
            seen["training=False takes from the generator"] = "nothing" if kept else "numbers"
        kept = torch.equal(before, global_state())
        seen["torch's global random state is"] = "as it was" if kept else "changed"
        return seen

    title = "all chance comes from the generator that is given"
    return Property("generator", title, points, observe)


# --- runs of a step, watched ----------------------------------------------------------------------


MASKED = Sizes(3, 4, 40, 50)  # enough numbers that every mask has zeros and others


CROWD = Sizes(60, 2, 70, 80)  # enough for statistics


FEW = Sizes(2, 2, 30, 30)  # enough that two masks are never the same by luck


def elman_cell(rng: Rng, s: Sizes) -> tuple[Callable[..., torch.Tensor], torch.Tensor]:
    """A step(x, h, W_h) and its matrix."""
    W_x, W_h = rng.normal(s.D, s.H, scale=0.2), rng.normal(s.H, s.H, scale=0.2)

    def elman_cell(x, h, W):
        return torch.tanh(x @ W_x.to(x.dtype) + h @ W.to(h.dtype))

    return elman_cell, W_h


def lstm_cell(rng: Rng, s: Sizes) -> tuple[Callable[..., tuple], torch.Tensor]:
    """A step(x, (h, c), W_h) and its matrix."""
    W_x, W_h = rng.normal(s.D, 4 * s.H, scale=0.2), rng.normal(s.H, 4 * s.H, scale=0.2)

    def lstm_cell(x, state, W):
        h, c = state
        i, f, o, g = (x @ W_x.to(x.dtype) + h @ W.to(h.dtype)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    return lstm_cell, W_h


def watched(step: Callable[..., Any], T: int) -> tuple[Callable[..., Any], list[tuple]]:
    """A step that notes what it is called with and what it returns, as long as it is sensible."""
    calls: list[tuple] = []

    def noting(x, state, *rest):
        new = step(x, state, *rest)
        if len(calls) <= T:
            calls.append((*copied((x, tuple(tensors(state)), *rest)), copied(tensors(new))))
        return new

    return noting, calls


def shapes(*values: torch.Tensor) -> str:
    return ", ".join(str(tuple(one.shape)) for one in values)


def followed(calls: list[tuple], result: Any, xs: torch.Tensor, start: list) -> dict[str, Any]:
    """What a watched step was called with, beside what it should be; and what became of it.

    start: the tensors of the state given. Where the calls do not have the right form, this is all
    that can be said of them.
    """
    T = xs.shape[1]
    seen: dict[str, Any] = {"calls of step": f"{len(calls) if len(calls) <= T else 'too many'}"}
    for x, state, *rest, _ in calls:
        form = f"x {shapes(x)}, state {shapes(*state)}"
        seen["every call of step has"] = form + (f", W {shapes(*rest)}" if rest else "")
        if x.shape != xs[:, 0].shape or [s.shape for s in state] != [s.shape for s in start]:
            return seen
    if len(calls) != T:
        return seen
    returned = [call[-1] for call in calls]
    before = [start, *returned[:-1]]
    seen["x_t"] = torch.stack([call[0] for call in calls], dim=1) / xs
    for index, name in enumerate(("h", "c")[: len(start)]):
        got = torch.stack([call[1][index] for call in calls], dim=1)
        seen[f"{name} of the state"] = got / torch.stack([one[index] for one in before], dim=1)
    hs = torch.stack([one[0] for one in returned], dim=1)
    seen["hs is"] = "what step returned" if same(part(result, 0), hs) else "something else"
    last = tensors(part(result, 1))
    kept = len(last) == len(start) and all(map(same, last, returned[-1]))
    seen["the last state is"] = "what step returned" if kept else "something else"
    return seen


def described(seen: dict[str, Any]) -> dict[str, Any]:
    """What followed() has found, in words: the factors themselves are a matter of chance."""
    said = {}
    for key, value in seen.items():
        if isinstance(value, torch.Tensor):
            said[f"{key} is multiplied by"] = numbers(value)
            said[f"the mask of {key} is"] = how_steady(value)
        else:
            said[key] = value
    return said


# --- activation_penalty and temporal_penalty ------------------------------------------------------


def draw_states(rng: Rng, s: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    """hs (B, T, H), numbers in the padding too, and the mask; the first sequence is padded."""
    lengths = rng.integers(1, s.T + 1, s.B)
    lengths[-1] = s.T
    lengths[0] = max(1, s.T - 2)
    return rng.normal(s.B, s.T, s.H), torch.arange(s.T) < lengths.unsqueeze(1)


def draw_long(rng: Rng, s: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    """As draw_states, with sentences long enough for all that can go wrong in one."""
    return draw_states(rng, s if s == ONES else s._replace(T=s.T + 3))


RUBBISH = (1e3, float("inf"), float("nan"))


def observe_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """Whatever is in the padding changes neither the penalty nor its gradient."""
    seen: dict[str, Any] = {}
    for rubbish in RUBBISH:
        hs, mask = draw_long(rng, rng.sizes())
        hs[~mask] = rubbish
        hs.requires_grad_()
        seen[f"{rubbish:g} in the padding"] = penalty = attempt(subject, hs, mask)
        seen[f"{rubbish:g} in the padding, gradient of hs"] = gradient_of(penalty, hs)
    return seen


def gradient_of(penalty: Any, hs: torch.Tensor) -> Any:
    if not isinstance(penalty, torch.Tensor) or penalty.numel() != 1 or not penalty.requires_grad:
        return "none arrives"
    (found,) = torch.autograd.grad(penalty.sum(), hs, allow_unused=True)
    return "none arrives" if found is None else found


def observe_some_tokens(subject: Any, rng: Rng) -> dict[str, Any]:
    """Masks of all kinds: nothing masked, everything, one step, padding in front, and holes."""
    masks = {
        "all are tokens": [[1, 1, 1, 1], [1, 1, 1, 1]],
        "one step": [[1], [1]],
        "no token at all": [[0, 0, 0], [0, 0, 0]],
        "an empty sentence": [[0, 0, 0, 0], [1, 1, 1, 0]],
        "padding in front": [[0, 0, 1, 1, 1], [0, 1, 1, 1, 1]],
        "a hole": [[1, 1, 0, 1, 1, 1], [1, 0, 1, 0, 1, 1]],
    }
    seen: dict[str, Any] = {}
    for text, rows in masks.items():
        mask = torch.tensor(rows).bool()
        hs = rng.normal(*mask.shape, 3)
        seen[f"{text}, mask {tuple(mask.shape)}"] = attempt(subject, hs, mask)
    return seen
