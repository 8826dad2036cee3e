"""Runs notebook cells as a kernel would, and keeps what they show.

An IPython shell without a kernel: magics, `!commands`, top-level await, rich display and pictures
work; outputs are collected as notebook outputs instead of being sent anywhere.
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

from .limits import (
    MAX_CELL_OUTPUTS,
    MAX_CELL_PICTURES,
    MAX_CELL_TEXT,
    MAX_ERROR_NAME,
    MAX_MESSAGE_TEXT,
)

# What a page may show of a student's output without running anything.
SHOWN = ("text/plain", "image/png", "image/jpeg", "text/latex")


class Outputs:
    """The outputs of one cell, bounded."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.text = 0
        self.pictures = 0
        self.cut = False

    def stream(self, name: str, text: str) -> None:
        room = MAX_CELL_TEXT - self.text
        if room <= 0:
            self.cut = True
            return
        if len(text) > room:
            self.cut = True
            text = text[:room] + "\n… output cut here\n"
        self.text += len(text)
        last = self.items[-1] if self.items else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["parts"].append(text)
        else:
            self.items.append({"output_type": "stream", "name": name, "parts": [text]})

    def show(self, data: dict[str, Any], count: int | None = None) -> None:
        kept = {}
        for mime in SHOWN:
            if not isinstance(data.get(mime), str):
                continue
            if mime.startswith("image/"):
                self.pictures += len(data[mime])
                if self.pictures > MAX_CELL_PICTURES:
                    self.cut = True
                    continue
            elif len(data[mime]) > MAX_CELL_TEXT:
                self.cut = True
                kept[mime] = data[mime][:MAX_CELL_TEXT] + "…"
                continue
            kept[mime] = data[mime]
        item = {"output_type": "display_data", "data": kept, "metadata": {}}
        if count is not None:
            item |= {"output_type": "execute_result", "execution_count": count}
        if len(self.items) < MAX_CELL_OUTPUTS:
            self.items.append(item)

    def error(self, name: str, message: str, lines: list[str]) -> None:
        text = "\n".join(lines)[-MAX_CELL_TEXT:]
        self.items.append(
            {
                "output_type": "error",
                "ename": name[:MAX_ERROR_NAME],
                "evalue": message[:MAX_MESSAGE_TEXT],
                "traceback": text.split("\n"),
            }
        )

    def finish(self) -> list[dict[str, Any]]:
        for item in self.items:
            if "parts" in item:
                item["text"] = "".join(item.pop("parts"))
        return self.items


class _Stream:
    """A stand-in for sys.stdout or sys.stderr that writes into the outputs of the cell."""

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
    def publish(self, data, metadata=None, **kwargs):
        self.shell.outputs.show(data)

    def clear_output(self, wait=False):
        self.shell.outputs.items.clear()


class _Hook(DisplayHook):
    def __call__(self, result=None):
        if result is None or self.quiet():
            return
        self.update_user_ns(result)
        data, _ = self.compute_format_data(result)
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
        super().__init__(config=config)
        self.display_formatter.active_types = list(self.display_formatter.formatters)

    def init_virtualenv(self) -> None:
        pass

    def ask_exit(self) -> None:
        """`exit()`: the cells after it are run all the same."""

    def enable_gui(self, gui=None) -> None:
        pass

    def _showtraceback(self, etype, evalue, stb) -> None:
        try:
            message = str(evalue)
        except Exception:
            message = "(its message could not be made)"
        self.outputs.error(etype.__name__, message, list(stb))

    @contextmanager
    def _captured(self) -> Iterator[None]:
        kept = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Stream(self, "stdout"), _Stream(self, "stderr")
        try:
            yield
        finally:
            sys.stdout, sys.stderr = kept

    def run(self, source: str) -> list[dict[str, Any]]:
        """Run one cell; returns its outputs as a notebook keeps them."""
        self.outputs = Outputs()
        with self._captured():
            self.run_cell(source, store_history=True)
        return self.outputs.finish()
