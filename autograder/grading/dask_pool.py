"""Judges on a Dask cluster: one judge with its warm jail in each worker process.

What travels: the assignment (cells, source notebooks, the instructor's files) to each worker
once; each submission, as bytes of bounded size, to the worker that grades it; its marks and
outputs back. A judge itself lives on its worker as a result of the cluster's, which never moves:
when this process lets go of it, is killed, or the worker ends, the judge and its jail end.

What is trusted: scheduler, workers and the network between them, like this machine. Whoever can
reach a Dask scheduler can run code on it, and hidden tests and answers lie on the workers; keep
it on a network of your own, or use Dask's TLS. Submissions are not trusted: on the way they are
strings and bytes that our own code has packed, neither the scheduler nor this process parses a
notebook, and their code runs in the workers' jails alone. What comes back was made by the judge.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..gradebook.course import Course
from ..sandbox.jail import JailError
from ..sandbox.limits import Limits

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

    from ..submissions.model import RawSubmission
    from .run import Assignment

LOOK = 0.5  # seconds between two looks at which workers there are
CONNECT = 10  # seconds in which a scheduler must answer
PATIENCE = 30  # seconds to wait for a worker where there is none, or for an answer to arrive
ROOM = 1.5  # times what a judge may use: Dask holds up a worker at 0.8 of its memory limit
STARTS = 3  # judges that may die as they start


class ClusterError(RuntimeError):
    """The cluster cannot be used; str() says what to do."""


# --- on a worker ----------------------------------------------------------------------------------

_turn = threading.Lock()  # all judges of a process print and seed in the same places


class WarmJudge:
    """A judge that waits on its worker for the next submission, as long as the cluster keeps it."""

    def __init__(self, assignment: "Assignment", jail: str, limits: Limits):
        self.assignment, self.limits = assignment, limits
        self.judge = assignment.judge(jail, limits)

    def __reduce__(self) -> Any:
        raise TypeError("a judge stays on its worker")

    def watch(self, worker: "Worker", key: str) -> None:
        """End the jail when the worker has let go of the task that made this judge.

        Its last reference does not tell: Dask's profiler keeps frames of what it has seen.
        """
        while (task := worker.state.tasks.get(key)) and task.state in ("executing", "memory"):
            time.sleep(LOOK)
        with _turn:
            self.judge.close()
            del self.judge  # which would make itself a new jail


def start(theirs: dict[str, str], parcel: bytes) -> WarmJudge:
    """Make a judge on this worker. theirs: the versions() of whoever records."""
    ours = versions()
    if differences := [
        f"{name} is {ours[name]} there and {theirs[name]} here"
        for name in theirs
        if ours[name] != theirs[name]
    ]:
        raise ClusterError("; ".join(differences))
    import torch
    from distributed import get_worker

    torch.set_num_threads(1)
    assignment, jail, limits = pickle.loads(parcel)
    worker, needed = get_worker(), ROOM * limits.judge_memory
    most = worker.memory_manager.memory_limit
    if most and most < needed:
        raise ClusterError(
            f"its memory limit is {most / 2**30:.1f} GiB and a judge may need "
            f"{needed / 2**30:.1f}: start it with --memory-limit 0, the judge has a limit itself"
        )
    warm = WarmJudge(assignment, jail, limits)
    key = worker.get_current_task()
    threading.Thread(target=warm.watch, args=(worker, key), daemon=True).start()
    return warm


def grade(warm: WarmJudge, parcel: bytes, seed: int) -> tuple[str, Any]:
    """Grade a submission on this worker; what grading.attempt() says."""
    from .run import attempt

    with _turn, _bounded(warm.limits.judge_memory):
        return attempt(warm.assignment, warm.judge, pickle.loads(parcel), seed)


@contextlib.contextmanager
def _bounded(memory: int) -> Iterator[None]:
    """As in a judge's own process; afterwards the worker's memory is Dask's business again."""
    import resource  # where it is missing, Windows, no judge runs

    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def versions() -> dict[str, str]:
    """All that a mark may depend on beside the assignment: our code, and what it uses."""
    import distributed
    import IPython
    import numpy
    import torch

    import rnncourse

    code = hashlib.sha256()
    for package in (Path(__file__).parent, Path(rnncourse.__file__).parent):
        for path in sorted(package.rglob("*.py")):
            code.update(path.read_bytes())
    return {
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "torch": torch.__version__.split("+")[0],  # marks are computed on CPUs, whatever the build
        "numpy": numpy.__version__,
        "IPython": IPython.__version__,
        "distributed": distributed.__version__,
        "this course's code": code.hexdigest()[:12],
    }


# --- here -----------------------------------------------------------------------------------------


class _Judge:
    """A judge on a worker as seen from here."""

    def __init__(self, cluster: "Cluster", worker: str):
        self.cluster, self.worker = cluster, worker
        self.ready = False
        self.warm = self.doing = self._ask(start, versions(), cluster.parcel)

    def give(self, handed: "RawSubmission", seed: int) -> None:
        self.doing = self._ask(grade, self.warm, pickle.dumps(handed), seed)

    def _ask(self, task: Any, *arguments: Any) -> "Future":
        future = self.cluster.client.submit(
            task, *arguments, workers=[self.worker], allow_other_workers=False, pure=False
        )
        # Called from another thread.
        future.add_done_callback(lambda future: self.cluster.done.put((self, future)))
        return future

    def drop(self) -> None:
        """Let go of it: its worker ends it."""
        self.doing.release()
        self.warm.release()


class Cluster:
    """The judges of a cluster: one on each worker, as long as the worker is there.

    Dask would give the submission of a worker that has died to others, without telling: each is
    tied to its worker here, so that one that kills its worker is found out.
    """

    def __init__(self, address: str, assignment: "Assignment", jail: str, limits: Limits):
        self.address = address
        self.client = connect(address)
        # The course's configuration may hold what only this machine can import.
        assignment = replace(assignment, course=Course(assignment.course.root))
        self.parcel = pickle.dumps((assignment, jail, limits))
        self.done: queue.SimpleQueue[tuple[_Judge, Future]] = queue.SimpleQueue()
        self._judges: dict[str, _Judge] = {}
        self._there: set[str] = set()
        self._looked = float("-inf")
        self._alone_since: float | None = None
        self._starts_failed = 0

    def next(self, wanted: int) -> tuple[_Judge, str, Any]:
        """As grading.Judges.next."""
        while True:
            self._look()
            for worker, judge in self._judges.items():
                if worker not in self._there:
                    return self._stopped(judge, "its worker died")
            for worker in sorted(self._there - set(self._judges)):
                if len(self._judges) < wanted:
                    self._judges[worker] = _Judge(self, worker)
            with contextlib.suppress(queue.Empty):
                judge, future = self.done.get(timeout=LOOK)
                if self._judges.get(judge.worker) is judge and future is judge.doing:
                    return self._heard(judge, future)

    def _look(self) -> None:
        """See which workers there are; ClusterError if there is nothing to wait for."""
        if self.client.status != "running":
            raise ClusterError(
                f"the scheduler at {self.address} is gone. What was recorded stays; "
                "the same command goes on"
            )
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        try:
            self._there = set(self.client.nthreads())
        except OSError:  # the client's status will say the rest
            return
        self._looked = time.monotonic()
        if self._there:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        elif now - self._alone_since > PATIENCE:
            raise ClusterError(
                f"the scheduler at {self.address} has no worker: start some with "
                f"`dask worker {self.address} --nthreads 1 --memory-limit 0`"
            )

    def _heard(self, judge: _Judge, future: "Future") -> tuple[_Judge, str, Any]:
        """What a judge has done, and its worker says."""
        if not judge.ready:
            if future.status == "error":
                raise self._cannot_start(judge.worker, future.exception())
            if future.status != "finished":
                return self._stopped(judge, "its worker let go of it")
            judge.ready = True
            return judge, "ready", None
        try:
            return judge, *future.result(timeout=PATIENCE)
        except Exception as error:  # its jail is gone, its worker, or its answer
            return self._stopped(judge, str(error) or type(error).__name__)

    def _stopped(self, judge: _Judge, why: str) -> tuple[_Judge, str, str]:
        del self._judges[judge.worker]
        judge.drop()
        if not judge.ready:
            self._starts_failed += 1
            if self._starts_failed >= STARTS:
                raise ClusterError(
                    f"{STARTS} workers died as their judges started, the last at {judge.worker}: "
                    "their log says why"
                )
        return judge, "stopped", f"{why} ({judge.worker})"

    def _cannot_start(self, worker: str, error: BaseException) -> ClusterError:
        advice = ""
        if not isinstance(error, JailError):
            advice = ". Scheduler and workers need this course installed as it is here"
        return ClusterError(f"the worker at {worker} cannot grade: {error}{advice}")

    def close(self) -> None:
        for judge in self._judges.values():
            judge.drop()
        self.client.close(timeout=CONNECT)


def connect(address: str) -> "Client":
    """A client of the scheduler at "HOST:PORT", "tcp://HOST:PORT" or "tls://HOST:PORT"."""
    try:
        import dask
        from distributed import Client
        from distributed.comm import get_address_host_port
        from distributed.security import Security
    except ImportError:
        raise ClusterError("this needs Dask: pip install 'rnncourse[cluster]'") from None
    if "://" not in address:
        address = f"tcp://{address}"
    try:
        # Dask's client would try a closed port again and again, and hang on one that is silent.
        socket.create_connection(get_address_host_port(address, strict=True), CONNECT).close()
        asyncio.run(_greet(address, Security().get_connection_args("client")))
        # Submissions travel with their tasks, so that no worker's death can lose them.
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"})
        return Client(address, timeout=CONNECT, set_as_default=False, name="autograder")
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address!r} ({str(error) or 'silence'}): "
            "start one with `dask scheduler`, and give the address that it prints"
        ) from None


async def _greet(address: str, options: dict[str, Any]) -> None:
    from distributed.comm import connect

    comm = await asyncio.wait_for(connect(address, **options), CONNECT)
    await comm.close()
