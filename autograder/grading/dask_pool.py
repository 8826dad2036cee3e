"""A pool of judges on a Dask cluster: one judge with its warm jail in each worker process.

What travels: the assignment (cells, source notebooks, the instructor's files) to each worker once;
each submission, as bytes of bounded size, to the worker that grades it; its marks and outputs back.
A judge itself stays on its worker as a task's result that never moves: when this process releases
it or is killed, or the worker ends, the judge and its jail end.

What is trusted: scheduler, workers and the network between them, like this machine. Whoever can
reach a Dask scheduler can run code on it, and hidden tests and answers are on the workers; keep it
on a network of your own, or use Dask's TLS. Submissions are not trusted: they travel as strings and
bytes packed by our own code, neither the scheduler nor this process parses a notebook, and their
code runs in the workers' jails alone. What comes back was made by the judge.
"""

import asyncio
import contextlib
import hashlib
import pickle
import queue
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn

from ..gradebook.course import Course
from ..imports import modules
from ..sandbox.jail import JailError
from ..sandbox.limits import Limits
from ..submissions.model import RawSubmission
from .assignment import Assignment, attempt
from .pool import Failed, Finished, Message, Ready, Stopped

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

POLL_INTERVAL = 0.5  # seconds between two looks at which workers there are
CONNECT_TIMEOUT = 10  # seconds in which a scheduler must answer
WORKER_TIMEOUT = 30  # seconds to wait for a first worker, or for a result to arrive
MEMORY_FACTOR = 1.5  # times a judge's limit: Dask pauses a worker at 0.8 of its memory limit
MAX_FAILED_STARTS = 3  # workers that may die while their judges start


class ClusterError(RuntimeError):
    """The cluster cannot be used; str() says what to do."""


# --- on a worker ----------------------------------------------------------------------------------

# The judges of a process share its standard output and its random state.
_one_at_a_time = threading.Lock()


class WorkerJudge:
    """A judge that waits on its worker for submissions, for as long as the cluster keeps it."""

    def __init__(self, assignment: Assignment, jail: str, limits: Limits):
        self.assignment, self.limits = assignment, limits
        self.judge = assignment.judge(jail, limits)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a judge stays on its worker")

    def watch(self, worker: "Worker", key: str) -> None:
        """End the jail when the worker has released the task that made this judge.

        A finaliser would not do: Dask's profiler keeps frames that refer to the judge.
        """
        while (task := worker.state.tasks.get(key)) and task.state in ("executing", "memory"):
            time.sleep(POLL_INTERVAL)
        with _one_at_a_time:
            self.judge.close()
            del self.judge  # it would make itself a new jail


def start(required_versions: dict[str, str], parcel: bytes) -> WorkerJudge:
    """Make a judge on this worker. required_versions: the versions() of the recording process."""
    installed = versions()
    differences = [
        f"{name} is {installed[name]} there and {required} here"
        for name, required in required_versions.items()
        if installed[name] != required
    ]
    if differences:
        raise ClusterError("; ".join(differences))
    import torch
    from distributed import get_worker

    torch.set_num_threads(1)
    assignment, jail, limits = pickle.loads(parcel)
    worker, needed = get_worker(), MEMORY_FACTOR * limits.judge_memory
    limit = worker.memory_manager.memory_limit
    if limit and limit < needed:
        raise ClusterError(
            f"its memory limit is {limit / 2**30:.1f} GiB and a judge may need "
            f"{needed / 2**30:.1f}: start it with --memory-limit 0, the judge has a limit itself"
        )
    judge = WorkerJudge(assignment, jail, limits)
    key = worker.get_current_task()
    threading.Thread(target=judge.watch, args=(worker, key), daemon=True).start()
    return judge


def grade(judge: WorkerJudge, parcel: bytes, seed: int) -> Finished | Failed:
    """Grade a submission on this worker."""
    with _one_at_a_time, _memory_limit(judge.limits.judge_memory):
        return attempt(judge.assignment, judge.judge, pickle.loads(parcel), seed)


@contextlib.contextmanager
def _memory_limit(size: int) -> Iterator[None]:
    """As in a judge's own process; between submissions the worker's memory is Dask's business."""
    import resource  # missing on Windows, where no judge runs

    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def versions() -> dict[str, str]:
    """What a mark may depend on beside the assignment: our code, and the libraries it uses."""
    import IPython
    import numpy
    import torch

    code = hashlib.sha256()
    for name, path in sorted(modules().items()):
        code.update(name.encode() + b"\0" + path.read_bytes())
    return {
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "torch": torch.__version__.split("+")[0],  # marks are computed on CPUs, whatever the build
        "numpy": numpy.__version__,
        "IPython": IPython.__version__,
        "distributed": version("distributed"),
        "this course's code": code.hexdigest()[:12],
    }


# --- in the recording process ---------------------------------------------------------------------


class RemoteJudge:
    """A judge on a worker as seen from the recording process."""

    def __init__(self, pool: "DaskPool", worker: str):
        self.pool, self.worker = pool, worker
        self.ready = False
        self.judge_future = self.task_future = self._submit(start, versions(), pool.parcel)

    def assign(self, raw: RawSubmission, seed: int) -> None:
        self.task_future = self._submit(grade, self.judge_future, pickle.dumps(raw), seed)

    def _submit(self, task: Any, *arguments: Any) -> "Future[Any]":
        future = self.pool.client.submit(
            task, *arguments, workers=[self.worker], allow_other_workers=False, pure=False
        )
        # The callback runs in another thread.
        future.add_done_callback(lambda future: self.pool.done.put((self, future)))
        return future

    def release(self) -> None:
        """Let the worker end the judge."""
        self.task_future.release()
        self.judge_future.release()


class DaskPool:
    """The judges of a cluster: one on each worker, as long as the worker is there.

    Dask would silently give the task of a worker that has died to another one. Here each task is
    tied to its worker, so that a submission that kills its worker is noticed.
    """

    def __init__(self, address: str, assignment: Assignment, jail: str, limits: Limits):
        self.address = address
        self.client = connect(address)
        # The course's configuration may hold what only this machine can import.
        assignment = replace(assignment, course=Course(assignment.course.root))
        self.parcel = pickle.dumps((assignment, jail, limits))
        self.done: queue.SimpleQueue[tuple[RemoteJudge, Future[Any]]] = queue.SimpleQueue()
        self._judges: dict[str, RemoteJudge] = {}  # by worker
        self._workers: set[str] = set()
        self._polled_at = float("-inf")
        self._no_worker_since: float | None = None
        self._failed_starts = 0

    def next_message(self, submissions_left: int) -> tuple[RemoteJudge, Message]:
        """See JudgePool; ClusterError if the cluster cannot be used."""
        while True:
            self._poll_workers()
            for worker, judge in self._judges.items():
                if worker not in self._workers:
                    return judge, self._stopped(judge, "its worker died")
            for worker in sorted(self._workers - set(self._judges)):
                if len(self._judges) < submissions_left:
                    self._judges[worker] = RemoteJudge(self, worker)
            with contextlib.suppress(queue.Empty):
                judge, future = self.done.get(timeout=POLL_INTERVAL)
                if self._judges.get(judge.worker) is judge and future is judge.task_future:
                    return judge, self._message(judge, future)

    def _poll_workers(self) -> None:
        """Update the set of workers; ClusterError if there is nothing to wait for."""
        if self.client.status != "running":
            raise ClusterError(
                f"the scheduler at {self.address} is gone. What was recorded stays; "
                "the same command goes on"
            )
        now = time.monotonic()
        if now - self._polled_at < POLL_INTERVAL:
            return
        try:
            self._workers = set(self.client.nthreads())
        except OSError:  # the client's status will tell
            return
        self._polled_at = time.monotonic()
        if self._workers:
            self._no_worker_since = None
        elif self._no_worker_since is None:
            self._no_worker_since = now
        elif now - self._no_worker_since > WORKER_TIMEOUT:
            raise ClusterError(
                f"the scheduler at {self.address} has no worker: start some with "
                f"`dask worker {self.address} --nthreads 1 --memory-limit 0`"
            )

    def _message(self, judge: RemoteJudge, future: "Future[Any]") -> Message:
        """What the end of a judge's task means."""
        if not judge.ready:
            if future.status == "error":
                raise self._cannot_start(judge.worker, future.exception())
            if future.status != "finished":
                return self._stopped(judge, "its worker released it")
            judge.ready = True
            return Ready()
        try:
            message: Finished | Failed = future.result(timeout=WORKER_TIMEOUT)
        except Exception as error:  # the jail is gone, or the worker, or the result
            return self._stopped(judge, str(error) or type(error).__name__)
        return message

    def _stopped(self, judge: RemoteJudge, reason: str) -> Stopped:
        del self._judges[judge.worker]
        judge.release()
        if not judge.ready:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                raise ClusterError(
                    f"{MAX_FAILED_STARTS} workers died while their judges started, the last at "
                    f"{judge.worker}: their log says why"
                )
        return Stopped(f"{reason} ({judge.worker})")

    def _cannot_start(self, worker: str, error: BaseException) -> ClusterError:
        advice = ""
        if not isinstance(error, JailError):
            advice = ". Scheduler and workers need this course installed as it is here"
        return ClusterError(f"the worker at {worker} cannot grade: {error}{advice}")

    def close(self) -> None:
        for judge in self._judges.values():
            judge.release()
        self.client.close(timeout=CONNECT_TIMEOUT)


def connect(address: str) -> "Client":
    """A client of the scheduler at "HOST:PORT", "tcp://HOST:PORT" or "tls://HOST:PORT"."""
    try:
        import dask
        from distributed import Client
        from distributed.comm.addressing import get_address_host_port
        from distributed.security import Security
    except ImportError:
        raise ClusterError("this needs Dask: pip install 'rnncourse[cluster]'") from None
    if "://" not in address:
        address = f"tcp://{address}"
    try:
        # Dask's client would retry a closed port for long, and hang on one that is silent.
        host_and_port = get_address_host_port(address, strict=True)
        socket.create_connection(host_and_port, CONNECT_TIMEOUT).close()
        asyncio.run(_greet(address, Security().get_connection_args("client")))
        # Submissions are sent with their tasks, so that a dying worker cannot lose them.
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"})
        return Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False, name="autograder")
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address!r} ({str(error) or 'silence'}): "
            "start one with `dask scheduler`, and give the address that it prints"
        ) from None


async def _greet(address: str, options: dict[str, Any]) -> None:
    from distributed.comm.core import connect

    comm = await asyncio.wait_for(connect(address, **options), CONNECT_TIMEOUT)
    await comm.close()
