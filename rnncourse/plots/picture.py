"""A picture and its alternative text: the result of every function of the package."""

import base64
import functools
import html
import io
import os

from matplotlib.figure import Figure

from ..files import write_bytes
from .style import settings

__all__ = ["Picture"]

DPI = 192  # two dots for each of a browser's pixels: sharp on fine screens and in print
MAX_SHRUNK = 1250  # pixels; wider pictures are not shrunk to the page
SCREEN = 96  # a browser's pixels for an inch


class Picture:
    """A drawing, and `alt`, a text for people who cannot see it.

    As the last line of a notebook's cell it shows itself: as an HTML image with its text, and as a
    PNG where there is no HTML. It has a light background of its own, so that it is legible on dark
    pages.
    """

    def __init__(self, figure: Figure, alt: str):
        self.figure, self.alt = figure, alt

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"

    @functools.cached_property
    def png(self) -> bytes:
        return self._encoded("png")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file; its name ends in .png, .svg or .pdf.

        Errors: ValueError when it ends in something else.
        """
        kind = os.path.splitext(path)[1].lower().removeprefix(".")
        if kind not in ("png", "svg", "pdf"):
            raise ValueError(
                f"{path} ends in {kind or 'nothing'!r}: a picture is a png, svg or pdf"
            )
        write_bytes(path, self.png if kind == "png" else self._encoded(kind))

    def _repr_png_(self) -> tuple[bytes, dict[str, object]]:
        width, height = self._size()
        return self.png, {"width": width, "height": height, "alt": self.alt}

    def _repr_html_(self) -> str:
        width, _ = self._size()
        data = base64.b64encode(self.png).decode("ascii")
        # A very wide picture scrolls: shrunk to the page, it would be illegible.
        fits = width <= MAX_SHRUNK
        image = (
            f'<img src="data:image/png;base64,{data}" width="{width}" alt="{html.escape(self.alt)}"'
            f' style="max-width: {"100%" if fits else "none"}; height: auto; border-radius: 6px">'
        )
        return image if fits else f'<div style="overflow-x: auto">{image}</div>'

    def _size(self) -> tuple[int, int]:
        """In a browser's pixels."""
        width, height = self.figure.get_size_inches() * SCREEN
        return round(width), round(height)

    def _encoded(self, kind: str) -> bytes:
        file = io.BytesIO()
        # Without the date, so that the same data give the same file.
        metadata = {
            "png": {"Title": self.alt, "Software": None},
            "svg": {"Title": self.alt, "Date": None},
            "pdf": {"Title": self.alt, "CreationDate": None},
        }[kind]
        with settings():
            self.figure.savefig(file, format=kind, dpi=DPI, metadata=metadata)
        return file.getvalue()
