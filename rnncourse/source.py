"""`show` prints the code of the course where the text talks about it."""

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

    The first line names the module. docstring=False leaves the docstrings out.
    Errors: TypeError for objects without Python source, such as torch.tanh or a list.
    """
    # All sources are read before the first is shown: after an error, nothing has been shown.
    for text in [source(function, docstring) for function in functions]:
        if _in_a_notebook():
            from IPython.display import display

            # Markdown is highlighted in the colours of the page: light, dark, or a slide.
            fence = "`" * (3 + text.count("```"))
            display(
                {"text/markdown": f"{fence}python\n{text}\n{fence}", "text/plain": text}, raw=True
            )
        else:
            print(text)


def source(function: Callable[..., Any], docstring: bool = True) -> str:
    """The source of a function or class, below a comment with the name of its module.

    Errors: as in `show`.
    """
    try:
        text = textwrap.dedent(inspect.getsource(function)).rstrip()
        module = inspect.unwrap(function).__module__
    except (TypeError, OSError, AttributeError):
        raise TypeError(f"{function!r} has no source in Python to show") from None
    if not docstring:
        text = _without_docstrings(text)
    return text if module == "__main__" else f"# {module}\n{text}"


def _without_docstrings(text: str) -> str:
    dropped: set[int] = set()  # line numbers
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(ast.parse(text)):
        # A body that is only a docstring keeps it: an empty body would not be valid Python.
        if isinstance(node, kinds) and ast.get_docstring(node) is not None and len(node.body) > 1:
            node_docstring = node.body[0]
            last = node_docstring.end_lineno or node_docstring.lineno
            dropped.update(range(node_docstring.lineno, last + 1))
    kept = []
    for number, line in enumerate(text.split("\n"), start=1):
        # The blank lines below a docstring are dropped with it.
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
