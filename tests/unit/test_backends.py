"""How each backend starts the zygote, as data: no container engine and no sandbox is needed."""

import itertools
import json
import os
import platform
import shutil
import struct
import sys
from pathlib import Path

import pytest

from autograder import imports
from autograder.sandbox.backend import SCRATCH_SIZES
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.container import IMAGE, Container, Docker, Podman
from autograder.sandbox.jail import BACKENDS, JailError, choose
from autograder.sandbox.limits import LIMITS
from autograder.sandbox.none import NoSandbox
from autograder.sandbox.seccomp import MACHINES, REFUSED, seccomp_filter
from autograder.sandbox.staging import stage

CLASSES = [Bubblewrap, Docker, Podman, NoSandbox]
FORBIDDEN = ["torch.nn.LSTM"]


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    folder = tmp_path / "staged"
    folder.mkdir()
    return folder


def pairs(command: list[str], option: str) -> list[str]:
    """The values that follow an option, each time that it is given."""
    return [value for name, value in itertools.pairwise(command) if name == option]


def triples(command: list[str], option: str) -> list[tuple[str, str]]:
    """The two values that follow an option, each time that it is given."""
    return [
        (command[index + 1], command[index + 2])
        for index, argument in enumerate(command)
        if argument == option
    ]


def test_every_backend_has_a_class():
    assert tuple(backend.name for backend in CLASSES) == BACKENDS


@pytest.mark.parametrize("backend", CLASSES)
def test_a_backend_starts_the_zygote_with_its_options(backend, staged):
    made = backend(staged, FORBIDDEN)
    *_, isolated, no_user_site, run, module, options = made.command()
    assert [isolated, no_user_site, run, module] == ["-P", "-s", "-m", "jailed"]
    assert json.loads(options) == {"scratch": list(made.scratch_folders), "forbid": FORBIDDEN}


@pytest.mark.parametrize("backend", CLASSES)
def test_the_grader_s_environment_does_not_get_inside(backend, staged, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "canary")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    made = backend(staged)
    environment = made.environment()
    # Where the command itself has the grader's environment, what gets inside is in its arguments.
    text = " ".join(made.command()) if environment is None else str(dict(environment))
    assert "canary" not in text
    for name in ("PYTHONPATH", "RNNCOURSE_DEVICE", "OPENBLAS_CORETYPE", "OMP_NUM_THREADS"):
        assert name in text


def test_without_a_sandbox_the_scratch_folder_is_in_the_staged_one(staged):
    backend = NoSandbox(staged)
    assert backend.command()[0] == sys.executable
    (scratch,) = backend.scratch_folders
    assert Path(scratch).is_dir() and Path(scratch).parent == staged
    environment = backend.environment()
    assert environment["HOME"] == scratch and environment["PYTHONPATH"] == str(staged)
    assert backend.passes_sockets and backend.syscall_filter() is None


@pytest.mark.parametrize("backend", [Docker, Podman])
def test_a_container_has_no_network_no_rights_and_bounded_memory(backend, staged):
    made = backend(staged)
    command = made.command()
    assert command[:2] == [backend.name, "run"]
    arguments = command[: command.index(IMAGE)]
    for option in (
        "--rm",
        "--interactive",
        "--network=none",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--user=1000:1000",
        "--workdir=/scratch",
    ):
        assert option in arguments
    assert f"--memory={LIMITS.memory + (1 << 30)}" in arguments
    assert f"--pids-limit={2 * LIMITS.processes}" in arguments
    # The staged folder is all that it sees of the host, and it cannot write to it.
    assert pairs(arguments, "--volume") == [f"{staged}:/jail:ro"]
    assert pairs(arguments, "--tmpfs") == [
        f"{folder}:rw,mode=1777,size={size}" for folder, size in SCRATCH_SIZES.items()
    ]
    assert command[command.index(IMAGE) + 1] == "python"
    assert not made.passes_sockets and made.syscall_filter() is None


def test_scratch_folders_share_their_limit():
    assert sum(SCRATCH_SIZES.values()) == LIMITS.scratch_size


@pytest.fixture
def bwrap(monkeypatch):
    """bubblewrap's command line on a machine that need not have it."""
    monkeypatch.setattr("autograder.sandbox.bubblewrap.find_bwrap", lambda: "/usr/bin/bwrap")
    monkeypatch.setattr("autograder.sandbox.bubblewrap._has_option", lambda *_: True)
    return lambda *args: Bubblewrap(*args).command()


def test_bubblewrap_shares_nothing_and_drops_all_rights(bwrap, staged):
    command = bwrap(staged)
    arguments = command[: command.index("--")]
    for option in (
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        "--as-pid-1",
        "--clearenv",
    ):
        assert option in arguments
    assert pairs(arguments, "--cap-drop") == ["ALL"]
    assert pairs(arguments, "--size") == [str(size) for size in SCRATCH_SIZES.values()]
    assert "--bind" not in arguments and "--dev-bind" not in arguments  # all binds are read-only
    assert (str(staged), "/jail") in triples(arguments, "--ro-bind")
    assert ("/proc/sys", "/proc/sys") in triples(arguments, "--ro-bind")


def test_private_folders_below_the_interpreter_s_are_blank_and_read_only(
    bwrap, staged, tmp_path, monkeypatch
):
    python, course = tmp_path / "python", tmp_path / "python" / "course"
    (course / ".venv").mkdir(parents=True)
    monkeypatch.setattr(
        "autograder.sandbox.bubblewrap._python_folders", lambda: [python, course / ".venv"]
    )
    arguments = bwrap(staged, [], [course, tmp_path / "elsewhere"])
    binds = triples(arguments, "--ro-bind")
    assert (str(python), str(python)) in binds
    blank = arguments.index(str(course))
    assert arguments[blank - 1] == "--tmpfs"
    # The interpreter's own folder in it comes back, after it was made blank.
    inside = str(course / ".venv")
    assert (inside, inside) in binds and arguments.index(inside) > blank
    remounted = pairs(arguments, "--remount-ro")
    assert remounted.index(str(course)) < remounted.index("/")
    assert str(tmp_path / "elsewhere") not in arguments


def test_bubblewrap_loads_the_filter_first(bwrap, staged):
    assert "--seccomp" not in bwrap(staged)
    command = Bubblewrap(staged).command(7)
    assert command[1:3] == ["--seccomp", "7"]
    assert Bubblewrap(staged).passes_sockets


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_refuses_each_call_and_allows_others(machine, monkeypatch):
    """The filter is run here, by the rules of classic BPF."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    program = seccomp_filter()
    assert program is not None
    column, architecture = MACHINES[machine]

    def decide(number: int, argument: int = 0, architecture: int = architecture) -> str:
        instructions = list(struct.iter_unpack("HBBI", program))
        data = {0: number, 4: architecture, 16: argument}
        position, value = 0, 0
        while True:
            code, if_true, if_false, constant = instructions[position]
            if code == 0x06:
                return "allowed" if constant == 0x7FFF0000 else "refused"
            if code == 0x20:
                value = data[constant]
                position += 1
            else:
                true = value == constant if code == 0x15 else value >= constant
                position += 1 + (if_true if true else if_false)

    for numbers in REFUSED.values():
        assert decide(numbers[column]) == "refused"
    refused = {numbers[column] for numbers in REFUSED.values()}
    prlimit = (302, 261)[column]
    for number in set(range(450)) - refused - {prlimit}:
        assert decide(number) == "allowed"
    assert decide(prlimit, 0) == "allowed" and decide(prlimit, 1) == "refused"
    assert decide(0x40000000) == "refused"
    assert decide(0, architecture=0x40000003) == "refused"  # 32 bits


def test_an_unknown_machine_has_no_filter(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert seccomp_filter() is None


def test_backends_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setattr("autograder.sandbox.container.shutil.which", lambda name: None)
    with pytest.raises(JailError, match="docker is not installed"):
        choose("docker")
    with pytest.raises(JailError, match=r"no jail 'chroot'.*bwrap, docker, podman, none"):
        choose("chroot")


def test_containers_are_chosen_where_bubblewrap_is_missing(monkeypatch):
    monkeypatch.setattr("autograder.sandbox.bubblewrap.find_bwrap", lambda: None)
    installed = {"docker"}
    monkeypatch.setattr(
        "autograder.sandbox.container.shutil.which",
        lambda name: name if name in installed else None,
    )
    assert choose("auto") == "docker"
    installed.add("podman")
    assert choose("auto") == "podman"
    assert issubclass(Podman, Container)


def test_what_the_staged_checks_import_is_staged():
    """A module of the checks that is left out would fail in the sandbox only."""
    folder = stage([])
    try:
        staged = {
            ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
            for path in (folder / "rnncourse").rglob("*.py")
        }
        for name in staged:
            imported = {
                module
                for module in imports.imports()[name]
                if module.startswith("rnncourse.checks.")
            }
            assert imported <= staged, name
    finally:
        shutil.rmtree(folder)


def test_a_staged_folder_can_be_read_by_another_user():
    folder = stage([])
    try:
        assert all(os.stat(path).st_mode & 0o004 for path in [folder, *folder.rglob("*")])
    finally:
        shutil.rmtree(folder)
