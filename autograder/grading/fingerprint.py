"""What the marks of an assignment depend on, found in the code itself.

Work that was graded is graded again where its fingerprint has changed: so a module that is left
out lets stale marks stand, and one too many makes a whole class wait for nothing.
"""

import hashlib
from collections.abc import Iterable

from ..imports import imported_by, modules, reachable

# What judges and runs a submission: these, all below them, and all that they import.
JUDGES = (
    "autograder.jailed",
    "autograder.judging",
    "autograder.rubrics",
    "autograder.sandbox",
    "autograder.submissions",
    "rnncourse.checks",
    "rnncourse.exercises",
)
NEVER = ("rnncourse.plots", "rnncourse.selfstudy")  # pictures, and what readers see of their own
# Below these each problem set has a package of its own.
OF_SETS = ("autograder.rubrics", "rnncourse.exercises")


def marking_modules(assignment: str, sources: Iterable[str] = ()) -> list[str]:
    """The modules that may change a mark of an assignment. sources: of its notebooks' cells."""
    roots = {name for name in modules() if _is_below(name, JUDGES)}
    for source in sources:
        roots |= imported_by(source)

    def skip(name: str) -> bool:
        return _is_below(name, NEVER) or _of_another_set(name, assignment)

    return sorted(reachable(roots, skip))


def code_fingerprint(assignment: str, sources: Iterable[str] = ()) -> bytes:
    """Changes whenever the code changes on which a mark of the assignment depends."""
    digest = hashlib.sha256()
    for name in marking_modules(assignment, sources):
        digest.update(name.encode() + b"\0")
        digest.update(hashlib.sha256(modules()[name].read_bytes()).digest())
    return digest.digest()


def _is_below(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _of_another_set(name: str, assignment: str) -> bool:
    """Whether a module belongs to the exercises of another assignment."""
    for package in OF_SETS:
        if name.startswith(f"{package}."):
            return not _is_below(name, [f"{package}.{assignment}"])
    return False
