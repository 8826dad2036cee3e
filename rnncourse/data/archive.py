"""Reading out of compressed files, without unpacking anything onto the disk.

No member of an archive is ever written to a file, so a member's name cannot lead anywhere, and
there is no half-unpacked folder to clean up.
"""

import gzip
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .download import DataError

__all__ = ["read_gzip", "read_tar", "read_zip"]


def read_gzip(path: Path) -> bytes:
    """What a .gz file holds. Errors: DataError when it is damaged."""
    with _damage(path), gzip.open(path) as file:
        if path.stat().st_size == 0:  # which gzip takes for zero streams of data
            raise EOFError("it is empty")
        return file.read()


def read_zip(path: Path, member: str) -> bytes:
    """One member of a .zip file. Errors: DataError when it is damaged or has no such member."""
    with _damage(path), zipfile.ZipFile(path) as archive:
        if member not in archive.namelist():
            raise DataError(f"{path} has no {member} in it, but {archive.namelist()[:5]}")
        return archive.read(member)


def read_tar(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the files in a .tar.gz whose whole name fits the regular expression.

    Errors: DataError when it is damaged. The checksum stands at its end, so that the error may come
    after the last file.
    """
    fits = re.compile(pattern).fullmatch
    with (
        _damage(path),
        gzip.open(path) as unzipped,
        tarfile.open(fileobj=unzipped, mode="r|") as archive,
    ):
        for member in archive:
            if member.isfile() and fits(member.name):
                yield member.name, archive.extractfile(member).read()
        while unzipped.read(1 << 20):  # gzip compares checksums where its data ends
            pass


@contextmanager
def _damage(path):
    try:
        yield
    except (
        EOFError,
        gzip.BadGzipFile,
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,  # zipfile's, for a method or encryption it does not know
    ) as error:
        raise DataError(
            f"{path} is damaged ({error}). Delete it; the next call fetches it again"
        ) from error
