"""Replaces the course's checks with ones that always pass, at every place where they are kept.

The checks that count are another copy, in the judge.
"""

SAFE = True
TOP = """
import rnncourse
import rnncourse.checks.compare as compare
import rnncourse.checks.exercise as exercise

rnncourse.check = lambda *args, **kwargs: 1000.0
compare.difference = exercise.difference = lambda got, expected: None
exercise.Property.judge = lambda self, got, expected: None
exercise.Exercise._check = lambda self, subject, seed, prop, *rest: exercise.Outcome(
    name=prop.name, title=prop.title, points=prop.points, status=exercise.Status.PASSED)
print("patched", compare.difference(1, 2))
"""
ANSWERS = {"gru_step": "def gru_step(*args):\n    return None"}
SHOWS = "patched None"
