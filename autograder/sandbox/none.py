"""No sandbox: the zygote as an ordinary process, for work that the grader trusts."""

import sys
from collections.abc import Mapping, Sequence

from .backend import Backend


class NoSandbox(Backend):
    """Separates processes, not privileges: whatever runs here can do what the grader can."""

    name = "none"
    passes_sockets = True

    @classmethod
    def unavailable(cls) -> str | None:
        return None

    @property
    def scratch_folders(self) -> Sequence[str]:
        return (str(self.staged / "scratch"),)

    def command(self, filter_descriptor: int | None = None) -> list[str]:
        (self.staged / "scratch").mkdir(exist_ok=True)
        return self._zygote_command(sys.executable)

    def environment(self) -> Mapping[str, str]:
        return self._zygote_environment(str(self.staged))
