"""A pool of judges on this machine: each a process of its own with its own jail."""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import threading
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from ..sandbox.jail import JailError
from ..sandbox.limits import Limits
from ..submissions.model import RawSubmission
from .assignment import Assignment, attempt
from .pool import Message, Ready, Stopped

MAX_FAILED_STARTS = 3
STOP_TIMEOUT = 3  # seconds for a judge to end by itself


@dataclass(frozen=True)
class _Started:
    """A process has started and waits for its assignment."""


# --- in a judge's process -------------------------------------------------------------------------


def _judge_process(pipe: Connection, jail: str, limits: Limits) -> None:
    # The parent handles Ctrl-C; SIGINT was blocked before this process was spawned.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    import torch

    torch.set_num_threads(1)
    # A callback with tensors that broadcast to any size must fail here, not exhaust the machine.
    resource.setrlimit(resource.RLIMIT_DATA, (limits.judge_memory, limits.judge_memory))
    judge = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_exit_when_parent_dies, daemon=True).start()
    try:
        pipe.send(_Started())
        assignment: Assignment | None = pipe.recv()
        if assignment is None:  # everything is graded already
            return
        judge = assignment.judge(jail, limits)
        pipe.send(Ready())
        while (task := pipe.recv()) is not None:
            raw, seed = task
            pipe.send(attempt(assignment, judge, raw, seed))
    except (JailError, EOFError, OSError) as error:
        with contextlib.suppress(OSError):
            pipe.send(Stopped(str(error)))
    finally:
        # _exit_when_parent_dies() must not interrupt the cleaning up.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if judge is not None:
            judge.close()


def _exit_when_parent_dies() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


# --- in the recording process ---------------------------------------------------------------------


class JudgeProcess:
    """A judge's process as seen from the recording one."""

    def __init__(self, assignment: Assignment, jail: str, limits: Limits):
        context = multiprocessing.get_context("spawn")
        self.pipe, child_pipe = context.Pipe()
        # The assignment is sent later: start() would hang if the process died before it had read
        # that much.
        self.process = context.Process(
            target=_judge_process, args=(child_pipe, jail, limits), daemon=True
        )
        resource_tracker.ensure_running()  # when started by start(), it would unblock SIGINT
        previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)
        child_pipe.close()
        self.assignment = assignment
        self.ready = False

    def send(self, message: Any) -> None:
        """Send to a process that waits for something."""
        with contextlib.suppress(OSError):  # it has died, as reading from its pipe will tell
            self.pipe.send(message)

    def receive(self) -> Message | _Started:
        try:
            message: Message | _Started = self.pipe.recv()
        except (EOFError, OSError):
            message = Stopped("the judge's process died")
        return message

    def assign(self, raw: RawSubmission, seed: int) -> None:
        self.send((raw, seed))

    def stop(self) -> None:
        self.send(None)
        self.process.join(STOP_TIMEOUT)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


class ProcessPool:
    """At most `jobs` judges on this machine. One that has died is replaced."""

    def __init__(self, assignment: Assignment, jail: str, limits: Limits, jobs: int):
        self.jobs = jobs
        self._start = partial(JudgeProcess, assignment, jail, limits)
        self._judges: list[JudgeProcess] = []
        self._failed_starts = 0

    def next_message(self, submissions_left: int) -> tuple[JudgeProcess, Message]:
        """See JudgePool; JailError if judges cannot be started."""
        while True:
            while len(self._judges) < min(self.jobs, submissions_left):
                self._judges.append(self._start())
            pipe = wait([judge.pipe for judge in self._judges])[0]
            judge = next(judge for judge in self._judges if judge.pipe is pipe)
            message = judge.receive()
            if not isinstance(message, _Started):
                break
            judge.send(judge.assignment)
        if isinstance(message, Stopped):
            judge.stop()
            self._judges.remove(judge)
            if not judge.ready:
                self._failed_starts += 1
                if self._failed_starts >= MAX_FAILED_STARTS or not self._judges:
                    raise JailError(message.reason)
        judge.ready = True
        return judge, message

    def close(self) -> None:
        for judge in self._judges:
            judge.stop()
