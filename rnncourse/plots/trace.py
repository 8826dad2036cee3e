"""The computation graph of a step function: its operations on tensors, recorded as it runs."""

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

__all__ = ["PRECEDENCE", "Graph", "Node", "Value", "trace"]

MAX_NODES = 200  # more would not be readable

# The sign of an operation, by torch's name for it. Others are drawn by their name.
SIGNS = {
    "add": "+", "sub": "−", "subtract": "−", "rsub": "−", "mul": "×", "multiply": "×", "rmul": "×",
    "radd": "+", "div": "÷", "divide": "÷", "true_divide": "÷", "truediv": "÷", "rdiv": "÷",
    "rtruediv": "÷", "pow": "^", "rpow": "^", "matmul": "@", "mm": "@", "bmm": "@", "rmatmul": "@",
    "mv": "@", "sigmoid": "σ", "tanh": "tanh", "relu": "ReLU", "concat": "cat",
    "concatenate": "cat", "hstack": "cat", "neg": "negate", "negative": "negate", "sum": "sum",
    "addmm": "affine", "linear": "linear",
}  # fmt: skip
# The precedence of signs between two operands.
PRECEDENCE = {"+": 1, "−": 1, "×": 2, "÷": 2, "@": 2, "^": 3}
# Digits that number the values of a variable, and the names of operations in a sentence.
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
WORDS = {
    "+": ("sum", "sums"), "−": ("difference", "differences"), "÷": ("quotient", "quotients"),
    "×": ("elementwise product", "elementwise products"), "^": ("power", "powers"),
    "@": ("matrix product", "matrix products"), "σ": ("sigmoid", "sigmoids"),
    "linear": ("linear map", "linear maps"), "affine": ("affine map", "affine maps"),
    "cat": ("concatenation", "concatenations"),
}  # fmt: skip
REVERSED = {"rsub", "rdiv", "rtruediv", "rpow", "rmatmul"}
# The same numbers in another form: not drawn.
FORMS = {
    "clone", "contiguous", "detach", "to", "type", "type_as", "float", "double", "half", "bfloat16",
    "view", "view_as", "reshape", "reshape_as", "unsqueeze", "squeeze", "expand", "expand_as",
    "broadcast_to", "flatten", "unflatten", "requires_grad", "alias", "data", "cpu", "cuda",
}  # fmt: skip
TURNS = {"T", "mT", "t", "transpose", "swapaxes", "swapdims", "permute", "adjoint"}
PARTS = {"chunk", "split", "split_with_sizes", "tensor_split", "hsplit", "unbind", "getitem",
         "narrow", "select"}  # fmt: skip
# These read a tensor's shape, not its numbers.
LIKE = {"zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full",
        "new_empty", "new_tensor"}  # fmt: skip


@dataclass(eq=False)
class Node:
    """kind: input, state, parameter, constant, operation, split or output.

    text: the sign of an operation, the name of another node. reads: its operands; values, or
    numbers as text. name: the variable that holds the result. A split has several results: ports
    are their names, keys the indices of the parts.
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
        return [operand for operand in self.reads if isinstance(operand, Value)]


class Value(NamedTuple):
    """The result of a node, or of one port of a split."""

    node: Node
    port: int = 0

    @property
    def name(self) -> str:
        return self.node.ports[self.port] if self.node.kind == "split" else self.node.name


@dataclass
class Graph:
    """Nodes in the order of computation, inputs first; all others contribute to an output."""

    name: str
    nodes: list[Node]

    def of(self, *kinds: str) -> list[Node]:
        return [node for node in self.nodes if node.kind in kinds]

    def counted(self) -> str:
        """The operations in words, such as "3 sigmoids, 1 sum"."""
        words = []
        for sign, count in self.operations().items():
            singular, plural = WORDS.get(sign.split(" ")[0], (sign, sign))
            words.append(f"{count} {singular if count == 1 else plural}")
        return ", ".join(words) or "no operations"

    def operations(self) -> Counter[str]:
        """The number of operations, by sign."""
        return Counter(node.text for node in self.of("operation"))

    def equations(self) -> list[str]:
        """One for each variable and each output."""
        outputs: dict[int, Node] = {}  # by the node that computes it
        for output in self.of("output"):
            outputs.setdefault(id(_source(output)), output)
        variables = self._variables(outputs)
        equations = []
        for node in self.of("operation"):
            if id(node) in variables:
                formula = _formula(Value(node), variables, expand=True)
                equations.append(f"{variables[id(node)]} = {formula}")
        for output in self.of("output"):
            if variables.get(id(_source(output))) != output.text:
                equations.append(f"{output.text} = {_formula(output.values()[0], variables)}")
        return equations

    def _variables(self, outputs: dict[int, Node]) -> dict[int, str]:
        """The variables, by the operation that computes each. A name used again: z, z₂, z₃."""
        variables = {}
        uses = Counter(node.name for node in self.of("input", "state"))
        for node in self.of("operation"):
            if id(node) in outputs:
                variables[id(node)] = outputs[id(node)].text
            elif node.name:
                uses[node.name] += 1
                number = str(uses[node.name]).translate(SUBSCRIPTS) if uses[node.name] > 1 else ""
                variables[id(node)] = node.name + number
        return variables


def _source(output: Node) -> Node:
    return output.values()[0].node


def _formula(
    value: Value | str, variables: dict[int, str], outer: int = 0, expand: bool = False
) -> str:
    """A value as a formula of variables. expand: even if it is a variable itself.

    outer: the precedence of the surrounding operation; a lower one needs parentheses.
    """
    if isinstance(value, str):
        return value
    node = value.node
    if node.kind == "split":
        return f"{_formula(node.reads[0], variables, 4)}[{node.keys[value.port]}]"
    if node.kind != "operation":
        return node.text
    if id(node) in variables and not expand:
        return variables[id(node)]
    precedence = PRECEDENCE.get(node.text)
    if precedence is None or len(node.reads) != 2:
        operands = ", ".join(_formula(operand, variables) for operand in node.reads)
        return f"{node.text}({operands})"
    # a + (b + c) needs no parentheses, a − (b + c) does; (a + b) − c does not, (a × b) × c does.
    left = precedence if node.text in "+−" else precedence + 1
    right = precedence if node.text == "+" else precedence + 1
    text = (
        f"{_formula(node.reads[0], variables, left)} {node.text} "
        f"{_formula(node.reads[1], variables, right)}"
    )
    return f"({text})" if outer > precedence else text


def trace(step: Any, inputs: tuple[Any, ...], names: Any = None) -> Graph:
    """Run a step and return its graph; the arguments are those of `plots.cell`."""
    inputs = tuple(_copied(value) for value in inputs)
    recorder = Recorder()
    parameters = _parameters(step, len(inputs))
    if names is not None:
        if isinstance(names, str) or len(names) != len(inputs):
            raise ValueError(f"names must be one for each of the {len(inputs)} inputs: {names!r}")
        parameters = list(names)
    for place, (value, name) in enumerate(zip(inputs, parameters, strict=True)):
        kind = ("input", "state")[place] if place < 2 else "parameter"
        recorder.enter(value, name, kind)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), recorder:
        result = recorder.run(step, inputs)
    function = getattr(step, "func", step)  # of a functools.partial
    step_name = getattr(function, "__name__", type(function).__name__)
    return recorder.graph("the step" if step_name == "<lambda>" else step_name, inputs, result)


def _copied(value):
    """Copies, so that no two inputs are the same tensor, and a step cannot change the caller's."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, tuple):
        return getattr(value, "_make", tuple)([_copied(part) for part in value])
    if isinstance(value, list):
        return [_copied(part) for part in value]
    if isinstance(value, torch.Generator):
        return torch.Generator(value.device).set_state(value.get_state())
    return value


def _parameters(step, count):
    """The names of the first parameters of a step."""
    function = step.forward if isinstance(step, nn.Module) else step
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [
        parameter.name
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    names = names[:count]
    defaults = ["x", "h", *(f"input {n + 1}" for n in range(2, count))]
    return names + defaults[len(names) : count]


class Recorder(TorchFunctionMode):
    """Records every call of torch as a node; names come from the variables of the calling code."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.value: dict[int, Value] = {}  # by the id of a tensor
        self.alive: list[torch.Tensor] = []  # an id is unique only while its tensor is alive
        self.splits: dict[tuple[int, int], Node] = {}
        self.unsure: set[int] = set()  # nodes with a provisional name

    def run(self, step, inputs):
        self.outermost = sys._getframe()
        return step(*inputs)

    # --- inputs -------------------------------------------------------------------------------

    def enter(self, value, name, kind):
        """Record an input: a tensor, or a tuple of them. Other inputs are not drawn."""
        if isinstance(value, torch.Tensor):
            node = self.add(Node(kind, str(name), name=str(name)))
            self.know(value, Value(node))
            return
        if isinstance(value, (tuple, list)):
            named = isinstance(name, (tuple, list))
            if named and len(name) != len(value):
                raise ValueError(f"{len(value)} names are needed for a tuple, not {len(name)}")
            for n, part in enumerate(value):
                self.enter(part, name[n] if named else f"{name}[{n}]", kind)
                if not named and isinstance(part, torch.Tensor):
                    self.unsure.add(id(self.value[id(part)].node))

    def add(self, node):
        self.nodes.append(node)
        if len(self.nodes) > MAX_NODES:
            raise ValueError(f"more than {MAX_NODES} operations: too much for a picture")
        return node

    def know(self, tensor, value):
        self.alive.append(tensor)
        self.value[id(tensor)] = value

    # --- calls --------------------------------------------------------------------------------

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        result = function(*arguments, **options)
        frames = self.frames(sys._getframe(1))
        self.note_names(frames)
        name = _name(function)
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        if name == "setitem":
            self.set(arguments, frames)
        elif results and all(isinstance(tensor, torch.Tensor) for tensor in results):
            self.record(name, [*arguments, *options.values()], results, frames)
        return result

    def frames(self, frame):
        """The frames of the step and of the functions it calls, innermost first."""
        frames = []
        while frame is not None and frame is not self.outermost:
            frames.append(frame)
            frame = frame.f_back
        return frames

    def note_names(self, frames):
        """Give nodes that have no name yet the names of the variables that hold them."""
        for frame in frames:
            if _is_of_torch(frame):
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
        """The value of a tensor. One that no call returned is a parameter or a constant."""
        if id(tensor) not in self.value:
            self.know(tensor, Value(self.add(self.outside(tensor, frames))))
        return self.value[id(tensor)]

    def outside(self, tensor, frames):
        """A node for a tensor from outside, with the name that it has where the step can see it."""
        for frame in frames:
            if not _is_of_torch(frame):
                for name, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
                    if value is tensor:
                        return Node("parameter", name, name=name)
        for frame in reversed(frames):
            for module in list(frame.f_locals.values()):
                if isinstance(module, nn.Module):
                    for name, value in [*module.named_parameters(), *module.named_buffers()]:
                        if value is tensor:
                            return Node("parameter", name, name=name)
        if tensor.numel() == 1:
            return _constant(tensor)
        return Node("parameter", "?", name="?")

    def record(self, name, arguments, results, frames):
        """Record a call that returned one tensor or several."""
        operands = list(self.operands(arguments, frames))
        values = [operand for operand in operands if isinstance(operand, Value)]
        if name in LIKE or not values:
            for tensor in results:
                self.know(tensor, Value(self.add(_constant(tensor, name))))
        elif name in FORMS:
            self.know(results[0], values[0])
        elif name in TURNS and values[0].node.fixed:
            fixed = values[0].node
            transposed = Node(fixed.kind, f"{fixed.text}ᵀ", name=f"{fixed.text}ᵀ")
            self.know(results[0], Value(self.add(transposed)))
        elif name in PARTS and len(values) == 1 and isinstance(arguments[0], torch.Tensor):
            self.record_parts(values[0], _keys(name, arguments[1:], len(results)), results, name)
        else:
            self.record_operation(name, operands, results)
            if results[0] is arguments[0]:  # changed in place
                self.change(results[0])

    def record_operation(self, name, operands, results):
        sign = SIGNS.get(name, "transpose" if name in TURNS else name)
        if name in REVERSED:
            operands = operands[::-1]
        if sign in PRECEDENCE and len(operands) != 2:
            sign = name  # with an option, such as alpha
        elif sign not in PRECEDENCE:  # dimensions and sizes are not operands
            operands = [operand for operand in operands if isinstance(operand, Value)]
        node = self.add(Node("operation", sign, operands))
        if len(results) > 1:
            keys = [str(n) for n in range(len(results))]
            node = self.add(Node("split", "split", [Value(node)], ports=list(keys), keys=keys))
        for port, tensor in enumerate(results):
            self.know(tensor, Value(node, port))

    def operands(self, arguments, frames):
        """Values and numbers among the arguments; of lists the values only."""
        for argument in arguments:
            if isinstance(argument, torch.Tensor):
                yield self.operand(argument, frames)
            elif isinstance(argument, (tuple, list)):
                for operand in self.operands(argument, frames):
                    if isinstance(operand, Value):
                        yield operand
            elif isinstance(argument, numbers.Number) and not isinstance(argument, bool):
                yield f"{argument:g}" if isinstance(argument, float) else str(argument)

    def record_parts(self, whole, keys, parts, name):
        """Parts of one value share a split, whichever calls cut them out."""
        if whole.node.fixed:
            for key, tensor in zip(keys, parts, strict=True):
                text = f"{whole.node.text}[{key}]"
                node = self.add(Node(whole.node.kind, text, name=text))
                if name != "unbind":
                    self.unsure.add(id(node))
                self.know(tensor, Value(node))
            return
        split = self.splits.get((id(whole.node), whole.port))
        if split is None:
            split = self.add(Node("split", "split", [whole]))
            self.splits[id(whole.node), whole.port] = split
        for key, tensor in zip(keys, parts, strict=True):
            if key not in split.keys:
                split.keys.append(key)
                split.ports.append(key)
            self.know(tensor, Value(split, split.keys.index(key)))

    def set(self, arguments, frames):
        """Record tensor[index] = value."""
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
        """A tensor was written to: if it is a view, its base has changed, too."""
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
        for tensor, output_name in outputs:
            if id(tensor) not in self.value:
                raise ValueError(f"{name} returns a tensor that no operation of torch made")
            value = self.value[id(tensor)]
            if value.node.kind == "operation":
                value.node.name = ""  # it is the output: the new h, not the old one
            self.nodes.append(Node("output", output_name, [value]))
        reached = set()

        def reach(node):
            if id(node) not in reached:
                reached.add(id(node))
                for value in node.values():
                    reach(value.node)

        for node in self.nodes:
            if node.kind == "output":
                reach(node)
        input_nodes = [node for node in self.nodes if node.kind in ("input", "state")]
        if not any(id(node) in reached for node in input_nodes):
            raise ValueError(f"what {name} returns does not depend on its inputs")
        nodes = [node for node in self.nodes if node in input_nodes or id(node) in reached]
        _drop_ports(nodes)
        return Graph(name, nodes)

    def _names(self, state):
        if isinstance(state, torch.Tensor):
            return self.value[id(state)].node.text
        if isinstance(state, (tuple, list)):
            return [self._names(part) for part in state]
        return None


def _drop_ports(nodes):
    """Remove the parts of splits that nothing reads."""
    for split in [node for node in nodes if node.kind == "split"]:
        used = sorted(
            {value.port for node in nodes for value in node.values() if value.node is split}
        )
        places = {port: n for n, port in enumerate(used)}
        split.ports = [split.ports[port] for port in used]
        split.keys = [split.keys[port] for port in used]
        for node in nodes:
            node.reads = [
                Value(split, places[operand.port])
                if isinstance(operand, Value) and operand.node is split
                else operand
                for operand in node.reads
            ]


def _outputs(result, names):
    """Pairs of a tensor and its name: that of the corresponding state, with a prime."""
    if isinstance(result, torch.Tensor):
        while isinstance(names, list):
            names = names[0] if names else None
        return [(result, f"{names}′" if names else "result")]
    if isinstance(result, (tuple, list)):
        same_length = isinstance(names, list) and len(names) == len(result)
        outputs = []
        for n, part in enumerate(result):
            parts = _outputs(part, names[n] if same_length else None)
            if not same_length and len(result) > 1:
                parts = [(tensor, f"{name} {n + 1}") for tensor, name in parts]
            outputs += parts
        return outputs
    return []


def _is_of_torch(frame):
    return frame.f_globals.get("__name__", "").split(".")[0] == "torch"


def _name(function):
    """The name of an operation, without underscores: `__iadd__`, `add_` and `add` are all add."""
    name = getattr(function, "__name__", type(function).__name__)
    if name == "__get__":
        return getattr(getattr(function, "__self__", None), "__name__", name)
    if name.startswith("__"):
        name = name.strip("_")
        return name[1:] if name in ("iadd", "isub", "imul", "idiv", "itruediv", "ipow") else name
    stem = name.rstrip("_")
    return stem if stem in SIGNS or stem in FORMS else name


def _constant(tensor, made_by=""):
    low, high = (tensor.min().item(), tensor.max().item()) if tensor.numel() else (0, 1)
    if low == high and math.isfinite(low):
        return Node("constant", f"{low:g}", name=f"{low:g}")
    return Node("constant", made_by or "constant", name=made_by or "constant")


def _keys(name, arguments, number):
    """The indices of the parts that a call cut out of a tensor, as text."""
    if name == "getitem":
        return [_index(arguments[0])]
    if name in ("narrow", "select"):
        return [":".join(str(argument) for argument in arguments[1:])]
    return [str(n) for n in range(number)]


def _index(index):
    """An index as text, without the batch's when that is all of it."""
    entries = index if isinstance(index, tuple) else (index,)
    texts = [_index_entry(entry) for entry in entries]
    if len(texts) == 2 and texts[0] in (":", "…"):
        del texts[0]
    return ", ".join(texts)


def _index_entry(entry):
    if isinstance(entry, slice):
        start = "" if entry.start is None else str(entry.start)
        stop = "" if entry.stop is None else str(entry.stop)
        return f"{start}:{stop}"
    return "…" if entry is Ellipsis else str(entry)
