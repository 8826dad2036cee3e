"""Collecting through nbgrader's exchange without following links in submissions."""

import os
import shutil
import tempfile
from logging import Logger
from pathlib import Path

from nbgrader.exchange.default import ExchangeCollect


class Collect(ExchangeCollect):  # type: ignore[misc]  # nbgrader has no annotations
    """In place of nbgrader's collect, which copies what a link leads to: any file of its user's."""

    def do_copy(self, src: str, dest: str, log: Logger | None = None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "copy")
            shutil.copytree(src, copy, symlinks=True)
            for parent, folders, files in os.walk(copy):
                for name in (*folders, *files):
                    path = Path(parent, name)
                    if path.is_symlink():
                        self.log.warning("%s holds a link, which was left out", src)
                        path.unlink()
            super().do_copy(str(copy), dest, log)
