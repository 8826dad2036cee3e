"""The code of the course, shown where it is talked about: `from rnncourse import show`."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

__all__ = ["show", "source"]


def show(*functions: Callable[..., Any], docstring: bool = True) -> None:
    """Show the source of functions or classes: highlighted in a notebook, plain in a terminal.

        show(lstm_step)
        show(greedy_decode, beam_search, docstring=False)

    A first line says where the code is from. docstring=False leaves the docstrings out.
    Errors: TypeError for what has no source in Python, such as torch.tanh or a list.
    """
    # All of them are read before the first is shown: an error shows nothing by halves.
    for text in [source(one, docstring) for one in functions]:
        if _in_a_notebook():
            from IPython.display import display

            # As Markdown, each page highlights it in its own colours: light or dark, or a slide.
            fence = "`" * (3 + text.count("```"))
            display(
                {"text/markdown": f"{fence}python\n{text}\n{fence}", "text/plain": text}, raw=True
            )
        else:
            print(text)


def source(function: Callable[..., Any], docstring: bool = True) -> str:
    """The source of a function or class under a comment that says which module it is from.

    Errors: as in `show`.
    """
    try:
        text = textwrap.dedent(inspect.getsource(function)).rstrip()
        module = inspect.unwrap(function).__module__
    except (TypeError, OSError, AttributeError):
        raise TypeError(f"{function!r} has no source in Python that could be shown") from None
    if not docstring:
        text = _without_docstrings(text)
    return text if module == "__main__" else f"# {module}\n{text}"


def _without_docstrings(text: str) -> str:
    lines, dropped = text.split("\n"), set()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(ast.parse(text)):
        # What consists of its docstring alone keeps it: an empty body would be no Python.
        if isinstance(node, kinds) and ast.get_docstring(node) is not None and len(node.body) > 1:
            dropped.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    kept = []
    for number, line in enumerate(lines, start=1):
        # The blank lines below a docstring go with it.
        if number not in dropped and number - 1 in dropped and not line.strip():
            dropped.add(number)
        if number not in dropped:
            kept.append(line)
    return "\n".join(kept)


def _in_a_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")
