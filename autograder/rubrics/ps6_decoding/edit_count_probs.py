"""edit_count_probs: hidden tests and alternative right answers."""

import math
from typing import Any

import torch

from rnncourse.checks.compare import Raised, kind
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng

from .. import Rubric


def observe_long(subject: Any, rng: Rng) -> dict[str, Any]:
    """Numbers that leave the range of floating point, were they not kept as logarithms."""
    seen: dict[str, Any] = {}
    for m, V, tau, exact in ((1500, 50_000, 0.05, True), (1500, 50_000, 0.9, False)):
        probs = attempt(subject, torch.tensor([m, 3]), V, tau, exact)
        seen[f"lengths=[{m}, 3], V={V}, tau={tau}, exact={exact}"] = probs
    return seen


def observe_odd_lengths(subject: Any, rng: Rng) -> dict[str, Any]:
    """Nothing but empty sentences, a vocabulary of two, and exact by default."""
    m = 2 + torch.randperm(5, generator=rng.generator)[:4]
    return {
        "lengths=[0, 0]": attempt(subject, torch.tensor([0, 0]), 7, 1.0, True),
        f"lengths={m.tolist()}, V=2, released": attempt(subject, m, 2, 0.6, False),
        f"lengths={m.tolist()}, V=9, exact left out": attempt(subject, m, 9, 0.6),
    }


def observe_count_refusals(subject: Any, rng: Rng) -> dict[str, str]:
    def tried(V: int, tau: float) -> str:
        result = attempt(subject, torch.tensor([3, 2]), V, tau)
        if isinstance(result, Raised):
            return "refused with a ValueError" if result.type == "ValueError" else repr(result)
        return f"accepted: {kind(result)}"

    return {
        f"V={V}, tau={tau}": tried(V, tau) for V, tau in ((1, 1.0), (5, 0), (5, -1.0), (5, 1.0))
    }


rubric = Rubric(
    (
        Property("long", "long sentences work", 0.5, observe_long),
        Property("odd", "odd lengths and the default work", 0.5, observe_odd_lengths),
        Property("refuses", "bad input is refused", 0.25, observe_count_refusals),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def counts_with_whole_numbers(lengths, V, tau, exact=True):
    if V < 2 or not tau > 0:
        raise ValueError("there must be another word, and tau must be positive")
    rows = torch.full((len(lengths), max(lengths.tolist()) + 1), -torch.inf, dtype=torch.float64)
    for row, m in zip(rows, lengths.tolist(), strict=True):
        for e in range(m + 1):
            ways = math.comb(m, e) * (V - 1) ** (e if exact else 0)
            row[e] = math.log(ways) - e / tau
    return rows.softmax(dim=1)


@rubric.alternative
def knows_that_it_is_binomial(lengths, V, tau, exact=True):
    if V < 2:
        raise ValueError("there is no other word")
    if tau <= 0:
        raise ValueError("tau must be positive")
    # The words are independent of each other: each is replaced with these odds.
    log_odds = (math.log(V - 1) if exact else 0.0) - 1 / tau
    longest = int(lengths.max())
    m = lengths.double().unsqueeze(1)
    e = torch.arange(longest + 1, dtype=torch.float64).expand(len(lengths), -1)
    binomial = torch.distributions.Binomial(m, logits=torch.tensor(log_odds).double())
    return binomial.log_prob(torch.minimum(e, m)).exp().where(e <= m, torch.zeros(()).double())


@rubric.alternative
def multiplies_step_by_step(lengths, V, tau, exact=True):
    if V < 2 or tau <= 0:
        raise ValueError("there must be another word, and tau must be positive")
    rows = []
    for m in lengths.tolist():
        log_q = [0.0]
        for e in range(1, int(lengths.max()) + 1):
            left = m - e + 1  # q(e) / q(e - 1) = (m - e + 1) / e * (V - 1) * exp(-1 / tau)
            step = math.log(left / e) - 1 / tau if left > 0 else -math.inf
            log_q.append(log_q[-1] + step + (math.log(V - 1) if exact else 0.0))
        log_q = torch.tensor(log_q, dtype=torch.float64)
        rows.append((log_q - log_q.logsumexp(dim=0)).exp())
    return torch.stack(rows)
