"""What is known of an assignment's cells and of one submission."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader.api import Gradebook

SCHEMA_VERSION = 3  # of nbgrader's cell metadata


@dataclass(frozen=True)
class SourceCell:
    """A cell of the assignment as the gradebook knows it."""

    name: str
    cell_type: str
    source: str
    locked: bool
    checksum: str | None
    grade: bool
    solution: bool
    task: bool
    points: float | None

    def metadata(self) -> dict[str, Any]:
        """nbgrader's metadata of this cell, whatever the submission says."""
        metadata = {
            "grade": self.grade,
            "grade_id": self.name,
            "locked": self.locked,
            "schema_version": SCHEMA_VERSION,
            "solution": self.solution,
            "task": self.task,
            "cell_type": self.cell_type,
            "checksum": self.checksum,
        }
        if self.points is not None:
            metadata["points"] = self.points
        return metadata


@dataclass(frozen=True)
class AssignmentCells:
    """One notebook of an assignment as the gradebook knows it, with its cells in order."""

    name: str
    kernelspec: dict[str, Any]
    cells: tuple[SourceCell, ...]


@dataclass
class Submission:
    """A submission as it will be graded: sanitised notebooks, files, and what was wrong."""

    student: str
    notebooks: dict[str, NotebookNode] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)  # notebook → why it gets no mark
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    suspicious: list[str] = field(default_factory=list)
    timestamp: datetime | None = None


@dataclass
class RawSubmission:
    """The files of a submission, its notebooks unparsed, ready to be sent to a judge.

    Its size is bounded: LIMITS.extra_files_size for files, LIMITS.notebook_size for each notebook.
    """

    submission: Submission  # without notebooks and the instructor's files
    notebooks: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # file name, content


class Unreadable(Exception):
    """A submitted file that cannot be read; str() says why, for the student."""


def assignment_cells(
    gradebook: Gradebook, assignment: str, sources: dict[str, NotebookNode]
) -> list[AssignmentCells]:
    """The graded structure of an assignment, from the gradebook.

    sources: the instructor's notebooks, for the order of the cells, which the gradebook does not
    promise.
    """
    notebooks = []
    for notebook in gradebook.find_assignment(assignment).notebooks:
        grade_cells = {cell.name: cell for cell in notebook.grade_cells}
        task_cells = {cell.name: cell for cell in notebook.task_cells}
        solution_cells = {cell.name for cell in notebook.solution_cells}
        source = sources.get(notebook.name)
        order = {
            cell.metadata.get("nbgrader", {}).get("grade_id"): index
            for index, cell in enumerate(source.cells if source else [])
        }
        cells = []
        for cell in sorted(notebook.source_cells, key=lambda cell: order.get(cell.name, 1 << 30)):
            graded_cell = grade_cells.get(cell.name) or task_cells.get(cell.name)
            cells.append(
                SourceCell(
                    cell.name,
                    cell.cell_type,
                    cell.source or "",
                    bool(cell.locked),
                    cell.checksum,
                    cell.name in grade_cells,
                    cell.name in solution_cells,
                    cell.name in task_cells,
                    float(graded_cell.max_score) if graded_cell is not None else None,
                )
            )
        kernelspec = json.loads(notebook.kernelspec) if notebook.kernelspec else {}
        notebooks.append(AssignmentCells(notebook.name, kernelspec, tuple(cells)))
    return notebooks
