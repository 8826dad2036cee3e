"""Which device to compute on, and what is known about it.

`python -m rnncourse.device` prints it. RNNCOURSE_DEVICE=cpu (or cuda, cuda:1, mps, xpu) overrides.
"""

import importlib.metadata
import os
import platform

import torch

__all__ = ["describe", "device"]

VARIABLE = "RNNCOURSE_DEVICE"


def device(prefer: str | torch.device | None = None) -> torch.device:
    """The device to compute on: CUDA if there is one, else MPS, else XPU, else the CPU.

    prefer: None, or the device to use instead, such as "cpu", "cuda:1" or a torch.device.
    The environment variable RNNCOURSE_DEVICE, where set, overrides both, so that the device of a
    finished notebook can be changed without editing it.
    Errors: ValueError when what was asked for is no device, or not one of this machine's.
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
    What a backend cannot tell is left out of the line, and is "unknown" in the verbose text.
    Errors: ValueError when it is no device, or not one of this machine's.
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
        "numpy": _ask(lambda: importlib.metadata.version("numpy")),
    }
    if cuda := _ask(lambda: torch.version.cuda):
        lines["cuda"] = cuda
    if rocm := _ask(lambda: torch.version.hip):
        lines["rocm"] = rocm
    return "\n".join(f"{label:<9}{text or 'unknown'}" for label, text in lines.items())


def _ask(question):
    """The answer, or None when this build of torch or this system cannot give one."""
    try:
        return question()
    except Exception:
        # Which query functions exist, and what they raise, differs between versions and builds;
        # a course must not stop because a GPU's name is not to be had.
        return None


# In order of preference: how many devices of this kind there are, once the kind is available.
_KINDS = {
    "cuda": (lambda: torch.cuda.is_available(), lambda: torch.cuda.device_count()),
    "mps": (lambda: torch.backends.mps.is_available(), lambda: 1),
    "xpu": (lambda: torch.xpu.is_available(), lambda: torch.xpu.device_count()),
    "cpu": (lambda: True, lambda: 1),
}


def _count(kind):
    is_available, how_many = _KINDS[kind]
    return max(1, _ask(how_many) or 1) if _ask(is_available) else 0


def _available():
    return [kind for kind in _KINDS if _count(kind)]


def _parse(wanted, given):
    """The torch.device that is wanted; `given` tells an error how it was asked for."""
    here = ", ".join(_available())
    if not isinstance(wanted, torch.device):
        try:
            # Only text: torch.device(0) is whatever accelerator there happens to be.
            wanted = torch.device(wanted.strip().lower())
        except (AttributeError, RuntimeError):
            raise ValueError(f"{given} is not the name of a device; available: {here}") from None
    if wanted.type not in _KINDS or (wanted.index or 0) >= _count(wanted.type):
        raise ValueError(f"{given} is not a device of this machine; available: {here}")
    return wanted


def _name(chosen):
    if chosen.type == "cuda":
        return _ask(lambda: torch.cuda.get_device_name(chosen))
    if chosen.type == "xpu":
        return _ask(lambda: torch.xpu.get_device_name(chosen))
    # An Apple GPU is part of the processor and has no name of its own.
    return (
        _ask(lambda: torch.cpu.get_capabilities()["cpu_name"])
        or _ask(_name_from_proc)
        or _ask(platform.processor)
        or _ask(platform.machine)
    )


def _name_from_proc():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        line = next(line for line in lines if line.startswith("model name"))
    return line.split(":", 1)[1].strip()


def _memory(chosen):
    if chosen.type == "cuda":
        size = _ask(lambda: torch.cuda.get_device_properties(chosen).total_memory)
    elif chosen.type == "xpu":
        size = _ask(lambda: torch.xpu.get_device_properties(chosen).total_memory)
    elif chosen.type == "mps":
        size = _ask(lambda: torch.mps.recommended_max_memory())
    else:
        size = _ask(lambda: os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return f"{size / 2**30:.1f} GiB" if size else None


def _bf16(chosen):
    """Whether the device computes in bfloat16 ("emulated": it does, but without gaining speed)."""
    if chosen.type == "cuda":
        with_hardware = _ask(lambda: _cuda_bf16(chosen))
    elif chosen.type == "xpu":
        with_hardware = _ask(lambda: torch.xpu.is_bf16_supported())
    elif chosen.type == "mps":
        with_hardware = _ask(lambda: _computes_bf16(chosen)) or False
    else:
        with_hardware = _ask(
            lambda: any(on for key, on in torch.cpu.get_capabilities().items() if "bf16" in key)
        )
        if with_hardware is False:
            return "emulated" if _ask(lambda: _computes_bf16(chosen)) else "no"
    return {True: "yes", False: "no"}.get(with_hardware)


def _cuda_bf16(chosen):
    with torch.cuda.device(chosen):  # the query has no argument for the device
        return torch.cuda.is_bf16_supported(including_emulation=False)


def _computes_bf16(chosen):
    a = torch.ones(2, 2, dtype=torch.bfloat16, device=chosen)
    return (a @ a).sum().item() == 8


if __name__ == "__main__":
    try:
        print(describe(verbose=True))
    except ValueError as error:
        raise SystemExit(str(error)) from None
