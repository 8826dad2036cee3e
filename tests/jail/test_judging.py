"""The status of a cell and of its properties, as the judge sets it."""

import contextlib

import pytest
from conftest import needs_jail
from nbformat.v4 import new_code_cell, new_notebook

from autograder.judging.judge import Judge
from autograder.sandbox.limits import MB, Limits
from rnncourse.checks.status import Status

pytestmark = needs_jail

START = "import os, time\nimport torch\n\n"
BODY = "def elman_step(x, h, W_x, W_h, g=torch.tanh):\n    "
RIGHT = f"{START}{BODY}return g(x @ W_x + h @ W_h)"
WALLED = 'from autograder import grade\n\ngrade("elman_step", elman_step)'
LIMITS = Limits(call=3, cell=3, grace=2)


@pytest.fixture(scope="module")
def judge():
    hidden = ["rnncourse.reference.cells"]
    with contextlib.closing(Judge(hidden=hidden, limits=LIMITS)) as judge:
        yield judge


def notebook(answer: str, test: str):
    cell, locked = new_code_cell(answer), new_code_cell(test)
    cell.metadata["nbgrader"] = {"solution": True, "grade": False, "grade_id": "answer"}
    locked.metadata["nbgrader"] = {"solution": False, "grade": True, "grade_id": "t", "points": 4}
    return new_notebook(cells=[cell, locked])


def result_of(judge, answer, test):
    submitted, source = notebook(answer, test), notebook(RIGHT, test)
    return judge.grade(submitted, source, 1).cells[0]


BODIES = {
    "return g(x @ W_x + h @ W_h)": Status.PASSED,
    "return g(x @ W_x)": Status.FAILED,
    "return 1 / 0": Status.ERROR,
    "assert False": Status.ERROR,
    "raise NotImplementedError": Status.NOT_WRITTEN,
    "os._exit(3)": Status.CRASHED,
    "while True: pass": Status.TIMEOUT,
    # Only the judge knows whether a call was stopped.
    "raise type('Timeout', (Exception,), {})('it took too long')": Status.ERROR,
}


@pytest.mark.parametrize("body", BODIES)
def test_the_status_of_a_walled_test(judge, body):
    status = BODIES[body]
    cell = result_of(judge, START + BODY + body, WALLED)
    assert cell.status is status and not cell.in_sandbox
    assert (cell.points == 4) == (status is Status.PASSED)
    assert cell.properties and (cell.stopped_by is not None) == status.stopped
    assert status in {prop.status for prop in cell.properties}


def test_a_test_that_needs_too_much_memory_is_out_of_memory():
    body = (
        "for _ in range(4):\n"
        "        if os.fork() == 0:\n"
        "            large = torch.ones(75 << 20); time.sleep(60)\n"
        "    time.sleep(60)"
    )
    limits = Limits(call=30, memory=900 * MB)
    with contextlib.closing(Judge(limits=limits)) as judge:
        cell = result_of(judge, START + BODY + body, WALLED)
    assert cell.status is Status.OUT_OF_MEMORY
    assert cell.stopped_by == "your code used more than 900 MB of memory"


def test_a_name_that_is_not_there_is_not_defined(judge):
    cell = result_of(judge, START, WALLED)
    assert cell.status is Status.NOT_DEFINED and cell.points == 0
    assert all(prop.status is Status.NOT_DEFINED for prop in cell.properties)
    assert "your notebook does not define elman_step" in cell.properties[0].message


# A grading cell that calls the student's function itself, without `grade`.
DIRECT = "import autograder\n\nassert double(2) == 4"
DIRECT_BODIES = {
    "return 2 * x": (Status.PASSED, None),
    "return x": (Status.FAILED, ""),
    "return 1 / 0": (Status.ERROR, "ZeroDivisionError: division by zero"),
    "assert False": (Status.ERROR, "AssertionError"),
    "raise NotImplementedError": (Status.NOT_WRITTEN, "NotImplementedError"),
    "os._exit(3)": (Status.CRASHED, "the process that ran your code ended itself"),
    "while True: pass": (Status.TIMEOUT, "Timeout: it took too long"),
}


@pytest.mark.parametrize("body", DIRECT_BODIES)
def test_the_status_of_a_test_of_ones_own(judge, body):
    status, message = DIRECT_BODIES[body]
    submitted = notebook(f"import os\n\ndef double(x):\n    {body}", DIRECT)
    cell = judge.grade(submitted, notebook("def double(x): pass", DIRECT), 1).cells[0]
    assert cell.status is status
    assert (cell.points == 4) == (status is Status.PASSED)
    assert cell.stopped_by is None or status.stopped
    assert message is None or (cell.message or "").startswith(message)


IN_SANDBOX = {
    "x = 1": (Status.PASSED, 4),
    "assert False": (Status.FAILED, 0),
    "raise NotImplementedError": (Status.NOT_WRITTEN, 0),
    "1 / 0": (Status.ERROR, 0),
    "import os; os._exit(3)": (Status.CRASHED, 0),
    "while True: pass": (Status.TIMEOUT, 0),
}


@pytest.mark.parametrize("test", IN_SANDBOX)
def test_the_status_of_a_test_beside_the_students_code(judge, test):
    status, points = IN_SANDBOX[test]
    cell = result_of(judge, RIGHT, test)
    assert (cell.status, cell.points, cell.in_sandbox) == (status, points, True)
    assert (cell.message is None) == (status is Status.PASSED)
    assert (cell.stopped_by is not None) == status.stopped


def test_an_answer_for_a_person_is_not_graded(judge):
    submitted = notebook("", "x = 1")
    submitted.cells[1].metadata["nbgrader"]["solution"] = True
    cell = judge.grade(submitted, submitted, 1).cells[0]
    assert (cell.status, cell.points, cell.in_sandbox) == (Status.NOT_GRADED, None, False)
