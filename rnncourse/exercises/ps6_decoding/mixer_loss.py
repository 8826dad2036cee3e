"""mixer_loss: its visible checks and the mistakes people make.

Logits, states and rewards are random; sentences differ in length.
"""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt, part
from ...checks.rng import Rng, Sizes
from ...reference import exposure


def draw_mixer(rng: Rng, s: Sizes) -> tuple:
    """A batch whose first sentence has T words and whose last has one; 0 < s < T."""
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
        seen: dict[str, Any] = {}
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
        value.clone().requires_grad_() if name in names else value
        for name, value in zip(mixer_cases.arguments, args, strict=True)
    )
    by_name = dict(zip(mixer_cases.arguments, args, strict=True))
    return args, {name: by_name[name] for name in names}


def gradients(value: Any, leaves: dict[str, torch.Tensor]) -> dict[str, Any] | str:
    """The gradients of a loss by leaf, zeros where none arrives; in words where it is no loss."""
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        return f"expected a loss, got {kind(value)}"
    if not value.requires_grad:
        return {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    arrived = torch.autograd.grad(
        value.reshape(()), list(leaves.values()), allow_unused=True, retain_graph=True
    )
    return {
        name: torch.zeros_like(leaf) if gradient is None else gradient
        for (name, leaf), gradient in zip(leaves.items(), arrived, strict=True)
    }


def observe_reach(subject: Any, rng: Rng) -> dict[str, str]:
    """Which leaves the gradient of each loss reaches."""
    args, leaves = leaves_of(draw_mixer(rng, rng.sizes(T=5)))
    result = subject(*args)
    seen: dict[str, Any] = {}
    for which, name in enumerate(("the gradient of loss", "the gradient of baseline_loss")):
        arrived = gradients(part(result, which), leaves)
        if isinstance(arrived, str):
            seen[name] = arrived
            continue
        reached = [leaf for leaf, gradient in arrived.items() if (gradient != 0).any()]
        seen[name] = f"reaches {' and '.join(reached) or 'nothing'}"
    return seen


def observe_logit_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for s in (1, 3):
        drawn = draw_mixer(rng, rng.sizes(T=4))
        args, leaves = leaves_of((*drawn[:5], s, *drawn[6:]))
        arrived = gradients(part(subject(*args), 0), leaves)
        seen[f"T = 4, s = {s}: the gradient of loss for logits"] = (
            arrived if isinstance(arrived, str) else arrived["logits"]
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


@exercise.canonical
def mixer_loss(logits, hs, tokens, mask, reward, s, w, b):
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
    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    return loss, baseline_loss


exercise.near_miss(
    "has_no_baseline",
    "You weigh words by the reward alone. Subtract the expected reward: the advantage is "
    "r - r^_t, with r^_t = h_t @ w + b.",
    """
    -    weight = torch.where(sampled, advantage.detach(), 1.0)
    +    weight = torch.where(sampled, reward.unsqueeze(1), 1.0)
    """,
)


exercise.near_miss(
    "rewards_with_the_wrong_sign",
    "Your REINFORCE part has the wrong sign: it makes words rarer that did better than "
    "expected. The loss is minus (r - r^_t) log p.",
    """
    -    weight = torch.where(sampled, advantage.detach(), 1.0)
    +    weight = torch.where(sampled, -advantage.detach(), 1.0)
    """,
)


exercise.near_miss(
    "teaches_the_baseline_with_the_loss",
    "Your loss reaches w and b, through the advantage. There it is only a weight: detach "
    "it, and let baseline_loss teach w and b.",
    """
    -    weight = torch.where(sampled, advantage.detach(), 1.0)
    +    weight = torch.where(sampled, advantage, 1.0)
    """,
)


exercise.near_miss(
    "teaches_the_network_with_the_baseline",
    "The gradient of your baseline reaches the network through hs. Detach hs: the baseline "
    "judges from h_t, and must not change it.",
    """
    -    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    +    expected = hs.masked_fill(~mask.unsqueeze(2), 0) @ w + b
    """,
)


exercise.near_miss(
    "detaches_nothing",
    "You detach nothing, so both losses teach everyone. Detach hs where the reward is predicted, "
    "and the advantage where it weighs a word.",
    """
    -    expected = hs.masked_fill(~mask.unsqueeze(2), 0).detach() @ w + b
    +    expected = hs.masked_fill(~mask.unsqueeze(2), 0) @ w + b
         advantage = reward.unsqueeze(1) - expected
         sampled = torch.arange(T, device=tokens.device) >= s
    -    weight = torch.where(sampled, advantage.detach(), 1.0)
    +    weight = torch.where(sampled, advantage, 1.0)
    """,
)


exercise.near_miss(
    "adds_the_losses_up",
    "You return one number. The two losses go to two optimizers: return loss, baseline_loss.",
    """
    -    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    -    return loss, baseline_loss
    +    return loss + (advantage**2 * (sampled & mask)).sum() / B
    """,
)


exercise.near_miss(
    "begins_one_word_late",
    "You take one word too many for cross-entropy. With t from 0, the first s words are "
    "those with t < s; sampling begins at t = s.",
    """
    -    sampled = torch.arange(T, device=tokens.device) >= s
    +    sampled = torch.arange(T, device=tokens.device) > s
    """,
)


exercise.near_miss(
    "averages_over_words",
    "You divide by the number of words. Add up over each sequence and take the mean over "
    "the batch: divide by B.",
    """
    -    B, T = tokens.shape
    +    T = tokens.shape[1]
    ...
    -    loss = -(weight * log_p * mask).sum() / B
    -    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    +    loss = -(weight * log_p * mask).sum() / mask.sum()
    +    baseline_loss = (advantage**2 * (sampled & mask)).sum() / mask.sum()
    """,
)


exercise.near_miss(
    "adds_up_over_the_batch",
    "You add up over the batch as well, so a larger batch would mean larger steps. Divide "
    "both sums by B.",
    """
    -    B, T = tokens.shape
    +    T = tokens.shape[1]
    ...
    -    loss = -(weight * log_p * mask).sum() / B
    -    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    +    loss = -(weight * log_p * mask).sum()
    +    baseline_loss = (advantage**2 * (sampled & mask)).sum()
    """,
)


exercise.near_miss(
    "counts_the_padding",
    "You count the padding. Where the mask is False there is no word: leave those places "
    "out of both sums.",
    """
    -    loss = -(weight * log_p * mask).sum() / B
    -    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    +    loss = -(weight * log_p).sum() / B
    +    baseline_loss = (advantage**2 * sampled).sum() / B
    """,
)


exercise.near_miss(
    "rewards_the_given_words",
    "You weigh the first s words by the advantage too. Those are the true words, with the "
    "weight 1; the reward is for what was sampled.",
    """
    -    weight = torch.where(sampled, advantage.detach(), 1.0)
    +    weight = advantage.detach()
    """,
)


exercise.near_miss(
    "learns_all_words_by_heart",
    "You have cross-entropy for all words, and REINFORCE on top. From t = s on, words are "
    "sampled, not true: only the reward says whether they are good.",
    """
    -    weight = torch.where(sampled, advantage.detach(), 1.0)
    +    weight = torch.where(sampled, advantage.detach(), 1.0) + sampled
    """,
)


exercise.near_miss(
    "fits_the_baseline_everywhere",
    "Your baseline is fitted to the first s words as well, where no reward is used. Sum its "
    "squares over t >= s only.",
    """
    -    baseline_loss = (advantage**2 * (sampled & mask)).sum() / B
    +    baseline_loss = (advantage**2 * mask).sum() / B
    """,
)
