"""What a grading run asks of its judges and what they report, on this machine or on a cluster."""

from dataclasses import dataclass
from typing import Protocol

from ..judging.results import SubmissionResult
from ..submissions.model import RawSubmission, Submission


@dataclass(frozen=True)
class Ready:
    """A judge has its sandbox and waits for a submission."""


@dataclass(frozen=True)
class Finished:
    """A submission was graded."""

    submission: Submission
    result: SubmissionResult


@dataclass(frozen=True)
class Failed:
    """Grading a submission failed by a fault of the grader; the judge goes on with the next."""

    reason: str  # a traceback


@dataclass(frozen=True)
class Stopped:
    """A judge is gone, and with it the submission that it was grading."""

    reason: str


Message = Ready | Finished | Failed | Stopped


class JudgeHandle(Protocol):
    """A judge in another process. It grades one submission at a time."""

    def assign(self, raw: RawSubmission, seed: int) -> None:
        """Give a submission to a judge that waits for one."""


class JudgePool(Protocol):
    """A pool of judges."""

    def next_message(self, submissions_left: int) -> tuple[JudgeHandle, Message]:
        """Wait until a judge reports something.

        submissions_left: no more judges than this are of use.
        """

    def close(self) -> None:
        """End all judges, whatever they are busy with."""
