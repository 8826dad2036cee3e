"""The source of a catalogued answer, as a student's cell; and answers made from it by a change.

Most mistakes are a right answer with one thing changed. Written as that change, what is wrong is
all that is on the page. A change reads like a diff. Every line begins with "-" (taken out), "+"
(put in) or " " (left as it is, to show the place); a line "..." stands between places:

    -    if ended.all():
    +    if ended.any():
"""

import ast
import inspect
import sys
from textwrap import dedent
from typing import Any


class ChangeError(ValueError):
    """A change that does not fit its answer; str() says which part."""


def source_of(answer: Any, name: str) -> str:
    """The source of a catalogued function or class as a student's cell that defines `name`.

    The catalogue's decorators are left out; torch's, below them, are the answer's own.
    """
    text = getattr(answer, "changed_source", None) or dedent(inspect.getsource(answer)).rstrip()
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    catalogue = [item.end_lineno or 0 for item in node.decorator_list if not _of_torch(item)]
    body = "\n".join(text.split("\n")[max(catalogue, default=0) :])
    return body if node.name == name else f"{body}\n\n\n{name} = {node.name}\n"


def _of_torch(decorator: ast.expr) -> bool:
    """Whether a decorator is one such as `torch.no_grad()`."""
    while isinstance(decorator, ast.Call | ast.Attribute):
        decorator = decorator.func if isinstance(decorator, ast.Call) else decorator.value
    return isinstance(decorator, ast.Name) and decorator.id == "torch"


def changed(answer: Any, change: str, label: str) -> Any:
    """The function or class that an answer becomes by a change, under the name `label`.

    Raises ChangeError unless each part of the change fits the answer in exactly one place.
    """
    source = apply_change(source_of(answer, answer.__name__), change)
    # A copy: what is defined here must not take the answer's place in its module.
    space = dict(vars(sys.modules[answer.__module__]))
    exec(compile(source, f"<{label}>", "exec"), space)
    result = space[answer.__name__]
    result.__name__ = result.__qualname__ = label
    result.changed_source = source
    return result


def apply_change(answer: str, change: str) -> str:
    """The source of an answer with a change made.

    Raises ChangeError unless each part of the change fits the answer in exactly one place.
    """
    lines = answer.split("\n")
    for part in dedent(change).strip("\n").split("\n...\n"):
        old, new = _sides(part)
        places = [
            start
            for start in range(len(lines) - len(old) + 1)
            if lines[start : start + len(old)] == old
        ]
        if len(places) != 1:
            raise ChangeError(f"fits in {len(places)} places, not in one:\n{part}")
        lines[places[0] : places[0] + len(old)] = new
    return "\n".join(lines)


def _sides(part: str) -> tuple[list[str], list[str]]:
    """The lines of a part before and after its change."""
    old, new = [], []
    for line in part.split("\n"):
        sign, text = line[:1] or " ", line[1:]
        if sign not in "-+ ":
            raise ChangeError(f"a line begins with {sign!r}, not with '-', '+' or ' ':\n{part}")
        if sign != "+":
            old.append(text)
        if sign != "-":
            new.append(text)
    if old == new:
        raise ChangeError(f"changes nothing:\n{part}")
    return old, new
