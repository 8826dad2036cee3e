"""The import graph of our modules, read from their source without running it."""

import ast
import importlib.util
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

PACKAGES = ("autograder", "rnncourse")


@cache
def modules() -> dict[str, Path]:
    """Every module of our packages by name, and its file."""
    paths = {}
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        root = Path(spec.origin).parent
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root.parent).with_suffix("").parts
            paths[".".join(parts).removesuffix(".__init__")] = path
    return paths


@cache
def imports() -> dict[str, frozenset[str]]:
    """The modules of our packages that each of them imports, anywhere in its source."""
    return {
        name: imported_by(
            path.read_text(encoding="utf-8"), name, is_package=path.name == "__init__.py"
        )
        for name, path in modules().items()
    }


def imported_by(source: str, name: str = "", is_package: bool = False) -> frozenset[str]:
    """The modules of our packages that a source imports. name: of the module it belongs to."""
    package = name.split(".") if is_package else name.split(".")[:-1]
    imported: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            imported |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return frozenset(imported & modules().keys())


def reachable(roots: Iterable[str], skip: Callable[[str], bool] = lambda name: False) -> set[str]:
    """The roots and all modules that they import, directly or indirectly.

    skip: says which modules are left out, with those that only they import.
    """
    visited: set[str] = set()
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name not in visited and not skip(name):
            visited.add(name)
            pending += imports()[name]
    return visited


def importers(roots: Iterable[str], candidates: Iterable[str]) -> set[str]:
    """The roots and those candidates that import one of them, directly or indirectly."""
    visited, remaining = set(roots), set(candidates)
    while more := {name for name in remaining - visited if imports()[name] & visited}:
        visited |= more
    return visited
