"""The class at a glance: marks, pass rates, and which misconceptions it holds, counted."""

import json
import math
import os
import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from ..gradebook.course import Course, CourseError
from ..gradebook.manual_marks import of_class
from .similarity import Alike, alike

UNWRITTEN = "not written yet"  # what a check says of a function that still raises its placeholder
UNDEFINED = "your notebook does not define"  # what the judge says of a name that is not there
# What it says of code that ended its process or was stopped, by itself or after the error's name.
ENDED = re.compile(
    r"\b(?:Crashed|Timeout|CellTimeoutError|Lost): (.+)|^((?:the process that ran )?your code .+)",
    re.MULTILINE,
)
EXAMPLES = 3  # students named for a mistake that nobody has named
ENOUGH = 3  # students before "everyone" means something
TOP = 10  # misconceptions that are shown at once
EPSILON = 1e-9
NUMBER = int | float

Key = tuple[str, str]  # notebook and id of a graded cell


@dataclass
class StudentMarks:
    """One student's result; cells maps a graded cell to None while a person must mark it."""

    name: str
    points: float
    needs_manual: bool
    marked_before: bool  # by a person, before the work was graded anew
    problems: list[str]  # why a notebook has no mark
    suspicious: list[str]
    notes: list[str]
    ended: list[str]  # exercises whose tests a crash or a time limit ended, and what it was
    cells: dict[Key, float | None]


@dataclass
class MarkStatistics:
    """The distribution of the marks; the quartiles include both ends."""

    n: int
    mean: float
    median: float
    lower_quartile: float
    upper_quartile: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, marks: list[float]) -> "MarkStatistics":
        lower, median, upper = (
            statistics.quantiles(marks, n=4, method="inclusive") if len(marks) > 1 else marks * 3
        )
        mean = statistics.fmean(marks)
        return cls(len(marks), mean, median, lower, upper, min(marks), max(marks))


@dataclass
class PropertyMarks:
    """How many pass a property, of those whose code for the exercise could be tested."""

    name: str
    title: str
    passed: int = 0
    tested: int = 0

    @property
    def rate(self) -> float | None:
        return self.passed / self.tested if self.tested else None


@dataclass
class HeldMisconception:
    """A catalogued mistake and how many students make it, each counted once."""

    exercise: str
    name: str
    sentence: str = ""
    students: int = 0

    @property
    def title(self) -> str:
        """The name in words; a class is named in capitals: KeepsOneMask is "keeps one mask"."""
        name = self.name.replace("_", " ")
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() if " " not in name else name


@dataclass
class ExerciseMarks:
    """What the class made of one graded cell."""

    key: Key
    name: str
    max_points: float = 0.0
    marked: int = 0  # students with points
    total: float = 0.0
    full: int = 0
    waiting: int = 0  # students whose answer a person must mark
    unwritten: int = 0
    undefined: list[str] = field(default_factory=list)  # whose notebook does not define it
    unrecognised: list[str] = field(default_factory=list)  # whose mistake is in no catalogue
    beside: bool = False  # its tests ran in the jail, beside the student's code
    properties: dict[str, PropertyMarks] = field(default_factory=dict)
    misconceptions: dict[str, HeldMisconception] = field(default_factory=dict)

    @property
    def mean_points(self) -> float | None:
        """None as long as a person must still mark somebody's answer."""
        return self.total / self.marked if self.marked and not self.waiting else None

    @property
    def full_share(self) -> float | None:
        """The share of students with all points; None where it means nothing (yet)."""
        if not self.marked or self.waiting or not self.max_points:
            return None
        return self.full / self.marked

    @property
    def weakest(self) -> PropertyMarks | None:
        """The property that fewest pass; None where everyone passes all."""
        failed = [one for one in self.properties.values() if one.passed < one.tested]
        return min(failed, key=lambda one: one.passed / one.tested, default=None)

    @property
    def facts(self) -> str:
        """All of the above in one line."""
        found = [many(self.max_points, "point")]
        if self.mean_points is not None:
            found.append(f"mean {short(self.mean_points)}")
        if self.full_share is not None:
            found.append(f"full marks {percent(self.full, self.marked)}")
        if self.unwritten:
            found.append(f"not written {self.unwritten}")
        if self.waiting:
            found.append(f"by hand {self.waiting}")
        return " · ".join(found)

    def add(self, student: str, cell: dict[str, Any]) -> None:
        """Count one student's cell."""
        self.max_points = max(self.max_points, float(cell["max_points"]))
        self.beside |= cell.get("beside") is True
        if cell["points"] is None:
            self.waiting += 1
        else:
            self.marked += 1
            self.total += cell["points"]
            self.full += cell["points"] >= cell["max_points"] - EPSILON
        found = cell["properties"]
        # A test beside the student's code knows only the exception.
        messages = [str(one.get("message")) for one in found or [cell]]
        unwritten = all(one.startswith((UNWRITTEN, "NotImplementedError")) for one in messages)
        undefined = not unwritten and all(UNDEFINED in one for one in messages)
        self.unwritten += unwritten
        self.undefined += [student] * undefined
        failed = []
        for one in found:
            name = clean(one["name"], 80)
            title = clean(str(one.get("title") or name))
            marks = self.properties.setdefault(name, PropertyMarks(name, title))
            if not unwritten and not undefined:
                passed = one.get("passed") is True
                marks.tested += 1
                marks.passed += passed
                failed += [one] * (not passed)
        held = set()
        for one in failed:
            if one.get("misconception"):
                name, hint = clean(str(one["misconception"]), 80), clean(str(one.get("hint") or ""))
                mistake = self.misconceptions.setdefault(name, HeldMisconception(self.name, name))
                mistake.sentence = mistake.sentence or hint
                mistake.students += name not in held
                held.add(name)
        if failed and not held and not _ended(cell):
            self.unrecognised.append(student)


@dataclass
class Matter:
    """Something for the instructor to see to; urgent where somebody's mark may be wrong."""

    text: str
    details: list[str] = field(default_factory=list)
    urgent: bool = False


@dataclass
class ClassReport:
    """What is known of an assignment's results, as plain data whose text is safe to print.

    Exercises stand in the order of the assignment, students in the order of their names.
    """

    course: str
    assignment: str
    students: list[StudentMarks]
    exercises: list[ExerciseMarks]
    unreadable: list[tuple[str, str]]  # student, why
    ungraded: list[str]  # handed in, no result
    mixed: bool  # the results come from different versions of the assignment
    alike: list[Alike] | None  # pairs with similar code; None where they were not compared
    graded_at: datetime

    @classmethod
    def load(cls, course: Course, assignment: str) -> "ClassReport":
        """Read every result.json of an assignment. CourseError where there is none to read."""
        again = f"run `autograder grade {assignment}`"
        folders = sorted(one for one in course.results(assignment).glob("[!.]*") if one.is_dir())
        if not folders:
            raise CourseError(f"there are no results of {assignment!r}: {again}")
        # Lists, because two names may look the same.
        found: list[tuple[str, dict[str, Any]]] = []
        unreadable: list[tuple[str, str]] = []
        latest = 0.0
        people = of_class(course, assignment)
        for folder in folders:
            name, path = clean(folder.name), folder / "result.json"
            try:
                raw = _checked(json.loads(path.read_bytes()))
                raw["by_hand"] = people.get(folder.name)
                found.append((name, raw))
                latest = max(latest, path.stat().st_mtime)
            except (OSError, ValueError, RecursionError) as error:
                unreadable.append((name, clean(str(error))))
        if not found:
            name, why = unreadable[0]
            raise CourseError(
                f"none of the {len(unreadable)} results of {assignment!r} can be read "
                f"(the first, {name}: {why}): {again}"
            )
        found.sort(key=lambda item: _order(item[0]))
        graded = {one.name for one in folders}
        versions = {
            frozenset((*_key(cell), cell["max_points"]) for cell in raw["cells"])
            for _, raw in found
        }
        return cls(
            course=clean(course.course_id or course.root.name),
            assignment=clean(assignment),
            students=[_student(name, raw) for name, raw in found],
            exercises=_exercises(found),
            unreadable=unreadable,
            ungraded=[clean(one) for one in course.students(assignment) if one not in graded],
            mixed=len(versions) > 1,
            alike=_alike(course, assignment, [one.name for one in folders]),
            graded_at=datetime.fromtimestamp(latest),
        )

    @property
    def misconceptions(self) -> list[HeldMisconception]:
        """Those that most students hold first."""
        found = [held for one in self.exercises for held in one.misconceptions.values()]
        return sorted(found, key=lambda one: (-one.students, one.exercise, one.name))

    @property
    def marks(self) -> MarkStatistics:
        return MarkStatistics.of([one.points for one in self.students])

    @property
    def top(self) -> float:
        """The most points that can be had before anything is marked by hand."""
        worth = sum(one.max_points for one in self.exercises if not one.waiting)
        return max([worth, *(one.points for one in self.students)])

    @property
    def by_hand(self) -> float:
        """The points that a person gives."""
        return sum(one.max_points for one in self.exercises if one.waiting)

    @property
    def facts(self) -> dict[str, str]:
        """The marks in numbers: what it is → how much."""
        marks, top = self.marks, self.top
        mean = f"{short(marks.mean, 1)} of {short(top)} ({percent(marks.mean, top)})"
        if marks.n == 1:
            return {"mean": mean}
        return {
            "mean": mean,
            "median": short(marks.median, 1),
            "middle half": f"{short(marks.lower_quartile, 1)} to {short(marks.upper_quartile, 1)}",
            "range": f"{short(marks.lowest, 1)} to {short(marks.highest, 1)}",
        }

    @property
    def footnote(self) -> str:
        """What the marks are not."""
        more = f" (another {many(self.by_hand, 'point')})" if self.by_hand else ""
        return (
            "Marks are the autograder's: without late penalties and without marks given by hand"
            f"{more}. The gradebook has the final ones."
        )

    @property
    def alike_note(self) -> str:
        """What the list of similar code is, or why there is none."""
        if self.alike is None:
            return "Not compared: that needs `pip install copydetect`."
        if not self.alike:
            return "No two submissions are strikingly alike."
        return (
            "A hint where to look, not a verdict: read both before you think of copying. The share "
            "is of the code that few others have; names, strings and comments do not count."
        )

    def bins(self) -> list[tuple[float, float, int]]:
        """The marks as a histogram: from, to, students. The last bin holds its upper edge too."""
        top = self.top
        steps = (step * 10.0**power for power in range(-1, 30) for step in (1.0, 2.5, 5.0))
        width = next(step for step in steps if top / step <= 12 + EPSILON)
        last = max(0, math.ceil(top / width - EPSILON) - 1)
        counts = Counter(
            min(max(math.floor(one.points / width + EPSILON), 0), last) for one in self.students
        )
        return [(n * width, min((n + 1) * width, top or width), counts[n]) for n in range(last + 1)]

    def suspicious(self) -> dict[str, list[str]]:
        """What was suspicious → the students in whose submission it was."""
        return _grouped((line, one.name) for one in self.students for line in one.suspicious)

    def waiting(self) -> list[str]:
        """The students with an answer that a person must mark."""
        return [one.name for one in self.students if one.needs_manual]

    def again(self) -> list[str]:
        """The students whose work was graded anew after a person had marked it."""
        return [one.name for one in self.students if one.marked_before]

    def beside(self) -> list[ExerciseMarks]:
        """The exercises whose tests ran beside the students' code."""
        return [one for one in self.exercises if one.beside]

    def failed_by_all(self) -> list[tuple[ExerciseMarks, PropertyMarks]]:
        """Properties that nobody passes: perhaps the exercise is unclear."""
        return self._passed_at(0)

    def passed_by_all(self) -> list[tuple[ExerciseMarks, PropertyMarks]]:
        """Properties that everyone passes: they tell nobody apart."""
        return self._passed_at(1)

    def _passed_at(self, rate: float) -> list[tuple[ExerciseMarks, PropertyMarks]]:
        return [
            (exercise, one)
            for exercise in self.exercises
            for one in exercise.properties.values()
            if one.tested >= ENOUGH and one.rate == rate
        ]

    def urgent(self) -> list[str]:
        """The students whose mark is missing or may be wrong."""
        found = [one.name for one in self.students if one.problems or one.suspicious or one.ended]
        return found + [name for name, _ in self.unreadable] + self.ungraded

    def attention(self) -> list[Matter]:
        """What needs a person, the urgent first: that about the students of urgent()."""
        students, exercises, size = self.students, self.exercises, len(self.students)
        again = f"Run `autograder grade {self.assignment}`."
        together = _grouped((tuple(names), line) for line, names in self.suspicious().items())
        urgent = [
            (f"Suspicious: {lines[0]}.", list(names))
            if len(lines) == 1
            else (f"Suspicious in {len(lines)} ways: {listed(names)}.", lines)
            for names, lines in together.items()
        ]
        lost = [f"{one.name}: {why}" for one in students for why in one.problems]
        ended = [f"{one.name}: {what}" for one in students for what in one.ended]
        broken = [f"{name}: {why}" for name, why in self.unreadable]
        late = many(len(self.ungraded), "submission")
        are = "is" if len(self.ungraded) == 1 else "are"
        urgent += [
            ("These notebooks could not be graded: 0 points.", lost),
            ("A crash or a time limit ended the tests of these.", ended),
            (f"{late} {are} not graded yet. {again}", self.ungraded),
            (f"{many(len(broken), 'result')} could not be read: not counted. {again}", broken),
        ]
        known = []
        if waiting := self.waiting():
            cells = listed(one.name for one in exercises if one.waiting)
            place = f", in {cells}" if cells else ""
            known.append(f"To be marked by hand: {many(len(waiting), 'student')}{place}.")
        if marked := self.again():
            known.append(
                "Graded anew after being marked by hand, look again: "
                f"{many(len(marked), 'student')}."
            )
        if self.mixed:
            known.append(f"The results come from different versions of the assignment. {again}")
        if beside := self.beside():
            known.append(
                f"The tests of {listed(one.name for one in beside)} ran beside the students' code, "
                "which could have forged their marks."
            )
        routine = {
            "Nobody passes these: perhaps the exercise is unclear.": _titles(self.failed_by_all()),
            "Half of the class or more has not written these: too hard, or too late?": [
                f"{one.name}: {one.unwritten} of {size} students"
                for one in exercises
                if size >= ENOUGH and one.unwritten * 2 >= size
            ],
            "Not defined by the notebook: renamed, deleted, or its cell failed.": _examples(
                (one.name, student) for one in exercises for student in one.undefined
            ),
            "Mistakes that are in no catalogue: read one, it may be a new misconception.": (
                _examples((one.name, student) for one in exercises for student in one.unrecognised)
            ),
            "Everyone passes these: they tell nobody apart.": _titles(self.passed_by_all()),
            "Notes made while grading.": _examples(
                (note, one.name) for one in students for note in one.notes
            ),
        }
        return [
            *(Matter(text, lines, urgent=True) for text, lines in urgent if lines),
            *map(Matter, known),
            *(Matter(text, lines) for text, lines in routine.items() if lines),
        ]

    def print(self, console: Console) -> None:
        """Show the report in a terminal, on at most 100 columns."""
        from .terminal_view import show

        show(self, console)

    def html(self) -> str:
        """One page that needs nothing else: no script, no file, no network."""
        from .html_page import page

        return page(self)

    def write(self, path: Path | str) -> None:
        """Write the page whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        fresh.write_text(self.html(), encoding="utf-8")
        os.replace(fresh, path)


def clean(text: str, most: int = 400) -> str:
    """Text from outside as printable characters: no control, direction or broken ones, not long."""
    text = " ".join(text[: 4 * most].split())
    if not text.isprintable():
        text = "".join(
            # The two joiners are part of words in several scripts and of emoji.
            one if one.isprintable() or one in "\u200c\u200d" else f"\\u{ord(one):04x}"
            for one in text
        )
    return cut(text, most)


def _alike(course: Course, assignment: str, students: list[str]) -> list[Alike] | None:
    found = alike(course, assignment, students)
    return found and [
        Alike(clean(one.one), clean(one.other), one.share, tuple(map(clean, one.cells)))
        for one in found
    ]


def _checked(raw: Any) -> dict[str, Any]:
    """A result whose parts have the kinds that the report relies on; ValueError otherwise."""
    _need(raw, points=NUMBER, max_points=NUMBER, cells=list)
    _need(raw, problems=dict, suspicious=list, notes=list)
    for cell in raw["cells"]:
        _need(cell, notebook=str, grade_id=str, max_points=NUMBER, points=NUMBER | None)
        _need(cell, properties=list)
        for one in cell["properties"]:
            _need(one, name=str)
    return raw


def _need(raw: Any, **kinds: Any) -> None:
    for name, kind in kinds.items():
        value = raw.get(name) if isinstance(raw, dict) else ...
        good = isinstance(value, kind) and not isinstance(value, bool)
        # What is not a number is not less than one either.
        if not good or (isinstance(value, NUMBER) and not abs(value) < 1e9):
            raise ValueError(f"it is not a result: the {name} are missing or broken")


def _student(name: str, raw: dict[str, Any]) -> StudentMarks:
    people = raw["by_hand"]  # None where the gradebook does not know the student
    return StudentMarks(
        name=name,
        points=float(raw["points"]),
        needs_manual=bool(people["waiting"] if people else raw.get("needs_manual_grade")),
        marked_before=bool(people and people["again"]),
        problems=[clean(str(one)) for one in raw["problems"].values()],
        suspicious=[clean(str(one)) for one in raw["suspicious"]],
        notes=[clean(str(one)) for one in raw["notes"]],
        ended=[f"{_label(cell)}, {end}" for cell in raw["cells"] if (end := _ended(cell))],
        cells={_key(cell): cell["points"] for cell in raw["cells"]},
    )


def _exercises(results: list[tuple[str, dict[str, Any]]]) -> list[ExerciseMarks]:
    # A complete result first: it knows the order of the exercises.
    complete = sorted(results, key=lambda item: -len(item[1]["cells"]))
    names = {_key(cell): _label(cell) for _, raw in complete for cell in raw["cells"]}
    uses = Counter(names.values())
    found = {
        key: ExerciseMarks(key, name if uses[name] == 1 else f"{key[0]}: {name}")
        for key, name in names.items()
    }
    for student, raw in results:
        for cell in raw["cells"]:
            found[_key(cell)].add(student, cell)
    return list(found.values())


def _key(cell: dict[str, Any]) -> Key:
    return clean(cell["notebook"], 200), clean(cell["grade_id"], 200)


def _label(cell: dict[str, Any]) -> str:
    """What an instructor calls the exercise: the grading cell of `unroll` is `test_unroll`."""
    _, grade_id = _key(cell)
    return grade_id.removeprefix("test_") or grade_id


def _ended(cell: dict[str, Any]) -> str:
    """The first crash or timeout that ended tests of a cell; empty if none did."""
    messages = "\n".join(str(one.get("message")) for one in (cell, *cell["properties"]))
    found = ENDED.search(messages)
    return clean(found[1] or found[2]) if found else ""


def _order(name: str) -> tuple[str, str]:
    """As people sort names: É beside E, capitals beside small letters."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(one for one in plain if not unicodedata.combining(one)), name


def _grouped(pairs: Iterable[tuple[Any, str]]) -> dict[Any, list[str]]:
    """The largest groups first."""
    found: dict[Any, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _titles(pairs: list[tuple[ExerciseMarks, PropertyMarks]]) -> list[str]:
    found = _grouped((exercise.name, one.title) for exercise, one in pairs)
    return [f"{name}: {'; '.join(titles)}" for name, titles in found.items()]


def _examples(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Each thing with how many students it is about, and some of them to begin with."""
    return [
        f"{what}: {many(len(names), 'student')} "
        f"({', '.join(names[:EXAMPLES])}{', …' if len(names) > EXAMPLES else ''})"
        for what, names in _grouped(pairs).items()
    ]


def cut(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def percent(part: float, whole: float) -> str:
    """A share in whole percent; 0 % and 100 % only where it is exactly that."""
    if not whole:
        return "—"
    share = round(100 * part / whole)
    return f"{min(99, max(1, share)) if 0 < part < whole else share} %"


def short(value: float | None, digits: int = 2) -> str:
    """Points with no more decimals than they need."""
    return "—" if value is None else f"{round(value, digits) + 0.0:.10g}"


def many(count: float, what: str) -> str:
    """1 student, 1,200 students."""
    return f"{round(count, 2):,.10g} {what}{'' if count == 1 else 's'}"


def listed(names: Iterable[str]) -> str:
    """a, b and c."""
    *most, last = list(names) or [""]
    return f"{', '.join(most)} and {last}" if most else last
