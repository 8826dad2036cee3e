"""autograder: the trusted side. Hidden tests, the judge, the jail, reports, the command line."""

from .grade import Score, grade

__all__ = ["Score", "grade"]
