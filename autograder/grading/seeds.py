"""The seed of a run's random inputs, kept until the run is complete."""

import json
import secrets
from functools import cached_property

from rnncourse.files import write_json

from ..gradebook.course import Course


class RunSeed:
    """Seed for submissions not graded before in this run.

    Each run draws a new one: whoever has seen the inputs of one run, in feedback or printed by
    their own code, meets others with their next submission. It is kept until the run has graded
    everything, so that an interrupted run continues with the same inputs.
    """

    def __init__(self, course: Course, assignment: str):
        self._path = course.results(assignment) / "seed.json"

    @cached_property
    def seed(self) -> int:
        """That of an interrupted run, otherwise a new one; drawn on first use."""
        try:
            return int(json.loads(self._path.read_text())["seed"])
        except (OSError, ValueError, KeyError, TypeError):
            seed = secrets.randbits(48)
            write_json(self._path, {"seed": seed})
            return seed

    def discard(self) -> None:
        """The run is complete: the next one draws its own seed."""
        self._path.unlink(missing_ok=True)
