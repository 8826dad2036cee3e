"""rnncourse progress: it says how far a reader is, and touches nothing of theirs."""

import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, needs_jail
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from rnncourse.exercises import exercises
from rnncourse.selfstudy import hidden_marks as grading
from rnncourse.selfstudy import notebook_runner as running
from rnncourse.selfstudy import notebooks
from rnncourse.selfstudy.notebooks import find_notebooks, read_cells

progress = importlib.import_module("rnncourse.progress")  # the module, which can be called

SOFTMAX = """
def softmax(scores, dim=-1):
    m = scores.amax(dim, keepdim=True)
    exps = torch.exp(scores - m.masked_fill(m == float("-inf"), 0))
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)
"""
FORWARD = """
def numeric_gradient(f, x, eps=1e-6):
    gradient = torch.zeros_like(x)
    for place in torch.ones_like(x).nonzero().tolist():
        moved = x.detach().clone()
        moved[tuple(place)] += eps
        gradient[tuple(place)] = (f(moved) - f(x.detach().clone())) / eps
    return gradient
"""
IMPORTS = "import torch\n\nfrom rnncourse import check"
WARMUP = [one for one in exercises().values() if one.problem_set == "ps0_warmup"]


def released(answers: dict[str, str]) -> nbformat.NotebookNode:
    """The warm-up as students get it, with some cells filled in."""
    notebook = nbformat.read(ROOT / "assignments/ps0_warmup/ps0_warmup.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    return notebook


def write(path: Path, *cells: str, title: str = "A title") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    code = [new_code_cell(one) for one in cells]
    nbformat.write(new_notebook(cells=[new_markdown_cell(f"# {title}"), *code]), path)
    return path


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder, with a digest of what it holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run(path: Path, **limits: float) -> dict:
    notebook = notebooks.Notebook(path, "ps0_warmup", read_cells(path))
    return running.rehearse(notebook, WARMUP, **{"limit": 120, **limits})


# --- a folder in which some things are done, and some are broken ----------------------------------


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """The folder, its files before and after, and what was said."""
    place = tmp_path_factory.mktemp("reader")
    folder = place / "assignments"
    # Renamed, a file beside it, and a cell that writes where it runs.
    renamed = folder / "my own" / "Warm-up, second try.ipynb"
    renamed.parent.mkdir(parents=True)
    answers = {"softmax": SOFTMAX, "numeric-gradient": FORWARD, "setup": f"{IMPORTS}\nimport own"}
    answers["why-trust-it"] = "Because it shares no step with my derivation."
    nbformat.write(released(answers), renamed)
    (renamed.parent / "own.py").write_text("with open('own.py', 'w') as file: file.write('!')\n")
    whole = (ROOT / "assignments/ps1_cells/ps1_cells.ipynb").read_text(encoding="utf-8")
    (folder / "ps1_cells").mkdir()
    (folder / "ps1_cells" / "ps1_cells.ipynb").write_text(whole[:-100], encoding="utf-8")
    write(folder / "scratch.ipynb", "raise SystemExit")
    before = files(place)
    found = progress(folder, limit=170)
    return folder, before, files(place), found


def by_name(found, name):
    (one,) = [one for one in found.sets if one.name == name]
    return one, {step.name: step for step in one.steps}


def test_every_exercise_has_its_line(half):
    one, steps = by_name(half[3], "ps0_warmup")
    assert one.title == "Problem set 0: warm-up" and not one.graded
    assert list(steps) == ["softmax", "numeric_gradient", "why_trust_it"]
    assert (steps["softmax"].state, steps["softmax"].earned) == ("done", 3.5)
    assert steps["numeric_gradient"].words == "4 of 5 visible checks pass"
    assert "forward only" in steps["numeric_gradient"].advice
    assert steps["why_trust_it"].words.startswith("answered")
    assert one.notes == []


def test_what_to_do_next(half):
    assert half[3].next.startswith("mend numeric_gradient in ")
    assert "Warm-up, second try.ipynb" in half[3].next


def test_a_broken_notebook_gets_a_clear_line(half):
    one, steps = by_name(half[3], "ps1_cells")
    assert len(one.notes) == 1 and "its JSON cannot be read" in one.notes[0]
    assert {step.words for step in steps.values()} == {"not known"}


def test_nothing_of_the_readers_is_changed_or_added(half):
    _, before, after, _ = half
    assert after.pop("progress.json")
    assert before == after


def test_what_has_not_changed_is_not_run_again(half, monkeypatch):
    folder, _, _, found = half

    def ran(*args):
        raise AssertionError("it was run")

    monkeypatch.setattr(progress, "rehearse", ran)
    assert repr(progress(folder)) == repr(found)
    with pytest.raises(AssertionError, match="it was run"):
        progress(folder, again=True)
    (path,) = folder.glob("my own/*.ipynb")
    kept = path.read_bytes()
    try:
        path.write_bytes(kept.replace(b"eps=1e-6", b"eps=1e-5"))
        with pytest.raises(AssertionError, match="it was run"):
            progress(folder)
        # An answer in words is no code: it is read, and nothing is run.
        path.write_bytes(kept.replace(b"Because it shares no step with my derivation.", b""))
        assert by_name(progress(folder), "ps0_warmup")[1]["why_trust_it"].state == "open"
    finally:
        path.write_bytes(kept)


def test_it_is_shown_as_text_and_as_a_page(half, monkeypatch, capsys):
    found = half[3]
    text = repr(found)
    assert "✓ softmax" in text and "✗ numeric_gradient" in text and "\nNext: mend" in text
    page = found._repr_html_()
    assert page.count("<table>") == len(found.sets) and "<code>softmax</code>" in page
    monkeypatch.setitem(sys.modules, "rich.console", None)
    found.print()
    assert capsys.readouterr().out == f"{text}\n"
    monkeypatch.undo()
    found.print()
    assert "✓ softmax" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "rnncourse.progress"],
        ["-c", "from rnncourse import progress; print(progress())"],
        ["-c", "import rnncourse.progress as progress; print(progress())"],
    ],
)
def test_the_command_and_the_function_say_the_same(half, command):
    folder, *_, found = half
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder / "my own",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    # Paths are told from where one is.
    assert done.stdout.splitlines()[3:8] == repr(found).splitlines()[3:8]
    assert "Next: mend numeric_gradient in Warm-up, second try.ipynb" in done.stdout


def test_a_terminal_without_the_marks_gets_the_rest(half):
    done = subprocess.run(
        [sys.executable, "-m", "rnncourse.progress", "--assignments", str(half[0])],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        encoding="ascii",
    )
    assert done.returncode == 0 and "? softmax" in done.stdout


# --- notebooks that misbehave ---------------------------------------------------------------------


def test_a_cell_that_does_not_end_costs_only_its_exercise(tmp_path):
    path = write(
        tmp_path / "ps0_warmup.ipynb",
        IMPORTS,
        "def softmax(scores, dim=-1):\n    while True:\n        pass",
        'check("softmax", softmax)',
        FORWARD,
        'check("numeric_gradient", numeric_gradient)',
    )
    result = run(path, cell_limit=1.5)
    assert list(result["reports"]) == ["numeric_gradient"] and result["ended"] is None
    assert result["unchecked"] == {"softmax": "stopped after 1.5 s"}


def test_a_notebook_that_ends_its_process_keeps_what_was_checked(tmp_path):
    pid = tmp_path / "pid"
    path = write(
        tmp_path / "ps0_warmup.ipynb",
        IMPORTS,
        SOFTMAX,
        'check("softmax", softmax)',
        "import subprocess, os\n"
        f"open({str(pid)!r}, 'w').write(str(subprocess.Popen(['sleep', '600']).pid))",
        "os._exit(3)",
        FORWARD,
    )
    result = run(path)
    assert list(result["reports"]) == ["softmax"]
    assert result["ended"] == "the notebook ended its own process"
    for _ in range(50):
        state = Path("/proc", pid.read_text(), "stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break
        time.sleep(0.1)
    else:
        raise AssertionError("what the notebook started is still there")


def test_a_notebook_that_takes_too_long_is_stopped(tmp_path):
    result = run(write(tmp_path / "ps0_warmup.ipynb", IMPORTS), limit=0.2)
    assert result["ended"] == "the notebook was stopped after 0.2 s"


def test_each_failure_is_told_in_words(tmp_path):
    folder = tmp_path / "assignments"
    write(
        folder / "ps0_warmup" / "ps0_warmup.ipynb",
        IMPORTS,
        "import torhc  # <b>",
        "def softmax(scores dim):\n    pass",
        'check("softmax", softmax)',
        "input()",
        "exit()",
        title="<script>",
    )
    found = progress(folder, limit=120)
    one, steps = by_name(found, "ps0_warmup")
    assert steps["softmax"].words.startswith("its cell fails: SyntaxError: ")
    assert steps["numeric_gradient"].words == "not in the notebook: was it renamed or deleted?"
    assert one.notes[0].startswith("the cell that begins with `import torhc  # <b>` fails: Module")
    assert one.notes[1].startswith("the cell that begins with `input()` fails: ")
    assert "Traceback" not in repr(found)
    page = found._repr_html_()
    assert "<b>`" not in page and "<script>" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"not JSON", "its JSON cannot be read"),
        (b"[" * 100_000, "its JSON cannot be read"),
        (b"[1, 2]", "no notebook of today's format"),
        (b'{"worksheets": []}', "no notebook of today's format"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (None, "it is no file"),
    ],
)
def test_a_file_that_is_no_notebook(tmp_path, content, words):
    path = tmp_path / "ps0_warmup.ipynb"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_cells(path)
    found = find_notebooks(tmp_path, exercises())
    assert words in found["ps0_warmup"].problem


@pytest.mark.parametrize("cells", [[None, 3], [{"source": 4, "metadata": []}], [{}]])
def test_odd_cells_are_harmless(tmp_path, cells):
    path = tmp_path / "ps0_warmup.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    one = find_notebooks(tmp_path, exercises())["ps0_warmup"]
    assert one.problem is None and one.questions == [] and one.title == "ps0_warmup"


# --- which notebook, which folder -----------------------------------------------------------------


def test_of_several_notebooks_the_one_that_was_given_out_counts(tmp_path):
    check = 'check("softmax", softmax)'
    own = write(tmp_path / "ps0_warmup" / "ps0_warmup.ipynb", check)
    write(tmp_path / "ps0_warmup" / "ps0_warmup-Copy1.ipynb", check)
    write(tmp_path / "ps0_warmup" / ".ipynb_checkpoints" / "ps0_warmup.ipynb", check)
    found = find_notebooks(tmp_path, exercises())["ps0_warmup"]
    assert found.path == own and len(found.others) == 1
    own.write_text("{")
    found = find_notebooks(tmp_path, exercises())["ps0_warmup"]
    assert found.path != own and [one.path for one in found.others] == [own]


def test_the_nearest_folder_is_taken(tmp_path, monkeypatch):
    inside = tmp_path / "assignments" / "ps0_warmup"
    mine = tmp_path / "class" / "submitted" / "me" / "ps0_warmup"
    for one in (inside, mine, tmp_path / "course"):
        one.mkdir(parents=True)
    for where, folder in (
        (inside, inside.parent),
        (tmp_path / "course", inside.parent),
        (tmp_path, inside.parent),
        (mine, mine.parent),
    ):
        monkeypatch.chdir(where)
        assert progress.find_folder() == folder


def test_without_problem_sets_it_says_so(tmp_path, monkeypatch, capsys):
    assert progress.main(["progress", "--assignments", str(tmp_path / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert progress.main(["progress", "--assignments", "empty"]) == 0
    assert "there is no problem set in empty" in capsys.readouterr().out
    assert [one.name for one in tmp_path.iterdir()] == ["empty"]


# --- what is remembered ---------------------------------------------------------------------------


def fake(notebook, asked, limit):
    return {"reports": {}, "failed": {}, "unchecked": {}, "ended": None, "at": 0}


@pytest.mark.parametrize("content", ['{"a": 1}', "my notes", "[]"])
def test_a_file_of_that_name_that_is_not_ours_is_left_alone(tmp_path, monkeypatch, content):
    monkeypatch.setattr(progress, "rehearse", fake)
    write(tmp_path / "assignments" / "ps0_warmup.ipynb", IMPORTS)
    (tmp_path / "progress.json").write_text(content)
    found = progress(tmp_path / "assignments")
    assert (tmp_path / "progress.json").read_text() == content
    assert "is left as it is" in found.notes[-1]


def test_where_nothing_can_be_written_it_goes_on_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "rehearse", fake)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    write(tmp_path / "assignments" / "ps0_warmup.ipynb", IMPORTS)
    monkeypatch.setattr(Path, "write_text", refuse)
    found = progress(tmp_path / "assignments")
    assert len(found.sets) == 1 and "cannot be written: Permission denied" in found.notes[-1]


def test_what_was_cut_short_is_run_again(tmp_path, monkeypatch):
    runs = []

    def cut(notebook, asked, limit):
        runs.append(limit)
        return {**fake(notebook, asked, limit), "ended": "the notebook was stopped"}

    monkeypatch.setattr(progress, "rehearse", cut)
    write(tmp_path / "assignments" / "ps0_warmup.ipynb", IMPORTS)
    progress(tmp_path / "assignments", limit=3)
    progress(tmp_path / "assignments", limit=4)
    assert runs == [3, 4]


# --- the hidden tests -----------------------------------------------------------------------------


def test_the_library_does_not_import_the_grader():
    code = "import sys, rnncourse.progress; print([m for m in sys.modules if 'grader' in m])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[]\n"


def test_without_the_grader_it_says_what_is_missing(tmp_path, monkeypatch):
    path = write(tmp_path / "ps0_warmup.ipynb", IMPORTS)
    notebook = notebooks.Notebook(path, "ps0_warmup", read_cells(path))
    assert "solutions/ps0_warmup, which is not here" in grading.hidden_marks(notebook)["problem"]
    monkeypatch.setattr(grading.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'rnncourse[instructor]'" in grading.hidden_marks(notebook)["problem"]


@needs_jail
def test_the_hidden_tests_are_run_by_the_grader_and_nothing_else_is_touched(tmp_path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "solutions" / "ps0_warmup", tmp_path / "solutions" / "ps0_warmup")
    path = tmp_path / "assignments" / "ps0_warmup" / "ps0_warmup.ipynb"
    path.parent.mkdir(parents=True)
    detached = SOFTMAX.replace("    m =", "    scores = scores.detach()\n    m =")
    nbformat.write(released({"softmax": detached, "numeric-gradient": FORWARD}), path)
    before = files(tmp_path)
    found = progress(path.parents[1], grade=True, limit=170)
    one, steps = by_name(found, "ps0_warmup")
    assert one.graded and steps["numeric_gradient"].earned == 3.5
    assert steps["softmax"].earned == 5 and steps["softmax"].state == "begun"
    assert steps["softmax"].words == "all visible checks pass, 1 of the hidden tests fail"
    assert steps["softmax"].advice.startswith("You detach the scores")
    after = files(tmp_path)
    assert after.pop("progress.json") and before == after
    # The marks are remembered, and shown without being asked for.
    assert by_name(progress(path.parents[1]), "ps0_warmup")[0].graded
