"""RPC with gradients, the same code at both ends.

An endpoint calls the remote end's objects through handles and serves calls of its own objects.
While it waits for a reply it serves callbacks (a student's `unroll` calling the tests' `step`).

Tensors are copied. A call whose results carry an autograd graph leaves a tape at the end where it
ran; the copies are tied to the tape by an autograd function whose backward sends the cotangents to
it and returns the gradients of the inputs. So a test can call `backward()` through a function that
runs in another process as if it ran in its own.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

import numpy as np
import torch

from .limits import (
    MAX_CALLBACKS,
    MAX_GENERATOR_ITEMS,
    MAX_LOCATION,
    MAX_MESSAGE_TEXT,
    MAX_NAME,
    MAX_NESTED_CALLS,
)
from .wire import Decoder, Encoder, Unsendable, WireError, pack, replace_surrogates

# Methods of a module that are called by name, without asking first what kind of object that is.
MODULE_METHODS = frozenset(
    ("eval", "load_state_dict", "named_parameters", "parameters", "state_dict", "to", "train")
)


class RemoteError(Exception):
    """What a call raised at the remote end: the exception's type by name, its message, its line."""

    def __init__(self, kind: str, message: str = "", where: str | None = None):
        super().__init__(f"{kind}: {message}" if message else kind)
        self.student_type = kind
        self.student_message = message
        self.student_where = where


class RemoteObject:
    """A handle of a function, class or object at the remote end: call it, or get its attributes."""

    def __init__(self, endpoint: "Endpoint", handle: int, kind: str, name: str):
        self._endpoint = endpoint
        self._handle = handle
        self._kind = kind
        self.__name__ = name
        self.student_kind = "function" if kind == "function" else name  # for reports

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._endpoint.call(self._handle, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._kind == "module" and name in MODULE_METHODS:
            return functools.partial(self._endpoint.call_method, self._handle, name)
        return self._endpoint.getattr(self._handle, name)

    def __repr__(self) -> str:
        return f"<the student's {self._kind} {self.__name__}>"


class _RemoteTape:
    """A tape at the remote end, which can free it when no result of its call is alive any more."""

    def __init__(self, endpoint: "Endpoint", tape: int):
        self.endpoint, self.tape, self.generation = endpoint, tape, endpoint.generation

    def __del__(self) -> None:
        if self.generation == self.endpoint.generation:
            self.endpoint.garbage.append(self.tape)


class _RemoteGraph(torch.autograd.Function):
    """Ties copied results to the graph that made them at the remote end."""

    @staticmethod
    def forward(
        ctx: Any,
        endpoint: "Endpoint",
        tape: int,
        results: list[torch.Tensor],
        anchor: torch.Tensor,
        *inputs: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.endpoint, ctx.tape = endpoint, _RemoteTape(endpoint, tape)
        ctx.forms = [(tensor.shape, tensor.dtype) for tensor in inputs]
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        if ctx.tape.generation != ctx.endpoint.generation:
            raise RuntimeError("this graph belongs to an earlier test, which is over")
        gradients = ctx.endpoint.backward(ctx.tape.tape, list(cotangents), ctx.forms)
        return (None, None, None, None, *gradients)


# A served operation takes a request's header and buffers and returns those of the reply.
Operation = Callable[[dict[str, Any], list[memoryview]], tuple[dict[str, Any], list[bytes]]]


class Endpoint:
    """One end of an RPC connection.

    Subclasses have the channel (`exchange`), add operations that they serve (`operations`), and say
    how an exception is described to the remote end (`explain`).
    """

    # Raised while serving a request, these propagate instead of becoming an error reply.
    fatal: tuple[type[BaseException], ...] = (WireError,)

    def __init__(self) -> None:
        self.generation = 0
        self.reset()
        self._nested = 0

    def reset(self) -> None:
        """Forget all objects and graphs, and number new ones from 1 again."""
        self.generation += 1
        self.garbage: list[int] = []  # tapes that the remote end can free
        self._objects: dict[int, Any] = {}
        self._handles: dict[int, int] = {}  # id(object) → handle
        self._tapes: dict[int, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}
        self._numbers: Iterator[int] = itertools.count(1)

    # --- messages ---------------------------------------------------------------------------

    def notice(self) -> bytes:
        """Notification of tapes the remote end can free; sent before a message, needs no reply."""
        if not self.garbage:
            return b""
        tapes, self.garbage = self.garbage, []
        return pack({"op": "forget", "tapes": tapes}, [])

    def exchange(self, data: bytes) -> tuple[dict[str, Any], list[memoryview]]:
        """Send a message, with the notice before it; return the next message."""
        raise NotImplementedError

    # --- requests ---------------------------------------------------------------------------

    def request(
        self, header: dict[str, Any], buffers: list[bytes] | None = None
    ) -> tuple[dict[str, Any], list[memoryview]]:
        """Send one request and serve callbacks until its reply comes."""
        reply, data = self.exchange(pack(header, buffers or []))
        for _ in range(MAX_CALLBACKS):
            if "op" not in reply:
                return self._checked(reply, data)
            if self._nested >= MAX_NESTED_CALLS:
                raise WireError(f"calls nested more than {MAX_NESTED_CALLS} deep")
            self._nested += 1
            try:
                answer = self.answer(reply, data)
            finally:
                self._nested -= 1
            reply, data = self.exchange(answer)
        raise WireError(f"more than {MAX_CALLBACKS} callbacks during one call")

    def _checked(
        self, reply: dict[str, Any], data: list[memoryview]
    ) -> tuple[dict[str, Any], list[memoryview]]:
        error = reply.get("error")
        if error is None:
            return reply, data
        if not isinstance(error, dict):
            raise WireError("malformed error")
        kind, message, where = error.get("type"), error.get("message"), error.get("where")
        if not isinstance(kind, str) or not isinstance(message, str):
            raise WireError("malformed error")
        where = replace_surrogates(where[:MAX_LOCATION]) if type(where) is str else None
        raise RemoteError(
            replace_surrogates(kind[:MAX_NAME]),
            replace_surrogates(message[:MAX_MESSAGE_TEXT]),
            where,
        )

    def call(self, handle: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an object of the remote end; tensors that need a gradient keep their graph."""
        return self.call_method(handle, None, *args, **kwargs)

    def call_method(self, handle: int, method: str | None, *args: Any, **kwargs: Any) -> Any:
        """Call a method of an object of the remote end; the object itself if method is None."""
        grad = torch.is_grad_enabled()
        encoder = Encoder(self._export, lambda tensor: grad and tensor.requires_grad)
        node = encoder.node((args, kwargs))
        reply, data = self.request(
            {"op": "call", "target": handle, "method": method, "args": node, "grad": grad},
            encoder.buffers,
        )
        decoder = Decoder(data, self._resolve)
        result = decoder.value(reply.get("value"))
        if "changed" in reply:
            _write_back((args, kwargs), decoder.value(reply["changed"]))
        if decoder.graph:
            self._tie(reply.get("tape"), decoder.graph, encoder.graph)
        return result

    def _tie(self, tape: Any, results: dict[int, torch.Tensor], inputs: list[torch.Tensor]) -> None:
        if type(tape) is not int or sorted(results) != list(range(len(results))):
            raise WireError("malformed graph of results")
        if not torch.is_grad_enabled():
            return
        # The anchor requires a gradient, so that results are tied even if no input does.
        anchor = torch.zeros((), requires_grad=True)
        # apply() returns the same result objects, now with a graph.
        _RemoteGraph.apply(self, tape, [results[n] for n in range(len(results))], anchor, *inputs)  # type: ignore[no-untyped-call]

    def backward(
        self,
        tape: int,
        cotangents: list[torch.Tensor | None],
        forms: list[tuple[torch.Size, torch.dtype]],
    ) -> list[torch.Tensor | None]:
        """Gradients of the inputs of a tape at the remote end, given those of its results.

        forms: shape and dtype of each input, which its gradient must have.
        """
        encoder = Encoder(self._export)
        node = encoder.node(cotangents)
        reply, data = self.request(
            {"op": "backward", "tape": tape, "cotangents": node}, encoder.buffers
        )
        gradients = Decoder(data, self._resolve).value(reply.get("value"))
        if not isinstance(gradients, list) or len(gradients) != len(forms):
            raise WireError("wrong number of gradients")
        for gradient, form in zip(gradients, forms, strict=True):
            if gradient is None:
                continue
            if not isinstance(gradient, torch.Tensor) or (gradient.shape, gradient.dtype) != form:
                raise WireError("malformed gradient")
        return gradients

    def getattr(self, handle: int, name: str) -> Any:
        """An attribute of an object of the remote end."""
        reply, data = self.request({"op": "getattr", "target": handle, "name": name})
        return Decoder(data, self._resolve).value(reply.get("value"))

    # --- operations -------------------------------------------------------------------------

    def operations(self) -> dict[str, Operation]:
        """What the remote end can ask for, by the `op` of its request, and nothing else."""
        return {"call": self.serve_call, "backward": self.serve_backward}

    def answer(self, header: dict[str, Any], data: list[memoryview]) -> bytes:
        """Serve one request; whatever the served code raises becomes an error reply."""
        op = header.get("op")
        serve = self.operations().get(op) if isinstance(op, str) else None
        if serve is None:
            raise WireError(f"unknown operation {str(op)[:40]!r}")
        try:
            return pack(*serve(header, data))
        except self.fatal:
            raise
        except Unsendable as error:
            return pack({"error": {"type": "TypeError", "message": f"the result is {error}"}}, [])
        except BaseException as error:
            return pack({"error": self.explain(error)}, [])

    def explain(self, error: BaseException) -> dict[str, Any]:
        """Describe an exception to the remote end; one of its own keeps its type and message."""
        if isinstance(error, RemoteError):
            return {"type": error.student_type, "message": error.student_message, "where": None}
        return {
            "type": type(error).__name__,
            "message": str(error)[:MAX_MESSAGE_TEXT],
            "where": None,
        }

    def serve_call(
        self, header: dict[str, Any], data: list[memoryview]
    ) -> tuple[dict[str, Any], list[bytes]]:
        decoder = Decoder(data, self._resolve)
        arguments = decoder.value(header.get("args"))
        args, kwargs = _arguments(arguments)
        target = self._target(header)
        leaves = [decoder.graph[n].requires_grad_() for n in sorted(decoder.graph)]
        # Tensors alone are compared with the message that they came in.
        before = self._content(arguments) if _mutable((*args, *kwargs.values())) else None
        with torch.set_grad_enabled(bool(header.get("grad"))):
            result = self.run(target, *args, **kwargs)
        encoder = Encoder(
            self._export,
            lambda tensor: (
                tensor.requires_grad
                and (not tensor.is_leaf or any(tensor is leaf for leaf in leaves))
            ),
        )
        reply: dict[str, Any] = {"value": encoder.node(result)}
        if encoder.graph:
            reply["tape"] = next(self._numbers)
            self._tapes[reply["tape"]] = (leaves, encoder.graph)
        if before is not None:
            unchanged = self._content(arguments) == before
        else:
            unchanged = decoder.unchanged()
        if not unchanged:
            encoder.is_graph = lambda tensor: False
            reply["changed"] = encoder.node(arguments)
        return reply, encoder.buffers

    def _target(self, header: dict[str, Any]) -> Callable[..., Any]:
        handle, method = header.get("target"), header.get("method")
        if type(handle) is not int or handle not in self._objects:
            raise WireError("a call of an unknown object")
        target: Callable[..., Any] = self._objects[handle]
        if method is None:
            return target
        if method not in MODULE_METHODS or not isinstance(target, torch.nn.Module):
            raise WireError("a call of a method that is not allowed")
        bound: Callable[..., Any] = getattr(target, method)
        return bound

    def run(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call one of our own objects for the remote end. Iterators are consumed into lists."""
        result = target(*args, **kwargs)
        if isinstance(result, GeneratorType | zip | map | filter | Iterator):
            return list(itertools.islice(result, MAX_GENERATOR_ITEMS))
        if isinstance(result, type({}.keys()) | type({}.values()) | type({}.items())):
            return list(result)
        return result

    def serve_backward(
        self, header: dict[str, Any], data: list[memoryview]
    ) -> tuple[dict[str, Any], list[bytes]]:
        cotangents = Decoder(data, self._resolve).value(header.get("cotangents"))
        number: Any = header.get("tape")
        tape = self._tapes.get(number)
        if tape is None or not isinstance(cotangents, list) or len(cotangents) != len(tape[1]):
            raise WireError("gradients for an unknown tape")
        leaves, results = tape
        pairs = [
            (result, cotangent)
            for result, cotangent in zip(results, cotangents, strict=True)
            if cotangent is not None
        ]
        previous = [leaf.grad for leaf in leaves]
        for leaf in leaves:
            leaf.grad = None
        if pairs:
            self.run(torch.autograd.backward, *map(list, zip(*pairs, strict=True)), True)
        gradients = [leaf.grad for leaf in leaves]
        for leaf, grad in zip(leaves, previous, strict=True):
            leaf.grad = grad
        encoder = Encoder(self._export)
        return {"value": encoder.node(gradients)}, encoder.buffers

    # --- objects that cannot be copied --------------------------------------------------------

    def _export(self, value: Any) -> list[Any]:
        if type(value) is RemoteObject and value._endpoint is self:
            return ["yours", value._handle]
        handle = self._handles.get(id(value))
        if handle is None:
            handle = next(self._numbers)
            self._objects[handle] = value  # also keeps it alive, so that its id stays its own
            self._handles[id(value)] = handle
        kind = "class" if isinstance(value, type) else "function" if callable(value) else "object"
        if kind == "function" and isinstance(value, torch.nn.Module):
            kind = "module"
        name = getattr(value, "__name__", None) or type(value).__name__
        return ["object", handle, kind, str(name)[:MAX_NAME]]

    def _resolve(self, tag: str, rest: list[Any]) -> Any:
        if tag == "yours":
            (handle,) = rest
            if type(handle) is not int or handle not in self._objects:
                raise WireError("unknown object")
            return self._objects[handle]
        handle, kind, name = rest
        if type(handle) is not int or kind not in ("class", "function", "module", "object"):
            raise WireError("malformed object")
        if not isinstance(name, str):
            raise WireError("malformed object")
        return RemoteObject(self, handle, kind, replace_surrogates(name[:MAX_NAME]))

    def _forget(self, tapes: Any) -> None:
        if not isinstance(tapes, list) or not all(type(tape) is int for tape in tapes):
            raise WireError("malformed list of tapes")
        for tape in tapes:
            self._tapes.pop(tape, None)

    def _content(self, value: Any) -> Any:
        """The content of arguments, to see later whether a call has changed them."""
        encoder = Encoder(self._export)
        return encoder.node(value), encoder.buffers


def _arguments(value: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise WireError("malformed arguments")
    args, kwargs = value
    if not isinstance(args, tuple) or not isinstance(kwargs, dict):
        raise WireError("malformed arguments")
    if not all(isinstance(key, str) for key in kwargs):
        raise WireError("malformed arguments")
    return args, kwargs


def _mutable(value: Any) -> bool:
    """Whether a call could change something in an argument other than the numbers of tensors."""
    if isinstance(value, tuple):
        return any(map(_mutable, value))
    if isinstance(value, torch.Tensor):
        return value.grad is not None
    return isinstance(value, (list, dict, set, np.ndarray))


def _write_back(original: Any, changed: Any) -> None:
    """Change our arguments as the remote end changed its copies: as a local call would have."""
    if isinstance(original, torch.Tensor):
        if isinstance(changed, torch.Tensor) and changed.shape == original.shape:
            with torch.no_grad():
                original.copy_(changed)
            if original.is_leaf and changed.grad is not None:
                original.grad = changed.grad.to(original.dtype)
    elif isinstance(original, list) and isinstance(changed, list):
        if len(original) == len(changed):
            for mine, theirs in zip(original, changed, strict=True):
                _write_back(mine, theirs)
        merged = [
            mine if type(mine) is type(theirs) and isinstance(mine, torch.Tensor) else theirs
            for mine, theirs in itertools.zip_longest(original, changed)
        ]
        original[:] = merged[: len(changed)]
    elif isinstance(original, tuple) and isinstance(changed, tuple):
        for mine, theirs in zip(original, changed, strict=False):
            _write_back(mine, theirs)
    elif isinstance(original, dict) and isinstance(changed, dict):
        for key in [key for key in original if key not in changed]:
            del original[key]
        for key, theirs in changed.items():
            if key in original and isinstance(original[key], torch.Tensor | list | dict | tuple):
                _write_back(original[key], theirs)
            else:
                original[key] = theirs
