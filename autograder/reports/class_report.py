"""The class at a glance, as data: marks, pass rates, and the misconceptions it holds.

attention.py says what an instructor should look at; html_page.py and terminal_view.py show it all.
"""

import json
import math
import re
import statistics
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from rnncourse.checks.status import Status

from ..gradebook.course import Course, CourseError
from ..gradebook.manual_marks import manual_marks_by_student
from ..judging.results import CellResult, ManualMarks, SubmissionResult
from .similarity import SimilarPair, similar_pairs
from .wording import format_points, percent, pluralise, printable

MIN_CLASS = 3  # students before "everyone" means something
MAX_BINS = 12  # of the histogram
EPSILON = 1e-9

CellKey = tuple[str, str]  # notebook and id of a graded cell


@dataclass
class StudentMarks:
    """One student's result; cells maps a graded cell to None while a person must mark it."""

    name: str
    points: float
    needs_manual: bool
    marked_before_regrade: bool  # by a person, before the work was graded again
    problems: list[str]  # why a notebook has no mark
    suspicious: list[str]
    notes: list[str]
    stopped: list[str]  # exercises whose tests a crash or a limit ended, and what it was
    cells: dict[CellKey, float | None]

    @property
    def urgent(self) -> bool:
        """Whether the mark may be wrong."""
        return bool(self.problems or self.suspicious or self.stopped)


@dataclass
class MarkStatistics:
    """The distribution of the marks; the quartiles include both ends."""

    count: int
    mean: float
    median: float
    lower_quartile: float
    upper_quartile: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, marks: list[float]) -> "MarkStatistics":
        if len(marks) > 1:
            lower, median, upper = statistics.quantiles(marks, n=4, method="inclusive")
        else:
            lower = median = upper = marks[0]
        mean = statistics.fmean(marks)
        return cls(len(marks), mean, median, lower, upper, min(marks), max(marks))


class HistogramBin(NamedTuple):
    """The students whose points lie from `low` to `high`."""

    low: float
    high: float
    students: int


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
class MisconceptionCount:
    """A catalogued mistake and how many students make it, each counted once."""

    exercise: str
    name: str
    sentence: str = ""
    students: int = 0

    @property
    def title(self) -> str:
        """The name in words: `swaps_gates` is "swaps gates", `KeepsOneMask` "keeps one mask"."""
        name = self.name.replace("_", " ")
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower() if " " not in name else name


@dataclass
class ExerciseMarks:
    """The marks of the class for one graded cell."""

    key: CellKey
    name: str
    max_points: float = 0.0
    marked: int = 0  # students with points
    total: float = 0.0
    full: int = 0  # students with all points
    waiting: int = 0  # students whose answer a person must mark
    unwritten: int = 0
    undefined: list[str] = field(default_factory=list)  # whose notebook does not define it
    unrecognised: list[str] = field(default_factory=list)  # whose mistake is in no catalogue
    in_sandbox: bool = False  # its tests ran in the sandbox, beside the student's code
    properties: dict[str, PropertyMarks] = field(default_factory=dict)
    misconceptions: dict[str, MisconceptionCount] = field(default_factory=dict)

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
        failed = [prop for prop in self.properties.values() if prop.passed < prop.tested]
        return min(failed, key=lambda prop: prop.passed / prop.tested, default=None)

    @property
    def summary(self) -> str:
        """The numbers above in one line."""
        facts = [pluralise(self.max_points, "point")]
        if self.mean_points is not None:
            facts.append(f"mean {format_points(self.mean_points)}")
        if self.full_share is not None:
            facts.append(f"full marks {percent(self.full, self.marked)}")
        if self.unwritten:
            facts.append(f"not written {self.unwritten}")
        if self.waiting:
            facts.append(f"by hand {self.waiting}")
        return " · ".join(facts)

    def add(self, student: str, cell: CellResult) -> None:
        """Count one student's cell."""
        self.max_points = max(self.max_points, cell.max_points)
        self.in_sandbox = self.in_sandbox or cell.in_sandbox
        if cell.points is None:
            self.waiting += 1
        else:
            self.marked += 1
            self.total += cell.points
            self.full += cell.points >= cell.max_points - EPSILON
        # A test in the sandbox has no properties, only a status.
        statuses = {prop.status for prop in cell.properties} or {cell.status}
        if statuses == {Status.NOT_WRITTEN}:
            self.unwritten += 1
        elif statuses == {Status.NOT_DEFINED}:
            self.undefined.append(student)
        tested = statuses != {Status.NOT_WRITTEN} and statuses != {Status.NOT_DEFINED}
        mistakes: dict[str, str] = {}  # name → hint
        for prop in cell.properties:
            name = printable(prop.name, 80)
            title = printable(prop.title or name)
            marks = self.properties.setdefault(name, PropertyMarks(name, title))
            if tested:
                marks.tested += 1
                marks.passed += prop.passed
            if tested and not prop.passed and prop.misconception:
                mistake, hint = printable(prop.misconception, 80), printable(prop.hint or "")
                mistakes[mistake] = mistakes.get(mistake) or hint
        for name, hint in mistakes.items():
            count = self.misconceptions.setdefault(name, MisconceptionCount(self.name, name))
            count.sentence = count.sentence or hint
            count.students += 1
        failed = tested and not all(prop.passed for prop in cell.properties)
        if failed and not mistakes and _why_stopped(cell) is None:
            self.unrecognised.append(student)


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
    ungraded: list[str]  # submitted, no result
    mixed_versions: bool  # the results come from different versions of the assignment
    similar: list[SimilarPair] | None  # pairs with similar code; None where nothing was compared
    graded_at: datetime

    @classmethod
    def load(cls, course: Course, assignment: str) -> "ClassReport":
        """Read every result.json of an assignment. CourseError where there is none to read."""
        advice = f"run `autograder grade {assignment}`"
        folders = sorted(path for path in course.results(assignment).glob("[!.]*") if path.is_dir())
        if not folders:
            raise CourseError(f"there are no results of {assignment!r}: {advice}")
        # Lists, because two names may look the same.
        students: list[StudentMarks] = []
        results: list[tuple[str, SubmissionResult]] = []
        unreadable: list[tuple[str, str]] = []
        latest = 0.0
        manual_marks = manual_marks_by_student(course, assignment)
        for folder in folders:
            name, path = printable(folder.name), folder / "result.json"
            try:
                result = SubmissionResult.from_json(json.loads(path.read_bytes()))
                latest = max(latest, path.stat().st_mtime)
            except (OSError, ValueError, RecursionError) as error:
                unreadable.append((name, printable(str(error))))
                continue
            results.append((name, result))
            students.append(_student_marks(name, result, manual_marks.get(folder.name)))
        if not results:
            name, why = unreadable[0]
            raise CourseError(
                f"none of the {len(unreadable)} results of {assignment!r} can be read "
                f"(the first, {name}: {why}): {advice}"
            )
        results.sort(key=lambda item: _alphabetical(item[0]))
        students.sort(key=lambda student: _alphabetical(student.name))
        graded = {folder.name for folder in folders}
        versions = {
            frozenset((*_key(cell), cell.max_points) for cell in result.cells)
            for _, result in results
        }
        return cls(
            course=printable(course.course_id or course.root.name),
            assignment=printable(assignment),
            students=students,
            exercises=_exercise_marks(results),
            unreadable=unreadable,
            ungraded=[
                printable(name) for name in course.students(assignment) if name not in graded
            ],
            mixed_versions=len(versions) > 1,
            similar=_printable_pairs(similar_pairs(course, assignment, sorted(graded))),
            graded_at=datetime.fromtimestamp(latest),
        )

    @property
    def misconceptions(self) -> list[MisconceptionCount]:
        """Those that most students hold first."""
        counts = [
            count for exercise in self.exercises for count in exercise.misconceptions.values()
        ]
        return sorted(counts, key=lambda count: (-count.students, count.exercise, count.name))

    @property
    def marks(self) -> MarkStatistics:
        return MarkStatistics.of([student.points for student in self.students])

    @property
    def max_points(self) -> float:
        """The highest mark there is before anything is marked by hand."""
        worth = sum(exercise.max_points for exercise in self.exercises if not exercise.waiting)
        return max([worth, *(student.points for student in self.students)])

    @property
    def manual_points(self) -> float:
        """The points that a person gives."""
        return sum(exercise.max_points for exercise in self.exercises if exercise.waiting)

    @property
    def summary(self) -> dict[str, str]:
        """The marks in numbers: the name of a statistic → its value."""
        marks, top = self.marks, self.max_points
        mean = f"{format_points(marks.mean, 1)} of {format_points(top)} "
        mean += f"({percent(marks.mean, top)})"
        if marks.count == 1:
            return {"mean": mean}
        lower = format_points(marks.lower_quartile, 1)
        upper = format_points(marks.upper_quartile, 1)
        return {
            "mean": mean,
            "median": format_points(marks.median, 1),
            "middle half": f"{lower} to {upper}",
            "range": f"{format_points(marks.lowest, 1)} to {format_points(marks.highest, 1)}",
        }

    @property
    def footnote(self) -> str:
        """What the marks do not include."""
        more = f" (another {pluralise(self.manual_points, 'point')})" if self.manual_points else ""
        return (
            "Marks are the autograder's: without late penalties and without marks given by hand"
            f"{more}. The gradebook has the final ones."
        )

    @property
    def similarity_note(self) -> str:
        """How to read the list of similar code, or why there is none."""
        if self.similar is None:
            return "Not compared: that needs `pip install copydetect`."
        if not self.similar:
            return "No two submissions are strikingly alike."
        return (
            "A hint where to look, not a verdict: read both before you think of copying. The share "
            "is of the code that few others have; names, strings and comments do not count."
        )

    def histogram(self) -> list[HistogramBin]:
        """The marks in bins of equal width. The last bin holds its upper edge too."""
        top = self.max_points
        widths = (step * 10.0**power for power in range(-1, 30) for step in (1.0, 2.5, 5.0))
        width = next(width for width in widths if top / width <= MAX_BINS + EPSILON)
        last = max(0, math.ceil(top / width - EPSILON) - 1)
        counts = Counter(
            min(max(math.floor(student.points / width + EPSILON), 0), last)
            for student in self.students
        )
        return [
            HistogramBin(n * width, min((n + 1) * width, top or width), counts[n])
            for n in range(last + 1)
        ]

    def failed_by_all(self) -> list[tuple[ExerciseMarks, PropertyMarks]]:
        """Properties that nobody passes: perhaps the exercise is unclear."""
        return self._with_pass_rate(0)

    def passed_by_all(self) -> list[tuple[ExerciseMarks, PropertyMarks]]:
        """Properties that everyone passes: they tell nobody apart."""
        return self._with_pass_rate(1)

    def _with_pass_rate(self, rate: float) -> list[tuple[ExerciseMarks, PropertyMarks]]:
        return [
            (exercise, prop)
            for exercise in self.exercises
            for prop in exercise.properties.values()
            if prop.tested >= MIN_CLASS and prop.rate == rate
        ]


def _student_marks(
    name: str, result: SubmissionResult, manual_marks: ManualMarks | None
) -> StudentMarks:
    """manual_marks: as the gradebook has them now; None where it does not know the student."""
    if manual_marks is None:
        needs_manual, marked_before = result.needs_manual_grade, False
    else:
        needs_manual, marked_before = bool(manual_marks.waiting), bool(manual_marks.again)
    return StudentMarks(
        name=name,
        points=result.points,
        needs_manual=needs_manual,
        marked_before_regrade=marked_before,
        problems=[printable(why) for why in result.problems.values()],
        suspicious=[printable(line) for line in result.suspicious],
        notes=[printable(note) for note in result.notes],
        stopped=[
            f"{_label(cell)}, {why}"
            for cell in result.cells
            if (why := _why_stopped(cell)) is not None
        ],
        cells={_key(cell): cell.points for cell in result.cells},
    )


def _exercise_marks(results: list[tuple[str, SubmissionResult]]) -> list[ExerciseMarks]:
    # The most complete result first: it knows the order of the exercises.
    by_size = sorted(results, key=lambda item: -len(item[1].cells))
    labels = {_key(cell): _label(cell) for _, result in by_size for cell in result.cells}
    uses = Counter(labels.values())
    exercises = {
        key: ExerciseMarks(key, label if uses[label] == 1 else f"{key[0]}: {label}")
        for key, label in labels.items()
    }
    for student, result in results:
        for cell in result.cells:
            exercises[_key(cell)].add(student, cell)
    return list(exercises.values())


def _printable_pairs(pairs: list[SimilarPair] | None) -> list[SimilarPair] | None:
    if pairs is None:
        return None
    return [
        SimilarPair(
            first=printable(pair.first),
            second=printable(pair.second),
            share=pair.share,
            cells=tuple(printable(cell) for cell in pair.cells),
        )
        for pair in pairs
    ]


def _key(cell: CellResult) -> CellKey:
    return printable(cell.notebook, 200), printable(cell.grade_id, 200)


def _label(cell: CellResult) -> str:
    """What an instructor calls the exercise: the grading cell of `unroll` is `test_unroll`."""
    _, grade_id = _key(cell)
    return grade_id.removeprefix("test_") or grade_id


def _why_stopped(cell: CellResult) -> str | None:
    """The crash or the limit that ended a test of this cell; None where none did."""
    return printable(cell.stopped_by or cell.status) if cell.status.stopped else None


def _alphabetical(name: str) -> tuple[str, str]:
    """A sort key as people sort names: É with E, capitals with small letters."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(char for char in decomposed if not unicodedata.combining(char)), name
