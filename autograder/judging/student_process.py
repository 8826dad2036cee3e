"""The sandboxed process that runs one student's notebook; restarted after a crash."""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from rnncourse.checks.status import Status

from ..jailed.rpc import RemoteError, RemoteObject
from ..sandbox.jail import Jail
from ..sandbox.limits import Limits
from .outputs import error_output
from .replay_cache import Exchange, Node
from .session import Session, StudentObject, WorkerLost


class NotDefined(RemoteError):
    """The notebook does not define a name that it should."""

    student_status = Status.NOT_DEFINED

    def __init__(self, name: str):
        super().__init__(
            "NameError",
            f"your notebook does not define {name}: was it renamed or deleted, "
            "or did its cell fail?",
        )


class UndefinedName:
    """Stands for a name that the notebook does not define, or whose value could not be fetched."""

    def __init__(self, name: str, error: Exception | None = None):
        self.__name__ = name
        self._error = error

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise self._error or NotDefined(self.__name__)


@dataclass
class CellRun:
    """The outputs of a student's cell, and how it ended."""

    outputs: list[dict[str, Any]]
    status: Status
    stopped_by: str | None = None  # where status.stopped: the crash or the limit, in words

    @classmethod
    def stopped(
        cls, outputs: list[dict[str, Any]], name: str, status: Status, reason: str
    ) -> "CellRun":
        """A cell that did not run to its end, with an error that says why."""
        return cls([*outputs, error_output(name, reason)], status, reason)


class StudentProcess:
    """Runs a notebook's cells and answers for its names; restarts the worker after a crash."""

    def __init__(self, jail: Jail, seed: int, files: dict[str, bytes], limits: Limits):
        self.jail, self.seed, self.files, self.limits = jail, seed, files, limits
        self.notes: list[str] = []
        self.suspicious: list[str] = []
        self.seconds = 0.0
        self.dirty = False  # the jail could not be restored to its first state
        self.cells_to_repeat: list[str] = []  # in a new worker
        self.deadline = time.monotonic() + limits.submission
        self.phase_deadline = self.deadline
        self.restarts_left = limits.max_restarts
        self.output_bytes_left = limits.outputs_size
        self.testing = False
        self._session: Session | None = None
        self._names: list[str] = []  # that the tests of this grading cell use
        self._values: dict[str, Any] = {}  # by name

    def session(self) -> Session:
        """The current worker; a new one where the last was lost."""
        if self._session is None or not self._session.usable:
            if self._session is not None:
                self._count_restart()
                self._close_session()
            self._session = Session(self.jail, self.seed, self.limits, self.suspicious)
            self._session.phase_deadline = self.deadline
            self._write_files(self._session)
            for source in self.cells_to_repeat:
                self._session.run_cell(source, self.limits.cell)
            if self._names:
                self._values = self._session.begin(self._names, self.limits.call)
        self._session.phase_deadline = self.phase_deadline
        return self._session

    def _count_restart(self) -> None:
        if self.testing:
            raise WorkerLost("not tried again: an earlier call of this exercise had crashed")
        if self.restarts_left == 0:
            raise WorkerLost("your notebook ended its process too often; the rest was not run")
        self.restarts_left -= 1

    def _write_files(self, session: Session) -> None:
        for path, content in self.files.items():
            session.write(path, content)

    def _begin_tests(self) -> None:
        # A cell may have overwritten a submitted file: the tests get what was submitted.
        with contextlib.suppress(WorkerLost, RemoteError):
            self._write_files(self.session())
        with contextlib.suppress(WorkerLost, RemoteError):
            self.session().begin_tests()

    @contextlib.contextmanager
    def tests(self) -> Iterator[None]:
        """While a grading cell runs: a time limit of its own, and one crash at most.

        A function that has crashed would crash again: the next exercise gets a new worker.
        """
        self.phase_deadline = min(time.monotonic() + self.limits.grade_cell, self.deadline)
        self._names, self._values = [], {}
        self._begin_tests()
        self.testing = True
        try:
            yield
        finally:
            self.testing = False
            self.phase_deadline = self.deadline

    def handle(self, name: str) -> RemoteObject:
        """The student's function or class of this name, in the current worker."""
        self.session()
        value = self._values.get(name)
        if not isinstance(value, RemoteObject):
            raise NotDefined(name)
        return value

    def follow(self, node: Node) -> Any:
        """The cached verdict of a grading cell, where the worker answers as an earlier one did."""
        with contextlib.suppress(WorkerLost, RemoteError):
            return self.session().follow(node)
        return None

    @property
    def exchanges(self) -> list[Exchange] | None:
        """Those of this grading cell, if all its questions were answered in time; else None."""
        session = self._session
        if session is None or not session.alive or session.timed_out or not session.exchanges:
            return None
        complete = all(isinstance(exchange.answer, bytes) for exchange in session.exchanges)
        return session.exchanges if complete else None

    def run_cell(self, source: str) -> CellRun:
        """Run one of the student's cells; whatever happens, outputs come back."""
        self.phase_deadline = self.deadline
        if time.monotonic() >= self.deadline:
            reason = (
                f"the {self.limits.submission:g} s of the whole notebook were used up: "
                "this cell was not run"
            )
            return CellRun.stopped([], "CellTimeoutError", Status.TIMEOUT, reason)
        try:
            reply = self.session().run_cell(source, self.limits.cell)
        except (WorkerLost, RemoteError) as error:
            return self._failed_run(error)
        outputs: list[dict[str, Any]] = reply["outputs"]
        errors = [output["ename"] for output in outputs if output["output_type"] == "error"]
        status = _status_of_errors(errors)
        if "MemoryError" in errors:
            # What it holds may leave too little memory to answer. Like after a crash, later cells
            # run in a new worker, in which this one is not repeated.
            self.session().end()
            return CellRun(outputs, status)
        if reply["interrupted"]:
            reason = f"this cell was stopped after {self.limits.cell:g} s"
            return CellRun.stopped(outputs, "CellTimeoutError", Status.TIMEOUT, reason)
        # A cell that crashed or timed out would do so again: it is not repeated.
        self.cells_to_repeat.append(source)
        if reply["cut"]:
            self.notes.append("the output of a cell was too long and has been cut")
        self.output_bytes_left -= len(json.dumps(outputs))
        if self.output_bytes_left < 0:
            self.notes.append("the notebook's outputs were too long and have been left out")
            outputs = []
        return CellRun(outputs, status)

    def _failed_run(self, error: WorkerLost | RemoteError) -> CellRun:
        name, message = error.student_type, error.student_message
        if name == "MemoryError":
            self.session().end()
        status = getattr(error, "student_status", Status.ERROR)
        stopped_by = message if status.stopped else None
        return CellRun([error_output(name, message or name)], status, stopped_by)

    def values(self, names: Iterable[str]) -> dict[str, Any]:
        """The student's names as a grading cell sees them: data, proxies, or UndefinedName."""
        self._names = sorted(names)
        error: Exception | None = None
        try:
            self._values = self.session().begin(self._names, self.limits.call)
        except (WorkerLost, RemoteError) as raised:
            self._values, error = {}, raised
        namespace: dict[str, Any] = {}
        for name in self._names:
            value = self._values.get(name, UndefinedName(name, error))
            is_remote = isinstance(value, RemoteObject)
            namespace[name] = StudentObject(self, name) if is_remote else value
        return namespace

    def _close_session(self) -> None:
        if self._session is not None:
            self._session.end()
            self._session.reset()  # frees what was lent to it, which is in reference cycles
            self.dirty = self.dirty or self._session.dirty
            self.seconds += self._session.seconds

    def restart(self) -> None:
        """Continue in a new worker, by no fault of the student's."""
        self._close_session()
        self._session, testing = None, self.testing
        self.testing = False
        self._begin_tests()
        self.testing = testing

    def close(self) -> None:
        """End the worker; nothing of the submission stays in the jail."""
        self._close_session()
        self._session = None


def _status_of_errors(errors: list[str]) -> Status:
    if not errors:
        return Status.PASSED
    if errors[0] == "NotImplementedError":
        return Status.NOT_WRITTEN
    return Status.FAILED if errors[0] == "AssertionError" else Status.ERROR
