"""Which device is chosen and how it is described, on machines that this one only plays."""

import os
import platform
import subprocess
import sys
from contextlib import nullcontext

import numpy
import pytest
import torch

from rnncourse.device import describe, device

GIB = 2**30


class Properties:
    total_memory = 80 * GIB


@pytest.fixture
def machine(monkeypatch):
    """machine(cuda=2, mps=1): make torch report these devices, and no others but the CPU."""

    def play(cuda=0, mps=0, xpu=0):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100")
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Properties)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps > 0)
        monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 12 * GIB)
        monkeypatch.setattr(torch.xpu, "is_available", lambda: xpu > 0)
        monkeypatch.setattr(torch.xpu, "device_count", lambda: xpu)
        monkeypatch.setattr(torch.xpu, "get_device_name", lambda device: "Intel Arc")
        monkeypatch.setattr(torch.xpu, "get_device_properties", lambda device: Properties)
        monkeypatch.setattr(torch.xpu, "is_bf16_supported", lambda: True)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: CPU, raising=False)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    monkeypatch.delenv("RNNCOURSE_DEVICE", raising=False)
    play()
    return play


CPU = {"cpu_name": "Some CPU", "avx2": True, "avx512_bf16": True, "amx_bf16": False}


def table(text):
    """The verbose text as a dict."""
    return {line[:9].strip(): line[9:] for line in text.splitlines()}


# --- device -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "has, expected",
    [
        ({"cuda": 1, "mps": 1, "xpu": 1}, "cuda"),
        ({"mps": 1, "xpu": 1}, "mps"),
        ({"xpu": 1}, "xpu"),
        ({}, "cpu"),
    ],
)
def test_the_order_of_choice(machine, has, expected):
    machine(**has)
    assert device() == torch.device(expected)


@pytest.mark.parametrize("requested", ["cpu", " CPU ", torch.device("cpu")])
def test_prefer(machine, requested):
    machine(cuda=1)
    assert device(requested) == torch.device("cpu")


def test_prefer_one_of_several(machine):
    machine(cuda=2)
    assert device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="cuda:2"):
        device("cuda:2")


def test_the_environment_overrides_the_choice_and_prefer(machine, monkeypatch):
    machine(cuda=2, mps=1)
    monkeypatch.setenv("RNNCOURSE_DEVICE", "cpu")
    assert device() == device("mps") == torch.device("cpu")
    monkeypatch.setenv("RNNCOURSE_DEVICE", " CUDA:1 ")
    assert device() == device("mps") == torch.device("cuda:1")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_environment_variable_is_none(machine, monkeypatch, empty):
    machine(mps=1)
    monkeypatch.setenv("RNNCOURSE_DEVICE", empty)
    assert device() == torch.device("mps")


@pytest.mark.parametrize("given", ["gpu", "cuda:x", "cuda", "cpu:1", "xpu:2", "meta", "hip", "0"])
def test_an_environment_variable_that_cannot_be_had(machine, monkeypatch, given):
    machine(mps=1, xpu=2)
    monkeypatch.setenv("RNNCOURSE_DEVICE", given)
    for ask in (device, lambda: device("cpu"), describe):
        with pytest.raises(ValueError) as caught:
            ask()
        assert f"RNNCOURSE_DEVICE={given} " in str(caught.value)
        assert "available: mps, xpu, cpu" in str(caught.value)


@pytest.mark.parametrize("given", ["gpu", "", "cuda", torch.device("cuda"), 0, object()])
def test_a_preference_that_cannot_be_had(machine, given):
    for ask in (device, describe):
        with pytest.raises(ValueError, match="available: cpu") as caught:
            ask(given)
        assert repr(given) in str(caught.value)


def broken(*given, **named):
    raise AssertionError("Torch not compiled with this backend enabled")


@pytest.mark.parametrize("how", ["missing", "raising"])
def test_backends_that_cannot_even_be_asked(machine, monkeypatch, how):
    if how == "missing":
        monkeypatch.delattr(torch, "xpu")
        monkeypatch.delattr(torch.backends, "mps")
        monkeypatch.delattr(torch.cuda, "is_available")
    else:
        monkeypatch.setattr(torch.xpu, "is_available", broken)
        monkeypatch.setattr(torch.backends.mps, "is_available", broken)
        monkeypatch.setattr(torch.cuda, "is_available", broken)
    assert device() == torch.device("cpu")
    assert describe() == "cpu · Some CPU · 2 threads"


def test_a_device_that_cannot_be_counted_is_one(machine, monkeypatch):
    machine(cuda=1)
    monkeypatch.delattr(torch.cuda, "device_count")
    assert device() == torch.device("cuda")
    assert device("cuda:0") == torch.device("cuda:0")


# --- describe -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "has, requested, expected",
    [
        ({}, None, "cpu · Some CPU · 2 threads"),
        ({"cuda": 2}, None, "cuda · NVIDIA H100 · 80.0 GiB"),
        ({"cuda": 2}, "cuda:1", "cuda:1 · NVIDIA H100 · 80.0 GiB"),
        ({"cuda": 2}, torch.device("cpu"), "cpu · Some CPU · 2 threads"),
        ({"mps": 1}, None, "mps · Some CPU · 12.0 GiB"),
        ({"xpu": 1}, None, "xpu · Intel Arc · 80.0 GiB"),
    ],
)
def test_one_line(machine, has, requested, expected):
    machine(**has)
    assert describe(requested) == expected


def test_one_thread(machine, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert describe() == "cpu · Some CPU · 1 thread"


def test_describe_follows_the_environment_only_when_it_chooses(machine, monkeypatch):
    machine(cuda=1, xpu=1)
    monkeypatch.setenv("RNNCOURSE_DEVICE", "xpu")
    assert describe().startswith("xpu ·")
    assert describe("cuda").startswith("cuda ·")


def test_verbose_on_cuda(machine, monkeypatch):
    machine(cuda=1)
    asked = []
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "device", lambda chosen: nullcontext(asked.append(chosen)))
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation
    )
    lines = table(describe("cuda:0", verbose=True))
    assert lines["device"] == "cuda:0" and lines["name"] == "NVIDIA H100"
    assert lines["memory"] == "80.0 GiB" and lines["cuda"] == "13.0"
    assert lines["bf16"] == "no"  # emulation does not count
    assert asked == [torch.device("cuda:0")]


def test_verbose_on_xpu(machine):
    machine(xpu=1)
    lines = table(describe(verbose=True))
    assert (lines["name"], lines["memory"], lines["bf16"]) == ("Intel Arc", "80.0 GiB", "yes")


def test_verbose_on_mps(machine):
    machine(mps=1)
    lines = table(describe(verbose=True))
    assert lines["memory"] == "12.0 GiB"
    assert lines["bf16"] in ("yes", "no")  # found by trying, so it depends on the real machine


def test_verbose_on_the_cpu(machine, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    lines = table(describe(verbose=True))
    assert lines["device"] == "cpu" and lines["name"] == "Some CPU" and lines["bf16"] == "yes"
    assert lines["python"].startswith(platform.python_version())
    assert lines["torch"] == torch.__version__ and lines["numpy"] == numpy.__version__
    assert lines["threads"] == "2"
    assert "cuda" not in lines


def test_cpu_without_bf16_hardware(machine, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": "Old", "avx2": True})
    assert table(describe(verbose=True))["bf16"] == "emulated"


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu", "cpu"])
def test_describe_survives_missing_queries(machine, monkeypatch, kind):
    machine(**({kind: 1} if kind != "cpu" else {}))
    for module, name in [
        (torch.cuda, "get_device_name"),
        (torch.cuda, "get_device_properties"),
        (torch.cuda, "is_bf16_supported"),
        (torch.mps, "recommended_max_memory"),
        (torch.xpu, "get_device_name"),
        (torch.xpu, "get_device_properties"),
        (torch.xpu, "is_bf16_supported"),
        (torch.cpu, "get_capabilities"),
        (torch.version, "cuda"),
        (torch.version, "hip"),
    ]:
        monkeypatch.delattr(module, name)
    monkeypatch.delattr("os.sysconf", raising=False)
    assert describe().startswith(kind)
    lines = table(describe(verbose=True))
    assert lines["device"] == kind and lines["memory"] == "unknown"
    if kind in ("cuda", "xpu"):
        assert describe() == kind and lines["name"] == lines["bf16"] == "unknown"


# --- as a program, and on this machine ----------------------------------------------------------


def run(*arguments, **environment):
    inherited = {name: value for name, value in os.environ.items() if name != "RNNCOURSE_DEVICE"}
    return subprocess.run(
        [sys.executable, *arguments], env=inherited | environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_the_module_prints_the_verbose_text():
    done = run("-m", "rnncourse.device", RNNCOURSE_DEVICE="cpu", PYTHONUTF8="1")
    assert done.returncode == 0 and done.stderr == ""
    lines = table(done.stdout)
    assert lines["device"] == "cpu" and lines["torch"] == torch.__version__
    assert list(lines)[:4] == ["device", "name", "memory", "bf16"]


@pytest.mark.slow
def test_the_module_says_what_is_wrong_without_a_traceback():
    done = run("-m", "rnncourse.device", RNNCOURSE_DEVICE="toaster")
    assert done.returncode == 1 and done.stdout == ""
    assert "RNNCOURSE_DEVICE=toaster" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_importing_it_imports_nothing_heavier_than_torch():
    code = (
        "import sys, torch; before = set(sys.modules); import rnncourse.device;"
        "new = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(new - sys.stdlib_module_names - {'torch', 'rnncourse'}))"
    )
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_what_it_chooses_here_computes():
    chosen = device()
    assert torch.ones(2, device=chosen).sum().item() == 2
    assert describe(chosen).startswith(str(chosen))
