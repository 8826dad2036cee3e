"""Which known mistake explains what a student's code did: named on evidence, or not at all.

A mistake is a suspect where its observation is exactly the student's. That alone is resemblance:
many wrong answers look alike in one observation. So a mistake is named only if it also

- explains at least half of the properties that failed,
- fails nothing that the student's code passes, and
- explains more than exceptions and words such as "changes", which many causes share, unless it
  explains nearly every failure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .compare import Raised, difference, leaves

Judge = Callable[[Any, Any], str | None]


@dataclass(frozen=True)
class Evidence:
    """One property of an exercise, with what was observed of the student's code.

    got: the observation; expected: that of the reference.
    """

    name: str
    judge: Judge
    got: Any
    expected: Any
    failed: bool


def diagnose(
    evidence: Sequence[Evidence],
    suspects: Iterable[Any],
    observation_of: Callable[[Evidence, Any], Any],
) -> dict[str, Any]:
    """The mistake that explains each failed property, by the property's name; {} for none.

    suspects: the known mistakes, in the order in which they are tried; of two that explain equally
    many failures the first is named. observation_of(item, suspect): what the suspect is observed
    to do where the student did `item.got`.
    """
    failures = [item for item in evidence if item.failed]
    if not failures:
        return {}

    def explains(suspect: Any, item: Evidence) -> bool:
        observed = observation_of(item, suspect)
        return difference(item.got, observed) is None and difference(observed, item.got) is None

    explained: dict[int, tuple[Any, list[Evidence]]] = {}
    unexplained = list(failures)
    candidates = list(suspects)
    while unexplained:
        # Lazily: observing a mistake may take as long as testing the student's code.
        item = unexplained[0]
        suspect = next((known for known in candidates if explains(known, item)), None)
        if suspect is None:
            unexplained.pop(0)
            continue
        candidates.remove(suspect)
        facts = [failure for failure in failures if explains(suspect, failure)]
        if _is_enough(facts, failures) and not _contradicted(suspect, evidence, observation_of):
            explained[len(explained)] = suspect, facts
            unexplained = [failure for failure in unexplained if failure not in facts]
    ranked = sorted(explained.values(), key=lambda entry: -len(entry[1]))
    named: dict[str, Any] = {}
    for suspect, facts in ranked:
        for fact in facts:
            named.setdefault(fact.name, suspect)
    return named


def _is_enough(facts: Sequence[Evidence], failures: Sequence[Evidence]) -> bool:
    """Whether what a suspect explains is evidence against it."""
    if all(_is_vague(fact.got) for fact in facts):
        return len(facts) == len(failures) or (
            len(facts) > 2 and 4 * len(facts) >= 3 * len(failures)
        )
    return 2 * len(facts) >= len(failures)


def _is_vague(got: Any) -> bool:
    """Whether an observation is nothing but exceptions and words."""
    return all(isinstance(leaf, Raised | str) for leaf in leaves(got))


def _contradicted(
    suspect: Any,
    evidence: Iterable[Evidence],
    observation_of: Callable[[Evidence, Any], Any],
) -> bool:
    """Whether a suspect fails anything that the student's code passes."""
    return any(_fails(item, observation_of(item, suspect)) for item in evidence if not item.failed)


def _fails(item: Evidence, observed: Any) -> bool:
    return isinstance(observed, Raised) or item.judge(observed, item.expected) is not None
