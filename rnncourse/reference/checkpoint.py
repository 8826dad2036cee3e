"""Checkpoints: a training run in one file, written whole or not at all, without pickle.

Tensors are stored as safetensors, everything else as JSON in the header of the same file. Loading
such a file cannot run code.
"""

import json

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..files import write_bytes

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(path, value):
    """Write a value: tensors, numbers, strings, None, and lists, tuples and dicts of these.

    The path always holds the old file or the new one, even after a crash or a power cut.
    Tensors that share memory are stored once for each name.
    Errors: TypeError, with the place, when the value contains anything else; OSError.
    """
    tensors = {}
    structure = _pack(value, "", tensors)
    write_bytes(path, save(tensors, metadata={"rnncourse": json.dumps(structure)}))


def load_checkpoint(path):
    """The value that `save_checkpoint` wrote, tensors on the CPU.

    Errors: FileNotFoundError; ValueError when the file is not such a checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            structure = json.loads((file.metadata() or {})["rnncourse"])
            # Copies: on Windows, a file that is still mapped cannot be replaced.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a checkpoint, or is damaged: {error}") from None
    return _unpack(structure, tensors)


# JSON has neither tuples nor keys that are numbers, so each container is stored with its kind.


def _pack(value, place, tensors):
    if isinstance(value, torch.Tensor):
        if place in tensors:
            raise ValueError(f"two tensors would have the name {place!r}")
        # A copy, as safetensors refuses tensors that share memory (tied weights do).
        tensors[place] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": place}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, int | str):
                raise TypeError(f"at {place!r}: a key must be a number or a string, not {key!r}")
        return {
            "dict": [[key, _pack(part, _join(place, key), tensors)] for key, part in value.items()]
        }
    if isinstance(value, list | tuple):
        parts = [_pack(part, _join(place, n), tensors) for n, part in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": parts}
    raise TypeError(f"at {place!r}: cannot store a {type(value).__name__} in a checkpoint")


def _join(place, key):
    return f"{place}/{key}" if place else str(key)


def _unpack(structure, tensors):
    if not isinstance(structure, dict):
        return structure
    ((kind, content),) = structure.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unpack(part, tensors) for key, part in content}
    parts = [_unpack(part, tensors) for part in content]
    return tuple(parts) if kind == "tuple" else parts
