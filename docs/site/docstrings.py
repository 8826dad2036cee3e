"""The docstrings of this project are written for people; this makes reStructuredText of them.

A block that is indented by four is shown as it stands. A line that begins with `Shapes:`, `x:` or
the like, or with a dash, begins a paragraph of its own. Text between backticks is code; nothing
else is markup.
"""

import re

_NOTE = re.compile(r"(Shapes|Errors|Source|Licence|Returns|Parameters): ")
_ARGUMENT = re.compile(r"([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*): (?=\S)")
_ITEM = re.compile(r"(-|\d+\.) ")


def to_rst(lines: list[str]) -> list[str]:
    """The lines of a docstring, its own indent taken off, as lines of reStructuredText."""
    made: list[str] = []
    in_block = False
    hanging = ""  # what the lines of a list's item begin with
    for line in lines:
        indented = line.startswith("    ")
        if not line.strip():
            made.append("")
        elif indented:
            if not in_block:
                language = "python" if "import " in line else "text"
                made += ["", f".. code-block:: {language}", ""]
            made.append(f"    {line}")
        else:
            text = line.strip()
            if in_block or _ITEM.match(text) or _NOTE.match(text) or _ARGUMENT.match(text):
                made.append("")
                hanging = ""
            if item := _ITEM.match(text):
                hanging = " " * len(item[0])
                made.append(item[0] + _text(text[item.end() :]))
            else:
                made.append((hanging if line.startswith(" ") else "") + _head(text))
        if line.strip():
            in_block = indented
    return [*made, ""]


def _head(text):
    if note := _NOTE.match(text):
        return f"**{note[1]}:** {_text(text[note.end() :])}"
    if argument := _ARGUMENT.match(text):
        return f"``{argument[1]}``: {_text(text[argument.end() :])}"
    return _text(text)


def _text(text):
    parts = re.split(r"`([^`]+)`", text)
    parts[::2] = [re.sub(r"([\\*|_`])", r"\\\1", one) for one in parts[::2]]
    parts[1::2] = [f"\\ ``{one}``\\ " for one in parts[1::2]]
    return "".join(parts)
