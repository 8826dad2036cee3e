"""Reads a submission's folder, whatever lies in it: links, devices, huge files, odd names."""

import os
import stat
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from nbgrader.utils import parse_utc

from ..jailed import wire
from ..sandbox.limits import LIMITS, MAX_FILES, MAX_FOLDER_DEPTH, MAX_PATH
from .model import AssignmentCells, RawSubmission, Submission, Unreadable

EXCHANGE_FILES = ("timestamp.txt", "submission_secret.txt")  # added by nbgrader's exchange
ARCHIVES = (".zip", ".tar", ".gz", ".rar", ".7z")


def read_file(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes; Unreadable for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Unreadable(f"it cannot be opened ({error.strerror})") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("it is not a regular file")
        if status.st_size > limit:
            raise Unreadable(f"it has {status.st_size >> 20} MB; at most {limit >> 20} are read")
        return file.read(limit + 1)


def listing(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The entries of a submission's folder and their paths relative to it.

    Links are not followed. Depth and number are limited to what an honest submission could have.
    """
    pending, count = [(str(folder), "", 0)], 0
    while pending:
        current, prefix, depth = pending.pop()
        try:
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name in (".ipynb_checkpoints", "__pycache__"):
                continue
            count += 1
            if count > MAX_FILES:
                return
            yield prefix + entry.name, entry
            if entry.is_dir(follow_symlinks=False) and depth < MAX_FOLDER_DEPTH:
                pending.append((entry.path, f"{prefix}{entry.name}/", depth + 1))


def collect(
    folder: Path,
    student: str,
    expected: list[AssignmentCells],
    extra: dict[str, bytes],
    size_limits: dict[str, int] | None = None,
) -> RawSubmission:
    """Read a submission's folder.

    extra: the instructor's files, which replace the student's.
    size_limits: of single files, in bytes.
    """
    submission = Submission(student)
    raw = RawSubmission(submission)
    if folder.is_symlink():
        submission.suspicious.append("the submission's folder is a link")
        submission.problems = {
            cells.name: "the submission's folder is a link" for cells in expected
        }
        return raw
    expected_names = {cells.name for cells in expected}
    reserved = {*extra, *(f"{name}.ipynb" for name in expected_names)}
    notebooks = _read_files(folder, submission, reserved, size_limits or {})
    _adopt_renamed(submission, notebooks, expected)
    for name in sorted(set(notebooks) - expected_names):
        submission.notes.append(f"{name}.ipynb is not part of the assignment and was not graded")
    for cells in expected:
        path = notebooks.get(cells.name)
        if path is None:
            others = [name for name in submission.files if name not in EXCHANGE_FILES]
            submission.problems[cells.name] = _not_submitted(f"{cells.name}.ipynb", others)
            continue
        try:
            raw.notebooks[cells.name] = path.name, read_file(path, LIMITS.notebook_size)
        except Unreadable as error:
            submission.problems[cells.name] = unreadable_notebook(path.name, error)
    return raw


def _read_files(
    folder: Path, submission: Submission, reserved: Collection[str], size_limits: dict[str, int]
) -> dict[str, Path]:
    """Read all files but notebooks into the submission; returns where the notebooks are."""
    notebooks: dict[str, Path] = {}
    bytes_left = LIMITS.extra_files_size
    for name, entry in listing(folder):
        path = Path(entry.path)
        printable = wire.replace_surrogates(name[:MAX_PATH])
        if entry.is_symlink():
            submission.suspicious.append(f"the submission holds a link, {printable}")
            continue
        if entry.is_dir(follow_symlinks=False):
            continue
        if path.suffix == ".ipynb" and "/" not in name:
            notebooks[path.stem] = path
            continue
        try:
            _check_path(name, reserved)
            content = read_file(path, min(bytes_left, size_limits.get(name, bytes_left)))
        except Unreadable as error:
            submission.notes.append(f"{printable} was left out: {error}")
            continue
        bytes_left -= len(content)
        if name == "timestamp.txt":
            text = content[:100].decode(errors="replace").strip()
            submission.timestamp = _timestamp(text, submission)
        submission.files[name] = content
    return notebooks


def _check_path(name: str, reserved: Collection[str]) -> None:
    """Refuse a file whose place another file needs as a folder, or the other way round."""
    if any(name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in reserved):
        raise Unreadable("its name is taken")
    if len(os.fsencode(name)) > MAX_PATH:
        raise Unreadable("its path is too long")


def _not_submitted(name: str, others: list[str]) -> str:
    """That a notebook is missing, and what was submitted in its place: an archive, a screenshot."""
    printable = [wire.replace_surrogates(other[:60]) for other in others[:3]]
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    only = f", only {', '.join(printable)}{more}" if printable else ""
    archive = any(other.endswith(ARCHIVES) for other in others)
    hint = "; archives are not unpacked: submit what is in it" if archive else ""
    return f"{name} was not submitted{only}{hint}"


def unreadable_notebook(name: str, error: Unreadable) -> str:
    """What the student is told of a notebook that could not be read."""
    return (
        f"{name} could not be read: {error}. Open it in JupyterLab, save it, and submit it again."
    )


def _timestamp(text: str, submission: Submission) -> datetime | None:
    try:
        return parse_utc(text) if text else None
    except Exception:  # any: decimal has its own, for hours of thirty digits
        submission.notes.append("timestamp.txt holds no time; the submission has none")
        return None


def _adopt_renamed(
    submission: Submission, notebooks: dict[str, Path], expected: list[AssignmentCells]
) -> None:
    """Take "ps1_cells (1).ipynb" for the missing ps1_cells.ipynb, where nothing else fits."""
    expected_names = {cells.name for cells in expected}
    for cells in expected:
        candidates = [
            stem for stem in notebooks if stem not in expected_names and stem.startswith(cells.name)
        ]
        if cells.name not in notebooks and len(candidates) == 1:
            notebooks[cells.name] = notebooks.pop(candidates[0])
            submission.notes.append(f"{candidates[0]}.ipynb was graded as {cells.name}.ipynb")
