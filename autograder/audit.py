"""The audit: does each exercise tell right from wrong?

Submits every catalogued misconception, every correct alternative, the solution and the untouched
stub of every exercise through the jail, and requires: the stub scores 0, the solution and the
alternatives score full marks, every misconception loses points, and nine in ten are named.
With several seeds all of it is submitted once under each, and no mark may depend on it.
"""

import atexit
import copy
import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import is_grade, is_solution
from rich.console import Console
from rich.table import Table

from rnncourse.checks.answer_source import source_of
from rnncourse.exercises import exercises_of

from .gradebook.course import Course, CourseError
from .judging.judge import Judge, demonstrations, student_names
from .judging.problem_set import forbidden_names, hidden_modules
from .rubrics import graded_properties, rubric_of, solution_files

SEED = 20180129  # any will do: the marks may not depend on it
NAMED = 0.9  # the share of misconceptions that the hint must name


@dataclass(frozen=True)
class Candidate:
    """Something to submit for one exercise, and what it should get."""

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
    points: float
    max_points: float
    named: bool
    seconds: float

    @property
    def good(self) -> bool:
        """Whether the mark is what this kind of candidate deserves."""
        if self.candidate.kind == "stub":
            return self.points == 0
        if self.candidate.kind == "misconception":
            return self.points < self.max_points
        return self.points == self.max_points


def candidates(course: Course, assignment: str) -> list[Candidate]:
    """All that the catalogue and the alternatives hold for the exercises of an assignment."""
    found = []
    for source in course.sources(assignment).values():
        stubs, _ = ClearSolutions().preprocess(copy.deepcopy(source), {})
        for name, exercise in exercises_of(assignment).items():
            where = _cells_of(source, name)
            if where is None:
                continue
            solution, test = where

            answers = [
                ("solution", "the solution", source.cells[solution].source),
                ("stub", "the untouched stub", stubs.cells[solution].source),
            ]
            for one in rubric_of(name).alternatives:
                answers.append(("alternative", one.__name__, source_of(one, name)))
            for one in exercise.misconceptions:
                answers.append(("misconception", one.name, source_of(one.wrong, name)))
            for kind, label, text in answers:
                notebook = _only(source, solution, test, text)
                found.append(Candidate(assignment, name, kind, label, notebook))
    return found


def _cells_of(source: NotebookNode, name: str) -> tuple[int, int] | None:
    """The solution cell that defines `name` and the grading cell that calls grade(name, …)."""
    solution = test = None
    for index, cell in enumerate(source.cells):
        if cell.cell_type != "code":
            continue
        if is_solution(cell) and name in student_names(NotebookNode(cells=[cell])):
            solution = index
        elif is_grade(cell) and f'grade("{name}"' in cell.source:
            test = index
    return None if solution is None or test is None else (solution, test)


def _only(source: NotebookNode, solution: int, test: int, text: str) -> NotebookNode:
    """The solved notebook with one answer replaced and one grading cell left."""
    demos = demonstrations(source)
    cells = []
    for index, cell in enumerate(source.cells):
        graded = is_grade(cell)
        if cell.cell_type != "code" or cell.source in demos or (graded and index != test):
            continue
        cell = copy.deepcopy(cell)
        if index == solution:
            cell.source = text
        cells.append(cell)
    return NotebookNode(copy.copy(source), cells=cells)


# --- running them ---------------------------------------------------------------------------------


class _Examiner:
    """Examines candidates in this process, with a jail for the assignment that is at hand."""

    def __init__(self, course: Course, jail: str):
        import torch

        torch.set_num_threads(1)
        self.course, self.jail = course, jail
        self.assignment = ""
        self.judge: Judge | None = None
        self.sources: list[NotebookNode] = []
        self.files: dict[str, bytes] = {}  # that are handed in with every candidate

    def take(self, assignment: str) -> None:
        """Turn to another assignment."""
        self.close()
        self.assignment = assignment
        hidden, forbidden = hidden_modules(assignment), forbidden_names(assignment)
        self.judge = Judge(self.jail, hidden, forbidden, [self.course.root])
        self.sources = list(self.course.sources(assignment).values())
        self.files = self.course.source_files(assignment) | solution_files(assignment)

    def examine(self, candidate: Candidate, seed: int) -> Finding:
        if candidate.assignment != self.assignment:
            self.take(candidate.assignment)
        assert self.judge is not None
        source = next(one for one in self.sources if _cells_of(one, candidate.exercise))
        result = self.judge.grade(copy.deepcopy(candidate.notebook), source, seed, self.files)
        (cell,) = result.cells
        named = any(one["misconception"] == candidate.name for one in cell.properties)
        return Finding(candidate, seed, cell.points or 0.0, cell.max_points, named, cell.seconds)

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
    course: Course,
    assignments: Iterable[str],
    jobs: int = 1,
    jail: str = "auto",
    seeds: Sequence[int] = (SEED,),
) -> Iterator[Finding]:
    """Submit every candidate of the assignments under each seed and say what it got, one after
    the other."""
    todo = []
    for name in assignments:
        # Seed by seed, as a judge profits from going on with one.
        found = candidates(course, name)
        todo += [(candidate, seed) for seed in seeds for candidate in found]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start, (course, jail)) as pool:
        yield from pool.map(_examine, *zip(*todo, strict=True), chunksize=4)


def audit(
    course: Course, assignment: str | None, jobs: int, jail: str, seeds: int, console: Console
) -> int:
    """Examine one assignment, candidate by candidate, or all that have exercises, under so many
    seeds; print the tables; 1 if anything falls short."""
    base = course.root / course.directory().source_directory
    names = [assignment] if assignment else sorted(one.name for one in base.iterdir())
    names = [one for one in names if exercises_of(one)]
    if not names:
        raise CourseError(f"{assignment or base} has no exercises to audit")
    findings: list[Finding] = []
    with console.status("") as status:
        for one in examine(course, names, jobs, jail, range(SEED, SEED + seeds)):
            findings.append(one)
            status.update(f"{one.candidate.assignment}: {one.candidate.exercise}")
    first = [one for one in findings if one.seed == SEED]
    shown = first if assignment else [one for one in first if not one.good]
    if shown:
        console.print(_candidates_table(shown))
    console.print(_exercises_table(first))
    failed = _verdict(first, console)
    return failed if seeds == 1 else max(failed, _across_seeds(findings, seeds, console))


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(show_edge=False)
    for name, justify in columns:
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name == "exercise")
    return table


def _candidates_table(findings: list[Finding]) -> Table:
    table = _table(("exercise", "left"), ("submitted", "left"), ("points", "right"), ("", "left"))
    last = None
    for one in findings:
        candidate = one.candidate
        if candidate.kind == "misconception":
            verdict = "caught" if one.good else "NOT CAUGHT"
            verdict += ", named" if one.named else ", not named"
        else:
            verdict = "as it should be" if one.good else "WRONG MARK"
        table.add_row(
            candidate.exercise if candidate.exercise != last else "",
            f"{candidate.kind}: {candidate.name}"
            if candidate.kind in ("alternative", "misconception")
            else candidate.name,
            f"{one.points:g} / {one.max_points:g}",
            verdict,
            style=None if one.good else "red",
        )
        last = candidate.exercise
    return table


def _exercises_table(findings: list[Finding]) -> Table:
    """Exercise by exercise: what there is, and how it fared."""
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
        wrong = [one for one in group if one.candidate.kind == "misconception"]
        right = [one for one in group if one.candidate.kind == "alternative"]
        solution = next(one for one in group if one.candidate.kind == "solution")
        table.add_row(
            f"  {exercise}",
            f"{solution.max_points:g}",
            str(len(graded_properties(exercise))),
            f"{sum(one.good for one in wrong)}/{len(wrong)}",
            f"{sum(one.named for one in wrong)}/{len(wrong)}",
            f"{sum(one.good for one in right)}/{len(right)}",
            f"{solution.seconds:.2f}",  # of its grading cell, on the solution
            style=None if all(one.good for one in group) else "red",
        )
    return table


def _across_seeds(findings: list[Finding], seeds: int, console: Console) -> int:
    """Which marks depend on the seed; 1 if any does, or if one is not what it should be."""
    marks: dict[tuple[str, str, str, str], Counter[float]] = {}
    for one in findings:
        candidate = one.candidate
        key = candidate.assignment, candidate.exercise, candidate.kind, candidate.name
        marks.setdefault(key, Counter())[one.points] += 1
    differ = {key: points for key, points in marks.items() if len(points) > 1}
    for (assignment, exercise, _, name), points in differ.items():
        times = ", ".join(f"{mark:g} ({often} times)" for mark, often in sorted(points.items()))
        console.print(f"{assignment}: {exercise}: {name}: {times}", style="red", markup=False)
    wrong = sum(not one.good for one in findings)
    console.print(
        f"under {seeds} seeds: {len(differ)} of {len(marks)} marks depend on the seed, "
        f"{wrong} of {len(findings)} are wrong"
    )
    return 1 if differ or wrong else 0


def _grouped(findings: list[Finding]) -> dict[tuple[str, str], list[Finding]]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        key = one.candidate.assignment, one.candidate.exercise
        groups.setdefault(key, []).append(one)
    return groups


def _verdict(findings: list[Finding], console: Console) -> int:
    wrong = [one for one in findings if one.candidate.kind == "misconception"]
    right = [one for one in findings if one.candidate.kind == "alternative"]
    rest = [one for one in findings if one.candidate.kind in ("solution", "stub")]
    named = sum(one.named for one in wrong)
    console.print(
        f"\nmisconceptions caught {sum(one.good for one in wrong)} of {len(wrong)}, "
        f"named {named} of {len(wrong)}; alternatives with full marks "
        f"{sum(one.good for one in right)} of {len(right)}; solutions and stubs as they should be "
        f"{sum(one.good for one in rest)} of {len(rest)}"
    )
    enough = named >= NAMED * len(wrong)
    return 0 if enough and all(one.good for one in findings) else 1
