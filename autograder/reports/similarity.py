"""Whose code looks alike: a hint for the instructor where to look, never a verdict.

Solution cells are compared by their fingerprints (winnowing: Schleimer, Wilkerson and Aiken 2003,
the method of MOSS), which the library copydetect makes of code whose names and strings no longer
matter. What the course has handed out does not count, nor what many students share: an exercise
that has one natural answer makes everyone alike. Code is read as text; nothing of it is run.
"""

import io
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..gradebook.course import Course

GRAM, WINDOW = 25, 10  # characters of normalised code; every common passage of 34 is found
COMMON = 0.1  # what more than this share of the class has written is the natural answer, ...
FEW = 3  # ... but not what only so many have
ENOUGH = 30  # fingerprints that two must share, about six lines: short answers are alike anyhow
SHARE = 0.75  # of the fingerprints of the one who has fewer

Prints = dict[str, frozenset[int]]  # cell → fingerprints of its code


@dataclass(frozen=True)
class Alike:
    """Two students with similar code: the share that is alike, and in which cells most of it is."""

    one: str
    other: str
    share: float
    cells: tuple[str, ...]


def alike(course: Course, assignment: str, students: Iterable[str]) -> list[Alike] | None:
    """The pairs whose code is strikingly alike, the most alike first.

    None where copydetect is not installed.
    """
    try:
        import copydetect  # noqa: F401  takes a second
    except ImportError:
        return None
    given = _given(course, assignment)
    found = {
        student: {name: prints(code) - given for name, code in cells.items()}
        for student in students
        if (cells := solutions(course.path("autograded", student, assignment)))
    }
    return compare(found)


def compare(found: dict[str, Prints]) -> list[Alike]:
    """The pairs that are alike, given the fingerprints of each student's cells."""
    owners: dict[tuple[str, int], list[str]] = defaultdict(list)
    for student, cells in found.items():
        for name, marks in cells.items():
            for mark in marks:
                owners[name, mark].append(student)
    most = max(FEW, COMMON * len(found))
    rare = {key: names for key, names in owners.items() if len(names) <= most}
    sizes = Counter(student for names in rare.values() for student in names)
    shared: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (cell, _), names in rare.items():
        for pair in itertools.combinations(names, 2):
            shared[pair][cell] += 1
    pairs = []
    for (one, other), cells in shared.items():
        share = cells.total() / min(sizes[one], sizes[other])
        if cells.total() >= ENOUGH and share >= SHARE:
            names = tuple(name for name, _ in cells.most_common())
            pairs.append(Alike(one, other, share, names))
    return sorted(pairs, key=lambda pair: (-pair.share, pair.one, pair.other))


def prints(code: str) -> frozenset[int]:
    """The fingerprints of Python code, whatever its names, strings, comments and spaces."""
    from copydetect import CodeFingerprint

    made = CodeFingerprint("cell.py", GRAM, WINDOW, fp=io.StringIO(code), language="python")
    return frozenset(map(int, made.hashes))


def solutions(folder: Path) -> dict[str, str]:
    """The code of the solution cells of all notebooks in a folder, by the names of the cells."""
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            cells = json.loads(path.read_bytes())["cells"]
            for cell in cells:
                about = cell["metadata"].get("nbgrader", {})
                if cell["cell_type"] == "code" and about.get("solution"):
                    found[about["grade_id"]] = _text(cell["source"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # what cannot be read is not compared
    return found


def _given(course: Course, assignment: str) -> frozenset[int]:
    """The fingerprints of all code that students were handed, or could have seen as the answer."""
    given: set[int] = set()
    for step in ("source", "release"):
        for path in course.path(step, ".", assignment).glob("*.ipynb"):
            for cell in json.loads(path.read_bytes())["cells"]:
                if cell["cell_type"] == "code":
                    given |= prints(_text(cell["source"]))
    return frozenset(given)


def _text(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)
