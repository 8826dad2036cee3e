"""raml_sample: its visible checks and the mistakes people make.

Large samples from one sentence are compared with the probabilities of their edits.
"""

import math
from typing import Any

import torch

from ...checks.compare import Raised, kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng, Sizes
from ...checks.statistics import generator, looks_like, run_with_generator
from ...reference import exposure
from ...reference.exposure import edit_count_probs
from .sample_decode import SAMPLE


def draw_raml(rng: Rng, s: Sizes) -> tuple:
    """Targets with padding of -100, a mask with holes, one sentence that may not change at all."""
    V = s.D + 2
    T = s.T + 2
    targets = rng.integers(0, V, s.B + 1, T)
    mask = rng.integers(0, 3, s.B + 1, T) > 0
    mask[:, 0], mask[:, -1], mask[-1] = True, False, False
    targets[:, -1] = -100
    return targets, mask, V, 1.0, 11


raml_cases = Cases(
    "raml_sample",
    ("targets", "mask", "V", "tau", "generator with seed"),
    draw_raml,
    batched=("targets", "mask"),
    run=run_with_generator,
)


def observe_kept(subject: Any, rng: Rng) -> dict[str, Any]:
    """What does not depend on chance: form, range, and the places outside the mask."""
    seen: dict[str, Any] = {}
    for tau in (0.3, 30.0):
        targets, mask, V, _, seed = draw_raml(rng, rng.sizes(B=20))
        result = attempt(run_with_generator, subject, targets.clone(), mask.clone(), V, tau, seed)
        text = f"raml_sample of {tuple(targets.shape)}, V={V}, tau={tau}"
        if not isinstance(result, torch.Tensor) or result.shape != targets.shape:
            seen[text] = result if isinstance(result, Raised) else kind(result)
            continue
        seen[f"{text}, dtype"] = str(result.dtype)
        seen[f"{text}, places outside of the mask"] = (
            "as they were" if torch.equal(result[~mask], targets[~mask]) else "changed"
        )
        inside = result[mask]
        seen[f"{text}, words inside"] = (
            "from 0 to V - 1" if ((inside >= 0) & (inside < V)).all() else "out of range"
        )
    return seen


def observe_frozen(subject: Any, rng: Rng) -> dict[str, Any]:
    """With a small tau, nothing is left to chance."""
    seen: dict[str, Any] = {}
    for sizes in (rng.sizes(), rng.sizes(B=1)):
        targets, mask, V, _, seed = draw_raml(rng, sizes)
        seen[f"raml_sample of {tuple(targets.shape)}, V={V}, tau=0.001"] = attempt(
            run_with_generator, subject, targets.clone(), mask.clone(), V, 0.001, seed
        )
    return seen


def edited(subject: Any, rng: Rng, m: int, V: int, tau: float, *exact: bool) -> Any:
    """(targets, result) of a large sample from one sentence of m words; else what is wrong."""
    target = rng.integers(0, V, m)
    targets = target.expand(SAMPLE, m).clone()
    mask = torch.ones_like(targets, dtype=torch.bool)
    seed = int(rng.integers(0, 2**31, 1))

    def sample() -> Any:
        # A copy: that inputs are left alone is judged elsewhere.
        return subject(targets.clone(), mask, V, tau, generator(subject, seed), *exact)

    result = attempt(sample)
    if not isinstance(result, torch.Tensor) or result.shape != targets.shape:
        return repr(result) if isinstance(result, Raised) else kind(result)
    return targets, result


def thinned(m: int, p: float) -> torch.Tensor:
    """How likely it is that k of e edits take effect, each with probability p; (e, k)."""
    rows = [
        [math.comb(e, k) * p**k * (1 - p) ** (e - k) if k <= e else 0.0 for k in range(m + 1)]
        for e in range(m + 1)
    ]
    return torch.tensor(rows, dtype=torch.float64)


def distinct(m: int) -> torch.Tensor:
    """How likely it is that e places, each one of m at random, are k different ones; (e, k)."""
    rows = [[1.0] + [0.0] * m]
    for _ in range(m):
        last = rows[-1]
        rows.append(
            [last[k] * k / m + (last[k - 1] * (m - k + 1) / m if k else 0.0) for k in range(m + 1)]
        )
    return torch.tensor(rows, dtype=torch.float64)


def observe_edits(subject: Any, rng: Rng) -> dict[str, str]:
    """How many words are replaced."""
    seen: dict[str, Any] = {}
    for m, V, tau, exact in ((4, 5, 0.8, True), (5, 4, 0.5, True), (4, 5, 1.2, False)):
        name = sample = edited(subject, rng, m, V, tau, exact)
        if not isinstance(sample, str):
            targets, result = sample
            counts = torch.bincount((targets != result).sum(dim=1), minlength=m + 1)
            forms = {
                form: exposure.edit_count_probs(torch.tensor([m]), V, tau, form == "exact")[0]
                for form in ("exact", "released")
            }
            asked, other = ("exact", "released") if exact else ("released", "exact")
            candidates = {
                f"edits as in the {asked} form": forms[asked],
                f"edits as in the {other} form": forms[other],
                "some edits leave the word as it is": forms[asked] @ thinned(m, (V - 1) / V),
                "some places are edited twice": forms[asked] @ distinct(m),
                "as if no number of edits were likelier than another": torch.ones(m + 1) / (m + 1),
            }
            name = looks_like(
                counts.tolist(), {form: probs.tolist() for form, probs in candidates.items()}
            )
        seen[f"{SAMPLE} samples of {m} words, V={V}, tau={tau}, exact={exact}"] = name
    return seen


exercise = Exercise(
    "raml_sample",
    "ps6_decoding",
    exposure.raml_sample,
    points=5,
    properties=(
        Property("kept", "only words under the mask may change", 0.5, observe_kept),
        Property("frozen", "a tiny tau gives the target back", 0.5, observe_frozen),
        Property("edits", "the right number of words is replaced", 1.5, observe_edits),
    ),
)


@exercise.canonical
def raml_sample(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs, 1, generator=generator)
    order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    chosen = order.argsort(dim=1).argsort(dim=1) < edits
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


exercise.near_miss(
    "replaces_by_any_word",
    "You draw the new word from all V, so it may be the old one and nothing has changed. "
    "Draw one of the V - 1 others.",
    """
    -    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    +    other = (targets + torch.randint(0, V, targets.shape, generator=generator)) % V
    """,
)


exercise.near_miss(
    "edits_the_padding",
    "You change words outside the mask: leave them exactly as they are. If you rank the positions "
    "at random, put those outside last: argsort(dim=1) twice gives the ranks.",
    """
    -    order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    +    order = torch.rand(targets.shape, generator=generator)
    """,
)


exercise.near_miss(
    "edits_the_first_words",
    "You replace the first words of a sentence. Every choice of places must be equally "
    "likely: shuffle them.",
    """
    -    order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    +    order = torch.arange(targets.shape[1]).expand(targets.shape).masked_fill(~mask, 10**6)
    """,
)


@exercise.misconception(
    "You may draw the same place twice, and then too few words change. Draw the places "
    "without replacement."
)
def draws_places_with_replacement(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    edits = torch.multinomial(probs, 1, generator=generator)
    chosen = torch.zeros_like(mask)
    for b, words in enumerate(mask):
        places = words.nonzero().flatten()
        for _ in range(int(edits[b])):
            place = torch.randint(len(places), (1,), generator=generator)
            chosen[b, places[place]] = True
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


exercise.near_miss(
    "draws_one_count_for_all",
    "You draw one number of edits for the whole batch. Each sentence has its own.",
    """
    -    edits = torch.multinomial(probs, 1, generator=generator)
    +    edits = torch.multinomial(probs[0], 1, generator=generator).expand(len(targets), 1)
         order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    -    chosen = order.argsort(dim=1).argsort(dim=1) < edits
    +    chosen = (order.argsort(dim=1).argsort(dim=1) < edits) & mask
    """,
)


exercise.near_miss(
    "has_one_form_only",
    "You ignore exact, so the released form comes out like the exact one. Pass it on to "
    "edit_count_probs.",
    """
    -    probs = edit_count_probs(mask.sum(dim=1), V, tau, exact)
    +    probs = edit_count_probs(mask.sum(dim=1), V, tau)
    """,
)


exercise.near_miss(
    "draws_any_count",
    "You draw the number of edits as if all were equally likely. Use edit_count_probs.",
    """
    -    edits = torch.multinomial(probs, 1, generator=generator)
    +    edits = torch.multinomial((probs > 0).double(), 1, generator=generator)
    """,
)


@exercise.misconception(
    "You replace each word with probability tau. First draw the number of edits, from "
    "edit_count_probs, then their places."
)
def edits_each_word_by_chance_tau(targets, mask, V, tau, generator, exact=True):
    if mask.dtype != torch.bool or mask.shape != targets.shape or V < 2 or tau <= 0:
        raise ValueError("the mask must be boolean, V at least 2, tau positive")
    chosen = (torch.rand(targets.shape, generator=generator) < tau) & mask
    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    return torch.where(chosen, other, targets)


exercise.near_miss(
    "edits_without_the_generator",
    "You leave the generator out of some draw, so nobody can repeat the sample. Pass it to "
    "every draw.",
    """
    -    order = torch.rand(targets.shape, generator=generator).masked_fill(~mask, 2)
    +    order = torch.rand(targets.shape).masked_fill(~mask, 2)
    """,
)


exercise.near_miss(
    "always_the_next_word",
    "You always replace a word by the next one in the vocabulary. Each of the V - 1 others "
    "must be equally likely.",
    """
    -    other = (targets + torch.randint(1, V, targets.shape, generator=generator)) % V
    +    other = (targets + 1) % V
    """,
)
