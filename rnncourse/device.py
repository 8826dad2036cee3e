"""Chooses the device to compute on, and describes it.

`python -m rnncourse.device` prints it. RNNCOURSE_DEVICE=cpu (or cuda, cuda:1, mps, xpu) overrides.
"""

import importlib.metadata
import os
import platform
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["describe", "device"]

VARIABLE = "RNNCOURSE_DEVICE"


def device(prefer: str | torch.device | None = None) -> torch.device:
    """The device to compute on: CUDA if available, else MPS, else XPU, else the CPU.

    prefer: the device to use instead, such as "cpu", "cuda:1" or a torch.device.
    The environment variable RNNCOURSE_DEVICE, if set, overrides both, so that the device of a
    finished notebook can be changed without editing it.
    Errors: ValueError when the requested device does not exist, or not on this machine.
    """
    override = os.environ.get(VARIABLE, "").strip()
    if override:
        return _parse(override, f"{VARIABLE}={override}")
    if prefer is not None:
        return _parse(prefer, f"prefer={prefer!r}")
    return torch.device(_available()[0])


_choose = device  # `describe` has a parameter of that name


def describe(device: str | torch.device | None = None, verbose: bool = False) -> str:
    """One line about a device, such as "cpu · AMD EPYC · 2 threads"; verbose: several lines.

    device: a torch.device or its name; None is the one that `device()` chooses.
    What a backend does not report is left out of the line, and is "unknown" in the verbose text.
    Errors: ValueError when the device does not exist, or not on this machine.
    """
    chosen = _choose() if device is None else _parse(device, f"device={device!r}")
    name, memory = _name(chosen), _memory(chosen)
    threads = torch.get_num_threads()
    if not verbose:
        size = memory
        if chosen.type == "cpu":
            size = f"{threads} thread{'s' if threads != 1 else ''}"
        return " · ".join(part for part in (str(chosen), name, size) if part)

    lines = {
        "device": str(chosen),
        "name": name,
        "memory": memory,
        "bf16": _bf16(chosen),
        "threads": threads,
        "python": f"{platform.python_version()} ({platform.system()} {platform.machine()})",
        "torch": str(torch.__version__),
        "numpy": _query(lambda: importlib.metadata.version("numpy")),
    }
    if cuda := _query(lambda: torch.version.cuda):
        lines["cuda"] = cuda
    if rocm := _query(lambda: torch.version.hip):
        lines["rocm"] = rocm
    return "\n".join(f"{label:<9}{text or 'unknown'}" for label, text in lines.items())


def _query(function: Callable[[], Any]) -> Any:
    """The result, or None when this build of torch or this system cannot give one."""
    try:
        return function()
    except Exception:
        # Which query functions exist, and what they raise, differs between versions and builds. The
        # course must not stop because the name of a GPU is not available.
        return None


# Backends in order of preference: whether it is available, and how many devices it then has.
_BACKENDS = {
    "cuda": (lambda: torch.cuda.is_available(), lambda: torch.cuda.device_count()),
    "mps": (lambda: torch.backends.mps.is_available(), lambda: 1),
    "xpu": (lambda: torch.xpu.is_available(), lambda: torch.xpu.device_count()),
    "cpu": (lambda: True, lambda: 1),
}


def _count(backend: str) -> int:
    is_available, count = _BACKENDS[backend]
    return max(1, _query(count) or 1) if _query(is_available) else 0


def _available() -> list[str]:
    return [backend for backend in _BACKENDS if _count(backend)]


def _parse(requested: str | torch.device, setting: str) -> torch.device:
    """The requested torch.device; errors quote `setting`, the user's own words for it."""
    available = ", ".join(_available())
    if not isinstance(requested, torch.device):
        try:
            # Only text: torch.device(0) would be any accelerator of this machine.
            requested = torch.device(requested.strip().lower())
        except (AttributeError, RuntimeError):
            raise ValueError(
                f"{setting} is not the name of a device; available: {available}"
            ) from None
    if requested.type not in _BACKENDS or (requested.index or 0) >= _count(requested.type):
        raise ValueError(f"{setting} is not a device of this machine; available: {available}")
    return requested


def _name(chosen: torch.device) -> str | None:
    if chosen.type == "cuda":
        return _query(lambda: torch.cuda.get_device_name(chosen))
    if chosen.type == "xpu":
        return _query(lambda: torch.xpu.get_device_name(chosen))
    # An Apple GPU is part of the processor and has no name of its own.
    return (
        _query(lambda: torch.cpu.get_capabilities()["cpu_name"])
        or _query(_name_from_proc)
        or _query(platform.processor)
        or _query(platform.machine)
    )


def _name_from_proc() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        line = next(line for line in lines if line.startswith("model name"))
    return line.split(":", 1)[1].strip()


def _memory(chosen: torch.device) -> str | None:
    if chosen.type == "cuda":
        size = _query(lambda: torch.cuda.get_device_properties(chosen).total_memory)
    elif chosen.type == "xpu":
        size = _query(lambda: torch.xpu.get_device_properties(chosen).total_memory)
    elif chosen.type == "mps":
        size = _query(lambda: torch.mps.recommended_max_memory())
    else:
        size = _query(lambda: os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return f"{size / 2**30:.1f} GiB" if size else None


def _bf16(chosen: torch.device) -> str | None:
    """Whether the device computes in bfloat16; "emulated" means without gaining speed."""
    if chosen.type == "cuda":
        with_hardware = _query(lambda: _cuda_bf16(chosen))
    elif chosen.type == "xpu":
        with_hardware = _query(lambda: torch.xpu.is_bf16_supported())
    elif chosen.type == "mps":
        with_hardware = _query(lambda: _computes_bf16(chosen)) or False
    else:
        with_hardware = _query(
            lambda: any(on for key, on in torch.cpu.get_capabilities().items() if "bf16" in key)
        )
        if with_hardware is False:
            return "emulated" if _query(lambda: _computes_bf16(chosen)) else "no"
    return {True: "yes", False: "no"}.get(with_hardware)


def _cuda_bf16(chosen: torch.device) -> bool:
    with torch.cuda.device(chosen):  # the query has no argument for the device
        return torch.cuda.is_bf16_supported(including_emulation=False)


def _computes_bf16(chosen: torch.device) -> bool:
    a = torch.ones(2, 2, dtype=torch.bfloat16, device=chosen)
    return (a @ a).sum().item() == 8


if __name__ == "__main__":
    try:
        print(describe(verbose=True))
    except ValueError as error:
        raise SystemExit(str(error)) from None
