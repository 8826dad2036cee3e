"""raml_sample: hidden tests and alternative right answers."""

import itertools
import math
from typing import Any

import torch

from rnncourse.checks.compare import kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.rng import Rng
from rnncourse.checks.statistics import looks_like
from rnncourse.exercises.ps6_decoding.raml_sample import draw_raml, edited, raml_cases
from rnncourse.exercises.ps6_decoding.sample_decode import counts_of
from rnncourse.reference import exposure
from rnncourse.reference.exposure import edit_count_probs

from .. import Rubric
from ._shared import SOURCE, observe_source, untouched


def observe_strings(subject: Any, rng: Rng) -> dict[str, str]:
    """All sentences that can come, each as likely as its distance says."""
    m, V = 3, 3
    seen: dict[str, str] = {}
    for tau, exact in ((1.3, True), (1.0, False)):
        name = sample = edited(subject, rng, m, V, tau, exact)
        if not isinstance(sample, str):
            targets, result = sample
            counts = counts_of(
                ((result - targets) % V).tolist(), list(itertools.product(range(V), repeat=m))
            )
            candidates = string_probs(m, V, tau, exact)
            name = counts if isinstance(counts, str) else looks_like(counts, candidates)
        seen[f"all {V**m} sentences of {m} words, tau={tau}, exact={exact}"] = name
    return seen


def string_probs(m: int, V: int, tau: float, exact: bool) -> dict[str, list[float]]:
    """How likely each difference from the target is; 0 is where a word is as it was."""
    q = exposure.edit_count_probs(torch.tensor([m]), V, tau, exact)[0].tolist()
    asked, first, following = [], [], []
    for shifts in itertools.product(range(V), repeat=m):
        e = sum(shift > 0 for shift in shifts)
        words = (V - 1) ** e
        asked.append(q[e] / math.comb(m, e) / words)
        first.append(q[e] / words if all(shifts[:e]) else 0.0)
        following.append(q[e] / math.comb(m, e) if max(shifts) < 2 else 0.0)
    return {
        "each as often as it should be": asked,
        "as if only the first words were edited": first,
        "as if a word had one replacement only": following,
    }


def draw_augmented(subject: Any, rng: Rng, source: Any) -> Any:
    targets, mask, V, *_ = draw_raml(rng, rng.sizes(B=8, T=9))
    return subject(targets, mask, V, 5.0, source)


def draw_bad_raml(rng: Rng) -> dict[str, tuple]:
    targets, mask, V, tau, seed = draw_raml(rng, rng.sizes())
    return {
        "where the mask holds integers": (targets, mask.long(), V, tau, seed),
        "where V is 1": (torch.zeros_like(targets), mask, 1, tau, seed),
        "where tau is 0": (targets, mask, V, 0, seed),
    }


rubric = Rubric(
    (
        Property("strings", "every sentence is as likely as it should be", 1.25, observe_strings),
        Property("source", SOURCE, 0.5, observe_source(draw_augmented, kind)),
        raml_cases.refuses(0.5, draw_bad_raml),
        untouched(raml_cases, 0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def edits_sentence_by_sentence(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    probs, result = edit_count_probs(mask.sum(dim=1), V, tau, exact), targets.clone()
    for row, words, q in zip(result, mask, probs, strict=True):
        places = words.nonzero().flatten()
        e = torch.multinomial(q, 1, generator=generator).item()
        for place in places[torch.randperm(len(places), generator=generator)[:e]].tolist():
            other = torch.randint(V - 1, (), generator=generator).item()
            row[place] = other + (other >= row[place].item())  # skips the old word
    return result


@rubric.alternative
def edits_each_word_by_itself(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    # exp(-distance / tau) is a product over the words, so that each has its own coin.
    odds = (V - 1 if exact else 1) * math.exp(-1 / tau)
    edited = torch.rand(targets.shape, generator=generator, dtype=torch.float64)
    edited = mask & (edited < odds / (1 + odds))
    shift = torch.randint(1, V, targets.shape, generator=generator)
    return targets.where(~edited, (targets + shift) % V)


@rubric.alternative
def shuffles_the_places(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape:
        raise ValueError("the mask must be boolean, (B, T)")
    probs = edit_count_probs(mask.long().sum(dim=1), V, tau, exact)
    uniform = torch.rand(len(targets), 1, generator=generator, dtype=torch.float64)
    edits = (probs.cumsum(dim=1) < uniform).sum(dim=1)
    noise = torch.rand(targets.shape, generator=generator) + ~mask
    result = targets.clone()
    for b, e in enumerate(edits.tolist()):
        places = noise[b].topk(e, largest=False).indices
        words = torch.randint(V - 1, (e,), generator=generator)
        result[b, places] = words + (words >= targets[b, places]).long()
    return result
