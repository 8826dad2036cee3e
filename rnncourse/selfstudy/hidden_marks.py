"""What the hidden tests say of a reader's notebook.

The library knows nothing of the grader: this calls its command, in a copy of the course, so that
neither the reader's files nor a gradebook are touched.
"""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .notebook_runner import kill_group
from .notebooks import Cell, Notebook, digest_of, read_cells

GRADING_LIMIT = 1800.0  # seconds


def hidden_marks(notebook: Notebook, jail: str = "auto") -> dict[str, Any]:
    """What the hidden tests say, from `autograder grade` in a copy of the course.

    Returns {"exercises": exercise → {"points", "lost": [title, message, hint]}}, {"problem": why}.
    """
    if not all(map(importlib.util.find_spec, ("autograder", "nbgrader"))):
        return {"problem": "grading needs more: pip install 'rnncourse[instructor]'"}
    name, root = notebook.problem_set, course_root(notebook)
    if root is None:
        return {"problem": f"grading needs the course's solutions/{name}, which is not here"}
    source = root / "solutions" / name
    with tempfile.TemporaryDirectory(prefix="rnncourse-", ignore_cleanup_errors=True) as place:
        course, found = Path(place, "course"), Path(place, "result.json")
        shutil.copytree(source, course / "solutions" / name)
        shutil.copy(root / "nbgrader_config.py", course)
        handed = course / "class" / "submitted" / "me" / name
        handed.mkdir(parents=True)
        for one in notebook.companion_files:
            shutil.copy(one, handed)
        shutil.copy(notebook.path, handed / f"{name}.ipynb")
        options = ["--course", str(course)]
        words = _words_of(["release", name, *options])
        options += ["--student", "me", "--json", str(found), "--jobs", "1", "--jail", jail]
        words = words or _words_of(["grade", name, *options])
        if not found.exists():
            return {"problem": f"it could not be graded: {words or 'the grader gave no reason'}"}
        (result,) = json.loads(found.read_text(encoding="utf-8"))
    if error := result.get("error"):
        return {"problem": f"it could not be graded: {error}"}
    return {"exercises": _marks(result, read_cells(source / f"{name}.ipynb"))}


def course_root(notebook: Notebook) -> Path | None:
    """The nearest folder above that holds what is needed to grade a notebook."""
    name = notebook.problem_set
    for one in notebook.path.resolve().parents:
        source = one / "solutions" / name / f"{name}.ipynb"
        if (one / "nbgrader_config.py").is_file() and source.is_file():
            return one
    return None


def grading_key(notebook: Notebook) -> str:
    """A digest of all on which its marks depend, but for the random inputs."""
    digest = hashlib.sha256(notebook.key().encode())
    digest.update(json.dumps([(one.source, one.nbgrader) for one in notebook.cells]).encode())
    if root := course_root(notebook):
        digest.update(digest_of(root / "solutions" / notebook.problem_set, ("*",)).encode())
    if grader := importlib.util.find_spec("autograder"):
        for folder in grader.submodule_search_locations or []:
            digest.update(digest_of(Path(folder), ("*.py", "hidden/*.py", "jailed/*.py")).encode())
    return digest.hexdigest()


def _words_of(arguments: list[str]) -> str:
    """Run an `autograder` command; its last words on stderr if it could not do its work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, text = process.communicate(timeout=GRADING_LIMIT)
    except subprocess.TimeoutExpired:
        return f"stopped after {GRADING_LIMIT:g} s"
    finally:
        kill_group(process)
    return " ".join(text.decode(errors="replace").split())[-400:] if process.returncode else ""


def _marks(result: dict[str, Any], source: list[Cell]) -> dict[str, Any]:
    """The marks by exercise: the source notebook says which cell grades which."""
    grades = {
        one.nbgrader.get("grade_id"): found[1]
        for one in source
        if one.kind == "code" and (found := re.search(r"""\bgrade\(["'](\w+)["']""", one.source))
    }
    return {
        grades[cell["grade_id"]]: {
            "points": cell["points"],
            "lost": [
                {key: one[key] for key in ("title", "message", "hint")}
                for one in cell["properties"]
                if not one["passed"]
            ],
        }
        for cell in result["cells"]
        if cell["grade_id"] in grades and cell["points"] is not None
    }
