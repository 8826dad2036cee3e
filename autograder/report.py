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
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from .course import Course, CourseError

UNWRITTEN = "not written yet"  # what a check says of a function that still raises its placeholder
UNDEFINED = "your notebook does not define"  # what the judge says of a name that is not there
EXAMPLES = 3  # students named for a mistake that nobody has named
ENOUGH = 3  # students before "everyone" means something
EPSILON = 1e-9

Key = tuple[str, str]  # notebook and id of a graded cell


# --- what the report holds ------------------------------------------------------------------------


@dataclass
class StudentMarks:
    """One student's result; points maps a graded cell to None while a person must mark it."""

    name: str
    points: float
    max_points: float
    needs_manual: bool
    problems: dict[str, str]
    suspicious: list[str]
    notes: list[str]
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
class ExerciseMarks:
    """What the class made of one graded cell."""

    notebook: str
    grade_id: str
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
        tested = [one for one in self.properties.values() if one.passed < one.tested]
        return min(tested, key=lambda one: one.passed / one.tested, default=None)


@dataclass
class HeldMisconception:
    """A catalogued mistake and how many students make it, each counted once."""

    exercise: str
    name: str
    sentence: str
    students: int = 0

    @property
    def title(self) -> str:
        """The name in words; a class is named in capitals: KeepsOneMask is "keeps one mask"."""
        name = self.name.replace("_", " ")
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() if " " not in name else name


@dataclass
class Matter:
    """Something for the instructor to see to; urgent where a mark may be wrong or missing."""

    text: str
    details: list[str] = field(default_factory=list)
    urgent: bool = True
    names: bool = False  # the details are names of students


@dataclass
class ClassReport:
    """What is known of an assignment's results, as plain data whose text is safe to print.

    Misconceptions are sorted by their number of students; exercises stand in the order of the
    assignment, students in the order of their names.
    """

    course: str
    assignment: str
    students: list[StudentMarks]
    exercises: list[ExerciseMarks]
    misconceptions: list[HeldMisconception]
    unreadable: list[tuple[str, str]] = field(default_factory=list)  # student, why
    ungraded: list[str] = field(default_factory=list)  # handed in, no result
    mixed: bool = False  # the results come from different versions of the assignment
    graded_at: datetime | None = None

    @classmethod
    def load(cls, course: Course, assignment: str) -> "ClassReport":
        """Read every result.json of an assignment. CourseError where there is none to read."""
        folder = course.results(assignment)
        folders = (
            sorted(one for one in folder.iterdir() if one.is_dir() and one.name[:1] != ".")
            if folder.is_dir()
            else []
        )
        if not folders:
            raise CourseError(
                f"there are no results of {assignment!r}: run `autograder grade {assignment}`"
            )
        # Lists, because two names may look the same.
        found: list[tuple[str, dict[str, Any]]] = []
        unreadable: list[tuple[str, str]] = []
        latest = 0.0
        for one in folders:
            name, path = clean(one.name), one / "result.json"
            try:
                found.append((name, _checked(json.loads(path.read_bytes()))))
                latest = max(latest, path.stat().st_mtime)
            except FileNotFoundError:
                unreadable.append((name, "there is no result.json"))
            except (OSError, ValueError, RecursionError) as error:
                unreadable.append((name, clean(str(error) or type(error).__name__)))
        if not found:
            name, why = unreadable[0]
            raise CourseError(
                f"none of the {len(unreadable)} results of {assignment!r} can be read "
                f"(the first, {name}: {why}): run `autograder grade {assignment}`"
            )
        graded = {one.name for one in folders}
        report = cls(
            course=clean(course.course_id or course.root.name),
            assignment=clean(assignment),
            students=[_student(name, raw) for name, raw in found],
            exercises=[],
            misconceptions=[],
            unreadable=unreadable,
            ungraded=[clean(one) for one in course.students(assignment) if one not in graded],
            graded_at=datetime.fromtimestamp(latest),
        )
        report.students.sort(key=lambda one: _order(one.name))
        report._count(found)
        return report

    def _count(self, results: list[tuple[str, dict[str, Any]]]) -> None:
        exercises: dict[Key, ExerciseMarks] = {}
        held: dict[tuple[Key, str], HeldMisconception] = {}
        versions = set()
        # A complete result first: it knows the order of the exercises.
        for name, result in sorted(results, key=lambda item: -len(item[1]["cells"])):
            versions.add(frozenset((*_key(cell), cell["max_points"]) for cell in result["cells"]))
            for cell in result["cells"]:
                key = _key(cell)
                exercise = exercises.setdefault(key, ExerciseMarks(*key, name=_label(key[1])))
                for misconception, sentence in _count_cell(exercise, name, cell).items():
                    one = held.setdefault(
                        (key, misconception), HeldMisconception("", misconception, sentence)
                    )
                    one.students += 1
                    one.sentence = one.sentence or sentence
        twice = Counter(one.name for one in exercises.values())
        for one in exercises.values():
            if twice[one.name] > 1:
                one.name = f"{one.notebook}: {one.name}"
        for (key, _), one in held.items():
            one.exercise = exercises[key].name
        self.exercises = list(exercises.values())
        self.misconceptions = sorted(
            held.values(), key=lambda one: (-one.students, one.exercise, one.name)
        )
        self.mixed = len(versions) > 1

    # --- what follows from it ---------------------------------------------------------------------

    @property
    def marks(self) -> MarkStatistics:
        return MarkStatistics.of([one.points for one in self.students])

    @property
    def top(self) -> float:
        """The most points that can be had before anything is marked by hand."""
        by_hand = {(one.notebook, one.grade_id) for one in self.exercises if one.waiting}
        worth = sum(
            one.max_points for one in self.exercises if (one.notebook, one.grade_id) not in by_hand
        )
        return max([worth, *(one.points for one in self.students)])

    @property
    def by_hand(self) -> float:
        """The points that a person gives."""
        return sum(one.max_points for one in self.exercises if one.waiting)

    def bins(self) -> list[tuple[float, float, int]]:
        """The marks as a histogram: from, to, students. The last bin holds its upper edge too."""
        top = self.top
        width = next((step for step in _steps() if top / step <= 12 + EPSILON), 1.0)
        count = max(1, math.ceil(top / width - EPSILON))
        counts = [0] * count
        for one in self.students:
            place = math.floor(one.points / width + EPSILON)
            counts[min(max(place, 0), count - 1)] += 1
        return [
            (n * width, min((n + 1) * width, top or width), students)
            for n, students in enumerate(counts)
        ]

    def suspicious(self) -> dict[str, list[str]]:
        """What was suspicious → the students in whose submission it was."""
        return _grouped((line, one.name) for one in self.students for line in one.suspicious)

    def waiting(self) -> list[str]:
        """The students with an answer that a person must mark."""
        return [one.name for one in self.students if one.needs_manual]

    def beside(self) -> list[ExerciseMarks]:
        """The exercises whose tests ran beside the students' code."""
        return [one for one in self.exercises if one.beside]

    def failed_by_all(self) -> list[tuple[ExerciseMarks, PropertyMarks]]:
        """Properties that nobody passes: perhaps the exercise is unclear."""
        return [
            (exercise, one)
            for exercise in self.exercises
            for one in exercise.properties.values()
            if one.tested >= ENOUGH and one.passed == 0
        ]

    def passed_by_all(self) -> list[tuple[ExerciseMarks, PropertyMarks]]:
        """Properties that everyone passes: they tell nobody apart."""
        return [
            (exercise, one)
            for exercise in self.exercises
            for one in exercise.properties.values()
            if one.tested >= ENOUGH and one.passed == one.tested
        ]

    def attention(self) -> list[Matter]:
        """What needs a person, the most urgent first."""
        found = [
            Matter(f"Suspicious: {line}.", names, names=True)
            for line, names in self.suspicious().items()
        ]
        if self.ungraded:
            count = len(self.ungraded)
            text = f"{count:,} submission{_s(count)} {_are(count)} not graded yet."
            text += f" Run `autograder grade {self.assignment}`."
            found.append(Matter(text, self.ungraded, names=True))
        if self.unreadable:
            count = len(self.unreadable)
            text = f"{count} result{_s(count)} could not be read and {_are(count)} not counted."
            lines = [f"{name}: {why}" for name, why in self.unreadable]
            found.append(Matter(f"{text} Run `autograder grade {self.assignment}`.", lines))
        if self.mixed:
            found.append(
                Matter(
                    "The results come from different versions of the assignment. "
                    f"Run `autograder grade {self.assignment}` to grade all by one."
                )
            )
        lost = [
            f"{one.name}: {problem}" for one in self.students for problem in one.problems.values()
        ]
        if lost:
            found.append(
                Matter(f"{len(lost)} notebook{_s(len(lost))} could not be graded: 0 points.", lost)
            )
        if beside := self.beside():
            names = _listed(one.name for one in beside)
            found.append(
                Matter(
                    f"The tests of {names} ran beside the students' code, which could have "
                    "forged their marks."
                )
            )
        if waiting := self.waiting():
            cells = _listed(one.name for one in self.exercises if one.waiting)
            text = f"To be marked by hand: {_students(len(waiting))}"
            text += f", in {cells}." if cells else "."
            found.append(Matter(text, waiting, names=True))
        return found + self._weak_spots()

    def _weak_spots(self) -> list[Matter]:
        found = []
        if failed := self.failed_by_all():
            text = "Nobody passes these: perhaps the exercise is unclear."
            found.append(Matter(text, _by_exercise(failed), urgent=False))
        skipped = [
            f"{one.name}: {one.unwritten} of {len(self.students)} students"
            for one in self.exercises
            if len(self.students) >= ENOUGH and one.unwritten * 2 >= len(self.students)
        ]
        if skipped:
            text = "Half of the class or more has not written these: too hard, or too late?"
            found.append(Matter(text, skipped, urgent=False))
        if undefined := self._examples("undefined"):
            text = "Not defined by the notebook: renamed, deleted, or its cell failed."
            found.append(Matter(text, undefined, urgent=False))
        if unrecognised := self._examples("unrecognised"):
            text = "Mistakes that are in no catalogue: read one, it may be a new misconception."
            found.append(Matter(text, unrecognised, urgent=False))
        if passed := self.passed_by_all():
            text = "Everyone passes these: they tell nobody apart."
            found.append(Matter(text, _by_exercise(passed), urgent=False))
        noted = _grouped((note, one.name) for one in self.students for note in one.notes)
        if noted:
            lines = [f"{note}: {_some(names)}" for note, names in noted.items()]
            found.append(Matter("Notes made while grading.", lines, urgent=False))
        return found

    def _examples(self, which: str) -> list[str]:
        """Each exercise's students of one kind: how many, and some to begin with."""
        found = [(one.name, getattr(one, which)) for one in self.exercises]
        found = [(name, names) for name, names in found if names]
        found.sort(key=lambda item: -len(item[1]))
        return [f"{exercise}: {_some(sorted(names, key=_order))}" for exercise, names in found]

    # --- showing it -------------------------------------------------------------------------------

    def print(self, console: Console) -> None:
        """Show the report in a terminal, on at most 100 columns."""
        _Terminal(self, console).show()

    def html(self) -> str:
        """One page that needs nothing else: no script, no file, no network."""
        return _page(self)

    def write(self, path: Path | str) -> None:
        """Write the page whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        fresh.write_text(self.html(), encoding="utf-8")
        os.replace(fresh, path)


# --- reading a result -----------------------------------------------------------------------------


def clean(text: str, most: int = 400) -> str:
    """Text from outside as printable characters: no control, direction or broken ones, not long."""
    text = " ".join(text[: 4 * most].split())
    if not text.isprintable():
        text = "".join(
            # The two joiners are part of words in several scripts and of emoji.
            one if one.isprintable() or one in "\u200c\u200d" else f"\\u{ord(one):04x}"
            for one in text
        )
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _checked(raw: Any) -> dict[str, Any]:
    """A result whose parts have the kinds that the report relies on; ValueError otherwise."""
    _need(isinstance(raw, dict), "it is not a result")
    cells = raw.get("cells")
    _need(isinstance(cells, list), "it has no cells")
    _number(raw.get("points"))
    _number(raw.get("max_points"))
    for name, kind in (("problems", dict), ("suspicious", list), ("notes", list)):
        _need(isinstance(raw.setdefault(name, kind()), kind), f"its {name} are broken")
    for cell in cells:
        _need(isinstance(cell, dict), "a cell is broken")
        _need(all(isinstance(cell.get(one), str) for one in ("notebook", "grade_id")), "no cell id")
        _number(cell.get("max_points"))
        if cell.get("points") is not None:
            _number(cell["points"])
        properties = cell.setdefault("properties", [])
        _need(isinstance(properties, list), "the properties of a cell are broken")
        for one in properties:
            _need(
                isinstance(one, dict) and isinstance(one.get("name"), str), "a property is broken"
            )
    return raw


def _need(good: bool, why: str) -> None:
    if not good:
        raise ValueError(why)


def _number(value: Any) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    _need(good and abs(value) < 1e9, "its points are not numbers")  # NaN is not less either


def _student(name: str, raw: dict[str, Any]) -> StudentMarks:
    return StudentMarks(
        name=name,
        points=float(raw["points"]),
        max_points=float(raw["max_points"]),
        needs_manual=bool(raw.get("needs_manual_grade")),
        problems={clean(str(one)): clean(str(why)) for one, why in raw["problems"].items()},
        suspicious=[clean(str(one)) for one in raw["suspicious"]],
        notes=[clean(str(one)) for one in raw["notes"]],
        cells={_key(cell): cell.get("points") for cell in raw["cells"]},
    )


def _key(cell: dict[str, Any]) -> Key:
    return clean(cell["notebook"], 200), clean(cell["grade_id"], 200)


def _order(name: str) -> tuple[str, str]:
    """As people sort names: É beside E, capitals beside small letters."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(one for one in plain if not unicodedata.combining(one)), name


def _label(grade_id: str) -> str:
    """What an instructor calls the exercise: the grading cell of `unroll` is `test_unroll`."""
    return grade_id.removeprefix("test_") or grade_id


def _count_cell(exercise: ExerciseMarks, student: str, cell: dict[str, Any]) -> dict[str, str]:
    """Add one student's cell; the misconceptions that showed in it, with their sentences."""
    exercise.max_points = max(exercise.max_points, float(cell["max_points"]))
    exercise.beside |= cell.get("beside") is True
    points = cell.get("points")
    if points is None:
        exercise.waiting += 1
    else:
        exercise.marked += 1
        exercise.total += points
        exercise.full += points >= cell["max_points"] - EPSILON
    found = cell["properties"]
    messages = [str(one.get("message") or "") for one in found]
    if not found:
        # A test beside the student's code knows only the exception.
        exercise.unwritten += str(cell.get("message")).startswith("NotImplementedError")
    untested = True
    if found and all(one == UNWRITTEN for one in messages):
        exercise.unwritten += 1
    elif found and all(UNDEFINED in one for one in messages):
        exercise.undefined.append(student)
    else:
        untested = False
    held: dict[str, str] = {}
    failed = False
    for one in found:
        name = clean(one["name"], 80)
        title = clean(str(one.get("title") or name))
        marks = exercise.properties.setdefault(name, PropertyMarks(name, title))
        if untested:
            continue
        marks.tested += 1
        if one.get("passed") is True:
            marks.passed += 1
            continue
        failed = True
        if one.get("misconception"):
            which = clean(str(one["misconception"]), 80)
            held[which] = held.get(which) or clean(str(one.get("hint") or ""))
    if failed and not held:
        exercise.unrecognised.append(student)
    return held


# --- words and numbers ----------------------------------------------------------------------------


def _steps() -> Iterable[float]:
    """Widths that read well: 0.1, 0.25, 0.5, 1, 2.5, 5, 10, …"""
    for power in range(-1, 9):
        for step in (1.0, 2.5, 5.0):
            yield step * 10.0**power


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _by_exercise(pairs: list[tuple[ExerciseMarks, PropertyMarks]]) -> list[str]:
    found: dict[str, list[str]] = {}
    for exercise, one in pairs:
        found.setdefault(exercise.name, []).append(one.title)
    return [f"{name}: {'; '.join(titles)}" for name, titles in found.items()]


def _percent(part: float, whole: float) -> str:
    """A share in whole percent; 0 % and 100 % only where it is exactly that."""
    if not whole:
        return "—"
    if 0 < part < whole:
        return f"{min(99, max(1, round(100 * part / whole)))} %"
    return f"{round(100 * part / whole)} %"


def _short(value: float | None, digits: int = 2) -> str:
    """Points with no more decimals than they need."""
    return "—" if value is None else f"{round(value, digits) + 0.0:.10g}"


def _points(value: float) -> str:
    return f"{_short(value)} point{'' if value == 1 else 's'}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _students(count: int) -> str:
    return f"{count:,} student{_s(count)}"


def _some(names: list[str]) -> str:
    """How many students, and some of them to begin with."""
    more = ", …" if len(names) > EXAMPLES else ""
    return f"{_students(len(names))} ({', '.join(names[:EXAMPLES])}{more})"


def _listed(names: Iterable[str]) -> str:
    *most, last = list(names) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _footnote(report: ClassReport) -> str:
    text = "Marks are the autograder's: without late penalties and without marks given by hand"
    if report.by_hand:
        text += f" (another {_points(report.by_hand)})"
    return f"{text}. The gradebook has the final ones."


# --- in the terminal ------------------------------------------------------------------------------

BAR = 12
DETAILS = 5  # lines below a matter; the page has them all
NAMES = 8  # names below a matter; the page folds the rest
TOP = 10  # misconceptions shown before the rest is folded away


class _Terminal:
    """Prints a report; everything is plain text with a little emphasis, none of it markup."""

    def __init__(self, report: ClassReport, console: Console):
        self.report = report
        self.console = console
        self.width = min(console.width, 100)

    def show(self) -> None:
        report, marks = self.report, self.report.marks
        self.heading(f"{report.assignment} · {_students(marks.n)}")
        facts = f"mean {_short(marks.mean, 1)} of {_short(report.top)}"
        facts += f" ({_percent(marks.mean, report.top)})"
        if marks.n > 1:
            facts += (
                f" · median {_short(marks.median, 1)} · half from "
                f"{_short(marks.lower_quartile, 1)} to {_short(marks.upper_quartile, 1)} · "
                f"all from {_short(marks.lowest, 1)} to {_short(marks.highest, 1)}"
            )
        self.line(facts)
        self.line()
        self.histogram()
        self.line(_footnote(report), "dim")
        self.heading("Start the next lecture here")
        self.misconceptions()
        self.heading("Exercises")
        self.line("Pass rates are of those whose code could be tested.", "dim")
        for one in report.exercises:
            self.exercise(one)
        self.heading("What needs attention")
        self.attention()

    def line(self, text: str = "", style: str = "") -> None:
        self.console.print(Text(text, style, overflow="fold"), width=self.width)

    def heading(self, text: str) -> None:
        self.line()
        self.console.print(Rule(Text(text, "bold"), align="left", style="dim"), width=self.width)

    def grid(self, *columns: dict[str, Any]) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        for one in columns:
            table.add_column(**{"overflow": "fold", **one})
        return table

    def add(self, table: Table, *cells: str | Text) -> None:
        table.add_row(*(Text(one) if isinstance(one, str) else one for one in cells))

    def put(self, table: Table) -> None:
        self.console.print(table, width=self.width)

    def histogram(self) -> None:
        bins = self.report.bins()
        most = max(count for *_, count in bins)
        room = max(10, self.width - 30)
        table = self.grid({"justify": "right", "no_wrap": True}, {"ratio": 1, "no_wrap": True})
        for low, high, count in bins:
            length = math.ceil(count / most * min(room, most * 4)) if most else 0
            bar = Text("█" * length, "cyan").append(f" {count}" if count else "·", "default")
            self.add(table, f"{_short(low)} to {_short(high)}", bar)
        self.put(table)

    def misconceptions(self) -> None:
        found = self.report.misconceptions
        if not found:
            self.line("No catalogued mistake was recognised.")
            return
        table = self.grid({"justify": "right", "no_wrap": True}, {"ratio": 1})
        for one in found[:TOP]:
            words = Text(f"{one.exercise}: {one.title}", "bold")
            if one.sentence:
                words.append(f"\n{one.sentence}", "not bold")
            self.add(table, f"{one.students} of {len(self.report.students)}", words)
        self.put(table)
        if len(found) > TOP:
            rest = len(found) - TOP
            self.line(f"… and {rest} more misconceptions.", "dim")

    def exercise(self, one: ExerciseMarks) -> None:
        facts = [_points(one.max_points)]
        if one.mean_points is not None:
            facts.append(f"mean {_short(one.mean_points)}")
        if one.full_share is not None:
            facts.append(f"full marks {_percent(one.full, one.marked)}")
        if one.unwritten:
            facts.append(f"not written {one.unwritten}")
        if one.waiting:
            facts.append(f"to be marked by hand {one.waiting}")
        self.line()
        heading = Text(one.name, "bold", overflow="fold").append(
            f"  {' · '.join(facts)}", "not bold"
        )
        self.console.print(heading, width=self.width)
        table = self.grid(
            {"width": 0},
            {"ratio": 1},
            {"width": BAR, "no_wrap": True},
            {"width": 5, "justify": "right", "no_wrap": True},
            {"width": 9, "justify": "right", "no_wrap": True},
        )
        for property_ in one.properties.values():
            self.add(
                table,
                "",
                property_.title,
                _bar(property_.passed, property_.tested),
                _percent(property_.passed, property_.tested),
                f"{property_.passed}/{property_.tested}",
            )
        if one.properties:
            self.put(table)

    def attention(self) -> None:
        found = self.report.attention()
        if not found:
            self.line("Nothing.")
        table = self.grid({"no_wrap": True}, {"ratio": 1})
        for one in found:
            text = Text(one.text, "bold" if one.urgent else "")
            shown = one.details[: NAMES if one.names else DETAILS]
            if shown:
                text.append("\n" + (" · " if one.names else "\n").join(shown), "not bold")
            if rest := len(one.details) - len(shown):
                text.append(f"\n… and {rest:,} more", "not bold dim")
            self.add(table, Text("!", "bold red") if one.urgent else "·", text)
        self.put(table)


def _bar(part: int, whole: int) -> Text:
    """A bar that is full only for all and empty only for none."""
    if not whole:
        return Text("░" * BAR, "dim")
    length = round(BAR * part / whole)
    if 0 < part < whole:
        length = min(BAR - 1, max(1, length))
    return Text("█" * length, "cyan").append("░" * (BAR - length), "dim")


# --- the plots ------------------------------------------------------------------------------------

# matplotlib writes these three into the SVG, where the page's own colours take their place: so a
# plot follows the page into the dark.
INK, RULE, FILL = "#010101", "#020202", "#030303"
LOW, MIDDLE, HIGH = (0xD5, 0x5E, 0x00), (0xF3, 0xEE, 0xE2), (0x00, 0x72, 0xB2)  # Okabe-Ito
SHARED = 9  # columns of the heat map for properties that several exercises have
OWN = 7  # and for those that an exercise has for itself


def _svg(draw: Any, size: tuple[float, float], words: str, kind: str) -> str:
    """A plot as inline SVG. draw(figure) fills it; words say what it shows to who cannot see it."""
    import io

    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings = {
        "svg.fonttype": "none",  # text stays text, in the page's own font
        "svg.hashsalt": kind,
        "text.parse_math": False,  # a $ in a name is a $
        "font.size": 10.0,
        "axes.titlesize": 11.0,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.edgecolor": RULE,
        "grid.color": RULE,
        "grid.linewidth": 0.6,
        "text.color": INK,
        "axes.titlecolor": INK,
        "axes.labelcolor": INK,
        "xtick.color": RULE,
        "ytick.color": RULE,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
    }
    with rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        figure.patch.set_visible(False)
        draw(figure)
        for axes in figure.axes:
            axes.patch.set_visible(False)
        file = io.StringIO()
        figure.savefig(file, format="svg")
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    # What an SVG of its own would need and one inside a page must not have: ids that repeat from
    # plot to plot, a style for everything, the addresses of its namespaces.
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    width, height = (72 * one for one in size)
    label = escape(words)
    start = (
        f'<svg class="{kind}" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width:g} {height:g}" style="--natural:{width / 12:.4g}rem">'
    )
    svg = re.sub(r"<svg[^>]*>", lambda _: start, svg, count=1)
    for sentinel, colour in ((INK, "currentColor"), (RULE, "var(--rule)"), (FILL, "var(--bar)")):
        svg = svg.replace(sentinel, colour)
    return svg


def _marks_plot(report: ClassReport) -> str:
    marks, bins = report.marks, report.bins()

    def draw(figure: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.add_subplot()
        lows, highs, counts = zip(*bins, strict=True)
        width = highs[0] - lows[0]
        axes.bar(lows, counts, width=width * 0.94, align="edge", color=FILL)
        for low, count in zip(lows, counts, strict=True):
            if count:
                axes.annotate(
                    f"{count}",
                    (low + width * 0.47, count),
                    (0, 2),
                    textcoords="offset points",
                    ha="center",
                )
        axes.axvline(marks.median, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), ymax=0.93)
        right = marks.median > (lows[0] + highs[-1]) / 2
        axes.annotate(
            f"median {_short(marks.median, 1)}",
            (marks.median, 0.94),
            (-4 if right else 4, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right" if right else "left",
            va="center",
        )
        axes.set_title("Marks")
        axes.set_xlabel(f"points, of {_short(report.top)}")
        axes.set_ylabel("students")
        axes.set_xlim(lows[0] - width * 0.1, lows[-1] + width)
        axes.set_ylim(0, max(max(counts), 1) * 1.3)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)

    words = f"Histogram of the marks of {_students(marks.n)}: " + ", ".join(
        f"{count} from {_short(low)} to {_short(high)}" for low, high, count in bins if count
    )
    # As high as its neighbour, within reason.
    return _svg(draw, (4.8, min(4.4, max(3.3, _height(report)))), words, "marks")


def _height(report: ClassReport) -> float:
    """Of the plot of misconceptions, in inches."""
    return 0.9 + 0.38 * len(report.misconceptions[:TOP])


def _misconceptions_plot(report: ClassReport) -> str:
    found = report.misconceptions[:TOP]

    def draw(figure: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.add_subplot()
        counts = [one.students for one in found]
        axes.barh(range(len(found)), counts, height=0.36, color=FILL)
        for place, one in enumerate(found):
            axes.annotate(
                _cut(f"{one.exercise}: {one.title}", 50),
                (0, place),
                (0, 8),
                textcoords="offset points",
                va="bottom",
            )
            axes.annotate(
                f"{one.students}",
                (one.students, place),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontweight="bold",
            )
        axes.set_title("Most held misconceptions")
        axes.set_xlabel(f"students, of {len(report.students):,}")
        axes.set_ylabel("misconception")
        axes.set_yticks([])
        axes.set_xlim(0, max(counts) * 1.1)
        axes.set_ylim(len(found) - 0.6, -0.95)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="x", length=0)

    words = "Bars of the most held misconceptions: " + ", ".join(
        f"{one.exercise}, {one.title}: {_students(one.students)}" for one in found
    )
    return _svg(draw, (4.8, _height(report)), words, "misconceptions")


def _heat_plot(report: ClassReport) -> str:
    """Exercises × properties: first those that several exercises have, then each one's own."""
    uses = Counter(name for one in report.exercises for name in one.properties)
    shared = [name for name, count in uses.most_common() if count > 1][:SHARED]
    rows = [
        (
            exercise,
            [exercise.properties.get(name) for name in shared],
            [one for name, one in exercise.properties.items() if name not in shared],
        )
        for exercise in report.exercises
    ]
    own = min(OWN, max((len(one) for *_, one in rows), default=0))
    columns = 1 + len(shared) + own
    gap = 0.18  # between the groups of columns

    def draw(figure: Any) -> None:
        from matplotlib.patches import Rectangle

        axes = figure.add_subplot()

        def tile(x: float, y: int, part: int, whole: int, under: str = "") -> None:
            share = part / whole if whole else None
            colour = _shade(share) if share is not None else "none"
            edge = {"edgecolor": RULE, "linestyle": ":"} if share is None else {"linewidth": 0}
            axes.add_patch(Rectangle((x + 0.03, y + 0.04), 0.94, 0.92, facecolor=colour, **edge))
            ink = INK if share is None else _ink_on(colour)
            text = _percent(part, whole)
            middle = y + (0.34 if under else 0.52)
            axes.text(x + 0.5, middle, text, ha="center", va="center", color=ink)
            if under:
                axes.text(
                    x + 0.5,
                    y + 0.72,
                    _cut(under, 11),
                    ha="center",
                    va="center",
                    color=ink,
                    size=7.5,
                )

        for y, (exercise, common, special) in enumerate(rows):
            if exercise.full_share is not None:
                tile(0, y, exercise.full, exercise.marked)
            else:
                why = "by hand" if exercise.waiting else "—"
                axes.text(0.5, y + 0.52, why, ha="center", va="center", size=8)
            for n, one in enumerate(common):
                if one is not None:
                    tile(1 + gap + n, y, one.passed, one.tested)
            for n, one in enumerate(special[:OWN]):
                tile(1 + 2 * gap + len(shared) + n, y, one.passed, one.tested, one.name)
        ticks = [0.5, *(1.5 + gap + n for n in range(len(shared)))]
        labels = ["full marks", *(_cut(name, 12) for name in shared)]
        if own:
            ticks.append(1 + 2 * gap + len(shared) + own / 2)
            labels.append("its own properties" if own > 1 else "its own")
        axes.set_title("Pass rate by exercise and property", pad=10)
        axes.set_xlim(0, columns + 2 * gap)
        axes.set_ylim(len(rows), 0)
        axes.set_xticks(ticks, labels)
        axes.set_yticks([n + 0.5 for n in range(len(rows))], [_cut(e.name, 22) for e, *_ in rows])
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.tick_params(length=0)
        axes.set_xlabel("property", loc="right")
        axes.set_ylabel("exercise")
        axes.spines[:].set_visible(False)

    words = "Pass rates. " + " ".join(
        f"{exercise.name}: "
        + ", ".join(
            [f"full marks {_percent(exercise.full, exercise.marked)}"] * bool(exercise.max_points)
            + [
                f"{one.name} {_percent(one.passed, one.tested)}"
                for one in (*common, *special)
                if one
            ]
        )
        + "."
        for exercise, common, special in rows
    )
    return _svg(draw, (1.9 + 0.68 * columns, 1.15 + 0.42 * len(rows)), words, "heat")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _shade(share: float) -> str:
    """From orange by a pale middle to blue: apart for every common kind of colour blindness."""
    ends = (LOW, MIDDLE, 2 * share) if share < 0.5 else (MIDDLE, HIGH, 2 * share - 1)
    mixed = (round(a + (b - a) * ends[2]) for a, b in zip(ends[0], ends[1], strict=True))
    return "#" + "".join(f"{one:02x}" for one in mixed)


def _ink_on(colour: str) -> str:
    """White or near-black, whichever stands out more."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (light + 0.05) > (light + 0.05) / 0.055 else "#111111"


# --- the page -------------------------------------------------------------------------------------

SHOWN = 15  # names below a matter before the rest is folded away
OPEN = 40  # students up to whom the table is unfolded

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f7f7f4; --card: #ffffff; --ink: #1c2126; --soft: #59626b; --rule: #c9ced3;
  --bar: #0072b2; --track: #e4e7ea; --warn: #b34700; --warn-page: #fdf0e4;
  --low: #f9d8bd; --high: #cfe3f3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1d2125; --ink: #e6e9ec; --soft: #a3adb6; --rule: #454d55;
    --bar: #56b4e9; --track: #343a40; --warn: #ffa657; --warn-page: #33251a;
    --low: #593216; --high: #173a54;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2rem) 4rem; max-width: 74rem;
  background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: break-word;
}
h1 { margin: .2rem 0 0; font-size: clamp(1.6rem, 5vw, 2.2rem); line-height: 1.15; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.3rem; line-height: 1.25; }
p { margin: .4rem 0; }
a { color: inherit; }
.soft { color: var(--soft); }
.small { font-size: .875rem; }
.private {
  margin: 0 0 1.25rem; padding: .5rem .8rem; border-radius: .4rem; font-size: .9rem;
  border: 1px solid var(--warn); background: var(--warn-page);
}
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .8rem 0 0; font-size: .9rem; }
nav a { padding: .3rem 0; }
.tiles {
  display: grid; gap: .6rem; margin: 1.25rem 0; padding: 0;
  grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr));
}
.tiles div { background: var(--card); border-radius: .5rem; padding: .7rem .9rem; }
.tiles dt { color: var(--soft); font-size: .82rem; }
.tiles dd { margin: 0; font-size: 1.5rem; font-weight: 650; line-height: 1.25; }
.tiles dd small { font-size: .82rem; font-weight: 400; color: var(--soft); }
.tiles .urgent { box-shadow: inset .25rem 0 var(--warn); }
.tiles a { text-decoration-thickness: 1px; text-underline-offset: .2em; }
.plots {
  display: grid; gap: .6rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
}
figure { margin: 0; padding: .8rem; background: var(--card); border-radius: .5rem; }
figcaption { margin-top: .4rem; color: var(--soft); font-size: .875rem; }
svg { display: block; width: 100%; height: auto; max-width: var(--natural); margin: 0 auto; }
svg text { font-family: inherit !important; }
svg.heat { min-width: calc(.82 * var(--natural)); }
.scroll { overflow-x: auto; -webkit-overflow-scrolling: touch; }
.scroll:focus-visible { outline: 2px solid var(--bar); }
ol.lecture { margin: 0; padding: 0; list-style: none; display: grid; gap: .6rem; }
.lecture li {
  display: grid; grid-template-columns: 5.2rem 1fr; gap: 0 1rem; align-items: start;
  background: var(--card); border-radius: .5rem; padding: .8rem 1rem;
}
.lecture .count { font-size: 1.7rem; font-weight: 650; line-height: 1.1; }
.lecture .count small { display: block; font-size: .8rem; font-weight: 400; color: var(--soft); }
.lecture .what { margin: 0; color: var(--soft); font-size: .9rem; }
.lecture .what b { color: var(--ink); }
.lecture .sentence { margin: .15rem 0 0; font-size: 1.08rem; line-height: 1.4; }
.lecture .sentence { max-width: 52rem; text-wrap: pretty; }
.meter {
  display: block; height: .4rem; margin-top: .45rem; border-radius: .2rem; overflow: hidden;
  background: var(--track);
}
.meter i { display: block; height: 100%; background: var(--bar); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; color: var(--soft); font-size: .875rem; padding: 0 0 .5rem; }
th, td { padding: .38rem .6rem; text-align: right; vertical-align: top; white-space: nowrap; }
th:first-child, td.text { text-align: left; }
td.text { white-space: normal; min-width: 13rem; }
thead th { border-bottom: 2px solid var(--rule); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; }
tbody tr + tr > * { border-top: 1px solid var(--track); }
td .meter { display: inline-block; width: 6rem; margin: 0 .6rem .12rem 0; }
td, th { font-variant-numeric: tabular-nums; }
.card { background: var(--card); border-radius: .5rem; padding: .8rem; }
.people { max-height: 80vh; overflow: auto; padding: 0; }
.people table { font-size: .875rem; }
.people th, .people td { padding: .35rem .5rem; }
.people thead th { white-space: normal; overflow-wrap: normal; line-height: 1.25; }
.people thead th { position: sticky; top: 0; background: var(--card); z-index: 1; }
.people th:first-child { position: sticky; left: 0; background: var(--card); }
.people thead th:first-child { z-index: 2; }
.people tbody th { white-space: normal; overflow-wrap: anywhere; width: 100%; min-width: 9.5rem; }
.people tbody th span { font-weight: 400; font-size: .8rem; color: var(--soft); }
.people tbody th .flag { color: var(--warn); }
.people table { border-collapse: separate; border-spacing: 0; }
.none { background: var(--low); } .all { background: var(--high); }
.share { display: inline-block; min-width: 3.2em; }
.group th { padding-top: 1rem; }
details { margin: .6rem 0; }
summary { cursor: pointer; padding: .35rem 0; }
ul.matters { margin: 0; padding: 0; list-style: none; display: grid; gap: .5rem; }
.matters > li {
  background: var(--card); border-radius: 0 .5rem .5rem 0; padding: .65rem 1rem;
  border-left: .25rem solid var(--rule);
}
.matters > li.urgent { border-left-color: var(--warn); }
.matters p { margin: 0; font-weight: 600; }
.matters .urgent p b { color: var(--warn); }
.matters ul { margin: .25rem 0 0; padding-left: 1.1rem; font-size: .92rem; }
.matters .inline { margin: .25rem 0 0; font-size: .92rem; font-weight: 400; }
.matters details { margin: .1rem 0 0; font-size: .92rem; }
@media (max-width: 34rem) {
  table { font-size: .85rem; }
  th, td { padding: .38rem .4rem; }
  .card { padding: .5rem; }
  td .meter { width: 3.2rem; }
  .lecture li { grid-template-columns: 3.9rem 1fr; padding: .7rem .8rem; gap: 0 .6rem; }
  figure { padding: .5rem; }
}
@media print {
  :root { color-scheme: light; }
  .people { max-height: none; }
  li, figure { break-inside: avoid; }
}
"""


def _page(report: ClassReport) -> str:
    sections = [
        ("marks", "At a glance", _glance(report)),
        ("lecture", "Start the next lecture here", _lecture(report)),
        ("exercises", "Exercises", _exercises(report)),
        ("attention", "What needs attention", _attention(report)),
        ("students", "Students", _people(report)),
    ]
    links = "".join(f'<a href="#{where}">{title}</a>' for where, title, _ in sections)
    body = "".join(
        f'<section id="{where}"><h2>{title}</h2>{content}</section>'
        for where, title, content in sections
    )
    facts = [report.course] if report.course else []
    if report.graded_at:
        facts.append(f"last graded {report.graded_at:%Y-%m-%d %H:%M}")
    # Nothing on the page may load or run anything, even if some text got through unescaped.
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex, nofollow">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>Class report: {escape(report.assignment)}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n<header>\n"
        '<p class="private"><b>For staff only.</b> This page holds personal data: the names and '
        "marks of students. Do not publish it, project it or pass it on.</p>\n"
        '<p class="soft small">Class report</p>'
        f"<h1>{escape(report.assignment)}</h1>"
        f'<p class="soft small">{escape(" · ".join(facts))}</p>'
        f"<nav>{links}</nav>\n</header>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _glance(report: ClassReport) -> str:
    marks, top = report.marks, report.top
    matters = [one for one in report.attention() if one.urgent]
    of = f"<small> of {_short(top)}</small>"
    tiles = [
        ("students", f"{marks.n:,}"),
        ("mean", f"{_short(marks.mean, 1)}{of}"),
        ("median", f"{_short(marks.median, 1)}{of}"),
        ("middle half", f"{_short(marks.lower_quartile, 1)} – {_short(marks.upper_quartile, 1)}"),
        ("lowest – highest", f"{_short(marks.lowest, 1)} – {_short(marks.highest, 1)}"),
    ]
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles)
    kind = ' class="urgent"' if matters else ""
    cells += (
        f'<div{kind}><dt>urgent matters</dt><dd><a href="#attention">{len(matters)}</a></dd></div>'
    )
    caption = f"A mark on the border of two bars counts in the right one. {_footnote(report)}"
    plots = f"<figure>{_marks_plot(report)}<figcaption>{escape(caption)}</figcaption></figure>"
    if report.misconceptions:
        caption = "Every student is counted once for each misconception."
        plots += (
            f"<figure>{_misconceptions_plot(report)}<figcaption>{caption}</figcaption></figure>"
        )
    return f'<dl class="tiles">{cells}</dl><div class="plots">{plots}</div>'


def _lecture(report: ClassReport) -> str:
    found = report.misconceptions
    if not found:
        return "<p>No catalogued mistake was recognised in any submission.</p>"

    def entry(one: HeldMisconception) -> str:
        share = 100 * one.students / len(report.students)
        sentence = f'<p class="sentence">{escape(one.sentence)}</p>' if one.sentence else ""
        return (
            f'<li><div class="count">{one.students:,}'
            f"<small>of {_students(len(report.students))}</small>"
            f'<span class="meter" aria-hidden="true"><i style="width:{share:.3g}%"></i></span>'
            f'</div><div><p class="what"><b>{escape(one.exercise)}</b> · {escape(one.title)}</p>'
            f"{sentence}</div></li>"
        )

    intro = (
        '<p class="soft">The mistakes that were recognised in most submissions, with what the '
        "students were told.</p>"
    )
    shown = f'{intro}<ol class="lecture">{"".join(map(entry, found[:TOP]))}</ol>'
    if len(found) > TOP:
        rest = "".join(map(entry, found[TOP:]))
        shown += (
            f"<details><summary>{len(found) - TOP} more misconceptions</summary>"
            f'<ol class="lecture">{rest}</ol></details>'
        )
    return shown


def _exercises(report: ClassReport) -> str:
    if not report.exercises:
        return "<p>The results hold no exercise.</p>"
    rows = "".join(
        f'<tr><th scope="row">{escape(one.name)}</th>'
        f"<td>{_short(one.mean_points)} of {_short(one.max_points)}</td>"
        f"<td>{_full(one)}</td><td>{one.unwritten or '·'}</td>"
        f'<td class="text">{_weakest(one)}</td></tr>'
        for one in report.exercises
    )
    details = "".join(
        f'<tr class="group"><th scope="rowgroup" colspan="3">{escape(one.name)}</th></tr>'
        + "".join(
            f'<tr><td class="text">{escape(each.title)}</td>'
            f"<td>{each.passed:,} of {each.tested:,}</td>"
            f"<td>{_metered(each.passed, each.tested)}</td></tr>"
            for each in one.properties.values()
        )
        for one in report.exercises
        if one.properties
    )
    caption = (
        "Each tile: the share of students who pass the property, of those whose code for the "
        "exercise could be tested; under “full marks”, of all. Orange: few do; blue: most do."
    )
    shown = (
        f'<figure><div class="scroll" tabindex="0" role="region" aria-label="Pass rates">'
        f"{_heat_plot(report)}</div><figcaption>{caption}</figcaption></figure>"
        '<div class="card scroll" tabindex="0" role="region" aria-label="Exercises" '
        'style="margin-top:.6rem"><table><thead><tr><th scope="col">exercise</th>'
        '<th scope="col">mean points</th><th scope="col">full marks</th>'
        '<th scope="col">not written</th><th scope="col" class="text" style="text-align:left">'
        f"weakest property</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
    if details:
        shown += (
            "<details><summary>Every property, with counts</summary>"
            f'<div class="card scroll" tabindex="0" role="region" aria-label="Properties"><table>'
            '<thead><tr><th scope="col">property</th><th scope="col">students</th>'
            f'<th scope="col">share</th></tr></thead><tbody>{details}</tbody></table></div>'
            "</details>"
        )
    return shown


def _full(one: ExerciseMarks) -> str:
    if one.waiting:
        return f'<span class="soft">{one.waiting:,} to mark by hand</span>'
    return "—" if one.full_share is None else _metered(one.full, one.marked)


def _metered(part: int, whole: int) -> str:
    share = 100 * part / whole if whole else 0
    return (
        f'<span class="meter" aria-hidden="true"><i style="width:{share:.3g}%"></i></span>'
        f'<span class="share">{_percent(part, whole)}</span>'
    )


def _weakest(one: ExerciseMarks) -> str:
    weakest = one.weakest
    if weakest is None:
        return '<span class="soft">—</span>'
    return (
        f"{escape(weakest.title)} "
        f'<span class="soft">({weakest.passed:,} of {weakest.tested:,})</span>'
    )


def _attention(report: ClassReport) -> str:
    matters = report.attention()
    if not matters:
        return "<p>Nothing.</p>"
    items = []
    for one in matters:
        kind, mark = (' class="urgent"', "<b>!</b> ") if one.urgent else ("", "")
        items.append(f"<li{kind}><p>{mark}{escape(one.text)}</p>{_details(one)}</li>")
    return f'<ul class="matters">{"".join(items)}</ul>'


def _details(matter: Matter) -> str:
    """Names in a row, sentences in a list; the many in a fold."""

    def shown(lines: list[str]) -> str:
        if matter.names:
            return f'<div class="inline">{" · ".join(map(escape, lines))}</div>'
        return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in lines)}</ul>"

    if not matter.details:
        return ""
    most = SHOWN if matter.names else NAMES
    rest = len(matter.details) - most
    if rest <= 1:
        return shown(matter.details)
    return (
        f"{shown(matter.details[:most])}<details><summary>and {rest:,} more</summary>"
        f"{shown(matter.details[most:])}</details>"
    )


def _people(report: ClassReport) -> str:
    columns = [(one.notebook, one.grade_id) for one in report.exercises]
    most = {(one.notebook, one.grade_id): one.max_points for one in report.exercises}
    head = "".join(
        f'<th scope="col">{escape(one.name).replace("_", "_<wbr>")}'
        f'<br><span class="soft">{_short(one.max_points)}</span>'
        "</th>"
        for one in report.exercises
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(one.name)}{_flags(one)}</th>'
        f"<td><b>{_short(one.points)}</b></td><td>{_short(one.max_points)}</td>"
        f"{''.join(_cell(one, key, most[key]) for key in columns)}</tr>"
        for one in report.students
    )
    count = _students(len(report.students))
    open_ = " open" if len(report.students) <= OPEN else ""
    return (
        f"<details{open_}><summary>{count}, with the points of each exercise</summary>"
        '<p class="soft small">Blue: all points. Orange: none. “by hand”: awaits a person.</p>'
        '<div class="card people" tabindex="0" role="region" aria-label="Students"><table><thead>'
        '<tr><th scope="col">student</th><th scope="col">points</th><th scope="col">of</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _flags(one: StudentMarks) -> str:
    flags = ['<span class="flag">! suspicious</span>'] if one.suspicious else []
    if one.problems:
        flags.append('<span class="flag">! no mark for a notebook</span>')
    return f"<br>{', '.join(flags)}" if flags else ""


def _cell(student: StudentMarks, key: Key, most: float) -> str:
    if key not in student.cells:
        return "<td>—</td>"
    points = student.cells[key]
    if points is None:
        return '<td class="soft">by hand</td>'
    kind = ""
    if most:
        kind = "all" if points >= most - EPSILON else "none" if points <= 0 else ""
    return f'<td class="{kind}">{_short(points)}</td>' if kind else f"<td>{_short(points)}</td>"
