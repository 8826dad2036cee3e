"""enas_step: its hidden tests, and right answers of other kinds."""

import copy
from typing import Any

import torch
from torch import nn

from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import attempt
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps1_cells.enas_step import draw_enas, draw_graph, enas_cases, enas_weights
from rnncourse.reference import cells

from .. import Rubric


def observe_graphs(subject: Any, rng: Rng) -> dict[str, Any]:
    """The cell found by the search, as published and corrected; a large one and the smallest."""
    graphs: dict[str, Any] = {
        "the published cell": cells.ENAS_PUBLISHED,
        "the corrected cell": cells.ENAS_CORRECTED,
        "a random cell of 9 nodes": draw_graph(rng, 9),
        "a cell of one node": {"nodes": ((0, "relu"),), "output": (1,)},
    }
    seen: dict[str, Any] = {}
    for text, graph in graphs.items():
        args = enas_weights(rng, rng.sizes(), len(graph["nodes"]))
        seen[text] = attempt(subject, *args, copy.deepcopy(graph))
    return seen


def draw_bad_graphs(rng: Rng) -> dict[str, tuple]:
    x, h, W_0, W, graph = draw_enas(rng, rng.sizes())
    misspelt = {**graph, "nodes": ((0, "tahn"), *graph["nodes"][1:])}
    return {
        'whose graph has the activation "tahn"': (x, h, W_0, W, misspelt),
        "whose graph has one node more than W": (x, h, W_0, W[:-1], graph),
    }


rubric = Rubric(
    (
        enas_cases.gradient(1.25),
        Property("graphs", "any graph works", 0.75, observe_graphs),
        enas_cases.refuses(0.25, draw_bad_graphs),
        enas_cases.rows(0.25),
        enas_cases.dtype(0.25),
        enas_cases.pure(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def asks_for_nodes_by_recursion(x, h, W_0, W, graph):
    known = {}

    def node(n):
        if n not in known:
            if n == 0:
                start, ut, f = h, torch.cat([x, h], dim=1) @ W_0, torch.tanh
            else:
                previous, name = graph["nodes"][n - 1]
                start = node(previous)
                ut = start @ W[n - 1]
                f = (lambda u: u) if name == "identity" else getattr(torch, name)
            u, t = ut.tensor_split(2, dim=1)
            known[n] = torch.lerp(start, f(u), torch.sigmoid(t))
        return known[n]

    for n in range(1, len(graph["nodes"]) + 1):  # also those that no output needs
        node(n)
    return sum(node(n) for n in graph["output"]) / len(graph["output"])


@rubric.alternative
def adds_the_mean_as_it_goes(x, h, W_0, W, graph):
    H = h.shape[1]
    z = x @ W_0[: x.shape[1]] + h @ W_0[x.shape[1] :]
    gate = z[:, H:].sigmoid()
    nodes = {0: (1 - gate) * h + gate * z[:, :H].tanh()}
    for index in range(len(graph["nodes"])):
        start, activation = graph["nodes"][index]
        z = nodes[start].matmul(W[index])
        gate = z[:, H:].sigmoid()
        if activation == "tanh":
            new = z[:, :H].tanh()
        elif activation == "relu":
            new = z[:, :H].relu()
        elif activation == "sigmoid":
            new = z[:, :H].sigmoid()
        elif activation == "identity":
            new = z[:, :H]
        else:
            raise ValueError(f"unknown activation {activation}")
        nodes[index + 1] = (1 - gate) * nodes[start] + gate * new
    mean = torch.zeros_like(h)
    for n in graph["output"]:
        mean = mean + nodes[n] / len(graph["output"])
    return mean


@rubric.alternative
def keeps_the_nodes_in_one_tensor(x, h, W_0, W, graph):
    from torch.nn import functional as F

    functions = dict(tanh=F.tanh, relu=F.relu, sigmoid=F.sigmoid, identity=nn.Identity())
    ut = torch.einsum("bd,dkh->kbh", torch.cat([x, h], dim=1), W_0.unflatten(1, (2, -1)))
    s = (h + ut[1].sigmoid() * (ut[0].tanh() - h)).unsqueeze(0)
    for n, (j, name) in enumerate(graph["nodes"]):
        ut = torch.einsum("bd,dkh->kbh", s[j], W[n].unflatten(1, (2, -1)))
        s = torch.cat([s, (s[j] + ut[1].sigmoid() * (functions[name](ut[0]) - s[j]))[None]])
    return s[list(graph["output"])].mean(0)


@rubric.alternative
def runs_the_graph_in_float32(x, h, W_0, W, graph):
    functions = {"tanh": nn.Tanh(), "relu": nn.ReLU(), "sigmoid": nn.Sigmoid()}
    functions["identity"] = nn.Identity()

    def highway(s, ut, f):
        u, t = ut.chunk(2, dim=-1)
        return s + torch.sigmoid(t) * (f(u) - s)

    s = [highway(h.float(), torch.cat([x, h], dim=1).float() @ W_0.float(), torch.tanh)]
    if len(graph["nodes"]) != len(W):
        raise ValueError("graph and W do not fit")
    for (j, name), W_n in zip(graph["nodes"], W.float(), strict=True):
        s.append(highway(s[j], s[j] @ W_n, functions[name]))
    return torch.stack([s[n] for n in graph["output"]], dim=-1).mean(dim=-1).to(h.dtype)
