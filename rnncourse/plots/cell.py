"""The inside of a cell, drawn from what it really computes."""

import re
from dataclasses import dataclass, field

from .layout import arrange
from .picture import Picture
from .sheet import Sheet, width_of
from .trace import trace

__all__ = ["cell", "searched_cell"]

SIGN = {"tanh": "tanh", "relu": "ReLU", "sigmoid": "σ", "identity": "identity"}
ROLE = {"σ": "sigmoid", "tanh": "tanh", "ReLU": "relu"}
CIRCLES = ("+", "−", "×", "÷", "^")
HEIGHT, CIRCLE, BAR = 0.34, 0.3, 0.12
LETTER = re.compile(r"([A-Za-z])(?:_(\w+)|(\d+))?(ᵀ?)(′?)")


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
    counts = ", ".join(f"{n} {sign}" for sign, n in graph.operations().items())
    said = (
        f"The operations of {graph.name}: {counts or 'none'}. " + "; ".join(graph.equations()) + "."
    )
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
    edges = [(0, 0, 2), (1, 0, 2)]
    for n, (previous, activation) in enumerate(nodes, start=1):
        sign = SIGN[activation]
        shapes.append(Shape(f"{n}  {sign}", ROLE.get(sign, "plain")))
        edges.append((2 + previous, 0, 2 + n))
    shapes += [Shape("mean", "plain"), Shape("$h^{\\prime}$", "output", place="last")]
    end = len(shapes) - 1
    edges += [(2 + n, 0, end - 1) for n in output] + [(end - 1, 0, end)]
    reads = "; ".join(f"{n} reads {one} ({name})" for n, (one, name) in enumerate(nodes, start=1))
    said = (
        f"A searched cell of {len(nodes) + 1} nodes. Node 0 reads x and h (tanh)"
        f"{'; ' if reads else ''}{reads}. The new state is the mean of {_listed(output)}."
    )
    return Picture(_sheet(shapes, edges).figure(title), alt or said)


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


@dataclass
class Shape:
    """A node as it is drawn. name: of what comes out; ports: those of a bar's parts."""

    text: str
    role: str
    width: float = 0.0
    height: float = HEIGHT
    shape: str = "round"
    name: str = ""
    ports: list[str] = field(default_factory=list)
    place: str = ""  # "first" or "last": in the outermost layer

    def __post_init__(self):
        if self.ports:
            self.width = BAR
        elif self.shape == "circle":
            self.width = self.height = CIRCLE
        else:
            self.width = max(0.42, width_of(self.text, 10, math=True) + 0.2)


def _drawn(graph):
    shown = [n for n in graph.nodes if not (n.fixed and _folded(n, graph))]
    number = {id(node): n for n, node in enumerate(shown)}
    shapes = [_shape(node, number) for node in shown]
    edges = [
        (number[id(value.node)], value.port, n)
        for n, node in enumerate(shown)
        for value in node.values()
        if id(value.node) in number
    ]
    return _sheet(shapes, edges)


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
    return Shape(text, ROLE.get(node.text, "plain"), shape=shape, name=name)


def _sheet(shapes, edges):
    """Lay the shapes out and draw them, from left to right."""
    layout = arrange(
        [0.3 if one.ports else one.height for one in shapes],
        edges,
        [len(one.ports) for one in shapes],
        [n for n, one in enumerate(shapes) if one.place == "first"],
        [n for n, one in enumerate(shapes) if one.place == "last"],
    )
    middle = _columns(shapes, layout)
    sheet = Sheet()
    arrivals = _arrivals(shapes, edges, layout)
    for (start, _, _), line, (inset, y) in zip(edges, layout.lines, arrivals, strict=True):
        points = [(middle[layer], -y) for layer, y in line]
        points[0] = (points[0][0] + shapes[start].width / 2, points[0][1])
        points[-1] = (points[-1][0] - inset, -y)
        role = shapes[start].role
        sheet.flow(points, role if role in ("input", "state") else "plain")
    for n, one in enumerate(shapes):
        x, y = middle[layout.layer[n]], -layout.y[n]
        right = x + one.width / 2 + 0.05
        if one.ports:
            own = layout.ports[n]
            height = max(own) - min(own) + 0.3
            sheet.box(
                x, y, "", "plain", width=BAR, height=height, shape="square", fill=0.6, level=1
            )
            for place, name in zip(own, one.ports, strict=True):
                sheet.text(right, -place + 0.1, name, size=9, ha="left", math=True)
            continue
        sheet.box(
            x, y, one.text, one.role, width=one.width, height=one.height, shape=one.shape, math=True
        )
        if one.name:
            sheet.text(right, y + 0.1, one.name, size=9, ha="left", math=True)
    return sheet


def _columns(shapes, layout):
    """The x of each layer: as wide as its widest shape, and room for the names behind it."""
    depth = max(layout.layer) + 1
    wide, room = [0.0] * depth, [0.34] * depth
    for one, layer in zip(shapes, layout.layer, strict=True):
        wide[layer] = max(wide[layer], one.width)
        for name in one.ports or [one.name]:
            room[layer] = max(room[layer], width_of(name, 9, math=True) + 0.3)
    x, middle = 0.0, []
    for own, after in zip(wide, room, strict=True):
        middle.append(x + own / 2)
        x += own + after
    return middle


def _arrivals(shapes, edges, layout):
    """For each edge where it meets its shape: how far left of the middle, and the y. Several come
    in one below the other, in the order in which they come."""
    found = [None] * len(edges)
    for n, one in enumerate(shapes):
        own = [k for k, (_, _, end) in enumerate(edges) if end == n]
        own.sort(key=lambda k: layout.lines[k][-2][1])
        for rank, k in enumerate(own):
            y = layout.lines[k][-1][1]
            inset = one.width / 2
            if not one.ports and len(own) > 1:
                off = (rank / (len(own) - 1) - 0.5) * one.height * 0.5
                y += off
                if one.shape == "circle":
                    inset = (inset**2 - off**2) ** 0.5
            found[k] = (inset, y)
    return found


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
    if node.text == "linear":
        return f"@ {pretty(inside[1] + 'ᵀ')}" + "".join(f" + {one}" for one in known[1:])
    if node.text == "affine" and inside[1] is None:
        return f"@ {known[-1]} + {known[0]}"
    if node.text == "^" and inside[1] == "2":
        return "square"
    if len(inside) == 2 and node.text in ("+", "−", "×", "÷", "@", "^"):
        return f"{known[0]} {node.text}" if inside[0] is not None else f"{node.text} {known[0]}"
    return f"{node.text} {', '.join(known)}"


def pretty(name):
    """A variable's name as mathematics: W_xz has a subscript, h′ a prime."""
    found = LETTER.fullmatch(name)
    if not found:
        return name.replace("$", "")
    letter, low, digits, turned, prime = found.groups()
    below = low or digits
    below = (
        f"_{{{below}}}"
        if below and len(below) < 2
        else f"_{{\\mathrm{{{below}}}}}"
        if below
        else ""
    )
    above = ("T" if turned else "") + ("\\prime" if prime else "")
    return f"${letter}{below}" + (f"^{{{above}}}" if above else "") + "$"
