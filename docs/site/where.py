"""Shared by the site and the slides: folders, the repository, files of packages."""

import hashlib
import importlib.util
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"

_settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_settings = _settings["tool"]["rnncourse"]["site"]
REPOSITORY: str = _settings["repository"].rstrip("/")
BRANCH: str = _settings["branch"]


def repository_url(path: Path) -> str | None:
    """The repository's page for a file or folder of the course, if the repository is known."""
    if not REPOSITORY or not path.resolve().is_relative_to(ROOT):
        return None
    kind = "tree" if path.is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/{BRANCH}/{path.resolve().relative_to(ROOT).as_posix()}"


def executed_notebooks() -> Path:
    """The folder that keeps executed notebooks, until a cell or the library changes."""
    library = hashlib.sha256()
    for path in sorted((ROOT / "rnncourse").rglob("*.py")):
        library.update(path.read_bytes())
    return BUILD / "executed" / library.hexdigest()[:12]


def files_of(package: str) -> Path:
    """The folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"{package} is missing: pip install -c constraints.txt -e '.[site]'")
    return Path(spec.submodule_search_locations[0])


# With all of TeX's extensions and without fonts: formulas are drawn as SVG, so one file is enough,
# and pages opened from disk show them too.
MATHJAX = files_of("sphinx-mathjax-offline") / "static" / "mathjax" / "tex-svg-full.js"
