"""The judge's end of the connection to one worker: what it may be asked, and for how long."""

import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

from rnncourse.checks.status import Status

from ..jailed import wire
from ..jailed.rpc import Endpoint, RemoteError, RemoteObject
from ..sandbox.jail import Jail
from ..sandbox.limits import Limits
from .outputs import clean_output
from .replay_cache import MAX_RECORDING, Exchange, Node


class WorkerLost(Exception):
    """The worker is gone; str() says why, for the student."""

    student_type = "Crashed"
    student_where = None

    def __init__(self, message: str, status: Status = Status.CRASHED):
        super().__init__(message)
        self.student_message = message
        self.student_status = status


class CallTimeout(RemoteError):
    """A call took longer than it may; the worker is still there."""

    student_status = Status.TIMEOUT

    def __init__(self, message: str, where: str | None = None):
        super().__init__("Timeout", message, where)


class NondeterministicTest(BaseException):
    """A grading cell asked another question after the same answers.

    Not an Exception, which a test may catch.
    """


class Session(Endpoint):
    """One worker. All that it sends is data; the worst it can be is wrong."""

    fatal = (wire.WireError, WorkerLost, KeyboardInterrupt)

    def __init__(self, jail: Jail, seed: int, limits: Limits, suspicious: list[str]):
        super().__init__()
        self.limits = limits
        self.suspicious = suspicious
        self.alive = True
        self.dirty = False  # the jail could not be restored to its first state
        self.seconds = 0.0  # spent waiting for the worker
        self.phase_deadline = float("inf")  # for everything that is asked now
        self.timed_out = False  # in the current grading cell
        # Of the current grading cell; None where they are too large to keep.
        self.exchanges: list[Exchange] | None = []
        self._recorded_bytes = 0
        self._replayed: deque[Exchange] = deque()  # answered already, by following the cache
        self._inbox = bytearray()
        self._deadline = 0.0
        self._starts_call = True
        self._interrupted = False
        self._call_timed_out = False  # live, or in an exchange that is replayed
        options = {
            "seed": seed,
            "CPU": limits.cpu_time,
            "DATA": limits.memory,
            "FSIZE": limits.file_size,
            "NOFILE": limits.open_files,
            "memory": limits.memory,
            "processes": limits.processes,
        }
        self._channel = jail.fork(options)

    # --- the channel ----------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """True while the worker is alive or replayed answers remain."""
        return self.alive or bool(self._replayed)

    def begin_tests(self) -> None:
        """Start recording the exchanges of a grading cell."""
        self.timed_out = False
        self.exchanges, self._recorded_bytes = [], 0
        self._replayed.clear()

    def exchange(self, data: bytes) -> tuple[dict[str, Any], list[memoryview]]:
        """Send a message to the worker; returns the message that answers it."""
        if self._replayed:
            exchange = self._replayed.popleft()
            if exchange.message != data:
                raise NondeterministicTest
        else:
            exchange = self._exchange(self.notice() + data, data, self._starts_call)
        self._starts_call = False
        self._call_timed_out = self._call_timed_out or exchange.timed_out
        self._record(exchange)
        if isinstance(exchange.answer, Exception):
            raise exchange.answer
        return wire.unpack(exchange.answer)

    def _refuse(self, error: Exception) -> NoReturn:
        """Answer a question with an error, without asking the worker.

        It is recorded as an exchange that failed: a grading cell that was refused an answer, and
        may have gone on without it, must never pass for one that ran to its end.
        """
        self._record(Exchange(b"", b"", error, starts_call=True))
        raise error

    def _record(self, exchange: Exchange) -> None:
        if self.exchanges is None:
            return
        self.exchanges.append(exchange)
        self._recorded_bytes += exchange.size
        if self._recorded_bytes > MAX_RECORDING:
            self.exchanges = None

    def follow(self, node: Node) -> Any:
        """Send what earlier runs of a grading cell sent, as long as the worker's answers are known.

        Returns their verdict, or None where an answer is new; the cell must then be run, and gets
        the answers so far from here.
        """
        while node.exchange is not None and time.monotonic() < self.phase_deadline:
            known = node.exchange
            if known.starts_call:
                self._start_timer(self._call_timeout)
            exchange = self._exchange(known.sent, known.message, known.starts_call)
            self._replayed.append(exchange)
            if isinstance(exchange.answer, Exception):
                node = Node()
            else:
                node = node.answers.get(exchange.digest()) or Node()
        self._deadline = 0.0
        if node.verdict is not None:
            self._replayed.clear()
        return node.verdict

    def _exchange(self, sent: bytes, message: bytes, starts_call: bool) -> Exchange:
        started = time.monotonic()
        try:
            answer: bytes | Exception = self._send_and_receive(sent)
        except (WorkerLost, wire.WireError) as error:
            answer = error
        finally:
            self.seconds += time.monotonic() - started
        return Exchange(sent, message, answer, starts_call, self._interrupted)

    def _send_and_receive(self, sent: bytes) -> bytes:
        if not self.alive:
            raise WorkerLost("the process that ran your code is gone")
        if self._inbox:  # each end either answers, or asks and waits
            raise wire.WireError("unexpected message")
        if time.monotonic() > self._deadline:  # the deadline may pass while its callback is served
            self._interrupt_or_end()
        if not self._channel.send(sent, self._deadline):
            self.end()
            raise WorkerLost("the process that ran your code did not listen any more")
        message = self._receive()
        if wire.is_notice(message):
            self._forget(wire.unpack(message)[0].get("tapes"))
            message = self._receive()
        return message

    def _receive(self) -> bytes:
        """The worker's next complete message."""
        while (size := wire.size_of(self._inbox)) is None:
            data = self._channel.receive(self._deadline)
            if data == b"":
                self.alive = False
                self._raise_lost(self._channel.exit_report())
            self._inbox += data or b""
            # Not only where nothing arrives: a worker may send a little at a time for ever.
            if time.monotonic() >= self._deadline and wire.size_of(self._inbox) is None:
                self._interrupt_or_end()
        message = bytes(self._inbox[:size])
        del self._inbox[:size]
        return message

    def _start_timer(self, seconds: float) -> None:
        self._deadline = min(time.monotonic() + seconds, self.phase_deadline)
        self._interrupted = self._call_timed_out = False

    @property
    def _call_timeout(self) -> float:
        return self.limits.call_after_timeout if self.timed_out else self.limits.call

    def _interrupt_or_end(self) -> None:
        """The deadline has passed: interrupt the worker so it goes on; the second time, end it."""
        self.timed_out = True
        if not self._interrupted:
            self._interrupted = True
            self._channel.interrupt()
            self._deadline = time.monotonic() + self.limits.grace
            return
        self.end()
        raise WorkerLost("your code took too long and could not be interrupted", Status.TIMEOUT)

    def _raise_lost(self, report: dict[str, Any]) -> NoReturn:
        self.dirty = self.dirty or report.get("clean") is False
        overrun = report.get("overrun")
        if overrun == "processes":
            self.suspicious.append("started more processes than allowed")
            raise WorkerLost(f"your code started more than {self.limits.processes} processes")
        if overrun == "files":
            raise WorkerLost("your code made too many files")
        if overrun == "not_reading":
            raise WorkerLost("the process that ran your code did not listen any more")
        if overrun == "memory":
            raise WorkerLost(
                f"your code used more than {self.limits.memory >> 20} MB of memory",
                Status.OUT_OF_MEMORY,
            )
        # The kernel sends SIGKILL, not SIGXCPU, where soft and hard limit are the same.
        if report.get("signal") and round(report.get("cpu", 0)) >= self.limits.cpu_time:
            raise WorkerLost(
                f"your code used more than {self.limits.cpu_time} s of processor time",
                Status.TIMEOUT,
            )
        if report.get("signal"):
            number = report["signal"]
            names = {known.value: known.name for known in signal.Signals}
            name = names.get(number, f"signal {number}")
            raise WorkerLost(f"the process that ran your code was ended by {name}")
        raise WorkerLost("the process that ran your code ended itself")

    def end(self) -> None:
        """End the worker and all processes that it has started."""
        if not self.alive:
            return
        self.alive = False
        report = self._channel.exit_report()
        self.dirty = self.dirty or report.get("clean") is False
        if report.get("strays"):
            self.suspicious.append(f"left {report['strays']} processes running")

    # --- requests ---------------------------------------------------------------------------------

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """A time limit for everything that is asked inside; the outermost call sets it."""
        outermost = self._deadline == 0
        if outermost:
            if time.monotonic() >= self.phase_deadline and not self._replayed:
                self._refuse(CallTimeout("the time for all tests together is used up"))
            self._start_timer(seconds)
            self._starts_call = True
        try:
            if not self.usable:
                self._refuse(WorkerLost("the process that ran your code is gone"))
            yield
        except wire.WireError as error:
            self.suspicious.append(f"sent the grader a malformed answer: {error}")
            self.end()
            raise WorkerLost("what came back from your code was not an answer") from None
        except wire.Unsendable as error:
            raise RemoteError(
                "TypeError", f"the test's own value cannot be sent: {error}"
            ) from None
        except RemoteError as error:
            # The worker says so, but only the judge knows whether it is true.
            if self._call_timed_out and error.student_type == "Timeout":
                raise CallTimeout(error.student_message, error.student_where) from None
            raise
        finally:
            if outermost:
                self._deadline = 0.0

    def run_cell(self, source: str, seconds: float) -> dict[str, Any]:
        """Run one cell of the notebook. Returns its outputs and whether it was interrupted."""
        with self.within(seconds):
            reply, data = self.request({"op": "cell", "source": source})
            items = wire.Decoder(data, self._resolve).value(reply.get("value"))
            if not isinstance(items, list):
                raise wire.WireError("malformed outputs")
            return {
                "outputs": [output for output in map(clean_output, items) if output],
                "interrupted": reply.get("interrupted") is True,
                "cut": reply.get("cut") is True,
            }

    def begin(self, names: list[str], seconds: float) -> dict[str, Any]:
        """Begin a grading cell: the values of the names that it uses, functions and classes as
        handles. Handles and graphs of earlier cells are no longer valid.
        """
        self.reset()
        with self.within(seconds):
            reply, data = self.request({"op": "begin", "names": names})
            values = wire.Decoder(data, self._resolve).value(reply.get("value"))
            if not isinstance(values, dict):
                raise wire.WireError("malformed names")
            return {name: values[name] for name in names if name in values}

    def library(self, path: str) -> Any:
        """The object of the library at an import path, in the worker: see `checks.remote`."""
        with self.within(self._call_timeout):
            reply, data = self.request({"op": "library", "path": path})
            return wire.Decoder(data, self._resolve).value(reply.get("value"))

    def call_method(self, handle: int, method: str | None, *args: Any, **kwargs: Any) -> Any:
        with self.within(self._call_timeout):
            return super().call_method(handle, method, *args, **kwargs)

    def backward(self, tape: int, cotangents: list[Any], forms: list[Any]) -> list[Any]:
        with self.within(self._call_timeout):
            return super().backward(tape, cotangents, forms)

    def getattr(self, handle: int, name: str) -> Any:
        with self.within(self._call_timeout):
            return super().getattr(handle, name)

    def write(self, path: str, content: bytes) -> None:
        """Write a submitted file into the worker's working folder."""
        with self.within(self.limits.call):
            self.request({"op": "write", "path": path}, [content])

    def _export(self, value: Any) -> list[Any]:
        return super()._export(value.resolve() if isinstance(value, StudentObject) else value)


class SessionOwner(Protocol):
    """What a StudentObject needs of the process that restarts workers: `StudentProcess`."""

    def session(self) -> Session:
        """The session of the current worker."""

    def handle(self, name: str) -> RemoteObject:
        """The student's function or class of this name, in the current worker."""


class StudentObject:
    """A student's function or class, by its name in the notebook.

    It outlives a crash: the name is then looked up in the new worker.
    """

    def __init__(self, owner: SessionOwner, name: str):
        self._owner = owner
        self.__name__ = name

    def resolve(self) -> RemoteObject:
        """The handle in the current worker."""
        return self._owner.handle(self.__name__)

    def _library(self, path: str) -> Any:
        """A library object in the same worker: see `checks.remote`."""
        return self._owner.session().library(path)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.resolve()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.resolve(), name)

    def __repr__(self) -> str:
        return f"<the student's {self.__name__}>"
