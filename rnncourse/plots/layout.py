"""Places the nodes of a graph in layers from left to right, with few crossings of lines.

The method of Sugiyama et al. (1981), in four steps: layers, order within each layer, places within
each layer, lines. A node with ports (a split) is a bar; lines may pass between its ports.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

__all__ = ["Layout", "arrange"]

MAX_SEGMENTS = 1000  # of lines, from a layer to the next
SWEEPS = 12
ROUNDS, PASSES = 12, 200
GAP = 0.16  # the least distance between two nodes of a layer
THIN = 0.10  # the breadth of a line that only passes a layer


@dataclass
class Item:
    """An occupant of a layer: a node, a port of a bar, or a line that passes."""

    layer: int
    breadth: float
    bar: int | None = None  # the node whose port it is
    passing: bool = False
    left: list[tuple[int, float]] = field(default_factory=list)  # (item, weight)
    right: list[tuple[int, float]] = field(default_factory=list)


@dataclass
class Layout:
    """layer and y of each node; lines: for each edge, (layer, y) of its start, of each layer in
    between, and of its end; ports: for each bar, the y of every port."""

    layer: list[int]
    y: list[float]
    lines: list[list[tuple[int, float]]]
    ports: dict[int, list[float]]


def arrange(breadths, edges, ports, first=(), last=()):
    """Lay out nodes 0 … N-1, which come in an order in which each reads earlier ones only.

    breadths: the extent of each node in its layer. edges: (from, port, to). ports: the number of
    each node's ports, 0 for a node that is not a bar. first, last: nodes in the outermost layers.
    Errors: ValueError when the lines have too many segments to be laid out in seconds.
    """
    layer = _layers(len(breadths), edges, ports, set(first), set(last))
    segments = sum(layer[end] - layer[start] for start, _, end in edges)
    if segments > MAX_SEGMENTS:
        raise ValueError(f"{segments} segments of lines: too much for a picture")
    items, at, chains = _items(breadths, edges, ports, layer)
    order = _ordered(items, layer)
    y = _places(items, order)
    top = min(y, default=0)
    y = [place - top for place in y]
    placed = {
        node: [y[item] for item in own_items] for node, own_items in at.items() if ports[node]
    }
    middle = [
        (min(placed[node]) + max(placed[node])) / 2 if ports[node] else y[at[node][0]]
        for node in range(len(breadths))
    ]
    lines = []
    for (_, _, end), chain in zip(edges, chains, strict=True):
        points = [(items[item].layer, y[item]) for item in chain]
        arrives = middle[end]
        if ports[end]:  # at a bar, straight ahead as far as it reaches
            arrives = min(max(points[-1][1], min(placed[end])), max(placed[end]))
        lines.append([*points, (layer[end], arrives)])
    return Layout(layer, middle, lines, placed)


# --- layers -------------------------------------------------------------------------------------


def _layers(N, edges, ports, first, last):
    """The layer of each node."""
    reads, read_by = defaultdict(list), defaultdict(list)
    for start, _, end in edges:
        reads[end].append(start)
        read_by[start].append(end)
    layer = _earliest_layers(N, reads, ports)
    end = max((layer[node] for node in range(N) if node not in last), default=-1) + 1
    for node in last:
        layer[node] = end
    # A node that would only wait moves to where it is needed.
    for node in reversed(range(N)):
        if node in first or node in last or ports[node] or not read_by[node]:
            continue
        if len(read_by[node]) > len(set(reads[node])):
            layer[node] = min(layer[reader] for reader in read_by[node]) - 1
    return layer


def _earliest_layers(N, reads, ports):
    """Each node in the layer after the last one that it reads, but at most one bar in a layer:
    two bars could lie across each other."""
    least = [0] * N
    while True:
        layer, bars = [0] * N, defaultdict(list)
        for node in range(N):
            layer[node] = max([least[node], *(layer[source] + 1 for source in reads[node])])
            if ports[node]:
                bars[layer[node]].append(node)
        crowded = next((nodes for nodes in bars.values() if len(nodes) > 1), None)
        if crowded is None:
            return layer
        least[crowded[-1]] = layer[crowded[-1]] + 1


def _items(breadths, edges, ports, layer):
    """Items, those of each node, and for each edge the items that it runs through."""
    items, at = [], {}

    def add(*args, **options):
        items.append(Item(*args, **options))
        return len(items) - 1

    for node, breadth in enumerate(breadths):
        if ports[node]:
            at[node] = [add(layer[node], breadth, bar=node) for _ in range(ports[node])]
        else:
            at[node] = [add(layer[node], breadth)]
    chains = []
    for start, port, end in edges:
        chain = [at[start][port if ports[start] else 0]]
        for between in range(layer[start] + 1, layer[end]):
            chain.append(add(between, THIN, passing=True))
        chains.append(chain)
        pairs = [(a, b, 1.0) for a, b in pairwise(chain)]
        pairs += [(chain[-1], b, 1 / len(at[end])) for b in at[end]]
        for a, b, weight in pairs:
            items[a].right.append((b, weight))
            items[b].left.append((a, weight))
    return items, at, chains


# --- order within a layer -----------------------------------------------------------------------


def _ordered(items, layer):
    """For each layer its items from top to bottom."""
    depth = max(layer, default=0) + 1
    best, fewest = None, float("inf")
    for backwards in (False, True):
        for upwards in (False, True):
            order, cost = _improved(items, _first(items, depth, backwards, upwards))
            if cost < fewest - 1e-9:
                best, fewest = order, cost
    return best


def _first(items, depth, backwards, upwards):
    """An initial order: that in which a depth-first search from the ends meets the items.
    backwards: it begins at the last end. upwards: it visits the last operand first."""
    order, visited = [[] for _ in range(depth)], set()

    def visit(number):
        if number in visited:
            return
        bar = items[number].bar
        group = [number] if bar is None else [n for n, item in enumerate(items) if item.bar == bar]
        visited.update(group)
        for source, _ in items[number].left[:: -1 if upwards else 1]:
            visit(source)
        order[items[number].layer] += group

    ends = sorted(range(len(items)), key=lambda n: (-items[n].layer, -n if backwards else n))
    for number in ends:
        visit(number)
    return order


def _improved(items, order):
    """The best order that sweeps in both directions lead to, and its cost."""
    depth = len(order)
    best, fewest = [row[:] for row in order], _cost(items, order)
    for sweep in range(SWEEPS):
        rightward = sweep % 2 == 0
        rows = range(1, depth) if rightward else range(depth - 2, -1, -1)
        place = _place(order)
        for row in rows:
            weight = {}
            for position, item in enumerate(order[row]):
                near = items[item].left if rightward else items[item].right
                total = sum(w for _, w in near)
                weight[item] = sum(w * place[i] for i, w in near) / total if total else position
            order[row].sort(key=weight.__getitem__)
            place.update({item: n for n, item in enumerate(order[row])})
        _swap(items, order)
        cost = _cost(items, order)
        if cost < fewest:
            best, fewest = [row[:] for row in order], cost
    return best, fewest


def _place(order):
    return {item: n for row in order for n, item in enumerate(row)}


def _swap(items, order):
    """Exchange neighbours as long as that helps."""
    place = _place(order)
    for _ in range(20):
        better = False
        for row in order:
            for n in range(len(row) - 1):
                a, b = row[n], row[n + 1]
                before = _between(items, place, a, b) + _intruders(items, row)
                row[n], row[n + 1] = b, a
                after = _between(items, place, b, a) + _intruders(items, row)
                if after < before - 1e-9:
                    place[a], place[b] = n + 1, n
                    better = True
                else:
                    row[n], row[n + 1] = a, b
        if not better:
            return


def _between(items, place, a, b):
    """Crossings of the lines of two neighbours, a above b."""
    total = 0.0
    for side in ("left", "right"):
        for i, v in getattr(items[a], side):
            for j, w in getattr(items[b], side):
                if place[i] > place[j]:
                    total += v * w
    return total


def _intruders(items, row):
    """Nodes between the ports of a bar, which would lie upon it: as bad as four crossings."""
    cost = 0
    for bar in {items[item].bar for item in row} - {None}:
        ports = [n for n, item in enumerate(row) if items[item].bar == bar]
        for item in row[ports[0] : ports[-1]]:
            if items[item].bar != bar and not items[item].passing:
                cost += 4
    return cost


def _crossings(items, order):
    place = _place(order)
    total = 0.0
    for row in order:
        lines = [(n, place[i], w) for n, item in enumerate(row) for i, w in items[item].right]
        for k, (a, b, v) in enumerate(lines):
            for c, d, w in lines[k + 1 :]:
                if (a - c) * (b - d) < 0:
                    total += v * w
    return total


def _cost(items, order):
    return _crossings(items, order) + sum(_intruders(items, row) for row in order)


# --- places within a layer ----------------------------------------------------------------------


def _places(items, order):
    """y of each item, so that the sum of |dy| along all lines is minimal and nothing overlaps.

    Iterated least squares: each line is weighted by 1 / |dy| of the previous round.
    """
    lines = [
        (a, b, w * _straight(items[a], items[b]))
        for a, item in enumerate(items)
        for b, w in item.right
    ]
    gaps = [
        (a, b, (items[a].breadth + items[b].breadth) / 2 + GAP)
        for row in order
        for a, b in pairwise(row)
    ]
    y, forces = np.zeros(len(items)), np.zeros(len(gaps))
    for number in range(ROUNDS):
        pulls = [w / max(abs(y[a] - y[b]), 0.005) if number else w for a, b, w in lines]
        y, forces = _relaxed(len(items), lines, pulls, gaps, forces)
    return y.tolist()


def _relaxed(N, lines, pulls, gaps, forces):
    """Minimises sum pull * dy**2 subject to the gaps, by Hildreth's method.

    forces: the multipliers of the previous round. Returns (y, forces).
    """
    L = np.eye(N) * 1e-3  # for items without lines
    for (a, b, _), pull in zip(lines, pulls, strict=True):
        L[[a, b], [a, b]] += pull
        L[[a, b], [b, a]] -= pull
    A = np.zeros((len(gaps), N))
    for n, (a, b, _) in enumerate(gaps):
        A[n, a], A[n, b] = -1, 1
    least = np.array([gap for _, _, gap in gaps])
    inverse = np.linalg.inv(L)
    M = A @ inverse @ A.T
    for _ in range(PASSES):
        before = forces.copy()
        for n in range(len(gaps)):
            forces[n] = max(0.0, forces[n] + (least[n] - M[n] @ forces) / M[n, n])
        if np.abs(forces - before).max(initial=0) < 1e-6 * (1 + forces.max(initial=0)):
            break
    return inverse @ (A.T @ forces), forces


def _straight(a, b):
    """The weight of a segment: long lines should be straight, rather than short ones."""
    return (1, 2, 4)[a.passing + b.passing]
