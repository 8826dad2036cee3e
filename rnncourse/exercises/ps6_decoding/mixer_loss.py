"""mixer_loss: its visible checks and the mistakes people make."""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt, part
from ...checks.rng import Rng, Sizes
from ...reference import exposure


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
            result = attempt(subject, *args)
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
    seen: dict[str, Any] = {}
    for which, name in enumerate(("the gradient of loss", "the gradient of baseline_loss")):
        found = gradients(part(result, which), leaves)
        if isinstance(found, dict):
            reached = [leaf for leaf, one in found.items() if (one != 0).any()]
            found = f"reaches {' and '.join(reached) or 'nothing'}"
        seen[name] = found
    return seen


def observe_logit_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for s in (1, 3):
        drawn = draw_mixer(rng, rng.sizes(T=4))
        args, leaves = leaves_of((*drawn[:5], s, *drawn[6:]))
        found = gradients(part(subject(*args), 0), leaves)
        seen[f"T = 4, s = {s}: the gradient of loss for logits"] = (
            found if isinstance(found, str) else found["logits"]
        )
    return seen


exercise = Exercise(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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
