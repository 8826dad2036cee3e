"""A graded submission: its cells, their properties, and the file that keeps it (result.json).

These records travel from a judge to whoever records, and are read again by reports, leaderboard
and progress. `SubmissionResult.from_json` also reads the files of version 1, which had none.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from rnncourse.checks.status import Status

VERSION = 2
MAX_NUMBER = 1e9  # points beyond this are not points


class InvalidResult(ValueError):
    """A file that is not a result; str() says what is missing or malformed."""


@dataclass(frozen=True)
class PropertyResult:
    """One property of an exercise, after its test."""

    name: str
    title: str
    points: float  # what it is worth
    status: Status
    message: str | None = None  # what was wrong, for the student
    misconception: str | None = None  # the mistake that was recognised
    hint: str | None = None  # and its sentence
    measured: float | None = None  # a number that was recorded, such as a score
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return self.status is Status.PASSED


@dataclass
class CellResult:
    """The mark of one grading cell; points is None where a person must give it."""

    grade_id: str
    points: float | None
    max_points: float
    status: Status
    notebook: str = ""
    in_sandbox: bool = False  # its test ran beside the student's code, which could forge the mark
    properties: list[PropertyResult] = field(default_factory=list)
    message: str | None = None
    seed: int | None = None  # of the random inputs
    seconds: float = 0.0
    record: dict[str, str] = field(default_factory=dict)  # what the grading cell keeps


@dataclass(frozen=True)
class ManualMarks:
    """What people have marked of a submission, and what they should look at; names of cells."""

    given: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  # for a first mark
    again: list[str] = field(default_factory=list)  # marked before the work was graded anew
    total_points: float = 0.0  # as in the gradebook, before a late penalty


@dataclass
class SubmissionResult:
    """One student's submission of one assignment, graded."""

    student: str
    assignment: str
    seed: int
    cells: list[CellResult]
    submitted_files: dict[str, int] = field(default_factory=dict)  # beside the notebooks: bytes
    problems: dict[str, str] = field(default_factory=dict)  # notebook → why it has no mark
    notes: list[str] = field(default_factory=list)
    suspicious: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # student, judge, nbgrader
    manual_marks: ManualMarks | None = None  # None until it is recorded
    digest: str | None = None  # of the submission and all that its marks depend on

    @property
    def points(self) -> float:
        """The automatic points."""
        return sum(cell.points or 0 for cell in self.cells)

    @property
    def max_points(self) -> float:
        return sum(cell.max_points for cell in self.cells)

    @property
    def needs_manual_grade(self) -> bool:
        """Whether a person has something to mark or to look at again."""
        if self.manual_marks is None:
            return any(cell.points is None for cell in self.cells)
        return bool(self.manual_marks.waiting or self.manual_marks.again)

    def to_json(self) -> dict[str, Any]:
        """Plain data for result.json; from_json() makes it a result again."""
        derived = {
            "points": self.points,
            "max_points": self.max_points,
            "needs_manual_grade": self.needs_manual_grade,
        }
        return {"version": VERSION, **derived, **asdict(self)}
