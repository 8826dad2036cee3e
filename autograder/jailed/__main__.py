"""The warm parent of a jail: imports everything once, then forks a child for each submission.

It speaks with the judge over its standard streams, in frames of kind (1 byte), length (u32) and
payload. A child speaks only with the parent, which passes its bytes on and never reads them.

    judge → parent   F fork {limits} · D data for the child · I interrupt the child · K end it
    parent → judge   R ready {…} · S started · D data from the child · X child ended {…}

In a jail the parent is process 1 of its own process namespace: when a submission ends it kills
whatever is left, whoever started it, and empties the scratch folders.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import socket
import struct
import sys
import time

FRAME = struct.Struct("!cI")
CHUNK = 1 << 16
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36


def prctl(option: int, value: int) -> None:
    """Linux's prctl; elsewhere it does nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Parent:
    """One jail: at most one child at a time."""

    def __init__(self, scratch: list[str], forbid: list[str]):
        self.scratch = scratch
        # What the jail itself has put there (a course below /tmp) is not a submission's.
        self.kept = {folder: set(os.listdir(folder)) for folder in scratch}
        self.jailed = os.getpid() == 1
        self.child: int | None = None
        self.channel: socket.socket | None = None
        self.outbox = bytearray()  # for the child
        self.inbox = bytearray()  # from the judge
        self.limits: dict[str, int] = {}
        self.overrun: str | None = None
        self.poll = select.poll()
        self.poll.register(0, select.POLLIN)
        self.shell = self._warm_up(forbid)

    def _warm_up(self, forbid: list[str]):
        import matplotlib.pyplot  # noqa: F401
        import numpy  # noqa: F401
        import torch

        # One thread before the first parallel operation: then fork is safe.
        torch.set_num_threads(1)
        torch.zeros(2, 2) @ torch.zeros(2, 2)

        # A first backward() imports this (0.2 s); running one here would start autograd's threads,
        # which do not survive a fork.
        import torch.fx.experimental.symbolic_shapes

        from rnncourse.checks.rules import forbid as block

        from .shell import CellShell

        block(forbid)
        shell = CellShell.instance()
        shell.run("%matplotlib inline\n1 + 1")
        shell.execution_count = 1
        return shell

    # --- frames -------------------------------------------------------------------------------

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        data = FRAME.pack(kind, len(payload)) + payload
        while data:
            data = data[os.write(1, data) :]

    def tell(self, kind: bytes, **facts) -> None:
        self.send(kind, json.dumps(facts).encode())

    # --- the child ----------------------------------------------------------------------------

    def fork(self, limits: dict[str, int]) -> None:
        self.finish()
        self.limits, self.overrun = limits, None
        mine, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_child(mine, theirs)
        theirs.close()
        mine.setblocking(False)
        self.child, self.channel = pid, mine
        self.poll.register(mine, select.POLLIN)
        self.send(b"S")

    def _become_child(self, mine: socket.socket, theirs: socket.socket) -> None:
        try:
            os.setsid()
            mine.close()
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1) if os.environ.get("AUTOGRADER_DEBUG") else (0, 1, 2):
                os.dup2(null, descriptor)
            os.closerange(3, theirs.fileno())
            os.closerange(theirs.fileno() + 1, 1 << 16)
            for name in ("DATA", "CPU", "FSIZE", "NOFILE", "NPROC"):
                if name in self.limits:
                    _lower(getattr(resource, f"RLIMIT_{name}"), self.limits[name])
            _lower(resource.RLIMIT_CORE, 0)
            # The parent's memory is closed to its children; the child's own is its own business.
            prctl(PR_SET_DUMPABLE, 1)
            os.chdir(self.scratch[0])
            sys.path[:0] = [self.scratch[0]]

            import torch

            torch.manual_seed(self.limits["seed"])
            from .child import main

            main(theirs, self.shell)
        finally:
            os._exit(71)

    def end(self, sig: int = signal.SIGKILL) -> None:
        """Kill the child and everything that it has started."""
        if self.jailed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, sig)
        elif self.child is not None:
            for pid in self._descendants() | {self.child}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sig)

    def _descendants(self) -> set[int]:
        """All processes below this one; outside a jail they are looked up one by one."""
        found, frontier = set(), [os.getpid()]
        while frontier:
            pid = frontier.pop()
            try:
                with open(f"/proc/{pid}/task/{pid}/children") as file:
                    below = [int(one) for one in file.read().split()]
            except OSError:
                continue
            frontier += [one for one in below if one not in found]
            found.update(below)
        return found

    def finish(self) -> None:
        """End the submission: nothing of it may be left for the next one."""
        if self.child is None:
            return
        strays = len(self._descendants() - {self.child})
        facts = {}
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.end()
            try:
                while True:
                    pid, status, usage = os.wait4(-1, os.WNOHANG)
                    if pid == 0:
                        break
                    if pid == self.child:
                        facts = {
                            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                            "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
                            "cpu": usage.ru_utime + usage.ru_stime,
                        }
            except ChildProcessError:
                break
            time.sleep(0.002)
        self.poll.unregister(self.channel)
        self.channel.close()
        self.child = self.channel = None
        self.outbox.clear()
        for folder in self.scratch:
            _empty(folder, self.kept[folder])
        self.tell(b"X", strays=strays, overrun=self.overrun, **facts)

    def watch(self) -> None:
        """Limits that no rlimit sets: the number of processes, the memory of all together."""
        if self.child is None or sys.platform != "linux":
            return
        pids = self._descendants()
        if len(pids) > self.limits.get("processes", 1 << 30):
            self.overrun = "processes"
        elif sum(map(_resident, pids)) > self.limits.get("memory", 1 << 62):
            self.overrun = "memory"
        if self.overrun:
            self.finish()

    # --- the loop -----------------------------------------------------------------------------

    def serve(self) -> None:
        self.tell(b"R", pid=os.getpid(), python=sys.version.split()[0])
        watched = time.monotonic()
        while True:
            for descriptor, events in self.poll.poll(100):
                if descriptor == 0:
                    data = os.read(0, 1 << 20)
                    if not data:
                        self.end()
                        return
                    self.inbox += data
                    self._obey()
                elif self.channel is not None and descriptor == self.channel.fileno():
                    self._relay(events)
            if time.monotonic() - watched > 0.1:
                self.watch()
                watched = time.monotonic()

    def _obey(self) -> None:
        while len(self.inbox) >= FRAME.size:
            kind, length = FRAME.unpack_from(self.inbox)
            if len(self.inbox) < FRAME.size + length:
                return
            payload = bytes(self.inbox[FRAME.size : FRAME.size + length])
            del self.inbox[: FRAME.size + length]
            if kind == b"F":
                self.fork(json.loads(payload))
            elif kind == b"D" and self.channel is not None:
                self.outbox += payload
                self._push()
            elif kind == b"I" and self.child is not None:
                os.kill(self.child, signal.SIGINT)
            elif kind == b"K":
                self.finish()

    def _push(self) -> None:
        """Pass on what the child will take now; the rest when it is ready for more."""
        try:
            sent = self.channel.send(memoryview(self.outbox)[:CHUNK])
        except BlockingIOError:
            sent = 0
        except OSError:
            self.finish()
            return
        del self.outbox[:sent]
        wanted = select.POLLIN | (select.POLLOUT if self.outbox else 0)
        self.poll.modify(self.channel, wanted)

    def _relay(self, events: int) -> None:
        if self.outbox and events & select.POLLOUT:
            self._push()
        if self.channel is None or not events & ~select.POLLOUT:
            return
        try:
            data = self.channel.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.send(b"D", data)
        else:
            self.finish()


def _lower(limit: int, value: int) -> None:
    hard = resource.getrlimit(limit)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(limit, (value, value))


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            fields = file.read().split()
        # Without what is shared with the warm parent.
        return (int(fields[1]) - int(fields[2])) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0


def _empty(folder: str, kept: set[str]) -> None:
    try:
        entries = [one for one in os.scandir(folder) if one.name not in kept]
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
            if os.path.isdir(entry.path):  # a folder made unreadable
                for top, folders, _ in os.walk(entry.path):
                    for name in folders:
                        os.chmod(os.path.join(top, name), 0o700)
                os.chmod(entry.path, 0o700)
                shutil.rmtree(entry.path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def main() -> None:
    options = json.loads(sys.argv[1])
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Parent(options["scratch"], options["forbid"]).serve()


if __name__ == "__main__":
    main()
