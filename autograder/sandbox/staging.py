"""Staging: the folder with everything of the course that a sandbox can see."""

import atexit
import contextlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import rnncourse

# What a sandbox gets of rnncourse: an allow list, so that what is not named here stays out.
# Checks are named one by one: a catalogue of mistakes holds near misses of the answers, and must
# not get in under a new name. `check` does without catalogues inside a sandbox.
CHECKS = (
    "__init__",
    "answer_source",
    "bug_hunt",
    "compare",
    "diagnosis",
    "entries",
    "exercise",
    "forbidden",
    "model_specs",
    "properties",
    "pytree",
    "remote",
    "report",
    "rng",
    "statistics",
    "status",
    "toy_translation",
    "harness/__init__",
    "harness/capstone",
    "harness/training",
)
STAGED = (
    "__init__.py",
    "device.py",
    "files.py",
    "source.py",
    "visible_checks.py",
    "data/*.py",
    "plots/*.py",
    "recipes/*.py",
    "reference/*.py",
    "selfstudy/*.py",
    *(f"checks/{name}.py" for name in CHECKS),
)

HIDDEN_MODULE = '''"""Not here while grading."""

raise ImportError(f"{__name__} is what this problem set asks you to write: it is not available")
'''


def stage(hidden: Iterable[str], library: Path | None = None) -> Path:
    """Make a folder with what STAGED names of rnncourse, and with the jailed code.

    hidden: modules that are replaced by one that cannot be imported; library: rnncourse's folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="autograder-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # should Jail.close() not be called
    _copy_library(library or Path(rnncourse.__file__).parent, folder / "rnncourse")
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(Path(__file__).parents[1] / "jailed", folder / "jailed", ignore=skip)
    for module in hidden:
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        if path.exists():  # otherwise it was not staged: exercises never are
            path.write_text(HIDDEN_MODULE)
    _copy_font_list(folder / "matplotlib")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def _copy_library(library: Path, target: Path) -> None:
    for pattern in STAGED:
        for path in library.glob(pattern):
            copy = target / path.relative_to(library)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _copy_font_list(target: Path) -> None:
    """matplotlib takes seconds to make its list of fonts: give the sandbox ours."""
    target.mkdir()
    with contextlib.suppress(ImportError):
        import matplotlib

        for fonts in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
            shutil.copy(fonts, target)
