"""The judge: runs a submission's cells in a jail and its grading cells on this side of the wall.

A grading cell that imports `autograder` runs here: in it, the names that the *source* notebook's
solution cells define are proxies of what the student wrote. Any other grading cell runs in the
jail, beside the student's code, as nbgrader runs it; the result says so.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from nbformat.notebooknode import NotebookNode
from nbgrader.utils import determine_grade, is_grade, is_solution

from rnncourse.checks.status import Status

from ..sandbox.jail import Jail, JailError
from ..sandbox.limits import LIMITS, Limits
from .grading_cell import Verdict, run_grading_cell
from .outputs import output_nodes
from .problem_set import forbidden_names, hidden_modules
from .replay_cache import ReplayCache
from .results import CellResult
from .seeds import derive
from .session import NondeterministicTest
from .source_notebook import SourceNotebook, is_walled
from .student_process import CellRun, StudentProcess


@dataclass
class NotebookResult:
    """The results of one notebook; the outputs are in the notebook itself."""

    cells: list[CellResult] = field(default_factory=list)
    suspicious: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    student_seconds: float = 0.0


class Judge:
    """Grades notebooks of one assignment, one after the other, in one jail."""

    def __init__(
        self,
        jail: str = "auto",
        hidden: Iterable[str] = (),
        forbid: Iterable[str] = (),
        private: Iterable[Path] = (),
        limits: Limits = LIMITS,
    ):
        self.limits = limits
        self._new_jail = partial(Jail, jail, hidden, forbid, private)
        self.jail = self._new_jail()
        self.replay_cache = ReplayCache()

    @classmethod
    def for_assignment(
        cls,
        assignment: str,
        jail: str = "auto",
        private: Iterable[Path] = (),
        limits: Limits = LIMITS,
    ) -> Self:
        """A judge whose jail holds what a submission of this assignment may see.

        private: folders that it must not see.
        """
        return cls(jail, hidden_modules(assignment), forbidden_names(assignment), private, limits)

    def grade(
        self,
        notebook: NotebookNode,
        source: NotebookNode | None,
        seed: int,
        files: dict[str, bytes] | None = None,
    ) -> NotebookResult:
        """Run and grade a sanitised notebook. Fills in its outputs.

        source: the instructor's notebook, which says what the student was asked to define.
        seed: of the random inputs. Whoever has seen the results of a seed must not be graded with
        it again, except for the same work.
        """
        self.replay_cache.use_seed(seed)
        if self.jail.process.poll() is not None:  # it died, by no fault of this student's
            self.jail.close()
            self.jail = self._new_jail()
        source_notebook = SourceNotebook.read(source)
        # The jail's own seed must not reveal the tests'.
        process = StudentProcess(self.jail, derive(seed, "jail"), files or {}, self.limits)
        try:
            cells = self._grade_cells(process, notebook, source_notebook, seed)
        except BaseException:
            # Whatever went wrong, the next submission starts in a jail that knows nothing of it.
            self.jail.close()
            raise
        process.close()
        if self.jail.process.poll() is not None:
            # The tests that its end made fail look like the student's failures.
            raise JailError("the jail ended while it was in use")
        if process.dirty:
            process.suspicious.append("left traces in the jail, which was replaced")
            self.jail.close()
        return NotebookResult(
            cells,
            process.suspicious,
            process.notes,
            student_seconds=process.seconds,
        )

    def _grade_cells(
        self, process: StudentProcess, notebook: NotebookNode, source: SourceNotebook, seed: int
    ) -> list[CellResult]:
        """Run all cells in order; the results of the graded ones."""
        results = []
        count = 0
        for cell in notebook.cells:
            graded, is_code = is_grade(cell), cell.cell_type == "code"
            if is_code and not graded and cell.source in source.demonstrations:
                continue
            if is_code:
                count += 1
                cell.execution_count = count
            if graded:
                results.append(self._grade_cell(process, cell, source, seed))
            elif is_code:
                cell.outputs = output_nodes(process.run_cell(cell.source).outputs)
        return results

    def _grade_cell(
        self, process: StudentProcess, cell: NotebookNode, source: SourceNotebook, seed: int
    ) -> CellResult:
        started = time.perf_counter()
        grade_id = cell.metadata.nbgrader["grade_id"]
        walled = cell.cell_type == "code" and grade_id in source.walled_tests
        if walled and is_walled(cell.source):
            result = self._grade_here(process, cell, source, derive(seed, grade_id))
        else:
            result = _grade_in_sandbox(process, cell)
        result.seconds = time.perf_counter() - started
        return result

    def _grade_here(
        self, process: StudentProcess, cell: NotebookNode, source: SourceNotebook, seed: int
    ) -> CellResult:
        max_points = float(cell.metadata.nbgrader["points"])
        with process.tests():
            # All that the questions of this grading cell depend on, besides the answers.
            key = (cell.source, seed, max_points)
            verdict: Verdict | None = process.follow(self.replay_cache.root(key))
            if verdict is None:
                try:
                    verdict = run_grading_cell(process, cell.source, source, seed, max_points)
                except NondeterministicTest:
                    process.restart()
                    verdict = run_grading_cell(process, cell.source, source, seed, max_points)
                exchanges = process.exchanges
                if exchanges is not None and not verdict.stopped:
                    self.replay_cache.add(key, exchanges, verdict)
        cell.outputs = output_nodes(verdict.outputs)
        return CellResult(
            cell.metadata.nbgrader["grade_id"],
            verdict.points,
            max_points,
            verdict.status,
            properties=verdict.properties,
            message=verdict.message,
            stopped_by=verdict.stopped_by,
            seed=seed,
            record=verdict.record,
        )

    def close(self) -> None:
        self.jail.close()


def _grade_in_sandbox(process: StudentProcess, cell: NotebookNode) -> CellResult:
    """Grade a cell as nbgrader does: by its output, or by a person."""
    is_code = cell.cell_type == "code"
    run = CellRun([], Status.PASSED)
    if is_code:
        run = process.run_cell(cell.source)
        cell.outputs = output_nodes(run.outputs)
    points, max_points = determine_grade(cell)
    status = run.status
    if status is Status.PASSED and points is None:
        status = Status.NOT_GRADED
    elif status is Status.PASSED and points < max_points:
        status = Status.FAILED
    errors = [output for output in run.outputs if output["output_type"] == "error"]
    return CellResult(
        cell.metadata.nbgrader["grade_id"],
        points,
        max_points,
        status,
        in_sandbox=is_code and not is_solution(cell),
        message=f"{errors[0]['ename']}: {errors[0]['evalue']}" if errors else None,
        stopped_by=run.stopped_by,
    )
