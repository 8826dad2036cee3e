"""Names in the source: a variable is named after the element that it holds."""

import ast
import re
import subprocess
from collections.abc import Iterator

import nbformat
import pytest
from conftest import ROOT
from IPython.core.inputtransformer2 import TransformerManager

# Submissions of attackers, written to look like students' code.
ATTACK = re.compile(r"tests/attacks/[a-z]\w*\.py")
FORBIDDEN = "one"


def _sources() -> list[str]:
    """The Python files and notebooks that git tracks, relative to the root of the repository."""
    command = ["git", "ls-files", "-z", "--", "*.py", "*.ipynb"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [
        path
        for path in listing.split("\0")
        # A deleted file is listed until its deletion is staged.
        if path and (ROOT / path).exists() and not ATTACK.fullmatch(path)
    ]


def _pieces(path: str) -> Iterator[tuple[str, str]]:
    """The Python source in a file, and where it is: the whole of a module, each code cell."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if not path.endswith(".ipynb"):
        yield path, text
        return
    for number, cell in enumerate(nbformat.reads(text, as_version=4).cells):
        if cell.cell_type == "code":
            yield f"{path}, cell {number}", TransformerManager().transform_cell(cell.source)


def _lines_with_forbidden_name(source: str) -> Iterator[int]:
    """The lines where a loop variable, a comprehension variable, or a parameter has the name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            for target in ast.walk(node.target):
                if isinstance(target, ast.Name) and target.id == FORBIDDEN:
                    yield target.lineno
        elif isinstance(node, ast.arg) and node.arg == FORBIDDEN:
            yield node.lineno


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the git repository")
def test_no_variable_or_parameter_is_called_one():
    offences = [
        f"{place}:{line}"
        for path in _sources()
        for place, source in _pieces(path)
        for line in sorted(_lines_with_forbidden_name(source))
    ]
    assert not offences, "name these after what they hold:\n" + "\n".join(offences)


@pytest.mark.parametrize(
    "source",
    [
        "for one in items: pass",
        "for key, (first, *one) in items: pass",
        "async def f():\n    async for one in items: pass",
        "[one for one in items]",
        "{key: one for key, one in items}",
        "lambda one: one",
        "def f(one, /): pass",
        "async def f(*one): pass",
        "def f(*, one=1): pass",
        "def f(**one): pass",
    ],
)
def test_every_kind_of_loop_and_parameter_is_recognised(source):
    assert len(list(_lines_with_forbidden_name(source))) == 1


@pytest.mark.parametrize("source", ["for item.one in items: pass", "f(one=1)", "one_hot = one()"])
def test_other_uses_are_allowed(source):
    assert not list(_lines_with_forbidden_name(source))
