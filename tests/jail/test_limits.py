"""Every limit stops code that would exceed it, and says so; the documentation lists them all."""

import contextlib
import importlib
import inspect
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from conftest import ROOT, needs_jail

from autograder.jailed import limits as jailed_limits
from autograder.jailed.rpc import RemoteError
from autograder.judging.session import WorkerLost
from autograder.judging.student_process import StudentProcess
from autograder.sandbox import limits
from autograder.sandbox.jail import Jail
from autograder.sandbox.limits import LIMITS, Limits
from autograder.submissions.collect import read_file
from autograder.submissions.model import Unreadable

MB = 1 << 20


@pytest.fixture(scope="module")
def jail():
    jail = Jail("auto")
    yield jail
    jail.close()


def shown(outputs: list[dict]) -> str:
    return "\n".join(
        str(output.get("text") or output.get("evalue") or output) for output in outputs
    )


# Limits to set, what a student's cell does, and what the student then reads.
CELLS = {
    "cell": (dict(cell=0.5), "while True: pass", "this cell was stopped after 0.5 s"),
    "cpu_time": (
        dict(cpu_time=1, cell=30),
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        "more than 1 s of processor time",
    ),
    "memory": (
        dict(memory=700 * MB),
        "import torch\nkept = [torch.ones(1 << 24) for _ in range(99)]",
        "memory",
    ),
    "memory of all": (
        dict(memory=900 * MB, processes=16),
        "import os, time, torch\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n        kept = torch.ones(75 * (1 << 20)); time.sleep(60)\n"
        "time.sleep(60)",
        "your code used more than 900 MB of memory",
    ),
    "processes": (
        dict(processes=8),
        "import os, time\n"
        "for _ in range(20):\n    if os.fork() == 0: time.sleep(60)\n"
        "time.sleep(60)",
        "your code started more than 8 processes",
    ),
    "open_files": (
        dict(open_files=64),
        "kept = [open('/dev/null') for _ in range(99)]",
        "Too many open files",
    ),
    "file_size": (
        dict(file_size=1 * MB),
        "open('large', 'wb').write(b'x' * (2 << 20))",
        "File too large",
    ),
    "scratch_size": (
        dict(file_size=LIMITS.scratch_size),
        "for n in range(9):\n    open(f'part-{n}', 'wb').write(b'x' * (30 << 20))",
        "No space left on device",
    ),
    "output of a cell": (
        {},
        "for _ in range(9): print('x' * 100_000)",
        "the output of a cell was too long and has been cut",
    ),
    "outputs_size": (
        dict(outputs_size=1000),
        "print('x' * 2000)",
        "the notebook's outputs were too long and have been left out",
    ),
    "submission": (
        dict(submission=0.0),
        "print('too late')",
        "the 0 s of the whole notebook were used up: this cell was not run",
    ),
}


@needs_jail
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_meets_its_limit_and_the_student_is_told(jail, name):
    changes, source, says = CELLS[name]
    submission = StudentProcess(jail, 1, {}, replace(LIMITS, grace=0.5, **changes))
    try:
        said = shown(submission.run_cell(source).outputs) + "\n".join(submission.notes)
        assert says in said
    finally:
        submission.close()


# Limits to set, the body of the called function, how often it is called, the last message.
CALLS = {
    "call": (dict(call=0.5), "while True: pass", 1, "Timeout: it took too long"),
    "call_after_timeout": (
        dict(call=0.5, call_after_timeout=0.1),
        "while True: pass",
        2,
        "Timeout: it took too long",
    ),
    "grace": (
        dict(call=0.3, grace=0.1),
        "import signal\n    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    while True: pass",
        1,
        "your code took too long and could not be interrupted",
    ),
    "grade_cell": (
        dict(call=9, grade_cell=0.6),
        "import time; time.sleep(0.4)",
        2,
        "the time for all tests together is used up",
    ),
    "max_restarts": (
        dict(max_restarts=2),
        "import os; os._exit(0)",
        4,
        "your notebook ended its process too often; the rest was not run",
    ),
    "message": ({}, "return b'x' * (33 << 20)", 1, "the result is more than 32 MB of data"),
    "depth": ({}, "a = []; a.append(a); return a", 1, "nested more than 50 deep"),
}


@needs_jail
@pytest.mark.parametrize("name", CALLS)
def test_a_call_meets_its_limit_and_the_student_is_told(jail, name):
    changes, body, times, says = CALLS[name]
    submission = StudentProcess(jail, 1, {}, replace(LIMITS, **{"grace": 1.0, **changes}))
    try:
        submission.run_cell(f"def f():\n    {body}\n")

        # Only one crash is allowed in a grading cell: the restarts are counted across cells.
        with contextlib.nullcontext() if name == "max_restarts" else submission.tests():
            for _ in range(times):
                with pytest.raises((WorkerLost, RemoteError)) as raised:
                    while True:
                        submission.values(["f"])["f"]()
        assert says in str(raised.value)
    finally:
        submission.close()


def test_files_that_are_too_large_are_refused_in_words(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * (3 * MB))
    with pytest.raises(Unreadable, match="it has 3 MB; at most 2 are read"):
        read_file(tmp_path / "large", 2 * MB)


# --- the documentation ----------------------------------------------------------------------------


def documented() -> dict[str, str]:
    """The table of limits in docs/security.md: name → value."""
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = text.split("## Limits")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", table, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    return dict(rows)


def value_of(name: str) -> float:
    """`call` is a field of Limits; `jailed.limits.MAX_DEPTH` a constant of a module."""
    if "." not in name:
        return getattr(LIMITS, name)
    module, constant = name.rsplit(".", 1)
    return getattr(importlib.import_module(f"autograder.{module}"), constant)


def test_the_documentation_lists_every_limit_as_it_is():
    table = documented()
    assert {limit.name for limit in fields(Limits)} <= table.keys()
    for module in (limits, jailed_limits):
        prefix = module.__name__.removeprefix("autograder.")
        constants = {f"{prefix}.{name}" for name in vars(module) if name.startswith("MAX_")}
        assert constants <= table.keys()
    for name, value in table.items():
        number, *unit = value.replace(",", "").split()
        assert value_of(name) == float(number) * (MB if unit[:1] == ["MB"] else 1), name


def test_the_limits_that_are_elsewhere_are_there():
    for name in re.findall(r"^- `([\w.]+)`", inspect.getdoc(limits), re.MULTILINE):
        module, constant = name.rsplit(".", 1)
        assert hasattr(importlib.import_module(module), constant), name


def test_no_limit_is_left_without_a_test():
    """Limits that are tested in other files, and where."""
    elsewhere = {
        "judge_memory": "tests/attacks/huge_views.py",
        "notebook_size": "tests/jail/test_bad_input.py",
        "extra_files_size": "tests/jail/test_bad_input.py",
    }
    assert {limit.name for limit in fields(Limits)} <= {*CELLS, *CALLS, *elsewhere}
    assert all(Path(ROOT, path).exists() for path in elsewhere.values())
