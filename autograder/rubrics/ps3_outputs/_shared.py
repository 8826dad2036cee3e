"""Shared by rubrics of ps3_outputs: other padding, gradients, extreme predictions."""

import math
from collections.abc import Callable
from typing import Any

import torch

from rnncourse.checks.compare import kind
from rnncourse.checks.model_specs import Model
from rnncourse.checks.properties import attempt
from rnncourse.checks.pytree import tensors
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps3_outputs._shared import LONG
from rnncourse.exercises.ps3_outputs.sentence_log_prob import draw_predictions
from rnncourse.reference.inputs import sequence_mask


def longer(tokens: torch.Tensor) -> torch.Tensor:
    """The same sentences with three more words of padding, all of it word 0."""
    return torch.cat([tokens, tokens.new_zeros(len(tokens), 3)], dim=1)


def only_padding_is_word_0(tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return tokens.clamp(min=1) * sequence_mask(lengths, tokens.shape[1])


def padded_ways(
    model: Any, table: str, tokens: torch.Tensor, lengths: torch.Tensor
) -> dict[str, tuple[Any, torch.Tensor]]:
    """The same sentences with different padding: description -> (model, tokens).

    Word 0 occurs only in the padding; its vector must not matter.
    """
    tokens = only_padding_is_word_0(tokens, lengths)
    ways: dict[str, tuple[Any, torch.Tensor]] = {"more padding": (model, longer(tokens))}
    for rubbish in (math.inf, math.nan):
        weights = {name: weight.clone() for name, weight in model.weights.items()}
        weights[table][0] = rubbish
        other = Model(model.networks, model.sizes, weights, model.options)
        ways[f"{rubbish:g} in the vector of the padding's word"] = other, tokens
    return ways


def gradients(model: Any, result: Any, rng: Rng) -> dict[str, Any]:
    """The gradients of the parameters, for a randomly weighted sum of the results."""
    results = tensors(result)
    if not results:
        return {"gradients": f"none arrive, the result is {kind(result)}"}
    loss: Any = sum((tensor * rng.normal(*tensor.shape)).sum() for tensor in results)
    if not loss.requires_grad:
        return {"gradients": "none arrive, the result was detached"}
    loss.backward()
    named = sorted(dict(model.named_parameters()).items())
    return {
        f"gradient of {name}": "none arrives" if parameter.grad is None else parameter.grad
        for name, parameter in named
    }


def observe_extremes(run: Callable[..., Any]) -> Callable[[Any, Rng], dict[str, Any]]:
    """Scores of any size, a long sentence, and an empty one."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        logits, targets, mask = draw_predictions(rng, rng.sizes(B=3, T=LONG))
        sure = logits.scatter(2, targets.unsqueeze(2), 2000.0)
        empty = mask.clone()
        empty[1] = False
        long = draw_predictions(rng, rng.sizes(B=2, T=800))
        cases = {
            "a score of 2000 for every target": (sure, targets, mask),
            "all scores larger by 2000": (logits + 2000, targets, mask),
            "all scores smaller by 2000": (logits - 2000, targets, mask),
            "a sentence of 800 words": long,
            "an empty sentence among others": (logits, targets, empty),
        }
        return {text: attempt(run, subject, *args) for text, args in cases.items()}

    return observe
