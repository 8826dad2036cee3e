"""The judge's side of one submission: its jailed child, what it may be asked, and for how long."""

import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ..jailed import wire
from ..jailed.rpc import Peer, Remote, RemoteError
from ..sandbox.jail import Jail
from ..sandbox.limits import Limits
from .replay_cache import LONGEST, Point, Turn


class Lost(Exception):
    """The child is gone; str() says what became of it, in a student's words."""

    student_type = "Crashed"
    student_where = None

    @property
    def student_message(self) -> str:
        return str(self)


class Diverged(BaseException):
    """A grading cell did not repeat what it had said to the same answers: it is not deterministic.

    No Exception, which a test may catch.
    """


class Session(Peer):
    """One child process. All that comes from it is data; the worst it can be is wrong."""

    fatal = (wire.WireError, Lost, KeyboardInterrupt)

    def __init__(self, jail: Jail, seed: int, limits: Limits, suspicious: list[str]):
        super().__init__()
        self.limits = limits
        self.suspicious = suspicious
        self.alive = True
        self.dirty = False  # the jail could not be brought back to what it was
        self.seconds = 0.0  # spent waiting for the child
        self.budget = float("inf")  # when everything asked now must be done
        self.timed_out = False  # in the grading cell that is being run
        self.turns: list[Turn] | None = []  # of this grading cell, unless there were too many
        self._said = 0  # bytes, in these turns
        self._ahead: deque[Turn] = deque()  # taken already, by following an earlier conversation
        self._inbox = bytearray()
        self._deadline = 0.0
        self._opens = True
        self._interrupted = False
        options = {
            "seed": seed,
            "CPU": limits.cpu,
            "DATA": limits.memory,
            "FSIZE": limits.file_size,
            "NOFILE": limits.files,
            "memory": limits.memory,
            "processes": limits.processes,
        }
        self._channel = jail.fork(options)

    # --- the channel ----------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether there is somebody to answer, or answers that are there already."""
        return self.alive or bool(self._ahead)

    def begin_tests(self) -> None:
        """A grading cell begins."""
        self.timed_out = False
        self.turns, self._said = [], 0
        self._ahead.clear()

    def exchange(self, data: bytes) -> tuple[dict[str, Any], list[memoryview]]:
        """Say something to the child; the message that answers it."""
        if self._ahead:
            turn = self._ahead.popleft()
            if turn.said != data:
                raise Diverged
        else:
            turn = self._turn(self.notice() + data, data, self._opens)
        self._opens = False
        self._remember(turn)
        if isinstance(turn.heard, Exception):
            raise turn.heard
        return wire.unpack(turn.heard)

    def _remember(self, turn: Turn) -> None:
        if self.turns is None:
            return
        self.turns.append(turn)
        self._said += turn.size
        if self._said > LONGEST:
            self.turns = None

    def follow(self, point: Point) -> Any:
        """Go through a grading cell as in earlier ones, for as long as the child answers as one.

        Returns what came of that one; None where the child says something new. The turns that
        were taken so far are then there for the cell to go through again.
        """
        while point.turn is not None and time.monotonic() < self.budget:
            if point.turn.opens:
                self._give(self._patience)
            turn = self._turn(point.turn.sent, point.turn.said, point.turn.opens)
            self._ahead.append(turn)
            point = (
                Point()
                if isinstance(turn.heard, Exception)
                else point.answers.get(turn.digest(), Point())
            )
        self._deadline = 0.0
        if point.outcome is not None:
            self._ahead.clear()
        return point.outcome

    def _turn(self, sent: bytes, said: bytes, opens: bool) -> Turn:
        started = time.monotonic()
        try:
            heard: bytes | Exception = self._ask(sent)
        except (Lost, wire.WireError) as error:
            heard = error
        finally:
            self.seconds += time.monotonic() - started
        return Turn(sent, said, heard, opens)

    def _ask(self, sent: bytes) -> bytes:
        if not self.alive:
            raise Lost("the process that ran your code is gone")
        if self._inbox:  # each side answers, or asks and waits
            raise wire.WireError("it spoke out of turn")
        if time.monotonic() > self._deadline:  # while it was served: it may not ask for ever
            self._too_late()
        if not self._channel.send(sent, self._deadline):
            self.end()
            raise Lost("the process that ran your code did not listen any more")
        message = self._message()
        if wire.is_notice(message):
            self._forget(wire.unpack(message)[0].get("tapes"))
            message = self._message()
        return message

    def _message(self) -> bytes:
        """The next message of the child, whole."""
        while (size := wire.size_of(self._inbox)) is None:
            data = self._channel.receive(self._deadline)
            if data == b"":
                self.alive = False
                self._ended(self._channel.facts())
            self._inbox += data or b""
            # Not only where nothing comes: there may always be a little more.
            if time.monotonic() >= self._deadline and wire.size_of(self._inbox) is None:
                self._too_late()
        message = bytes(self._inbox[:size])
        del self._inbox[:size]
        return message

    def _give(self, seconds: float) -> None:
        self._deadline = min(time.monotonic() + seconds, self.budget)
        self._interrupted = False

    @property
    def _patience(self) -> float:
        return self.limits.call_again if self.timed_out else self.limits.call

    def _too_late(self) -> None:
        """First ask the child to stop, so that the rest of the work can go on; then end it."""
        self.timed_out = True
        if not self._interrupted:
            self._interrupted = True
            self._channel.interrupt()
            self._deadline = time.monotonic() + self.limits.grace
            return
        self.end()
        raise Lost("your code took too long and could not be interrupted")

    def _ended(self, facts: dict[str, Any]) -> NoReturn:
        self.dirty = self.dirty or facts.get("clean") is False
        overrun = facts.get("overrun")
        if overrun == "processes":
            self.suspicious.append("started more processes than allowed")
            raise Lost(f"your code started more than {self.limits.processes} processes")
        if overrun == "files":
            raise Lost("your code made too many files")
        if overrun == "deaf":
            raise Lost("the process that ran your code did not listen any more")
        if overrun == "memory":
            raise Lost(f"your code used more than {self.limits.memory >> 20} MB of memory")
        # The kernel sends SIGKILL, not SIGXCPU, where soft and hard limit are the same.
        if facts.get("signal") and round(facts.get("cpu", 0)) >= self.limits.cpu:
            raise Lost(f"your code used more than {self.limits.cpu} s of processor time")
        if facts.get("signal"):
            number = facts["signal"]
            known = {one.value: one.name for one in signal.Signals}
            name = known.get(number, f"signal {number}")
            raise Lost(f"the process that ran your code was ended by {name}")
        raise Lost("the process that ran your code ended itself")

    def end(self) -> None:
        """End the child and all that it has started."""
        if not self.alive:
            return
        self.alive = False
        facts = self._channel.facts()
        self.dirty = self.dirty or facts.get("clean") is False
        if facts.get("strays"):
            self.suspicious.append(f"left {facts['strays']} processes running")

    # --- what is asked ----------------------------------------------------------------------------

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """A limit for everything that is asked inside; the outermost call sets it."""
        outermost = self._deadline == 0
        if outermost:
            if time.monotonic() >= self.budget and not self._ahead:
                raise RemoteError("Timeout", "the time for all tests together is used up")
            self._give(seconds)
            self._opens = True
        try:
            if not self.usable:
                raise Lost("the process that ran your code is gone")
            yield
        except wire.WireError as error:
            self.suspicious.append(f"sent the grader something that is no answer: {error}")
            self.end()
            raise Lost("what came back from your code was not an answer") from None
        except wire.Unsendable as error:
            raise RemoteError(
                "TypeError", f"the test's own value cannot be sent: {error}"
            ) from None
        finally:
            if outermost:
                self._deadline = 0.0

    def run_cell(self, source: str, seconds: float) -> dict[str, Any]:
        """Run one cell of the notebook. Returns its outputs and whether it was interrupted."""
        with self.within(seconds):
            reply, data = self.request({"op": "cell", "source": source})
            items = wire.Decoder(data, self._resolve).value(reply.get("value"))
            if not isinstance(items, list):
                raise wire.WireError("outputs that are none")
            return {
                "outputs": [one for one in map(clean_output, items) if one],
                "interrupted": reply.get("interrupted") is True,
                "cut": reply.get("cut") is True,
            }

    def begin(self, names: list[str], seconds: float) -> dict[str, Any]:
        """Begin a grading cell: the values of the names that it uses, functions and classes as
        handles. What was said before is over: handles and graphs of earlier cells are not valid.
        """
        self.begin_chapter()
        with self.within(seconds):
            reply, data = self.request({"op": "begin", "names": names})
            found = wire.Decoder(data, self._resolve).value(reply.get("value"))
            if not isinstance(found, dict):
                raise wire.WireError("names that are none")
            return {name: found[name] for name in names if name in found}

    def library(self, path: str) -> Any:
        """What an import path of the library names, in the child: see `checks.remote`."""
        with self.within(self._patience):
            reply, data = self.request({"op": "library", "path": path})
            return wire.Decoder(data, self._resolve).value(reply.get("value"))

    def call_method(self, handle: int, method: str | None, *args: Any, **kwargs: Any) -> Any:
        with self.within(self._patience):
            return super().call_method(handle, method, *args, **kwargs)

    def backward(self, tape: int, cotangents: list[Any], forms: list[Any]) -> list[Any]:
        with self.within(self._patience):
            return super().backward(tape, cotangents, forms)

    def getattr(self, handle: int, name: str) -> Any:
        with self.within(self._patience):
            return super().getattr(handle, name)

    def write(self, path: str, content: bytes) -> None:
        """Put a submitted file into the child's working folder."""
        with self.within(self.limits.call):
            self.request({"op": "write", "path": path}, [content])

    def _export(self, value: Any) -> list[Any]:
        return super()._export(value.resolve() if isinstance(value, Named) else value)


class Named:
    """A function or class of the student's, by its name in the notebook.

    It outlives a crash: after one, the name is looked up in the process that took over.
    """

    def __init__(self, submission: Any, name: str):
        self._submission = submission
        self.__name__ = name

    def resolve(self) -> Remote:
        """The handle in the process that is alive now."""
        return self._submission.handle(self.__name__)

    def _library(self, path: str) -> Any:
        """A library object beside it: see `checks.remote`."""
        return self._submission.session().library(path)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.resolve()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.resolve(), name)

    def __repr__(self) -> str:
        return f"<the student's {self.__name__}>"


def clean_output(item: Any) -> dict[str, Any] | None:
    """One output of a cell, rebuilt from the parts that a notebook may hold; None if it is none.

    Only kinds that a page shows without running anything are kept.
    """
    if not isinstance(item, dict):
        return None
    kind = item.get("output_type")
    if kind == "stream":
        if item.get("name") in ("stdout", "stderr") and isinstance(item.get("text"), str):
            return {"output_type": kind, "name": item["name"], "text": item["text"]}
        return None
    if kind == "error":
        name, message, lines = (item.get(key) for key in ("ename", "evalue", "traceback"))
        if not isinstance(name, str) or not isinstance(message, str) or not isinstance(lines, list):
            return None
        return {
            "output_type": kind,
            "ename": name,
            "evalue": message,
            "traceback": [line for line in lines if isinstance(line, str)],
        }
    data = item.get("data")
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return None
    allowed = ("text/plain", "image/png", "image/jpeg", "text/latex")
    kept = {mime: data[mime] for mime in allowed if isinstance(data.get(mime), str)}
    output = {"output_type": kind, "data": kept, "metadata": {}}
    if kind == "execute_result":
        count = item.get("execution_count")
        output["execution_count"] = count if type(count) is int else None
    return output
