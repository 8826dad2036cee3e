"""Problem set 1, cells, solved correctly in other ways.

The audit submits the source of each. It may use torch, nn and, for LSTM, the student's own
lstm_step and unroll; anything else it imports inside.
"""

import torch
from torch import nn

from rnncourse.reference.cells import lstm_step, unroll

from . import Alternatives

ALTERNATIVES = Alternatives()


# --- additive_step ------------------------------------------------------------------------------


@ALTERNATIVES.of("additive_step")
def adds_row_by_row(x, h):
    if x.size(1) != h.size(1):
        raise ValueError(f"D = {x.size(1)} is not H = {h.size(1)}")
    return torch.stack([x_row + h_row for x_row, h_row in zip(x, h, strict=True)])


@ALTERNATIVES.of("additive_step")
def adds_in_a_stack(x, h):
    try:
        both = torch.stack([x, h])  # refuses what differs in shape
    except RuntimeError as error:
        raise ValueError("x and h must have the same shape") from error
    return both.sum(dim=0)


@ALTERNATIVES.of("additive_step")
def subtracts_the_negative(x, h):
    assert x.shape == h.shape, "x and h must have the same shape"
    return h.sub(x.neg())


@ALTERNATIVES.of("additive_step")
def multiplies_with_identities(x, h):
    D, H = x.shape[-1], h.shape[-1]
    if D != H:
        raise ValueError(f"D = {D}, H = {H}")
    identity = torch.eye(H, dtype=x.dtype, device=x.device)
    return torch.cat([x, h], dim=1) @ torch.cat([identity, identity])


# --- elman_step ---------------------------------------------------------------------------------


@ALTERNATIVES.of("elman_step")
def sums_with_einsum(x, h, W_x, W_h, g=torch.tanh):
    return g(torch.einsum("bd,dh->bh", x, W_x) + torch.einsum("bk,kh->bh", h, W_h))


@ALTERNATIVES.of("elman_step")
def joins_inputs_and_weights(x, h, W_x, W_h, g=torch.tanh):
    return g(torch.hstack([x, h]).matmul(torch.vstack([W_x, W_h])))


@ALTERNATIVES.of("elman_step")
def steps_row_by_row(x, h, W_x, W_h, g=torch.tanh):
    rows = []
    for b in range(x.shape[0]):
        total = torch.zeros(W_h.shape[1], dtype=x.dtype)
        for d in range(x.shape[1]):
            total = total + x[b, d] * W_x[d]
        for k in range(h.shape[1]):
            total = total + h[b, k] * W_h[k]
        rows.append(total)
    return g(torch.stack(rows))


@ALTERNATIVES.of("elman_step")
def calls_linear(x, h, W_x, W_h, g=torch.tanh):
    from torch.nn import functional as F

    return g(F.linear(x, W_x.T) + F.linear(h, W_h.T))


@ALTERNATIVES.of("elman_step")
def computes_in_float32(x, h, W_x, W_h, g=torch.tanh):
    a = torch.addmm(x.float() @ W_x.float(), h.float(), W_h.float())
    return g(a).to(x.dtype)


# --- unroll -------------------------------------------------------------------------------------


@ALTERNATIVES.of("unroll")
def unrolls_by_recursion(step, xs, state):
    def rest(t, state):
        if t == xs.shape[1]:
            return [], state
        state = step(xs[:, t], state)
        hs, last = rest(t + 1, state)
        return [state[0] if isinstance(state, tuple) else state, *hs], last

    hs, last = rest(0, state)
    if hs:
        return torch.stack(hs, dim=1), last
    h = state[0] if isinstance(state, tuple) else state
    return torch.empty(h.shape[0], 0, h.shape[1], dtype=h.dtype, device=h.device), last


@ALTERNATIVES.of("unroll")
def accumulates_states(step, xs, state):
    from itertools import accumulate

    states = list(accumulate(xs.transpose(0, 1), lambda state, x: step(x, state), initial=state))
    outputs = [s if torch.is_tensor(s) else s[0] for s in states]
    return torch.stack(outputs)[1:].transpose(0, 1), states[-1]


@ALTERNATIVES.of("unroll")
def writes_into_a_prepared_tensor(step, xs, state):
    first = state if isinstance(state, torch.Tensor) else state[0]
    hs = first.new_zeros(xs.size(0), xs.size(1), first.size(1))
    t = 0
    while t < xs.size(1):
        state = step(xs.select(1, t), state)
        hs[:, t] = state if isinstance(state, torch.Tensor) else state[0]
        t += 1
    return hs, state


@ALTERNATIVES.of("unroll")
def grows_the_outputs(step, xs, state):
    hidden = (lambda s: s[0]) if isinstance(state, tuple) else (lambda s: s)
    hs = hidden(state).unsqueeze(1)[:, :0]
    for x in xs.split(1, dim=1):
        if x.shape[1] == 0:  # split gives one empty piece where T = 0
            break
        state = step(x.squeeze(1), state)
        hs = torch.cat([hs, hidden(state).unsqueeze(1)], dim=1)
    return hs, state


# --- slide_bugs ---------------------------------------------------------------------------------


@ALTERNATIVES.of("slide_bugs")
def spells_the_letters():
    return {"lstm": set("BDEFGH"), "gru": set("KL")}


@ALTERNATIVES.of("slide_bugs")
def takes_the_correct_lines_away():
    everything = {"lstm": "ABCDEFGH", "gru": "IJKLM"}
    correct = "ACIJM"
    return {key: set(lines).difference(correct) for key, lines in everything.items()}


@ALTERNATIVES.of("slide_bugs")
def keeps_a_table_of_reasons():
    reasons = {
        "lstm": dict(B="range", D="range", E="time", F="shape", G="product", H="time"),
        "gru": dict(K="range", L="product"),
    }
    return dict(lstm=frozenset(reasons["lstm"]), gru=frozenset(reasons["gru"]))


# --- lstm_step ----------------------------------------------------------------------------------


@ALTERNATIVES.of("lstm_step")
def splits_the_weights(x, state, W):
    h, c = state
    D, H = x.shape[1], h.shape[1]
    W_x, W_h = W[:D], W[D:]

    def block(k):
        columns = slice(k * H, (k + 1) * H)
        return x @ W_x[:, columns] + h @ W_h[:, columns]

    i, f, o = block(0).sigmoid(), block(1).sigmoid(), block(2).sigmoid()
    c = torch.addcmul(i * block(3).tanh(), f, c)
    return o * c.tanh(), c


@ALTERNATIVES.of("lstm_step")
def names_the_gate_axis(x, state, W):
    h, c = state
    z = torch.einsum("bd,dkh->kbh", torch.cat([x, h], dim=1), W.reshape(len(W), 4, -1))
    gates, g = torch.sigmoid(z[:3]), torch.tanh(z[3])
    new_c = gates[0] * g + gates[1] * c
    return gates[2] * torch.tanh(new_c), new_c


@ALTERNATIVES.of("lstm_step")
def runs_the_lstm_row_by_row(x, state, W):
    hs, cs = [], []
    for x_row, h_row, c_row in zip(x, *state, strict=True):
        i, f, o, g = torch.split(torch.cat([x_row, h_row]) @ W, len(h_row))
        c_row = g.tanh() * i.sigmoid() + c_row * f.sigmoid()
        cs.append(c_row)
        hs.append(c_row.tanh() * o.sigmoid())
    return [torch.stack(hs), torch.stack(cs)]


@ALTERNATIVES.of("lstm_step")
def runs_the_lstm_in_float32(x, state, W):
    h, c = (s.to(torch.float32) for s in state)
    z = nn.functional.linear(torch.cat([x.to(torch.float32), h], dim=-1), W.to(torch.float32).T)
    i, f, o, g = z.tensor_split(4, dim=-1)
    sigmoid = nn.Sigmoid()
    c = sigmoid(f) * c + sigmoid(i) * torch.tanh(g)
    h = sigmoid(o) * torch.tanh(c)
    return h.to(x.dtype), c.to(x.dtype)


@ALTERNATIVES.of("lstm_step")
def makes_sigmoids_of_tanh(x, state, W):
    h, c = state
    H = h.shape[1]
    z = torch.cat([x, h], dim=1).mm(W)
    scale = torch.ones(4 * H, dtype=x.dtype)
    scale[: 3 * H] = 0.5
    squashed = torch.tanh(z * scale)  # sigmoid(a) = (1 + tanh(a / 2)) / 2
    i, f, o = ((1 + squashed[:, k * H : (k + 1) * H]) / 2 for k in range(3))
    c = i * squashed[:, 3 * H :] + f * c
    return o * torch.tanh(c), c


# --- gru_step -----------------------------------------------------------------------------------


@ALTERNATIVES.of("gru_step")
def interpolates(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.addmm(x @ W_xz, h, W_hz).sigmoid()
    r = torch.addmm(x @ W_xr, h, W_hr).sigmoid()
    return torch.lerp(h, torch.addmm(x @ W_x, r * h, W_h).tanh(), z)


@ALTERNATIVES.of("gru_step")
def joins_the_gates(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    gates = torch.cat([torch.cat([W_xz, W_xr], dim=1), torch.cat([W_hz, W_hr], dim=1)])
    z, r = torch.sigmoid(torch.cat([x, h], dim=1) @ gates).chunk(2, dim=1)
    candidate = torch.tanh(torch.cat([x, r * h], dim=1) @ torch.cat([W_x, W_h]))
    return h + z * (candidate - h)


@ALTERNATIVES.of("gru_step")
def scales_the_rows_of_the_matrix(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    rows = []
    for x_b, h_b in zip(x, h, strict=True):
        keep = 1 - torch.sigmoid(x_b @ W_xz + h_b @ W_hz)
        r = torch.sigmoid(x_b @ W_xr + h_b @ W_hr)
        candidate = torch.tanh(x_b @ W_x + h_b @ (r.unsqueeze(1) * W_h))
        rows.append(keep * h_b + (1 - keep) * candidate)
    return torch.stack(rows)


@ALTERNATIVES.of("gru_step")
def runs_the_gru_in_float32(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    dtype = x.dtype
    x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h = (
        one.float() for one in (x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h)
    )
    z = 1 / (1 + torch.exp(-(x @ W_xz + h @ W_hz)))
    r = 1 / (1 + torch.exp(-(x @ W_xr + h @ W_hr)))
    candidate = torch.tanh(torch.einsum("bd,dh->bh", x, W_x) + (r * h) @ W_h)
    return ((1 - z) * h + z * candidate).to(dtype)


# --- nas_step -----------------------------------------------------------------------------------


@ALTERNATIVES.of("nas_step")
def lists_the_leaves(x, state, W, U):
    m, c = state
    H = m.shape[1]
    sigmoid, relu, tanh = torch.sigmoid, torch.relu, torch.tanh
    leaves = []
    for k, f in enumerate([sigmoid, relu, sigmoid, relu, tanh, sigmoid, tanh, sigmoid]):
        block = slice(k * H, (k + 1) * H)
        a, b = x @ W[:, block], m @ U[:, block]
        leaves.append(f(a * b if k == 3 else a + b))
    l0, l1, l2, l3, l4, l5, l6, l7 = leaves
    c = tanh(tanh(l0 * l1) + c) * tanh(l2 + l3)
    return tanh(c * tanh(tanh(l4 * l5) + sigmoid(l6 + l7))), c


@ALTERNATIVES.of("nas_step")
def groups_leaves_by_activation(x, state, W, U):
    m, c = state
    a = torch.einsum("bd,dkh->kbh", x, W.reshape(W.shape[0], 8, -1))
    b = torch.einsum("bj,jkh->kbh", m, U.reshape(U.shape[0], 8, -1))
    gates = torch.sigmoid((a + b)[[0, 2, 5, 7]])
    contents = torch.tanh((a + b)[[4, 6]])
    p0 = torch.tanh(gates[0] * (a[1] + b[1]).clamp(min=0))
    p1 = torch.tanh(gates[1] + (a[3] * b[3]).clamp(min=0))
    p2 = torch.tanh(contents[0] * gates[2])
    p3 = torch.sigmoid(contents[1] + gates[3])
    new_c = torch.tanh(p0 + c) * p1
    return torch.tanh(new_c * torch.tanh(p2 + p3)), new_c


@ALTERNATIVES.of("nas_step")
def runs_the_nas_cell_in_float32(x, state, W, U):
    m, c = (s.float() for s in state)
    a = nn.functional.linear(x.float(), W.float().T).chunk(8, dim=-1)
    b = nn.functional.linear(m, U.float().T).chunk(8, dim=-1)
    relu = nn.functional.relu
    p0 = ((a[0] + b[0]).sigmoid() * relu(a[1] + b[1])).tanh()
    p1 = ((a[2] + b[2]).sigmoid() + relu(a[3] * b[3])).tanh()
    p2 = ((a[4] + b[4]).tanh() * (a[5] + b[5]).sigmoid()).tanh()
    p3 = ((a[6] + b[6]).tanh() + (a[7] + b[7]).sigmoid()).sigmoid()
    c = (p0 + c).tanh() * p1
    m = (c * (p2 + p3).tanh()).tanh()
    return m.to(x.dtype), c.to(x.dtype)


@ALTERNATIVES.of("nas_step")
def runs_the_nas_cell_row_by_row(x, state, W, U):
    results = []
    for x_b, m_b, c_b in zip(x, *state, strict=True):
        a, b = (x_b @ W).view(8, -1), (m_b @ U).view(8, -1)
        both = a + b
        l0, l2, l5, l7 = torch.sigmoid(both[[0, 2, 5, 7]])
        l1 = torch.where(both[1] > 0, both[1], torch.zeros_like(both[1]))
        l3 = torch.maximum(a[3] * b[3], torch.zeros_like(a[3]))
        l4, l6 = torch.tanh(both[4]), torch.tanh(both[6])
        c_b = torch.tanh(torch.tanh(l0 * l1) + c_b) * torch.tanh(l2 + l3)
        m_b = torch.tanh(c_b * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7)))
        results.append(torch.stack([m_b, c_b]))
    m, c = torch.stack(results, dim=1)
    return m, c


# --- enas_step ----------------------------------------------------------------------------------


@ALTERNATIVES.of("enas_step")
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


@ALTERNATIVES.of("enas_step")
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
            raise ValueError(f"what is {activation}?")
        nodes[index + 1] = (1 - gate) * nodes[start] + gate * new
    mean = torch.zeros_like(h)
    for n in graph["output"]:
        mean = mean + nodes[n] / len(graph["output"])
    return mean


@ALTERNATIVES.of("enas_step")
def keeps_the_nodes_in_one_tensor(x, h, W_0, W, graph):
    from torch.nn import functional as F

    functions = dict(tanh=F.tanh, relu=F.relu, sigmoid=F.sigmoid, identity=nn.Identity())
    ut = torch.einsum("bd,dkh->kbh", torch.cat([x, h], dim=1), W_0.unflatten(1, (2, -1)))
    s = (h + ut[1].sigmoid() * (ut[0].tanh() - h)).unsqueeze(0)
    for n, (j, name) in enumerate(graph["nodes"]):
        ut = torch.einsum("bd,dkh->kbh", s[j], W[n].unflatten(1, (2, -1)))
        s = torch.cat([s, (s[j] + ut[1].sigmoid() * (functions[name](ut[0]) - s[j]))[None]])
    return s[list(graph["output"])].mean(0)


@ALTERNATIVES.of("enas_step")
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


# --- LSTM ---------------------------------------------------------------------------------------


@ALTERNATIVES.of("LSTM")
class LoopsOverSequences(nn.Module):
    """Each sequence by itself, cut to its length: nothing to mask."""

    def __init__(self, D, H):
        super().__init__()
        self.W = nn.Parameter(torch.empty(D + H, 4 * H))
        nn.init.xavier_uniform_(self.W)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        H = self.W.shape[1] // 4
        h, c = (xs.new_zeros(B, H), xs.new_zeros(B, H)) if state is None else state
        outputs, last_h, last_c = [], [], []
        for b in range(B):
            n = T if lengths is None else int(lengths[b])
            hs, (h_b, c_b) = unroll(
                lambda x, state: lstm_step(x, state, self.W),
                xs[b : b + 1, :n],
                (h[b : b + 1], c[b : b + 1]),
            )
            outputs.append(nn.functional.pad(hs, (0, 0, 0, T - n)))
            last_h.append(h_b)
            last_c.append(c_b)
        return torch.cat(outputs), (torch.cat(last_h), torch.cat(last_c))


@ALTERNATIVES.of("LSTM")
class LoopsOverTime(nn.Module):
    """A plain loop that blends old and new state with a mask, after clearing the padding."""

    def __init__(self, D, H):
        super().__init__()
        self.hidden = H
        self.register_parameter("W", nn.Parameter(0.1 * torch.randn(D + H, 4 * H)))

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if lengths is None:
            lengths = torch.tensor([T] * B)
        h, c = state or torch.zeros(2, B, self.hidden, dtype=xs.dtype)
        hs = []
        for t in range(T):
            alive = (lengths > t)[:, None]
            x = torch.where(alive, xs[:, t], torch.zeros_like(xs[:, t]))
            m = alive.to(xs.dtype)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            h, c = m * new_h + (1 - m) * h, m * new_c + (1 - m) * c
            hs.append(m * new_h)
        return torch.stack(hs, dim=1), (h, c)


@ALTERNATIVES.of("LSTM")
class LooksTheLastStateUp(nn.Module):
    """Keeps all states from the given one on, and looks up the one at each length."""

    def __init__(self, D, H):
        super().__init__()
        self.W = nn.Parameter(torch.randn(D + H, 4 * H))

    def forward(self, xs, lengths=None, state=None):
        if state is None:
            zeros = xs.new_zeros(len(xs), self.W.shape[1] // 4)
            state = (zeros, zeros)
        B, T = xs.shape[:2]
        lengths = torch.full((B,), T) if lengths is None else lengths.long()
        padding = torch.arange(T)[None, :, None] >= lengths[:, None, None]
        clean = torch.where(padding, torch.zeros((), dtype=xs.dtype), xs)
        states = [state]
        for x in clean.unbind(1):
            states.append(lstm_step(x, states[-1], self.W))
        hs, cs = (torch.stack(list(one), dim=1) for one in zip(*states, strict=True))
        rows = torch.arange(B)
        return hs[:, 1:].masked_fill(padding, 0.0), (hs[rows, lengths], cs[rows, lengths])


@ALTERNATIVES.of("LSTM")
class ShrinksTheBatch(nn.Module):
    """Sorted by length, so that the sequences alive are always the first rows."""

    def __init__(self, D, H):
        super().__init__()
        bound = H**-0.5
        self.W = nn.Parameter(torch.rand(D + H, 4 * H) * 2 * bound - bound)
        self.H = H

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if lengths is None:
            lengths = torch.full((B,), T)
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        order = torch.argsort(lengths, descending=True)
        back = torch.argsort(order)
        xs, lengths = xs[order], lengths[order]
        h, c = state[0][order], state[1][order]
        hs = []
        for t in range(T):
            n = int((lengths > t).sum())
            new_h, new_c = lstm_step(xs[:n, t], (h[:n], c[:n]), self.W)
            h, c = torch.cat([new_h, h[n:]]), torch.cat([new_c, c[n:]])
            hs.append(torch.cat([new_h, xs.new_zeros(B - n, self.H)]))
        return torch.stack(hs, dim=1)[back], (h[back], c[back])


@ALTERNATIVES.of("LSTM")
class PutsTheClockIntoTheInput(nn.Module):
    """One unroll; whether a sequence is alive travels as an extra input feature."""

    def __init__(self, D, H):
        super().__init__()
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / 10)

    def forward(self, xs, lengths=None, state=None):
        B, T, D = xs.shape
        if state is None:
            state = tuple(torch.zeros(2, B, self.W.shape[1] // 4).to(xs))
        if lengths is None:
            lengths = xs.new_full((B,), T)
        alive = (torch.arange(T).expand(B, T) < lengths.reshape(B, 1)).unsqueeze(2)
        marked = torch.cat([xs.masked_fill(alive.logical_not(), 0), alive.to(xs)], dim=2)

        def step(x, state):
            live = x[:, D:] > 0
            new = lstm_step(x[:, :D], state, self.W)
            return tuple(torch.where(live, n, old) for n, old in zip(new, state, strict=True))

        hs, state = unroll(step, marked, state)
        return torch.where(alive, hs, torch.zeros_like(hs)), state
