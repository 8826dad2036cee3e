"""A graded submission: its cells, their properties, and the file that keeps it (result.json).

These records travel from a judge to the process that records them, and are read again by reports,
leaderboard and progress. Files of version 1, which had no types, are read as well.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self, TypeVar

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
    stopped_by: str | None = None  # where status.stopped: the crash or the limit, in words
    seed: int | None = None  # of the random inputs
    seconds: float = 0.0
    record: dict[str, str] = field(default_factory=dict)  # what the grading cell keeps

    def summary(self) -> Self:
        """A copy without what is long: properties, message and record."""
        return replace(self, properties=[], message=None, record={})


@dataclass(frozen=True)
class ManualMarks:
    """What people have marked of a submission, and what they should look at; names of cells."""

    given: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  # for a first mark
    again: list[str] = field(default_factory=list)  # marked before the work was graded again
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

    def summary(self) -> Self:
        """A copy that is cheap to keep for a whole class; the rest is in result.json."""
        return replace(self, cells=[cell.summary() for cell in self.cells])

    def to_json(self) -> dict[str, Any]:
        """Plain data for result.json; from_json() makes it a result again."""
        derived = {
            "points": self.points,
            "max_points": self.max_points,
            "needs_manual_grade": self.needs_manual_grade,
        }
        return {"version": VERSION, **derived, **asdict(self)}

    @classmethod
    def from_json(cls, raw: Any, manual_marks: ManualMarks | None = None) -> Self:
        """The result in a parsed result.json of any version. InvalidResult for anything else.

        manual_marks: as the gradebook has them now, instead of those in the file.
        """
        if not isinstance(raw, dict):
            raise InvalidResult("it is not a result: it does not hold an object")
        version = raw.get("version", 1)
        if version == 1 and "version" not in raw:
            raw = _upgrade(raw)
        elif type(version) is not int or version != VERSION:
            raise InvalidResult(
                f"it is a result of version {str(version)[:20]!r}, which this grader cannot read: "
                "update the grader, or grade again"
            )
        marks = _optional(_manual_marks)(raw.get("manual_marks"), "manual marks")
        return cls(
            student=_string(raw.get("student", ""), "student"),
            assignment=_string(raw.get("assignment", ""), "assignment"),
            seed=_seed(raw.get("seed", 0), "seed"),
            cells=_list_of(_cell)(raw.get("cells"), "cells"),
            submitted_files=_mapping_to(_size)(raw.get("submitted_files", {}), "submitted files"),
            problems=_mapping_to(_string)(raw.get("problems"), "problems"),
            notes=_list_of(_string)(raw.get("notes"), "notes"),
            suspicious=_list_of(_string)(raw.get("suspicious"), "suspicious"),
            seconds=_mapping_to(_number)(raw.get("seconds", {}), "seconds"),
            manual_marks=marks if manual_marks is None else manual_marks,
            digest=_optional(_string)(raw.get("digest"), "digest"),
        )


def overall_status(statuses: Iterable[Status]) -> Status:
    """The status of a cell from those of its properties.

    A crash or an expired limit counts wherever it happened, the first one first; otherwise the
    first property that did not pass decides. NOT_WRITTEN and NOT_DEFINED must hold for all.
    """
    all_statuses = list(statuses)
    for status in all_statuses:
        if status.stopped:
            return status
    for status in all_statuses:
        if status in (Status.NOT_WRITTEN, Status.NOT_DEFINED):
            if all(other is status for other in all_statuses):
                return status
        elif status is not Status.PASSED:
            return status
    passed = all(status is Status.PASSED for status in all_statuses)
    return Status.PASSED if passed else Status.FAILED


# --- reading, with validation ---------------------------------------------------------------------

T = TypeVar("T")
Reader = Callable[[Any, str], T]  # of a JSON value and what it is, for the message


def _invalid(name: str) -> InvalidResult:
    return InvalidResult(f"it is not a result: {name}: missing or malformed")


def _string(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise _invalid(name)
    return value


def _bool(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise _invalid(name)
    return value


def _finite(value: Any, name: str) -> float:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if type(value) is int and abs(value) < 1 << 1000:
        return value
    raise _invalid(name)


def _number(value: Any, name: str) -> float:
    number = _finite(value, name)
    if abs(number) >= MAX_NUMBER:
        raise _invalid(name)
    return number


def _integer(value: Any, name: str, limit: int) -> int:
    if type(value) is not int or not 0 <= value < limit:
        raise _invalid(name)
    return value


def _seed(value: Any, name: str) -> int:
    return _integer(value, name, 1 << 64)


def _size(value: Any, name: str) -> int:
    return _integer(value, name, 1 << 40)


def _status(value: Any, name: str) -> Status:
    try:
        return Status(value)
    except ValueError:
        raise _invalid(name) from None


def _optional(read: Reader[T]) -> Reader[T | None]:
    return lambda value, name: None if value is None else read(value, name)


def _list_of(read: Reader[T]) -> Reader[list[T]]:
    def read_list(value: Any, name: str) -> list[T]:
        if not isinstance(value, list):
            raise _invalid(name)
        return [read(item, name) for item in value]

    return read_list


def _mapping_to(read: Reader[T]) -> Reader[dict[str, T]]:
    def read_mapping(value: Any, name: str) -> dict[str, T]:
        return {key: read(item, name) for key, item in _object(value, name).items()}

    return read_mapping


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _invalid(name)
    return value


def _property(value: Any, name: str) -> PropertyResult:
    raw = _object(value, name)
    property_name = _string(raw.get("name"), "the name of a property")
    return PropertyResult(
        name=property_name,
        title=_string(raw.get("title", property_name), "the title of a property"),
        points=_number(raw.get("points", 0.0), "the points of a property"),
        status=_status(raw.get("status"), "the status of a property"),
        message=_optional(_string)(raw.get("message"), "the message of a property"),
        misconception=_optional(_string)(raw.get("misconception"), "a misconception"),
        hint=_optional(_string)(raw.get("hint"), "a hint"),
        measured=_optional(_finite)(raw.get("measured"), "a measured number"),
        seconds=_number(raw.get("seconds", 0.0), "the seconds of a property"),
    )


def _cell(value: Any, name: str) -> CellResult:
    raw = _object(value, name)
    return CellResult(
        grade_id=_string(raw.get("grade_id"), "the name of a cell"),
        points=_optional(_number)(raw.get("points"), "the points of a cell"),
        max_points=_number(raw.get("max_points"), "the maximum points of a cell"),
        status=_status(raw.get("status"), "the status of a cell"),
        notebook=_string(raw.get("notebook"), "the notebook of a cell"),
        in_sandbox=_bool(raw.get("in_sandbox", False), "where a cell ran"),
        properties=_list_of(_property)(raw.get("properties"), "the properties of a cell"),
        message=_optional(_string)(raw.get("message"), "the message of a cell"),
        stopped_by=_optional(_string)(raw.get("stopped_by"), "what stopped a cell"),
        seed=_optional(_seed)(raw.get("seed"), "the seed of a cell"),
        seconds=_number(raw.get("seconds", 0.0), "the seconds of a cell"),
        record=_mapping_to(_string)(raw.get("record", {}), "the record of a cell"),
    )


def _manual_marks(value: Any, name: str) -> ManualMarks:
    raw = _object(value, name)
    return ManualMarks(
        given=_list_of(_string)(raw.get("given"), name),
        waiting=_list_of(_string)(raw.get("waiting"), name),
        again=_list_of(_string)(raw.get("again"), name),
        total_points=_number(raw.get("total_points"), name),
    )


# --- version 1 ------------------------------------------------------------------------------------
# Its files have no status: here, and nowhere else, one is made out from what a message says.

_RENAMED = {"handed_in": "submitted_files", "by_hand": "manual_marks"}
_STOPPED = re.compile(
    r"\b(?:Crashed|Timeout|CellTimeoutError|Lost): (.+)|^((?:the process that ran )?your code .+)",
    re.MULTILINE,
)
_TIMEOUT = re.compile(r"took too long|was stopped after|used up|processor time")
_RAISED = re.compile(r"it raised |\w+(?:Error|Exception|Interrupt|Exit)\b")
_OUT_OF_MEMORY = re.compile(r"MB of memory")


def _upgrade(raw: dict[str, Any]) -> dict[str, Any]:
    """The content of a version 1 file as one of version 2; what is malformed stays so."""
    upgraded = {_RENAMED.get(key, key): value for key, value in raw.items()}
    if isinstance(marks := raw.get("by_hand"), dict):
        upgraded["manual_marks"] = {**marks, "total_points": marks.get("points_in_all")}
    for name in ("points", "max_points"):
        _number(raw.get(name), name)
    problems = raw.get("problems")
    ungraded = set(problems) if isinstance(problems, dict) else set()
    if isinstance(cells := raw.get("cells"), list):
        upgraded["cells"] = [_upgrade_cell(cell, ungraded) for cell in cells]
    return upgraded


def _upgrade_cell(raw: Any, ungraded: set[str]) -> Any:
    if not isinstance(raw, dict):
        return raw
    properties = raw.get("properties")
    if isinstance(properties, list):
        properties = [_upgrade_property(item) for item in properties]
    upgraded = {**raw, "in_sandbox": raw.get("beside", False), "properties": properties}
    status = _cell_status(upgraded, ungraded)
    if status.stopped:
        upgraded["stopped_by"] = _stopped_by(upgraded)
    return {**upgraded, "status": status}


def _upgrade_property(raw: Any) -> Any:
    if not isinstance(raw, dict):
        return raw
    upgraded = {**raw, "status": Status.PASSED}
    if raw.get("passed") is not True:
        upgraded["status"] = _status_of_message(raw.get("message"))
    measured = raw.get("measured")
    if isinstance(measured, float) and not math.isfinite(measured):
        upgraded["measured"] = None
    return upgraded


def _cell_status(cell: dict[str, Any], ungraded: set[str]) -> Status:
    if str(cell.get("notebook")) in ungraded:
        return Status.NOT_GRADED
    if cell.get("message") is not None:
        return _status_of_message(cell["message"])
    if cell.get("points") is None:
        return Status.NOT_GRADED
    properties = cell["properties"]
    if isinstance(properties, list) and properties:
        return overall_status(item["status"] for item in properties if isinstance(item, dict))
    try:
        return Status.PASSED if cell["points"] >= cell["max_points"] else Status.FAILED
    except (KeyError, TypeError):
        raise _invalid("the points of a cell") from None


def _status_of_message(message: Any) -> Status:
    text = message if isinstance(message, str) else ""
    if text.startswith(("not written yet", "NotImplementedError")):
        return Status.NOT_WRITTEN
    if "your notebook does not define" in text:
        return Status.NOT_DEFINED
    if _STOPPED.search(text):
        if _OUT_OF_MEMORY.search(text):
            return Status.OUT_OF_MEMORY
        return Status.TIMEOUT if "Timeout" in text or _TIMEOUT.search(text) else Status.CRASHED
    if text.startswith("AssertionError"):
        return Status.FAILED
    return Status.ERROR if _RAISED.match(text) else Status.FAILED


def _stopped_by(cell: dict[str, Any]) -> str | None:
    for part in (cell, *cell["properties"]):
        if isinstance(part, dict) and (match := _STOPPED.search(str(part.get("message")))):
            return match[1] or match[2]
    return None
