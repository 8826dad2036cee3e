"""Which of our modules import which, read from their source without running it."""

import ast
import importlib.util
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

PACKAGES = ("autograder", "rnncourse")


@cache
def modules() -> dict[str, Path]:
    """Every module of our packages by name, and its file."""
    found = {}
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        root = Path(spec.origin).parent
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root.parent).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


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
    """The modules of our packages that some source imports. name: of the module it belongs to."""
    package = name.split(".") if is_package else name.split(".")[:-1]
    named: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            named |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return frozenset(named & modules().keys())


def reachable(roots: Iterable[str], skip: Callable[[str], bool] = lambda name: False) -> set[str]:
    """The roots, the modules that they import, and what these import, and so on.

    skip: modules that are left out, with what only they import.
    """
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found and not skip(name):
            found.add(name)
            waiting += imports()[name]
    return found


def importers(roots: Iterable[str], candidates: Iterable[str]) -> set[str]:
    """The roots, and those of the candidates that import one of them, directly or not."""
    found, candidates = set(roots), set(candidates)
    while more := {name for name in candidates - found if imports()[name] & found}:
        found |= more
    return found
