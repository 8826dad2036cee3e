"""Calls and gradients across the wall, and what happens when a worker misbehaves."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from conftest import ROOT, needs_jail

import rnncourse
from autograder.jailed import frames
from autograder.jailed.rpc import RemoteError
from autograder.judging.problem_set import hidden_modules
from autograder.judging.session import WorkerLost
from autograder.judging.student_process import StudentProcess
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.jail import Jail, JailError, choose
from autograder.sandbox.limits import LIMITS
from autograder.sandbox.staging import stage
from rnncourse.checks.remote import remote

pytestmark = needs_jail

# Long enough for a busy machine: an honest call must not run out of time.
QUICK = replace(LIMITS, call=3.0, cell=3.0, grace=0.5, memory=1 << 30, processes=16)


@pytest.fixture(scope="module", params=["direct", "relayed"])
def jail(request):
    """A jail with whose worker the judge speaks directly, and one that relays, as containers do."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "relayed":
            patch.setattr(Bubblewrap, "passes_sockets", False)
        jail = Jail("auto", hidden=["rnncourse.reference.cells"], forbid=["torch.nn.LSTM"])
    yield jail
    jail.close()


@pytest.fixture
def student(jail):
    """run(source, *names): run a cell, then the named functions as the tests see them."""
    submissions = []

    def run(source: str, *names: str):
        submission = StudentProcess(jail, 1, {}, QUICK)
        submissions.append(submission)
        run.submission = submission
        run.outputs = submission.run_cell("import torch\nfrom torch import nn\n" + source).outputs
        space = submission.values(names)
        return space[names[0]] if len(names) == 1 else [space[name] for name in names]

    yield run
    for submission in submissions:
        submission.close()


def normal(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def test_values_cross_both_ways(student):
    f = student("def f(x, *rest, **more):\n    return x * 2, rest, more", "f")
    x = normal(2, 3)
    doubled, rest, more = f(x, [1, "a"], None, key=(True, 2.5))
    assert torch.equal(doubled, 2 * x)
    assert rest == ([1, "a"], None) and more == {"key": (True, 2.5)}


def test_data_crosses_by_name(student):
    assert student("answer = {'lstm': {'A', 'B'}, 'n': [1, 2.5]}", "answer") == {
        "lstm": {"A", "B"},
        "n": [1, 2.5],
    }


def test_gradients_cross(student):
    f = student("def f(x, W):\n    return torch.tanh(x @ W)", "f")
    x, W = normal(2, 3).requires_grad_(), normal(3, 4).requires_grad_()
    result = f(x, W)
    gradients = torch.autograd.grad((result * normal(2, 4)).sum(), [x, W])
    expected = torch.autograd.grad((torch.tanh(x @ W) * normal(2, 4)).sum(), [x, W])
    for gradient, correct in zip(gradients, expected, strict=True):
        assert torch.allclose(gradient, correct)


def test_a_result_that_does_not_depend_on_an_input_has_no_gradient_for_it(student):
    f = student("def f(x, y):\n    return x * 2", "f")
    x, y = normal(2).requires_grad_(), normal(2).requires_grad_()
    gx, gy = torch.autograd.grad(f(x, y).sum(), [x, y], allow_unused=True)
    assert gx is not None and gy is None


def test_a_detached_result_has_no_graph(student):
    f = student("def f(x):\n    return x.detach() * 2", "f")
    assert not f(normal(2).requires_grad_()).requires_grad


def test_callbacks_cross_with_gradients(student):
    unroll = student(
        "def unroll(step, xs, state):\n"
        "    hs = []\n"
        "    for t in range(xs.shape[1]):\n"
        "        state = step(xs[:, t], state)\n"
        "        hs.append(state)\n"
        "    return torch.stack(hs, 1), state",
        "unroll",
    )
    W = normal(3, 3).requires_grad_()
    xs, h = normal(2, 4, 3).requires_grad_(), normal(2, 3).requires_grad_()

    def step(x, state):
        return torch.tanh(x + state @ W)

    hs, last = unroll(step, xs, h)
    (hs.square().sum() + last.sum()).backward()
    gradients = [tensor.grad.clone() for tensor in (W, xs, h)]
    W.grad = xs.grad = h.grad = None
    state, states = h, []
    for t in range(4):
        state = step(xs[:, t], state)
        states.append(state)
    (torch.stack(states, 1).square().sum() + state.sum()).backward()
    for gradient, correct in zip(gradients, (W.grad, xs.grad, h.grad), strict=True):
        assert torch.allclose(gradient, correct)


def test_an_error_of_a_callback_reaches_the_student(student):
    f = student(
        "def f(g):\n    try:\n        g()\n    except Exception as error:\n"
        "        return str(error)",
        "f",
    )

    def g():
        raise ValueError("no")

    assert "no" in f(g)


def test_modules_cross_with_parameters_and_their_gradients(student):
    Net = student(
        "class Net(nn.Module):\n"
        "    def __init__(self, D, H):\n"
        "        super().__init__()\n"
        "        self.W = nn.Parameter(torch.zeros(D, H))\n"
        "    def forward(self, x):\n"
        "        return x @ self.W",
        "Net",
    )
    net = Net(3, 4)
    W, x = normal(3, 4), normal(2, 3)
    net.load_state_dict({"W": W})
    net.double()
    net.load_state_dict({"W": W})
    net(x).sum().backward()
    parameters = dict(net.named_parameters())
    assert list(parameters) == ["W"] and parameters["W"].requires_grad
    assert torch.allclose(parameters["W"].grad, x.sum(0)[:, None].expand(3, 4))
    assert torch.equal(net.W, W)


def test_what_a_call_does_to_its_arguments_is_done_to_ours(student):
    f = student(
        "def f(x, items, table, leaf):\n"
        "    x += 1\n    items.append(3)\n    del table['a']\n    table['b'] = 2\n"
        "    leaf.grad *= 2",
        "f",
    )
    x, items, table = normal(2), [1], {"a": 1}
    before, leaf = x.clone(), torch.ones(2, requires_grad=True)
    leaf.grad = torch.ones(2)
    f(x, items, table, leaf)
    assert torch.equal(x, before + 1) and items == [1, 3] and table == {"b": 2}
    assert torch.equal(leaf.grad, torch.tensor([2.0, 2.0]))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("raise ValueError('bad')", "ValueError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return f(x)", "RecursionError"),
        ("return nn.LSTM(2, 3)", "ForbiddenError"),
        ("import rnncourse.reference.cells", "ImportError"),
        ("return x.to_sparse()", "TypeError"),
        ("return 2 ** 100", "TypeError"),
    ],
)
def test_what_the_code_raises_comes_back_by_name(student, body, name):
    f = student(f"def f(x):\n    {body}", "f")
    with pytest.raises(RemoteError) as caught:
        f(normal(2))
    assert caught.value.student_type == name
    # The next call finds the process as it was.
    assert student.submission.values(["f"])["f"] is not None


def test_the_line_that_raised_is_named(student):
    f = student("def f(x):\n    y = x\n    return y @ x", "f")
    with pytest.raises(RemoteError) as caught:
        f(normal(2, 3))
    assert "return y @ x" in caught.value.student_where


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import torch\n    while True: torch.ones(9) + 1",
    ],
)
def test_an_endless_call_is_interrupted_and_the_process_lives(student, body):
    f = student(f"calls = []\ndef f():\n    calls.append(1)\n    {body}\ndef g(): return 7", "f")
    with pytest.raises(RemoteError, match="Timeout"):
        f()
    submission = student.submission
    assert submission.values(["g"])["g"]() == 7
    assert submission.values(["calls"])["calls"] == [1]


def test_a_call_that_will_not_be_interrupted_is_ended_and_the_notebook_runs_again(student):
    f, g = student(
        "def f():\n"
        "    import signal\n"
        "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "    while True: pass\n"
        "def g(): return 7",
        "f",
        "g",
    )
    with pytest.raises(WorkerLost):
        f()
    assert g() == 7


@pytest.mark.parametrize(
    "body",
    ["import os; os._exit(0)", "import ctypes; ctypes.string_at(0)", "import os; os.abort()"],
)
def test_a_crash_costs_only_its_own_call(student, body):
    f, g = student(f"def f():\n    {body}\ndef g(): return 7", "f", "g")
    with pytest.raises(WorkerLost):
        f()
    assert g() == 7


def test_too_many_crashes_end_it(student):
    f = student("def f():\n    import os; os._exit(0)", "f")
    for _ in range(QUICK.max_restarts + 2):
        with pytest.raises(WorkerLost):
            f()


def test_too_much_memory_is_an_error_or_an_end(student):
    f, g = student(
        "def f():\n    return [torch.ones(1 << 27) for _ in range(64)]\ndef g(): return 7", "f", "g"
    )
    with pytest.raises((WorkerLost, RemoteError)):
        f()
    assert g() == 7


@pytest.mark.parametrize("junk", ["b'x' * 4000", "b'\\xff' * 4000", "(8).to_bytes(4, 'big') * 99"])
def test_junk_on_the_channel_ends_the_process_and_is_noted(student, junk):
    f = student(
        "def f():\n"
        "    import os, stat\n"
        "    for fd in range(3, 256):\n"
        "        try:\n"
        "            if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, " + junk + ")\n"
        "        except OSError: pass\n"
        "    return 1",
        "f",
    )
    with pytest.raises((WorkerLost, RemoteError)):
        f()
    assert any("malformed answer" in line for line in student.submission.suspicious)


def test_nothing_is_left_for_the_next_submission(jail, student):
    student(
        "import os, pathlib\n"
        "pathlib.Path('note').write_text('x'); pathlib.Path('/tmp/note').write_text('x')\n"
        "torch.planted = 1\n"
        "if os.fork() == 0:\n    os.setsid()\n    import time; time.sleep(100)\n",
        "os",
    )
    student.submission.close()
    assert any("processes running" in line for line in student.submission.suspicious)
    values = student(
        "import os, pathlib\n"
        "files = [str(p) for top in ('.', '/tmp') for p in pathlib.Path(top).glob('note')]\n"
        "planted = hasattr(torch, 'planted')\n"
        "processes = sorted(int(name) for name in os.listdir('/proc') if name.isdigit())\n"
        "me = os.getpid()",
        "files",
        "planted",
        "processes",
        "me",
    )
    assert values == [[], False, [1, values[3]], values[3]]


def test_there_is_no_network_and_nothing_of_the_course(student, course):
    private = str(ROOT / "solutions")
    values = student(
        "import os, socket\n"
        "try:\n    socket.create_connection(('127.0.0.1', 1), 1)\n    net = 'connected'\n"
        "except OSError as error:\n    net = error.errno\n"
        f"shown = [os.path.exists(p) for p in ({str(course.root)!r}, {private!r}, '/root/.ssh')]\n"
        "secrets = [k for k in os.environ if 'TOKEN' in k or 'SECRET' in k]\n"
        "try:\n    open('/proc/1/mem')\n    memory = 'open'\n"
        "except OSError:\n    memory = 'closed'\n"
        "try:\n    os.kill(1, 9)\n    killed = True\nexcept OSError:\n    killed = False",
        "net",
        "shown",
        "secrets",
        "memory",
    )
    assert values[1:] == [[False, False, False], [], "closed"]
    assert values[0] != "connected"


def test_cells_show_what_a_kernel_would(student):
    student("print('out')\nimport sys; print('err', file=sys.stderr)\n1 + 1", "sys")
    kinds = [(output["output_type"], output.get("text")) for output in student.outputs]
    assert kinds[:2] == [("stream", "out\n"), ("stream", "err\n")]
    assert student.outputs[2]["data"]["text/plain"] == "2"
    submission = student.submission
    assert submission.run_cell("1 / 0").outputs[0]["ename"] == "ZeroDivisionError"
    pictures = submission.run_cell(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    ).outputs
    assert any("image/png" in output.get("data", {}) for output in pictures)
    assert submission.run_cell("!echo hello").outputs[0]["text"].strip() == "hello"
    assert submission.run_cell("%time x = 1\nawait __import__('asyncio').sleep(0)\nx").outputs
    html = submission.run_cell(
        "from IPython.display import HTML\nHTML('<script>1</script>')"
    ).outputs
    assert set(html[0]["data"]) == {"text/plain"}


def test_output_is_bounded(student):
    submission = student("", "torch") and student.submission
    outputs = submission.run_cell("for i in range(50): print('x' * (1 << 20))").outputs
    assert sum(len(output["text"]) for output in outputs) < 1 << 20
    assert any("too long" in line for line in submission.notes)


def test_a_jail_is_never_given_up_silently(monkeypatch):
    monkeypatch.setattr("autograder.sandbox.bubblewrap.find_bwrap", lambda: None)
    monkeypatch.setattr("autograder.sandbox.container.shutil.which", lambda name: None)
    with pytest.raises(JailError, match="--jail none"):
        choose("auto")
    with pytest.raises(JailError, match="bubblewrap"):
        choose("bwrap")
    assert choose("none") == "none"


def test_a_callback_that_would_fill_the_memory_fails(student):
    """The judge's own limit is set in its process; here the result is too large."""
    f = student(
        "def f(step):\n"
        "    try:\n        step(torch.ones(5000, 1), torch.ones(1, 5000))\n"
        "    except Exception as error:\n        return str(error)",
        "f",
    )
    assert "MB" in f(lambda x, state: x + state)


def test_nothing_in_a_jail_holds_what_the_problem_set_asks_for():
    hidden = hidden_modules("ps1_cells")
    assert {"rnncourse.reference.cells", "rnncourse.reference.layers"} <= set(hidden)
    staged = stage(hidden)
    try:
        for path in (staged / "rnncourse").rglob("*.py"):
            text = path.read_text()
            for answer in (
                "def lstm_step",
                "class LSTM",
                "class GRU",
                "def unroll(",
                "def nas_step",
            ):
                assert answer not in text, f"{path} has {answer}"
        assert "def embed" in (staged / "rnncourse/reference/inputs.py").read_text()
    finally:
        shutil.rmtree(staged)


@pytest.mark.parametrize("place", ["midterm.py", "final_exam/softmax.py", "ps8_x/softmax.py"])
def test_a_catalogue_of_mistakes_is_not_staged_whatever_its_name(tmp_path, place):
    library = tmp_path / "rnncourse"
    shutil.copytree(Path(rnncourse.__file__).parent, library)
    catalogue = library / "exercises" / "ps0_warmup" / "softmax.py"
    for path in (library / "checks" / place, library / "exercises" / place, library / place):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(catalogue, path)
    staged = stage([], library)
    try:
        for path in staged.rglob("*.py"):
            assert ".misconception(" not in path.read_text(), path
        assert (staged / "rnncourse" / "checks" / "compare.py").exists()
    finally:
        shutil.rmtree(staged)


def test_what_computes_the_same_in_another_way_is_hidden_as_well():
    assert "rnncourse.recipes.softmax_loss" in hidden_modules("ps5_training")
    assert "rnncourse.recipes.softmax_loss" not in hidden_modules("ps4_attention")


def test_a_jail_that_was_killed_with_data_unread_is_gone(jail):
    """Its socket is then reset, not closed: that must not look like a failure of the grader."""
    other = Jail(jail.backend)
    os.kill(other.process.pid, signal.SIGSTOP)
    children = psutil.Process(other.process.pid).children(recursive=True)
    for child in children:
        child.suspend()
    other.send(frames.START, b"{}")
    for child in children:
        child.kill()
    os.kill(other.process.pid, signal.SIGKILL)
    with pytest.raises(JailError, match="is gone"):
        other.expect(frames.STARTED, "did not start a submission")
    other.close()


def test_library_objects_are_made_beside_the_student_s_code(student):
    f = student(
        "def f(model, generator):\n"
        "    noise = torch.rand(2, generator=generator)\n"
        "    assert isinstance(model, nn.Linear)\n"
        "    with torch.no_grad():\n        model.weight += 1\n"
        "    return noise",
        "f",
    )
    model = remote(f, torch.nn.Linear)(2, 3)
    generator = remote(f, torch.Generator)().manual_seed(5)
    model.load_state_dict({"weight": torch.zeros(3, 2), "bias": torch.zeros(3)})
    noise = f(model, generator)
    assert torch.equal(noise, torch.rand(2, generator=torch.Generator().manual_seed(5)))
    assert torch.equal(model.state_dict()["weight"], torch.ones(3, 2))
    with pytest.raises(RemoteError, match="Nothing"):
        remote(f, "torch.nn.Nothing")
    assert remote(normal, "torch.nn.Linear") is remote(normal, torch.nn.Linear) is torch.nn.Linear
