"""Lecture section 1, one step at a time: each cell as a plain function f, written to be read.

A recurrent network is a function f applied again and again:

    h_0 = 0
    h_t = f(x_t, h_{t-1})

Each `*_step` below is one choice of f, for one step and a whole batch; `unroll` applies any of
them to a sequence. Batch first, and row vectors times matrices: inputs x (B, D), states h (B, H),
sequences xs (B, T, D). In formulas, `*` is elementwise, `@` is the matrix product and a prime
means "after this step". `layers` has the same cells for whole sequences, fast.

Where sizes do not fit and no other error is named, the error is torch's own RuntimeError.
"""

import math

import torch
from torch import nn

__all__ = [
    "ENAS_CORRECTED",
    "ENAS_PUBLISHED",
    "LSTM",
    "additive_step",
    "elman_step",
    "enas_step",
    "gru_step",
    "lstm_step",
    "nas_step",
    "slide_bugs",
    "unroll",
]


def additive_step(x, h):
    """The smallest recurrent network: it only adds up its inputs.

        h' = x + h

    Shapes: x (B, D), h (B, H) with D = H -> h' (B, H).
    Errors: ValueError when x and h differ in shape.
    Source: lecture section 1, example 1.
    """
    # Without this, a size of 1 would be broadcast: an answer of the right shape, from wrong inputs.
    if x.shape != h.shape:
        raise ValueError(
            f"x is {tuple(x.shape)} and h is {tuple(h.shape)}: "
            "x + h needs inputs and states of the same size (D = H)"
        )
    return x + h


def elman_step(x, h, W_x, W_h, g=torch.tanh):
    """The simple recurrent network, with any activation g.

        h' = g(x @ W_x + h @ W_h)

    Shapes: x (B, D), h (B, H), W_x (D, H), W_h (H, H) -> h' (B, H).
    Source: lecture section 1, example 2; Elman 1990.
    """
    return g(x @ W_x + h @ W_h)


def unroll(step, xs, state):
    """Apply the same step to every input in turn: h_t = f(x_t, h_{t-1}) for t = 1 ... T.

    `step(x_t, state) -> state`. A state is a tensor (B, H), or a tuple whose FIRST entry is the
    hidden output (B, H): (h, c) for an LSTM.

    Shapes: xs (B, T, D), state as above -> (hs, state): hs (B, T, H) has the hidden output after
    each step, state is the last one. With T = 0, hs is (B, 0, H) and state the one given.
    Errors: ValueError when xs has no time axis; whatever step raises.
    Source: lecture section 1, h_t = f(x_t, h_{t-1}).
    """
    if xs.dim() != 3:
        raise ValueError(f"xs is {tuple(xs.shape)}, not (B, T, D)")
    hs = []
    for x in xs.unbind(dim=1):
        state = step(x, state)
        hs.append(_hidden(state))
    if not hs:  # torch.stack needs at least one tensor
        h = _hidden(state)
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


def _hidden(state):
    return state if isinstance(state, torch.Tensor) else state[0]


def lstm_step(x, state, W):
    """Long short-term memory: a cell c that is added to, and gates that decide how much.

        i, f, o, g = the four (B, H) blocks of z = [x, h] @ W
        i, f, o = sigmoid(i), sigmoid(f), sigmoid(o);  g = tanh(g)
        c' = f * c + i * g
        h' = o * tanh(c')

    Shapes: x (B, D), state = (h, c), both (B, H), W (D+H, 4H) -> (h', c'), both (B, H).
    The gates are in the lecture's order i, f, o, g (torch.nn.LSTM has i, f, g, o); no bias.
    Source: lecture section 1, example 3 and eq. 1, corrected (see `slide_bugs`);
    Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """
    h, c = state
    z = torch.cat([x, h], dim=1) @ W
    i, f, o, g = z.chunk(4, dim=1)
    i, f, o, g = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o), torch.tanh(g)
    c = f * c + i * g
    h = o * torch.tanh(c)
    return h, c


def gru_step(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    """Gated recurrent unit: z mixes the old state with a candidate, r hides part of the old state.

        z = sigmoid(x @ W_xz + h @ W_hz)
        r = sigmoid(x @ W_xr + h @ W_hr)
        candidate = tanh(x @ W_x + (r * h) @ W_h)
        h' = (1 - z) * h + z * candidate

    Shapes: x (B, D), h (B, H), each W_x* (D, H), each W_h* (H, H) -> h' (B, H).
    Not torch.nn.GRU, which has r * (h @ W_h), and z and 1 - z the other way round.
    Source: lecture section 1, example 4 and eq. 2, corrected (see `slide_bugs`); Cho et al. 2014.
    """
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    # r before the product: it picks units of h, and the product then mixes what is left.
    candidate = torch.tanh(x @ W_x + (r * h) @ W_h)
    return (1 - z) * h + z * candidate


def nas_step(x, state, W, U):
    """The cell that a controller network found by reinforcement learning: a tree of eight leaves.

        a_k, b_k = block k of x @ W, block k of m @ U              (k = 0 ... 7, each (B, H))
        l0 = sigmoid(a0 + b0)   l1 = relu(a1 + b1)   l2 = sigmoid(a2 + b2)   l3 = relu(a3 * b3)
        l4 = tanh(a4 + b4)   l5 = sigmoid(a5 + b5)   l6 = tanh(a6 + b6)   l7 = sigmoid(a7 + b7)
        p0 = tanh(l0 * l1)   p1 = tanh(l2 + l3)   p2 = tanh(l4 * l5)   p3 = sigmoid(l6 + l7)
        c' = tanh(p0 + c) * p1
        m' = tanh(c' * tanh(p2 + p3))

    Shapes: x (B, D), state = (m, c), both (B, H), W (D, 8H), U (H, 8H) -> (m', c'), both (B, H).
    The hidden output m comes first in the state, as h does in the LSTM (papers write (c, m)).
    Source: lecture section 1, "generated by a computer"; Zoph & Le 2017, appendix.
    """
    m, c = state
    a0, a1, a2, a3, a4, a5, a6, a7 = (x @ W).chunk(8, dim=1)
    b0, b1, b2, b3, b4, b5, b6, b7 = (m @ U).chunk(8, dim=1)

    l0 = torch.sigmoid(a0 + b0)
    l1 = torch.relu(a1 + b1)
    l2 = torch.sigmoid(a2 + b2)
    l3 = torch.relu(a3 * b3)  # the only leaf that multiplies; this is why W and U stay separate
    l4 = torch.tanh(a4 + b4)
    l5 = torch.sigmoid(a5 + b5)
    l6 = torch.tanh(a6 + b6)
    l7 = torch.sigmoid(a7 + b7)

    p0 = torch.tanh(l0 * l1)
    p1 = torch.tanh(l2 + l3)
    p2 = torch.tanh(l4 * l5)
    p3 = torch.sigmoid(l6 + l7)

    c = torch.tanh(p0 + c) * p1
    m = torch.tanh(c * torch.tanh(p2 + p3))
    return m, c


# Two searched cells, as data for `enas_step`. Entry number n of "nodes" (from 1) is node n:
# (the earlier node it reads, its activation). "output" has the nodes whose mean is h'.

# The cell drawn in the paper; its output is the mean of the leaves, the nodes that no other reads.
# The authors later withdrew the language-model results of the code behind it.
ENAS_PUBLISHED = {
    "nodes": (
        (0, "tanh"),
        (1, "relu"),
        (2, "relu"),
        (2, "tanh"),
        (2, "tanh"),
        (5, "relu"),
        (1, "tanh"),
        (6, "relu"),
        (8, "relu"),
        (8, "relu"),
        (8, "relu"),
    ),
    "output": (3, 4, 7, 9, 10, 11),
}

# The cell of the authors' corrected release; its output is the mean of all nodes but node 0.
ENAS_CORRECTED = {
    "nodes": (
        (0, "sigmoid"),
        (1, "tanh"),
        (2, "relu"),
        (2, "sigmoid"),
        (4, "tanh"),
        (5, "tanh"),
        (3, "sigmoid"),
        (6, "sigmoid"),
    ),
    "output": (1, 2, 3, 4, 5, 6, 7, 8),
}

_ACTIVATIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda u: u,
}


def enas_step(x, h, W_0, W, graph):
    """A cell given as data: walk the graph, each node a highway step from an earlier node.

        node 0:   [u, t] = [x, h] @ W_0          s_0 = h + sigmoid(t) * (tanh(u) - h)
        node n:   [u, t] = s_p @ W[n-1]          s_n = s_p + sigmoid(t) * (f(u) - s_p)
        h' = mean of s_n over the nodes n of graph["output"]

    where (p, f) = graph["nodes"][n-1]: the earlier node that n reads, and its activation, one of
    "tanh", "relu", "sigmoid", "identity".

    Shapes: x (B, D), h (B, H), W_0 (D+H, 2H), W (N, H, 2H) with N = len(graph["nodes"])
    -> h' (B, H).
    Errors: ValueError when the graph does not have N nodes, an activation is unknown, a node reads
    one that is not earlier, or the output is empty or names a node that does not exist.
    Source: lecture section 1, "my work"; Pham et al. 2018 (`ENAS_PUBLISHED`, `ENAS_CORRECTED`).
    """
    _check_graph(graph, W.shape[0])
    s = [_highway(h, torch.cat([x, h], dim=1) @ W_0, torch.tanh)]
    for (previous, name), W_n in zip(graph["nodes"], W, strict=True):
        s.append(_highway(s[previous], s[previous] @ W_n, _ACTIVATIONS[name]))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


def _highway(s, ut, f):
    """Move from s towards f(u), as far as the gate t lets through; ut (B, 2H) is [u, t]."""
    u, t = ut.chunk(2, dim=1)
    return s + torch.sigmoid(t) * (f(u) - s)


def _check_graph(graph, N):
    nodes, output = graph["nodes"], graph["output"]
    if len(nodes) != N:
        raise ValueError(f"the graph has {len(nodes)} nodes, but W has weights for {N}")
    for n, (previous, name) in enumerate(nodes, start=1):
        if name not in _ACTIVATIONS:
            raise ValueError(
                f"node {n} has the activation {name!r}, not one of {', '.join(_ACTIVATIONS)}"
            )
        if previous not in range(n):  # a negative number would silently count from the end
            raise ValueError(f"node {n} reads node {previous!r}, which is not an earlier node")
    if not output or any(n not in range(N + 1) for n in output):
        raise ValueError(f"the output {output!r} must name at least one of the nodes 0 to {N}")


class LSTM(nn.Module):
    """`lstm_step` over whole sequences of different lengths: a network is f plus a loop.

    One parameter, W (D+H, 4H), gates i, f, o, g, no bias; drawn from
    uniform(-1/sqrt(H), 1/sqrt(H)) as torch.nn.LSTM does.
    Source: lecture section 1, "designing an RNN means designing f".
    """

    def __init__(self, D, H):
        super().__init__()
        bound = 1 / math.sqrt(H)
        self.W = nn.Parameter(torch.empty(D + H, 4 * H).uniform_(-bound, bound))

    def forward(self, xs, lengths=None, state=None):
        """Run over xs; sequence b ends after lengths[b] steps, and what follows is padding.

            (h_t, c_t) = lstm_step(x_t, (h_{t-1}, c_{t-1}), W)  for t < lengths[b], t from 0
            (h_t, c_t) = (h_{t-1}, c_{t-1})                     after that

        Shapes: xs (B, T, D), lengths (B,) integers from 0 to T (None: all are T),
        state = (h, c), both (B, H) (None: zeros) -> (hs, (h, c)): hs (B, T, H) is 0 at
        t >= lengths[b]; (h, c) is each sequence's state after its own last step.
        Errors: ValueError when xs is not (B, T, D), or lengths is not as described.
        """
        if xs.dim() != 3:
            raise ValueError(f"xs is {tuple(xs.shape)}, not (B, T, D)")
        if state is None:
            zeros = xs.new_zeros(xs.shape[0], self.W.shape[1] // 4)
            state = (zeros, zeros)
        if lengths is None:
            return unroll(lambda x, state: lstm_step(x, state, self.W), xs, state)

        mask = length_mask(lengths, xs)  # (B, T)
        # The padding may contain NaN. Masking only the results would not be enough: in the backward
        # pass, 0 * NaN is NaN and would reach W's gradient.
        xs = xs.masked_fill(~mask.unsqueeze(2), 0)

        def step(x, state):
            h, c, t = state  # t rides along, since a step is told its input but not the time
            alive = mask[:, t].unsqueeze(1)  # (B, 1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs.masked_fill(~mask.unsqueeze(2), 0), (h, c)


def length_mask(lengths, xs):
    """mask (B, T), True where xs has a token.

    Shapes: lengths (B,) integers from 0 to T, xs (B, T, D).
    Errors: ValueError when lengths is anything else.
    """
    B, T, _ = xs.shape
    lengths = torch.as_tensor(lengths, device=xs.device)
    if lengths.dtype == torch.bool or lengths.is_floating_point() or lengths.is_complex():
        raise ValueError(f"lengths must be integers, not {lengths.dtype}")
    if lengths.shape != (B,):
        raise ValueError(f"lengths is {tuple(lengths.shape)}, but xs has B = {B} sequences")
    if ((lengths < 0) | (lengths > T)).any():
        raise ValueError(f"lengths must be from 0 to T = {T}, not {lengths.tolist()}")
    return torch.arange(T, device=xs.device) < lengths.unsqueeze(1)


def slide_bugs():
    """The letters of the lines of the slides that are wrong.

    LSTM, eq. 1 (⊗ is the elementwise product, · the matrix product):
        A  i = sigmoid(...)
        B  f = tanh(...)
        C  o = sigmoid(...)
        D  g = sigmoid(...)
        E  all four gates read x_t and h_t
        F  W has H rows and D+H columns
        G  c_t = i ⊗ g + f · c_{t-1}
        H  h_t = o ⊗ tanh(c_{t-1})
    GRU, eq. 2 (h~ is the candidate):
        I  z = sigmoid(x_t · W_xz + h_{t-1} · W_hz)
        J  r = sigmoid(x_t · W_xr + h_{t-1} · W_hr)
        K  h~ = sigmoid(...)
        L  r · h_{t-1} inside the candidate
        M  h_t = (1 - z) ⊗ h_{t-1} + z ⊗ h~

    Returns {"lstm": set of letters, "gru": set of letters}.
    Source: lecture section 1, eq. 1 and 2; `lstm_step` and `gru_step` are the corrected forms.
    """
    return {
        # B: a forget gate below 0 flips the memory's sign.   D: new content could only be positive.
        # E: h_t is what is being computed.                   F: four gates of size H need 4H rows.
        # G: gates act on each unit by itself.                H: the step's own c_t would be unused.
        "lstm": {"B", "D", "E", "F", "G", "H"},
        # K: the state could never be negative.               L: as G.
        "gru": {"K", "L"},
    }
