"""The audit: do the tests of each exercise tell right from wrong?

Submits every catalogued misconception, every correct alternative, the solution and the untouched
stub of every exercise through the jail. The stub must score 0, the solution and the alternatives
full marks; every misconception must lose points, and nine in ten must be named. With several seeds
everything is submitted under each of them, and no mark may depend on the seed.
"""

import atexit
import copy
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import is_grade, is_solution
from rich.console import Console, JustifyMethod
from rich.table import Table

from rnncourse.checks.answer_source import source_of
from rnncourse.exercises import exercises_of

from .gradebook.course import Course, CourseError
from .judging.judge import Judge
from .judging.results import CellResult
from .judging.source_notebook import demonstrations, student_names
from .rubrics import graded_properties, rubric_of, solution_files

SEED = 20180129  # an arbitrary one: marks must not depend on it
MIN_NAMED = 0.9  # the share of misconceptions that must be named


@dataclass(frozen=True)
class Candidate:
    """An answer to submit for one exercise, in a notebook of its own."""

    assignment: str
    exercise: str
    kind: str  # "solution", "stub", "alternative" or "misconception"
    name: str
    notebook: NotebookNode


@dataclass(frozen=True)
class Finding:
    """What a candidate got."""

    candidate: Candidate
    seed: int
    cell: CellResult
    suspicious: list[str] = field(default_factory=list)

    @property
    def points(self) -> float:
        return self.cell.points or 0.0

    @property
    def max_points(self) -> float:
        return self.cell.max_points

    @property
    def named(self) -> bool:
        """Whether the misconception was recognised."""
        return any(prop.misconception == self.candidate.name for prop in self.cell.properties)

    @property
    def correct(self) -> bool:
        """Whether the mark is the one that this kind of candidate must get."""
        if self.candidate.kind == "stub":
            return self.points == 0
        if self.candidate.kind == "misconception":
            return self.points < self.max_points
        return self.points == self.max_points


def candidates(course: Course, assignment: str) -> list[Candidate]:
    """All that the catalogue and the alternatives hold for the exercises of an assignment."""
    entries = []
    for source in course.sources(assignment).values():
        stubs, _ = ClearSolutions().preprocess(copy.deepcopy(source), {})
        for name, exercise in exercises_of(assignment).items():
            cells = cells_of_exercise(source, name)
            if cells is None:
                continue
            solution, test = cells
            answers = [
                ("solution", "the solution", source.cells[solution].source),
                ("stub", "the untouched stub", stubs.cells[solution].source),
            ]
            for alternative in rubric_of(name).alternatives:
                text = source_of(alternative, name)
                answers.append(("alternative", alternative.__name__, text))
            for misconception in exercise.misconceptions:
                text = source_of(misconception.wrong, name)
                answers.append(("misconception", misconception.name, text))
            for kind, label, text in answers:
                notebook = notebook_with_answer(source, solution, test, text)
                entries.append(Candidate(assignment, name, kind, label, notebook))
    return entries


def cells_of_exercise(source: NotebookNode, name: str) -> tuple[int, int] | None:
    """The indices of the solution cell that defines `name` and of the cell that grades it.

    A grading cell is recognised by its call of grade("name", …).
    """
    solution = test = None
    for index, cell in enumerate(source.cells):
        if cell.cell_type != "code":
            continue
        if is_solution(cell) and name in student_names(NotebookNode(cells=[cell])):
            solution = index
        elif is_grade(cell) and f'grade("{name}"' in cell.source:
            test = index
    return None if solution is None or test is None else (solution, test)


def notebook_with_answer(
    source: NotebookNode, solution: int, test: int, answer: str
) -> NotebookNode:
    """The solved notebook with one answer replaced and only its grading cell left."""
    demos = demonstrations(source)
    cells = []
    for index, cell in enumerate(source.cells):
        other_test = is_grade(cell) and index != test
        if cell.cell_type != "code" or cell.source in demos or other_test:
            continue
        cell = copy.deepcopy(cell)
        if index == solution:
            cell.source = answer
        cells.append(cell)
    return NotebookNode(copy.copy(source), cells=cells)


# --- running them ---------------------------------------------------------------------------------


class _Examiner:
    """Grades candidates in this process, with a jail for the assignment of the last one."""

    def __init__(self, course: Course, jail: str):
        import torch

        torch.set_num_threads(1)
        self.course, self.jail = course, jail
        self.assignment = ""
        self.judge: Judge | None = None
        self.sources: list[NotebookNode] = []
        self.files: dict[str, bytes] = {}  # submitted with every candidate

    def _judge(self, assignment: str) -> Judge:
        if self.judge is None or assignment != self.assignment:
            self.close()
            self.assignment = assignment
            self.judge = Judge.for_assignment(assignment, self.jail, [self.course.root])
            self.sources = list(self.course.sources(assignment).values())
            self.files = self.course.source_files(assignment) | solution_files(assignment)
        return self.judge

    def examine(self, candidate: Candidate, seed: int) -> Finding:
        judge = self._judge(candidate.assignment)
        source = next(
            source for source in self.sources if cells_of_exercise(source, candidate.exercise)
        )
        result = judge.grade(copy.deepcopy(candidate.notebook), source, seed, self.files)
        (cell,) = result.cells
        return Finding(candidate, seed, cell, result.suspicious)

    def close(self) -> None:
        if self.judge is not None:
            self.judge.close()


_examiner: _Examiner  # of this process


def _start(course: Course, jail: str) -> None:
    global _examiner
    _examiner = _Examiner(course, jail)
    atexit.register(_examiner.close)


def _examine(candidate: Candidate, seed: int) -> Finding:
    return _examiner.examine(candidate, seed)


def examine(
    course: Course, tasks: Sequence[tuple[Candidate, int]], jobs: int = 1, jail: str = "auto"
) -> Iterator[Finding]:
    """Submit candidates, each with a seed; yields what they get, in the same order.

    It is fastest where candidates of one assignment and one seed come one after the other.
    """
    if not tasks:
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start, (course, jail)) as pool:
        yield from pool.map(_examine, *zip(*tasks, strict=True), chunksize=4)


def audit(
    course: Course, assignment: str | None, jobs: int, jail: str, seeds: int, console: Console
) -> int:
    """Audit one assignment, or all that have exercises, under a number of seeds.

    Prints tables, of one assignment with every candidate. Returns 1 if anything is wrong, else 0.
    """
    folder = course.root / course.directory().source_directory
    names = [assignment] if assignment else sorted(path.name for path in folder.iterdir())
    names = [name for name in names if exercises_of(name)]
    if not names:
        raise CourseError(f"{assignment or folder} has no exercises to audit")
    tasks = []
    for name in names:
        known = candidates(course, name)
        for seed in range(SEED, SEED + seeds):
            tasks += [(candidate, seed) for candidate in known]
    findings: list[Finding] = []
    with console.status("") as status:
        for finding in examine(course, tasks, jobs, jail):
            findings.append(finding)
            status.update(f"{finding.candidate.assignment}: {finding.candidate.exercise}")
    first = [finding for finding in findings if finding.seed == SEED]
    shown = first if assignment else [finding for finding in first if not finding.correct]
    if shown:
        console.print(_candidates_table(shown))
    console.print(_exercises_table(first))
    status_code = _verdict(first, console)
    return status_code if seeds == 1 else max(status_code, _across_seeds(findings, seeds, console))


def _table(*columns: tuple[str, JustifyMethod]) -> Table:
    table = Table(show_edge=False)
    for name, justify in columns:
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name == "exercise")
    return table


def _candidates_table(findings: list[Finding]) -> Table:
    table = _table(("exercise", "left"), ("submitted", "left"), ("points", "right"), ("", "left"))
    last = None
    for finding in findings:
        candidate = finding.candidate
        if candidate.kind == "misconception":
            verdict = "caught" if finding.correct else "NOT CAUGHT"
            verdict += ", named" if finding.named else ", not named"
        else:
            verdict = "correct" if finding.correct else "WRONG MARK"
        table.add_row(
            candidate.exercise if candidate.exercise != last else "",
            f"{candidate.kind}: {candidate.name}"
            if candidate.kind in ("alternative", "misconception")
            else candidate.name,
            f"{finding.points:g} / {finding.max_points:g}",
            verdict,
            style=None if finding.correct else "red",
        )
        last = candidate.exercise
    return table


def _exercises_table(findings: list[Finding]) -> Table:
    """One line per exercise: how many candidates got the mark that they must get."""
    table = _table(
        ("exercise", "left"),
        ("points", "right"),
        ("properties", "right"),
        ("caught", "right"),
        ("named", "right"),
        ("alternatives", "right"),
        ("seconds", "right"),
    )
    last = None
    for (assignment, exercise), group in _grouped(findings).items():
        if assignment != last:
            table.add_row(assignment, style="bold")
        last = assignment
        wrong = _of_kinds(group, "misconception")
        right = _of_kinds(group, "alternative")
        (solution,) = _of_kinds(group, "solution")
        table.add_row(
            f"  {exercise}",
            f"{solution.max_points:g}",
            str(len(graded_properties(exercise))),
            f"{_correct(wrong)}/{len(wrong)}",
            f"{sum(finding.named for finding in wrong)}/{len(wrong)}",
            f"{_correct(right)}/{len(right)}",
            f"{solution.cell.seconds:.2f}",  # of its grading cell
            style=None if _correct(group) == len(group) else "red",
        )
    return table


def _across_seeds(findings: list[Finding], seeds: int, console: Console) -> int:
    """Print the marks that depend on the seed; 1 if there are any, or any wrong mark."""
    marks: dict[tuple[str, str, str, str], Counter[float]] = {}
    for finding in findings:
        candidate = finding.candidate
        key = candidate.assignment, candidate.exercise, candidate.kind, candidate.name
        marks.setdefault(key, Counter())[finding.points] += 1
    unstable = {key: points for key, points in marks.items() if len(points) > 1}
    for (assignment, exercise, _, name), points in unstable.items():
        times = ", ".join(f"{mark:g} ({count} times)" for mark, count in sorted(points.items()))
        console.print(f"{assignment}: {exercise}: {name}: {times}", style="red", markup=False)
    wrong = len(findings) - _correct(findings)
    console.print(
        f"under {seeds} seeds: {len(unstable)} of {len(marks)} marks depend on the seed, "
        f"{wrong} of {len(findings)} are wrong"
    )
    return 1 if unstable or wrong else 0


def _grouped(findings: list[Finding]) -> dict[tuple[str, str], list[Finding]]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        key = finding.candidate.assignment, finding.candidate.exercise
        groups.setdefault(key, []).append(finding)
    return groups


def _of_kinds(findings: list[Finding], *kinds: str) -> list[Finding]:
    return [finding for finding in findings if finding.candidate.kind in kinds]


def _correct(findings: list[Finding]) -> int:
    return sum(finding.correct for finding in findings)


def _verdict(findings: list[Finding], console: Console) -> int:
    wrong = _of_kinds(findings, "misconception")
    right = _of_kinds(findings, "alternative")
    rest = _of_kinds(findings, "solution", "stub")
    named = sum(finding.named for finding in wrong)
    console.print(
        f"\nmisconceptions caught {_correct(wrong)} of {len(wrong)}, "
        f"named {named} of {len(wrong)}; alternatives with full marks "
        f"{_correct(right)} of {len(right)}; solutions and stubs with the right mark "
        f"{_correct(rest)} of {len(rest)}"
    )
    enough_named = named >= MIN_NAMED * len(wrong)
    return 0 if enough_named and _correct(findings) == len(findings) else 1
