"""What a step function really computes: its operations on tensors, written down while it runs."""

import inspect
import math
import numbers
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

__all__ = ["TIGHT", "Graph", "Node", "Value", "trace"]

MOST = 200  # operations that can still be looked at

# The sign of an operation, by torch's name for it. What is not here is drawn by its name.
SIGNS = {
    "add": "+", "sub": "−", "subtract": "−", "rsub": "−", "mul": "×", "multiply": "×", "rmul": "×",
    "radd": "+", "div": "÷", "divide": "÷", "true_divide": "÷", "truediv": "÷", "rdiv": "÷",
    "rtruediv": "÷", "pow": "^", "rpow": "^", "matmul": "@", "mm": "@", "bmm": "@", "rmatmul": "@",
    "mv": "@", "sigmoid": "σ", "tanh": "tanh", "relu": "ReLU", "concat": "cat",
    "concatenate": "cat", "hstack": "cat", "neg": "negate", "negative": "negate", "sum": "sum",
    "addmm": "affine", "linear": "linear",
}  # fmt: skip
# How tightly the signs between two operands bind.
TIGHT = {"+": 1, "−": 1, "×": 2, "÷": 2, "@": 2, "^": 3}
# Digits that count how often a variable was used, and what operations are called in a sentence.
LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
WORDS = {
    "+": ("sum", "sums"), "−": ("difference", "differences"), "÷": ("quotient", "quotients"),
    "×": ("elementwise product", "elementwise products"), "^": ("power", "powers"),
    "@": ("matrix product", "matrix products"), "σ": ("sigmoid", "sigmoids"),
    "linear": ("linear map", "linear maps"), "affine": ("affine map", "affine maps"),
    "cat": ("concatenation", "concatenations"),
}  # fmt: skip
REVERSED = {"rsub", "rdiv", "rtruediv", "rpow", "rmatmul"}
# The same numbers in another form: nothing to see.
FORMS = {
    "clone", "contiguous", "detach", "to", "type", "type_as", "float", "double", "half", "bfloat16",
    "view", "view_as", "reshape", "reshape_as", "unsqueeze", "squeeze", "expand", "expand_as",
    "broadcast_to", "flatten", "unflatten", "requires_grad", "alias", "data", "cpu", "cuda",
}  # fmt: skip
TURNS = {"T", "mT", "t", "transpose", "swapaxes", "swapdims", "permute", "adjoint"}
PARTS = {"chunk", "split", "split_with_sizes", "tensor_split", "hsplit", "unbind", "getitem",
         "narrow", "select"}  # fmt: skip
# Made from a tensor's shape, not from its numbers.
LIKE = {"zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full",
        "new_empty", "new_tensor"}  # fmt: skip


@dataclass(eq=False)
class Node:
    """kind: input, state, parameter, constant, operation, split or output.

    text: an operation's sign, another's name. reads: its operands, values or numbers as text.
    name: the variable that holds what comes out. Of a split, which gives several values, ports are
    their names, and keys which part of the whole each is.
    """

    kind: str
    text: str
    reads: list["Value | str"] = field(default_factory=list)
    name: str = ""
    ports: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @property
    def fixed(self) -> bool:
        """The same at every step: a parameter or a constant."""
        return self.kind in ("parameter", "constant")

    def values(self) -> list["Value"]:
        return [one for one in self.reads if isinstance(one, Value)]


class Value(NamedTuple):
    """What comes out of a node, or of one port of a split."""

    node: Node
    port: int = 0

    @property
    def name(self) -> str:
        return self.node.ports[self.port] if self.node.kind == "split" else self.node.name


@dataclass
class Graph:
    """nodes in the order of computation: inputs first, outputs last; only what reaches those."""

    name: str
    nodes: list[Node]

    def of(self, *kinds: str) -> list[Node]:
        return [node for node in self.nodes if node.kind in kinds]

    def counted(self) -> str:
        """The operations in words, such as "3 sigmoids, 1 sum"."""
        words = []
        for sign, count in self.operations().items():
            one, many = WORDS.get(sign.split(" ")[0], (sign, sign))
            words.append(f"{count} {one if count == 1 else many}")
        return ", ".join(words) or "no operations"

    def operations(self) -> Counter[str]:
        """How often each operation occurs, by its sign."""
        return Counter(node.text for node in self.of("operation"))

    def equations(self) -> list[str]:
        """One for each variable and each output."""
        made = {}  # outputs, by the node that makes each
        for node in self.of("output"):
            made.setdefault(id(node.reads[0].node), node)
        held, times = {}, Counter(node.name for node in self.of("input", "state"))
        wanted = []
        for node in self.of("operation"):
            if id(node) in made:
                held[id(node)] = made[id(node)].text
            elif node.name:  # a variable that is used again: z, z₂, z₃
                times[node.name] += 1
                again = str(times[node.name]).translate(LOW) if times[node.name] > 1 else ""
                held[id(node)] = node.name + again
            else:
                continue
            wanted.append((held[id(node)], Value(node), True))
        for node in self.of("output"):
            if held.get(id(node.reads[0].node)) != node.text:
                wanted.append((node.text, node.reads[0], False))

        def written(value, around=0, top=False):
            """around: how tightly the operation around binds; a looser one needs parentheses."""
            if isinstance(value, str):
                return value
            node = value.node
            if node.kind == "split":
                return f"{written(node.reads[0], 4)}[{node.keys[value.port]}]"
            if node.kind != "operation":
                return node.text
            if not top and id(node) in held:
                return held[id(node)]
            tight = TIGHT.get(node.text)
            if tight is None or len(node.reads) != 2:
                return f"{node.text}({', '.join(written(one) for one in node.reads)})"
            # + may stand beside +; everything else is told apart.
            loose = tight if node.text == "+" else tight + 1
            text = (
                f"{written(node.reads[0], tight if node.text in '+−' else loose)} {node.text} "
                f"{written(node.reads[1], loose)}"
            )
            return f"({text})" if around > tight else text

        return [f"{name} = {written(value, top=top)}" for name, value, top in wanted]


def trace(step: Any, inputs: tuple[Any, ...], names: Any = None) -> Graph:
    """Run a step and return its graph; the arguments are those of `plots.cell`."""
    inputs = [_apart(one) for one in inputs]
    recorder = Recorder()
    parameters = _parameters(step, len(inputs))
    if names is not None:
        if isinstance(names, str) or len(names) != len(inputs):
            raise ValueError(f"names must be one for each of the {len(inputs)} inputs: {names!r}")
        parameters = list(names)
    for place, (one, name) in enumerate(zip(inputs, parameters, strict=True)):
        kind = ("input", "state")[place] if place < 2 else "parameter"
        recorder.enter(one, name, kind, sure=names is not None)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), recorder:
        result = recorder.run(step, inputs)
    plain = getattr(step, "func", step)  # a functools.partial
    called = getattr(plain, "__name__", type(plain).__name__)
    return recorder.graph("the step" if called == "<lambda>" else called, inputs, result)


def _apart(value):
    """Copies, so that no two inputs are the same tensor, and a step cannot change the caller's."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, tuple):
        return getattr(value, "_make", tuple)([_apart(one) for one in value])
    if isinstance(value, list):
        return [_apart(one) for one in value]
    if isinstance(value, torch.Generator):
        return torch.Generator(value.device).set_state(value.get_state())
    return value


def _parameters(step, count):
    called = step.forward if isinstance(step, nn.Module) else step
    try:
        found = list(inspect.signature(called).parameters.values())
    except (TypeError, ValueError):
        found = []
    names = [
        one.name for one in found if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    usual = ["x", "h"]
    return [
        names[n] if n < len(names) else usual[n] if n < 2 else f"input {n + 1}"
        for n in range(count)
    ]


class Recorder(TorchFunctionMode):
    """Every call of torch, as a node; names are looked up in the variables of who calls."""

    def __init__(self):
        super().__init__()
        self.nodes: list[Node] = []
        self.value: dict[int, Value] = {}  # by the id of a tensor
        self.alive: list[torch.Tensor] = []  # an id stays its tensor's only while that lives
        self.splits: dict[tuple[int, int], Node] = {}
        self.unsure: set[int] = set()  # nodes whose name is a makeshift

    def run(self, step, inputs):
        self.outermost = sys._getframe()
        return step(*inputs)

    # --- inputs -------------------------------------------------------------------------------

    def enter(self, value, name, kind, sure=False):
        """Take down an input: a tensor, or a tuple of them. Other things have no place."""
        if isinstance(value, torch.Tensor):
            node = self.add(Node(kind, str(name), name=str(name)))
            self.know(value, Value(node))
            return
        if isinstance(value, (tuple, list)):
            several = isinstance(name, (tuple, list))
            if several and len(name) != len(value):
                raise ValueError(f"{len(value)} names are needed for a tuple, not {len(name)}")
            for n, one in enumerate(value):
                self.enter(one, name[n] if several else f"{name}[{n}]", kind)
                if not several and isinstance(one, torch.Tensor):
                    self.unsure.add(id(self.value[id(one)].node))

    def add(self, node):
        self.nodes.append(node)
        if len(self.nodes) > MOST:
            raise ValueError(f"more than {MOST} operations: too much for a picture")
        return node

    def know(self, tensor, value):
        self.alive.append(tensor)
        self.value[id(tensor)] = value

    # --- calls --------------------------------------------------------------------------------

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        result = function(*arguments, **options)
        frames = self.frames(sys._getframe(1))
        self.note(frames)
        name = _name(function)
        if name == "setitem":
            self.set(arguments, frames)
        elif isinstance(result, torch.Tensor) or (
            isinstance(result, (tuple, list))
            and result
            and all(isinstance(one, torch.Tensor) for one in result)
        ):
            self.record(name, [*arguments, *options.values()], result, frames)
        return result

    def frames(self, frame):
        """Those of the step and of what it calls, innermost first."""
        found = []
        while frame is not None and frame is not self.outermost:
            found.append(frame)
            frame = frame.f_back
        return found

    def note(self, frames):
        """Give the names of variables to what has none yet."""
        for frame in frames:
            if frame.f_globals.get("__name__", "").split(".")[0] == "torch":
                continue
            for name, tensor in list(frame.f_locals.items()):
                if not isinstance(tensor, torch.Tensor) or id(tensor) not in self.value:
                    continue
                node, port = self.value[id(tensor)]
                if node.kind == "split":
                    if node.ports[port] == node.keys[port]:
                        node.ports[port] = name
                elif id(node) in self.unsure:
                    node.name = node.text = name
                    self.unsure.discard(id(node))
                elif not node.name:
                    node.name = name

    def operand(self, tensor, frames):
        """The value of a tensor. One that was never seen is a parameter, or a constant."""
        if id(tensor) not in self.value:
            self.know(tensor, Value(self.add(self.found(tensor, frames))))
        return self.value[id(tensor)]

    def found(self, tensor, frames):
        """A node for it, with the name that it has where the step can see it."""
        for frame in frames:
            if frame.f_globals.get("__name__", "").split(".")[0] != "torch":
                for name, one in [*frame.f_locals.items(), *frame.f_globals.items()]:
                    if one is tensor:
                        return Node("parameter", name, name=name)
        for frame in reversed(frames):
            for module in list(frame.f_locals.values()):
                if isinstance(module, nn.Module):
                    for name, one in [*module.named_parameters(), *module.named_buffers()]:
                        if one is tensor:
                            return Node("parameter", name, name=name)
        if tensor.numel() == 1:
            return _constant(tensor)
        return Node("parameter", "?", name="?")

    def record(self, name, arguments, result, frames):
        """Take down a call that gave a tensor, or several."""
        first = result[0] if isinstance(result, (tuple, list)) else result
        operands = list(self.operands(arguments, frames))
        values = [one for one in operands if isinstance(one, Value)]
        if name in LIKE or not values:
            for one in result if isinstance(result, (tuple, list)) else [result]:
                self.know(one, Value(self.add(_constant(one, name))))
            return
        if name in FORMS and len(values) >= 1:
            self.know(first, values[0])
            return
        if name in TURNS and values[0].node.fixed:
            turned = values[0].node.text + "ᵀ"
            self.know(first, Value(self.add(Node(values[0].node.kind, turned, name=turned))))
            return
        whole = arguments[0]
        if name in PARTS and len(values) == 1 and isinstance(whole, torch.Tensor):
            self.part(name, whole, values[0], arguments[1:], result)
            return
        sign = SIGNS.get(name, "transpose" if name in TURNS else name)
        if name in REVERSED:
            operands.reverse()
        if sign in TIGHT and len(operands) != 2:
            sign = name  # with an option, such as alpha
        elif sign not in TIGHT:
            operands = values  # a dimension or a size is no operand
        node = self.add(Node("operation", sign, operands))
        several = result if isinstance(result, (tuple, list)) else [result]
        if len(several) > 1:
            keys = [str(n) for n in range(len(several))]
            node = self.add(Node("split", "split", [Value(node)], ports=list(keys), keys=keys))
        for port, one in enumerate(several):
            self.know(one, Value(node, port))
        if first is arguments[0]:  # changed in place
            self.change(first)

    def operands(self, arguments, frames):
        for one in arguments:
            if isinstance(one, torch.Tensor):
                yield self.operand(one, frames)
            elif isinstance(one, (tuple, list)):
                yield from (part for part in self.operands(one, frames) if isinstance(part, Value))
            elif isinstance(one, numbers.Number) and not isinstance(one, bool):
                yield f"{one:g}" if isinstance(one, float) else str(one)

    def part(self, name, whole, value, arguments, result):
        """Parts of one value share a split, however they were cut out."""
        cut = list(result) if isinstance(result, (tuple, list)) else [result]
        if name == "getitem":
            keys = [_index(arguments[0])]
        elif name in ("narrow", "select"):
            keys = [":".join(str(one) for one in arguments[1:])]
        else:
            keys = [str(n) for n in range(len(cut))]
        if value.node.fixed:
            for key, one in zip(keys, cut, strict=True):
                text = f"{value.node.text}[{key}]"
                node = self.add(Node(value.node.kind, text, name=text))
                if name != "unbind":
                    self.unsure.add(id(node))
                self.know(one, Value(node))
            return
        split = self.splits.get((id(value.node), value.port))
        if split is None:
            split = self.add(Node("split", "split", [value]))
            self.splits[id(value.node), value.port] = split
        for key, one in zip(keys, cut, strict=True):
            if key not in split.keys:
                split.keys.append(key)
                split.ports.append(key)
            self.know(one, Value(split, split.keys.index(key)))

    def set(self, arguments, frames):
        """tensor[index] = value"""
        tensor, index, value = arguments[:3]
        reads = [self.operand(tensor, frames)]
        if isinstance(value, torch.Tensor):
            reads.append(self.operand(value, frames))
        if reads[0].node.kind == "constant":
            reads = reads[1:] or reads
        node = self.add(Node("operation", f"set [{_index(index)}]", reads))
        self.know(tensor, Value(node))
        self.change(tensor)

    def change(self, tensor):
        """A view was written into: what it is a part of has changed, too."""
        base = tensor._base
        if base is not None and id(base) in self.value:
            reads = [self.value[id(base)], self.value[id(tensor)]]
            self.know(base, Value(self.add(Node("operation", "set", reads))))

    # --- the graph ----------------------------------------------------------------------------

    def graph(self, name, inputs, result):
        state = inputs[1] if len(inputs) > 1 else None
        outputs = _outputs(result, self._names(state))
        if not outputs:
            raise ValueError(
                f"{name} must return a tensor or a tuple of tensors, not {result!r:.60}"
            )
        for tensor, called in outputs:
            if id(tensor) not in self.value:
                raise ValueError(f"{name} returns a tensor that no operation of torch made")
            value = self.value[id(tensor)]
            if value.node.kind == "operation":
                value.node.name = ""  # it is the output: the new h, not the old one
            self.nodes.append(Node("output", called, [value]))
        reached = set()

        def reach(node):
            if id(node) not in reached:
                reached.add(id(node))
                for value in node.values():
                    reach(value.node)

        for node in self.nodes:
            if node.kind == "output":
                reach(node)
        if not any(id(n) in reached for n in self.nodes if n.kind in ("input", "state")):
            raise ValueError(f"what {name} returns does not depend on its inputs")
        kept = [n for n in self.nodes if id(n) in reached or n.kind in ("input", "state")]
        _drop_ports(kept)
        return Graph(name, kept)

    def _names(self, state):
        if isinstance(state, torch.Tensor):
            return self.value[id(state)].node.text
        if isinstance(state, (tuple, list)):
            return [self._names(one) for one in state]
        return None


def _drop_ports(nodes):
    """Parts that nothing reads go, and their places move together."""
    for split in [node for node in nodes if node.kind == "split"]:
        used = sorted({v.port for node in nodes for v in node.values() if v.node is split})
        places = {port: n for n, port in enumerate(used)}
        split.ports = [split.ports[port] for port in used]
        split.keys = [split.keys[port] for port in used]
        for node in nodes:
            node.reads = [
                Value(split, places[one.port])
                if isinstance(one, Value) and one.node is split
                else one
                for one in node.reads
            ]


def _outputs(result, names):
    """Pairs of a tensor and its name: that of the state it follows, with a prime."""
    if isinstance(result, torch.Tensor):
        while isinstance(names, list):
            names = names[0] if names else None
        return [(result, f"{names}′" if names else "result")]
    if isinstance(result, (tuple, list)):
        alike = isinstance(names, list) and len(names) == len(result)
        found = []
        for n, one in enumerate(result):
            below = _outputs(one, names[n] if alike else None)
            if not alike and len(result) > 1:
                below = [(t, f"{called} {n + 1}") for t, called in below]
            found += below
        return found
    return []


def _name(function):
    name = getattr(function, "__name__", type(function).__name__)
    if name == "__get__":
        return getattr(getattr(function, "__self__", None), "__name__", name)
    if name.startswith("__"):
        name = name.strip("_")
        return name[1:] if name in ("iadd", "isub", "imul", "idiv", "itruediv", "ipow") else name
    plain = name.rstrip("_")
    return plain if plain in SIGNS or plain in FORMS else name


def _constant(tensor, made_by=""):
    low, high = (tensor.min().item(), tensor.max().item()) if tensor.numel() else (0, 1)
    if low == high and math.isfinite(low):
        return Node("constant", f"{low:g}", name=f"{low:g}")
    return Node("constant", made_by or "constant", name=made_by or "constant")


def _index(index):
    def one(part):
        if isinstance(part, slice):
            ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
            return ":".join(ends)
        return "…" if part is Ellipsis else str(part)

    parts = [one(part) for part in (index if isinstance(index, tuple) else (index,))]
    if len(parts) == 2 and parts[0] in (":", "…"):
        del parts[0]  # the whole batch, as ever
    return ", ".join(parts)
