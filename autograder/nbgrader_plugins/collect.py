"""Collecting through nbgrader's exchange, without following the links in what was handed in."""

import os
import shutil
import tempfile
from typing import Any

from nbgrader.exchange.default import ExchangeCollect


class Collect(ExchangeCollect):
    """In place of nbgrader's collect, which copies what a link leads to: any file of its user's."""

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        with tempfile.TemporaryDirectory() as folder:
            plain = os.path.join(folder, "plain")
            shutil.copytree(src, plain, symlinks=True)
            for top, folders, names in os.walk(plain):
                for path in (os.path.join(top, name) for name in (*folders, *names)):
                    if os.path.islink(path):
                        self.log.warning("%s holds a link, which was left out", src)
                        os.unlink(path)
            super().do_copy(plain, dest, log)
