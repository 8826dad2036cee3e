"""Shared by rubrics of ps7_regularization: random sources, gradients, padding."""

from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks.compare import kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.remote import remote
from rnncourse.checks.rng import Rng, Sizes
from rnncourse.checks.statistics import generator
from rnncourse.exercises.ps7_regularization._shared import draw_long, same

CROWD = Sizes(60, 2, 70, 80)  # enough for statistics
FEW = Sizes(2, 2, 30, 30)  # enough for two masks never to be the same by chance
RUBBISH = (1e3, float("inf"), float("nan"))


def draws(
    points: float, prepare: Callable[[Rng], Callable[[Any, Any, bool], Any]], trains: bool = True
) -> Property:
    """Whether all random numbers come from the generator that the subject is given.

    prepare(rng) draws the inputs and returns run(subject, generator, training), which calls the
    subject on them. trains: whether the subject has an argument for training.
    """

    def observe(subject: Any, rng: Rng) -> dict[str, str]:
        run = prepare(rng)
        global_state = remote(subject, torch.get_rng_state)
        before = global_state()
        source = generator(subject, 1)
        first = run(subject, source, True)
        following = run(subject, source, True)
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
            state = source.get_state()
            run(subject, source, False)
            unused = torch.equal(state, source.get_state())
            seen["training=False takes from the generator"] = "nothing" if unused else "numbers"
        unchanged = torch.equal(before, global_state())
        seen["torch's global random state is"] = "as it was" if unchanged else "changed"
        return seen

    title = "all chance comes from the generator that is given"
    return Property("generator", title, points, observe)


def some(dropped: torch.Tensor) -> str:
    return "something" if dropped.any() else "nothing"


def gradients(hs: Any, last: Any, weights: tuple, leaves: tuple) -> Any:
    """The gradients of a weighted sum of both results; None where there is none."""
    results = [
        result for result in (hs, last) if isinstance(result, torch.Tensor) and result.requires_grad
    ]
    if len(results) < 2:
        return [None] * len(leaves)
    loss: Any = sum((r * weight).sum() for r, weight in zip(results, weights, strict=True))
    return torch.autograd.grad(loss, leaves, allow_unused=True)


def verdict(got: Any, expected: torch.Tensor) -> str:
    if got is None:
        return "missing"
    return "right" if same(got, expected) else "wrong"


def observe_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """The padding changes neither the penalty nor its gradient."""
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
    (gradient,) = torch.autograd.grad(penalty.sum(), hs, allow_unused=True)
    return "none arrives" if gradient is None else gradient


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
