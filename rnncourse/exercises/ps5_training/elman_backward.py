"""elman_backward: its visible checks and the mistakes people make.

The forward pass of a small Elman network is made here; autograd is blocked for the answer.
"""

from typing import Any

import torch

from ...checks.entries import judging
from ...checks.exercise import Exercise, Property
from ...checks.harness import training as harness
from ...checks.properties import Cases, attempt, part
from ...checks.remote import remote
from ...checks.rng import Rng, Sizes
from ...reference import training


def draw_backward(rng: Rng, s: Sizes, bias: float = 0.0, scale: float = 0.7) -> tuple:
    """grad_hs, xs, h_0, hs, W_x, W_h: the states of a forward pass, perhaps with a bias."""
    xs, h_0 = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    W_x, W_h = rng.normal(s.D, s.H, scale=0.5), rng.normal(s.H, s.H, scale=scale)
    b = rng.normal(s.H, scale=bias)
    hs, h = [], h_0
    for x in xs.unbind(dim=1):
        h = torch.tanh(x @ W_x + h @ W_h + b)
        hs.append(h)
    return rng.normal(s.B, s.T, s.H), xs, h_0, torch.stack(hs, dim=1), W_x, W_h


def by_hand(subject: Any, *args: Any) -> Any:
    """Call the subject with autograd blocked."""
    return remote(subject, harness.by_hand)(subject, *args)


backward_cases = Cases(
    "elman_backward",
    ("grad_hs", "xs", "h_0", "hs", "W_x", "W_h"),
    draw_backward,
    batched=(),
    run=by_hand,
)


GRADIENTS = ("grad_xs", "grad_h_0", "grad_W_x", "grad_W_h")


def gradients_of(subject: Any, args: tuple, text: str = "") -> dict[str, Any]:
    result = attempt(by_hand, subject, *args)
    return {
        f"{backward_cases.text(args)}{text}: {name}": part(result, index)
        for index, name in enumerate(GRADIENTS)
    }


def observe_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for s in (rng.sizes(), rng.sizes(B=1), rng.sizes(T=1), Sizes(1, 2, 1, 1)):
        seen |= gradients_of(subject, draw_backward(rng, s))
    return seen


exercise = Exercise(
    "elman_backward",
    "ps5_training",
    training.elman_backward,
    points=8,
    properties=tuple(
        Property(name, f"{name} is right", points, observe_gradients, judging(f"*{name}"))
        for name, points in zip(GRADIENTS, (1, 1, 1, 1.5), strict=True)
    ),
)


@exercise.canonical
def elman_backward(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@exercise.misconception(
    "You let autograd do it. Here you do its work: go through the steps from the last to the "
    "first, and apply the chain rule to each."
)
def lets_autograd_do_it(grad_hs, xs, h_0, hs, W_x, W_h):
    with torch.enable_grad():
        leaves = [value.detach().clone().requires_grad_() for value in (xs, h_0, W_x, W_h)]
        xs, h, W_x, W_h = leaves
        states = []
        for x in xs.unbind(dim=1):
            h = torch.tanh(x @ W_x + h @ W_h)
            states.append(h)
        torch.stack(states, dim=1).backward(grad_hs)
    return tuple(leaf.grad for leaf in leaves)


@exercise.misconception(
    "A state h_t matters through h_{t+1} as well: to grad_hs[:, t] you must add what comes back "
    "from the step after, grad_z_{t+1} @ W_h.T."
)
def forgets_what_comes_from_later(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs = grad_hs * (1 - hs**2)
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, grad_zs[:, 0] @ W_h.T, grad_W_x, grad_W_h


@exercise.misconception(
    "You drop grad_hs at every step but the last. The loss may look at each h_t: add what comes "
    "from later to grad_hs[:, t]."
)
def looks_at_the_last_state_only(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, grad_h = torch.empty_like(hs), grad_hs[:, -1]
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = grad_h * (1 - hs[:, t] ** 2)
        grad_h = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, grad_h, grad_W_x, grad_W_h


exercise.near_miss(
    "leaves_out_the_slope",
    "You leave out the slope of tanh. Going back through it multiplies by 1 - h_t ** 2.",
    """
    -        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
    +        grad_zs[:, t] = grad_hs[:, t] + later
    """,
)


exercise.near_miss(
    "applies_tanh_once_more",
    "Your slope is 1 - tanh(h_t) ** 2, but h_t has been through tanh already. It is 1 - h_t ** 2.",
    """
    -        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
    +        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - torch.tanh(hs[:, t]) ** 2)
    """,
)


exercise.near_miss(
    "takes_the_slope_of_a_sigmoid",
    "Your slope h * (1 - h) is that of the sigmoid. This network has tanh: 1 - h ** 2.",
    """
    -        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
    +        grad_zs[:, t] = (grad_hs[:, t] + later) * hs[:, t] * (1 - hs[:, t])
    """,
)


exercise.near_miss(
    "forgets_the_square",
    "Your slope is 1 - h_t, without the square. That of tanh is 1 - h_t ** 2.",
    """
    -        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
    +        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t])
    """,
)


exercise.near_miss(
    "returns_h_0_last",
    "You return grad_h_0 last. The order is that of the arguments: "
    "grad_xs, grad_h_0, grad_W_x, grad_W_h.",
    """
    -    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h
    +    return grad_zs @ W_x.T, grad_W_x, grad_W_h, later
    """,
)


exercise.near_miss(
    "forgets_to_transpose",
    "You go back through W_h without transposing it. It is square, so torch does not complain: "
    "forwards h @ W_h, backwards grad_z @ W_h.T.",
    """
    -        later = grad_zs[:, t] @ W_h.T
    +        later = grad_zs[:, t] @ W_h
    """,
)


exercise.near_miss(
    "pairs_with_the_state_after",
    "Your grad_W_h pairs grad_z_t with h_t. The product was h_{t-1} @ W_h, so pair it with the "
    "state before; at the first step that is h_0.",
    """
    -    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    ...
    -    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    +    grad_W_h = torch.einsum("btk,bth->kh", hs, grad_zs)
    """,
)


exercise.near_miss(
    "takes_zeros_for_h_0",
    "Your grad_W_h takes 0 for the state before the first step. That state is h_0.",
    """
    -    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    ...
    -    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    +    grad_W_h = torch.einsum("btk,bth->kh", hs[:, :-1], grad_zs[:, 1:])
    """,
)


exercise.near_miss(
    "overwrites_the_sums",
    "Each step overwrites grad_W_x and grad_W_h, so only the last one counts. The same matrices "
    "were used at every step: add up, with +=.",
    """
    -    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    -    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    +        grad_W_x = xs[:, t].T @ grad_zs[:, t]
    +        grad_W_h = before[:, t].T @ grad_zs[:, t]
    """,
)


exercise.near_miss(
    "averages_over_the_batch",
    "You divide the gradients of the matrices by B. Where a mean was taken, grad_hs knows: add up "
    "over the batch.",
    """
    -    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    -    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    +    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs) / len(xs)
    +    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs) / len(xs)
    """,
)


exercise.near_miss(
    "runs_forwards",
    "You go through time forwards. What comes from later must be known first: start at t = T - 1 "
    "and count down.",
    """
    -    for t in reversed(range(xs.shape[1])):
    +    for t in range(xs.shape[1]):
    """,
)


exercise.near_miss(
    "stops_before_h_0",
    "Your grad_h_0 stops one product too early: h_0 reaches the loss through W_h alone, so it is "
    "grad_z_1 @ W_h.T.",
    """
    -    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h
    +    return grad_zs @ W_x.T, grad_zs[:, 0], grad_W_x, grad_W_h
    """,
)


exercise.near_miss(
    "runs_the_network_again",
    "You compute the states again, from xs and the weights. Use the hs you are given: the "
    "forward pass may have had a bias, which only hs knows.",
    """
    -    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    +    states = [h_0]
    +    for x in xs.unbind(dim=1):
    +        states.append(torch.tanh(x @ W_x + states[-1] @ W_h))
    +    hs, before = torch.stack(states[1:], dim=1), torch.stack(states[:-1], dim=1)
    """,
)


exercise.near_miss(
    "adds_into_the_callers_gradient",
    "You add into the caller's grad_hs. Make a new tensor: grad_h = grad_hs[:, t] + from_later.",
    """
    -        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
    +        grad_h = grad_hs[:, t]
    +        grad_h += later
    +        grad_zs[:, t] = grad_h * (1 - hs[:, t] ** 2)
    """,
)
