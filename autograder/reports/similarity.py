"""Whose code looks alike: a hint for the instructor where to look, never a verdict.

Solution cells are compared by their fingerprints (winnowing: Schleimer, Wilkerson and Aiken 2003,
the method of MOSS), which the library copydetect computes of code without its names and strings.
Code that the course handed out does not count, nor what many students share: an exercise that has
one natural answer makes everyone alike. Code is read as text; nothing of it is run.
"""

import io
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..gradebook.course import Course

GRAM, WINDOW = 25, 10  # characters of normalised code; every common passage of 34 is found
COMMON_SHARE = 0.1  # what more than this share of the class has written is the natural answer, ...
COMMON_MIN = 3  # ... but not what this many students or fewer have
MIN_SHARED = 30  # fingerprints that two must share, about six lines: short answers are alike anyhow
MIN_SHARE = 0.75  # of the student with fewer fingerprints

CellFingerprints = dict[str, frozenset[int]]  # cell → fingerprints of its code


@dataclass(frozen=True)
class SimilarPair:
    """Two students with similar code, the share that is alike, and the cells with most of it."""

    first: str
    second: str
    share: float
    cells: tuple[str, ...]


def similar_pairs(
    course: Course, assignment: str, students: Iterable[str]
) -> list[SimilarPair] | None:
    """The pairs whose code is strikingly alike, the most alike first.

    None where copydetect is not installed.
    """
    try:
        import copydetect  # noqa: F401  takes a second
    except ImportError:
        return None
    handed_out = _handed_out(course, assignment)
    class_fingerprints = {}
    for student in students:
        cells = solution_cells(course.path("autograded", student, assignment))
        if cells:
            class_fingerprints[student] = {
                name: fingerprints(code) - handed_out for name, code in cells.items()
            }
    return compare(class_fingerprints)


def compare(class_fingerprints: dict[str, CellFingerprints]) -> list[SimilarPair]:
    """The pairs that are alike, given the fingerprints of each student's cells."""
    owners: dict[tuple[str, int], list[str]] = defaultdict(list)
    for student, cells in class_fingerprints.items():
        for cell, prints in cells.items():
            for fingerprint in prints:
                owners[cell, fingerprint].append(student)
    limit = max(COMMON_MIN, COMMON_SHARE * len(class_fingerprints))
    rare = {key: students for key, students in owners.items() if len(students) <= limit}
    sizes = Counter(student for students in rare.values() for student in students)
    shared: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (cell, _), students in rare.items():
        for pair in itertools.combinations(students, 2):
            shared[pair][cell] += 1
    pairs = []
    for (first, second), counts in shared.items():
        share = counts.total() / min(sizes[first], sizes[second])
        if counts.total() >= MIN_SHARED and share >= MIN_SHARE:
            names = tuple(cell for cell, _ in counts.most_common())
            pairs.append(SimilarPair(first, second, share, names))
    return sorted(pairs, key=lambda pair: (-pair.share, pair.first, pair.second))


def fingerprints(code: str) -> frozenset[int]:
    """The fingerprints of Python code, whatever its names, strings, comments and spaces."""
    from copydetect import CodeFingerprint

    computed = CodeFingerprint("cell.py", GRAM, WINDOW, fp=io.StringIO(code), language="python")
    return frozenset(int(value) for value in computed.hashes)


def solution_cells(folder: Path) -> dict[str, str]:
    """The code of the solution cells of all notebooks in a folder, by the names of the cells."""
    code_by_cell = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            for cell in json.loads(path.read_bytes())["cells"]:
                nbgrader = cell["metadata"].get("nbgrader", {})
                if cell["cell_type"] == "code" and nbgrader.get("solution"):
                    code_by_cell[nbgrader["grade_id"]] = _source_text(cell["source"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # what cannot be read is not compared
    return code_by_cell


def _handed_out(course: Course, assignment: str) -> frozenset[int]:
    """The fingerprints of all code that students were given, or could have seen as the answer."""
    handed_out: set[int] = set()
    for step in ("source", "release"):
        for path in course.path(step, ".", assignment).glob("*.ipynb"):
            for cell in json.loads(path.read_bytes())["cells"]:
                if cell["cell_type"] == "code":
                    handed_out |= fingerprints(_source_text(cell["source"]))
    return frozenset(handed_out)


def _source_text(source: str | list[str]) -> str:
    """A cell's source, which nbformat stores as one string or as lines."""
    return source if isinstance(source, str) else "".join(source)
