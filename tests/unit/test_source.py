"""`show`, and that the names of the package are the functions themselves."""

import functools
import importlib
import inspect
from types import SimpleNamespace

import pytest
import torch

import rnncourse
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
    for shown in (documented, Documented, Documented.method, cached, LSTM.forward):
        for docstring in (True, False):
            compile(source(shown, docstring), "shown", "exec")
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


@pytest.mark.parametrize("name", rnncourse.__all__)
def test_a_public_name_is_a_function_that_shows_its_parameters(name):
    assert inspect.isfunction(getattr(rnncourse, name))
    assert inspect.signature(getattr(rnncourse, name)).parameters


def test_progress_stays_a_function_after_its_module_is_imported():
    importlib.import_module("rnncourse.selfstudy.progress")
    parameters = inspect.signature(rnncourse.progress).parameters
    assert {"assignments", "grade", "limit"} <= parameters.keys()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        rnncourse.nothing  # noqa: B018
