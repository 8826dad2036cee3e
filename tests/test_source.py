"""`show`: the code of the course where it is talked about."""

import functools
from types import SimpleNamespace

import pytest
import torch

from rnncourse import show
from rnncourse.reference.cells import LSTM, elman_step
from rnncourse.source import source

ELMAN = """\
# rnncourse.reference.cells
def elman_step(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x + h @ W_h)
"""


def documented(x):
    """Nothing but this."""


class Documented:
    """A class with
    a long docstring."""

    # a comment that stays

    def method(self):
        """One."""

        # Two.
        def inner():
            """Three."""
            return '"""no docstring"""'

        return inner


@functools.cache
def cached(x):
    return x


def test_it_prints_in_a_terminal(capsys):
    show(elman_step, docstring=False)
    assert capsys.readouterr().out == ELMAN


def test_with_its_docstring_it_is_the_file_as_it_stands(capsys):
    show(elman_step, LSTM)
    shown = capsys.readouterr().out
    assert "Elman 1990" in shown
    assert shown.count("# rnncourse.reference.cells\n") == 2
    assert "class LSTM(nn.Module):" in shown


def test_docstrings_go_with_the_blank_lines_below_them_and_comments_stay():
    shown = source(Documented, docstring=False)
    assert shown.split("\n") == [
        f"# {__name__}",
        "class Documented:",
        "    # a comment that stays",
        "",
        "    def method(self):",
        "        # Two.",
        "        def inner():",
        '            return \'"""no docstring"""\'',
        "",
        "        return inner",
    ]


def test_what_it_shows_is_python():
    for one in (documented, Documented, Documented.method, cached, LSTM.forward):
        for docstring in (True, False):
            compile(source(one, docstring), "shown", "exec")
    assert "Nothing but this" in source(documented, docstring=False)


@pytest.mark.parametrize("other", [torch.tanh, [1], 3, None, print, "elman_step"])
def test_what_has_no_source_is_refused(other, capsys):
    with pytest.raises(TypeError, match="no source in Python"):
        show(elman_step, other)
    assert capsys.readouterr().out == ""


def test_in_a_notebook_it_is_markdown(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    show(elman_step, docstring=False)
    assert shown == [
        {"text/markdown": f"```python\n{ELMAN}```", "text/plain": ELMAN.rstrip()},
    ]
