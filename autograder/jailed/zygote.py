"""The zygote, the warm parent of a sandbox: imports everything once, forks for each submission.

It speaks with the judge over its standard streams, in frames of kind (1 byte), length (u32) and
payload. What the judge and a child say to each other it never reads.

    judge → parent   F fork {limits} · D data for the child · I interrupt the child · K end it
    parent → judge   R ready {…} · S started · D data from the child · I interrupted ·
                     X child ended {…}

Where its standard input is a socket, the child's own socket goes to the judge with S, and they
speak without the parent; where it is a pipe, their bytes are relayed in D frames.

In a jail the parent is process 1 of its own process namespace: when a submission ends it kills
whatever is left, whoever started it, and empties the scratch folders.
"""

import contextlib
import ctypes
import gc
import json
import mmap
import os
import resource
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .limits import MAX_EXTRA_THREADS, MAX_SCRATCH_FILES

FRAME = struct.Struct("!cI")
CHUNK = 1 << 16
_LIMITS = [value for name, value in vars(resource).items() if name.startswith("RLIMIT_")]
AREA = 160 << 20  # more than the longest message
HUGE, MADV_COLLAPSE = 2 << 20, 25
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36


def prctl(option: int, value: int) -> None:
    """Linux's prctl; elsewhere it does nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _use_huge_pages() -> None:
    """Put this process's own memory into huge pages, where Linux can (6.1 and later).

    A fork copies the table of its pages: 50,000 entries, or a hundred and a few.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, _, _, _, *name = line.split()
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, end = (int(one, 16) for one in place.split("-"))
            start, end = -(-start // HUGE) * HUGE, end // HUGE * HUGE
            if start < end:
                libc.madvise(start, end - start, MADV_COLLAPSE)


class Area:
    """Bytes on their way to somebody, in pages of their own.

    What has gone through is wiped out: a later child inherits all of this process's memory.
    """

    def __init__(self, size: int):
        self.pages = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.view = memoryview(self.pages)
        self.start = self.end = 0

    def __len__(self) -> int:
        return self.end - self.start

    def read(self, descriptor: int) -> int:
        """Read what is there, some of it; the number of bytes."""
        if self.start:
            self.view[: len(self)] = self.view[self.start : self.end]
            self.start, self.end = 0, len(self)
        count = os.readv(descriptor, [self.view[self.end :]])
        self.end += count
        return count

    def append(self, data: memoryview) -> bool:
        """Add at the end; False where there is no room."""
        if self.end + len(data) > len(self.view):
            return False
        self.view[self.end : self.end + len(data)] = data
        self.end += len(data)
        return True

    def take(self, count: int) -> memoryview:
        """The first bytes, gone from here when the caller is done with them."""
        self.start += count
        return self.view[self.start - count : self.start]

    def wipe(self) -> None:
        """Forget all that has been taken."""
        rest = len(self)
        self.view[:rest] = self.view[self.start : self.end]
        self.start, self.end = 0, rest
        whole = -(-rest // mmap.PAGESIZE) * mmap.PAGESIZE
        self.view[rest:whole] = bytes(whole - rest)
        if whole < len(self.view):
            self.pages.madvise(mmap.MADV_DONTNEED, whole)


class Zygote:
    """One jail: at most one child at a time."""

    def __init__(self, scratch: list[str], forbid: list[str]):
        self.scratch = scratch
        # What the jail itself has put there (a course below /tmp) is not a submission's.
        self.kept = {folder: set(os.listdir(folder)) for folder in scratch}
        self.jailed = os.getpid() == 1
        self.child: int | None = None
        self.channel: socket.socket | None = None  # to the child, where its bytes are relayed
        self.judge: socket.socket | None = None  # to which a child's socket can be handed over
        if stat.S_ISSOCK(os.fstat(1).st_mode):
            self.judge = socket.socket(fileno=os.dup(1))
        self.outbox = Area(AREA)  # for the child
        self.inbox = Area(4 << 20)  # from the judge
        self.passing = Area(CHUNK)  # from the child
        self.limits: dict[str, int] = {}
        self.overrun: str | None = None
        self.poll = select.poll()
        self.poll.register(0, select.POLLIN)
        self.shell = self._warm_up(forbid)
        # What is there now stays: a collection in a child that looked through it would copy it all.
        gc.collect()
        gc.freeze()
        _use_huge_pages()
        self.state = _own_state()

    def _warm_up(self, forbid: list[str]):
        import matplotlib.pyplot  # noqa: F401
        import numpy  # noqa: F401
        import torch

        # One thread before the first parallel operation: then fork is safe.
        torch.set_num_threads(1)
        torch.zeros(2, 2) @ torch.zeros(2, 2)

        # A first optimizer imports the one (1 s), a first backward() the other (0.2 s). Running one
        # here would start autograd's threads, which do not survive a fork.
        import torch._dynamo
        import torch.fx.experimental.symbolic_shapes

        from rnncourse.checks.forbidden import forbid as block

        from . import worker  # noqa: F401
        from .cell_runner import CellShell

        block(forbid)
        shell = CellShell.instance()
        shell.run("%matplotlib inline\n1 + 1")
        shell.execution_count = 1
        return shell

    # --- frames -------------------------------------------------------------------------------

    def send(self, kind: bytes, payload: bytes | memoryview = b"") -> None:
        for data in (FRAME.pack(kind, len(payload)), memoryview(payload)):
            while len(data):
                data = data[os.write(1, data) :]

    def tell(self, kind: bytes, **facts) -> None:
        self.send(kind, json.dumps(facts).encode())

    # --- the child ----------------------------------------------------------------------------

    def fork(self, limits: dict[str, int]) -> None:
        self.finish()
        for area in (self.outbox, self.inbox, self.passing):
            area.wipe()
        self.limits, self.overrun = limits, None
        mine, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_child(mine, theirs)
        theirs.close()
        self.child = pid
        if self.judge is not None:
            socket.send_fds(self.judge, [FRAME.pack(b"S", 0)], [mine.fileno()])
            mine.close()
        else:
            mine.setblocking(False)
            self.channel = mine
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
            from .worker import main

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
        """All processes below this one; in a jail, where it is the first, all there are."""
        if self.jailed:
            return {int(name) for name in os.listdir("/proc") if name.isdigit()} - {1}
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
        if self.channel is not None:
            self.poll.unregister(self.channel)
            self.channel.close()
        self.child = self.channel = None
        self.outbox.take(len(self.outbox))
        clean = all([_empty(folder, self.kept[folder]) for folder in self.scratch])
        clean = clean and _own_state() == self.state  # a child may lower its parent's limits
        self.tell(b"X", strays=strays, overrun=self.overrun, clean=clean, **facts)

    def watch(self) -> None:
        """Limits that no rlimit sets: the number of processes, the memory of all together."""
        if self.child is None or sys.platform != "linux":
            return
        pids = self._descendants()
        most = self.limits.get("processes", 1 << 30)
        if len(pids) > most or sum(map(_threads, pids)) > most + MAX_EXTRA_THREADS:
            self.overrun = "processes"
        elif self.jailed and sum(map(_files, self.scratch)) > MAX_SCRATCH_FILES:
            self.overrun = "files"
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
                    if not self.inbox.read(0):
                        self.end()
                        return
                    self._obey()
                elif self.channel is not None and descriptor == self.channel.fileno():
                    self._relay(events)
            if time.monotonic() - watched > 0.1:
                self.watch()
                watched = time.monotonic()

    def _obey(self) -> None:
        while len(self.inbox) >= FRAME.size:
            kind, length = FRAME.unpack_from(self.inbox.view, self.inbox.start)
            if len(self.inbox) < FRAME.size + length:
                return
            payload = self.inbox.take(FRAME.size + length)[FRAME.size :]
            if kind == b"F":
                self.fork(json.loads(bytes(payload)))
            elif kind == b"D" and self.channel is not None:
                if self.outbox.append(payload):
                    self._push()
                else:
                    self.overrun = "not_reading"
                    self.finish()
            elif kind == b"I":
                if self.child is not None:
                    os.kill(self.child, signal.SIGINT)
                self.send(b"I")
            elif kind == b"K":
                self.finish()

    def _push(self) -> None:
        """Pass on what the child will take now; the rest when it is ready for more."""
        try:
            first = self.outbox.view[self.outbox.start : self.outbox.end][:CHUNK]
            sent = self.channel.send(first)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.finish()
            return
        self.outbox.take(sent)
        if not self.outbox:
            self.outbox.start = self.outbox.end = 0
        wanted = select.POLLIN | (select.POLLOUT if self.outbox else 0)
        self.poll.modify(self.channel, wanted)

    def _relay(self, events: int) -> None:
        if self.outbox and events & select.POLLOUT:
            self._push()
        if self.channel is None or not events & ~select.POLLOUT:
            return
        try:
            count = self.channel.recv_into(self.passing.view)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if count:
            self.send(b"D", self.passing.view[:count])
        else:
            self.finish()


def _own_state() -> list[Any]:
    """What a child inherits of this process and could have changed."""
    found: list[Any] = [resource.getrlimit(one) for one in _LIMITS]
    if sys.platform == "linux":
        found += [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)]
        found += [os.sched_getaffinity(0), Path("/proc/self/oom_score_adj").read_text()]
    return found


def _lower(limit: int, value: int) -> None:
    hard = resource.getrlimit(limit)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(limit, (value, value))


def _status(pid: int, *names: str) -> list[int]:
    """Numbers from /proc/<pid>/status; none where the process is gone."""
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/status") as file:
        found = dict(line.split(":", 1) for line in file if ":" in line)
        return [int(found[name].split()[0]) for name in names if name in found]
    return []


def _threads(pid: int) -> int:
    return sum(_status(pid, "Threads"))


def _resident(pid: int) -> int:
    # Shared memory counts for each that has it; what is mapped from files does not count.
    return sum(_status(pid, "RssAnon", "RssShmem")) << 10


def _files(folder: str) -> int:
    seen = os.statvfs(folder)
    return seen.f_files - seen.f_ffree


def _empty(folder: str, kept: set[str]) -> bool:
    """Delete what is in a folder, however it was made; whether that went well."""

    def rest() -> list[str]:
        return [os.path.join(folder, name) for name in os.listdir(folder) if name not in kept]

    with contextlib.suppress(OSError):
        os.chmod(folder, 0o755)
        for path in rest():
            with contextlib.suppress(OSError, RecursionError):
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
        if paths := rest():
            # Folders that are closed, or deeper than Python's recursion.
            subprocess.run(["chmod", "-R", "u+rwx", *paths], stderr=subprocess.DEVNULL)
            subprocess.run(["rm", "-rf", "--", *paths], stderr=subprocess.DEVNULL)
        return not rest()
    return False
