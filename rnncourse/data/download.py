"""Downloads the standard sets once, with checksums, into a folder that can be filled by hand.

`fetch` returns the paths of files that have the right checksum, or raises a DataError that says
which file to put where. pooch compares checksums and moves a finished file into place, so a file
under its own name is always complete. Resuming is done here: the bytes received so far are kept
next to it as `<name>.part`, and the next attempt asks the server for the rest.
"""

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["DataError", "Remote", "cache_folder", "fetch"]

VARIABLE = "RNNCOURSE_DATA"
TIMEOUT = (10, 30)  # seconds: to connect, and between two chunks
CHUNK = 1 << 14  # bytes; the most that is lost when a connection breaks
ATTEMPTS = 5  # when a connection breaks; each goes on where the last one stopped
AGENT = "rnncourse (a course on recurrent neural networks)"  # some servers refuse that of requests


class DataError(Exception):
    """Data is missing or wrong. The message says what to do."""


@dataclass(frozen=True)
class Remote:
    """A file to download.

    path: its place in the cache folder, such as "multi30k/train.en.gz".
    checksum: "sha256:...", "sha1:..." or "md5:..." of the file behind the url.
    editions: checksums of other editions that are accepted when they are put there by hand.
    """

    path: str
    url: str
    checksum: str
    editions: tuple[str, ...] = ()


def cache_folder() -> Path:
    """The folder for data: that of RNNCOURSE_DATA if set, else one in the system's cache folder."""
    if folder := os.environ.get(VARIABLE, "").strip():
        return Path(folder).expanduser().resolve()
    import pooch

    return Path(pooch.os_cache("rnncourse"))


def fetch(remotes: Sequence[Remote]) -> list[Path]:
    """The paths of these files, in the same order; missing ones are downloaded.

    Errors: DataError when an existing file is wrong, when a download fails (the message lists every
    missing file, where to get it and where to put it), or when a file cannot be written.
    """
    folder = cache_folder()
    for remote in remotes:
        if not _is_present(remote, folder):
            _download(remote, folder, remotes)
    return [folder / remote.path for remote in remotes]


def _is_present(remote: Remote, folder: Path) -> bool:
    """Whether the file exists and is right. Errors: DataError when it exists and is wrong."""
    path = folder / remote.path
    if not path.exists():
        return False
    if any(_checksum(path, known) == known for known in (remote.checksum, *remote.editions)):
        return True
    # It may be the user's own file, so it is not replaced.
    raise DataError(
        f"{path} is not the expected file: its checksum is "
        f"{_checksum(path, remote.checksum)}, not {remote.checksum}. "
        f"Delete it or move it away; the next call downloads it from {remote.url}"
    )


def _checksum(path: Path, like: str) -> str:
    """The file's checksum, with the algorithm of another checksum: "sha256:..."."""
    import pooch

    algorithm = like.partition(":")[0]
    return f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"


def _download(remote: Remote, folder: Path, remotes: Sequence[Remote]) -> None:
    import logging

    import pooch
    import requests

    path = folder / remote.path
    part = path.with_name(path.name + ".part")
    resumed = part.exists()
    pooch.get_logger().setLevel(logging.WARNING)  # the progress bar says enough
    try:
        pooch.retrieve(
            remote.url, remote.checksum, path.name, path.parent, downloader=_resuming(part)
        )
    except requests.RequestException as error:
        raise DataError(_by_hand(remote, folder, remotes, _cause(error), part)) from error
    except ValueError as error:  # from pooch, for a wrong checksum
        if resumed:  # the partial file may have been wrong: try once more, from the start
            _download(remote, folder, remotes)
            return
        raise DataError(
            f"{remote.url} did not return {remote.path}: the checksum is not {remote.checksum}. "
            "The file may have changed, or a proxy or a login page answered. "
            "Nothing was kept.\n" + _where(remote, folder)
        ) from error
    except OSError as error:
        if not path.exists():  # it exists when another process has just finished the same file
            raise DataError(_unwritable(error, remote, path, part)) from error


def _resuming(part: Path) -> Callable[[str, str, Any], None]:
    """A downloader for pooch that goes on where the last one stopped."""

    def download(url: str, output_file: str, _: Any) -> None:
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
                # Without a single byte there is nothing to resume: most likely, no internet.
                if attempt == ATTEMPTS - 1 or not _size(part):
                    raise
        os.replace(part, output_file)

    return download


def _receive(url: str, part: Path) -> None:
    """Append the missing rest of the file at url to `part`."""
    import requests
    from tqdm import tqdm

    received = _size(part)
    # A transfer that is compressed on the way cannot be resumed: its byte counts are others.
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if received:
        headers["Range"] = f"bytes={received}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if received and response.status_code == 416:  # no such range: `part` is of another file
            part.unlink()
            _receive(url, part)
            return
        response.raise_for_status()
        if response.status_code != 206:
            received = 0  # the server sends the whole file
        remaining = int(response.headers.get("Content-Length", 0))
        bar = tqdm(
            desc=part.stem,
            initial=received,
            total=received + remaining if remaining else None,
            unit="B",
            unit_scale=True,
            delay=0.5,
        )
        # Neither append nor truncate: if two processes download the same file, both write the same
        # bytes to the same positions.
        with open(part, "r+b" if part.exists() else "w+b") as file, bar:
            file.seek(received)
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                file.flush()
                bar.update(len(chunk))
            file.truncate()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cause(error: Exception) -> str:
    """An exception of requests, in words."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server says {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server; is there internet?"
    return str(error)


def _by_hand(
    remote: Remote, folder: Path, remotes: Sequence[Remote], cause: str, part: Path
) -> str:
    missing = [other for other in remotes if not (folder / other.path).exists()]
    lines = [f"{remote.url} could not be downloaded: {cause}"]
    if received := _size(part):
        lines.append(f"{received:,} bytes of it are kept; call again to download the rest.")
    lines.append("Without internet, get the missing files on another machine and put them here:")
    lines += [_where(other, folder) for other in missing]
    lines.append(f"To keep data in another folder, set {VARIABLE} to it.")
    return "\n".join(lines)


def _where(remote: Remote, folder: Path) -> str:
    return f"  from {remote.url}\n  to   {folder / remote.path}\n       {remote.checksum}"


def _unwritable(error: OSError, remote: Remote, path: Path, part: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        part.unlink(missing_ok=True)  # leave the space to the user
        return (
            f"the disk is full: cannot store {remote.path} in {path.parent}. Nothing was kept. "
            f"Free some space, or set {VARIABLE} to a folder on another disk"
        )
    return (
        f"{path} cannot be written: {error.strerror or error}. "
        f"Set {VARIABLE} to a folder that you can write to"
    )
