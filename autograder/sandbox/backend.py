"""The interface of a backend: how the zygote of a sandbox is started."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from .limits import LIMITS

# Folders in memory that a walled sandbox can write to, and their sizes in bytes.
SCRATCH_SIZES = {
    "/scratch": LIMITS.scratch_size // 2,
    "/tmp": LIMITS.scratch_size // 4,
    "/dev/shm": LIMITS.scratch_size // 4,
}


class Backend(ABC):
    """Makes the command that starts `python -m jailed`, with or without a wall around it.

    staged: the folder from `stage`; forbid: import paths to block, such as "torch.nn.LSTM";
    private: folders of the host that a sandbox must not see, even below one that it can see.
    """

    name: ClassVar[str]  # as in `--jail NAME`
    # Whether a socket can be passed to the zygote, and by it: the judge then speaks with a worker
    # directly. Otherwise the zygote relays what they say.
    passes_sockets: ClassVar[bool]

    def __init__(self, staged: Path, forbid: Iterable[str] = (), private: Iterable[Path] = ()):
        self.staged = staged
        self.forbid = list(forbid)
        self.private = list(private)

    @classmethod
    @abstractmethod
    def unavailable(cls) -> str | None:
        """Why this machine cannot use it; None where it can."""

    @property
    @abstractmethod
    def scratch_folders(self) -> Sequence[str]:
        """Where a submission can write, as paths inside the sandbox; the first is its home."""

    @abstractmethod
    def command(self, filter_descriptor: int | None = None) -> list[str]:
        """The command line that starts the zygote.

        filter_descriptor: an open file with the program from `syscall_filter`, if there is one.
        """

    def environment(self) -> Mapping[str, str] | None:
        """Environment of the command; None: the grader's, which does not get into the sandbox."""
        return None

    def syscall_filter(self) -> bytes | None:
        """A seccomp program that the command is to load."""
        return None

    def _zygote_command(self, python: str) -> list[str]:
        options = {"scratch": list(self.scratch_folders), "forbid": self.forbid}
        return [python, "-P", "-s", "-m", "jailed", json.dumps(options)]

    def _zygote_environment(self, staged: str) -> dict[str, str]:
        """Environment variables inside the sandbox; staged: where it sees the staged folder."""
        home = self.scratch_folders[0]
        variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": home,
            "LANG": "C.UTF-8",
            "PYTHONPATH": staged,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "MPLCONFIGDIR": f"{staged}/matplotlib",
            "IPYTHONDIR": f"{home}/.ipython",
            "NBGRADER_EXECUTION": "autograde",
            "RNNCOURSE_DEVICE": "cpu",
        }
        if "AUTOGRADER_DEBUG" in os.environ:
            variables["AUTOGRADER_DEBUG"] = os.environ["AUTOGRADER_DEBUG"]
        for name, value in os.environ.items():
            # Set by hosts whose processors need it; harmless elsewhere.
            if name.startswith("OPENBLAS_CORE"):
                variables[name] = value
        return variables
