"""The inside of a cell, drawn from what it really computes."""

from .diagram import Line, Shape, diagram, pretty
from .picture import Picture
from .trace import PRECEDENCE, Value, trace

__all__ = ["cell", "searched_cell"]

SIGN = {"tanh": "tanh", "relu": "ReLU", "sigmoid": "σ", "identity": "identity"}
ROLE = {"σ": "sigmoid", "tanh": "tanh", "ReLU": "relu"}
CIRCLES = ("+", "−", "×", "÷", "^")  # drawn so, where both operands are lines


def cell(step, *inputs, names=None, title=None, alt=None):
    """The operations of a step function, recorded while it runs on these inputs.

        plots.cell(lstm_step, x, (h, c), W)

    step: a function of an input, a state and anything else it needs, such as weights; or a module.
    inputs: its arguments: tensors, tuples of tensors, functions. Labels are the names of the step's
    parameters and variables.
    names: other names for the inputs, one for each (a tuple of names for a tuple).
    Only operations that the result depends on are drawn; copies and changes of view are not.
    Errors: ValueError when the result is not a tensor or a tuple of them, or does not depend on the
    inputs, or there is too much to draw; whatever step raises.
    """
    graph = trace(step, inputs, names)
    sheet = _drawn(graph)
    alt_text = f"{graph.name}, as it computes: {graph.counted()}. {'; '.join(graph.equations())}."
    return Picture(sheet.figure(title), alt or alt_text)


def searched_cell(graph, *, title=None, alt=None):
    """A cell that a search found, given as data: the "Pokémon".

    graph: {"nodes": ((previous, activation), …), "output": (node, …)}, such as
    `reference.cells.ENAS_PUBLISHED`; see `reference.cells.enas_step`.
    Errors: ValueError when the graph is invalid.
    """
    nodes, output = _checked(graph)
    shapes = [
        Shape("$x$", "input", place="first"),
        Shape("$h$", "state", place="first"),
        Shape("0  tanh", "tanh"),
    ]
    lines = [Line(0, 0, 2), Line(1, 0, 2)]
    for n, (previous, activation) in enumerate(nodes, start=1):
        sign = SIGN[activation]
        shapes.append(Shape(f"{n}  {sign}", ROLE.get(sign, "plain")))
        lines.append(Line(2 + previous, 0, 2 + n))
    shapes.append(Shape("mean", "plain", incoming=len(output)))
    shapes.append(Shape(pretty("h′"), "output", place="last"))
    end = len(shapes) - 1
    lines += [Line(2 + n, 0, end - 1) for n in output] + [Line(end - 1, 0, end)]
    reads = "; ".join(
        f"{n} reads {previous} ({activation})"
        for n, (previous, activation) in enumerate(nodes, start=1)
    )
    alt_text = (
        f"A searched cell of {len(nodes) + 1} nodes. Node 0 reads x and h (tanh)"
        f"{'; ' if reads else ''}{reads}. The new state is the mean of {_listed(output)}."
    )
    return Picture(diagram(shapes, lines).figure(title), alt or alt_text)


def _checked(graph):
    try:
        nodes = [(int(previous), str(name)) for previous, name in graph["nodes"]]
        output = [int(n) for n in graph["output"]]
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            'a graph is {"nodes": ((previous, activation), …), "output": (node, …)}; '
            f"given: {graph!r:.80}"
        ) from None
    for n, (previous, name) in enumerate(nodes, start=1):
        if name not in SIGN:
            raise ValueError(f"node {n} has the activation {name!r}, not one of {', '.join(SIGN)}")
        if previous not in range(n):
            raise ValueError(f"node {n} reads node {previous}, which is not an earlier node")
    if not output or any(n not in range(len(nodes) + 1) for n in output):
        raise ValueError(
            f"the output {output} must name at least one of the nodes 0 to {len(nodes)}"
        )
    return nodes, output


def _listed(numbers):
    *others, last = [str(n) for n in numbers]
    return f"{', '.join(others)} and {last}" if others else last


def _drawn(graph):
    shown = [n for n in graph.nodes if not (n.fixed and _folded(n, graph))]
    number = {id(node): n for n, node in enumerate(shown)}
    shapes = [_shape(node, number) for node in shown]
    lines = []
    for n, node in enumerate(shown):
        for place, value in enumerate(node.reads):
            if isinstance(value, Value) and id(value.node) in number:
                # Where the order of the operands matters, the second one is marked.
                ordered = place == 1 and shapes[n].text in ("−", "÷", "^")
                mark = shapes[n].text if ordered else ""
                lines.append(Line(number[id(value.node)], value.port, n, mark))
    return diagram(shapes, lines)


def _shape(node, number):
    place = {"input": "first", "state": "first", "output": "last"}.get(node.kind, "")
    if node.kind == "split":
        return Shape("", "plain", ports=[pretty(name) for name in node.ports])
    text = _text(node, number)
    if node.kind != "operation":
        return Shape(text, node.kind, place=place)
    known = {value.name for value in node.values() if value.node.kind == "split"}
    name = "" if node.name in known else pretty(node.name)
    shape = "circle" if text in CIRCLES else "round"
    return Shape(text, ROLE.get(node.text, "plain"), shape, name, incoming=len(node.values()))


def _folded(node, graph):
    """Whether a fixed node has no shape of its own, but is named in the boxes of its readers."""
    readers = [
        reader for reader in graph.nodes if any(value.node is node for value in reader.values())
    ]
    return all(
        reader.kind == "operation" and any(not value.node.fixed for value in reader.values())
        for reader in readers
    )


def _text(node, number):
    """The text in a node's box. number: of the nodes that have a shape, by id."""
    if node.kind != "operation":
        return pretty(node.text)
    folded = [_folded_text(operand, number) for operand in node.reads]
    names = [pretty(text) for text in folded if text is not None]
    if not names:
        return node.text
    if node.text == "linear" and folded[1] is not None:
        return _linear_text(folded[1], names[1:])
    if node.text == "affine" and [text is None for text in folded] == [False, True, False]:
        bias, weight = names
        return f"@ {weight} + {bias}"
    if node.text == "^" and folded[1] == "2":
        return "square"
    if node.text in PRECEDENCE:
        return f"{names[0]} {node.text}" if folded[0] is not None else f"{node.text} {names[0]}"
    return f"{node.text} {', '.join(names)}"


def _folded_text(operand, number):
    """The text of an operand inside the box of its reader; None where a line leads there."""
    if isinstance(operand, str):
        return operand
    return None if id(operand.node) in number else operand.node.text


def _linear_text(weight, biases):
    if weight.endswith(".weight"):  # of an nn.Linear, whose name says enough
        return f"linear {weight.removesuffix('.weight')}"
    return f"@ {pretty(weight + 'ᵀ')}" + "".join(f" + {bias}" for bias in biases)
