"""The judge's side of one submission: its jailed child, what it may be asked, and for how long."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .jail import Jail
from .jailed import wire
from .jailed.peer import Peer, Remote, RemoteError
from .limits import Limits


class Lost(Exception):
    """The child is gone; str() says what became of it, in a student's words."""

    student_type = "Crashed"
    student_where = None

    @property
    def student_message(self) -> str:
        return str(self)


class Session(Peer):
    """One child process. All that comes from it is data; the worst it can be is wrong."""

    fatal = (wire.WireError, Lost, KeyboardInterrupt)

    def __init__(self, jail: Jail, seed: int, limits: Limits, suspicious: list[str]):
        super().__init__(self._send, self._receive)
        self.jail = jail
        self.limits = limits
        self.suspicious = suspicious
        self.alive = True
        self.dirty = False  # the jail could not be brought back to what it was
        self.seconds = 0.0  # spent waiting for the child
        self.budget = float("inf")  # when everything asked now must be done
        self.timed_out = False  # in the grading cell that is being run
        self._inbox = bytearray()
        self._deadline = 0.0
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
        jail.send(b"F", json.dumps(options).encode())
        while True:
            frame = jail.read(time.monotonic() + 30)
            if frame is None:
                jail._fail("did not start a submission")
            if frame[0] == b"S":
                break

    # --- the channel ----------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        if self._inbox:  # each side answers, or asks and waits
            raise wire.WireError("it spoke out of turn")
        for start in range(0, len(data), 1 << 19):
            self.jail.send(b"D", data[start : start + (1 << 19)])

    def _receive(self) -> tuple[dict[str, Any], list[memoryview]]:
        started = time.monotonic()
        try:
            while True:
                message = wire.unpack(self._inbox)
                if message is not None:
                    del self._inbox[: wire.size_of(self._inbox)]
                    return message
                frame = self.jail.read(self._deadline)
                if frame is None:
                    self._too_late()
                elif frame[0] == b"D":
                    self._inbox += frame[1]
                elif frame[0] == b"X":
                    self._ended(frame[1])
        finally:
            self.seconds += time.monotonic() - started

    @property
    def _patience(self) -> float:
        return self.limits.call_again if self.timed_out else self.limits.call

    def _too_late(self) -> None:
        """First ask the child to stop, so that the rest of the work can go on; then end it."""
        self.timed_out = True
        if not self._interrupted:
            self._interrupted = True
            self._deadline = time.monotonic() + self.limits.grace
            self.jail.send(b"I")
            return
        self.end()
        raise Lost("your code took too long and could not be interrupted")

    def _ended(self, payload: bytes) -> None:
        self.alive = False
        facts = json.loads(payload)
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

    def end(self) -> dict[str, Any]:
        """End the child and all that it has started; what the parent says of it."""
        facts: dict[str, Any] = {}
        if self.alive:
            self.alive = False
            self.jail.send(b"K")
            until = time.monotonic() + 30
            while (frame := self.jail.read(until)) is not None:
                if frame[0] == b"X":
                    facts = json.loads(frame[1])
                    break
            else:
                self.jail._fail("could not end a submission")
        self.dirty = self.dirty or facts.get("clean") is False
        if facts.get("strays"):
            self.suspicious.append(f"left {facts['strays']} processes running")
        return facts

    # --- what is asked ----------------------------------------------------------------------------

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """A limit for everything that is asked inside; the outermost call sets it."""
        outermost = self._deadline == 0
        if outermost:
            if time.monotonic() >= self.budget:
                raise RemoteError("Timeout", "the time for all tests together is used up")
            self._deadline = min(time.monotonic() + seconds, self.budget)
            self._interrupted = False
        try:
            if not self.alive:
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

    def lookup(self, names: list[str], seconds: float) -> dict[str, Any]:
        """The values of names in the student's notebook; functions and classes as handles."""
        with self.within(seconds):
            reply, data = self.request({"op": "lookup", "names": names})
            found = wire.Decoder(data, self._resolve).value(reply.get("value"))
            if not isinstance(found, dict):
                raise wire.WireError("names that are none")
            return {name: found[name] for name in names if name in found}

    def call_method(self, handle: int, method: str | None, *args: Any, **kwargs: Any) -> Any:
        with self.within(self._patience):
            return super().call_method(handle, method, *args, **kwargs)

    def backward(self, tape: int, cotangents: list[Any], forms: list[Any]) -> list[Any]:
        with self.within(self._patience):
            return super().backward(tape, cotangents, forms)

    def getattr(self, handle: int, name: str) -> Any:
        with self.within(self._patience):
            return super().getattr(handle, name)

    def forget_tapes(self) -> None:
        """Let go of the graphs of calls back, which only a test in progress can need."""
        self._tapes.clear()

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
