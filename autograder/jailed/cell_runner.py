"""An IPython shell without a kernel, which runs the cells of a notebook.

Magics, `!commands`, top-level await, rich display and pictures work as in a kernel; outputs are
collected as notebook outputs instead of being sent anywhere.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from .outputs import Outputs


class _Stream:
    """A stand-in for sys.stdout or sys.stderr that writes to the outputs of the cell."""

    encoding = "utf-8"
    errors = "replace"
    closed = False

    def __init__(self, shell: "CellShell", name: str):
        self.shell, self.name = shell, name

    def write(self, text: str) -> int:
        self.shell.outputs.stream(self.name, str(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False


class _Publisher(DisplayPublisher):
    shell: "CellShell"

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **kwargs: Any) -> None:
        self.shell.outputs.show(data)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.items.clear()


class _Hook(DisplayHook):
    shell: Any  # a CellShell; IPython declares a trait that may be None

    def __call__(self, result: Any = None) -> None:
        if result is None or self.quiet():  # type: ignore[no-untyped-call]
            return
        self.update_user_ns(result)  # type: ignore[no-untyped-call]
        data, _ = self.compute_format_data(result)  # type: ignore[no-untyped-call]
        self.shell.outputs.show(data, self.shell.execution_count)


class CellShell(InteractiveShell):
    """The shell in which a submission's cells run."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)
    outputs = Outputs()

    def __init__(self) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        config.InteractiveShell.cache_size = 0
        super().__init__(config=config)  # type: ignore[no-untyped-call]
        formatter = self.display_formatter
        assert formatter is not None
        formatter.active_types = list(formatter.formatters)

    def init_virtualenv(self) -> None:
        pass

    def ask_exit(self) -> None:
        """Called by `exit()`, which does nothing here: later cells still run."""

    def enable_gui(self, gui: Any = None) -> None:
        pass

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: Any) -> None:
        try:
            message = str(evalue)
        except Exception:
            message = "(its message could not be made)"
        self.outputs.error(etype.__name__, message, list(stb))

    @contextmanager
    def _captured(self) -> Iterator[None]:
        previous = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Stream(self, "stdout"), _Stream(self, "stderr")
        try:
            yield
        finally:
            sys.stdout, sys.stderr = previous

    def run(self, source: str) -> list[dict[str, Any]]:
        """Run one cell; returns its outputs as a notebook stores them."""
        self.outputs = Outputs()
        with self._captured():
            self.run_cell(source, store_history=True)  # type: ignore[no-untyped-call]
        return self.outputs.finish()
