"""rnncourse: the student's library of a course on implementing recurrent neural networks."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["check", "progress", "show"]


def __getattr__(name: str) -> Any:
    # Imported on first use, so that `import rnncourse` is fast.
    if name == "check":
        from .visible_checks import check

        return check
    if name == "progress":
        from .selfstudy.progress import progress

        return progress
    if name == "show":
        from .source import show

        return show
    raise AttributeError(f"module 'rnncourse' has no attribute {name!r}")
