"""Writes a file whole or not at all."""

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

UNFINISHED = ".unfinished"


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace a file in one step; the folder is made where it is missing.

    Whatever happens on the way, a full disk or a power cut, the file holds its old content or the
    new one. Errors: OSError; the old content is then in place.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, hence on the same disk; a name of its own, as others may write there too.
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        with open(unfinished, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the content must reach the disk before the name does
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Replace a text file in one step, as UTF-8; lone surrogates become "?"."""
    write_bytes(path, text.encode("utf-8", "replace"))


def write_json(path: str | os.PathLike[str], value: Any, indent: int | None = None) -> None:
    """Replace a JSON file in one step."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=indent))


def remove_unfinished(folder: str | os.PathLike[str]) -> None:
    """Remove what killed writers have left in a folder. Nobody may be writing there."""
    for path in Path(folder).glob(f".*{UNFINISHED}"):
        path.unlink(missing_ok=True)
