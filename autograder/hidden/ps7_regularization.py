"""Hidden tests of problem set 7, regularization."""

from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks import ps7_regularization as ps7
from rnncourse.checks.compare import Raised, kind
from rnncourse.checks.entries import judging
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt, part
from rnncourse.checks.pytree import copied
from rnncourse.checks.remote import alongside
from rnncourse.checks.rng import Rng, Sizes

# --- where the random numbers come from ---------------------------------------------------------


def mask_draws(rng: Rng) -> Callable[[Any, Any, bool], Any]:
    like = rng.normal(2)
    return lambda subject, generator, training: subject((20, 30), 0.5, generator, like)


def variational_draws(rng: Rng) -> Callable[[Any, Any, bool], Any]:
    s = ps7.FEW
    args = ps7.fixed(*ps7.elman_cell(rng, s)), rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    return lambda subject, generator, training: part(
        subject(*args, 0.5, 0.5, generator, training), 0
    )


def word_draws(rng: Rng) -> Callable[[Any, Any, bool], Any]:
    tokens, E = ps7.draw_words(rng, 4, 40, 30, 2)
    return lambda subject, generator, training: subject(tokens, E.clone(), 0.5, generator, training)


def weight_draws(rng: Rng) -> Callable[[Any, Any, bool], Any]:
    s = ps7.FEW
    step, W_h = ps7.elman_cell(rng, s)
    args = step, rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    return lambda subject, generator, training: part(
        subject(*args, W_h.clone(), 0.5, generator, training), 0
    )


# --- variational_dropout ------------------------------------------------------------------------


def observe_crowd(subject: Any, rng: Rng) -> dict[str, Any]:
    """Many sequences: how often units are dropped, and how independently."""
    said = {}
    for p_x, p_h in ((0.2, 0.6), (0.5, 0.5)):
        seen = ps7.run_variational(subject, rng, ps7.CROWD, p_x, p_h)
        if "x_t" not in seen:
            return seen
        # What the last step was given: the first may be another story.
        dropped = {
            name: seen[key][:, -1].abs() < 1e-3
            for name, key in (("the mask of x_t", "x_t"), ("the mask of h", "h of the state"))
        }
        for (name, mask), p in zip(dropped.items(), (p_x, p_h), strict=True):
            if p != 0.5:
                said[f"{name}, p = {p}: the share of zeros is"] = ps7.how_often(mask, p)
            else:
                said[f"{name}: sequences of the batch are"] = ps7.how_alike(mask, 0)
                said[f"{name}: the units of a sequence are"] = ps7.how_alike(mask, 1)
        if p_x == 0.5:
            width = min(mask.shape[1] for mask in dropped.values())
            both = torch.stack([mask[:, :width] for mask in dropped.values()])
            said["the two masks are"] = ps7.how_alike(both, 0)
    return said


def observe_variational_gradients(subject: Any, rng: Rng) -> dict[str, str]:
    """Gradients, beside those of a loop with the masks that step was given."""
    s = Sizes(2, 4, 20, 25)
    step = ps7.fixed(*ps7.elman_cell(rng, s))
    noting, calls = ps7.watched(step, s.T)
    xs, h_0 = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    weights = rng.normal(s.B, s.T, s.H), rng.normal(s.B, s.H)
    leaves = xs.clone().requires_grad_(), h_0.clone().requires_grad_()
    result = subject(noting, *leaves, 0.4, 0.5, ps7.generator(subject, 6))
    seen = ps7.followed(calls, result, xs, [h_0])
    if "x_t" not in seen:
        return {key: value for key, value in seen.items() if isinstance(value, str)}
    found = gradients(part(result, 0), part(result, 1), weights, leaves)

    mine = xs.clone().requires_grad_(), h_0.clone().requires_grad_()
    h, hs = mine[1], []
    for t in range(s.T):
        h = step(mine[0][:, t] * seen["x_t"][:, t], h * seen["h of the state"][:, t])
        hs.append(h)
    expected = gradients(torch.stack(hs, dim=1), h, weights, mine)
    dropped = {name: seen[name].abs() < 1e-3 for name in ("x_t", "h of the state")}
    return {
        **{f"of {name} is dropped": ps7.some(which) for name, which in dropped.items()},
        **{
            f"the gradient of {name} is": verdict(got, right)
            for name, got, right in zip(("xs", "the state"), found, expected, strict=True)
        },
    }


def gradients(hs: Any, last: Any, weights: tuple, leaves: tuple) -> Any:
    results = [one for one in (hs, last) if isinstance(one, torch.Tensor) and one.requires_grad]
    if len(results) < 2:
        return [None] * len(leaves)
    loss = sum((one * weight).sum() for one, weight in zip(results, weights, strict=True))
    return torch.autograd.grad(loss, leaves, allow_unused=True)


def verdict(got: Any, expected: torch.Tensor) -> str:
    if got is None:
        return "missing"
    return "right" if ps7.same(got, expected) else "wrong"


# --- word_dropout -------------------------------------------------------------------------------


def observe_sentences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Every sentence has every word once, so that all coins can be seen."""
    B, V, D = 150, 33, 2
    E = rng.normal(V, D)
    tokens = torch.stack([torch.randperm(V - 1, generator=rng.generator) + 1 for _ in range(B)])
    said: dict[str, Any] = {}
    for p in (0.2, 0.5):
        xs = subject(tokens.clone(), E.clone(), p, ps7.generator(subject, 8))
        form, factors = ps7.word_factors(xs, tokens, E)
        if factors is None:
            return form
        # From the order of the sentences to that of the vocabulary.
        dropped = (factors.abs() < 1e-3).all(dim=2).gather(1, tokens.argsort(dim=1))
        if p != 0.5:
            said[f"p = {p}: the share of words that go is"] = ps7.how_often(dropped, p)
        else:
            said["the sentences of the batch are"] = ps7.how_alike(dropped, 0)
            said["the words of the vocabulary are"] = ps7.how_alike(dropped, 1)
    return said


def observe_word_gradients(subject: Any, rng: Rng) -> dict[str, str]:
    """Each occurrence that stayed brings 1 / (1 - p) times its share to its row of E."""
    tokens, E = ps7.draw_words(rng, 6, 20, 9, 4)
    E.requires_grad_()
    xs = subject(tokens, E, 0.5, ps7.generator(subject, 9))
    form, factors = ps7.word_factors(xs, tokens, E)
    if factors is None:
        return form
    weights = rng.normal(*tokens.shape, 4)
    # Padding may be treated as a word or not: its gradient is not looked at.
    expected = torch.zeros_like(E).index_add(
        0, tokens.flatten(), (factors.detach().nan_to_num() * weights).flatten(0, 1)
    )
    if not xs.requires_grad:
        return {"the gradient of E is": "missing"}
    (found,) = torch.autograd.grad((xs * weights).sum(), E, allow_unused=True)
    return {
        "of the words is dropped": ps7.some(factors == 0),
        "the gradient of E is": verdict(None if found is None else found[1:], expected[1:]),
    }


# --- weight_drop --------------------------------------------------------------------------------


def observe_single_weights(subject: Any, rng: Rng) -> dict[str, Any]:
    """How often single weights are dropped, and how independently."""
    said = {}
    for p in (0.2, 0.5):
        seen = ps7.run_weight_drop(subject, rng, ps7.CROWD._replace(B=2, D=3), p)
        if "W_h" not in seen:
            return ps7.described(seen)
        dropped = seen["W_h"][0, -1].abs() < 1e-3
        if p != 0.5:
            said[f"p = {p}: the share of weights that go is"] = ps7.how_often(dropped, p)
        else:
            said["the weights of a row are"] = ps7.how_alike(dropped, 1)
            said["the weights of a column are"] = ps7.how_alike(dropped, 0)
    return said


def observe_weight_gradients(subject: Any, rng: Rng) -> dict[str, str]:
    """W_h learns where it was kept, through all steps, and nowhere else."""
    s = Sizes(2, 3, 4, 12)
    step, W_h = ps7.elman_cell(rng, s)
    noting, calls = ps7.watched(step, s.T)
    xs, h_0 = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    weights = rng.normal(s.B, s.T, s.H), rng.normal(s.B, s.H)
    leaves = xs.clone().requires_grad_(), h_0.clone().requires_grad_(), W_h.clone().requires_grad_()
    result = subject(noting, *leaves, 0.5, ps7.generator(subject, 6))
    seen = ps7.followed(calls, result, xs, [h_0])
    if "x_t" not in seen:
        return {key: value for key, value in seen.items() if isinstance(value, str)}
    found = gradients(part(result, 0), part(result, 1), weights, leaves)

    mine = copied(leaves)
    for one in mine:
        one.requires_grad_()
    h, hs = mine[1], []
    for t, call in enumerate(calls):
        h = step(mine[0][:, t], h, mine[2] * (call[2] / W_h))
        hs.append(h)
    expected = gradients(torch.stack(hs, dim=1), h, weights, mine)
    names = ("xs", "the state", "W_h")
    return {
        "of W_h is dropped": ps7.some(torch.stack([call[2] for call in calls]) == 0),
        **{
            f"the gradient of {name} is": verdict(got, right)
            for name, got, right in zip(names, found, expected, strict=True)
        },
    }


def observe_no_parameters(subject: Any, rng: Rng) -> dict[str, str]:
    """An empty list, and the generator of a model without parameters, which is never false."""
    run = alongside(subject, "rnncourse.checks.harness.training.with_generator")
    seen = {}
    for text, call in {
        "l2_penalty([])": lambda: subject([]),
        "l2_penalty(model.parameters()) of a model without any": lambda: run(subject, []),
    }.items():
        result = attempt(call)
        refused = isinstance(result, Raised)
        seen[text] = "refused with an exception" if refused else f"accepted: {kind(result)}"
    # A function that refuses everything refuses nothing.
    good = attempt(lambda: subject([rng.normal(2, 3)]))
    seen["good input"] = repr(good) if isinstance(good, Raised) else "accepted"
    return seen


HIDDEN: dict[str, tuple[Property, ...]] = {
    "dropout_mask": (
        ps7.draws(0.5, mask_draws, trains=False),
        Property(
            "independent",
            "every entry is drawn for itself",
            0.25,
            ps7.observe_entries,
            judging("the mask*", "its entries*"),
        ),
        Property("zero", "p = 0 drops nothing", 0.25, ps7.observe_zero),
        ps7.mask_cases.dtype(0.25),
        ps7.mask_cases.pure(0.25),
    ),
    "variational_dropout": (
        Property(
            "sequences",
            "each unit of each sequence is dropped for itself, with its own probability",
            1.25,
            observe_crowd,
        ),
        Property("gradient", "gradients flow back", 0.75, observe_variational_gradients),
        ps7.draws(0.75, variational_draws),
        ps7.variational_cases.dtype(0.25),
        ps7.variational_cases.pure(0.25),
    ),
    "word_dropout": (
        Property(
            "sentences",
            "each word goes for itself, in each sentence anew",
            1.25,
            observe_sentences,
        ),
        Property("gradient", "E learns where words have stayed", 0.5, observe_word_gradients),
        ps7.draws(0.5, word_draws),
        ps7.word_cases.dtype(0.25),
        ps7.word_cases.pure(0.25),
    ),
    "l2_penalty": (
        ps7.l2_cases.gradient(0.5),
        Property("once", "parameters that can be read only once are enough", 0.5, ps7.observe_once),
        Property("refuses", "no parameters at all are refused", 0.25, observe_no_parameters),
        ps7.l2_cases.dtype(0.25),
    ),
    "activation_penalty": (
        Property(
            "padding", "whatever is in the padding makes no difference", 0.5, ps7.observe_padding
        ),
        ps7.activation_cases.gradient(0.25),
        Property("tokens", "any mask is followed", 0.25, ps7.observe_some_tokens),
        ps7.activation_cases.dtype(0.25),
        ps7.activation_cases.pure(0.25),
    ),
    "temporal_penalty": (
        Property(
            "padding", "whatever is in the padding makes no difference", 1, ps7.observe_padding
        ),
        Property("tokens", "any mask is followed", 0.75, ps7.observe_some_tokens),
        ps7.temporal_cases.gradient(0.25),
        ps7.temporal_cases.dtype(0.25),
        ps7.temporal_cases.pure(0.25),
    ),
    "weight_drop": (
        Property("single", "every weight is dropped for itself", 0.75, observe_single_weights),
        Property(
            "gradient", "W_h learns where it was kept, only there", 0.75, observe_weight_gradients
        ),
        Property("tuples", "a state may be a tuple (h, c)", 0.25, ps7.observe_lstm_weights),
        ps7.draws(0.25, weight_draws),
        ps7.weight_cases.dtype(0.25),
        ps7.weight_cases.pure(0.25),
    ),
}
