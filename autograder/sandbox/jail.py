"""A jail: the judge's side of one running sandbox.

A backend starts the zygote, `python -m jailed`, behind a wall: bubblewrap, Docker or Podman, or no
wall at all. Inside there are the interpreter with its libraries and the staged part of `rnncourse`;
no references that the problem set asks for, no network, no course, no other student. The processes
and what they say to each other are described in `autograder.jailed`.
"""

import atexit
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Any, NoReturn

from ..jailed import frames
from .backend import Backend
from .bubblewrap import Bubblewrap
from .channels import Channel, Direct, Relayed
from .container import Docker, Podman
from .none import NoSandbox
from .staging import stage

START_TIMEOUT = 120  # seconds until the zygote must be ready
REPLY_TIMEOUT = 30  # seconds for any frame that it owes us
_BACKENDS: dict[str, type[Backend]] = {
    backend.name: backend for backend in (Bubblewrap, Docker, Podman, NoSandbox)
}
BACKENDS = tuple(_BACKENDS)


class JailError(RuntimeError):
    """The jail could not be started, or its zygote is gone. Never a student's fault."""


def choose(backend: str = "auto") -> str:
    """The backend to use. `auto` never means `none`: that must be asked for by name."""
    if backend != "auto":
        if backend not in BACKENDS:
            raise JailError(f"there is no jail {backend!r}; choose from {', '.join(BACKENDS)}")
        if reason := _BACKENDS[backend].unavailable():
            raise JailError(reason)
        return backend
    if sys.platform == "linux" and not Bubblewrap.unavailable():
        return Bubblewrap.name
    for engine in (Podman, Docker):
        if not engine.unavailable():
            return engine.name
    raise JailError(
        "found no jail: bubblewrap (Linux only), podman or docker. To grade work that you trust, "
        "such as your own, without one: --jail none"
    )


class Jail:
    """A running sandbox. One submission at a time: fork() a worker, talk to it, end it."""

    def __init__(
        self,
        backend: str = "auto",
        hidden: Iterable[str] = (),
        forbid: Iterable[str] = (),
        private: Iterable[Path] = (),
    ):
        """hidden: modules that cannot be imported inside; forbid, private: see `Backend`."""
        self.backend = choose(backend)
        self.staged = stage(hidden)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the jail
        self._start(_BACKENDS[self.backend](self.staged, forbid, private))
        os.set_blocking(self._in.fileno(), False)
        self._inbox = bytearray()
        self._descriptors: list[int] = []  # that came with what is in the inbox
        self._readable = select.poll()
        self._readable.register(self._out, select.POLLIN)
        atexit.register(self.close)
        frame = self.read(time.monotonic() + START_TIMEOUT)
        if frame is None or frame[0] != frames.READY:
            self._fail("did not start")

    def _start(self, backend: Backend) -> None:
        """Start the zygote, on a socket where one can be passed, else on two pipes."""
        self._in: socket.socket | FileIO  # where the zygote's standard input begins
        self._out: socket.socket | FileIO  # where its standard output ends
        their_in: socket.socket | FileIO
        their_out: socket.socket | FileIO
        if backend.passes_sockets:
            ours, theirs = socket.socketpair()
            self._in = self._out = ours
            their_in = their_out = theirs
        else:
            read_in, write_in = os.pipe()
            read_out, write_out = os.pipe()
            self._in, self._out = FileIO(write_in, "w"), FileIO(read_out, "r")
            their_in, their_out = FileIO(read_in, "r"), FileIO(write_out, "w")
        with tempfile.TemporaryFile() as filter_file:
            passed = []
            if program := backend.syscall_filter():
                filter_file.write(program)
                filter_file.seek(0)
                passed.append(filter_file.fileno())
            self.process = subprocess.Popen(
                backend.command(*passed),
                pass_fds=passed,
                stdin=their_in.fileno(),
                stdout=their_out.fileno(),
                stderr=self.errors,
                env=backend.environment(),
                # Ctrl-C is ours to handle: the zygote ends when its standard input does.
                start_new_session=True,
            )
        their_in.close()
        their_out.close()

    def fork(self, limits: dict[str, Any]) -> Channel:
        """Start a worker for a submission.

        limits: by the names of rlimits ("CPU", "DATA", ...), and of the zygote's own limits
        ("memory", "processes"); with "seed", of the worker's random numbers.
        """
        self.send(frames.START, json.dumps(limits).encode())
        self.expect(frames.STARTED, "did not start a submission")
        if self._descriptors:
            return Direct(self, self._descriptors.pop())
        return Relayed(self)

    def expect(self, kinds: bytes, failure: str) -> tuple[bytes, bytes]:
        """The next frame of one of these kinds, which the zygote owes; failure: if it is late."""
        while (frame := self.read(time.monotonic() + REPLY_TIMEOUT)) is not None:
            if frame[0] in kinds:
                return frame
        self._fail(failure)

    def _fail(self, failure: str) -> NoReturn:
        self.process.kill()
        self.process.wait()
        self.errors.seek(0)
        text = self.errors.read()[-2000:].decode(errors="replace").strip()
        raise JailError(
            f"the {self.backend} jail {failure} (exit status {self.process.returncode})"
            + (f": {text}" if text else "")
        )

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Send one frame, reading meanwhile, so that neither side waits for the other."""
        rest = memoryview(frames.pack(kind, payload))
        into, out = self._in.fileno(), self._out.fileno()
        while rest:
            try:
                rest = rest[os.write(into, rest) :]
                continue
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                self._fail("is gone")
            readable, writable, _ = select.select([out], [into], [], 60)
            if readable:
                self._fill_inbox()
            if not readable and not writable:
                self._fail("does not read any more")

    def _fill_inbox(self) -> None:
        try:
            if isinstance(self._out, socket.socket):
                data, descriptors, _, _ = socket.recv_fds(self._out, 1 << 20, 1)
                self._descriptors += descriptors
            else:
                data = os.read(self._out.fileno(), 1 << 20)
        except ConnectionResetError:  # it died with bytes of ours unread
            data = b""
        if not data:
            self._fail("is gone")
        self._inbox += data

    def read(self, deadline: float) -> tuple[bytes, bytes] | None:
        """The next frame from the zygote; None when the deadline passes first."""
        header_size = frames.HEADER.size
        while True:
            if len(self._inbox) >= header_size:
                kind, length = frames.HEADER.unpack_from(self._inbox)
                if length > frames.MAX_PAYLOAD:
                    self._fail("sent a malformed frame")
                if len(self._inbox) >= header_size + length:
                    payload = bytes(self._inbox[header_size : header_size + length])
                    del self._inbox[: header_size + length]
                    return kind, payload
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                return None
            if self._readable.poll(min(seconds, 3600) * 1000):
                self._fill_inbox()

    def close(self) -> None:
        """End the sandbox and everything in it."""
        atexit.unregister(self.close)
        self._in.close()
        if self.process.poll() is None:
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._out.close()
        self.errors.close()
        shutil.rmtree(self.staged, ignore_errors=True)
