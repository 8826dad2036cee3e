"""enas_step: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.forbidden import RECURRENT
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng, Sizes
from ...reference import cells

ACTIVATIONS = ("tanh", "relu", "sigmoid", "identity")


def draw_graph(rng: Rng, N: int) -> dict[str, tuple]:
    """A random graph of N >= 4 nodes with all activations, which is not a chain.

    Its output leaves out node 1, so that the mean of the output differs from that of all nodes.
    """
    order = torch.randperm(4, generator=rng.generator).tolist()
    names = [ACTIVATIONS[order[n % 4]] for n in range(N)]
    # Node N, which is always in the output, reads node 2: an off-by-one shows in every draw.
    previous = [0, 0, *(int(rng.integers(0, n, 1)) for n in range(3, N)), 2]
    others = [n for n in (0, *range(4, N)) if rng.integers(0, 2, 1)]
    return {
        "nodes": tuple(zip(previous, names, strict=True)),
        "output": (2, 3, *others, N),  # 2 and 3 have different activations
    }


def enas_weights(rng: Rng, s: Sizes, N: int) -> tuple[torch.Tensor, ...]:
    """x, h, W_0 and W for a graph of N nodes."""
    return (
        rng.normal(s.B, s.D),
        rng.normal(s.B, s.H),
        rng.normal(s.D + s.H, 2 * s.H, scale=0.7),
        rng.normal(N, s.H, 2 * s.H, scale=0.7),
    )


def draw_enas(rng: Rng, s: Sizes) -> tuple:
    N = int(rng.integers(4, 7, 1))
    return *enas_weights(rng, s, N), draw_graph(rng, N)


enas_cases = Cases("enas_step", ("x", "h", "W_0", "W", "graph"), draw_enas, batched=("x", "h"))


def observe_nodes(subject: Any, rng: Rng) -> dict[str, Any]:
    """Every node by itself, so that the first wrong one shows."""
    *tensors, graph = draw_enas(rng, rng.sizes())
    seen: dict[str, Any] = {}
    for n in range(len(graph["nodes"]) + 1):
        reads = "reads x and h" if n == 0 else "reads node {}, {}".format(*graph["nodes"][n - 1])
        alone = {**graph, "output": (n,)}
        seen[f"output ({n},): node {n}, which {reads}"] = attempt(subject, *tensors, alone)
    return seen


exercise = Exercise(
    "enas_step",
    "ps1_cells",
    cells.enas_step,
    points=6,
    properties=(
        enas_cases.shape(0.5),
        Property("nodes", "each node of a graph is right by itself", 1, observe_nodes),
        enas_cases.values(1.5, "the mean of the output nodes is right"),
    ),
    forbids=RECURRENT,
)


@exercise.misconception(
    "You accept an unknown activation, so a graph with a typo runs and is wrong. "
    "Accept only the four names, and raise an error for anything else."
)
def takes_the_unknown_for_the_identity(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        s_j = s[previous]
        u, t = (s_j @ W[n - 1]).chunk(2, dim=1)
        s.append(s_j + torch.sigmoid(t) * (f.get(name, lambda a: a)(u) - s_j))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception(
    "Each of your nodes reads the node just before it, as if the graph were a chain. "
    "Read the node that the graph names: s[previous]."
)
def walks_a_chain(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (_, name) in enumerate(graph["nodes"], start=1):
        u, t = (s[-1] @ W[n - 1]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(s[-1] + torch.sigmoid(t) * (u - s[-1]))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception(
    "You read s[previous - 1], one node too early. "
    "Your list begins with node 0, so node j is s[j]: only W counts from 1."
)
def reads_one_node_too_early(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        s_j = s[max(previous - 1, 0)]
        u, t = (s_j @ W[n - 1]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(s_j + torch.sigmoid(t) * (u - s_j))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception(
    "You pick W by the node that is read. Each node has a matrix of its own: node n uses W[n - 1]."
)
def takes_the_weights_of_the_previous_node(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for previous, name in graph["nodes"]:
        s_j = s[previous]
        u, t = (s_j @ W[previous]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(s_j + torch.sigmoid(t) * (u - s_j))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception(
    "You take W[n] for node n, one matrix too far. The nodes count from 1 and W from 0: "
    "node n uses W[n - 1]."
)
def takes_the_weights_of_the_next_node(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda u: u}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (previous, activation) in enumerate(graph["nodes"], start=1):
        u, t = (s[previous] @ W[n]).chunk(2, dim=1)
        s.append(s[previous] + torch.sigmoid(t) * (f[activation](u) - s[previous]))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception("You add up the output nodes. h' is their mean: divide by their number.")
def sums_the_output(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        s_j = s[previous]
        u, t = (s_j @ W[n - 1]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(s_j + torch.sigmoid(t) * (u - s_j))
    return torch.stack([s[n] for n in graph["output"]]).sum(dim=0)


@exercise.misconception(
    'You return the last node. h\' is the mean of the nodes in graph["output"].'
)
def returns_the_last_node(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        s_j = s[previous]
        u, t = (s_j @ W[n - 1]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(s_j + torch.sigmoid(t) * (u - s_j))
    return s[-1]


@exercise.misconception(
    'You average all nodes, whatever the graph says. Only those in graph["output"] count.'
)
def averages_all_nodes(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        s_j = s[previous]
        u, t = (s_j @ W[n - 1]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(s_j + torch.sigmoid(t) * (u - s_j))
    return torch.stack(s[1:]).mean(dim=0)


@exercise.misconception(
    "Your nodes return f(u) and have no highway. "
    "Let the gate decide how far to move: s_j + sigmoid(t) * (f(u) - s_j)."
)
def forgets_the_highway(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    s = [torch.tanh((torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)[0])]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        u, _ = (s[previous] @ W[n - 1]).chunk(2, dim=1)
        s.append(u if name == "identity" else f[name](u))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception(
    "Your highway is the wrong way round: an open gate keeps s_j. "
    "sigmoid(t) is the part that moves to f(u): s_j + sigmoid(t) * (f(u) - s_j)."
)
def turns_the_highway_round(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [torch.tanh(u) + torch.sigmoid(t) * (h - torch.tanh(u))]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        s_j = s[previous]
        u, t = (s_j @ W[n - 1]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(u + torch.sigmoid(t) * (s_j - u))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception(
    "Your highways all start from h. Only node 0's does; every other starts from the node that it "
    "reads: s_j + sigmoid(t) * (f(u) - s_j)."
)
def starts_every_highway_from_h(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        u, t = (s[previous] @ W[n - 1]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(h + torch.sigmoid(t) * (u - h))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception(
    "Your node 0 is sigmoid(t) * tanh(u) and loses the old state. "
    "It is a highway too, from h: h + sigmoid(t) * (tanh(u) - h)."
)
def loses_h_in_node_0(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [torch.sigmoid(t) * torch.tanh(u)]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        s_j = s[previous]
        u, t = (s_j @ W[n - 1]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(s_j + torch.sigmoid(t) * (u - s_j))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception(
    "You take the columns as t, then u. They are u first, then t: u, t = (...).chunk(2, dim=1)."
)
def takes_t_before_u(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    t, u = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        s_j = s[previous]
        t, u = (s_j @ W[n - 1]).chunk(2, dim=1)
        u = u if name == "identity" else f[name](u)
        s.append(s_j + torch.sigmoid(t) * (u - s_j))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@exercise.misconception(
    "You use tanh in every node. Each node names its own activation in the graph: apply that one."
)
def applies_tanh_everywhere(x, h, W_0, W, graph):
    u, t = (torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)
    s = [h + torch.sigmoid(t) * (torch.tanh(u) - h)]
    for n, (previous, _) in enumerate(graph["nodes"], start=1):
        s_j = s[previous]
        u, t = (s_j @ W[n - 1]).chunk(2, dim=1)
        s.append(s_j + torch.sigmoid(t) * (torch.tanh(u) - s_j))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)
