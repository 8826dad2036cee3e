"""The outcome of a test, in the usual terms of programming judges."""

from enum import StrEnum


class Status(StrEnum):
    """The verdict on a property, a grading cell or a whole submission."""

    PASSED = "passed"
    FAILED = "failed"  # a wrong answer
    ERROR = "error"  # the student's code raised an exception
    TIMEOUT = "timeout"
    CRASHED = "crashed"  # the process that ran the student's code ended
    OUT_OF_MEMORY = "out of memory"
    NOT_WRITTEN = "not written"  # the stub is still there
    NOT_DEFINED = "not defined"  # the notebook has no such function or class
    NOT_GRADED = "not graded"  # a person must mark it, or it could not be graded

    @property
    def stopped(self) -> bool:
        """Whether the student's process was ended before the test was through."""
        return self in (Status.TIMEOUT, Status.CRASHED, Status.OUT_OF_MEMORY)
