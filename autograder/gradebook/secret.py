"""A number that no student can know, drawn once for each assignment."""

import json
import secrets

from rnncourse.files import write_json

from .course import Course


def assignment_secret(course: Course, assignment: str) -> int:
    """The assignment's secret, from results/ASSIGNMENT/secret.json; drawn at the first call."""
    path = course.results(assignment) / "secret.json"
    try:
        return int(json.loads(path.read_text())["secret"])
    except (OSError, ValueError, KeyError, TypeError):
        drawn = secrets.randbits(48)
        write_json(path, {"secret": drawn})
        return drawn
