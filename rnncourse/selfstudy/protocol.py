"""What the runner of a notebook and its worker process send each other: a job there, events back.

All of it travels as JSON, an event a line.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass
class Job:
    """What a worker is to run. cell_limit: seconds that one cell, or one check, may take."""

    sources: list[str]
    exercises: list[str]
    cell_limit: float

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        return cls(**json.loads(text))


@dataclass
class PropertyResult:
    """One visible check: did it pass, and what does it say if it did not."""

    title: str
    points: float
    passed: bool
    message: str | None
    hint: str | None


@dataclass
class ExerciseResult:
    """What all visible checks of an exercise gave. unwritten: the stub is still in place."""

    exercise: str
    points: float
    unwritten: bool
    properties: list[PropertyResult]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ExerciseResult":
        properties = [PropertyResult(**fields) for fields in data["properties"]]
        return cls(**{**data, "properties": properties})


@dataclass
class Started:
    """The library could be imported; the cells come next."""


@dataclass
class CellFailed:
    """cell: its number among the cells that are run, from 0."""

    cell: int
    reason: str


@dataclass
class Checked:
    result: ExerciseResult


@dataclass
class Unchecked:
    """The check itself raised an error or ran out of time."""

    exercise: str
    reason: str


@dataclass
class Finished:
    """All cells have run."""


Event = Started | CellFailed | Checked | Unchecked | Finished
EVENTS: dict[str, type[Event]] = {
    "started": Started,
    "cell_failed": CellFailed,
    "checked": Checked,
    "unchecked": Unchecked,
    "finished": Finished,
}
NAMES = {kind: name for name, kind in EVENTS.items()}


def encode_event(event: Event) -> str:
    """An event as a line of ASCII, without the line break."""
    return json.dumps({"event": NAMES[type(event)], **asdict(event)})


def decode_event(line: str) -> Event | None:
    """The event of a line; None when the line is malformed: the worker was killed as it wrote it,
    or the notebook's own code wrote it."""
    try:
        data = json.loads(line)
        kind = EVENTS[data.pop("event")]
        if kind is Checked:
            return Checked(ExerciseResult.from_dict(data["result"]))
        return kind(**data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


@dataclass
class NotebookRun:
    """What running a notebook gave.

    results: by exercise. failed_cells: number of the cell → reason. failed_checks: exercise →
    reason. stopped: why not everything has run, or None.
    """

    results: dict[str, ExerciseResult]
    failed_cells: dict[int, str]
    failed_checks: dict[str, str]
    stopped: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "NotebookRun":
        """Errors: ValueError when the data is not that of a run."""
        try:
            run = cls(**{field.name: data[field.name] for field in fields(cls)})
            run.results = {
                exercise: ExerciseResult.from_dict(result)
                for exercise, result in data["results"].items()
            }
            # JSON has made strings of the numbers.
            run.failed_cells = {int(cell): why for cell, why in data["failed_cells"].items()}
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"malformed result of a run: {error!r}") from None
        return run
