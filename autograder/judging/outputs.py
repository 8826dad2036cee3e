"""Outputs of cells: made by the judge, or rebuilt from what a worker sent."""

import traceback
from typing import Any

from nbformat import from_dict
from nbformat.notebooknode import NotebookNode

from ..jailed.outputs import SAFE_MIME_TYPES
from .scoring import Score

GRADING_CELL = "<grading cell>"  # the file name in a grading cell's traceback


def output_nodes(outputs: list[dict[str, Any]]) -> list[NotebookNode]:
    """Outputs as a notebook holds them."""
    return [from_dict(output) for output in outputs]


def error_text(error: BaseException) -> str:
    """An exception's message, or its name where it has none."""
    return str(error) or type(error).__name__


def error_output(name: str, message: str, error: BaseException | None = None) -> dict[str, Any]:
    """The output of a cell that raised. error: raised by a grading cell."""
    lines = [f"{name}: {message}"]
    if error is not None:
        # The line of the grading cell; frames below it are not the student's.
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in frames if frame.filename == GRADING_CELL), None)
        if line:
            lines.insert(0, f"in line {line} of this cell")
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": lines}


def score_output(score: Score, points: float) -> dict[str, Any]:
    """The output of a grading cell that ends with a score."""
    data = {"text/plain": f"{points:g}", "text/html": score._repr_html_()}
    return {
        "output_type": "execute_result",
        "execution_count": None,
        "data": data,
        "metadata": {},
    }


def clean_output(item: Any) -> dict[str, Any] | None:
    """A worker's output, rebuilt from the parts that a notebook may hold; None if it is invalid.

    Only types that a page shows without running anything are kept.
    """
    if not isinstance(item, dict):
        return None
    match item.get("output_type"):
        case "stream":
            return _clean_stream(item)
        case "error":
            return _clean_error(item)
        case "display_data" | "execute_result":
            return _clean_data(item)
    return None


def _clean_stream(item: dict[str, Any]) -> dict[str, Any] | None:
    name, text = item.get("name"), item.get("text")
    if name not in ("stdout", "stderr") or not isinstance(text, str):
        return None
    return {"output_type": "stream", "name": name, "text": text}


def _clean_error(item: dict[str, Any]) -> dict[str, Any] | None:
    name, message, lines = (item.get(key) for key in ("ename", "evalue", "traceback"))
    if not isinstance(name, str) or not isinstance(message, str) or not isinstance(lines, list):
        return None
    return {
        "output_type": "error",
        "ename": name,
        "evalue": message,
        "traceback": [line for line in lines if isinstance(line, str)],
    }


def _clean_data(item: dict[str, Any]) -> dict[str, Any] | None:
    data = item.get("data")
    if not isinstance(data, dict):
        return None
    shown = {mime: data[mime] for mime in SAFE_MIME_TYPES if isinstance(data.get(mime), str)}
    output = {"output_type": item["output_type"], "data": shown, "metadata": {}}
    if item["output_type"] == "execute_result":
        count = item.get("execution_count")
        output["execution_count"] = count if type(count) is int else None
    return output
