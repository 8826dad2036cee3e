"""A graph of shapes as a diagram: boxes, circles and bars in layers, and lines between them."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from .layout import arrange
from .sheet import Sheet, width_of

__all__ = ["Line", "Shape", "diagram", "pretty"]

HEIGHT, CIRCLE, BAR = 0.34, 0.3, 0.12
FILL = {"state": 0.3, "sigmoid": 0.28, "relu": 0.06}  # how much of its colour a shape has inside
HEAD = 0.1  # what the head of an arrow needs
LETTER = re.compile(r"([^\W\d_])(?:_\{([^{}$\\]+)\}|_([^\Wᵀ]+)|(\d+))?(ᵀ?)([′']?)")


@dataclass
class Shape:
    """A node as it is drawn: shape is "round" or "circle"; one with ports is a bar.

    name: of what comes out; ports: the names of a bar's parts. place: "first" or "last", in the
    outermost layer. crowd: how many lines come in.
    """

    text: str
    role: str
    shape: str = "round"
    name: str = ""
    ports: list[str] = field(default_factory=list)
    place: str = ""
    crowd: int = 1

    def __post_init__(self):
        self.width = max(0.42, width_of(self.text, 10, math=True) + 0.2)
        self.height = max(HEIGHT, 0.11 * self.crowd)
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
        [one.height for one in shapes],
        [(line.start, line.port, line.end) for line in lines],
        [len(one.ports) for one in shapes],
        [n for n, one in enumerate(shapes) if one.place == "first"],
        [n for n, one in enumerate(shapes) if one.place == "last"],
    )
    sheet = Sheet()
    left, right, bend = _columns(shapes, layout)
    ends = _ends(shapes, lines, layout)
    bars = {layout.layer[n]: layout.ports[n] for n, one in enumerate(shapes) if one.ports}
    for line, places, (inset, y_end) in zip(lines, layout.lines, ends, strict=True):
        *between, (last, _) = places
        middle = (left[last] + right[last]) / 2
        points = []
        for n, (layer, y) in enumerate(between):
            start = shapes[line.start]
            begins = (
                (left[layer] + right[layer] + start.width) / 2 if n == 0 else left[layer] - HEAD
            )
            points += [(begins, -y), (bend[layer], -y)]
            if n and layer in bars and min(bars[layer]) - 0.2 < y < max(bars[layer]) + 0.2:
                sheet.gap((left[layer] + right[layer]) / 2, -y, BAR + 0.05, 0.1)
        points += [(left[last] - HEAD, -y_end), (middle - inset, -y_end)]
        role = shapes[line.start].role
        sheet.flow(points, role if role in ("input", "state") else "plain")
        if line.mark:
            above = 1 if y_end <= layout.y[line.end] else -1
            sheet.text(middle - inset - 0.1, -y_end + 0.1 * above, line.mark, size=9)
    for n, one in enumerate(shapes):
        x, y = (left[layout.layer[n]] + right[layout.layer[n]]) / 2, -layout.y[n]
        after = x + one.width / 2 + 0.06
        if one.ports:
            own = layout.ports[n]
            y, height = -(min(own) + max(own)) / 2, max(own) - min(own) + 0.3
            sheet.box(
                x, y, "", one.role, width=BAR, height=height, shape="square", fill=0.6, level=1
            )
            for place, name in zip(own, one.ports, strict=True):
                sheet.text(after, 0.1 - place, name, ha="left", math=True)
            continue
        sheet.box(
            x,
            y,
            one.text,
            one.role,
            width=one.width,
            height=one.height,
            shape=one.shape,
            math=True,
            fill=FILL.get(one.role, 0.2),
        )
        if one.name:
            sheet.text(after, y + 0.1, one.name, ha="left", math=True)
    return sheet


def _columns(shapes, layout):
    """Of each layer the left and right ends, and where lines may begin to bend behind it: after the
    names of what comes out. The higher a line has to climb, the longer it may take."""
    depth = max(layout.layer) + 1
    wide, room, climb = [0.0] * depth, [0.0] * depth, [0.0] * depth
    for one, layer in zip(shapes, layout.layer, strict=True):
        wide[layer] = max(wide[layer], one.width)
        names = max(width_of(name, 9, math=True) for name in one.ports or [one.name])
        room[layer] = max(room[layer], names + (one.width - wide[layer]) / 2)
    for line in layout.lines:
        for (layer, y), (_, to) in pairwise(line):
            climb[layer] = max(climb[layer], abs(to - y))
    left, right, bend, x = [], [], [], 0.0
    for own, names, high in zip(wide, room, climb, strict=True):
        left.append(x)
        right.append(x + own)
        bend.append(right[-1] + max(0.06, names + 0.08 if names > 0 else 0.0))
        x = bend[-1] + 0.14 + 0.17 * min(high, 2) + HEAD
    return left, right, bend


def _ends(shapes, lines, layout):
    """For each line where it meets its shape: how far left of the middle, and the y. Several come
    in one below the other, in the order in which they come."""
    found = [(0.0, 0.0)] * len(lines)
    for n, one in enumerate(shapes):
        own = [k for k, line in enumerate(lines) if line.end == n]
        own.sort(key=lambda k: layout.lines[k][-2][1])
        for rank, k in enumerate(own):
            y = layout.lines[k][-1][1]
            inset = one.width / 2
            if not one.ports and len(own) > 1:
                off = (rank / (len(own) - 1) - 0.5) * min(one.height * 0.7, 0.16 * (len(own) - 1))
                y += off
                if one.shape == "circle":
                    inset = (inset**2 - off**2) ** 0.5
            found[k] = (inset, y)
    return found


def pretty(name: str) -> str:
    """A variable's name as mathematics: W_xz has a subscript, h′ a prime."""
    found = LETTER.fullmatch(name)
    if not found:
        return name.replace("$", "")
    letter, braced, low, digits, turned, prime = found.groups()
    below = (braced or low or digits or "").replace("_", "\\_").replace(" ", "\\ ")
    above = ("T" if turned else "") + ("\\prime" if prime else "")
    return (
        f"${letter}" + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "") + "$"
    )
