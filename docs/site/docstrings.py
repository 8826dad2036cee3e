"""Convert this project's docstrings, which are plain text, to reStructuredText.

A block indented by four spaces is shown verbatim. A line that begins with `Shapes:`, `x:` or the
like, or with a dash, starts a paragraph. Text between backticks is code; nothing else is markup.
"""

import re

_NOTE = re.compile(r"(Shapes|Errors|Source|Licence|Returns|Parameters): ")
_ARGUMENT = re.compile(r"([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*): (?=\S)")
_ITEM = re.compile(r"(-|\d+\.) ")


def to_rst(lines: list[str]) -> list[str]:
    """Convert the dedented lines of a docstring to lines of reStructuredText."""
    converted: list[str] = []
    in_block = False
    hanging = ""  # indent of the current list item
    for line in lines:
        indented = line.startswith("    ")
        if not line.strip():
            converted.append("")
        elif indented:
            if not in_block:
                language = "python" if "import " in line else "text"
                converted += ["", f".. code-block:: {language}", ""]
            converted.append(f"    {line}")
        else:
            text = line.strip()
            if in_block or _ITEM.match(text) or _NOTE.match(text) or _ARGUMENT.match(text):
                converted.append("")
                hanging = ""
            if item := _ITEM.match(text):
                hanging = " " * len(item[0])
                converted.append(item[0] + _text(text[item.end() :]))
            else:
                converted.append((hanging if line.startswith(" ") else "") + _head(text))
        if line.strip():
            in_block = indented
    return [*converted, ""]


def _head(text):
    if note := _NOTE.match(text):
        return f"**{note[1]}:** {_text(text[note.end() :])}"
    if argument := _ARGUMENT.match(text):
        return f"``{argument[1]}``: {_text(text[argument.end() :])}"
    return _text(text)


def _text(text):
    parts = re.split(r"`([^`]+)`", text)
    parts[::2] = [re.sub(r"([\\*|_`])", r"\\\1", text) for text in parts[::2]]
    parts[1::2] = [f"\\ ``{code}``\\ " for code in parts[1::2]]
    return "".join(parts)
