"""The inside of a cell, drawn from what it really computes."""

from .diagram import Line, Shape, diagram, pretty
from .picture import Picture
from .trace import TIGHT, Value, trace

__all__ = ["cell", "searched_cell"]

SIGN = {"tanh": "tanh", "relu": "ReLU", "sigmoid": "σ", "identity": "identity"}
ROLE = {"σ": "sigmoid", "tanh": "tanh", "ReLU": "relu"}
CIRCLES = ("+", "−", "×", "÷", "^")  # drawn so, where both operands are lines


def cell(step, *inputs, names=None, title=None, alt=None):
    """The operations of any step function, as they really run on these inputs.

        plots.cell(lstm_step, x, (h, c), W)

    step: a function of an input, a state and whatever else it needs, such as weights; or a module.
    inputs: what it is called with; tensors, tuples of tensors, functions. Names are those of the
    step's parameters and variables.
    names: other names for the inputs, one for each (a tuple of names for a tuple).
    Only what reaches the result is drawn: checks of shapes, copies and changes of view are not.
    Errors: ValueError when the result is not a tensor or a tuple of them, or does not depend on the
    inputs, or there is too much to draw; whatever step raises.
    """
    graph = trace(step, inputs, names)
    sheet = _drawn(graph)
    said = f"{graph.name}, as it computes: {graph.counted()}. {'; '.join(graph.equations())}."
    return Picture(sheet.figure(title), alt or said)


def searched_cell(graph, *, title=None, alt=None):
    """A cell that a search has found, given as data: the "Pokémon".

    graph: {"nodes": ((previous, activation), …), "output": (node, …)}, such as
    `reference.cells.ENAS_PUBLISHED`; see `reference.cells.enas_step`.
    Errors: ValueError when the graph is not such a one.
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
    shapes.append(Shape("mean", "plain", crowd=len(output)))
    shapes.append(Shape(pretty("h′"), "output", place="last"))
    end = len(shapes) - 1
    lines += [Line(2 + n, 0, end - 1) for n in output] + [Line(end - 1, 0, end)]
    reads = "; ".join(f"{n} reads {one} ({name})" for n, (one, name) in enumerate(nodes, start=1))
    said = (
        f"A searched cell of {len(nodes) + 1} nodes. Node 0 reads x and h (tanh)"
        f"{'; ' if reads else ''}{reads}. The new state is the mean of {_listed(output)}."
    )
    return Picture(diagram(shapes, lines).figure(title), alt or said)


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
    *most, last = [str(n) for n in numbers]
    return f"{', '.join(most)} and {last}" if most else last


def _drawn(graph):
    shown = [n for n in graph.nodes if not (n.fixed and _folded(n, graph))]
    number = {id(node): n for n, node in enumerate(shown)}
    shapes = [_shape(node, number) for node in shown]
    lines = []
    for n, node in enumerate(shown):
        for place, value in enumerate(node.reads):
            if isinstance(value, Value) and id(value.node) in number:
                # Which one is taken off, or divides, must be told.
                tell = place == 1 and shapes[n].text in ("−", "÷", "^")
                lines.append(
                    Line(number[id(value.node)], value.port, n, shapes[n].text if tell else "")
                )
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
    return Shape(text, ROLE.get(node.text, "plain"), shape, name, crowd=len(node.values()))


def _folded(node, graph):
    """A parameter stands in the box of each operation that reads it, where that says all."""
    readers = [one for one in graph.nodes if any(v.node is node for v in one.values())]
    return all(
        one.kind == "operation" and any(not v.node.fixed for v in one.values()) for one in readers
    )


def _text(node, number):
    """What stands in a node's box."""
    if node.kind != "operation":
        return pretty(node.text)
    inside = [
        one if isinstance(one, str) else None if id(one.node) in number else one.node.text
        for one in node.reads
    ]
    known = [pretty(one) for one in inside if one is not None]
    if not known:
        return node.text
    if node.text == "linear" and inside[1] is not None:
        if inside[1].endswith(".weight"):  # of an nn.Linear, whose name says enough
            return f"linear {inside[1].removesuffix('.weight')}"
        return f"@ {pretty(inside[1] + 'ᵀ')}" + "".join(f" + {one}" for one in known[1:])
    if node.text == "affine" and [one is None for one in inside] == [False, True, False]:
        return f"@ {known[1]} + {known[0]}"
    if node.text == "^" and inside[1] == "2":
        return "square"
    if node.text in TIGHT:
        return f"{known[0]} {node.text}" if inside[0] is not None else f"{node.text} {known[0]}"
    return f"{node.text} {', '.join(known)}"
