"""The outputs of one notebook cell, bounded."""

from typing import Any

from .limits import (
    MAX_CELL_OUTPUTS,
    MAX_CELL_PICTURES,
    MAX_CELL_TEXT,
    MAX_ERROR_NAME,
    MAX_MESSAGE_TEXT,
)

# What a page can show of a student's output without running anything.
SAFE_MIME_TYPES = ("text/plain", "image/png", "image/jpeg", "text/latex")


class Outputs:
    """Collects what a cell prints and shows, until it is too much."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.text = 0  # characters so far
        self.pictures = 0  # encoded characters so far
        self.cut = False

    def stream(self, name: str, text: str) -> None:
        """Add printed text; name: stdout or stderr."""
        remaining = MAX_CELL_TEXT - self.text
        if remaining <= 0:
            self.cut = True
            return
        if len(text) > remaining:
            self.cut = True
            text = text[:remaining] + "\n… output cut here\n"
        self.text += len(text)
        last = self.items[-1] if self.items else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["parts"].append(text)
        else:
            self.items.append({"output_type": "stream", "name": name, "parts": [text]})

    def show(self, data: dict[str, Any], count: int | None = None) -> None:
        """Add a displayed object, as {MIME type: content}; count: where it is a cell's result."""
        safe = {}
        for mime in SAFE_MIME_TYPES:
            if not isinstance(data.get(mime), str):
                continue
            if mime.startswith("image/"):
                self.pictures += len(data[mime])
                if self.pictures > MAX_CELL_PICTURES:
                    self.cut = True
                    continue
            elif len(data[mime]) > MAX_CELL_TEXT:
                self.cut = True
                safe[mime] = data[mime][:MAX_CELL_TEXT] + "…"
                continue
            safe[mime] = data[mime]
        item: dict[str, Any] = {"output_type": "display_data", "data": safe, "metadata": {}}
        if count is not None:
            item |= {"output_type": "execute_result", "execution_count": count}
        if len(self.items) < MAX_CELL_OUTPUTS:
            self.items.append(item)
        else:
            self.cut = True

    def error(self, name: str, message: str, lines: list[str]) -> None:
        """Add an exception and the lines of its traceback."""
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
        """The outputs as a notebook stores them."""
        for item in self.items:
            if "parts" in item:
                item["text"] = "".join(item.pop("parts"))
        return self.items
