"""The child of one submission: runs its cells and serves calls of its functions."""

import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnncourse.checks.compare import where_raised

from . import wire
from .cell_runner import CellShell
from .limits import MAX_MESSAGE_TEXT
from .rpc import Endpoint, RemoteError


class Worker(Endpoint):
    """Everything in this process belongs to the student: nothing it says is believed."""

    fatal = (wire.WireError, SystemError)

    def __init__(self, channel: socket.socket, shell: CellShell):
        super().__init__()
        self.channel = channel
        self.shell = shell
        self.inbox = bytearray()
        self._running = 0  # depth of student code that may be interrupted
        self._late = False  # an interrupt came while the protocol was at work
        self.interrupted = False
        signal.signal(signal.SIGINT, self._interrupt)

    # --- the channel --------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send a message, and before it what the judge may forget."""
        self._protected(lambda: self.channel.sendall(self.notice() + data))

    def receive(self) -> tuple[dict[str, Any], list[memoryview]]:
        """The next message of the judge."""
        message = self._protected(self._read_message)
        if wire.is_notice(message):
            self._forget(wire.unpack(message)[0]["tapes"])
            message = self._protected(self._read_message)
        return wire.unpack(message)

    def exchange(self, data: bytes) -> tuple[dict[str, Any], list[memoryview]]:
        self.send(data)
        return self.receive()

    def _read_message(self) -> bytes:
        while True:
            size = wire.size_of(self.inbox)
            if size is not None:
                message = bytes(self.inbox[:size])
                del self.inbox[:size]
                return message
            data = self.channel.recv(1 << 20)
            if not data:
                os._exit(0)
            self.inbox += data

    def request(self, header: dict[str, Any], buffers: Any = None) -> Any:
        """Ask the judge. An interrupt waits for the answer: otherwise it would come to the next
        question."""
        return self._protected(lambda: super(Worker, self).request(header, buffers))

    # --- being interrupted --------------------------------------------------------------------

    def _interrupt(self, *_: Any) -> None:
        self.interrupted = True
        if self._running > 0:
            raise KeyboardInterrupt
        self._late = True

    def _protected(self, work: Callable[[], Any]) -> Any:
        """Run protocol work: an interrupt waits until student code goes on."""
        running, self._running = self._running, 0
        try:
            return work()
        finally:
            self._running = running
            if running and self._late:
                self._late = False
                raise KeyboardInterrupt

    def run(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._running += 1
        try:
            return super().run(target, *args, **kwargs)
        finally:
            self._running -= 1

    def explain(self, error: BaseException) -> dict[str, Any]:
        if isinstance(error, RemoteError):
            return {**super().explain(error), "where": _where(error)}
        kind = type(error).__name__
        if isinstance(error, KeyboardInterrupt) and self.interrupted:
            return {"type": "Timeout", "message": "it took too long", "where": _where(error)}
        try:
            message = str(error)
        except BaseException:
            message = "(its message could not be made)"
        return {"type": kind, "message": message[:MAX_MESSAGE_TEXT], "where": _where(error)}

    # --- what the judge may ask, beside calls -------------------------------------------------

    def serve_cell(self, header: dict[str, Any], data: Any) -> tuple[dict[str, Any], list[bytes]]:
        self.interrupted = False
        items = self.run(self.shell.run, header["source"])
        encoder = wire.Encoder(self._export)
        return {
            "value": encoder.node(items),
            "interrupted": self.interrupted,
            "cut": self.shell.outputs.cut,
        }, encoder.buffers

    def serve_begin(self, header: dict[str, Any], data: Any) -> tuple[dict[str, Any], list[bytes]]:
        """A grading cell begins: the values of the names that it uses, functions and classes as
        handles. Names that are not there are left out."""
        self.reset()
        encoder = wire.Encoder(self._export)
        space = self.shell.user_ns
        found = {name: space[name] for name in header["names"] if name in space}
        return {"value": encoder.node(found)}, encoder.buffers

    def serve_library(
        self, header: dict[str, Any], data: Any
    ) -> tuple[dict[str, Any], list[bytes]]:
        """What an import path names: a test has it made beside the student's code."""
        encoder = wire.Encoder(self._export)
        module, _, name = header["path"].rpartition(".")
        found = self.run(lambda: getattr(importlib.import_module(module), name))
        return {"value": encoder.node(found)}, encoder.buffers

    def serve_getattr(
        self, header: dict[str, Any], data: Any
    ) -> tuple[dict[str, Any], list[bytes]]:
        encoder = wire.Encoder(self._export)
        target = self._objects[header["target"]]
        return {"value": encoder.node(self.run(getattr, target, header["name"]))}, encoder.buffers

    def serve_write(self, header: dict[str, Any], data: Any) -> tuple[dict[str, Any], list[bytes]]:
        """Put one of the submission's files into the scratch folder."""
        path = Path(header["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(data[0]))
        return {"value": None}, []

    def serve_forever(self) -> None:
        while True:
            header, data = self.receive()
            self.interrupted = self._late = False
            self.send(self.answer(header, data))


def _where(error: BaseException) -> str | None:
    try:
        return where_raised(error)
    except BaseException:
        return None


def main(channel: socket.socket, shell: CellShell) -> None:
    """Serve until the channel closes; never returns."""
    try:
        Worker(channel, shell).serve_forever()
    except BaseException:
        if os.environ.get("AUTOGRADER_DEBUG"):
            traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(70)
