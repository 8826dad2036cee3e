"""Everything that needs a person's attention, urgent items first: one rule for each kind."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from .class_report import MIN_CLASS, ClassReport, ExerciseMarks, PropertyMarks
from .wording import join_with_and, pluralise

EXAMPLES = 3  # students named on a line that is about many

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class AttentionItem:
    """One entry of "What needs attention"; urgent where somebody's mark may be wrong."""

    text: str
    details: list[str] = field(default_factory=list)
    urgent: bool = False


def attention_items(report: ClassReport) -> list[AttentionItem]:
    """Everything that needs a person's attention; items about urgent_students() come first."""
    return [item for rule in RULES for item in rule(report)]


def urgent_students(report: ClassReport) -> list[str]:
    """The students whose mark is missing or may be wrong."""
    return [
        *(student.name for student in report.students if student.urgent),
        *(name for name, _ in report.unreadable),
        *report.ungraded,
    ]


# --- urgent -------------------------------------------------------------------------------------


def _suspicious(report: ClassReport) -> list[AttentionItem]:
    by_line = _group(
        (line, student.name) for student in report.students for line in student.suspicious
    )
    by_students = _group((tuple(names), line) for line, names in by_line.items())
    items = []
    for names, lines in by_students.items():
        if len(lines) == 1:
            items.append(AttentionItem(f"Suspicious: {lines[0]}.", list(names), urgent=True))
        else:
            text = f"Suspicious in {len(lines)} ways: {join_with_and(names)}."
            items.append(AttentionItem(text, lines, urgent=True))
    return items


def _without_mark(report: ClassReport) -> list[AttentionItem]:
    lines = [f"{student.name}: {why}" for student in report.students for why in student.problems]
    return _listing("These notebooks could not be graded: 0 points.", lines, urgent=True)


def _stopped(report: ClassReport) -> list[AttentionItem]:
    lines = [f"{student.name}: {why}" for student in report.students for why in student.stopped]
    return _listing("A crash or a limit ended the tests of these.", lines, urgent=True)


def _ungraded(report: ClassReport) -> list[AttentionItem]:
    count = len(report.ungraded)
    verb = "is" if count == 1 else "are"
    text = f"{pluralise(count, 'submission')} {verb} not graded yet. {_grade_again(report)}"
    return _listing(text, report.ungraded, urgent=True)


def _unreadable(report: ClassReport) -> list[AttentionItem]:
    lines = [f"{name}: {why}" for name, why in report.unreadable]
    text = f"{pluralise(len(lines), 'result')} could not be read: not counted."
    return _listing(f"{text} {_grade_again(report)}", lines, urgent=True)


# --- to be done ---------------------------------------------------------------------------------


def _awaits_manual_marks(report: ClassReport) -> list[AttentionItem]:
    count = sum(student.needs_manual for student in report.students)
    if not count:
        return []
    cells = [exercise.name for exercise in report.exercises if exercise.waiting]
    where = f", in {join_with_and(cells)}" if cells else ""
    return [AttentionItem(f"To be marked by hand: {pluralise(count, 'student')}{where}.")]


def _marked_before_regrade(report: ClassReport) -> list[AttentionItem]:
    count = sum(student.marked_before_regrade for student in report.students)
    if not count:
        return []
    text = f"Graded again after being marked by hand, look again: {pluralise(count, 'student')}."
    return [AttentionItem(text)]


def _mixed_versions(report: ClassReport) -> list[AttentionItem]:
    if not report.mixed_versions:
        return []
    text = "The results come from different versions of the assignment."
    return [AttentionItem(f"{text} {_grade_again(report)}")]


def _tested_in_sandbox(report: ClassReport) -> list[AttentionItem]:
    names = [exercise.name for exercise in report.exercises if exercise.in_sandbox]
    if not names:
        return []
    text = f"The tests of {join_with_and(names)} ran beside the students' code, "
    return [AttentionItem(text + "which could have forged their marks.")]


# --- worth knowing ------------------------------------------------------------------------------


def _failed_by_all(report: ClassReport) -> list[AttentionItem]:
    text = "Nobody passes these: perhaps the exercise is unclear."
    return _listing(text, _titles(report.failed_by_all()))


def _often_unwritten(report: ClassReport) -> list[AttentionItem]:
    size = len(report.students)
    lines = [
        f"{exercise.name}: {exercise.unwritten} of {size} students"
        for exercise in report.exercises
        if size >= MIN_CLASS and exercise.unwritten * 2 >= size
    ]
    text = "Half of the class or more has not written these: too hard, or too late?"
    return _listing(text, lines)


def _undefined(report: ClassReport) -> list[AttentionItem]:
    lines = _examples(
        (exercise.name, student) for exercise in report.exercises for student in exercise.undefined
    )
    return _listing("Not defined by the notebook: renamed, deleted, or its cell failed.", lines)


def _unrecognised(report: ClassReport) -> list[AttentionItem]:
    lines = _examples(
        (exercise.name, student)
        for exercise in report.exercises
        for student in exercise.unrecognised
    )
    text = "Mistakes that are in no catalogue: read one, it may be a new misconception."
    return _listing(text, lines)


def _passed_by_all(report: ClassReport) -> list[AttentionItem]:
    text = "Everyone passes these: they tell nobody apart."
    return _listing(text, _titles(report.passed_by_all()))


def _notes(report: ClassReport) -> list[AttentionItem]:
    lines = _examples((note, student.name) for student in report.students for note in student.notes)
    return _listing("Notes made while grading.", lines)


RULES: tuple[Callable[[ClassReport], list[AttentionItem]], ...] = (
    _suspicious,
    _without_mark,
    _stopped,
    _ungraded,
    _unreadable,
    _awaits_manual_marks,
    _marked_before_regrade,
    _mixed_versions,
    _tested_in_sandbox,
    _failed_by_all,
    _often_unwritten,
    _undefined,
    _unrecognised,
    _passed_by_all,
    _notes,
)


def _listing(text: str, details: list[str], urgent: bool = False) -> list[AttentionItem]:
    """One item, or none where it would have nothing to list."""
    return [AttentionItem(text, details, urgent)] if details else []


def _grade_again(report: ClassReport) -> str:
    return f"Run `autograder grade {report.assignment}`."


def _titles(pairs: Iterable[tuple[ExerciseMarks, PropertyMarks]]) -> list[str]:
    titles = _group((exercise.name, prop.title) for exercise, prop in pairs)
    return [f"{exercise}: {'; '.join(names)}" for exercise, names in titles.items()]


def _examples(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A line for each subject: how many students it is about, and the first of their names."""
    lines = []
    for subject, students in _group(pairs).items():
        names = ", ".join(students[:EXAMPLES])
        if len(students) > EXAMPLES:
            names += ", …"
        lines.append(f"{subject}: {pluralise(len(students), 'student')} ({names})")
    return lines


def _group(pairs: Iterable[tuple[Key, str]]) -> dict[Key, list[str]]:
    """The values by key, the largest groups first."""
    groups: dict[Key, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))
