"""Problem set 5, training: what is checked, and the mistakes people make (lecture §5).

A misconception is a whole wrong implementation under a telling name. It may use torch, copy, math
and the student's other functions of this set; nothing else, because the audit submits its source.
"""

import copy
import math
from collections.abc import Callable
from typing import Any

import torch

from ..reference import minimal_loop, training
from ..reference.minimal_loop import fit
from ..reference.training import clip_gradients, cross_entropy, detach_state, train_step
from . import toy_translation as animals
from .compare import Raised, kind
from .entries import judging, judging_all_but
from .exercise import Exercise, Property
from .properties import Cases, attempt, part
from .pytree import copied, tensors
from .remote import alongside
from .rng import Rng, Sizes

PARTS = "rnncourse.checks.harness.training"
# Of the library, what a jail must not have beside the references: it computes cross_entropy.
ALSO_HIDDEN = ("rnncourse.recipes.softmax_loss",)


# --- cross_entropy ------------------------------------------------------------------------------


def draw_mask(rng: Rng, B: int, T: int) -> torch.Tensor:
    """Sentences of different lengths, of which the first has padding (unless T is 1)."""
    lengths = rng.integers(1, T + 1, B)
    lengths[-1] = T
    lengths[0] = (T + 1) // 2
    return torch.arange(T) < lengths.unsqueeze(1)


def draw_logits(rng: Rng, s: Sizes) -> tuple:
    logits = rng.normal(s.B, s.T, s.D, scale=2)
    return logits, rng.integers(0, s.D, s.B, s.T), draw_mask(rng, s.B, s.T)


loss_cases = Cases("cross_entropy", ("logits", "targets", "mask"), draw_logits, batched=())


def widened(args: tuple, columns: int, logit: float, target: int) -> tuple:
    """The same sentences with more padding, all of it filled with these values."""
    logits, targets, mask = args
    B, _, V = logits.shape
    logits = torch.cat([logits, logits.new_zeros(B, columns, V)], dim=1)
    targets = torch.cat([targets, targets.new_zeros(B, columns)], dim=1)
    mask = torch.cat([mask, mask.new_zeros(B, columns)], dim=1)
    return (
        logits.masked_fill(~mask.unsqueeze(2), logit),
        targets.masked_fill(~mask, target),
        mask,
    )


def observe_amounts(subject: Any, rng: Rng) -> dict[str, Any]:
    args = draw_logits(rng, rng.sizes())
    return {
        f"the same sentences in a batch {columns} columns wider": attempt(
            lambda columns=columns: subject(*widened(args, columns, 3.0, 0))
        )
        for columns in (0, 2, 17)
    }


def observe_huge(subject: Any, rng: Rng) -> dict[str, Any]:
    logits, targets, mask = draw_logits(rng, rng.sizes())
    return {
        text: attempt(lambda change=change: subject(change(logits), targets, mask))
        for text, change in (
            ("logits of several thousand, up and down", lambda one: 2000 * one),
            ("every logit 1000 larger", lambda one: one + 1000),
        )
    }


def observe_smoothing(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for s, smoothing in ((rng.sizes(), 0.1), (rng.sizes(B=1), 0.4), (rng.sizes(D=1), 0.1)):
        args = draw_logits(rng, s)
        seen[f"{loss_cases.text(args)} with label_smoothing={smoothing}"] = attempt(
            lambda args=args, smoothing=smoothing: subject(*args, label_smoothing=smoothing)
        )
    return seen


entropy = Exercise(
    "cross_entropy",
    "ps5_training",
    training.cross_entropy,
    points=6,
    properties=(
        loss_cases.values(1.25, "the mean over the tokens there are, each counting the same"),
        Property("amount", "more padding changes nothing", 0.75, observe_amounts),
        Property("huge", "huge logits are no problem", 0.5, observe_huge),
        Property("smoothing", "extension: label_smoothing", 1, observe_smoothing),
    ),
    forbids=(
        "torch.nn.functional.cross_entropy",
        "torch.nn.functional.nll_loss",
        "torch.nn.CrossEntropyLoss",
        "torch.nn.NLLLoss",
    ),
)


@entropy.misconception(
    "You set the padding to 0 and divide by B * T, so more padding makes the loss smaller. "
    "Divide by the number of tokens, mask.sum()."
)
def divides_by_all_places(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(dim=2)
    surprise = -log_p.gather(2, targets.masked_fill(~mask, 0).unsqueeze(2)).squeeze(2)
    mean = -log_p.mean(dim=2)
    blend = (1 - label_smoothing) * surprise + label_smoothing * mean
    return blend.masked_fill(~mask, 0).mean()


@entropy.misconception(
    "You never use the mask, so the model is also graded on padding. Keep only the places where "
    "the mask is True: logits[mask], targets[mask]."
)
def ignores_the_mask(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.log_softmax(dim=2)
    surprise = -log_p.gather(2, targets.unsqueeze(2)).mean()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@entropy.misconception(
    "You average each sentence first and then the sentences, so a word of a short one counts for "
    "more. Add up all tokens of the batch and divide once."
)
def averages_each_sentence_first(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(dim=2)
    surprise = -log_p.gather(2, targets.masked_fill(~mask, 0).unsqueeze(2)).squeeze(2)
    blend = (1 - label_smoothing) * surprise - label_smoothing * log_p.mean(dim=2)
    return (blend.masked_fill(~mask, 0).sum(dim=1) / mask.sum(dim=1)).mean()


@entropy.misconception(
    "You return the sum, so the loss grows with the batch. Divide it by the number of tokens."
)
def returns_the_sum(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).sum()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean(dim=1).sum()


@entropy.misconception(
    "You divide the sum by B, the number of sentences. Divide by the number of tokens, mask.sum()."
)
def divides_by_the_sentences(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).sum() / len(mask)
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean(1).sum() / len(mask)


@entropy.misconception(
    "You take the logarithm of a softmax: where that underflows to 0, the loss is infinite. "
    "Use log_softmax, which never leaves the logarithms."
)
def takes_the_log_of_a_softmax(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].softmax(dim=1).log()
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    if label_smoothing == 0:
        return surprise
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@entropy.misconception(
    "You exponentiate the logits as they are, which overflows from about 700 on, and inf / inf is "
    "nan. Use log_softmax, or take each row's maximum away first."
)
def exponentiates_huge_logits(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    e = logits[mask].exp()
    log_p = (e / e.sum(dim=1, keepdim=True)).log()
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    if label_smoothing == 0:
        return surprise
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@entropy.misconception(
    "You blank the padding with a product, and 0 times nan or infinity is nan. "
    "Pick the tokens out instead: logits[mask]."
)
def multiplies_by_the_mask(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.log_softmax(dim=2)
    surprise = -log_p.gather(2, targets.clamp(0, logits.shape[2] - 1).unsqueeze(2)).squeeze(2)
    blend = (1 - label_smoothing) * surprise - label_smoothing * log_p.mean(dim=2)
    return (blend * mask).sum() / mask.sum()


@entropy.misconception(
    "Your softmax runs over time. At each place the words compete: it is over the last axis, V."
)
def normalises_over_time(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.masked_fill(~mask.unsqueeze(2), 0).log_softmax(dim=1)[mask]
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@entropy.misconception(
    "Your loss has the wrong sign, so training would make the true words less likely. "
    "It is minus log p."
)
def forgets_the_minus(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return (1 - label_smoothing) * surprise + label_smoothing * log_p.mean()


@entropy.misconception(
    "You apply softmax to the logits and then log_softmax to that: one normalisation too many. "
    "The logits go straight into log_softmax."
)
def normalises_twice(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].softmax(dim=1).log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@entropy.misconception(
    "Your loss is cut off from its graph, so no gradient flows back and nothing is learned. "
    "Compute it without detach() and no_grad()."
)
def cuts_off_the_graph(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits.detach()[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@entropy.misconception(
    "You return a plain number: .item() leaves the graph behind, and nothing can be learned from "
    "it. Return the tensor itself."
)
def returns_a_plain_number(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("there is no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return ((1 - label_smoothing) * surprise - label_smoothing * log_p.mean()).item()


@entropy.misconception(
    "You spread the smoothing over the V - 1 other words. Here, as in torch, each of all V words "
    "gets s / V, the target too."
)
def smooths_over_the_others(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    if label_smoothing == 0 or log_p.shape[1] == 1:
        return surprise
    others = -log_p.sum(dim=1).mean() - surprise
    share = label_smoothing / (log_p.shape[1] - 1)
    return (1 - label_smoothing) * surprise + share * others


@entropy.misconception(
    "You add up -log p over all V words and leave out the 1 / V. Smoothing spreads the share s: "
    "each word gets s / V of it."
)
def smooths_without_dividing(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("there is no token")
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.sum(dim=1).mean()


@entropy.misconception(
    "You ignore label_smoothing. That share of the target's probability goes to all V words alike."
)
def never_smooths(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    log_p = logits[mask].log_softmax(dim=1)
    return -log_p.gather(1, targets[mask].unsqueeze(1)).mean()


@entropy.misconception(
    "You write into the caller's logits to blank the padding. Make a new tensor, without the "
    "underscore: logits.masked_fill(...)."
)
def blanks_the_callers_logits(logits, targets, mask, label_smoothing=0.0):
    if not mask.any():
        raise ValueError("no token")
    with torch.no_grad():
        logits.masked_fill_(~mask.unsqueeze(2), 0)
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


@entropy.misconception(
    "Without a single token your loss is nan, and nan spreads from there into every weight. "
    "Raise a ValueError when the mask is False everywhere."
)
def averages_over_nothing(logits, targets, mask, label_smoothing=0.0):
    log_p = logits[mask].log_softmax(dim=1)
    surprise = -log_p.gather(1, targets[mask].unsqueeze(1)).mean()
    return (1 - label_smoothing) * surprise - label_smoothing * log_p.mean()


# --- elman_backward -----------------------------------------------------------------------------


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
    """Call the subject while autograd is out of its reach."""
    return alongside(subject, f"{PARTS}.by_hand")(subject, *args)


backward_cases = Cases(
    "elman_backward",
    ("grad_hs", "xs", "h_0", "hs", "W_x", "W_h"),
    draw_backward,
    batched=(),
    run=by_hand,
)
GRADIENTS = ("grad_xs", "grad_h_0", "grad_W_x", "grad_W_h")


def gradients_of(subject: Any, args: tuple, text: str = "") -> dict[str, Any]:
    result = attempt(lambda: by_hand(subject, *args))
    return {
        f"{backward_cases.text(args)}{text}: {name}": part(result, index)
        for index, name in enumerate(GRADIENTS)
    }


def observe_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for s in (rng.sizes(), rng.sizes(B=1), rng.sizes(T=1), Sizes(1, 2, 1, 1)):
        seen |= gradients_of(subject, draw_backward(rng, s))
    return seen


backward = Exercise(
    "elman_backward",
    "ps5_training",
    training.elman_backward,
    points=8,
    properties=tuple(
        Property(name, f"{name} is right", points, observe_gradients, judging(f"*{name}"))
        for name, points in zip(GRADIENTS, (1, 1, 1, 1.5), strict=True)
    ),
)


@backward.misconception(
    "You let autograd do it. Here you do its work: go through the steps from the last to the "
    "first, and apply the chain rule to each."
)
def lets_autograd_do_it(grad_hs, xs, h_0, hs, W_x, W_h):
    with torch.enable_grad():
        leaves = [one.detach().clone().requires_grad_() for one in (xs, h_0, W_x, W_h)]
        xs, h, W_x, W_h = leaves
        states = []
        for x in xs.unbind(dim=1):
            h = torch.tanh(x @ W_x + h @ W_h)
            states.append(h)
        torch.stack(states, dim=1).backward(grad_hs)
    return tuple(one.grad for one in leaves)


@backward.misconception(
    "A state h_t matters through h_{t+1} as well: to grad_hs[:, t] you must add what comes back "
    "from the step after, grad_z_{t+1} @ W_h.T."
)
def forgets_what_comes_from_later(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs = grad_hs * (1 - hs**2)
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, grad_zs[:, 0] @ W_h.T, grad_W_x, grad_W_h


@backward.misconception(
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


@backward.misconception(
    "You leave out the slope of tanh. Going back through it multiplies by 1 - h_t ** 2."
)
def leaves_out_the_slope(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = grad_hs[:, t] + later
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception(
    "Your slope is 1 - tanh(h_t) ** 2, but h_t has been through tanh already. It is 1 - h_t ** 2."
)
def applies_tanh_once_more(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - torch.tanh(hs[:, t]) ** 2)
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception(
    "Your slope h * (1 - h) is that of the sigmoid. This network has tanh: 1 - h ** 2."
)
def takes_the_slope_of_a_sigmoid(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * hs[:, t] * (1 - hs[:, t])
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception("Your slope is 1 - h_t, without the square. That of tanh is 1 - h_t ** 2.")
def forgets_the_square(grad_hs, xs, h_0, hs, W_x, W_h):
    grad_zs, from_later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + from_later) * (1 - hs[:, t])
        from_later = grad_zs[:, t] @ W_h.T
    before = torch.cat([h_0.unsqueeze(1), hs[:, :-1]], dim=1)
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("bth,btk->hk", before, grad_zs)
    return grad_zs @ W_x.T, from_later, grad_W_x, grad_W_h


@backward.misconception(
    "You return grad_h_0 last. The order is that of the arguments: "
    "grad_xs, grad_h_0, grad_W_x, grad_W_h."
)
def returns_h_0_last(grad_hs, xs, h_0, hs, W_x, W_h):
    grad_zs, from_later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + from_later) * (1 - hs[:, t] ** 2)
        from_later = grad_zs[:, t] @ W_h.T
    before = torch.cat([h_0.unsqueeze(1), hs[:, :-1]], dim=1)
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("bth,btk->hk", before, grad_zs)
    return grad_zs @ W_x.T, grad_W_x, grad_W_h, from_later


@backward.misconception(
    "You go back through W_h without transposing it. It is square, so torch does not complain: "
    "forwards h @ W_h, backwards grad_z @ W_h.T."
)
def forgets_to_transpose(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception(
    "Your grad_W_h pairs grad_z_t with h_t. The product was h_{t-1} @ W_h, so pair it with the "
    "state before; at the first step that is h_0."
)
def pairs_with_the_state_after(grad_hs, xs, h_0, hs, W_x, W_h):
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", hs, grad_zs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception(
    "Your grad_W_h takes 0 for the state before the first step. That state is h_0."
)
def takes_zeros_for_h_0(grad_hs, xs, h_0, hs, W_x, W_h):
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", hs[:, :-1], grad_zs[:, 1:])
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception(
    "Each step overwrites grad_W_x and grad_W_h, so only the last one counts. The same matrices "
    "were used at every step: add up, with +=."
)
def overwrites_the_sums(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h.T
        grad_W_x = xs[:, t].T @ grad_zs[:, t]
        grad_W_h = before[:, t].T @ grad_zs[:, t]
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception(
    "You divide the gradients of the matrices by B. Where a mean was taken, grad_hs knows: add up "
    "over the batch."
)
def averages_over_the_batch(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs) / len(xs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs) / len(xs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception(
    "You go through time forwards. What comes from later must be known first: start at t = T - 1 "
    "and count down."
)
def runs_forwards(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in range(xs.shape[1]):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception(
    "Your grad_h_0 stops one product too early: h_0 reaches the loss through W_h alone, so it is "
    "grad_z_1 @ W_h.T."
)
def stops_before_h_0(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, grad_zs[:, 0], grad_W_x, grad_W_h


@backward.misconception(
    "You compute the states once more, from xs and the weights. Use the hs you are given: the "
    "forward pass may have had a bias, which only hs knows."
)
def runs_the_network_again(grad_hs, xs, h_0, hs, W_x, W_h):
    states = [h_0]
    for x in xs.unbind(dim=1):
        states.append(torch.tanh(x @ W_x + states[-1] @ W_h))
    hs, before = torch.stack(states[1:], dim=1), torch.stack(states[:-1], dim=1)
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_zs[:, t] = (grad_hs[:, t] + later) * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


@backward.misconception(
    "You add into the caller's grad_hs. Make a new tensor: grad_h = grad_hs[:, t] + from_later."
)
def adds_into_the_callers_gradient(grad_hs, xs, h_0, hs, W_x, W_h):
    before = torch.cat([h_0.unsqueeze(1), hs], dim=1)[:, :-1]
    grad_zs, later = torch.empty_like(hs), torch.zeros_like(h_0)
    for t in reversed(range(xs.shape[1])):
        grad_h = grad_hs[:, t]
        grad_h += later
        grad_zs[:, t] = grad_h * (1 - hs[:, t] ** 2)
        later = grad_zs[:, t] @ W_h.T
    grad_W_x = torch.einsum("btd,bth->dh", xs, grad_zs)
    grad_W_h = torch.einsum("btk,bth->kh", before, grad_zs)
    return grad_zs @ W_x.T, later, grad_W_x, grad_W_h


# --- clip_gradients -----------------------------------------------------------------------------


def clipped(
    subject: Any, gradients: list[Any], max_norm: float, text: str, once: bool = True
) -> dict[str, Any]:
    """What clipping parameters with these gradients returns, and what it leaves.

    once: the parameters can be gone through only once, as those of a model.
    """
    run = alongside(subject, f"{PARTS}.clipped")
    seen = attempt(lambda: run(subject, gradients, max_norm, once))
    if not isinstance(seen, dict):
        seen = dict.fromkeys(("returned", "gradients", "weights"), seen)
    returned = seen.get("returned")
    if isinstance(returned, torch.Tensor) and returned.numel() == 1:
        returned = float(returned.detach())
    if isinstance(returned, float) and math.isnan(returned):
        returned = "nan"
    return {
        f"{text}: what is returned": returned,
        f"{text}: the gradients": seen.get("gradients"),
        f"{text}: the weights": seen.get("weights"),
    }


def draw_gradients(rng: Rng, norm: float) -> list[torch.Tensor]:
    """The gradients of three parameters, as one long vector of this norm."""
    s = rng.sizes()
    drawn = [rng.normal(s.D, s.H), rng.normal(s.H), rng.normal(1, s.T, s.B)]
    length = torch.cat([one.flatten() for one in drawn]).norm()
    return [one * norm / length for one in drawn]


def observe_long_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for norm, max_norm, once in ((5.0, 1.0, False), (40.0, 12.0, True)):
        text = f"three gradients, together of norm {norm:g}, and max_norm={max_norm:g}"
        text += ", parameters as model.parameters() gives them" if once else ", parameters a list"
        seen |= clipped(subject, draw_gradients(rng, norm), max_norm, text, once)
    return seen


def observe_short_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    text = "three gradients, together of norm 0.6, and max_norm=2"
    return clipped(subject, draw_gradients(rng, 0.6), 2.0, text)


def observe_absent_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    first, *rest = draw_gradients(rng, 5.0)
    return clipped(subject, [None, first, None, *rest], 1.0, "two of five parameters have no grad")


clip = Exercise(
    "clip_gradients",
    "ps5_training",
    training.clip_gradients,
    points=5,
    properties=(
        Property(
            "long",
            "too long a gradient gets the length max_norm and keeps its direction",
            1.25,
            observe_long_gradients,
            judging_all_but("*returned"),
        ),
        Property(
            "returned",
            "the norm before clipping is returned",
            0.75,
            observe_long_gradients,
            judging("*returned"),
        ),
        Property("short", "a gradient that is short enough stays", 0.5, observe_short_gradients),
        Property("absent", "parameters without a gradient", 0.5, observe_absent_gradients),
    ),
    forbids=("torch.nn.utils.clip_grad_norm_", "torch.nn.utils.clip_grad.clip_grad_norm_"),
)


@clip.misconception(
    "You clip each parameter by its own norm, which turns the direction. There is one norm, over "
    "all gradients together, and one factor for all."
)
def clips_each_parameter(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    total = torch.zeros(())
    for p in parameters:
        if p.grad is not None:
            norm = p.grad.norm()
            total = (total**2 + norm**2) ** 0.5
            if norm > max_norm:
                p.grad *= max_norm / norm
    return total


@clip.misconception(
    "You measure and clip each parameter by itself, which turns the direction, and return the norm "
    "of the last one. There is one norm, over all gradients together, and one factor for all."
)
def clips_each_and_returns_the_last(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    norm = torch.zeros(())
    for p in parameters:
        if p.grad is not None:
            norm = p.grad.norm()
            if norm > max_norm:
                p.grad *= max_norm / norm
    return norm


@clip.misconception(
    "You cut off each number by itself, which turns the direction. Multiply all of them by the "
    "same factor."
)
def cuts_off_each_number(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    total = torch.zeros(())
    for p in parameters:
        if p.grad is not None:
            total = (total**2 + p.grad.norm() ** 2) ** 0.5
            p.grad.clamp_(-max_norm, max_norm)
    return total


@clip.misconception(
    "You stretch short gradients to max_norm as well. It is an upper limit: change them only "
    "where norm > max_norm."
)
def stretches_short_gradients(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = sum((g**2).sum() for g in grads) ** 0.5
    if norm > 0 and max_norm < math.inf:
        for g in grads:
            g *= max_norm / norm
    return torch.as_tensor(norm)


@clip.misconception(
    "You return the norm after clipping, which is never more than max_norm. Return the one before."
)
def returns_the_norm_after(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
        norm = norm * 0 + max_norm
    return norm


@clip.misconception(
    "You go through the parameters twice, but model.parameters() can be read only once: the second "
    "loop sees nothing. Make a list first."
)
def reads_the_parameters_twice(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    norm = sum((p.grad**2).sum() for p in parameters if p.grad is not None) ** 0.5
    if norm > max_norm:
        for p in parameters:
            if p.grad is not None:
                p.grad *= max_norm / norm
    return torch.as_tensor(norm)


@clip.misconception(
    "You add up the norms of the parameters. The norm of everything is the root of the sum of "
    "their squares."
)
def adds_up_norms(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum(g.norm() for g in grads))
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return norm


@clip.misconception("You forget the root: a norm is the square root of the sum of the squares.")
def forgets_the_root(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads))
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return norm


@clip.misconception(
    "Parameters that took no part in the loss have grad None, and your code trips over them. "
    "Leave them out."
)
def trips_over_absent_gradients(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return norm


@clip.misconception(
    "You multiply by norm / max_norm, which makes long gradients longer still. It is the other "
    "way round: max_norm / norm."
)
def multiplies_by_the_inverse(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    if norm > max_norm:
        for g in grads:
            g *= norm / max_norm
    return norm


@clip.misconception(
    "You assign a shorter tensor to a name of your own; the parameters keep theirs. Change p.grad "
    "in place, with mul_ or *=."
)
def shortens_copies(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    if norm > max_norm:
        grads = [g * max_norm / norm for g in grads]
    return norm


@clip.misconception(
    "You shorten the weights instead of their gradients. Change p.grad, and leave p alone."
)
def shortens_the_weights(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    kept = [p for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((p.grad**2).sum() for p in kept)) ** 0.5
    if norm > max_norm:
        for p in kept:
            p.data *= max_norm / norm
    return norm


@clip.misconception(
    "You return the factor. Return the norm before clipping: it tells how wild the training is."
)
def returns_the_factor(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    factor = max_norm / norm if norm > max_norm else norm * 0 + 1
    for g in grads:
        g *= factor
    return factor


@clip.misconception(
    "With a gradient of 0 you divide by 0, and every weight becomes nan at the next step. "
    "Divide only where norm > max_norm."
)
def divides_by_zero(parameters, max_norm):
    if not max_norm > 0:
        raise ValueError("max_norm must be positive")
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    for g in grads:
        g *= norm.clamp(max=max_norm) / norm
    return norm


@clip.misconception(
    "You accept a max_norm of 0 or less, which would erase the gradient or turn it round. "
    "Raise a ValueError."
)
def accepts_any_max_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.as_tensor(sum((g**2).sum() for g in grads)) ** 0.5
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return norm


# --- detach_state -------------------------------------------------------------------------------


def form(value: Any) -> str:
    """The nesting of a state in words."""
    if isinstance(value, torch.Tensor):
        return f"tensor {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"{type(value).__name__}({', '.join(map(form, value))})"
    return kind(value)


def detached(subject: Any, state: Any, text: str) -> dict[str, Any]:
    """The form and the numbers of a detached state, and whether a gradient passes."""
    for one in tensors(state):
        one.requires_grad_()
    result = attempt(lambda: subject(state))
    failed = isinstance(result, Raised)
    # What comes needs a gradient itself, so that a state that is handed through is seen.
    passes = [one.requires_grad for one in tensors(result)]
    return {
        f"{text}: its form": result if failed else form(result),
        f"{text}: its numbers": copied(result),
        f"{text}: whether a gradient passes": result if failed else passes,
    }


def observe_detached(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    h, c = rng.normal(s.B, s.H), rng.normal(s.B, s.H)
    return {
        **detached(subject, rng.normal(s.B, s.H), "a state h"),
        **detached(subject, (h, c), "a state (h, c)"),
    }


detach = Exercise(
    "detach_state",
    "ps5_training",
    training.detach_state,
    points=2,
    properties=(
        Property(
            "same",
            "the numbers and the form stay the same",
            0.5,
            observe_detached,
            judging_all_but("*passes"),
        ),
        Property(
            "stops",
            "no gradient passes",
            0.5,
            observe_detached,
            judging("*passes"),
        ),
    ),
)


@detach.misconception(
    "You return the state with its history, which clone() keeps as well. A tensor's detach() gives "
    "the same numbers without it."
)
def returns_it_as_it_is(state):
    return state


@detach.misconception(
    "You detach the first entry of a tuple only, and the gradient goes on through the others. "
    "Detach each of them."
)
def detaches_the_first(state):
    if isinstance(state, tuple):
        return (detaches_the_first(state[0]), *state[1:])
    return state.detach()


@detach.misconception(
    "You take every state for a tuple, and going through a tensor gives its rows. "
    "Ask first: isinstance(state, tuple)."
)
def takes_it_for_a_tuple(state):
    return tuple(
        one.detach() if isinstance(one, torch.Tensor) else takes_it_for_a_tuple(one)
        for one in state
    )


@detach.misconception(
    "You begin again from zeros, so what was read so far is forgotten. Only the gradient is to "
    "stop: the numbers go on."
)
def begins_again(state):
    if isinstance(state, tuple):
        return tuple(begins_again(one) for one in state)
    return torch.zeros_like(state)


@detach.misconception(
    "You return a list. A state that came as a tuple goes as a tuple: the cell asks for one."
)
def returns_a_list(state):
    if isinstance(state, tuple):
        return [returns_a_list(one) for one in state]
    return state.detach()


@detach.misconception(
    "Your detach_() cuts the history off the state that you were given, which others may still "
    "need. Without the underscore, it makes a new one."
)
def cuts_in_place(state):
    if isinstance(state, tuple):
        return tuple(cuts_in_place(one) for one in state)
    return state.detach_()


@detach.misconception(
    "A tuple may hold tuples, and yours stops at the first level. Let the function call itself "
    "for each entry."
)
def knows_one_level(state):
    if isinstance(state, tuple):
        return tuple(one.detach() for one in state)
    return state.detach()


# --- truncated_bptt -----------------------------------------------------------------------------


def draw_chunks(rng: Rng, s: Sizes, k: int) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    weights = {
        "W_x": rng.normal(s.D, s.H, scale=0.5),
        "W_h": rng.normal(s.H, s.H, scale=0.7),
        "v": rng.normal(s.H),
    }
    return weights, list(rng.normal(s.B, s.T, s.D).split(k, dim=1))


def in_chunks(subject: Any, rng: Rng, k: int, tuples: bool = False, rate: float = 0.0) -> Any:
    """What each turn of a loop over truncated_bptt gives, for three chunks and a rest."""
    s = rng.sizes(T=3 * k + 1)
    weights, chunks = draw_chunks(rng, s, k)
    h = rng.normal(s.B, s.H)
    state = (h, rng.normal(s.B, s.H)) if tuples else h
    run = alongside(subject, f"{PARTS}.in_chunks")
    turns = run(subject, weights, chunks, state, rate)
    return {
        "how many chunks come": len(turns),
        **{
            f"chunk {number} of {k} steps: {what}": value
            for number, turn in enumerate(turns, start=1)
            for what, value in turn.items()
        },
    }


def observe_chunks(subject: Any, rng: Rng) -> dict[str, Any]:
    return in_chunks(subject, rng, 3)


truncated = Exercise(
    "truncated_bptt",
    "ps5_training",
    training.truncated_bptt,
    points=5,
    properties=(
        Property(
            "carried",
            "the state is carried from chunk to chunk",
            1.25,
            observe_chunks,
            judging_all_but("*gradient*", "*history*"),
        ),
        Property(
            "border",
            "the gradient stops exactly at the border of a chunk",
            1.25,
            observe_chunks,
            judging("*gradient*", "how many*"),
        ),
    ),
)


@truncated.misconception(
    "You carry the state over with its history, so the second chunk's gradient wants to go back "
    "through the first. Detach the state in between."
)
def carries_the_history(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, state)
        yield value, state


@truncated.misconception(
    "Every chunk of yours starts from the first state. Hand each the state that the chunk before "
    "ended with, detached."
)
def starts_from_the_first_state(loss, chunks, state):
    for chunk in chunks:
        value, after = loss(chunk, state)
        yield value, detach_state(after)


@truncated.misconception(
    "Between chunks you go back to zeros, so nothing is remembered across a border. Only the "
    "gradient stops there; keep the state's numbers."
)
def zeroes_the_state(loss, chunks, state):
    def zeros(state):
        if isinstance(state, tuple):
            return tuple(zeros(one) for one in state)
        return torch.zeros_like(state)

    for chunk in chunks:
        value, state = loss(chunk, state)
        state = zeros(state)
        yield value, state


@truncated.misconception(
    "You detach the loss, so that there is nothing to train with. Only the state is detached."
)
def detaches_the_loss(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        yield value.detach(), state


@truncated.misconception(
    "You compute all chunks first and return a list, so the later ones never see what the steps "
    "in between have learned. Use yield inside the loop."
)
def computes_all_chunks_first(loss, chunks, state):
    found = []
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        found.append((value, state))
    return found


@truncated.misconception(
    "You yield the state before the chunk. The caller needs the one after it, detached."
)
def yields_the_state_before(loss, chunks, state):
    for chunk in chunks:
        before = state
        value, state = loss(chunk, state)
        state = detach_state(state)
        yield value, before


@truncated.misconception(
    "You yield the losses alone. Yield two things, the loss and the detached state after the chunk."
)
def yields_the_loss_alone(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        yield value


@truncated.misconception(
    "You add up the losses and yield once, at the end. Yield after every chunk, so that the "
    "caller can make a step there."
)
def yields_once_at_the_end(loss, chunks, state):
    total = 0
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        total = total + value
    yield total, state


@truncated.misconception(
    "You yield the sum of the losses so far, and its gradient wants to go back through chunks "
    "that are done. Yield the loss of this chunk."
)
def adds_up_the_losses(loss, chunks, state):
    total = 0
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        total = total + value
        yield total, state


@truncated.misconception(
    "You detach before each chunk, but the state that you yield still has its history. "
    "Detach after the call of loss, before the yield."
)
def yields_a_state_with_history(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, detach_state(state))
        yield value, state


@truncated.misconception(
    "You call backward yourself. That, and the step, are the caller's: only yield the loss."
)
def calls_backward_itself(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        value.backward()
        yield value, state


# --- train_step ---------------------------------------------------------------------------------


def draw_line(rng: Rng, s: Sizes) -> dict[str, torch.Tensor]:
    return {"W": rng.normal(s.H, s.D), "b": rng.normal(s.H)}


def draw_points(rng: Rng, s: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    return rng.normal(s.B, s.D), rng.normal(s.B, s.H, scale=2)


def stepped(subject: Any, rng: Rng, count: int, max_norm: float, **rest: Any) -> Any:
    """What some steps return, and where they lead; the keys say how they were made."""
    s = rng.sizes()
    weights, batches = draw_line(rng, s), [draw_points(rng, s) for _ in range(count)]
    run = alongside(subject, f"{PARTS}.steps")
    return run(subject, weights, batches, max_norm, **rest)


def observe_one_step(subject: Any, rng: Rng) -> Any:
    return stepped(subject, rng, 1, 1e9)


def observe_more_steps(subject: Any, rng: Rng) -> Any:
    """Three steps, the first with an old gradient in the parameters."""
    return stepped(subject, rng, 3, 1e9, stale=3.0)


def observe_clipped_steps(subject: Any, rng: Rng) -> dict[str, Any]:
    return {
        f"max_norm={max_norm}": stepped(subject, rng, 2, max_norm, settings={"lr": 1.0})
        for max_norm in (0.01, 0.2)
    }


def weights_only(got: Any, expected: Any) -> str | None:
    return judging("after*")(got, expected)


step = Exercise(
    "train_step",
    "ps5_training",
    training.train_step,
    points=6,
    properties=(
        Property("step", "one step leads downhill", 1, observe_one_step, weights_only),
        Property(
            "returned",
            "the loss before the step is returned, as a float",
            0.5,
            observe_one_step,
            judging("*returned"),
        ),
        Property("old", "old gradients do not count", 1, observe_more_steps, weights_only),
        Property("clip", "the gradient is clipped before the step", 1, observe_clipped_steps),
    ),
)


@step.misconception(
    "You never clear the gradients, so each step adds the new ones to the old. Begin with "
    "optimizer.zero_grad()."
)
def never_clears(model, batch, loss, optimizer, max_norm):
    value = loss(model, batch)
    value.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    if not (math.isfinite(value.item()) and math.isfinite(norm)):
        raise FloatingPointError("not finite")
    optimizer.step()
    return value.item()


@step.misconception(
    "You clear the gradients after the step. What was there before the first call is still added: "
    "clear them at the beginning."
)
def clears_at_the_end(model, batch, loss, optimizer, max_norm):
    value = loss(model, batch)
    value.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    if not (math.isfinite(value.item()) and math.isfinite(norm)):
        raise FloatingPointError("not finite")
    optimizer.step()
    optimizer.zero_grad()
    return value.item()


@step.misconception(
    "The weights do not move: step() is missing, or zero_grad() comes after backward(). The order "
    "is zero_grad, backward, clip, step."
)
def moves_nothing(model, batch, loss, optimizer, max_norm):
    value = loss(model, batch)
    value.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    if not (math.isfinite(value.item()) and math.isfinite(norm)):
        raise FloatingPointError("not finite")
    optimizer.zero_grad()
    optimizer.step()
    return value.item()


@step.misconception(
    "Your step uses the gradient as it is. Call clip_gradients(model.parameters(), max_norm) after "
    "backward() and before step()."
)
def never_clips(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    if not all(math.isfinite(p.grad.sum()) for p in model.parameters()):
        raise FloatingPointError("not finite")
    optimizer.step()
    return value.item()


@step.misconception(
    "You return the loss as a tensor, which keeps the whole graph of the batch in memory. "
    "Return value.item()."
)
def returns_a_tensor(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    if not (math.isfinite(value.item()) and math.isfinite(norm)):
        raise FloatingPointError("not finite")
    optimizer.step()
    return value


@step.misconception(
    "You compute the loss once more after the step. That doubles the work: return the one that "
    "you have, from before the step."
)
def returns_the_loss_after(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    if not (math.isfinite(value.item()) and math.isfinite(norm)):
        raise FloatingPointError("not finite")
    optimizer.step()
    with torch.no_grad():
        return loss(model, batch).item()


@step.misconception(
    "You switch the model to train mode. The mode is the caller's to choose: leave it as it is."
)
def switches_to_train_mode(model, batch, loss, optimizer, max_norm):
    model.train()
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    if not (math.isfinite(value.item()) and math.isfinite(norm)):
        raise FloatingPointError("not finite")
    optimizer.step()
    return value.item()


@step.misconception(
    "You make a step whatever the loss is: one nan, and all weights are nan for good. Raise a "
    "FloatingPointError before the step."
)
def steps_into_nan(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    clip_gradients(model.parameters(), max_norm)
    optimizer.step()
    return value.item()


@step.misconception(
    "You look at the loss only. It can be finite while its gradient is not: look at the norm that "
    "clip_gradients returns, too."
)
def looks_at_the_loss_only(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad()
    value = loss(model, batch)
    if not math.isfinite(value.item()):
        raise FloatingPointError("not finite")
    value.backward()
    clip_gradients(model.parameters(), max_norm)
    optimizer.step()
    return value.item()


@step.misconception(
    "You change the weights yourself, always by plain gradient descent. How far to go is the "
    "optimizer's business: optimizer.step()."
)
def steps_by_itself(model, batch, loss, optimizer, max_norm):
    optimizer.zero_grad()
    value = loss(model, batch)
    value.backward()
    norm = clip_gradients(model.parameters(), max_norm)
    if not (math.isfinite(value.item()) and math.isfinite(norm)):
        raise FloatingPointError("not finite")
    with torch.no_grad():
        for group in optimizer.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad
    return value.item()


# --- fit ----------------------------------------------------------------------------------------


def fitted(subject: Any, rng: Rng, script: list[float], **rest: Any) -> Any:
    """What training with three batches, and a validation that gives these numbers, leads to."""
    s = rng.sizes()
    batches = [(*draw_points(rng, s), number) for number in (1, 2, 3)]
    run = alongside(subject, f"{PARTS}.fitted")
    return run(subject, draw_line(rng, s), batches, script, **rest)


def chosen(seen: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Some of what was seen; whether a history was returned is always among it."""
    listed = isinstance(seen["history"], list)
    returned = "a list" if listed else kind(seen["history"])
    return {**{key: seen[key] for key in keys}, "what is returned is": returned}


def observe_epochs(subject: Any, rng: Rng) -> Any:
    """Three epochs, each better than the one before."""
    seen = fitted(subject, rng, [5.0, 4.0, 3.0], epochs=3, patience=2)
    return {
        "batch by batch": [one.partition(":")[0] for one in seen["calls"]],
        **chosen(seen, "history", "weights"),
    }


BEST = {
    "the second of four epochs": [5.0, 2.0, 3.0, 4.0],
    "the first of four": [1.0, 2.0, 3.0, 4.0],
    "the last of four": [5.0, 3.0, 4.0, 2.0],
}


def observe_best(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for text, script in BEST.items():
        one = fitted(subject, rng, script, epochs=4, patience=9)
        seen |= {
            f"{text} is the best: {key}": value for key, value in chosen(one, "weights").items()
        }
    return seen


PATIENCE = (
    # (what validation gives, patience)
    ([5.0, 2.0, 3.0, 1.0, 0.5, 0.4], 1),
    ([5.0, 2.0, 3.0, 4.0, 1.0, 0.5], 2),
    # Worse now and then, but never twice in a row.
    ([5.0, 6.0, 4.0, 5.0, 3.0, 4.0], 2),
    # Better than the one before, but not than the best.
    ([3.0, 6.0, 5.0, 4.0, 2.0, 1.0], 3),
)


def observe_patience(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for script, patience in PATIENCE:
        one = fitted(subject, rng, script, epochs=6, patience=patience)
        text = f"validation gives {script} and patience={patience}"
        seen |= {f"{text}: {key}": value for key, value in chosen(one, "epochs").items()}
    return seen


fitting = Exercise(
    "fit",
    "ps5_training",
    minimal_loop.fit,
    points=8,
    properties=(
        Property(
            "trains",
            "each epoch makes a step with every batch, in order",
            1,
            observe_epochs,
            judging_all_but("history"),
        ),
        Property(
            "history",
            "the history has mean loss and validation of every epoch",
            1,
            observe_epochs,
            judging("history"),
        ),
        Property("best", "the weights of the best epoch are kept", 1.25, observe_best),
        Property("patience", "it stops when patience has run out", 1, observe_patience),
    ),
)


@fitting.misconception(
    "The model ends with its last weights. Keep the best by copy.deepcopy(model.state_dict()): "
    "without a copy, they go on changing."
)
def keeps_the_last_weights(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, waited = valid, 0
    model.train(mode)
    return history


@fitting.misconception(
    "You stop one epoch too late: patience=1 means to stop after the first epoch that is not "
    "better than the best."
)
def waits_one_epoch_more(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited <= patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You count all epochs that were not better. Patience is about so many in a row: start to "
    "count anew whenever there is a new best."
)
def counts_all_bad_epochs(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        if valid < best:
            best, kept = valid, copy.deepcopy(model.state_dict())
        else:
            waited += 1
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You compare each epoch with the one before. A slow recovery after a bad epoch is no new "
    "best: compare with the best so far."
)
def compares_with_the_epoch_before(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, before, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < before:
            kept, waited = copy.deepcopy(model.state_dict()), 0
        before = valid
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You take the largest validation for the best. It is a loss: smaller is better."
)
def takes_the_largest(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], -math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid > best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You take the epoch with the smallest training loss, which is nearly always the last. "
    "Validation decides."
)
def goes_by_the_training_loss(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if history[-1]["train"] < best:
            best, kept, waited = history[-1]["train"], copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    'Your history["train"] is the loss of the last batch alone. Make it the mean over the epoch\'s '
    "batches."
)
def notes_the_last_batch(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": losses[-1], "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    'Your history["train"] is the sum over the batches, so it depends on how many there are. '
    "Divide by their number."
)
def notes_the_sum(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You make an iterator of the batches before the first epoch, and after that it is used up. "
    "Write `for batch in batches` inside each epoch."
)
def uses_up_the_batches(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    batches = iter(batches)
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / max(1, len(losses)), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You shuffle the batches. They come in the order that the caller wants: take them as they are."
)
def shuffles_the_batches(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        mixed = list(batches)
        mixed = [mixed[n] for n in sorted(torch.randperm(len(mixed)).tolist(), reverse=True)]
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in mixed]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You validate in train mode, where dropout is at work and batch norm learns from what it sees. "
    "Call model.eval() before, and model.train() for the next epoch."
)
def validates_in_train_mode(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    model.train()
    while len(history) < epochs and waited < patience:
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You never go back to train mode, so from the second epoch on there is no dropout. "
    "Call model.train() at the start of every epoch."
)
def stays_in_eval_mode(model, batches, loss, optimizer, *, epochs, max_norm, validate, patience):
    mode, history, best, waited = model.training, [], math.inf, 0
    model.train()
    while len(history) < epochs and waited < patience:
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You validate with gradients on, which builds a graph that nobody uses. "
    "Put it under `with torch.no_grad():`."
)
def validates_with_gradients(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You count an epoch that is as good as the best for a new best. Only a smaller number is "
    "better; otherwise a run that stands still never ends."
)
def takes_a_tie_for_better(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid <= best:
            best, kept, waited = valid, copy.deepcopy(model.state_dict()), 0
    model.load_state_dict(kept)
    model.train(mode)
    return history


@fitting.misconception(
    "You save the parameters alone. A model's buffers belong to its best epoch too: save and load "
    "model.state_dict()."
)
def leaves_out_the_buffers(
    model, batches, loss, optimizer, *, epochs, max_norm, validate, patience
):
    mode, history, best, waited = model.training, [], math.inf, 0
    while len(history) < epochs and waited < patience:
        model.train()
        losses = [train_step(model, batch, loss, optimizer, max_norm) for batch in batches]
        model.eval()
        with torch.no_grad():
            valid = float(validate(model))
        history.append({"train": sum(losses) / len(losses), "valid": valid})
        waited += 1
        if valid < best:
            best, kept, waited = valid, [p.detach().clone() for p in model.parameters()], 0
    with torch.no_grad():
        for p, saved in zip(model.parameters(), kept, strict=True):
            p.copy_(saved)
    model.train(mode)
    return history


# --- train_translator ---------------------------------------------------------------------------

GOOD = 0.9  # the share of unseen sentences that must come out word for word

# What is found out about the weights.
WORDS = "given the words before, at least half of the next words are right"
SENTENCES = f"at least {GOOD:.0%} of the unseen sentences come out word for word"
SURPRISE = "a word of an unseen sentence surprises it by less than 1 nat"


def observe_translator(subject: Any, rng: Rng) -> dict[str, Any]:
    """A new network trained on new sentences; judged by its weights, here, on others."""
    if subject is not minimal_loop.train_translator:
        return trained(subject, rng)
    seed = rng.generator.initial_seed()
    if seed not in _of_the_reference:
        _of_the_reference[seed] = trained(subject, rng)
    return _of_the_reference[seed]


# What the reference's training leads to, by the seed: it takes half a second, and is always asked.
_of_the_reference: dict[int, dict[str, Any]] = {}


def trained(subject: Any, rng: Rng) -> dict[str, Any]:
    order = torch.randperm(240, generator=rng.generator)
    train, valid, (test,) = animals.splits(order)
    start = fresh_weights(rng)
    given = alongside(subject, "rnncourse.checks.toy_translation.Translator")()
    given.load_state_dict(copied(start))
    history = subject(given, train, valid)
    listed = isinstance(history, list) and len(history) > 0
    returned = "a history" if listed else kind(history)
    return {**judged(given.state_dict(), start, test), "returned": returned}


def fresh_weights(rng: Rng) -> dict[str, torch.Tensor]:
    """The network's first weights: drawn as torch draws them, but from the check's own source."""
    weights = animals.Translator().state_dict()
    for name, one in weights.items():
        bound = 1.0 if name.startswith(("read", "heard")) else 64**-0.5
        one.uniform_(-bound, bound, generator=rng.generator)
    return weights


def judged(learned: Any, start: dict[str, torch.Tensor], test: tuple) -> dict[str, Any]:
    """What weights are worth: coarse findings, so that luck cannot decide."""
    model = animals.Translator()
    try:
        model.load_state_dict(learned)
    except (RuntimeError, TypeError, AttributeError) as error:
        return {"the weights": f"do not fit the network: {type(error).__name__}"}
    if not all(one.isfinite().all() for one in model.state_dict().values()):
        return {"the weights": "nan or infinite"}
    if all(torch.equal(start[name], one) for name, one in model.state_dict().items()):
        return {"the weights": "as they were"}
    source, lengths, target, mask = test
    with torch.no_grad():
        log_p = model(source, lengths, target[:, :-1]).log_softmax(dim=2)
        words, there = target[:, 1:], mask[:, 1:]
        best = log_p.argmax(dim=2)
        surprise = -log_p.gather(2, words.unsqueeze(2)).squeeze(2)[there].mean().item()
        right = (best == words)[there].double().mean().item()
        again = (best == target[:, :-1])[there].double().mean().item()
        rows = animals.translate(model, source, lengths)
    whole = sum(
        animals.cut(row) == animals.cut(true) for row, true in zip(rows, words, strict=True)
    )
    return {
        "the weights": "changed",
        WORDS: right >= 0.5,
        SENTENCES: whole >= GOOD * len(rows),
        SURPRISE: surprise < 1,
        # Not judged; these tell one failure from another.
        "it says the word that it has just read": again >= 0.5,
        "it is far more surprised than one who guesses": (
            surprise > 2 * math.log(len(animals.FRENCH))
        ),
    }


def about(finding: str) -> Callable[[Any, Any], str | None]:
    """A judge of one finding; weights that are of no use are told first."""
    judge_all = judging("the weights", finding)

    def judge(got: Any, expected: Any) -> str | None:
        # The finding is the title of the property: not to be said twice.
        missed = isinstance(got, dict) and got.get(finding) is False
        return "after your training this is not so" if missed else judge_all(got, expected)

    return judge


translator = Exercise(
    "train_translator",
    "ps5_training",
    minimal_loop.train_translator,
    points=4,
    properties=(
        Property("words", WORDS, 0.75, observe_translator, about(WORDS)),
        Property("sentences", SENTENCES, 1.5, observe_translator, about(SENTENCES)),
    ),
)


@translator.misconception(
    "The weights are as they were. Train the model that you are given, not a copy of it, and call "
    "fit."
)
def trains_a_copy(model, train, valid):
    twin = copy.deepcopy(model)

    def loss(twin, batch):
        source, lengths, target, mask = batch
        return cross_entropy(twin(source, lengths, target[:, :-1]), target[:, 1:], mask[:, 1:])

    def validate(twin):
        return sum(loss(twin, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.Adam(twin.parameters(), lr=0.01)
    return fit(twin, train, loss, optimizer, epochs=1, max_norm=1.0, validate=validate, patience=5)


@translator.misconception(
    "Your model predicts the word that it has just read. What it reads is target[:, :-1], what it "
    "must say is target[:, 1:]: one word later."
)
def predicts_what_it_reads(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        return cross_entropy(model(source, lengths, target), target, mask)

    def validate(model):
        return sum(loss(model, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return fit(
        model, train, loss, optimizer, epochs=10, max_norm=1.0, validate=validate, patience=5
    )


@translator.misconception(
    "It has hardly learned: too few epochs, or too small steps. With torch.optim.Adam, lr=0.01 and "
    "20 epochs are a good start here."
)
def hardly_trains(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        return cross_entropy(model(source, lengths, target[:, :-1]), target[:, 1:], mask[:, 1:])

    def validate(model):
        return sum(loss(model, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    return fit(model, train, loss, optimizer, epochs=5, max_norm=1.0, validate=validate, patience=5)


@translator.misconception(
    "Your steps are far too big: the loss is worse than that of guessing. Make the learning rate "
    "smaller, and keep the best weights, not the last."
)
def takes_huge_steps(model, train, valid):
    def loss(model, batch):
        source, lengths, target, mask = batch
        return cross_entropy(model(source, lengths, target[:, :-1]), target[:, 1:], mask[:, 1:])

    def validate(model):
        return sum(loss(model, batch).item() for batch in valid) / len(valid)

    optimizer = torch.optim.SGD(model.parameters(), lr=1000)
    return fit(model, train, loss, optimizer, epochs=3, max_norm=1.0, validate=validate, patience=5)


EXERCISES = {
    one.name: one for one in (entropy, backward, clip, detach, truncated, step, fitting, translator)
}
