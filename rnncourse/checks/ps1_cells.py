"""Problem set 1, cells: what is checked, and the mistakes people make (lecture §1).

A misconception is a whole wrong implementation under a telling name. It may use torch, nn and,
for LSTM, the student's lstm_step and unroll; nothing else, because the audit submits its source.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..reference import cells
from ..reference.cells import lstm_step, unroll
from .bug_hunt import BugHunt
from .exercise import Exercise, Property
from .forbidden import RECURRENT
from .properties import Cases, attempt, part, using
from .pytree import copied
from .rng import ONES, Rng, Sizes

# --- additive_step ------------------------------------------------------------------------------

additive_cases = Cases(
    "additive_step",
    ("x", "h"),
    lambda rng, s: (rng.normal(s.B, s.H), rng.normal(s.B, s.H)),
    batched=("x", "h"),
)


def draw_bad_sizes(rng: Rng) -> dict[str, tuple]:
    s = rng.sizes()
    return {
        # The first two are what torch would broadcast without a word.
        "where D is 1": (rng.normal(s.B, 1), rng.normal(s.B, s.H)),
        "where H is 1": (rng.normal(s.B, s.D), rng.normal(s.B, 1)),
        "where D is not H": (rng.normal(s.B, s.D), rng.normal(s.B, s.H)),
    }


additive = Exercise(
    "additive_step",
    "ps1_cells",
    cells.additive_step,
    points=2,
    properties=(
        additive_cases.shape(0.125),
        additive_cases.values(0.75),
        additive_cases.refuses(0.25, draw_bad_sizes),
    ),
    forbids=RECURRENT,
)


@additive.misconception(
    "Your function adds whatever torch can broadcast, so an input of size 1 slips through. "
    "Compare the shapes first and raise a ValueError where they differ."
)
def adds_without_looking(x, h):
    return x + h


@additive.misconception(
    "You divide the sum by 2, so each step halves the past. Keep all of it: h' = x + h."
)
def averages(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return (x + h) / 2


@additive.misconception(
    "You multiply x and h, so a single 0 would erase the memory for good. Add them: h' = x + h."
)
def multiplies(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return x * h


@additive.misconception(
    "You put an activation around the sum. This network has none yet: return x + h itself."
)
def squashes_the_sum(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return torch.tanh(x + h)


@additive.misconception(
    "You return the input and drop the past. The new state is the old one plus the input: x + h."
)
def forgets_the_state(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return x.clone()


@additive.misconception(
    "You put x and h side by side, which makes a state of D + H numbers. "
    "Add them number by number, so that the state keeps its H."
)
def concatenates(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    return torch.cat([x, h], dim=1)


@additive.misconception(
    "Your += writes the sum into the caller's h, so the old state is lost. "
    "Return a new tensor: x + h."
)
def adds_into_the_old_state(x, h):
    if x.shape != h.shape:
        raise ValueError("x and h must have the same shape")
    h += x
    return h


# --- elman_step ---------------------------------------------------------------------------------


def draw_elman(rng: Rng, s: Sizes) -> tuple:
    return (
        rng.normal(s.B, s.D),
        rng.normal(s.B, s.H),
        rng.normal(s.D, s.H, scale=0.7),
        rng.normal(s.H, s.H, scale=0.7),
        torch.tanh,
    )


elman_cases = Cases("elman_step", ("x", "h", "W_x", "W_h", "g"), draw_elman, batched=("x", "h"))


def swish(a: torch.Tensor) -> torch.Tensor:
    return a * torch.sigmoid(a)


def observe_activations(subject: Any, rng: Rng) -> dict[str, Any]:
    """Which activation is applied: the one given, tanh where none is."""
    x, h, W_x, W_h, _ = draw_elman(rng, rng.sizes())
    calls = {
        "g = torch.relu": (torch.relu,),
        "g = swish, a * sigmoid(a)": (swish,),
        "no g, so tanh": (),
    }
    return {text: attempt(lambda g=g: subject(x, h, W_x, W_h, *g)) for text, g in calls.items()}


elman = Exercise(
    "elman_step",
    "ps1_cells",
    cells.elman_step,
    points=4,
    properties=(
        elman_cases.shape(0.5),
        elman_cases.values(1),
        Property("activation", "any activation g can be given", 0.75, observe_activations),
    ),
    forbids=RECURRENT,
)


@elman.misconception("Your code always uses tanh. Apply the activation g that it is given.")
def always_tanh(x, h, W_x, W_h, g=torch.tanh):
    return torch.tanh(x @ W_x + h @ W_h)


@elman.misconception(
    "You apply g to each product and add afterwards. Add first, then apply g once, to the sum."
)
def activates_each_product(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x) + g(h @ W_h)


@elman.misconception(
    "You return the sum without its activation. Put g around it: g(x @ W_x + h @ W_h)."
)
def leaves_out_the_activation(x, h, W_x, W_h, g=torch.tanh):
    return x @ W_x + h @ W_h


@elman.misconception(
    "You apply g to the old state's product only. It belongs around the whole sum."
)
def activates_the_past_only(x, h, W_x, W_h, g=torch.tanh):
    return x @ W_x + g(h @ W_h)


@elman.misconception(
    "You multiply h by the transpose of W_h. It is square, so torch does not complain; "
    "with row vectors the product is h @ W_h."
)
def transposes_the_recurrence(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x + h @ W_h.T)


@elman.misconception(
    "Your step looks at the input alone, so the network has no memory. Add h @ W_h before g."
)
def ignores_the_past(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x)


@elman.misconception(
    "You add the old state once more, outside g. In Elman's network h enters only through h @ W_h."
)
def adds_the_old_state(x, h, W_x, W_h, g=torch.tanh):
    return h + g(x @ W_x + h @ W_h)


@elman.misconception(
    "You detach h, so no gradient reaches the steps before. Leave the graph whole in the step."
)
def detaches_the_past(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x + h.detach() @ W_h)


@elman.misconception(
    "Your result is float32 whatever comes in. Keep the dtype of the inputs: leave out the cast."
)
def returns_float32(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x + h @ W_h).float()


@elman.misconception(
    "You put the matrices on the left. Here a row of the batch is a row vector, and it stands on "
    "the left: x @ W_x and h @ W_h."
)
def puts_the_matrix_first(x, h, W_x, W_h, g=torch.tanh):
    return g(W_x @ x + W_h @ h)


@elman.misconception(
    "You multiply x by W_h and h by W_x. W_x is (D, H), for the input x of D numbers; "
    "W_h is (H, H), for the state."
)
def swaps_the_matrices(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_h + h @ W_x)


# --- unroll -------------------------------------------------------------------------------------


def elman_like(rng: Rng, s: Sizes) -> Callable[..., torch.Tensor]:
    """A step whose state is a tensor."""
    W_x, W_h = rng.normal(s.D, s.H, scale=0.7), rng.normal(s.H, s.H, scale=0.7)

    def elman_cell(x, h):
        return torch.tanh(x @ W_x.to(x.dtype) + h @ W_h.to(h.dtype))

    return elman_cell


def lstm_like(rng: Rng, s: Sizes) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """A step whose state is a tuple (h, c)."""
    W = rng.normal(s.D + s.H, 4 * s.H, scale=0.7)

    def lstm_cell(x, state):
        return lstm_step(x, state, W)

    return lstm_cell


unroll_cases = Cases(
    "unroll",
    ("step", "xs", "state"),
    lambda rng, s: (elman_like(rng, s), rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)),
    batched=("xs", "state"),
)


def observe_calls(subject: Any, rng: Rng) -> dict[str, Any]:
    """What the step is called with, call by call."""
    s = rng.sizes()
    step, xs, state = unroll_cases.draw(rng, s)
    seen: dict[str, Any] = {}
    count = 0

    def recording(x, state):
        nonlocal count
        count += 1
        if count <= s.T:
            seen[f"call {count} of step, its x_t"] = copied(x)
            seen[f"call {count} of step, its state"] = copied(state)
        return step(x, state)

    # Where the calls were right and something after them fails, the other properties say so.
    attempt(lambda: subject(recording, xs, state))
    return {**seen, f"how often step is called for T = {s.T}": count}


def observe_tuple_states(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for s in (rng.sizes(), rng.sizes(B=1)):
        state = (rng.normal(s.B, s.H), rng.normal(s.B, s.H))
        step, xs = lstm_like(rng, s), rng.normal(s.B, s.T, s.D)
        result = attempt(lambda step=step, xs=xs, state=state: subject(step, xs, state))
        text = f"a state (h, c), B = {s.B}, T = {s.T}"
        seen[f"{text}: hs, which is made of the h"] = part(result, 0)
        seen[f"{text}: the last h"] = part(result, 1, 0)
        seen[f"{text}: the last c"] = part(result, 1, 1)
    return seen


unrolling = Exercise(
    "unroll",
    "ps1_cells",
    cells.unroll,
    points=6,
    properties=(
        unroll_cases.shape(0.5),
        unroll_cases.values(1),
        Property(
            "calls",
            "step is called once for every x_t (B, D), in order of time, with the state before",
            0.75,
            observe_calls,
        ),
        Property("tuples", "a state may be a tuple (h, c)", 0.75, observe_tuple_states),
    ),
    forbids=RECURRENT,
)


@unrolling.misconception(
    "Your hs comes out as (T, B, H). Stack the outputs along dim=1: the batch is first here."
)
def stacks_time_first(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(0, *h.shape), state
    return torch.stack(hs), state


@unrolling.misconception(
    "`for x in xs` and `xs[t]` go through the batch, not through time. "
    "Time is axis 1: use `xs[:, t]`."
)
def walks_through_the_batch(step, xs, state):
    hs = []
    for x in xs:
        state = step(x, state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(hs, dim=1), state


@unrolling.misconception(
    "You start from zeros and never look at the state you are given. "
    "Start from it: a caller may be continuing an earlier sequence."
)
def starts_from_zeros(step, xs, state):
    if isinstance(state, tuple):
        state = tuple(torch.zeros_like(s) if isinstance(s, torch.Tensor) else s for s in state)
    else:
        state = torch.zeros_like(state)
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@unrolling.misconception(
    "Your hs is the last output alone. Collect the hidden output of every step, (B, T, H)."
)
def keeps_the_last_output_only(step, xs, state):
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
    return (state[0] if isinstance(state, tuple) else state), state


@unrolling.misconception(
    "You return hs without the last state. Return both, `hs, state`: an LSTM's c is not in hs."
)
def returns_no_state(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1])
    return torch.stack(hs, dim=1)


@unrolling.misconception(
    "You store the state before each step, so hs is one step late and the last output is missing. "
    "Store it after the call of step."
)
def stores_the_state_before(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        hs.append(state[0] if isinstance(state, tuple) else state)
        state = step(xs[:, t], state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@unrolling.misconception(
    "Your hs begins with the initial state and so has T + 1 entries. "
    "Start with an empty list: hs holds h_1 to h_T."
)
def includes_the_initial_state(step, xs, state):
    hs = [state[0] if isinstance(state, tuple) else state]
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(hs, dim=1), state


@unrolling.misconception(
    "Every step of yours starts from the initial state, so nothing is remembered. "
    "Hand each step the state that the step before returned."
)
def never_carries_the_state_on(step, xs, state):
    hs, last = [], state
    for t in range(xs.shape[1]):
        last = step(xs[:, t], state)
        hs.append(last[0] if isinstance(last, tuple) else last)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), last


@unrolling.misconception(
    "You detach the state between steps, so a gradient sees one step of the past and no more. "
    "Pass the state on as it is."
)
def detaches_between_steps(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        if isinstance(state, tuple):
            state = tuple(s.detach() if isinstance(s, torch.Tensor) else s for s in state)
        else:
            state = state.detach()
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@unrolling.misconception(
    "You run from the last input to the first. Time runs forward: t = 0, 1, ..., T - 1."
)
def runs_backward_in_time(step, xs, state):
    hs = []
    for t in reversed(range(xs.shape[1])):
        state = step(xs[:, t], state)
        hs.insert(0, state[0] if isinstance(state, tuple) else state)
    if not hs:
        h = state[0] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@unrolling.misconception(
    "Of a tuple you collect the last entry, the memory c. The hidden output is the first, state[0]."
)
def collects_the_memory(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[-1] if isinstance(state, tuple) else state)
    if not hs:
        h = state[-1] if isinstance(state, tuple) else state
        return h.new_zeros(h.shape[0], 0, h.shape[1]), state
    return torch.stack(hs, dim=1), state


@unrolling.misconception(
    "You take state[0] even of a tensor, which is its first row, not its hidden output. "
    "Ask first whether the state is a tuple."
)
def takes_every_state_for_a_tuple(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0])
    if not hs:
        return state[0].new_zeros(state[0].shape[0], 0, state[0].shape[-1]), state
    return torch.stack(hs, dim=1), state


@unrolling.misconception(
    "Your function stops at T = 0, because torch.stack refuses an empty list. "
    "Return an empty (B, 0, H) tensor and the given state before you stack."
)
def stumbles_over_no_steps(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(hs, dim=1), state


@unrolling.misconception(
    "Your hs is a Python list. Join it into one tensor (B, T, H): torch.stack(hs, dim=1)."
)
def returns_a_list(step, xs, state):
    hs = []
    for t in range(xs.shape[1]):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return hs, state


@unrolling.misconception(
    "You leave out the last step. `range(xs.shape[1])` goes from 0 to T - 1 already, "
    "which is all T of them."
)
def leaves_out_the_last_step(step, xs, state):
    hs = []
    for t in range(xs.shape[1] - 1):
        state = step(xs[:, t], state)
        hs.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(hs, dim=1), state


# --- slide_bugs ---------------------------------------------------------------------------------

bug_hunt = BugHunt(
    cells.slide_bugs,
    {"lstm": "ABCDEFGH", "gru": "IJKLM"},
    {"lstm": "the LSTM's", "gru": "the GRU's"},
)

slides = Exercise(
    "slide_bugs",
    "ps1_cells",
    cells.slide_bugs,
    points=4,
    properties=(bug_hunt.form(0.25), bug_hunt.count(0.25)),
)


@slides.misconception(
    "You let the slide's forget gate pass. A gate is a fraction from 0 to 1, "
    "and tanh goes below 0: f needs a sigmoid."
)
def accepts_the_tanh_gate():
    return {"lstm": {"D", "E", "F", "G", "H"}, "gru": {"K", "L"}}


@slides.misconception(
    "You let the LSTM's candidate g pass. New content may have either sign, "
    "and a sigmoid is never negative: g needs a tanh."
)
def accepts_the_sigmoid_candidate():
    return {"lstm": {"B", "E", "F", "G", "H"}, "gru": {"K", "L"}}


@slides.misconception(
    "You let the gates read h_t, which they are there to compute. They can only read h_{t-1}."
)
def accepts_a_gate_that_reads_the_result():
    return {"lstm": {"B", "D", "F", "G", "H"}, "gru": {"K", "L"}}


@slides.misconception(
    "You let W have H rows. One product makes all four blocks i, f, o and g, so it needs 4H rows."
)
def accepts_the_small_matrix():
    return {"lstm": {"B", "D", "E", "G", "H"}, "gru": {"K", "L"}}


@slides.misconception(
    "You let the output read c_{t-1}. Then what is written at step t cannot be seen at step t: "
    "h_t needs tanh(c_t)."
)
def accepts_a_stale_memory():
    return {"lstm": {"B", "D", "E", "F", "G"}, "gru": {"K", "L"}}


@slides.misconception(
    "You read · as elementwise, but on the slide it is the matrix product. "
    "A gate and a state are both rows of H numbers, so f and r need ⊗."
)
def reads_every_dot_as_elementwise():
    return {"lstm": {"B", "D", "E", "F", "H"}, "gru": {"K"}}


@slides.misconception(
    "You let the GRU's candidate pass. With a sigmoid the state could never become negative: "
    "it needs a tanh, like the LSTM's g."
)
def accepts_the_gru_candidate():
    return {"lstm": {"B", "D", "E", "F", "G", "H"}, "gru": {"L"}}


@slides.misconception(
    "You call the GRU's blend wrong, perhaps because torch swaps z and 1 - z. "
    "Either way round is a GRU: z is only a name for what is taken from the new."
)
def calls_the_blend_wrong():
    return {"lstm": {"B", "D", "E", "F", "G", "H"}, "gru": {"K", "L", "M"}}


@slides.misconception(
    "You call the output gate's sigmoid wrong. o is a fraction of the memory to show, "
    "like i and f: a sigmoid is right for it."
)
def calls_the_output_gate_wrong():
    return {"lstm": {"B", "C", "D", "E", "F", "G", "H"}, "gru": {"K", "L"}}


@slides.misconception(
    "You named the lines that are right. Turn it round: name those that are wrong."
)
def names_the_correct_lines():
    return {"lstm": {"A", "C"}, "gru": {"I", "J", "M"}}


@slides.misconception(
    "You name every line, which finds nothing: accusing a correct line costs what was found. "
    "Ask of each line its time index, its shapes and its range."
)
def names_every_line():
    return {"lstm": set("ABCDEFGH"), "gru": set("IJKLM")}


# --- lstm_step ----------------------------------------------------------------------------------


def draw_lstm(rng: Rng, s: Sizes) -> tuple:
    return (
        rng.normal(s.B, s.D),
        (rng.normal(s.B, s.H), rng.normal(s.B, s.H)),
        rng.normal(s.D + s.H, 4 * s.H, scale=0.7),
    )


lstm_cases = Cases("lstm_step", ("x", "state", "W"), draw_lstm, batched=("x", "state"))

# Added before a sigmoid, these open or shut a gate but for a rest that no tolerance sees.
OPEN, SHUT = 40.0, -40.0


def observe_lstm_gates(subject: Any, rng: Rng) -> dict[str, Any]:
    """Gates held open or shut, so that each one shows what it is for."""
    x, state, W = draw_lstm(rng, rng.sizes())
    x[:, 0] = 1  # a constant input, so that its weights are biases
    i, f, o, _ = W.chunk(4, dim=1)  # views: writing to them writes to W

    def gated(i_bias: float, f_bias: float, o_bias: float) -> Any:
        i[0], f[0], o[0] = i_bias, f_bias, o_bias
        return attempt(lambda: subject(x, copied(state), W.clone()))

    return {
        "with i shut and f open, c' (it keeps c)": part(gated(SHUT, OPEN, OPEN), 1),
        "with i open and f shut, c' (it becomes g)": part(gated(OPEN, SHUT, OPEN), 1),
        "with i and f open, c' (it becomes g + c)": part(gated(OPEN, OPEN, OPEN), 1),
        "with i, f and o open, h' (it shows tanh(c'))": part(gated(OPEN, OPEN, OPEN), 0),
        "with o shut, h' (it shows nothing)": part(gated(OPEN, OPEN, SHUT), 0),
    }


lstm = Exercise(
    "lstm_step",
    "ps1_cells",
    cells.lstm_step,
    points=8,
    properties=(
        lstm_cases.shape(0.5),
        lstm_cases.values(2),
        Property("gates", "each gate does its own work", 1.5, observe_lstm_gates),
    ),
    forbids=RECURRENT,
)


@lstm.misconception(
    "You cut the blocks in torch's order i, f, g, o. In this course it is i, f, o, g."
)
def uses_torchs_gate_order(x, state, W):
    h, c = state
    i, f, g, o = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@lstm.misconception(
    "This is the equation as the slide prints it. Put it right: sigmoid for f, tanh for g, "
    "and an output that reads the new memory c'."
)
def follows_the_slide(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    new_c = torch.sigmoid(i) * torch.sigmoid(g) + torch.tanh(f) * c
    return torch.sigmoid(o) * torch.tanh(c), new_c


@lstm.misconception(
    "Your output reads the old memory c, so what is written now is seen one step late. "
    "Compute c' first, then h' = o * tanh(c')."
)
def shows_the_old_memory(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    new_c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), new_c


@lstm.misconception(
    "You use a sigmoid for g, so nothing negative can be written to the memory. "
    "g is content, not a gate: it takes a tanh."
)
def writes_with_a_sigmoid(x, state, W):
    h, c = state
    i, f, o, g = torch.sigmoid(torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = i * g + f * c
    return o * torch.tanh(c), c


@lstm.misconception(
    "You use tanh for the forget gate, so a shut gate flips the memory's sign. "
    "A gate is a fraction: f takes a sigmoid."
)
def forgets_with_a_tanh(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.tanh(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@lstm.misconception(
    "You join [h, x], but W's first D rows belong to x. Join them as torch.cat([x, h], dim=1)."
)
def joins_h_before_x(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([h, x], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@lstm.misconception(
    "You show the memory without its tanh, so h' can leave (-1, 1). Use h' = o * tanh(c')."
)
def shows_the_bare_memory(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * c, c


@lstm.misconception(
    "You squash the memory itself with a tanh, so it fades at every step. "
    "Keep c' = i * g + f * c, and put the tanh only into h'."
)
def squashes_the_memory(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.tanh(torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c)
    return torch.sigmoid(o) * c, c


@lstm.misconception(
    "Your input gate guards the old memory and your forget gate the new content. "
    "Swap them: c' = i * g + f * c."
)
def swaps_input_and_forget_gate(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(f) * torch.tanh(g) + torch.sigmoid(i) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@lstm.misconception("You return (c, h). The hidden output comes first: return h, c.")
def returns_the_memory_first(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return c, torch.sigmoid(o) * torch.tanh(c)


@lstm.misconception(
    "You deal the 4H columns out in turn, i f o g i f o g. "
    "They are four whole blocks: cut them with chunk(4, dim=1)."
)
def deals_the_columns_out(x, state, W):
    h, c = state
    z = torch.cat([x, h], dim=1) @ W
    i, f, o, g = z.reshape(z.shape[0], -1, 4).unbind(dim=2)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@lstm.misconception(
    "You use 1 - f as the input gate and never look at i. This LSTM has both: c' = i * g + f * c."
)
def couples_input_to_forget(x, state, W):
    h, c = state
    _, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    f = torch.sigmoid(f)
    c = (1 - f) * torch.tanh(g) + f * c
    return torch.sigmoid(o) * torch.tanh(c), c


@lstm.misconception(
    "Your *= or mul_ overwrites the caller's c. Compute the new memory as a new tensor."
)
def overwrites_the_memory(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=1) @ W).chunk(4, dim=1)
    c *= torch.sigmoid(f)
    c += torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@lstm.misconception(
    "You cut along the batch: without a dim, chunk takes the first axis. The four blocks are "
    "columns: `.chunk(4, dim=-1)`."
)
def cuts_along_the_batch(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=-1) @ W).chunk(4)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


@lstm.misconception(
    "You return h alone. The memory has to go on to the next step as well: return h, c."
)
def returns_the_output_alone(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=-1) @ W).chunk(4, dim=-1)
    c = torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c)


@lstm.misconception(
    "Your forget gate has no activation, so it may be any number and the memory can explode. "
    "A gate is a fraction: f takes a sigmoid."
)
def forgets_without_an_activation(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=-1) @ W).chunk(4, dim=-1)
    c = torch.sigmoid(i) * torch.tanh(g) + f * c
    return torch.sigmoid(o) * torch.tanh(c), c


@lstm.misconception(
    "Your g has no activation, so what is written has no bounds. It is content: it takes a tanh."
)
def writes_without_an_activation(x, state, W):
    h, c = state
    i, f, o, g = (torch.cat([x, h], dim=-1) @ W).chunk(4, dim=-1)
    c = torch.sigmoid(i) * g + torch.sigmoid(f) * c
    return torch.sigmoid(o) * torch.tanh(c), c


# --- gru_step -----------------------------------------------------------------------------------


def draw_gru(rng: Rng, s: Sizes) -> tuple:
    matrices = []
    for _ in range(3):
        matrices += [rng.normal(s.D, s.H, scale=0.7), rng.normal(s.H, s.H, scale=0.7)]
    return rng.normal(s.B, s.D), rng.normal(s.B, s.H), *matrices


gru_cases = Cases(
    "gru_step",
    ("x", "h", "W_xz", "W_hz", "W_xr", "W_hr", "W_x", "W_h"),
    draw_gru,
    batched=("x", "h"),
)


def observe_gru_gates(subject: Any, rng: Rng) -> dict[str, Any]:
    """Gates held open or shut, so that each one shows what it is for."""
    args = draw_gru(rng, rng.sizes())
    x, _, W_xz, _, W_xr, *_ = args
    x[:, 0] = 1  # a constant input, so that its weights are biases

    def gated(z_bias: float, r_bias: float) -> Any:
        W_xz[0], W_xr[0] = z_bias, r_bias
        return attempt(lambda: subject(*copied(args)))

    return {
        "with z at 0, h' (it keeps h)": gated(SHUT, OPEN),
        "with z at 1 and r at 0, h' (it becomes tanh(x W_x))": gated(OPEN, SHUT),
        "with z and r at 1, h' (it becomes tanh(x W_x + h W_h))": gated(OPEN, OPEN),
    }


gru = Exercise(
    "gru_step",
    "ps1_cells",
    cells.gru_step,
    points=6,
    properties=(
        gru_cases.shape(0.5),
        gru_cases.values(1.5),
        Property("gates", "each gate does its own work", 1, observe_gru_gates),
    ),
    forbids=RECURRENT,
)


@gru.misconception(
    "This is the equation as the slide prints it, with a sigmoid for the candidate. "
    "The candidate is content, of either sign: it takes a tanh."
)
def follows_the_gru_slide(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.sigmoid(x @ W_x + (r * h) @ W_h)
    return (1 - z) * h + z * candidate


@gru.misconception(
    "You have z and 1 - z the other way round, as torch does. "
    "Here z is the part taken from the candidate: (1 - z) * h + z * candidate."
)
def swaps_old_and_new(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(x @ W_x + (r * h) @ W_h)
    return z * h + (1 - z) * candidate


@gru.misconception(
    "You apply r after the product, r * (h @ W_h), as torch does. "
    "Here it hides parts of h before W_h mixes them: (r * h) @ W_h."
)
def resets_after_the_product(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(x @ W_x + r * (h @ W_h))
    return (1 - z) * h + z * candidate


@gru.misconception(
    "Your two gates are swapped. z blends old and new, and r hides parts of h in the candidate."
)
def swaps_the_gru_gates(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    r = torch.sigmoid(x @ W_xz + h @ W_hz)
    z = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(x @ W_x + (r * h) @ W_h)
    return (1 - z) * h + z * candidate


@gru.misconception(
    "Your candidate sees all of h, so r has no effect. Give it r * h: (r * h) @ W_h."
)
def never_resets(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    candidate = torch.tanh(x @ W_x + h @ W_h)
    return (1 - z) * h + z * candidate


@gru.misconception(
    "You reset the input as well. r hides part of the past only: x @ W_x + (r * h) @ W_h."
)
def resets_the_input_too(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(r * (x @ W_x + h @ W_h))
    return (1 - z) * h + z * candidate


@gru.misconception(
    "You blend with r * h, so the reset also erases what should be kept. "
    "The blend takes the state itself: (1 - z) * h."
)
def resets_the_kept_state(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    candidate = torch.tanh(x @ W_x + (r * h) @ W_h)
    return (1 - z) * (r * h) + z * candidate


@gru.misconception(
    "You return z * candidate and drop the old state. Add the part that is kept, (1 - z) * h."
)
def keeps_nothing(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    return z * torch.tanh(x @ W_x + (r * h) @ W_h)


@gru.misconception(
    "You add the new to all of the old, so the state grows without bound. "
    "What is taken in has to make room: (1 - z) * h + z * candidate."
)
def keeps_everything(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    return h + z * torch.tanh(x @ W_x + (r * h) @ W_h)


@gru.misconception(
    "Your candidate has no activation, so the state can grow without bound. Put a tanh around it."
)
def leaves_the_candidate_bare(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    r = torch.sigmoid(x @ W_xr + h @ W_hr)
    return (1 - z) * h + z * (x @ W_x + (r * h) @ W_h)


@gru.misconception(
    "Your gates have each other's recurrent matrix. "
    "z takes W_xz with W_hz, and r takes W_xr with W_hr."
)
def crosses_the_recurrent_matrices(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hr)
    r = torch.sigmoid(x @ W_xr + h @ W_hz)
    candidate = torch.tanh(x @ W_x + (r * h) @ W_h)
    return (1 - z) * h + z * candidate


@gru.misconception(
    "Your candidate takes z * h. What z is for comes later, in the blend; "
    "the candidate sees what r lets through: (r * h) @ W_h."
)
def resets_with_the_update_gate(x, h, W_xz, W_hz, W_xr, W_hr, W_x, W_h):
    z = torch.sigmoid(x @ W_xz + h @ W_hz)
    new = torch.tanh(x @ W_x + (z * h) @ W_h)
    return (1 - z) * h + z * new


# --- nas_step -----------------------------------------------------------------------------------


def draw_nas(rng: Rng, s: Sizes) -> tuple:
    return (
        rng.normal(s.B, s.D),
        (rng.normal(s.B, s.H), rng.normal(s.B, s.H)),
        rng.normal(s.D, 8 * s.H, scale=0.7),
        rng.normal(s.H, 8 * s.H, scale=0.7),
    )


nas_cases = Cases("nas_step", ("x", "state", "W", "U"), draw_nas, batched=("x", "state"))


def observe_nas_memory(subject: Any, rng: Rng) -> dict[str, Any]:
    """Half of the formula: where c' is right, a mistake is in what only m' needs."""
    seen = {}
    for s in (rng.sizes(), ONES):
        args = draw_nas(rng, s)
        result = attempt(lambda args=args: subject(*args))
        seen[f"{nas_cases.text(args)}, its c'"] = part(result, 1)
    return seen


nas = Exercise(
    "nas_step",
    "ps1_cells",
    cells.nas_step,
    points=6,
    properties=(
        nas_cases.shape(0.5),
        Property(
            "memory", "the memory c' is right (it needs l0 to l3, p0 and p1)", 1, observe_nas_memory
        ),
        nas_cases.values(1.5, "both m' and c' are right (m' also needs l4 to l7, p2 and p3)"),
    ),
    forbids=RECURRENT,
)


@nas.misconception(
    "You add a3 and b3 like the others. l3 is the one leaf that multiplies: relu(a3 * b3)."
)
def adds_in_l3(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] + b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@nas.misconception(
    "You take the state for (c, m), the papers' order. Here the hidden output m comes first, "
    "both in what you get and in what you return."
)
def takes_the_memory_first(x, state, W, U):
    c, m = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return c, torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7)))


@nas.misconception("You return (c, m). The hidden output comes first: return m, c.")
def returns_c_before_m(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return c, torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7)))


@nas.misconception(
    "You unpack the state as c, m. The hidden output comes first here: `m, c = state`."
)
def unpacks_the_memory_first(x, state, W, U):
    c, m = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l2 = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[2] + b[2])
    l5, l7 = torch.sigmoid(a[5] + b[5]), torch.sigmoid(a[7] + b[7])
    l1, l3 = torch.relu(a[1] + b[1]), torch.relu(a[3] * b[3])
    l4, l6 = torch.tanh(a[4] + b[4]), torch.tanh(a[6] + b[6])
    p0 = torch.tanh(torch.tanh(l0 * l1) + c)
    p1 = torch.tanh(l2 + l3)
    p2, p3 = torch.tanh(l4 * l5), torch.sigmoid(l6 + l7)
    c = p0 * p1
    return torch.tanh(c * torch.tanh(p2 + p3)), c


@nas.misconception(
    "You multiply l2 and l3 in p1. Only p0 and p2 multiply their leaves; p1 and p3 add them."
)
def multiplies_in_p1(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l2 = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[2] + b[2])
    l5, l7 = torch.sigmoid(a[5] + b[5]), torch.sigmoid(a[7] + b[7])
    l1, l3 = torch.relu(a[1] + b[1]), torch.relu(a[3] * b[3])
    l4, l6 = torch.tanh(a[4] + b[4]), torch.tanh(a[6] + b[6])
    p0 = torch.tanh(torch.tanh(l0 * l1) + c)
    p1 = torch.tanh(l2 * l3)
    p2, p3 = torch.tanh(l4 * l5), torch.sigmoid(l6 + l7)
    c = p0 * p1
    return torch.tanh(c * torch.tanh(p2 + p3)), c


@nas.misconception(
    "You use tanh for p3 as for the other pairs. p3 is the exception: sigmoid(l6 + l7)."
)
def uses_tanh_for_p3(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.tanh(l6 + l7))), c


@nas.misconception(
    "Your new memory never sees the old one. Add c to p0 before the second tanh: tanh(p0 + c)."
)
def leaves_the_old_memory_out(x, state, W, U):
    m, _ = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(l0 * l1) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@nas.misconception("You add c inside the first tanh of p0. There are two: tanh(tanh(l0 * l1) + c).")
def adds_the_memory_too_early(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(l0 * l1 + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@nas.misconception(
    "You add c to p0 but leave out the tanh that follows. The memory is tanh(p0 + c) * p1."
)
def leaves_out_the_second_tanh(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = (torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@nas.misconception("Your l1 is a sigmoid. Two leaves are relu: l1 as well as l3.")
def uses_a_sigmoid_for_l1(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.sigmoid(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


@nas.misconception(
    "You multiply l6 and l7 in p3. Only p0 and p2 multiply their leaves; p1 and p3 add them."
)
def multiplies_in_p3(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 * l7))), c


@nas.misconception(
    "Your m' reads the old memory c. Compute c' first, then m' = tanh(c' * tanh(p2 + p3))."
)
def reads_the_memory_before_writing(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    new_c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * torch.tanh(torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), new_c


@nas.misconception(
    "You multiply c' by p2 + p3 without its tanh. There are two: tanh(c' * tanh(p2 + p3))."
)
def leaves_out_the_inner_tanh_of_m(x, state, W, U):
    m, c = state
    a, b = (x @ W).chunk(8, dim=1), (m @ U).chunk(8, dim=1)
    l0, l1 = torch.sigmoid(a[0] + b[0]), torch.relu(a[1] + b[1])
    l2, l3 = torch.sigmoid(a[2] + b[2]), torch.relu(a[3] * b[3])
    l4, l5 = torch.tanh(a[4] + b[4]), torch.sigmoid(a[5] + b[5])
    l6, l7 = torch.tanh(a[6] + b[6]), torch.sigmoid(a[7] + b[7])
    c = torch.tanh(torch.tanh(l0 * l1) + c) * torch.tanh(l2 + l3)
    return torch.tanh(c * (torch.tanh(l4 * l5) + torch.sigmoid(l6 + l7))), c


# --- enas_step ----------------------------------------------------------------------------------

ACTIVATIONS = ("tanh", "relu", "sigmoid", "identity")


def draw_graph(rng: Rng, N: int) -> dict[str, tuple]:
    """A random graph of N >= 4 nodes, all activations among them, that is no chain.

    Its output leaves out node 1: the mean over the output is not the one over all nodes.
    """
    order = torch.randperm(4, generator=rng.generator).tolist()
    names = [ACTIVATIONS[order[n % 4]] for n in range(N)]
    # Node N, which is always in the output, reads node 2: off by one shows in every draw.
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
    """Every node by itself, so that the first that is wrong shows."""
    *tensors, graph = draw_enas(rng, rng.sizes())
    seen = {}
    for n in range(len(graph["nodes"]) + 1):
        reads = "reads x and h" if n == 0 else "reads node {}, {}".format(*graph["nodes"][n - 1])
        alone = {**graph, "output": (n,)}
        seen[f"output ({n},): node {n}, which {reads}"] = attempt(
            lambda alone=alone: subject(*tensors, alone)
        )
    return seen


enas = Exercise(
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


@enas.misconception(
    "An activation that nobody knows goes through, so a misspelt graph runs and is wrong. "
    "Take only the four names, and let anything else raise an error."
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


@enas.misconception(
    "Each of your nodes reads the one just before it, as if the graph were a chain. "
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


@enas.misconception(
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


@enas.misconception(
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


@enas.misconception(
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


@enas.misconception("You add the output nodes up. h' is their mean: divide by how many there are.")
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


@enas.misconception('You return the last node. h\' is the mean of the nodes in graph["output"].')
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


@enas.misconception(
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


@enas.misconception(
    "Your nodes return f(u) and never open the highway. "
    "Let the gate decide how far to move: s_j + sigmoid(t) * (f(u) - s_j)."
)
def forgets_the_highway(x, h, W_0, W, graph):
    f = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    s = [torch.tanh((torch.cat([x, h], dim=1) @ W_0).chunk(2, dim=1)[0])]
    for n, (previous, name) in enumerate(graph["nodes"], start=1):
        u, _ = (s[previous] @ W[n - 1]).chunk(2, dim=1)
        s.append(u if name == "identity" else f[name](u))
    return torch.stack([s[n] for n in graph["output"]]).mean(dim=0)


@enas.misconception(
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


@enas.misconception(
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


@enas.misconception(
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


@enas.misconception(
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


@enas.misconception(
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


# --- LSTM ---------------------------------------------------------------------------------------


def build_lstm(subject: Any, W: torch.Tensor) -> Any:
    """An object of the student's class, with the given weights."""
    H = W.shape[1] // 4
    D = W.shape[0] - H
    module = subject(D, H).to(W.dtype)
    expected = f"W {tuple(W.shape)}"
    if (found := parameters(module)) != expected:
        raise ValueError(f"the parameters of LSTM({D}, {H}) are {found}, expected {expected}")
    module.load_state_dict({"W": W.detach()})
    return module


def parameters(module: Any) -> str:
    """The names and shapes of a module's parameters: "W (7, 16)"."""
    named = dict(module.named_parameters())
    return ", ".join(f"{name} {tuple(one.shape)}" for name, one in named.items()) or "none"


def run_lstm(subject: Any, W: torch.Tensor, xs: torch.Tensor, lengths: Any, state: Any) -> Any:
    return build_lstm(subject, W)(xs, lengths, state)


def draw_lstm_weights(rng: Rng, s: Sizes) -> torch.Tensor:
    return rng.normal(s.D + s.H, 4 * s.H, scale=0.7)


LONG = 8  # a T that no other size is equal to, with room for lengths that differ


def draw_lengths(rng: Rng, s: Sizes) -> torch.Tensor:
    """Lengths from 1 to T: one of T and one of T - 2 where there is room for both."""
    lengths = rng.integers(1, s.T + 1, s.B)
    lengths[0] = s.T
    lengths[min(1, s.B - 1)] = max(1, s.T - 2)
    return lengths


def draw_padded(rng: Rng, s: Sizes) -> tuple:
    return (
        draw_lstm_weights(rng, s),
        rng.normal(s.B, s.T, s.D),
        draw_lengths(rng, s),
        (rng.normal(s.B, s.H), rng.normal(s.B, s.H)),
    )


module_cases = Cases(
    "lstm", ("W", "xs", "lengths", "state"), draw_padded, batched=("xs", "state"), run=run_lstm
)


def observe_parameters(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    module = subject(s.D, s.H)
    named = dict(module.named_parameters())
    return {
        f"the parameters of LSTM({s.D}, {s.H})": parameters(module),
        "the state_dict has": ", ".join(sorted(dict(module.state_dict()))) or "nothing",
        "all parameters are trained": all(one.requires_grad for one in named.values()),
    }


def lstm_parts(result: Any, text: str) -> dict[str, Any]:
    """The result of LSTM, piece by piece."""
    return {
        f"{text}: hs": part(result, 0),
        f"{text}: the last h": part(result, 1, 0),
        f"{text}: the last c": part(result, 1, 1),
    }


def observe_whole_sequences(subject: Any, rng: Rng) -> dict[str, Any]:
    """Without lengths, from zeros and from a given state."""
    seen = {}
    for s in (rng.sizes(), rng.sizes(B=1), ONES):
        W, xs, _, state = draw_padded(rng, s)
        lstm = attempt(lambda W=W: build_lstm(subject, W))
        fresh = using(lstm, lambda lstm, xs=xs: lstm(xs))
        given = using(lstm, lambda lstm, xs=xs, state=state: lstm(xs, state=state))
        seen |= lstm_parts(fresh, f"lstm(xs {tuple(xs.shape)})")
        seen |= lstm_parts(given, f"lstm(xs {tuple(xs.shape)}, state=(h, c))")
    return seen


def observe_lengths(subject: Any, rng: Rng) -> dict[str, Any]:
    """Lengths that differ, and rubbish in the padding."""
    seen = {}
    for s in (rng.sizes(T=LONG), rng.sizes(B=1, T=LONG)):
        W, xs, lengths, _ = draw_padded(rng, s)
        for b, length in enumerate(lengths.tolist()):
            xs[b, length:] = rng.normal(LONG - length, s.D, scale=3)
        result = attempt(
            lambda W=W, xs=xs, lengths=lengths: build_lstm(subject, W)(xs, lengths=lengths)
        )
        seen |= lstm_parts(result, f"lstm(xs {tuple(xs.shape)}, lengths={lengths.tolist()})")
    return seen


lstm_module = Exercise(
    "LSTM",
    "ps1_cells",
    cells.LSTM,
    points=8,
    properties=(
        Property("parameters", "W is the only parameter", 0.5, observe_parameters),
        module_cases.shape(0.5),
        Property("values", "sequences without padding are right", 1.5, observe_whole_sequences),
        Property("lengths", "every sequence stops at its own length", 1.5, observe_lengths),
    ),
    forbids=RECURRENT,
)


@lstm_module.misconception(
    "Your W is a plain tensor, so no optimizer would find it. Wrap it: nn.Parameter(...)."
)
class PlainTensor(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = torch.randn(D + H, 4 * H) / (D + H) ** 0.5

    def forward(self, xs, lengths=None, state=None):
        if state is None:
            state = xs.new_zeros(xs.shape[0], self.H), xs.new_zeros(xs.shape[0], self.H)
        return unroll(lambda x, state: lstm_step(x, state, self.W), xs, state)


@lstm_module.misconception(
    "Your W is (4H, D + H), as torch stores it. Here it is (D + H, 4H), so that [x, h] @ W fits."
)
class TransposedParameter(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(4 * H, D + H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        if state is None:
            state = xs.new_zeros(xs.shape[0], self.H), xs.new_zeros(xs.shape[0], self.H)
        return unroll(lambda x, state: lstm_step(x, state, self.W.T), xs, state)


@lstm_module.misconception(
    "You ignore lengths, so a sequence goes on thinking after it has ended. "
    "Freeze h and c from there on, and set hs to 0."
)
class IgnoresLengths(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        if state is None:
            state = xs.new_zeros(xs.shape[0], self.H), xs.new_zeros(xs.shape[0], self.H)
        return unroll(lambda x, state: lstm_step(x, state, self.W), xs, state)


@lstm_module.misconception(
    "You clear hs after a sequence's end, but h and c still come from the padding. "
    "Freeze the state as well: torch.where(alive, new, old)."
)
class MasksTheOutputsOnly(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        hs, state = unroll(lambda x, state: lstm_step(x, state, self.W), xs, state)
        if lengths is not None:
            hs = hs.masked_fill((torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2), 0)
        return hs, state


@lstm_module.misconception(
    "Your states stop in time, but hs repeats the last output through the padding. "
    "Set hs to 0 at t >= lengths[b]."
)
class RepeatsTheLastOutput(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        xs = xs.masked_fill((torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2), 0)

        def step(x, state):
            h, c, t = state
            alive = (t < lengths).unsqueeze(1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs, (h, c)


@lstm_module.misconception(
    "You set the state of an ended sequence to 0, so short sequences have no last state. "
    "Freeze it instead: torch.where(alive, new, old)."
)
class ClearsTheEndedState(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        xs = xs.masked_fill((torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2), 0)

        def step(x, state):
            h, c, t = state
            ended = (t >= lengths).unsqueeze(1)
            h, c = lstm_step(x, (h, c), self.W)
            return h.masked_fill(ended, 0), c.masked_fill(ended, 0), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs, (h, c)


@lstm_module.misconception(
    "You take hs[:, -1] as the last h, but for a shorter sequence that is padding, 0. "
    "Return the h that stopped with its sequence."
)
class TakesTheLastColumn(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
        xs = xs.masked_fill(padding, 0)

        def step(x, state):
            h, c, t = state
            alive = (t < lengths).unsqueeze(1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (_, c, _) = unroll(step, xs, (*state, 0))
        hs = hs.masked_fill(padding, 0)
        return hs, (hs[:, -1], c)


@lstm_module.misconception(
    "You look up the last h at lengths - 1, but c comes from the end of the padding. "
    "Freeze both while the sequence runs: torch.where(live, new, old)."
)
class LooksUpTheOutputOnly(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = (xs.new_zeros(B, self.H), xs.new_zeros(B, self.H))
        if lengths is None:
            lengths = torch.full((B,), T)
        hs, (_, c) = unroll(lambda x, state: lstm_step(x, state, self.W), xs, state)
        alive = torch.arange(T) < lengths.unsqueeze(1)
        hs = hs * alive.unsqueeze(2)
        return hs, (hs[torch.arange(B), lengths - 1], c)


@lstm_module.misconception(
    "Your sequences run one step too long. Counting from 0, step t is alive while t < lengths[b]."
)
class RunsOneStepTooLong(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        padding = (torch.arange(T) > lengths.unsqueeze(1)).unsqueeze(2)
        xs = xs.masked_fill(padding, 0)

        def step(x, state):
            h, c, t = state
            alive = (t <= lengths).unsqueeze(1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs.masked_fill(padding, 0), (h, c)


@lstm_module.misconception(
    "You always start from zeros. Where a state (h, c) is given, start from that one."
)
class IgnoresTheGivenState(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
        xs = xs.masked_fill(padding, 0)

        def step(x, state):
            h, c, t = state
            alive = (t < lengths).unsqueeze(1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs.masked_fill(padding, 0), (h, c)


@lstm_module.misconception(
    "You return hs, h, c. The state stays together as a tuple: return hs, (h, c)."
)
class ReturnsThreeThings(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
        xs = xs.masked_fill(padding, 0)

        def step(x, state):
            h, c, t = state
            alive = (t < lengths).unsqueeze(1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs.masked_fill(padding, 0), h, c


@lstm_module.misconception(
    "You detach the state at every step, so W learns nothing about what happens over time. "
    "Pass h and c on as they are."
)
class DetachesAtEveryStep(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
        xs = xs.masked_fill(padding, 0)

        def step(x, state):
            h, c, t = state
            h, c = h.detach(), c.detach()
            alive = (t < lengths).unsqueeze(1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs.masked_fill(padding, 0), (h, c)


@lstm_module.misconception(
    "You blank the padding with a product, and 0 times nan or infinity is nan. "
    "Use torch.where and masked_fill, and clear the padding of xs before the first step."
)
class MultipliesByTheMask(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        mask = (torch.arange(T) < lengths.unsqueeze(1)).unsqueeze(2).to(xs.dtype)

        def step(x, state):
            h, c, t = state
            new_h, new_c = lstm_step(x, (h, c), self.W)
            m = mask[:, t]
            return m * new_h + (1 - m) * h, m * new_c + (1 - m) * c, t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return mask * hs, (h, c)


@lstm_module.misconception(
    "Your results are right, but nan in the padding still reaches W's gradient, "
    "through the steps that torch.where hides. Clear the padding of xs before the first step."
)
class HidesThePaddingTooLate(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)

        def step(x, state):
            h, c, t = state
            alive = (t < lengths).unsqueeze(1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs.masked_fill((torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2), 0), (h, c)


@lstm_module.misconception(
    "You write zeros into the caller's xs to clear its padding. Use a copy: xs.masked_fill(...)."
)
class ClearsTheCallersPadding(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
        xs.masked_fill_(padding, 0)

        def step(x, state):
            h, c, t = state
            alive = (t < lengths).unsqueeze(1)
            new_h, new_c = lstm_step(x, (h, c), self.W)
            return torch.where(alive, new_h, h), torch.where(alive, new_c, c), t + 1

        hs, (h, c, _) = unroll(step, xs, (*state, 0))
        return hs.masked_fill(padding, 0), (h, c)


@lstm_module.misconception(
    "You look the last state up at lengths - 1, and for a length of 0 that is -1, the very end. "
    "A sequence of length 0 keeps the state it was given."
)
class LooksUpTheEndOfNothing(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W = nn.Parameter(torch.randn(D + H, 4 * H) / (D + H) ** 0.5)

    def forward(self, xs, lengths=None, state=None):
        B, T, _ = xs.shape
        if state is None:
            state = xs.new_zeros(B, self.H), xs.new_zeros(B, self.H)
        if lengths is None:
            lengths = torch.full((B,), T)
        padding = (torch.arange(T) >= lengths.unsqueeze(1)).unsqueeze(2)
        xs = xs.masked_fill(padding, 0)
        hs, cs = [], []
        for t in range(T):
            state = lstm_step(xs[:, t], state, self.W)
            hs.append(state[0])
            cs.append(state[1])
        hs, cs = torch.stack(hs, dim=1), torch.stack(cs, dim=1)
        last = torch.arange(B), lengths - 1
        return hs.masked_fill(padding, 0), (hs[last], cs[last])


EXERCISES = {
    one.name: one for one in (additive, elman, unrolling, slides, lstm, gru, nas, enas, lstm_module)
}
