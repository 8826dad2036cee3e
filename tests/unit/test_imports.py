"""Imports: no module of ours imports itself by way of others."""

from graphlib import CycleError, TopologicalSorter

import pytest

from autograder.imports import imported_by, imports


def import_circle(graph: dict[str, frozenset[str]]) -> list[str]:
    """The modules of an import circle, the first one repeated at the end; without a circle []."""
    # A package may import its own modules by its own name.
    others = {module: imported - {module} for module, imported in graph.items()}
    try:
        TopologicalSorter(others).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_module_imports_itself_by_way_of_others():
    """Imports within functions count, and so do those for type checkers only.

    Each of them would run, but two modules that need each other can only be understood together.
    """
    assert import_circle(imports()) == []


@pytest.mark.parametrize(
    "late_import",
    [
        "from autograder.grading import run",
        "def grade():\n    from autograder.grading import run",
        "if TYPE_CHECKING:\n    from autograder.grading.run import grade_assignment",
    ],
    ids=["module", "function", "types"],
)
def test_a_circle_is_found_wherever_the_import_stands(late_import):
    low = "autograder.jailed.wire"
    circle = import_circle(imports() | {low: imports()[low] | imported_by(late_import, low)})
    assert {low, "autograder.grading.run"} <= set(circle)


def test_a_graph_without_a_circle_has_none():
    assert import_circle({"a": frozenset({"a", "b", "c"}), "b": frozenset({"c"})}) == []
