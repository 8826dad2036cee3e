"""The guides: links lead somewhere, commands exist, what is shown as code or as output is true."""

import csv
import importlib
import linecache
import re
import shlex
import shutil
import sys
import tomllib
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
import yaml
from conftest import ROOT
from nbclient import NotebookClient
from nbgrader.apps.nbgraderapp import NbGraderApp

from autograder import cli
from rnncourse import check
from rnncourse import cli as student_cli
from rnncourse.checks.exercise import Exercise, Property

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
ERRATA = ROOT / "docs" / "errata.ipynb"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@cache
def markdown(path: Path) -> str:
    """The text of a page, or of a notebook's text cells."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def prose(path: Path) -> str:
    return FENCE.sub("", markdown(path))


def blocks(path: Path, language: str) -> list[str]:
    return [text for fenced, text in FENCE.findall(markdown(path)) if fenced == language]


def anchors(path: Path) -> set[str]:
    """The headings of a page, in the form that links use on GitHub and in MyST."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


# --- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*PAGES, ERRATA], ids=name_of)
def test_every_relative_link_leads_somewhere(page):
    text = re.sub(r"`[^`\n]*`", "`code`", prose(page))
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    targets += re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        inside, _, anchor = target.partition("#")
        path = (page.parent / inside).resolve() if inside else page
        assert path.is_relative_to(ROOT) and path.exists(), target
        assert not anchor or anchor in anchors(path), target


# --- commands -----------------------------------------------------------------------------------


def commands(page: Path) -> list[list[str]]:
    """The words of each command in a page's blocks of commands."""
    parts: list[list[str]] = []
    for block in blocks(page, ""):
        for line in block.replace("\\\n", " ").split("\n"):
            words = line.split("  #")[0].split()
            if words and re.fullmatch(r"[a-z]+", words[0]):
                parts += [part.split() for part in " ".join(words).split(" && ")]
    return parts


def quoted(page: Path) -> list[list[str]]:
    """The words of each piece of inline code."""
    return [code.split() for code in re.findall(r"`([^`\n]+)`", prose(page))]


def subcommands(parser: ArgumentParser) -> dict[str, ArgumentParser]:
    return next(action.choices for action in parser._actions if isinstance(action.choices, dict))


PARSERS = {"autograder": cli.parser(), "rnncourse": student_cli.parser()}


@each_page
def test_our_commands_can_be_given_as_they_are_written(page):
    for program, *words in commands(page):
        if program in PARSERS:
            PARSERS[program].parse_args(words)


@each_page
def test_commands_in_the_text_exist(page):
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    known = {
        "make": set(targets),
        "nbgrader": {name.replace("-", "_") for name in NbGraderApp.subcommands},
        **{name: set(subcommands(parser)) for name, parser in PARSERS.items()},
    }
    for words in [*commands(page), *quoted(page)]:
        program, *rest = words
        # `make` takes several targets, the others one command.
        rest = [word for word in rest if re.fullmatch(r"[a-z_]+", word)]
        for name in rest if program == "make" else rest[:1]:
            assert program not in known or name in known[program], " ".join(words)


@each_page
def test_options_in_the_text_exist(page):
    for program, *words in quoted(page):
        if program in PARSERS and words:
            options = subcommands(PARSERS[program])[words[0]]._option_string_actions
            assert all(word in options for word in words if word.startswith("--")), words


@each_page
def test_files_that_are_run_exist(page):
    for program, *words in commands(page):
        if program in ("pytest", "python") and words and words[0].endswith(".py"):
            assert (ROOT / words[0]).is_file(), words
        if program == "python" and words[:1] == ["-m"]:
            assert importlib.util.find_spec(words[1]), words


@each_page
def test_lines_of_commands_can_be_split_by_a_shell(page):
    for block in blocks(page, ""):
        for line in block.split("\n"):
            if line.startswith(("autograder", "rnncourse", "make", "nbgrader", "pip", "python")):
                shlex.split(line, comments=True)


# --- for students -------------------------------------------------------------------------------


def test_the_report_that_students_see_is_a_real_one():
    import torch

    def elman_step(x, h, W_x, W_h, g=torch.tanh):
        return g(x @ W_x) + g(h @ W_h)

    reports = [text for text in blocks(ROOT / "docs/students.md", "") if "visible checks" in text]
    assert reports == [f"{check('elman_step', elman_step)!r}\n"]


# --- for instructors ----------------------------------------------------------------------------

EXPORTED = (
    "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,"
    "late_submission_penalty,score,max_score\n"
    "ps0_warmup,,,ada,Lovelace,Ada,ada@example.org,12.0,0.0,12.0,15.0\n"
    "ps1_cells,,,ada,Lovelace,Ada,ada@example.org,50.0,5.0,45.0,54.0\n"
    "ps0_warmup,,,alan,Turing,Alan,alan@example.org,0.0,0.0,0.0,15.0\n"
)
CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,ps0_warmup (11),ps1_cells (12),Other (13)\n"
    "    Points Possible,,,,,15,54,10\n"
    '"Lovelace, Ada",1,s1,ada,A,,,7\n'
    '"Turing, Alan",2,s2,alan,A,,3,8\n'
)


def test_exported_marks_become_tables_for_moodle_and_canvas(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("class").mkdir()
    Path("class/grades.csv").write_text(EXPORTED, encoding="utf-8")
    Path("class/canvas.csv").write_text(CANVAS, encoding="utf-8")
    page = ROOT / "docs/instructors.md"
    parts = [code for code in blocks(page, "python") if code.startswith("# class_marks.py")]
    exec("".join(parts), {})

    def table(name: str) -> list[list[str]]:
        with open(f"class/{name}", newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    assert table("moodle.csv") == [
        ["student", "ps0_warmup", "ps1_cells"],
        ["ada", "12.0", "45.0"],
        ["alan", "0.0", ""],
    ]
    head, possible, ada, alan = table("canvas-marked.csv")
    assert head[:2] == ["Student", "ID"] and possible[5:] == ["15", "54", "10"]
    assert ada[5:] == ["12.0", "45.0", "7"] and alan[5:] == ["0.0", "3", "8"]


def test_the_rule_for_late_work():
    page = ROOT / "docs/instructors.md"
    (code,) = [code for code in blocks(page, "python") if "# late.py" in code]
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    rule = namespace["TenPercentADay"]().late_submission_penalty
    day = 86_400
    late = [rule("ada", 40, seconds) for seconds in (1, day, day + 1, 4 * day, 30 * day)]
    assert late == pytest.approx([4, 4, 8, 16, 20])


# What a message says of this machine or of this submission.
VARIABLE = r"\S*(?:ps1_cells|[/…])\S*|generate_assignment|\d+"
MESSAGES_OF_OTHERS = {  # and who prints them
    "database is locked",  # SQLite
    "there are submissions associated with it",  # nbgrader
}


def test_the_messages_in_the_table_of_failures_are_those_of_the_sources():
    text = (ROOT / "docs/instructors.md").read_text(encoding="utf-8")
    table = text.split("## When something fails")[1].split("\n## ")[0]
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "autograder").rglob("*.py")
    )
    rows = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)
    messages = [message for row in rows for message in re.findall(r"`([^`]+)`", row)]
    assert len(messages) > 9
    for message in messages:
        for part in map(str.strip, re.split(VARIABLE, message)):
            assert part in sources or part in MESSAGES_OF_OTHERS, message


# --- adding an exercise -------------------------------------------------------------------------


SET, NAME = "ps3_outputs", "mean_states"  # the guide's exercise


@contextmanager
def with_blocks(page: Path) -> Iterator[None]:
    """The modules that a page's blocks of Python belong to, changed or made as the page says.

    The first line of a block names its file. Afterwards all modules are as they were.
    """
    changed: dict[str, dict[str, Any]] = {}
    added: list[str] = []
    try:
        for number, block in enumerate(blocks(page, "python")):
            path, _, code = block.removeprefix("# ").partition("\n")
            if not path.endswith(".py"):
                continue
            name = path.removesuffix(".py").replace("/", ".")
            if name in added or (ROOT / path).is_file():
                module = importlib.import_module(name)
                if name not in added:
                    changed.setdefault(name, dict(vars(module)))
            else:
                module = ModuleType(name)
                module.__package__ = name.rpartition(".")[0]
                sys.modules[name] = module
                added.append(name)
            filename = f"<{path}, block {number} of {page.name}>"
            # Mistakes and alternatives are submitted from their source.
            linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
            exec(compile(code, filename, "exec"), vars(module))
        yield
    finally:
        for name in added:
            del sys.modules[name]
        for name, before in changed.items():
            namespace = vars(sys.modules[name])
            namespace.clear()
            namespace.update(before)


@pytest.fixture(scope="module")
def guide() -> Iterator[tuple[Exercise, tuple[Property, ...], list[Any]]]:
    """The exercise of the guide, all its properties, and its alternatives."""
    with with_blocks(ROOT / "docs/adding-an-exercise.md"):
        exercise = importlib.import_module(f"rnncourse.exercises.{SET}.{NAME}").exercise
        rubric = importlib.import_module(f"autograder.rubrics.{SET}.{NAME}").rubric
        yield exercise, (*exercise.properties, *rubric.properties), rubric.alternatives


def test_the_exercise_of_the_guide_tells_right_from_wrong(guide):
    exercise, rubric, alternatives = guide
    assert sum(prop.points for prop in rubric) == exercise.points == 3
    assert len(alternatives) >= 3 and len(exercise.misconceptions) >= 4
    for right in (exercise.reference, *alternatives):
        for seed in range(5):
            report = exercise.evaluate(right, seed, rubric)
            assert report.points == 3, (right.__name__, report)
    for mistake in exercise.misconceptions:
        reports = [exercise.evaluate(mistake.wrong, seed, rubric) for seed in range(5)]
        assert len({report.points for report in reports}) == 1 and reports[0].points < 3
        assert all(mistake.sentence in report.hints for report in reports), mistake.name


def test_the_guide_shows_the_audit_of_its_exercise_as_it_is(guide):
    exercise, rubric, alternatives = guide
    page = ROOT / "docs/adding-an-exercise.md"
    (table,) = [text for text in blocks(page, "") if "caught" in text]
    rows = re.findall(r"│ (\w+): (\w+) +│ +([\d.]+) / 3 │", table)
    expected = [("alternative", answer.__name__, 3.0) for answer in alternatives]
    expected += [
        ("misconception", mistake.name, exercise.evaluate(mistake.wrong, 1, rubric).points)
        for mistake in exercise.misconceptions
    ]
    assert [(kind, name, float(points)) for kind, name, points in rows] == expected


# --- what tools read ---------------------------------------------------------------------------


def test_ci_runs_the_pythons_that_the_package_names():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = re.findall(r":: (3\.\d+)", "\n".join(settings["project"]["classifiers"]))
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == named
    assert any(step.get("run") == "bash .ci/run" for step in workflow["jobs"]["test"]["steps"])


def test_the_citation_has_what_its_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert all({"type", "title", "authors"} <= set(work) for work in citation["references"])


def test_every_entry_of_the_changelog_says_whether_marks_change():
    """And where a mark does change, whose."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (latest,) = re.findall(r"^## Unreleased\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)
    entries = re.split(r"^- ", latest, flags=re.MULTILINE)[1:]
    for entry in entries:
        assert re.search(r"\*Marks change: (no\.|yes, for .+\.)\*", entry), entry


# --- errata -------------------------------------------------------------------------------------


def test_the_errata_are_clean_in_git():
    notebook = nbformat.read(ERRATA, as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "slideshow"}
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None


@pytest.mark.notebooks
def test_every_slip_of_the_errata_is_proved_by_a_run(tmp_path):
    path = Path(shutil.copy(ERRATA, tmp_path))
    notebook = nbformat.read(path, as_version=4)
    listed = re.findall(r"^\| (\d+) \|", notebook.cells[0].source, re.MULTILINE)
    headings = [
        re.search(r"^### (\d+) · ", cell.source, re.MULTILINE)
        for cell in notebook.cells
        if cell.cell_type == "markdown"
    ]
    proved = [
        heading[1]
        for heading, code in zip(headings, code_after(notebook), strict=True)
        if heading and "assert" in code
    ]
    assert listed == proved == [str(n) for n in range(1, 13)]
    resources = {"metadata": {"path": tmp_path}}
    NotebookClient(notebook, timeout=60, resources=resources).execute()


def code_after(notebook: nbformat.NotebookNode) -> list[str]:
    """For each text cell, the source of the code that follows it."""
    cells = notebook.cells
    return [
        cells[n + 1].source if n + 1 < len(cells) and cells[n + 1].cell_type == "code" else ""
        for n, cell in enumerate(cells)
        if cell.cell_type == "markdown"
    ]
