"""rnncourse progress: it shows a reader's status, and touches nothing of theirs."""

import hashlib
import inspect
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

import rnncourse
from rnncourse import cli, progress
from rnncourse import files as files_module
from rnncourse.exercises import exercises
from rnncourse.selfstudy import hidden_marks as grading
from rnncourse.selfstudy import progress as progress_module
from rnncourse.selfstudy.notebook_runner import run_notebook
from rnncourse.selfstudy.notebooks import Notebook, find_notebooks, read_cells
from rnncourse.selfstudy.protocol import NotebookRun, decode_event

pytestmark = pytest.mark.notebooks

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
WARMUP = [exercise for exercise in exercises().values() if exercise.problem_set == "ps0_warmup"]


def released(answers: dict[str, str]) -> nbformat.NotebookNode:
    """The warm-up as students get it, with some cells filled in."""
    notebook = nbformat.read(ROOT / "assignments/ps0_warmup/ps0_warmup.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    return notebook


def write(path: Path, *cells: str, title: str = "A title") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    code = [new_code_cell(source) for source in cells]
    nbformat.write(new_notebook(cells=[new_markdown_cell(f"# {title}"), *code]), path)
    return path


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder, with a digest of what it holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run(path: Path, **limits: float) -> NotebookRun:
    notebook = Notebook(path, "ps0_warmup", read_cells(path))
    return run_notebook(notebook, WARMUP, **{"limit": 120, **limits})


# --- a folder in which some things are done, and some are broken ----------------------------------


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """The folder, its files before and after, and its status."""
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
    status = progress(folder, limit=170)
    return folder, before, files(place), status


def by_name(status, name):
    (problem_set,) = [each for each in status.sets if each.name == name]
    return problem_set, {step.name: step for step in problem_set.steps}


def test_every_exercise_has_its_line(half):
    warmup, steps = by_name(half[3], "ps0_warmup")
    assert warmup.title == "Problem set 0: warm-up" and not warmup.graded
    assert list(steps) == ["softmax", "numeric_gradient", "why_trust_it"]
    assert (steps["softmax"].state, steps["softmax"].earned) == ("done", 3.5)
    assert steps["numeric_gradient"].status == "4 of 5 visible checks pass"
    assert "forward only" in steps["numeric_gradient"].advice
    assert steps["why_trust_it"].status.startswith("answered")
    assert warmup.notes == []


def test_what_to_do_next(half):
    assert half[3].next.startswith("fix numeric_gradient in ")
    assert "Warm-up, second try.ipynb" in half[3].next


def test_a_broken_notebook_gets_a_clear_line(half):
    problem_set, steps = by_name(half[3], "ps1_cells")
    assert len(problem_set.notes) == 1 and "its JSON cannot be read" in problem_set.notes[0]
    assert {step.status for step in steps.values()} == {"unknown"}


def test_nothing_of_the_readers_is_changed_or_added(half):
    _, before, after, _ = half
    assert after.pop("progress.json")
    assert before == after


def test_what_has_not_changed_is_not_run_again(half, monkeypatch):
    folder, _, _, status = half

    def ran(*args):
        raise AssertionError("it was run")

    monkeypatch.setattr(progress_module, "run_notebook", ran)
    assert repr(progress(folder)) == repr(status)
    with pytest.raises(AssertionError, match="it was run"):
        progress(folder, again=True)
    (path,) = folder.glob("my own/*.ipynb")
    content = path.read_bytes()
    try:
        path.write_bytes(content.replace(b"eps=1e-6", b"eps=1e-5"))
        with pytest.raises(AssertionError, match="it was run"):
            progress(folder)
        # An answer in words is not code: it is read, and nothing is run.
        path.write_bytes(content.replace(b"Because it shares no step with my derivation.", b""))
        assert by_name(progress(folder), "ps0_warmup")[1]["why_trust_it"].state == "open"
    finally:
        path.write_bytes(content)


def test_it_is_shown_as_text_and_as_a_page(half, monkeypatch, capsys):
    status = half[3]
    text = repr(status)
    assert "✓ softmax" in text and "✗ numeric_gradient" in text and "\nNext: fix" in text
    page = status._repr_html_()
    assert page.count("<table>") == len(status.sets) and "<code>softmax</code>" in page
    monkeypatch.setitem(sys.modules, "rich.console", None)
    status.print()
    assert capsys.readouterr().out == f"{text}\n"
    monkeypatch.undo()
    status.print()
    assert "✓ softmax" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "rnncourse.cli", "progress"],
        ["-c", "from rnncourse import progress; print(progress())"],
        ["-c", "import rnncourse; print(rnncourse.progress())"],
    ],
)
def test_the_command_and_the_function_say_the_same(half, command):
    folder, *_, status = half
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder / "my own",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    # Paths are relative to the current folder.
    assert done.stdout.splitlines()[3:8] == repr(status).splitlines()[3:8]
    assert "Next: fix numeric_gradient in Warm-up, second try.ipynb" in done.stdout


def test_a_terminal_without_the_marks_gets_the_rest(half):
    done = subprocess.run(
        [sys.executable, "-m", "rnncourse.cli", "progress", "--assignments", str(half[0])],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        encoding="ascii",
    )
    assert done.returncode == 0 and "? softmax" in done.stdout


def test_in_a_notebook_shift_tab_shows_the_parameters():
    assert list(inspect.signature(progress).parameters)[:2] == ["assignments", "grade"]


def test_the_version(capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"{rnncourse.__version__}\n"


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
    assert list(result.results) == ["numeric_gradient"] and result.stopped is None
    assert result.failed_checks == {"softmax": "stopped after 1.5 s"}


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
    assert list(result.results) == ["softmax"]
    assert result.stopped == "the notebook ended its own process"
    for _ in range(50):
        state = Path("/proc", pid.read_text(), "stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break
        time.sleep(0.1)
    else:
        raise AssertionError("what the notebook started is still there")


def test_a_notebook_that_takes_too_long_is_stopped(tmp_path):
    result = run(write(tmp_path / "ps0_warmup.ipynb", IMPORTS), limit=0.2)
    assert result.stopped == "the notebook was stopped after 0.2 s"


def test_each_failure_is_described_in_words(tmp_path):
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
    status = progress(folder, limit=120)
    warmup, steps = by_name(status, "ps0_warmup")
    assert steps["softmax"].status.startswith("its cell fails: SyntaxError: ")
    assert steps["numeric_gradient"].status == "not in the notebook: was it renamed or deleted?"
    first, second, *_ = warmup.notes
    assert first.startswith("the cell that begins with `import torhc  # <b>` fails: Module")
    assert second.startswith("the cell that begins with `input()` fails: ")
    assert "Traceback" not in repr(status)
    page = status._repr_html_()
    assert "<b>`" not in page and "<script>" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"not JSON", "its JSON cannot be read"),
        (b"[" * 100_000, "its JSON cannot be read"),
        (b"[1, 2]", "not a notebook in the current format"),
        (b'{"worksheets": []}', "not a notebook in the current format"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (None, "it is not a file"),
    ],
)
def test_a_file_that_is_not_a_notebook(tmp_path, content, words):
    path = tmp_path / "ps0_warmup.ipynb"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_cells(path)
    notebooks = find_notebooks(tmp_path, exercises())
    assert words in notebooks["ps0_warmup"].problem


@pytest.mark.parametrize("cells", [[None, 3], [{"source": 4, "metadata": []}], [{}]])
def test_odd_cells_are_harmless(tmp_path, cells):
    path = tmp_path / "ps0_warmup.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    notebook = find_notebooks(tmp_path, exercises())["ps0_warmup"]
    assert notebook.problem is None and notebook.questions == []
    assert notebook.title == "ps0_warmup"


# --- which notebook, which folder -----------------------------------------------------------------


def test_of_several_notebooks_the_one_that_was_released_counts(tmp_path):
    check = 'check("softmax", softmax)'
    own = write(tmp_path / "ps0_warmup" / "ps0_warmup.ipynb", check)
    write(tmp_path / "ps0_warmup" / "ps0_warmup-Copy1.ipynb", check)
    write(tmp_path / "ps0_warmup" / ".ipynb_checkpoints" / "ps0_warmup.ipynb", check)
    notebook = find_notebooks(tmp_path, exercises())["ps0_warmup"]
    assert notebook.path == own and len(notebook.duplicates) == 1
    own.write_text("{")
    notebook = find_notebooks(tmp_path, exercises())["ps0_warmup"]
    assert notebook.path != own and [each.path for each in notebook.duplicates] == [own]


def test_the_nearest_folder_is_taken(tmp_path, monkeypatch):
    inside = tmp_path / "assignments" / "ps0_warmup"
    mine = tmp_path / "class" / "submitted" / "me" / "ps0_warmup"
    for folder in (inside, mine, tmp_path / "course"):
        folder.mkdir(parents=True)
    for current, folder in (
        (inside, inside.parent),
        (tmp_path / "course", inside.parent),
        (tmp_path, inside.parent),
        (mine, mine.parent),
    ):
        monkeypatch.chdir(current)
        assert progress_module.find_folder() == folder


def test_without_problem_sets_it_says_so(tmp_path, monkeypatch, capsys):
    assert cli.main(["progress", "--assignments", str(tmp_path / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert cli.main(["progress", "--assignments", "empty"]) == 0
    assert "there is no problem set in empty" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


# --- what is remembered ---------------------------------------------------------------------------


def fake(notebook, exercises, limit):
    return NotebookRun(results={}, failed_cells={}, failed_checks={})


@pytest.mark.parametrize("content", ['{"a": 1}', "my notes", "[]"])
def test_a_file_of_that_name_that_is_not_ours_is_left_unchanged(tmp_path, monkeypatch, content):
    monkeypatch.setattr(progress_module, "run_notebook", fake)
    write(tmp_path / "assignments" / "ps0_warmup.ipynb", IMPORTS)
    (tmp_path / "progress.json").write_text(content)
    status = progress(tmp_path / "assignments")
    assert (tmp_path / "progress.json").read_text() == content
    assert "it is left unchanged" in status.notes[-1]


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_broken_file_of_ours_is_replaced(tmp_path, monkeypatch, share):
    """By a killed writer or a full disk: what it held is only computed again."""
    monkeypatch.setattr(progress_module, "run_notebook", fake)
    write(tmp_path / "assignments" / "ps0_warmup.ipynb", IMPORTS)
    cache = tmp_path / "progress.json"
    status = progress(tmp_path / "assignments")
    whole = cache.read_text()
    cache.write_text(whole[: int(share * len(whole))])
    assert repr(progress(tmp_path / "assignments")) == repr(status)
    assert cache.read_text() == whole


@pytest.mark.parametrize(
    "results", [[], {"run assignments/ps0_warmup": 3}, {"run assignments/ps0_warmup": {"key": 1}}]
)
def test_malformed_results_count_as_absent(tmp_path, monkeypatch, results):
    monkeypatch.setattr(progress_module, "run_notebook", fake)
    write(tmp_path / "assignments" / "ps0_warmup.ipynb", IMPORTS)
    content = {"made_by": progress_module.MADE_BY, "results": results}
    (tmp_path / "progress.json").write_text(json.dumps(content))
    assert len(progress(tmp_path / "assignments").sets) == 1


@pytest.mark.parametrize("data", [{}, {"results": []}, {**fake(0, 0, 0).to_dict(), "results": [3]}])
def test_a_malformed_run(data):
    with pytest.raises(ValueError, match="malformed"):
        NotebookRun.from_dict(data)


@pytest.mark.parametrize(
    "line", ["", "{", "3", "{}", '{"event": "checked"}', '{"event": "cell_failed", "x": 1}']
)
def test_a_malformed_event_is_ignored(line):
    assert decode_event(line) is None


def test_where_nothing_can_be_written_it_goes_on_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_module, "run_notebook", fake)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    write(tmp_path / "assignments" / "ps0_warmup.ipynb", IMPORTS)
    monkeypatch.setattr(files_module, "write_bytes", refuse)
    status = progress(tmp_path / "assignments")
    assert len(status.sets) == 1 and "cannot be written: Permission denied" in status.notes[-1]


def test_what_was_cut_short_is_run_again(tmp_path, monkeypatch):
    limits = []

    def cut(notebook, exercises, limit):
        limits.append(limit)
        return NotebookRun({}, {}, {}, stopped="the notebook was stopped")

    monkeypatch.setattr(progress_module, "run_notebook", cut)
    write(tmp_path / "assignments" / "ps0_warmup.ipynb", IMPORTS)
    progress(tmp_path / "assignments", limit=3)
    progress(tmp_path / "assignments", limit=4)
    assert limits == [3, 4]


# --- the hidden tests -----------------------------------------------------------------------------


def test_the_library_does_not_import_the_grader():
    code = "import sys; from rnncourse import progress; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "rnncourse" in done.stdout and "grader" not in done.stdout


def test_without_the_grader_it_says_what_is_missing(tmp_path, monkeypatch):
    path = write(tmp_path / "ps0_warmup.ipynb", IMPORTS)
    notebook = Notebook(path, "ps0_warmup", read_cells(path))
    assert "solutions/ps0_warmup, which is not here" in grading.hidden_marks(notebook).problem
    monkeypatch.setattr(grading.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'rnncourse[instructor]'" in grading.hidden_marks(notebook).problem


@needs_jail
def test_the_hidden_tests_are_run_by_the_grader_and_nothing_else_is_touched(tmp_path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "solutions" / "ps0_warmup", tmp_path / "solutions" / "ps0_warmup")
    path = tmp_path / "assignments" / "ps0_warmup" / "ps0_warmup.ipynb"
    path.parent.mkdir(parents=True)
    detached = SOFTMAX.replace("    m =", "    scores = scores.detach()\n    m =")
    nbformat.write(released({"softmax": detached, "numeric-gradient": FORWARD}), path)
    before = files(tmp_path)
    status = progress(path.parents[1], grade=True, limit=170)
    warmup, steps = by_name(status, "ps0_warmup")
    assert warmup.graded and steps["numeric_gradient"].earned == 3.5
    assert steps["softmax"].earned == 5 and steps["softmax"].state == "begun"
    assert steps["softmax"].status == "all visible checks pass, 1 of the hidden tests fail"
    assert steps["softmax"].advice.startswith("You detach the scores")
    after = files(tmp_path)
    assert after.pop("progress.json") and before == after
    # The marks are remembered, and shown without being asked for.
    assert by_name(progress(path.parents[1]), "ps0_warmup")[0].graded
