"""Fetching the standard sets: once, checked, and into a folder that you can fill by hand.

`fetch` returns the paths of files that have the right checksum, or raises a DataError that says
what to put where. pooch compares checksums and moves a finished file into place, so that a file
under its own name is always whole; resuming is ours: what has come so far lies beside it as
`<name>.part`, and the next attempt asks the server for the rest.
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DataError", "Remote", "cache_folder", "fetch"]

VARIABLE = "RNNCOURSE_DATA"
TIMEOUT = (10, 30)  # seconds: to be let in, and between two pieces
PIECE = 1 << 14  # bytes; of a connection that breaks, at most so many are lost
ATTEMPTS = 5  # at a connection that breaks; each goes on where the last one stopped
AGENT = "rnncourse (a course on recurrent neural networks)"  # some servers refuse requests' own


class DataError(Exception):
    """Data that is not there or not right. The message says what to do."""


@dataclass(frozen=True)
class Remote:
    """A file to fetch.

    path: where it belongs below the cache folder, "multi30k/train.en.gz".
    checksum: "sha256:...", "sha1:..." or "md5:..." of what the url gives.
    editions: checksums of other editions that are as good when they are put there by hand.
    """

    path: str
    url: str
    checksum: str
    editions: tuple[str, ...] = ()


def cache_folder() -> Path:
    """Where data is kept: the folder that RNNCOURSE_DATA names, else the system's cache folder."""
    if named := os.environ.get(VARIABLE, "").strip():
        return Path(named).expanduser().resolve()
    import pooch

    return Path(pooch.os_cache("rnncourse"))


def fetch(remotes: Sequence[Remote]) -> list[Path]:
    """The paths of these files, in the same order; those that are not there yet are downloaded.

    Errors: DataError when a file is there and wrong, when none can be had (it then lists every
    missing file, where to get it and where to put it), or when it cannot be written.
    """
    folder = cache_folder()
    for remote in remotes:
        if not _is_there(remote, folder):
            _download(remote, folder, remotes)
    return [folder / remote.path for remote in remotes]


def _is_there(remote, folder):
    """Whether the file is there and right. Errors: DataError when it is there and wrong."""
    path = folder / remote.path
    if not path.exists():
        return False
    if any(_checksum(path, known) == known for known in (remote.checksum, *remote.editions)):
        return True
    # It may be someone's own file: not ours to replace.
    raise DataError(
        f"{path} is not the file that it should be: its checksum is "
        f"{_checksum(path, remote.checksum)}, expected is {remote.checksum}. "
        f"Delete it or move it away; the next call fetches it from {remote.url}"
    )


def _checksum(path, like):
    """The file's checksum by the algorithm of another one: "sha256:..."."""
    import pooch

    algorithm = like.partition(":")[0]
    return f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"


def _download(remote, folder, remotes):
    import logging

    import pooch
    import requests

    path = folder / remote.path
    part = path.with_name(path.name + ".part")
    resumed = part.exists()
    pooch.get_logger().setLevel(logging.WARNING)  # tqdm's bar says enough
    try:
        pooch.retrieve(
            remote.url, remote.checksum, path.name, path.parent, downloader=_resuming(part)
        )
    except requests.RequestException as error:
        raise DataError(_by_hand(remote, folder, remotes, _cause(error), part)) from error
    except ValueError as error:  # pooch's, for a wrong checksum
        if resumed:  # then what was there before may be at fault: once more, from the start
            return _download(remote, folder, remotes)
        raise DataError(
            f"{remote.url} gave something else than {remote.path}: its checksum is not "
            f"{remote.checksum}. The file may have changed, or a proxy or a login page answered. "
            "Nothing was kept\n" + _where(remote, folder)
        ) from error
    except OSError as error:
        if not path.exists():  # it does when another process has just finished the same file
            raise DataError(_unwritable(error, remote, path, part)) from error
    return None


def _resuming(part):
    """A downloader for pooch that goes on where the last one stopped."""

    def download(url, output_file, _):
        import requests

        for attempt in range(ATTEMPTS):
            try:
                _receive(url, part)
                break
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
            ):
                # Without a byte of it there is nothing to go on from: no internet, most likely.
                if attempt == ATTEMPTS - 1 or not _size(part):
                    raise
        os.replace(part, output_file)

    return download


def _receive(url, part):
    """Append to `part` what is missing of the file at url."""
    import requests
    from tqdm import tqdm

    have = _size(part)
    # Compressed on the way, a file could not be resumed: its bytes would not be counted the same.
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if have and response.status_code == 416:  # there is no rest: our part is not of this file
            part.unlink()
            return _receive(url, part)
        response.raise_for_status()
        if response.status_code != 206:
            have = 0  # the server sends all of it
        rest = int(response.headers.get("Content-Length", 0))
        total = have + rest if rest else None
        bar = tqdm(desc=part.stem, initial=have, total=total, unit="B", unit_scale=True, delay=0.5)
        # Not "append" and not "truncate": should two processes fetch the same file, each writes
        # the same bytes to the same places.
        with open(part, "r+b" if part.exists() else "w+b") as file, bar:
            file.seek(have)
            for piece in response.iter_content(PIECE):
                file.write(piece)
                file.flush()
                bar.update(len(piece))
            file.truncate()
    return None


def _size(path):
    return path.stat().st_size if path.exists() else 0


def _cause(error):
    """One line for people about what requests raised."""
    import requests

    if isinstance(error, requests.HTTPError):
        return f"the server says {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server; is there internet?"
    return str(error)


def _by_hand(remote, folder, remotes, cause, part):
    missing = [other for other in remotes if not (folder / other.path).exists()]
    lines = [f"{remote.url} could not be fetched: {cause}"]
    if kept := _size(part):
        lines.append(f"{kept:,} bytes of it are kept; call again to fetch the rest.")
    lines.append("Without internet, get what is missing on another machine and put it here:")
    lines += [_where(other, folder) for other in missing]
    lines.append(f"To keep data in another folder, set {VARIABLE} to it.")
    return "\n".join(lines)


def _where(remote, folder):
    return f"  from {remote.url}\n  to   {folder / remote.path}\n       {remote.checksum}"


def _unwritable(error, remote, path, part):
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        part.unlink(missing_ok=True)  # whoever has no room needs these bytes more than we do
        return (
            f"the disk is full: no room for {remote.path} in {path.parent}. Nothing was kept. "
            f"Free some space, or set {VARIABLE} to a folder on another disk"
        )
    return (
        f"{path} cannot be written: {error.strerror or error}. "
        f"Set {VARIABLE} to a folder that you may write to"
    )
