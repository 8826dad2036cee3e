"""Reads compressed files and archives without unpacking anything to disk.

No member of an archive is written to a file, so the name of a member cannot escape the folder, and
there is never a half-unpacked folder to clean up.
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
    """The content of a .gz file. Errors: DataError when it is damaged."""
    with _damage_as_data_error(path), gzip.open(path) as file:
        if path.stat().st_size == 0:  # gzip would read it as zero streams of data
            raise EOFError("it is empty")
        return file.read()


def read_zip(path: Path, member: str) -> bytes:
    """One member of a .zip file. Errors: DataError when it is damaged or has no such member."""
    with _damage_as_data_error(path), zipfile.ZipFile(path) as archive:
        if member not in archive.namelist():
            raise DataError(f"{path} does not contain {member}, only {archive.namelist()[:5]}")
        return archive.read(member)


def read_tar(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the files in a .tar.gz whose full name matches the regular expression.

    Errors: DataError when it is damaged. The checksum is at the end of the archive, so the error
    may come after the last file.
    """
    matches = re.compile(pattern).fullmatch
    with (
        _damage_as_data_error(path),
        gzip.open(path) as unzipped,
        tarfile.open(fileobj=unzipped, mode="r|") as archive,
    ):
        for member in archive:
            if member.isfile() and matches(member.name):
                file = archive.extractfile(member)
                assert file is not None  # it is None only for what is not a file
                yield member.name, file.read()
        while unzipped.read(1 << 20):  # gzip compares the checksum at the end of its data
            pass


@contextmanager
def _damage_as_data_error(path: Path) -> Iterator[None]:
    try:
        yield
    except (
        EOFError,
        gzip.BadGzipFile,
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,  # from zipfile, for an unknown compression or encryption
    ) as error:
        raise DataError(
            f"{path} is damaged ({error}). Delete it; the next call downloads it again"
        ) from error
