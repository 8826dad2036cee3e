"""Whatever a worker sends, the judge gets a value or a known error, and never crashes.

A script stands in for the jail, so that thousands of messages take seconds: arbitrary bytes,
well-formed messages of arbitrary content, honest answers that have been tampered with, callbacks.
`benchmarks/protocol.py` sends ten thousand and more, and measures time and memory.
"""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.jailed.frames import MAX_PAYLOAD
from autograder.jailed.limits import MAX_MESSAGE
from autograder.jailed.rpc import Endpoint, Operation, RemoteError, RemoteObject
from autograder.jailed.wire import Encoder, WireError, is_notice, pack, size_of, unpack
from autograder.judging.session import Session, WorkerLost
from autograder.sandbox.limits import LIMITS

KNOWN = (WorkerLost, RemoteError)  # what anything that goes wrong behind the wall becomes
QUICK = replace(LIMITS, grace=0.0)
MESSAGES = 6  # of one script at most

# --- the worker -----------------------------------------------------------------------------------


class Honest(Endpoint):
    """An honest worker in this process: it serves the judge's requests."""

    def __init__(self) -> None:
        super().__init__()
        self.module = torch.nn.Linear(2, 2, dtype=torch.float64)
        self.names = {"f": self.double, "Net": self.module, "x": [1, 2.5, {"a": torch.ones(2)}]}

    def double(self, x: Any = 1, *rest: Any, **more: Any) -> Any:
        for argument in rest:
            if isinstance(argument, list):
                argument.append(3)
        return x * 2, {"rest": len(rest)}, torch.tensor([True, False])

    def operations(self) -> dict[str, Operation]:
        return super().operations() | {
            "cell": self.serve_cell,
            "begin": self.serve_begin,
            "getattr": self.serve_getattr,
            "write": self.serve_write,
        }

    def serve_cell(self, header: Any, data: Any) -> Any:
        shown = {"output_type": "stream", "name": "stdout", "text": "1"}
        error = {"output_type": "error", "ename": "E", "evalue": "no", "traceback": ["a", "b"]}
        encoder = Encoder(self._export)
        return {"value": encoder.node([shown, error]), "cut": False}, encoder.buffers

    def serve_begin(self, header: Any, data: Any) -> Any:
        self.reset()
        encoder = Encoder(self._export)
        return {"value": encoder.node(self.names)}, encoder.buffers

    def serve_getattr(self, header: Any, data: Any) -> Any:
        encoder = Encoder(self._export)
        return {"value": encoder.node(torch.ones(2, 2))}, encoder.buffers

    def serve_write(self, header: Any, data: Any) -> Any:
        return {"value": None}, []


class Script:
    """Stands in for a jail and the channel to its worker, which says what the script has."""

    def __init__(self, lines: list["Line"]):
        self.lines = iter(lines)
        self.honest = Honest()
        self.asked = b""  # the judge's last message
        self.coming = bytearray()
        self.sent = 0  # messages of the worker

    def fork(self, options: dict[str, Any]) -> "Script":
        return self

    def send(self, data: bytes, deadline: float) -> bool:
        self.asked = data
        return True

    def receive(self, deadline: float) -> bytes | None:
        if not self.coming:
            line = next(self.lines, None)
            if line is None:
                return None  # and nothing more, until the judge's timeout
            self.sent += 1
            self.coming += line.message(self)
        chunk = bytes(self.coming[:MAX_PAYLOAD])
        del self.coming[:MAX_PAYLOAD]
        return chunk

    def interrupt(self) -> None:
        pass

    def exit_report(self) -> dict[str, Any]:
        return {"clean": True}

    def answer(self) -> bytes:
        """What an honest worker would say now."""
        asked = self.asked
        if is_notice(asked):
            asked = asked[size_of(asked) :]
        try:
            return self.honest.answer(*unpack(asked))
        except WireError:  # a handle that only a tampered message had offered
            return pack({"value": None}, [])


@dataclass
class Line:
    """One message: honest, or arbitrary, and then tampered with."""

    make: Callable[[Script], bytes]
    changes: list[Callable[[bytes], bytes]]

    def message(self, script: Script) -> bytes:
        data = self.make(script)
        for change in self.changes:
            data = change(data)
        return data

    def __repr__(self) -> str:
        return f"Line({self.make}, {self.changes})"


# --- what it may send -----------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
small = st.integers(-1, 4)
sizes = small | st.sampled_from([8, 1 << 31, 1 << 62, 1 << 64, 2.0, "2"])
dtypes = st.sampled_from(["float64", "float32", "bool", "int64", "complex64", "object", "", 1])
names = st.sampled_from(["nan", "inf", "1", "tanh", "softmax", "f", "class", "module", "function"])
HEADS = ["list", "tuple", "set", "dict", "tensor", "array", "float", "bytes", "dtype", "device"]
HEADS += ["torch", "object", "yours", "nonsense"]


def tagged(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values in the form of the wire, right, nearly right and wrong."""

    def form(*parts: Any) -> st.SearchStrategy[list[Any]]:
        strategies = [
            part if isinstance(part, st.SearchStrategy) else st.just(part) for part in parts
        ]
        return st.tuples(*strategies).map(list)

    shape = st.lists(sizes, max_size=3)
    flags = st.dictionaries(st.sampled_from(["graph", "leaf", "grad"]), small | inner, max_size=2)
    items = st.lists(inner, max_size=4)
    pairs = st.lists(form(inner, inner) | inner, max_size=3)
    return st.one_of(
        st.tuples(st.sampled_from(["list", "tuple", "set"]), items).map(lambda t: [t[0], *t[1]]),
        pairs.map(lambda items: ["dict", *items]),
        form("tensor", dtypes, shape, small, flags),
        form("tensor", "float64", st.just([1]), st.just(0), flags),
        form("array", dtypes, shape, small),
        form(st.sampled_from(["float", "dtype", "torch", "device"]), names | dtypes),
        form(st.sampled_from(["bytes", "yours"]), small),
        form("object", small, names, names),
        st.tuples(st.sampled_from(HEADS), items).map(lambda t: [t[0], *t[1]]),
        items,
        st.dictionaries(st.text(max_size=4), inner, max_size=2),
    )


nodes = st.recursive(scalars | sizes | names, tagged, max_leaves=10)
output = st.fixed_dictionaries(
    {"output_type": st.sampled_from(["stream", "error", "display_data", "execute_result", 1])},
    optional={"name": names, "text": scalars, "ename": scalars, "evalue": scalars},
).map(lambda fields: ["dict", *map(list, fields.items())])
replies = st.fixed_dictionaries(
    {"value": tagged(nodes) | st.lists(output, max_size=2).map(lambda items: ["list", *items])},
    optional={
        "changed": tagged(nodes),
        "tape": small | nodes,
        "error": st.dictionaries(st.sampled_from(["type", "message", "where"]), scalars | nodes),
        "interrupted": nodes,
        "cut": nodes,
        "buffers": st.lists(sizes, max_size=3) | nodes,
    },
)
arguments = st.just(["tuple", ["tuple", 1.5], ["dict"]]) | tagged(nodes)
calls = st.fixed_dictionaries(
    {"op": st.sampled_from(["call", "call", "backward", "forget", "cell", "__init__"]) | nodes},
    optional={
        "target": small | nodes,
        "method": st.none() | st.sampled_from(["to", "state_dict", "__init__"]) | nodes,
        "args": arguments,
        "grad": st.booleans() | nodes,
        "tape": small | nodes,
        "tapes": st.lists(small) | nodes,
        "cotangents": st.just(["list", ["tensor", "float64", [1], 0, {}]]) | tagged(nodes),
    },
)


def framed(header: dict[str, Any], buffers: list[bytes]) -> bytes:
    """A message of this header, whose sizes are right unless the header brings its own."""
    header = {"buffers": [len(buffer) for buffer in buffers], **header}
    text = json.dumps(header).encode()
    total = 4 + len(text) + sum(map(len, buffers))
    return total.to_bytes(4, "big") + len(text).to_bytes(4, "big") + text + b"".join(buffers)


def spliced(where: float, piece: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        at = int(where * len(data))
        return data[:at] + piece + data[at + len(piece) :]

    return change


def cut(where: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(where * len(data))]


def repeated(times: int) -> Callable[[bytes], bytes]:
    return lambda data: data * times


def grafted(where: float, node: Any) -> Callable[[bytes], bytes]:
    """Another value at some place of the header's tree."""

    def change(data: bytes) -> bytes:
        try:
            header, buffers = unpack(data)
        except WireError:
            return data
        places: list[tuple[Any, Any]] = []

        def walk(tree: Any) -> None:
            for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
                places.append((tree, key))
                if isinstance(item, dict | list):
                    walk(item)

        walk(header)
        tree, key = places[int(where * len(places))]
        tree[key] = node
        return framed(header, [bytes(buffer) for buffer in buffers])

    return change


places = st.floats(0, 0.999)
changes = st.one_of(
    st.builds(spliced, places, st.binary(min_size=1, max_size=6)),
    st.builds(cut, places),
    st.builds(repeated, st.integers(0, 3)),
    st.builds(grafted, places, nodes),
    st.builds(grafted, places, nodes),
)
buffers = st.just([bytes(8)]) | st.lists(st.binary(max_size=16), max_size=3)
honest = st.just(Line(Script.answer, []))
lines = st.one_of(
    honest,
    st.builds(Line, st.just(Script.answer), st.lists(changes, min_size=1, max_size=2)),
    st.builds(lambda header, data: Line(lambda script: framed(header, data), []), replies, buffers),
    st.builds(lambda header, data: Line(lambda script: framed(header, data), []), calls, buffers),
    st.binary(max_size=200).map(lambda data: Line(lambda script: data, [])),
)
scripts = st.lists(lines, min_size=1, max_size=MESSAGES)


# --- what the judge does with it --------------------------------------------------------------


def step(x: Any, state: Any = None) -> Any:
    """A function of the test's that a student's function may call."""
    return x * 2 if state is None else (x * 2, state)


def conversation(script: Script) -> Session:
    """Everything that a judge can ask of a worker, while the worker lasts."""
    session = Session(script, 1, QUICK, [])
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)

    def call(target: Any, *args: Any, **kwargs: Any) -> None:
        result = target(*args, **kwargs)
        for item in result if isinstance(result, tuple | list) else [result]:
            if isinstance(item, torch.Tensor) and item.requires_grad and item.is_floating_point():
                item.sum().backward()

    f = RemoteObject(session, 1, "function", "f")
    module = RemoteObject(session, 2, "module", "Net")
    for request in (
        lambda: session.run_cell("f = 1", 1),
        lambda: session.begin(["f", "Net", "x"], 1),
        lambda: call(f, x, step, [1], table={"a": torch.ones(1)}),
        lambda: call(f, x.detach().clone(), [torch.ones(2)], step),
        lambda: call(module, x),
        lambda: module.state_dict(),
        lambda: module.weight,
        lambda: session.write("data/file", b"content"),
    ):
        with contextlib.suppress(*KNOWN):
            request()
    if session.alive:
        session.end()
    return session


@pytest.mark.slow
@settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=HealthCheck)
@given(scripts)
def test_whatever_the_worker_sends_the_judge_goes_on(messages):
    session = conversation(Script(messages))
    assert not session.alive
    assert len(session._inbox) <= 2 * MAX_PAYLOAD


def test_an_honest_worker_is_understood():
    script = Script([Line(Script.answer, [])] * 20)
    session = Session(script, 1, QUICK, [])
    outputs = session.run_cell("", 1)["outputs"]
    assert [output["output_type"] for output in outputs] == ["stream", "error"]
    values = session.begin(["f", "x"], 1)
    assert values["x"][:2] == [1, 2.5]
    x, items = torch.ones(2, dtype=torch.float64, requires_grad=True), [1]
    result, counted, _ = values["f"](x, items, step)
    result.sum().backward()
    assert x.grad.tolist() == [2, 2] and counted == {"rest": 2} and items == [1, 3]
    assert session.suspicious == []


def test_a_long_message_that_never_ends_is_not_kept():
    """64 MB are announced and sent, and then more; no more than that is ever held."""
    largest = 0

    class Endless(Script):
        def receive(self, deadline: float) -> bytes:
            nonlocal largest
            largest = max(largest, len(session._inbox) if session else 0)
            start = MAX_MESSAGE.to_bytes(4, "big") + (4 << 20).to_bytes(4, "big")
            self.sent += 1
            return (start if self.sent == 1 else b"") + b" " * (MAX_PAYLOAD - 8)

    session = None
    session = Session(Endless([]), 1, QUICK, [])
    with pytest.raises(WorkerLost):
        session.run_cell("", 1)
    assert largest <= MAX_MESSAGE + MAX_PAYLOAD
    assert any("malformed answer" in line for line in session.suspicious)


TENSOR = ["tensor", "float64", [1], 0]


@pytest.mark.parametrize(
    "reply",
    [
        {"value": [*TENSOR, {"graph": 0}]},
        {"value": [*TENSOR, {"graph": 0}], "tape": "1"},
        {"value": [*TENSOR, {"graph": 5}], "tape": 1},
        {"value": ["list", [*TENSOR, {"graph": 0}], [*TENSOR, {"graph": 0}]], "tape": 1},
    ],
)
def test_a_malformed_graph_is_refused(reply):
    script = Script([Line(lambda script: framed(reply, [bytes(8)]), [])])
    session = Session(script, 1, QUICK, [])
    with pytest.raises(WorkerLost):
        RemoteObject(session, 1, "function", "f")(torch.ones(1, requires_grad=True))
    assert any("malformed answer" in line for line in session.suspicious)


@pytest.mark.parametrize(
    "gradients",
    [
        ["list"],
        ["list", [*TENSOR, {}], None],
        ["list", [*TENSOR, {}]],
        ["list", ["tensor", "float32", [2], 0, {}]],
        ["list", 7],
        None,
    ],
)
def test_malformed_gradients_are_refused(gradients):
    lie = Line(lambda script: framed({"value": gradients}, [bytes(8)]), [])
    session = Session(Script([Line(Script.answer, [])] * 2 + [lie]), 1, QUICK, [])
    f = session.begin(["f"], 1)["f"]
    result, *_ = f(torch.ones(2, dtype=torch.float64, requires_grad=True))
    with pytest.raises(WorkerLost):
        result.sum().backward()
    assert any("malformed answer" in line for line in session.suspicious)


def test_the_worker_may_only_name_what_it_was_given():
    script = Script([Line(lambda script: framed({"value": ["yours", 7]}, []), [])])
    session = Session(script, 1, QUICK, [])
    with pytest.raises(WorkerLost):
        session.run_cell("", 1)
    assert any("unknown object" in line for line in session.suspicious)
