"""The inside of a cell, drawn from what it really computes."""

import re

from .layout import arrange
from .picture import Picture
from .sheet import Sheet, width_of
from .trace import trace

__all__ = ["cell", "searched_cell"]

ROLE = {"σ": "sigmoid", "tanh": "tanh", "ReLU": "relu"}
CIRCLES = {"+": "+", "−": "−", "×": "×", "÷": "÷", "^": "^"}
HEIGHT = 0.34
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
    raise NotImplementedError


def _drawn(graph):
    shown = [n for n in graph.nodes if not (n.fixed and _folded(n, graph))]
    number = {id(node): n for n, node in enumerate(shown)}
    texts, sizes = [], []
    for node in shown:
        text = _text(node, number)
        texts.append(text)
        sizes.append(_size(node, text))
    edges = [
        (number[id(value.node)], value.port, n)
        for n, node in enumerate(shown)
        for value in node.values()
        if id(value.node) in number
    ]
    ports = [len(node.ports) for node in shown]
    first = [n for n, node in enumerate(shown) if node.kind in ("input", "state")]
    last = [n for n, node in enumerate(shown) if node.kind == "output"]
    breadths = [0.3 if count else size[1] for size, count in zip(sizes, ports, strict=True)]
    layout = arrange(breadths, edges, ports, first, last)

    depth = max(layout.layer) + 1
    wide = [0.0] * depth
    room = [0.34] * depth
    for n, node in enumerate(shown):
        wide[layout.layer[n]] = max(wide[layout.layer[n]], sizes[n][0])
        for name in node.ports or [node.name]:
            if node.kind in ("operation", "split"):
                need = width_of(name, 9) + 0.3
                room[layout.layer[n]] = max(room[layout.layer[n]], need)
    x, middle = 0.0, []
    for own, after in zip(wide, room, strict=True):
        middle.append(x + own / 2)
        x += own + after

    sheet = Sheet()
    for (start, _, end), line in zip(edges, layout.lines, strict=True):
        role = shown[start].kind if shown[start].kind in ("input", "state") else "plain"
        points = [(middle[layer], -y) for layer, y in line]
        points[0] = (points[0][0] + sizes[start][0] / 2, points[0][1])
        points[-1] = (points[-1][0] - sizes[end][0] / 2, points[-1][1])
        sheet.flow(points, role)
    for n, node in enumerate(shown):
        x, y = middle[layout.layer[n]], -layout.y[n]
        if node.kind == "split":
            own = layout.ports[n]
            sheet.box(
                x,
                y,
                "",
                "plain",
                width=sizes[n][0],
                height=max(own) - min(own) + 0.3,
                shape="square",
                fill=0.6,
            )
            for place, name in zip(own, node.ports, strict=True):
                sheet.text(
                    x + sizes[n][0] / 2 + 0.05,
                    -place + 0.1,
                    pretty(name),
                    size=9,
                    ha="left",
                    math=True,
                )
            continue
        role = ROLE.get(node.text, "plain") if node.kind == "operation" else node.kind
        shape = "circle" if node.kind == "operation" and texts[n] in CIRCLES else "round"
        sheet.box(
            x, y, texts[n], role, width=sizes[n][0], height=sizes[n][1], shape=shape, math=True
        )
        if node.kind == "operation" and node.name and node.name not in _incoming(node):
            sheet.text(
                x + sizes[n][0] / 2 + 0.05, y + 0.1, pretty(node.name), size=9, ha="left", math=True
            )
    return sheet


def _incoming(node):
    return {value.name for value in node.values() if value.node.kind == "split"}


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


def _size(node, text):
    if node.kind == "split":
        return 0.12, 0.0
    if node.kind == "operation" and text in CIRCLES:
        return 0.3, 0.3
    return max(0.42, width_of(text, 10, math=True) + 0.2), HEIGHT


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
