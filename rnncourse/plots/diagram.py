"""A graph as a diagram: boxes, circles and bars in layers, and lines between them."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from .layout import arrange
from .sheet import Sheet, width_of

__all__ = ["Line", "Shape", "diagram", "pretty"]

HEIGHT, CIRCLE, BAR = 0.34, 0.3, 0.12
FILL = {"state": 0.3, "sigmoid": 0.28, "relu": 0.06}  # the share of its colour inside a shape
HEAD = 0.1  # the length of an arrow's head
LETTER = re.compile(r"([^\W\d_])(?:_\{([^{}$\\]+)\}|_([^\Wᵀ]+)|(\d+))?(ᵀ?)([′']?)")


@dataclass
class Shape:
    """A node as it is drawn: shape is "round" or "circle"; a node with ports is a bar.

    name: of its result; ports: the names of a bar's parts. place: "first" or "last" puts it in that
    layer. incoming: the number of lines that end here.
    """

    text: str
    role: str
    shape: str = "round"
    name: str = ""
    ports: list[str] = field(default_factory=list)
    place: str = ""
    incoming: int = 1

    def __post_init__(self):
        self.width = max(0.42, width_of(self.text, 10, math=True) + 0.2)
        self.height = max(HEIGHT, 0.11 * self.incoming)
        if self.ports:
            self.width, self.height = BAR, 0.3  # for each part
        elif self.shape == "circle":
            self.width = self.height = CIRCLE


@dataclass
class Line:
    """From a shape (or one of its ports) to a later one. mark: a sign at the end, such as −."""

    start: int
    port: int
    end: int
    mark: str = ""


def diagram(shapes: list[Shape], lines: list[Line]) -> Sheet:
    """Lay the shapes out and draw them, from left to right. A shape reads earlier ones only."""
    layout = arrange(
        [shape.height for shape in shapes],
        [(line.start, line.port, line.end) for line in lines],
        [len(shape.ports) for shape in shapes],
        [n for n, shape in enumerate(shapes) if shape.place == "first"],
        [n for n, shape in enumerate(shapes) if shape.place == "last"],
    )
    sheet = Sheet()
    columns = _columns(shapes, layout)
    _draw_lines(sheet, shapes, lines, layout, columns)
    for n, shape in enumerate(shapes):
        x = columns[layout.layer[n]].middle
        if shape.ports:
            _draw_bar(sheet, shape, x, layout.ports[n])
        else:
            _draw_shape(sheet, shape, x, -layout.y[n])
    return sheet


def _draw_lines(sheet, shapes, lines, layout, columns):
    bars = {layout.layer[n]: layout.ports[n] for n, shape in enumerate(shapes) if shape.ports}
    ends = _ends(shapes, lines, layout)
    for line, places, (inset, y_end) in zip(lines, layout.lines, ends, strict=True):
        *between, (last, _) = places
        points = []
        for n, (layer, y) in enumerate(between):
            column = columns[layer]
            start = column.middle + shapes[line.start].width / 2 if n == 0 else column.left - HEAD
            points += [(start, -y), (column.bend, -y)]
            if n and layer in bars and min(bars[layer]) - 0.2 < y < max(bars[layer]) + 0.2:
                sheet.gap(column.middle, -y, BAR + 0.05, 0.1)
        x_end = columns[last].middle - inset
        points += [(columns[last].left - HEAD, -y_end), (x_end, -y_end)]
        role = shapes[line.start].role
        sheet.flow(points, role if role in ("input", "state") else "plain")
        if line.mark:
            side = 1 if y_end <= layout.y[line.end] else -1
            sheet.text(x_end - 0.1, -y_end + 0.1 * side, line.mark, size=9)


def _draw_bar(sheet, shape, x, ports):
    """ports: the y of each port in the layout, which grows downwards."""
    y, height = -(min(ports) + max(ports)) / 2, max(ports) - min(ports) + 0.3
    sheet.box(x, y, "", shape.role, width=BAR, height=height, shape="square", fill=0.6, level=1)
    for port, name in zip(ports, shape.ports, strict=True):
        sheet.text(x + shape.width / 2 + 0.06, 0.1 - port, name, ha="left", math=True)


def _draw_shape(sheet, shape, x, y):
    sheet.box(
        x,
        y,
        shape.text,
        shape.role,
        width=shape.width,
        height=shape.height,
        shape=shape.shape,
        math=True,
        fill=FILL.get(shape.role, 0.2),
    )
    if shape.name:
        sheet.text(x + shape.width / 2 + 0.06, y + 0.1, shape.name, ha="left", math=True)


@dataclass
class Column:
    """The place of a layer: its ends, and where lines that leave it may begin to bend."""

    left: float
    right: float
    bend: float

    @property
    def middle(self):
        return (self.left + self.right) / 2


def _columns(shapes, layout):
    """A column for each layer. Lines bend behind the names of the results; the higher a line has to
    climb, the wider the space before the next column."""
    depth = max(layout.layer) + 1
    width, name_width, climb = [0.0] * depth, [0.0] * depth, [0.0] * depth
    for shape, layer in zip(shapes, layout.layer, strict=True):
        width[layer] = max(width[layer], shape.width)
        names = max(width_of(name, 9, math=True) for name in shape.ports or [shape.name])
        name_width[layer] = max(name_width[layer], names + (shape.width - width[layer]) / 2)
    for line in layout.lines:
        for (layer, y), (_, next_y) in pairwise(line):
            climb[layer] = max(climb[layer], abs(next_y - y))
    columns, x = [], 0.0
    for layer in range(depth):
        right = x + width[layer]
        names = name_width[layer]
        bend = right + max(0.06, names + 0.08 if names > 0 else 0.0)
        columns.append(Column(x, right, bend))
        x = bend + 0.14 + 0.17 * min(climb[layer], 2) + HEAD
    return columns


def _ends(shapes, lines, layout):
    """For each line, where it meets its shape: the distance from the middle to the left, and the y.
    Several lines end one below the other, in the order in which they arrive."""
    ends = [(0.0, 0.0)] * len(lines)
    for n, shape in enumerate(shapes):
        incoming = [k for k, line in enumerate(lines) if line.end == n]
        incoming.sort(key=lambda k: layout.lines[k][-2][1])
        for rank, k in enumerate(incoming):
            y = layout.lines[k][-1][1]
            inset = shape.width / 2
            if not shape.ports and len(incoming) > 1:
                spread = min(shape.height * 0.7, 0.16 * (len(incoming) - 1))
                offset = (rank / (len(incoming) - 1) - 0.5) * spread
                y += offset
                if shape.shape == "circle":
                    inset = (inset**2 - offset**2) ** 0.5
            ends[k] = (inset, y)
    return ends


def pretty(name: str) -> str:
    """A variable's name as mathematics: W_xz has a subscript, h′ a prime."""
    match = LETTER.fullmatch(name)
    if not match:
        return name.replace("$", "")
    letter, braced, plain, digits, transposed, prime = match.groups()
    subscript = (braced or plain or digits or "").replace("_", "\\_").replace(" ", "\\ ")
    superscript = ("T" if transposed else "") + ("\\prime" if prime else "")
    if subscript:
        letter += f"_{{{subscript}}}"
    if superscript:
        letter += f"^{{{superscript}}}"
    return f"${letter}$"
