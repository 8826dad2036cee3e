"""The zygote, the warm parent of a sandbox: imports everything once, then forks the workers.

`autograder.jailed` describes the processes and who talks to whom.
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
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import frames
from .limits import MAX_EXTRA_THREADS, MAX_SCRATCH_FILES, MB

if TYPE_CHECKING:
    from .cell_runner import CellShell

WORKER_BUFFER = 160 * MB  # more than the longest message
JUDGE_BUFFER = 4 * MB  # more than the longest frame
CHUNK = 1 << 16  # bytes passed on at once
WATCH_INTERVAL = 0.1  # seconds between two looks at the limits
KILL_TIMEOUT = 10  # seconds
RLIMITS = [value for name, value in vars(resource).items() if name.startswith("RLIMIT_")]
HUGE_PAGE, MADV_COLLAPSE = 2 * MB, 25
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36


def prctl(option: int, value: int) -> None:
    """Linux's prctl; elsewhere it does nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _use_huge_pages() -> None:
    """Put this process's own memory into huge pages, where Linux can (6.1 and later).

    A fork copies the page table: some 50,000 entries with small pages, a hundred or two with huge.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, _, _, _, *name = line.split()
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, end = (int(address, 16) for address in addresses.split("-"))
            start, end = -(-start // HUGE_PAGE) * HUGE_PAGE, end // HUGE_PAGE * HUGE_PAGE
            if start < end:
                libc.madvise(start, end - start, MADV_COLLAPSE)


class WipedBuffer:
    """FIFO byte buffer that zeroes what it has handed out.

    Every later worker inherits this process's memory, and must not find another's data there.
    """

    def __init__(self, size: int):
        self.pages = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.view = memoryview(self.pages)
        self.start = self.end = 0

    def __len__(self) -> int:
        return self.end - self.start

    def read_from(self, descriptor: int) -> int:
        """Append what can be read now; the number of bytes."""
        if self.start:
            self.view[: len(self)] = self.view[self.start : self.end]
            self.start, self.end = 0, len(self)
        count = os.readv(descriptor, [self.view[self.end :]])
        self.end += count
        return count

    def append(self, data: memoryview) -> bool:
        """Add at the end; False where it does not fit."""
        if self.end + len(data) > len(self.view):
            return False
        self.view[self.end : self.end + len(data)] = data
        self.end += len(data)
        return True

    def peek(self, count: int) -> memoryview:
        """Up to this many of the first bytes, which stay."""
        return self.view[self.start : self.end][:count]

    def take(self, count: int) -> memoryview:
        """The first bytes, which leave the buffer; valid until it is next changed."""
        self.start += count
        return self.view[self.start - count : self.start]

    def rewind(self) -> None:
        """Start again at the front, once everything has been taken."""
        self.start = self.end = 0

    def wipe(self) -> None:
        """Zero everything that has been taken."""
        length = len(self)
        self.view[:length] = self.view[self.start : self.end]
        self.start, self.end = 0, length
        page_end = -(-length // mmap.PAGESIZE) * mmap.PAGESIZE
        self.view[length:page_end] = bytes(page_end - length)
        if page_end < len(self.view):
            self.pages.madvise(mmap.MADV_DONTNEED, page_end)


class Zygote:
    """Process 1 of a sandbox; it has one worker at a time."""

    def __init__(self, scratch: list[str], forbid: list[str]):
        """scratch: folders that a submission can write to; forbid: import paths to block."""
        self.scratch = scratch
        # What was there before (a course below /tmp) is not a submission's.
        self.initial_files = {folder: set(os.listdir(folder)) for folder in scratch}
        self.is_process_one = os.getpid() == 1
        self.worker: int | None = None  # its process id
        self.channel: socket.socket | None = None  # to the worker, where its bytes are relayed
        self.judge: socket.socket | None = None  # where a worker's socket can be passed on
        if stat.S_ISSOCK(os.fstat(1).st_mode):
            self.judge = socket.socket(fileno=os.dup(1))
        self.to_worker = WipedBuffer(WORKER_BUFFER)
        self.from_judge = WipedBuffer(JUDGE_BUFFER)
        self.from_worker = WipedBuffer(CHUNK)
        self.limits: dict[str, int] = {}
        self.overrun: str | None = None  # the limit that ended the worker
        self.poll = select.poll()
        self.poll.register(0, select.POLLIN)
        self.shell = self._warm_up(forbid)
        # What is there now stays: a garbage collection in a worker would otherwise touch, and so
        # copy, all of it.
        gc.collect()
        gc.freeze()
        _use_huge_pages()
        self.initial_state = _inherited_state()

    def _warm_up(self, forbid: list[str]) -> "CellShell":
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
        shell: CellShell = CellShell.instance()
        shell.run("%matplotlib inline\n1 + 1")
        shell.execution_count = 1
        return shell

    # --- frames -------------------------------------------------------------------------------

    def send(self, kind: bytes, payload: bytes | memoryview = b"") -> None:
        # Not joined: that would leave a copy of the payload in this process's freed memory.
        for data in (frames.HEADER.pack(kind, len(payload)), memoryview(payload)):
            while len(data):
                data = data[os.write(1, data) :]

    def send_json(self, kind: bytes, **values: Any) -> None:
        self.send(kind, json.dumps(values).encode())

    # --- the worker ---------------------------------------------------------------------------

    def fork(self, limits: dict[str, int]) -> None:
        """Start a worker; see `Jail.fork` for the limits."""
        self.end_worker()
        for buffer in (self.to_worker, self.from_judge, self.from_worker):
            buffer.wipe()
        self.limits, self.overrun = limits, None
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_worker(ours, theirs)
        theirs.close()
        self.worker = pid
        if self.judge is not None:
            socket.send_fds(self.judge, [frames.pack(frames.STARTED)], [ours.fileno()])
            ours.close()
        else:
            ours.setblocking(False)
            self.channel = ours
            self.poll.register(ours, select.POLLIN)
            self.send(frames.STARTED)

    def _become_worker(self, ours: socket.socket, theirs: socket.socket) -> NoReturn:
        try:
            os.setsid()
            ours.close()
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1) if os.environ.get("AUTOGRADER_DEBUG") else (0, 1, 2):
                os.dup2(null, descriptor)
            os.closerange(3, theirs.fileno())
            os.closerange(theirs.fileno() + 1, 1 << 16)
            for name in ("DATA", "CPU", "FSIZE", "NOFILE", "NPROC"):
                if name in self.limits:
                    _lower_rlimit(getattr(resource, f"RLIMIT_{name}"), self.limits[name])
            _lower_rlimit(resource.RLIMIT_CORE, 0)
            # The zygote's memory is closed to its workers; a worker's own is its own business.
            prctl(PR_SET_DUMPABLE, 1)
            os.chdir(self.scratch[0])
            sys.path[:0] = [self.scratch[0]]

            import torch

            torch.manual_seed(self.limits["seed"])
            from .worker import main

            main(theirs, self.shell)
        finally:
            os._exit(71)

    def kill_all(self) -> None:
        """Kill the worker and everything that it has started."""
        if self.is_process_one:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        elif self.worker is not None:
            for pid in self._descendants() | {self.worker}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _descendants(self) -> set[int]:
        """All processes below this one; where it is process 1, all there are."""
        if self.is_process_one:
            return {int(name) for name in os.listdir("/proc") if name.isdigit()} - {1}
        descendants: set[int] = set()
        frontier = [os.getpid()]
        while frontier:
            pid = frontier.pop()
            try:
                with open(f"/proc/{pid}/task/{pid}/children") as file:
                    children = [int(child) for child in file.read().split()]
            except OSError:
                continue
            frontier += [child for child in children if child not in descendants]
            descendants.update(children)
        return descendants

    def end_worker(self) -> None:
        """End the submission and report it: nothing of it may be left for the next one."""
        if self.worker is None:
            return
        strays = len(self._descendants() - {self.worker})
        exit_status = self._kill_and_wait()
        if self.channel is not None:
            self.poll.unregister(self.channel)
            self.channel.close()
        self.worker = self.channel = None
        self.to_worker.take(len(self.to_worker))
        emptied = [_empty(folder, self.initial_files[folder]) for folder in self.scratch]
        # A worker can lower its parent's limits.
        clean = all(emptied) and _inherited_state() == self.initial_state
        self.send_json(
            frames.REPORT, strays=strays, overrun=self.overrun, clean=clean, **exit_status
        )

    def _kill_and_wait(self) -> dict[str, Any]:
        """Kill everything until nothing is left; how the worker ended, where that is known."""
        exit_status: dict[str, Any] = {}
        deadline = time.monotonic() + KILL_TIMEOUT
        while time.monotonic() < deadline:
            self.kill_all()
            try:
                while True:
                    pid, status, usage = os.wait4(-1, os.WNOHANG)
                    if pid == 0:
                        break
                    if pid == self.worker:
                        exit_status = {
                            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                            "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
                            "cpu": usage.ru_utime + usage.ru_stime,
                        }
            except ChildProcessError:
                break
            time.sleep(0.002)
        return exit_status

    def enforce_limits(self) -> None:
        """The limits that no rlimit sets: how many processes, the memory of all together."""
        if self.worker is None or sys.platform != "linux":
            return
        pids = self._descendants()
        max_processes = self.limits.get("processes", 1 << 30)
        max_threads = max_processes + MAX_EXTRA_THREADS
        if len(pids) > max_processes or sum(map(_thread_count, pids)) > max_threads:
            self.overrun = "processes"
        elif self.is_process_one and sum(map(_file_count, self.scratch)) > MAX_SCRATCH_FILES:
            self.overrun = "files"
        elif sum(map(_resident_bytes, pids)) > self.limits.get("memory", 1 << 62):
            self.overrun = "memory"
        if self.overrun:
            self.end_worker()

    # --- the loop -----------------------------------------------------------------------------

    def serve(self) -> None:
        """Serve the judge until it closes our standard input."""
        self.send_json(frames.READY, pid=os.getpid(), python=sys.version.split()[0])
        last_watch = time.monotonic()
        while True:
            for descriptor, events in self.poll.poll(int(WATCH_INTERVAL * 1000)):
                if descriptor == 0:
                    if not self.from_judge.read_from(0):
                        self.kill_all()
                        return
                    self._handle_frames()
                elif self.channel is not None and descriptor == self.channel.fileno():
                    self._relay(self.channel, events)
            if time.monotonic() - last_watch > WATCH_INTERVAL:
                self.enforce_limits()
                last_watch = time.monotonic()

    def _handle_frames(self) -> None:
        """Handle all frames that have arrived whole."""
        header_size = frames.HEADER.size
        while len(self.from_judge) >= header_size:
            kind, length = frames.HEADER.unpack_from(self.from_judge.view, self.from_judge.start)
            if len(self.from_judge) < header_size + length:
                return
            payload = self.from_judge.take(header_size + length)[header_size:]
            if kind == frames.START:
                self.fork(json.loads(bytes(payload)))
            elif kind == frames.DATA and self.channel is not None:
                if self.to_worker.append(payload):
                    self._send_to_worker(self.channel)
                else:
                    self.overrun = "not_reading"
                    self.end_worker()
            elif kind == frames.INTERRUPT:
                if self.worker is not None:
                    os.kill(self.worker, signal.SIGINT)
                self.send(frames.INTERRUPTED)
            elif kind == frames.END:
                self.end_worker()

    def _send_to_worker(self, channel: socket.socket) -> None:
        """Pass on what the worker takes now; the rest when it is ready for more."""
        try:
            sent = channel.send(self.to_worker.peek(CHUNK))
        except BlockingIOError:
            sent = 0
        except OSError:
            self.end_worker()
            return
        self.to_worker.take(sent)
        if not self.to_worker:
            self.to_worker.rewind()
        self.poll.modify(channel, select.POLLIN | (select.POLLOUT if self.to_worker else 0))

    def _relay(self, channel: socket.socket, events: int) -> None:
        if self.to_worker and events & select.POLLOUT:
            self._send_to_worker(channel)
        if self.channel is None or not events & ~select.POLLOUT:
            return
        try:
            count = channel.recv_into(self.from_worker.view)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if count:
            self.send(frames.DATA, self.from_worker.view[:count])
        else:
            self.end_worker()


def _inherited_state() -> list[Any]:
    """What a worker inherits of this process and could change in it."""
    state: list[Any] = [resource.getrlimit(limit) for limit in RLIMITS]
    if sys.platform == "linux":
        state += [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)]
        state += [os.sched_getaffinity(0), Path("/proc/self/oom_score_adj").read_text()]
    return state


def _lower_rlimit(limit: int, value: int) -> None:
    hard = resource.getrlimit(limit)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(limit, (value, value))


def _status_numbers(pid: int, *names: str) -> list[int]:
    """Numbers from /proc/<pid>/status; an empty list where the process is gone."""
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file if ":" in line)
        return [int(fields[name].split()[0]) for name in names if name in fields]
    return []


def _thread_count(pid: int) -> int:
    return sum(_status_numbers(pid, "Threads"))


def _resident_bytes(pid: int) -> int:
    # Shared memory counts for each process that has it; what is mapped from files does not count.
    return sum(_status_numbers(pid, "RssAnon", "RssShmem")) << 10


def _file_count(folder: str) -> int:
    filesystem = os.statvfs(folder)
    return filesystem.f_files - filesystem.f_ffree


def _empty(folder: str, keep: set[str]) -> bool:
    """Delete what is in a folder, however it was made; whether nothing is left."""

    def entries() -> list[str]:
        return [os.path.join(folder, name) for name in os.listdir(folder) if name not in keep]

    with contextlib.suppress(OSError):
        os.chmod(folder, 0o755)
        for path in entries():
            with contextlib.suppress(OSError, RecursionError):
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
        if paths := entries():
            # Folders that are closed, or deeper than Python's recursion.
            subprocess.run(["chmod", "-R", "u+rwx", *paths], stderr=subprocess.DEVNULL)
            subprocess.run(["rm", "-rf", "--", *paths], stderr=subprocess.DEVNULL)
        return not entries()
    return False
