"""Messages between the judge and a worker: plain data, never pickle.

A message is a JSON header and the raw bytes of its tensors:

    total length (u32) | header length (u32) | header | buffer | buffer | …

Everything that arrives is bounded before it is allocated and checked before it is used. A malformed
message raises WireError and nothing else.
"""

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .limits import MAX_DEPTH, MAX_HEADER, MAX_MESSAGE, MAX_NON_STRING_KEYS

_LENGTH = struct.Struct("!I")
_TO_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_NOTICE = b'{"op":"forget"'

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.complex64,
        torch.complex128,
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.bool,
    )
}
_DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
ARRAY_DTYPES = frozenset(
    [
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ]
)
# torch functions that are sent by name: the other end has its own.
NAMED = {
    name: getattr(torch, name)
    for name in ("tanh", "sigmoid", "relu", "exp", "sin", "cos", "square", "abs", "softmax")
}
_NAME_OF = {function: name for name, function in NAMED.items()}


class WireError(Exception):
    """A message that no honest endpoint would send; str() says what is wrong with it."""


class Unsendable(Exception):
    """A value that cannot be encoded; str() says which."""


def replace_surrogates(value: str) -> str:
    """The string with '?' for each lone surrogate, so that it can be written to a file."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


class Encoder:
    """Turns values into a JSON node and buffers.

    export(object) returns the node of an object that cannot be copied (a function, a module).
    graph(tensor) says whether a tensor carries an autograd graph; those that do are collected in
    `graph`, in order, and the other end ties its copies to them.
    """

    def __init__(
        self,
        export: Callable[[Any], list[Any]],
        graph: Callable[[torch.Tensor], bool] | None = None,
    ):
        self.export = export
        self.is_graph = graph or (lambda tensor: False)
        self.graph: list[torch.Tensor] = []
        self.buffers: list[bytes] = []
        self.size = 0

    def node(self, value: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise Unsendable(f"nested more than {MAX_DEPTH} deep")
        if value is None or value is True or value is False or type(value) is str:
            return value
        if type(value) is int:
            if not -(2**63) <= value < 2**63:
                raise Unsendable("an integer of more than 64 bits")
            return value
        if type(value) is float:
            # JSON has no nan and no infinity.
            return value if math.isfinite(value) else ["float", repr(value)]
        if isinstance(value, torch.Tensor):
            return self._tensor(value, depth)
        if isinstance(value, np.ndarray):
            if value.dtype.name not in ARRAY_DTYPES:
                raise Unsendable(f"a numpy array of {value.dtype.name}")
            data = np.ascontiguousarray(value)
            return ["array", value.dtype.name, list(value.shape), self._buffer(data.tobytes())]
        if isinstance(value, np.generic):
            return self.node(value.item(), depth)
        for base in (int, float, str):
            if isinstance(value, base):  # a subclass, such as an enum's member
                return self.node(base(value), depth)
        if isinstance(value, bytes | bytearray):
            return ["bytes", self._buffer(bytes(value))]
        for tag, kind in (("list", list), ("tuple", tuple), ("set", set | frozenset)):
            if isinstance(value, kind):
                return [tag, *(self.node(item, depth + 1) for item in value)]
        if isinstance(value, dict):
            return [
                "dict",
                *(
                    [self.node(key, depth + 1), self.node(item, depth + 1)]
                    for key, item in value.items()
                ),
            ]
        if isinstance(value, torch.dtype):
            return ["dtype", str(value).removeprefix("torch.")]
        if isinstance(value, torch.device):
            return ["device", str(value)]
        if _is_builtin_function(value) and value in _NAME_OF:
            return ["torch", _NAME_OF[value]]
        return self.export(value)

    def _tensor(self, value: torch.Tensor, depth: int) -> Any:
        name = _DTYPE_NAMES.get(value.dtype)
        if value.is_meta:
            raise Unsendable("a tensor without values (device meta)")
        if name is None or value.layout != torch.strided:
            raise Unsendable(f"a {value.layout} tensor of {value.dtype}")
        flags = {}
        if self.is_graph(value):
            flags["graph"] = len(self.graph)
            self.graph.append(value)
        elif value.requires_grad and value.is_leaf:
            flags["leaf"] = True
        if value.is_leaf and value.grad is not None:
            flags["grad"] = self.node(value.grad.detach(), depth + 1)
        data = _bytes(value)
        return ["tensor", name, list(value.shape), self._buffer(data), flags]

    def _buffer(self, data: bytes) -> int:
        self.size += len(data)
        if self.size > MAX_MESSAGE // 2:
            raise Unsendable(f"more than {MAX_MESSAGE // 2 >> 20} MB of data")
        self.buffers.append(data)
        return len(self.buffers) - 1


def _bytes(tensor: torch.Tensor) -> bytes:
    """The content of a tensor, row by row."""
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    if plain.dtype is torch.bfloat16:  # which numpy does not have
        plain = plain.contiguous().view(torch.int16)
    return plain.numpy().tobytes()


def _is_builtin_function(value: Any) -> bool:
    return type(value).__module__ == "builtins" and callable(value)


def pack(header: dict[str, Any], buffers: list[bytes]) -> bytes:
    """One message, ready to be sent."""
    header = {**header, "buffers": [len(buffer) for buffer in buffers]}
    text = _TO_JSON(header).encode()
    if len(text) > MAX_HEADER:
        raise Unsendable(f"more than {MAX_HEADER >> 20} MB of structure")
    total = _LENGTH.size + len(text) + sum(map(len, buffers))
    return b"".join([_LENGTH.pack(total), _LENGTH.pack(len(text)), text, *buffers])


def size_of(data: bytes | bytearray) -> int | None:
    """The number of bytes of the first message of `data`; None while it is not complete."""
    if len(data) < 2 * _LENGTH.size:
        return None
    (total,) = _LENGTH.unpack_from(data, 0)
    (length,) = _LENGTH.unpack_from(data, _LENGTH.size)
    if total > MAX_MESSAGE or length > MAX_HEADER or length + _LENGTH.size > total:
        raise WireError(f"a message of {total} bytes with a header of {length}")
    return _LENGTH.size + total if len(data) >= _LENGTH.size + total else None


def is_notice(message: bytes) -> bool:
    """Whether a message is a notification of tapes to free, which needs no reply."""
    return message.startswith(_NOTICE, 2 * _LENGTH.size)


def unpack(message: bytes | bytearray) -> tuple[dict[str, Any], list[memoryview]]:
    """One whole message as header and buffers."""
    if size_of(message) != len(message):
        raise WireError("not one whole message")
    total, length = len(message) - _LENGTH.size, _LENGTH.unpack_from(message, _LENGTH.size)[0]
    body = memoryview(bytearray(message))[2 * _LENGTH.size :]
    try:
        header = json.loads(body[:length].tobytes())
    except (ValueError, RecursionError) as error:
        raise WireError(f"a header that is not JSON: {str(error)[:80]}") from None
    if not isinstance(header, dict):
        raise WireError("a header that is not an object")
    sizes = header.get("buffers")
    if not isinstance(sizes, list) or not all(type(n) is int and n >= 0 for n in sizes):
        raise WireError("buffer sizes that are not counts")
    if sum(sizes) != total - _LENGTH.size - length:
        raise WireError("buffers that do not add up to the message")
    buffers, offset = [], length
    for size in sizes:
        buffers.append(body[offset : offset + size])
        offset += size
    return header, buffers


class Decoder:
    """Turns a node and its buffers back into values; raises WireError and nothing else.

    resolve(tag, node) returns the object that an "object" or "yours" node stands for.
    Tensors that are marked as part of a graph are collected in `graph`, by number.
    """

    def __init__(self, buffers: list[memoryview], resolve: Callable[[str, list[Any]], Any]):
        self.buffers = buffers
        self.resolve = resolve
        self.graph: dict[int, torch.Tensor] = {}
        self.tensors: list[tuple[torch.Tensor, str, list[int], memoryview, bool]] = []

    def unchanged(self) -> bool:
        """Whether every decoded tensor is still as it was sent."""
        return all(
            _DTYPE_NAMES.get(tensor.dtype) == name
            and list(tensor.shape) == shape
            and tensor.requires_grad == needs_grad
            and (not tensor.is_leaf or tensor.grad is None)
            and _bytes(tensor) == data
            for tensor, name, shape, data, needs_grad in self.tensors
        )

    def value(self, node: Any) -> Any:
        try:
            return self._value(node, 0)
        except WireError:
            raise
        except (TypeError, ValueError, IndexError, KeyError, RuntimeError, OverflowError) as error:
            raise WireError(f"malformed value: {str(error)[:80]}") from None

    def _value(self, node: Any, depth: int) -> Any:
        if depth > 2 * MAX_DEPTH:
            raise WireError("nested too deep")
        if not isinstance(node, list):
            if isinstance(node, dict):
                raise WireError("an untagged dictionary")
            if type(node) is int and not -(2**63) <= node < 2**63:
                raise WireError("an integer of more than 64 bits")
            return replace_surrogates(node) if isinstance(node, str) else node
        tag, *rest = node
        if tag in ("list", "tuple", "set"):
            values = [self._value(item, depth + 1) for item in rest]
            if tag == "set":
                _check_keys(values)
            return {"list": list, "tuple": tuple, "set": set}[tag](values)
        if tag == "dict":
            keys = [self._value(key, depth + 1) for key, _ in rest]
            _check_keys(keys)
            return {
                key: self._value(pair[1], depth + 1) for key, pair in zip(keys, rest, strict=True)
            }
        if tag == "tensor":
            return self._tensor(*rest, depth=depth)
        if tag == "array":
            name, shape, index = rest
            if name not in ARRAY_DTYPES:
                raise WireError(f"an array of {str(name)[:40]}")
            dtype = np.dtype(name)
            data = self._buffer(index, shape, dtype.itemsize)
            return np.frombuffer(data, dtype).reshape(shape).copy()
        if tag == "float":
            if rest[0] not in ("nan", "inf", "-inf"):
                raise WireError("malformed number")
            return float(rest[0])
        if tag == "bytes":
            return bytes(self.buffers[rest[0]])
        if tag == "dtype":
            return DTYPES[rest[0]]
        if tag == "device":
            return torch.device("cpu")
        if tag == "torch":
            return NAMED[rest[0]]
        if tag in ("object", "yours"):
            return self.resolve(tag, rest)
        raise WireError(f"unknown kind of value {str(tag)[:40]!r}")

    def _buffer(self, index: Any, shape: Any, itemsize: int) -> memoryview:
        if type(index) is not int or not 0 <= index < len(self.buffers):
            raise WireError("unknown buffer")
        if not isinstance(shape, list) or len(shape) > 32:
            raise WireError("malformed shape")
        if not all(type(n) is int and n >= 0 for n in shape):
            raise WireError("malformed shape")
        data = self.buffers[index]
        if math.prod(shape) * itemsize != len(data) or max(shape, default=0) > MAX_MESSAGE:
            raise WireError("a tensor whose size and data disagree")
        return data

    def _tensor(self, name: Any, shape: Any, index: Any, flags: Any, *, depth: int) -> torch.Tensor:
        dtype = DTYPES[name]
        data = self._buffer(index, shape, dtype.itemsize)
        # A copy that is writable and aligned. It is not a view, so that in-place changes of it
        # behave as anywhere else.
        if not len(data):
            tensor = torch.empty(shape, dtype=dtype)
        elif dtype is torch.bfloat16:
            array = np.frombuffer(data, np.int16).reshape(shape).copy()
            tensor = torch.from_numpy(array).view(dtype).clone()
        elif dtype is torch.bool:
            # A byte other than 0 and 1 is not a bool, and torch would use it as one.
            array = np.asarray(np.frombuffer(data, np.uint8).reshape(shape) != 0)
            tensor = torch.from_numpy(array)
        else:
            tensor = torch.from_numpy(np.frombuffer(data, name).reshape(shape).copy())
        if not isinstance(flags, dict):
            raise WireError("malformed flags")
        if flags.get("leaf"):
            tensor.requires_grad_()
        if "grad" in flags:
            grad = self._value(flags["grad"], depth + 1)
            if not isinstance(grad, torch.Tensor) or grad.shape != tensor.shape:
                raise WireError("a gradient of another shape than its tensor")
            tensor.grad = grad.to(tensor.dtype)
        if "graph" in flags:
            if type(flags["graph"]) is not int or flags["graph"] in self.graph:
                raise WireError("malformed graph number")
            self.graph[flags["graph"]] = tensor
        self.tensors.append(
            (tensor, name, shape, data, "graph" in flags or bool(flags.get("leaf")))
        )
        return tensor


def _check_keys(keys: list[Any]) -> None:
    if sum(not isinstance(key, str) for key in keys) > MAX_NON_STRING_KEYS:
        raise WireError(
            f"a set or dictionary of more than {MAX_NON_STRING_KEYS} keys that are not strings"
        )
