"""Hidden tests of problem set 1, cells."""

import copy
from typing import Any

import torch

from rnncourse.checks import ps1_cells as ps1
from rnncourse.checks.exercise import Property
from rnncourse.checks.properties import Cases, attempt, using
from rnncourse.checks.pytree import copied, tensors
from rnncourse.checks.rng import Rng
from rnncourse.reference import cells

# --- several exercises --------------------------------------------------------------------------


def chain(cases: Cases, points: float) -> Property:
    """The steps of a sequence: what a step returns is the state of the next."""

    def observe(subject: Any, rng: Rng) -> dict[str, Any]:
        s = rng.sizes()
        _, state, *rest = cases.draw(rng, s)
        seen = {}
        for t in range(1, s.T + 1):
            state = subject(rng.normal(s.B, s.D), state, *rest)
            seen[f"the state after step {t}"] = copied(state)
        return seen

    return Property("chain", "steps can follow each other", points, observe)


# --- unroll -------------------------------------------------------------------------------------


def observe_short_sequences(subject: Any, rng: Rng) -> dict[str, Any]:
    """T = 0 and T = 1, for a state that is a tensor and one that is a tuple."""
    seen = {}
    for T in (0, 1):
        s = rng.sizes(T=T)
        h, c, xs = rng.normal(s.B, s.H), rng.normal(s.B, s.H), rng.normal(s.B, T, s.D)
        for text, step, state in (
            ("a tensor", ps1.elman_like(rng, s), h),
            ("a tuple (h, c)", ps1.lstm_like(rng, s), (h, c)),
        ):
            seen[f"T = {T}, the state is {text}"] = attempt(
                lambda step=step, xs=xs, state=state: subject(step, xs, state)
            )
    return seen


def observe_other_states(subject: Any, rng: Rng) -> dict[str, Any]:
    """States that are neither a tensor nor (h, c), and a step of another kind."""
    s = rng.sizes()
    xs, h, c = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H), rng.normal(s.B, s.D)
    W = rng.normal(s.D, s.H)

    def alone(x, state):
        (h,) = state
        return (torch.sin(h + x @ W),)

    def with_clock(x, state):
        h, c, t = state
        c = c / 2 + x
        return torch.sin(h + c @ W) * t, c, t + 1

    def deaf(x, h):
        return 2 * h

    states = {
        "a tuple of one": (alone, (h,)),
        "a tuple (h, c, t), c of another width and t a number": (with_clock, (h, c, 1)),
        "a tensor, and step ignores x_t": (deaf, h),
    }
    return {
        f"the state is {text}": attempt(lambda step=step, state=state: subject(step, xs, state))
        for text, (step, state) in states.items()
    }


# --- enas_step ----------------------------------------------------------------------------------


def observe_graphs(subject: Any, rng: Rng) -> dict[str, Any]:
    """The two searched cells, a larger random one and the smallest of all."""
    graphs = {
        "the published cell": cells.ENAS_PUBLISHED,
        "the corrected cell": cells.ENAS_CORRECTED,
        "a random cell of 9 nodes": ps1.draw_graph(rng, 9),
        "a cell of one node": {"nodes": ((0, "relu"),), "output": (1,)},
    }
    seen = {}
    for text, graph in graphs.items():
        args = ps1.enas_weights(rng, rng.sizes(), len(graph["nodes"]))
        seen[text] = attempt(lambda args=args, graph=graph: subject(*args, copy.deepcopy(graph)))
    return seen


def draw_bad_graphs(rng: Rng) -> dict[str, tuple]:
    x, h, W_0, W, graph = ps1.draw_enas(rng, rng.sizes())
    misspelt = {**graph, "nodes": ((0, "tahn"), *graph["nodes"][1:])}
    return {
        'whose graph has the activation "tahn"': (x, h, W_0, W, misspelt),
        "whose graph has one node more than W": (x, h, W_0, W[:-1], graph),
    }


# --- LSTM ---------------------------------------------------------------------------------------


def module_gradients(module: Any, rng: Rng, args: tuple) -> dict[str, Any]:
    """What `backward` brings to the inputs and to W, with a random weight on every result."""
    xs, lengths, (h, c) = args
    leaves = {"xs": xs, "h": h, "c": c}
    for one in leaves.values():
        one.requires_grad_()
    results = tensors(module(xs, lengths, (h, c)))
    loss = sum((one * rng.normal(*one.shape)).sum() for one in results)
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        return {"gradient of W": "none arrives, the result was detached"}
    loss.backward()
    leaves = {"W": dict(module.named_parameters())["W"], **leaves}
    return {
        f"gradient of {name}": "none arrives" if one.grad is None else one.grad
        for name, one in leaves.items()
    }


def observe_module_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    W, *args = ps1.draw_padded(rng, rng.sizes(T=ps1.LONG))
    return module_gradients(ps1.build_lstm(subject, W), rng, tuple(args))


def observe_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """Numbers, infinity and nan in the padding change neither results nor gradients."""
    seen = {}
    for rubbish in (3.0, float("inf"), float("nan")):
        W, xs, lengths, state = ps1.draw_padded(rng, rng.sizes(T=ps1.LONG))
        for b, length in enumerate(lengths.tolist()):
            xs[b, length:] = rubbish
        args = xs, lengths, state
        lstm = attempt(lambda W=W: ps1.build_lstm(subject, W))
        result = using(lstm, lambda lstm, args=args: lstm(*copied(args)))
        seen |= ps1.lstm_parts(result, f"{rubbish:g} in the padding")
        seen[f"{rubbish:g} in the padding, gradients"] = using(
            lstm, lambda lstm, args=args: module_gradients(lstm, rng, args)
        )
    return seen


def observe_extreme_lengths(subject: Any, rng: Rng) -> dict[str, Any]:
    """A sequence of length 0 keeps its state; so does a batch of nothing else."""
    s = rng.sizes(B=3, T=ps1.LONG)
    W, xs, _, state = ps1.draw_padded(rng, s)
    lstm = attempt(lambda: ps1.build_lstm(subject, W))
    seen = {}
    for lengths in ([0, s.T, 1], [0, 0, 0], [s.T] * 3):
        for text, given in (("", None), (", state=(h, c)", state)):
            result = using(
                lstm,
                lambda lstm, lengths=lengths, given=given: lstm(
                    xs.clone(), torch.tensor(lengths), copied(given)
                ),
            )
            seen |= ps1.lstm_parts(result, f"T = {s.T}, lengths={lengths}{text}")
    return seen


HIDDEN: dict[str, tuple[Property, ...]] = {
    "additive_step": (
        ps1.additive_cases.gradient(0.5),
        ps1.additive_cases.rows(0.125),
        ps1.additive_cases.dtype(0.125),
        ps1.additive_cases.pure(0.125),
    ),
    "elman_step": (
        ps1.elman_cases.gradient(1),
        ps1.elman_cases.rows(0.25),
        ps1.elman_cases.dtype(0.25),
        ps1.elman_cases.pure(0.25),
    ),
    "unroll": (
        ps1.unroll_cases.gradient(1),
        Property("short", "T = 0 and T = 1 work", 0.75, observe_short_sequences),
        Property("states", "the state may be any tuple", 0.5, observe_other_states),
        ps1.unroll_cases.rows(0.25),
        ps1.unroll_cases.dtype(0.25),
        ps1.unroll_cases.pure(0.25),
    ),
    "slide_bugs": (
        ps1.bug_hunt.finds("activations", "the LSTM's wrong activations are found", 0.75, "BD"),
        ps1.bug_hunt.finds("time", "the LSTM's wrong time indices are found", 0.75, "EH"),
        ps1.bug_hunt.finds("shapes", "the LSTM's wrong shapes and products are found", 0.75, "FG"),
        ps1.bug_hunt.finds("gru", "the GRU's wrong lines are found", 0.75, "KL"),
        ps1.bug_hunt.accuses_nobody(0.5),
    ),
    "lstm_step": (
        ps1.lstm_cases.gradient(2),
        chain(ps1.lstm_cases, 0.5),
        ps1.lstm_cases.rows(0.5),
        ps1.lstm_cases.dtype(0.5),
        ps1.lstm_cases.pure(0.5),
    ),
    "gru_step": (
        ps1.gru_cases.gradient(1.5),
        chain(ps1.gru_cases, 0.5),
        ps1.gru_cases.rows(0.5),
        ps1.gru_cases.dtype(0.25),
        ps1.gru_cases.pure(0.25),
    ),
    "nas_step": (
        ps1.nas_cases.gradient(1.5),
        chain(ps1.nas_cases, 0.5),
        ps1.nas_cases.rows(0.5),
        ps1.nas_cases.dtype(0.25),
        ps1.nas_cases.pure(0.25),
    ),
    "enas_step": (
        ps1.enas_cases.gradient(1.25),
        Property("graphs", "any graph can be walked", 0.75, observe_graphs),
        ps1.enas_cases.refuses(0.25, draw_bad_graphs),
        ps1.enas_cases.rows(0.25),
        ps1.enas_cases.dtype(0.25),
        ps1.enas_cases.pure(0.25),
    ),
    "LSTM": (
        Property("gradient", "gradients reach W, xs and the state", 1.5, observe_module_gradients),
        Property(
            "padding", "whatever is in the padding makes no difference", 0.75, observe_padding
        ),
        Property("extremes", "lengths from 0 to T work", 0.75, observe_extreme_lengths),
        ps1.module_cases.rows(0.25),
        ps1.module_cases.dtype(0.25),
        ps1.module_cases.pure(0.5),
    ),
}
