"""Channels: how the judge and the worker of one submission exchange bytes."""

import json
import select
import socket
import time
from collections import deque
from typing import Any, Protocol

from ..jailed import frames
from ..jailed.wire import WireError


class ZygoteLink(Protocol):
    """The frames to and from a zygote: a Jail, as a channel sees it."""

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Send a frame."""

    def read(self, deadline: float) -> tuple[bytes, bytes] | None:
        """The next frame, or None if the deadline passes first."""

    def expect(self, kinds: bytes, failure: str) -> tuple[bytes, bytes]:
        """The next frame of one of these kinds; failure: what it means if none comes."""


class Channel(Protocol):
    """The judge's end. Deadlines are on the clock of time.monotonic()."""

    def send(self, data: bytes, deadline: float) -> bool:
        """Whether everything was sent before the deadline; also True if the worker is gone."""

    def receive(self, deadline: float) -> bytes | None:
        """Some bytes; b"" if the worker is gone; None if the deadline passes first."""

    def interrupt(self) -> None:
        """Send the worker SIGINT.

        When this returns the signal has been sent: it cannot hit the worker's next request.
        """

    def exit_report(self) -> dict[str, Any]:
        """End the worker unless it has ended; what the zygote says of its end."""


class Direct:
    """A channel over the worker's own socket, which the zygote has passed to the judge."""

    def __init__(self, jail: ZygoteLink, descriptor: int):
        self.jail = jail
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)
        self._report: dict[str, Any] | None = None

    def send(self, data: bytes, deadline: float) -> bool:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.socket.send(rest) :]
            except BlockingIOError:
                seconds = max(0, deadline - time.monotonic())
                readable, writable, _ = select.select(
                    [self.socket], [self.socket], [], min(seconds, 60)
                )
                if readable:  # it is the judge's turn: the worker has nothing to say
                    raise WireError("unexpected message") from None
                if not writable:
                    return False
            except OSError:
                return True
        return True

    def receive(self, deadline: float) -> bytes | None:
        while True:
            try:
                return self.socket.recv(1 << 20)  # drops descriptors that a worker may send along
            except BlockingIOError:
                seconds = deadline - time.monotonic()
                if seconds <= 0 or not self._poll.poll(min(seconds, 3600) * 1000):
                    return None
            except OSError:
                return b""

    def interrupt(self) -> None:
        self.jail.send(frames.INTERRUPT)
        kind, payload = self.jail.expect(
            frames.INTERRUPTED + frames.REPORT, "did not interrupt a submission"
        )
        if kind == frames.REPORT:
            self._report = json.loads(payload)

    def exit_report(self) -> dict[str, Any]:
        self.socket.close()
        if self._report is None:
            self.jail.send(frames.END)
            _, payload = self.jail.expect(frames.REPORT, "did not end a submission")
            self._report = json.loads(payload)
        return self._report


class Relayed:
    """A channel through the zygote, for sandboxes into which no socket can be passed."""

    def __init__(self, jail: ZygoteLink):
        self.jail = jail
        self._report: dict[str, Any] | None = None
        self._early: deque[bytes] = deque()  # data that came while another frame was awaited

    def send(self, data: bytes, deadline: float) -> bool:
        chunk = frames.MAX_PAYLOAD // 2
        for start in range(0, len(data), chunk):
            self.jail.send(frames.DATA, data[start : start + chunk])
        return True

    def receive(self, deadline: float) -> bytes | None:
        if self._early:
            return self._early.popleft()
        if self._report is not None:
            return b""
        frame = self.jail.read(deadline)
        if frame is None:
            return None
        kind, payload = frame
        if kind == frames.REPORT:
            self._report = json.loads(payload)
        return payload if kind == frames.DATA else b""

    def interrupt(self) -> None:
        self.jail.send(frames.INTERRUPT)
        self._expect(frames.INTERRUPTED + frames.REPORT, "did not interrupt a submission")

    def exit_report(self) -> dict[str, Any]:
        if self._report is None:
            self.jail.send(frames.END)
            self._expect(frames.REPORT, "did not end a submission")
        assert self._report is not None
        return self._report

    def _expect(self, kinds: bytes, failure: str) -> None:
        """Wait for a frame of one of these kinds, keeping the data that comes before it."""
        while True:
            kind, payload = self.jail.expect(kinds + frames.DATA, failure)
            if kind == frames.DATA:
                self._early.append(payload)
                continue
            if kind == frames.REPORT:
                self._report = json.loads(payload)
            return
