"""Answers kept in files, each with the marks it must get: a measure of how well the tests judge.

A file is Python, but it is read and never run. Its list C holds tuples (exercise, label, full,
source): an answer whose `full` is True must get full marks, any other must lose points. Answers may
also be appended one by one, by calls with these four literals: C.append((…)) or case(…).
"""

import ast
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from rnncourse.exercises import exercises_of
from rnncourse.files import write_json

from .audit import Candidate, Finding, cells_of_exercise, examine, notebook_with_answer
from .gradebook.course import Course, CourseError

SEED = 77001  # an arbitrary one: marks must not depend on it
LIST_NAME = "C"


@dataclass(frozen=True)
class Answer:
    """An answer to an exercise, and whether it must get full marks or lose points."""

    file: str
    exercise: str
    label: str
    full: bool
    source: str


@dataclass(frozen=True)
class Checked:
    """An answer and what it got."""

    answer: Answer
    finding: Finding

    @property
    def correct(self) -> bool:
        lost_points = self.finding.points < self.finding.max_points
        return lost_points != self.answer.full

    @property
    def messages(self) -> list[tuple[str, str]]:
        """The names of failed properties, and what was wrong."""
        properties = self.finding.cell.properties
        return [(prop.name, prop.message) for prop in properties if prop.message]

    @property
    def misconceptions(self) -> list[str]:
        """The names of the mistakes that were recognised."""
        properties = self.finding.cell.properties
        return sorted({prop.misconception for prop in properties if prop.misconception})

    @property
    def hints(self) -> list[str]:
        properties = self.finding.cell.properties
        return sorted({prop.hint for prop in properties if prop.hint})


def check_answers(
    course: Course,
    files: list[Path],
    *,
    only: str | None,
    seed: int | None,
    json_file: Path | None,
    jobs: int,
    jail: str,
    console: Console,
) -> int:
    """Grade the answers of some files and print those with a wrong mark; 1 if there are any.

    only: the name of an exercise; seed: of the random inputs; json_file: where to write what every
    answer got. Errors: CourseError where a file cannot be read or names an unknown exercise.
    """
    answers = [answer for file in files for answer in read_answers(file)]
    if only is not None:
        answers = [answer for answer in answers if answer.exercise == only]
    if not answers:
        raise CourseError(f"there are no answers{f' to {only}' if only else ''} in these files")
    candidates = _candidates(course, answers)
    # One assignment after the other, each with one jail.
    answers.sort(key=lambda answer: candidates[answer].assignment)
    tasks = [(candidates[answer], SEED if seed is None else seed) for answer in answers]
    checked = []
    with console.status("") as status:
        for answer, finding in zip(answers, examine(course, tasks, jobs, jail), strict=True):
            checked.append(Checked(answer, finding))
            status.update(f"{finding.candidate.assignment}: {answer.exercise}")
    wrong = [entry for entry in checked if not entry.correct]
    for entry in wrong:
        _print_wrong(entry, console)
    _print_counts(checked, console)
    if json_file is not None:
        write_json(json_file, [_as_json(entry) for entry in checked], indent=1)
    return 1 if wrong else 0


# --- reading --------------------------------------------------------------------------------------


def read_answers(file: Path) -> list[Answer]:
    """The answers in a file. CourseError where they are not literals, or the file is not Python."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, SyntaxError, ValueError) as error:
        raise CourseError(f"{file} cannot be read: {error}") from None
    answers = []
    for statement in tree.body:
        nodes = _answer_nodes(statement)
        if nodes is None:
            raise _malformed(file, statement)
        for node in nodes:
            try:
                exercise, label, full, source = ast.literal_eval(node)
            except (ValueError, TypeError):
                raise _malformed(file, node) from None
            if not isinstance(full, bool) or not all(
                isinstance(text, str) for text in (exercise, label, source)
            ):
                raise _malformed(file, node)
            answers.append(Answer(file.stem, exercise, label, full, source))
    if not answers:
        raise CourseError(
            f"{file} holds no answers: it needs a list {LIST_NAME} of tuples "
            "(exercise, label, full, source)"
        )
    return answers


def _answer_nodes(statement: ast.stmt) -> list[ast.expr] | None:
    """What a statement adds to the list; None for one whose effect cannot be read off."""
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if LIST_NAME not in names or statement.value is None:
            return []
        value = statement.value
        return value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        arguments = statement.value.args
        if statement.value.keywords:
            return None
        if len(arguments) == 1:  # C.append((…))
            return arguments
        return [ast.copy_location(ast.Tuple(arguments, ast.Load()), statement)]
    if isinstance(statement, ast.FunctionDef | ast.Import | ast.ImportFrom):
        return []
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return []
    return None


def _malformed(file: Path, node: ast.expr | ast.stmt) -> CourseError:
    return CourseError(
        f"{file}, line {node.lineno}: not an answer. The file is not run: an answer must be a "
        "literal tuple (exercise, label, full, source) of three strings and a bool"
    )


# --- submitting -----------------------------------------------------------------------------------


def _candidates(course: Course, answers: list[Answer]) -> dict[Answer, Candidate]:
    sources = course.root / course.directory().source_directory
    assignments = {
        exercise: folder.name
        for folder in sorted(sources.iterdir())
        for exercise in exercises_of(folder.name)
    }
    candidates = {}
    for answer in answers:
        assignment = assignments.get(answer.exercise)
        if assignment is None:
            raise CourseError(
                f"{answer.file} has an answer to {answer.exercise!r}, which is not an exercise "
                f"of {course.root}"
            )
        candidates[answer] = _candidate(course, assignment, answer)
    return candidates


def _candidate(course: Course, assignment: str, answer: Answer) -> Candidate:
    for source in course.sources(assignment).values():
        if cells := cells_of_exercise(source, answer.exercise):
            notebook = notebook_with_answer(source, *cells, answer.source)
            kind = "alternative" if answer.full else "misconception"
            return Candidate(assignment, answer.exercise, kind, answer.label, notebook)
    raise CourseError(f"no notebook of {assignment} asks for {answer.exercise}")


# --- reporting ------------------------------------------------------------------------------------


def _print_wrong(entry: Checked, console: Console) -> None:
    answer, finding = entry.answer, entry.finding
    expected = "full marks" if answer.full else "fewer than all points"
    lines = [
        f"{finding.candidate.assignment}/{answer.exercise} [{answer.label}]: "
        f"{finding.points:g} of {finding.max_points:g} points, expected {expected}"
    ]
    if finding.cell.message:
        lines.append(f"    {finding.cell.message}")
    lines += [f"    {name}: {message}" for name, message in entry.messages]
    lines += [f"    hint: {hint}" for hint in entry.hints]
    console.print("\n".join(lines), markup=False, highlight=False)


def _print_counts(checked: list[Checked], console: Console) -> None:
    right = [entry for entry in checked if entry.answer.full]
    wrong = [entry for entry in checked if not entry.answer.full]
    named = [entry for entry in wrong if entry.correct and entry.misconceptions]
    console.print(
        f"right answers with full marks: {sum(entry.correct for entry in right)} of {len(right)}; "
        f"wrong answers that lost points: {sum(entry.correct for entry in wrong)} of {len(wrong)}, "
        f"{len(named)} of these named",
        highlight=False,
    )


def _as_json(entry: Checked) -> dict[str, object]:
    answer, finding = entry.answer, entry.finding
    described = {key: value for key, value in asdict(answer).items() if key != "source"}
    return {
        **described,
        "assignment": finding.candidate.assignment,
        "points": finding.points,
        "max_points": finding.max_points,
        "correct": entry.correct,
        "misconceptions": entry.misconceptions,
        "hints": entry.hints,
        "messages": entry.messages,
        "error": finding.cell.message,
        "suspicious": finding.suspicious,
    }
