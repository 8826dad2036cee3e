"""What the instructor's source notebook says about grading a submission.

A submission is never asked: its cells may claim anything.
"""

import ast
from dataclasses import dataclass, field
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager
from nbformat.notebooknode import NotebookNode
from nbgrader.utils import is_grade, is_solution


@dataclass(frozen=True)
class SourceNotebook:
    """The parts of a source notebook that the judge needs."""

    student_names: frozenset[str] = frozenset()  # that students define
    walled_tests: frozenset[str] = frozenset()  # ids of grading cells that the judge runs
    imports: dict[str, str] = field(default_factory=dict)  # name → its import statement
    demonstrations: frozenset[str] = frozenset()  # sources of cells that need not run

    @classmethod
    def read(cls, source: NotebookNode | None) -> "SourceNotebook":
        """Without a source notebook nothing is known: all cells run in the jail."""
        if source is None:
            return cls()
        return cls(
            student_names(source),
            walled_tests(source),
            instructor_imports(source),
            demonstrations(source),
        )


def is_walled(source: str) -> bool:
    """Whether a grading cell runs on the judge's side of the wall: it imports autograder."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        if any(module.split(".")[0] == "autograder" for module in modules):
            return True
    return False


def walled_tests(source: NotebookNode) -> frozenset[str]:
    """The ids of the grading cells that the judge runs itself."""
    return frozenset(
        cell.metadata.nbgrader["grade_id"]
        for cell in source.cells
        if cell.cell_type == "code"
        and is_grade(cell)
        and not is_solution(cell)
        and is_walled(cell.source)
    )


@lru_cache(maxsize=1024)
def _tree(source: str) -> ast.Module:
    try:
        manager = TransformerManager()
        return ast.parse(manager.transform_cell(source))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def student_names(source: NotebookNode) -> frozenset[str]:
    """The names that the source notebook's solution cells define: what students must write."""
    names: set[str] = set()
    for cell in source.cells:
        if cell.cell_type != "code" or not is_solution(cell):
            continue
        for node in _tree(cell.source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                names |= {
                    child.id
                    for child in ast.walk(node)
                    if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)
                }
    return frozenset(names)


def instructor_imports(source: NotebookNode) -> dict[str, str]:
    """Names imported by the instructor's own cells → the import, repeated for grading cells."""
    imports: dict[str, str] = {}
    for cell in source.cells:
        if cell.cell_type != "code" or is_solution(cell) or is_grade(cell):
            continue
        for node in _tree(cell.source).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    imports[alias.asname or alias.name.split(".")[0]] = ast.unparse(node)
    return imports


def demonstrations(source: NotebookNode) -> frozenset[str]:
    """The sources of cells tagged "demo": they show something and nothing depends on them.

    A submission's cell that is still the same is not run, which saves time.
    """
    return frozenset(
        cell.source
        for cell in source.cells
        if cell.cell_type == "code" and "demo" in cell.metadata.get("tags", [])
    )
