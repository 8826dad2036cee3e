"""The worker of one submission: runs its cells and serves calls of its functions."""

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
from .rpc import Endpoint, Operation, RemoteError


class Worker(Endpoint):
    """The worker's end of the RPC. Everything in this process belongs to the student."""

    fatal = (wire.WireError, SystemError)

    def __init__(self, channel: socket.socket, shell: CellShell):
        super().__init__()
        self.channel = channel
        self.shell = shell
        self.inbox = bytearray()
        self._running = 0  # depth of student code that may be interrupted
        self._pending = False  # an interrupt came while the protocol was at work
        self.interrupted = False
        signal.signal(signal.SIGINT, self._interrupt)

    # --- the channel --------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send a message, with the notice before it."""
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
        """Make a callback to the judge.

        An interrupt waits for the reply, which would otherwise be taken for that of the next one.
        """
        return self._protected(lambda: super(Worker, self).request(header, buffers))

    # --- interrupts ---------------------------------------------------------------------------

    def _interrupt(self, *_: Any) -> None:
        self.interrupted = True
        if self._running > 0:
            raise KeyboardInterrupt
        self._pending = True

    def _protected(self, work: Callable[[], Any]) -> Any:
        """Run protocol work; an interrupt is raised afterwards, back in the student's code."""
        running, self._running = self._running, 0
        try:
            return work()
        finally:
            self._running = running
            if running and self._pending:
                self._pending = False
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

    # --- operations ---------------------------------------------------------------------------

    def operations(self) -> dict[str, Operation]:
        return super().operations() | {
            "cell": self.serve_cell,
            "begin": self.serve_begin,
            "library": self.serve_library,
            "getattr": self.serve_getattr,
            "write": self.serve_write,
        }

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
        """Begin a grading cell: the values of the names that it uses, functions and classes as
        handles. Undefined names are left out."""
        self.reset()
        encoder = wire.Encoder(self._export)
        space = self.shell.user_ns
        values = {name: space[name] for name in header["names"] if name in space}
        return {"value": encoder.node(values)}, encoder.buffers

    def serve_library(
        self, header: dict[str, Any], data: Any
    ) -> tuple[dict[str, Any], list[bytes]]:
        """A library object by its import path: see `checks.remote.remote`."""
        encoder = wire.Encoder(self._export)
        module, _, name = header["path"].rpartition(".")
        value = self.run(lambda: getattr(importlib.import_module(module), name))
        return {"value": encoder.node(value)}, encoder.buffers

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
            self.interrupted = self._pending = False
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
