"""Fingerprints of what a mark depends on: the submission, the assignment, and our own code.

A submission is graded again when its fingerprint has changed. A module that is left out leaves
stale marks in place; one too many regrades a whole class for nothing.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from ..imports import imported_by, modules, reachable
from ..sandbox.limits import LIMITS
from ..submissions.collect import listing, read_file
from ..submissions.model import Unreadable
from .assignment import Assignment

# The packages that judge and run a submission; all that they import counts as well.
JUDGES = (
    "autograder.jailed",
    "autograder.judging",
    "autograder.rubrics",
    "autograder.sandbox",
    "autograder.submissions",
    "rnncourse.checks",
    "rnncourse.exercises",
)
WITHOUT_EFFECT = ("rnncourse.plots", "rnncourse.selfstudy")
# Packages with a sub-package for each problem set, of which only one counts.
OF_SETS = ("autograder.rubrics", "rnncourse.exercises")


def marking_modules(assignment: str, sources: Iterable[str] = ()) -> list[str]:
    """Names of the modules on which a mark of the assignment may depend, sorted.

    sources: the code cells of its notebooks, whose imports count as well.
    """
    roots = {name for name in modules() if _is_below(name, JUDGES)}
    for source in sources:
        with contextlib.suppress(SyntaxError, ValueError):  # a cell that fails imports nothing
            roots |= imported_by(TransformerManager().transform_cell(source))

    def skip(name: str) -> bool:
        return _is_below(name, WITHOUT_EFFECT) or _of_another_set(name, assignment)

    return sorted(reachable(roots, skip))


def code_fingerprint(assignment: str, sources: Iterable[str] = ()) -> bytes:
    """Digest of the code of all marking_modules()."""
    digest = hashlib.sha256()
    for name in marking_modules(assignment, sources):
        digest.update(name.encode() + b"\0")
        digest.update(hashlib.sha256(modules()[name].read_bytes()).digest())
    return digest.digest()


def assignment_fingerprint(assignment: Assignment) -> bytes:
    """Digest of all that marks depend on beside the submission: code, cells, notebooks, files."""
    sources = [
        cell.source
        for notebook in assignment.sources.values()
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    digest = hashlib.sha256(code_fingerprint(assignment.name, sources))
    digest.update(json.dumps([asdict(cells) for cells in assignment.cells]).encode())
    digest.update(json.dumps(assignment.sources, sort_keys=True).encode())
    for path, content in sorted(assignment.files.items()):
        digest.update(path.encode() + content)
    return digest.digest()


def submission_digest(assignment: Assignment, student: str, fingerprint: bytes) -> str:
    """Digest of a submission's files on disk and of the assignment_fingerprint()."""
    digest = hashlib.sha256(fingerprint)
    folder = assignment.course.path("submitted", student, assignment.name)
    bytes_left = LIMITS.extra_files_size + LIMITS.notebook_size
    for path, entry in listing(folder):
        digest.update(path.encode("utf-8", "surrogateescape"))
        if entry.is_dir(follow_symlinks=False):
            continue
        try:
            content = read_file(Path(entry.path), bytes_left)
        except Unreadable as error:
            content = str(error).encode()
        bytes_left -= len(content)
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _is_below(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _of_another_set(name: str, assignment: str) -> bool:
    """Whether a module belongs to the exercises of another assignment."""
    for package in OF_SETS:
        if name.startswith(f"{package}."):
            return not _is_below(name, [f"{package}.{assignment}"])
    return False
