"""Problem set 7, regularization: what is checked, and the mistakes people make (lecture §7).

Two correct masks need not have a number in common, so none is compared with the reference's. An
observation says in words what a mask is like: which numbers it has, whether it stays the same at
every step, how often and how independently it drops. The last two are matters of chance: the
samples are large enough for a correct answer to be accused once in 500 million times.

A misconception is a whole wrong implementation under a telling name. It may use torch, unroll and
the student's dropout_mask; nothing else, because the audit submits its source.
"""

from collections.abc import Callable
from typing import Any

import torch

from ..reference import regularization
from ..reference.cells import unroll
from ..reference.regularization import dropout_mask
from .compare import Raised, difference, kind
from .entries import judging
from .exercise import Exercise, Property
from .properties import Cases, attempt, part
from .pytree import copied, tensors
from .remote import alongside
from .rng import ONES, Rng, Sizes

# --- what can be said of a mask -----------------------------------------------------------------

SIGMAS = 6  # two in a billion


def generator(subject: Any, seed: int) -> Any:
    """A torch.Generator where the subject runs."""
    return alongside(subject, "torch.Generator")().manual_seed(seed)


def numbers(tensor: torch.Tensor) -> str:
    """Which numbers there are in a tensor: "0 and 1.4286"."""
    found = (tensor.detach().double().round(decimals=4) + 0.0).unique().tolist()
    if len(found) > 4:
        return "many different numbers"
    return " and ".join(f"{one:.5g}" for one in found)


def how_often(dropped: torch.Tensor, p: float) -> str:
    """Whether the share that is dropped is p; p must not be 1/2."""
    share = dropped.double().mean().item()
    tolerance = SIGMAS * (p * (1 - p) / dropped.numel()) ** 0.5
    if abs(share - p) <= tolerance:
        return f"about p = {p}"
    if abs(share - (1 - p)) <= tolerance:
        return f"about 1 - p = {1 - p:g}"
    return {0: "none", 1: "all"}.get(share, f"neither p = {p} nor 1 - p")


def how_alike(dropped: torch.Tensor, dim: int) -> str:
    """Whether neighbours along an axis are dropped together; p must be 1/2, which makes the number
    of those that agree a sum of fair coins."""
    size = dropped.shape[dim] - 1
    agree = dropped.narrow(dim, 0, size) == dropped.narrow(dim, 1, size)
    share = agree.double().mean().item()
    if abs(share - 0.5) <= SIGMAS * 0.5 / agree.numel() ** 0.5:
        return "independent of each other"
    return "always the same" if share == 1 else "related"


def how_steady(factors: torch.Tensor) -> str:
    """Whether factors (B, T, ...) are the same at every step; 1 everywhere is no mask."""
    if not ((factors - 1).abs() > 1e-3).any():
        return "none"
    moves = (factors[:, 1:] - factors[:, :-1]).abs() > 1e-3
    count = int(moves.transpose(0, 1).flatten(1).any(dim=1).sum())
    return "the same at every step" if count == 0 else f"changes {count} times"


def some(dropped: torch.Tensor) -> str:
    return "something" if dropped.any() else "nothing"


def same(got: Any, expected: torch.Tensor) -> bool:
    return difference(got, expected) is None


def draws(
    points: float, prepare: Callable[[Rng], Callable[[Any, Any, bool], Any]], trains: bool = True
) -> Property:
    """Where the random numbers come from: from the generator that is given, and from nowhere else.

    prepare(rng) draws the inputs; what it returns, run(subject, generator, training), calls the
    subject on them. trains: whether the subject knows of training at all.
    """

    def observe(subject: Any, rng: Rng) -> dict[str, str]:
        run = prepare(rng)
        global_state = alongside(subject, "torch.get_rng_state")
        before = global_state()
        one = generator(subject, 1)
        first, following = run(subject, one, True), run(subject, one, True)
        again = run(subject, generator(subject, 1), True)
        other = run(subject, generator(subject, 2), True)
        seen = {"the result is": "a tensor" if isinstance(first, torch.Tensor) else kind(first)}
        for text, result in (
            ("a generator with the same seed gives", again),
            ("a generator with another seed gives", other),
            ("the next call with one generator gives", following),
        ):
            seen[text] = "the same" if same(result, first) else "something else"
        if trains:
            state = one.get_state()
            run(subject, one, False)
            kept = torch.equal(state, one.get_state())
            seen["training=False takes from the generator"] = "nothing" if kept else "numbers"
        kept = torch.equal(before, global_state())
        seen["torch's global random state is"] = "as it was" if kept else "changed"
        return seen

    title = "all chance comes from the generator that is given"
    return Property("generator", title, points, observe)


# --- dropout_mask -------------------------------------------------------------------------------

MANY = (30, 1, 700)

mask_cases = Cases(
    "dropout_mask",
    ("shape", "p", "seed of the generator", "like"),
    lambda rng, s: ((s.B, s.T, s.D), 0.5, 1, rng.normal(s.H)),
    batched=(),
    run=lambda subject, shape, p, seed, like: subject(shape, p, generator(subject, seed), like),
)


def observe_entries(subject: Any, rng: Rng) -> dict[str, Any]:
    """Large masks; with p = 0.5 for how they hang together, with others for how often they drop."""
    seen = {}
    for p in (0.3, 0.8, 0.5):
        mask = attempt(lambda p=p: subject(MANY, p, generator(subject, 7), rng.normal(2)))
        if not isinstance(mask, torch.Tensor):
            seen[f"the mask for p = {p}"] = mask if isinstance(mask, Raised) else kind(mask)
            continue
        seen[f"the mask for p = {p}"] = f"a tensor of shape {tuple(mask.shape)}"
        if mask.shape != MANY:
            continue
        seen[f"its numbers for p = {p}"] = numbers(mask)
        if p != 0.5:
            seen[f"its share of zeros for p = {p}"] = how_often(mask == 0, p)
        else:
            seen["its entries in a row are"] = how_alike(mask == 0, 2)
            seen["its entries in a column are"] = how_alike(mask == 0, 0)
    return seen


def observe_zero(subject: Any, rng: Rng) -> Any:
    """With p = 0 there is nothing to drop."""
    return {"p = 0": attempt(lambda: subject((2, 3), 0.0, generator(subject, 1), rng.normal(1)))}


def draw_bad_probabilities(rng: Rng) -> dict[str, tuple]:
    return {f"where p is {p}": ((2, 3), p, 1, rng.normal(4).abs()) for p in (1.0, 1.5, -0.1)}


masking = Exercise(
    "dropout_mask",
    "ps7_regularization",
    regularization.dropout_mask,
    points=3,
    properties=(
        Property(
            "entries",
            "every entry is 0 or 1 / (1 - p)",
            0.75,
            observe_entries,
            judging("the mask*", "its numbers*"),
        ),
        Property(
            "share",
            "an entry is 0 with probability p",
            0.5,
            observe_entries,
            judging("the mask*", "its share*"),
        ),
        mask_cases.refuses(0.25, draw_bad_probabilities),
    ),
)


@masking.misconception(
    "You keep and drop, but do not scale: in training less arrives than without dropout. "
    "Divide what is kept by 1 - p."
)
def forgets_to_scale(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).to(like)


@masking.misconception(
    "You divide by p. A share of 1 - p is kept, so what keeps the mean is dividing by 1 - p."
)
def divides_by_p(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).to(like) / p


@masking.misconception(
    "You multiply what is kept by 1 - p, which shrinks it twice. Divide by 1 - p."
)
def multiplies_instead_of_dividing(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).to(like) * (1 - p)


@masking.misconception(
    "You take p for the probability to keep. Here it is the probability to drop: "
    "keep where the random number is at least p, and divide by 1 - p."
)
def takes_p_for_keeping(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if p == 0:
        return torch.ones(shape).to(like)
    return (torch.rand(shape, generator=generator) < p).to(like) / p


@masking.misconception(
    "Your comparison is the wrong way round: `rand < p` is true with probability p, "
    "so you keep what should go. Keep where `rand >= p`."
)
def keeps_what_should_go(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) < p).to(like) / (1 - p)


@masking.misconception(
    "You return `like` after dropout. Return the mask itself: `like` only says which dtype and "
    "device it has."
)
def drops_like_itself(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return like * (torch.rand(like.shape, generator=generator) >= p) / (1 - p)


@masking.misconception(
    "Your mask has the shape of `like`. It must have the shape that is asked for."
)
def takes_the_shape_of_like(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(like.shape, generator=generator) >= p).to(like) / (1 - p)


@masking.misconception(
    "You draw noise around 1 from a normal distribution. That is another regularizer; "
    "dropout's mask has only two numbers, 0 and 1 / (1 - p)."
)
def draws_gaussian_noise(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    noise = torch.randn(shape, generator=generator).to(like)
    return 1 + noise * (p / (1 - p)) ** 0.5


@masking.misconception(
    "You let p = 1 through, and 0 / 0 is nan. Refuse every p that is not 0 <= p < 1, "
    "with a ValueError."
)
def refuses_nothing(shape, p, generator, like):
    return (torch.rand(shape, generator=generator) >= p).to(like) / (1 - p)


@masking.misconception(
    "You refuse p = 0, which is a good probability: the mask is all ones, and nothing is dropped."
)
def refuses_zero(shape, p, generator, like):
    if not 0 < p < 1:
        raise ValueError("p must be above 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).to(like) / (1 - p)


@masking.misconception(
    "You draw from torch's global source and leave the generator alone, so a run cannot be "
    "repeated. Hand it on: torch.rand(shape, generator=generator)."
)
def ignores_the_generator(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape) >= p).to(like) / (1 - p)


@masking.misconception(
    "`torch.nn.functional.dropout` draws from the global source and cannot be given the generator. "
    "Compare torch.rand(shape, generator=generator) with p."
)
def calls_functional_dropout(shape, p, generator, like):
    return torch.nn.functional.dropout(torch.ones(shape).to(like), p)


@masking.misconception(
    "You seed the generator in every call, so every mask is the same. Its seed is the caller's: "
    "only draw from it."
)
def seeds_the_generator(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator.manual_seed(0)) >= p).to(like) / (1 - p)


@masking.misconception(
    "You toss one coin for each row of the mask. Every entry has a coin of its own."
)
def drops_whole_rows(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    kept = torch.rand((*shape[:-1], 1), generator=generator) >= p
    return kept.expand(shape).to(like) / (1 - p)


@masking.misconception(
    "Your mask is float32 whatever `like` is, and float64 times float32 is not what it seems. "
    "Give it the dtype of `like`: kept.to(like)."
)
def always_float32(shape, p, generator, like):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return (torch.rand(shape, generator=generator) >= p).float() / (1 - p)


# --- runs of a step, watched --------------------------------------------------------------------

MASKED = Sizes(3, 4, 40, 50)  # enough numbers that every mask has zeros and others
CROWD = Sizes(60, 2, 70, 80)  # enough for statistics
FEW = Sizes(2, 2, 30, 30)  # enough that two masks are never the same by luck


def elman_cell(rng: Rng, s: Sizes) -> tuple[Callable[..., torch.Tensor], torch.Tensor]:
    """A step(x, h, W_h) and its matrix."""
    W_x, W_h = rng.normal(s.D, s.H, scale=0.2), rng.normal(s.H, s.H, scale=0.2)

    def elman_cell(x, h, W):
        return torch.tanh(x @ W_x.to(x.dtype) + h @ W.to(h.dtype))

    return elman_cell, W_h


def lstm_cell(rng: Rng, s: Sizes) -> tuple[Callable[..., tuple], torch.Tensor]:
    """A step(x, (h, c), W_h) and its matrix."""
    W_x, W_h = rng.normal(s.D, 4 * s.H, scale=0.2), rng.normal(s.H, 4 * s.H, scale=0.2)

    def lstm_cell(x, state, W):
        h, c = state
        i, f, o, g = (x @ W_x.to(x.dtype) + h @ W.to(h.dtype)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    return lstm_cell, W_h


def fixed(step: Callable[..., Any], W: torch.Tensor) -> Callable[[Any, Any], Any]:
    """A step(x, state) that has its matrix already."""

    def cell(x, state):
        return step(x, state, W)

    return cell


def watched(step: Callable[..., Any], T: int) -> tuple[Callable[..., Any], list[tuple]]:
    """A step that notes what it is called with and what it returns, as long as it is sensible."""
    calls: list[tuple] = []

    def noting(x, state, *rest):
        new = step(x, state, *rest)
        if len(calls) <= T:
            calls.append((*copied((x, tuple(tensors(state)), *rest)), copied(tensors(new))))
        return new

    return noting, calls


def shapes(*values: torch.Tensor) -> str:
    return ", ".join(str(tuple(one.shape)) for one in values)


def followed(calls: list[tuple], result: Any, xs: torch.Tensor, start: list) -> dict[str, Any]:
    """What a watched step was called with, beside what it should be; and what became of it.

    start: the tensors of the state given. Where the calls do not have the right form, this is all
    that can be said of them.
    """
    T = xs.shape[1]
    seen: dict[str, Any] = {"calls of step": f"{len(calls) if len(calls) <= T else 'too many'}"}
    for x, state, *rest, _ in calls:
        form = f"x {shapes(x)}, state {shapes(*state)}"
        seen["every call of step has"] = form + (f", W {shapes(*rest)}" if rest else "")
        if x.shape != xs[:, 0].shape or [s.shape for s in state] != [s.shape for s in start]:
            return seen
    if len(calls) != T:
        return seen
    returned = [call[-1] for call in calls]
    before = [start, *returned[:-1]]
    seen["x_t"] = torch.stack([call[0] for call in calls], dim=1) / xs
    for index, name in enumerate(("h", "c")[: len(start)]):
        got = torch.stack([call[1][index] for call in calls], dim=1)
        seen[f"{name} of the state"] = got / torch.stack([one[index] for one in before], dim=1)
    hs = torch.stack([one[0] for one in returned], dim=1)
    seen["hs is"] = "what step returned" if same(part(result, 0), hs) else "something else"
    last = tensors(part(result, 1))
    kept = len(last) == len(start) and all(map(same, last, returned[-1]))
    seen["the last state is"] = "what step returned" if kept else "something else"
    return seen


def described(seen: dict[str, Any]) -> dict[str, Any]:
    """What followed() has found, in words: the factors themselves are a matter of chance."""
    said = {}
    for key, value in seen.items():
        if isinstance(value, torch.Tensor):
            said[f"{key} is multiplied by"] = numbers(value)
            said[f"the mask of {key} is"] = how_steady(value)
        else:
            said[key] = value
    return said


# --- variational_dropout ------------------------------------------------------------------------

P_X, P_H = 0.2, 0.6


def run_variational(
    subject: Any, rng: Rng, s: Sizes, p_x: float, p_h: float, cell: Callable[..., Any] = elman_cell
) -> dict[str, Any]:
    noting, calls = watched(fixed(*cell(rng, s)), s.T)
    xs, start = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    state = start if cell is elman_cell else (start, rng.normal(s.B, s.H))
    result = subject(noting, *copied((xs, state)), p_x, p_h, generator(subject, 3))
    return followed(calls, result, xs, tensors(state))


def observe_masks(subject: Any, rng: Rng) -> dict[str, Any]:
    return described(run_variational(subject, rng, MASKED, P_X, P_H))


def observe_tuple(subject: Any, rng: Rng) -> dict[str, Any]:
    return described(run_variational(subject, rng, MASKED, P_X, P_H, lstm_cell))


def observe_variational_off(subject: Any, rng: Rng) -> dict[str, Any]:
    """Outside training, and with probability 0, step sees everything as it is."""
    seen = {}
    for cell, text in ((elman_cell, "h"), (lstm_cell, "(h, c)")):
        for s in (rng.sizes(), ONES):
            step = fixed(*cell(rng, s))
            xs, h, c = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H), rng.normal(s.B, s.H)
            args = step, xs, h if cell is elman_cell else (h, c)
            for p, training in ((0.9, False), (0.0, True)):
                key = f"p_x = p_h = {p}, training={training}, state {text}, xs {shapes(xs)}"
                seen[key] = attempt(
                    lambda a=(*args, p, p), training=training: subject(
                        *a, generator(subject, 5), training
                    )
                )
    return seen


variational_cases = Cases(
    "variational_dropout",
    ("step", "xs", "state", "p_x", "p_h", "seed of the generator"),
    lambda rng, s: (
        fixed(*elman_cell(rng, s)),
        rng.normal(s.B, s.T, s.D),
        rng.normal(s.B, s.H),
        0.5,
        0.5,
        3,
    ),
    batched=(),
    run=lambda subject, *args: subject(*args[:-1], generator(subject, args[-1])),
)

variational = Exercise(
    "variational_dropout",
    "ps7_regularization",
    regularization.variational_dropout,
    points=8,
    properties=(
        Property(
            "masks",
            "step sees x_t and h_{t-1} times a mask of zeros and 1 / (1 - p)",
            0.75,
            observe_masks,
            judging("calls*", "every call*", "x_t is*", "h of*"),
        ),
        Property(
            "steady",
            "the masks are the same at every step",
            2,
            observe_masks,
            judging("calls*", "every call*", "the mask*"),
        ),
        Property(
            "results",
            "hs and the last state are what step returned, undropped",
            0.5,
            observe_masks,
            judging("calls*", "every call*", "hs*", "the last*"),
        ),
        Property("tuples", "of a state (h, c) only h is dropped", 0.75, observe_tuple),
        Property(
            "off", "training=False and p = 0 drop nothing at all", 0.75, observe_variational_off
        ),
    ),
)


@variational.misconception(
    "You draw new masks at every step. Draw both once, before the loop: "
    "the same mask for all time steps is the point."
)
def redraws_at_every_step(step, xs, state, p_x, p_h, generator, training=True):
    def dropped(x, state):
        if not training:
            return step(x, state)
        x = x * dropout_mask(x.shape, p_x, generator, x)
        if isinstance(state, tuple):
            h, *rest = state
            return step(x, (h * dropout_mask(h.shape, p_h, generator, h), *rest))
        return step(x, state * dropout_mask(state.shape, p_h, generator, state))

    return unroll(dropped, xs, state)


@variational.misconception(
    "Your input mask is (B, T, D), a new one for every step. Draw it as (B, 1, D): "
    "all steps then share it."
)
def redraws_the_input_mask(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * dropout_mask(xs.shape, p_x, generator, xs), state)


@variational.misconception(
    "Your input mask is right, but the state's is drawn anew at every step. "
    "Draw it once, before the loop."
)
def redraws_the_state_mask(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)

    def dropped(x, state):
        h = state[0] if isinstance(state, tuple) else state
        h = h * dropout_mask(h.shape, p_h, generator, h)
        return step(x, (h, *state[1:]) if isinstance(state, tuple) else h)

    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "Your masks have no batch axis, so all sequences of a batch lose the same units. "
    "Draw one for each sequence: (B, 1, D) and (B, H)."
)
def one_mask_for_the_whole_batch(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((1, 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask((1, h.shape[1]), p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "You toss one coin for a whole vector, (B, 1, 1) and (B, 1). "
    "Every unit has its own: (B, 1, D) and (B, H)."
)
def drops_whole_vectors(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    mask_x = dropout_mask((xs.shape[0], 1, 1), p_x, generator, xs)
    mask_h = dropout_mask((xs.shape[0], 1), p_h, generator, xs)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "You draw the masks before you look at training, and then do not use them. "
    "With training=False draw nothing, so that a test does not change the training after it."
)
def draws_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)
    if not training:
        return unroll(step, xs, state)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "You drop outside training too, so every prediction is a gamble. "
    "With training=False just unroll the step."
)
def drops_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "Your condition is the wrong way round: you drop outside training, and not in it. "
    "With training=True the masks apply."
)
def drops_only_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    if training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "You scale at test time, by 1 - p, and not in training. Scale while training, by 1 / (1 - p), "
    "so that a trained network can be used as it is."
)
def scales_outside_training(step, xs, state, p_x, p_h, generator, training=True):
    h = state[0] if isinstance(state, tuple) else state
    if training:
        mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs) * (1 - p_x)
        mask_h = dropout_mask(h.shape, p_h, generator, h) * (1 - p_h)
    else:
        mask_x, mask_h = 1 - p_x, 1 - p_h

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "You drop the inputs and leave the recurrence alone. h has a mask too, "
    "applied to the state each time before step sees it."
)
def leaves_the_recurrence_alone(step, xs, state, p_x, p_h, generator, training=True):
    if training:
        xs = xs * dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    return unroll(step, xs, state)


@variational.misconception(
    "You drop the recurrence and leave the inputs alone. x_t has a mask too, of shape (B, 1, D) "
    "for all steps."
)
def leaves_the_inputs_alone(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs, state)


@variational.misconception(
    "You drop the first state only. The mask belongs to every step: wrap step in a function that "
    "multiplies its state by mask_h."
)
def drops_the_first_state_only(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    h = h * dropout_mask(h.shape, p_h, generator, h)
    return unroll(step, xs * mask_x, (h, *state[1:]) if isinstance(state, tuple) else h)


@variational.misconception(
    "You drop what step returns, so hs itself has holes and the first state has none. "
    "Drop what step is given: step(x * mask_x, h * mask_h)."
)
def drops_what_comes_out(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        new = step(x, state)
        return (new[0] * mask_h, *new[1:]) if isinstance(new, tuple) else new * mask_h

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "The steps are right, but you drop hs once more at the end. Return the states as step made "
    "them: what a layer above drops is its own affair."
)
def drops_the_result_again(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    hs, state = unroll(dropped, xs * mask_x, state)
    return hs * mask_h.unsqueeze(1), state


@variational.misconception(
    "You drop c as well, and what is multiplied into the memory at every step is lost or blown up. "
    "Of (h, c) drop only h."
)
def drops_the_memory_too(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, tuple(one * mask_h for one in state))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "You multiply the state by the mask as if it were always a tensor. "
    "An LSTM's is a tuple (h, c): take it apart, and drop only h."
)
def takes_every_state_for_a_tensor(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(state.shape, p_h, generator, state)
    return unroll(lambda x, h: step(x, h * mask_h), xs * mask_x, state)


@variational.misconception(
    "You have mixed up the probabilities: p_x is for the inputs, p_h for the state."
)
def swaps_the_probabilities(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_h, generator, xs)
    mask_h = dropout_mask(h.shape, p_x, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "You detach the state where you drop it, so no gradient goes back in time. "
    "Only multiply it by the mask."
)
def detaches_the_state(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = dropout_mask((xs.shape[0], 1, xs.shape[2]), p_x, generator, xs)
    mask_h = dropout_mask(h.shape, p_h, generator, h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0].detach() * mask_h, *state[1:]))
        return step(x, state.detach() * mask_h)

    return unroll(dropped, xs * mask_x, state)


@variational.misconception(
    "You draw from torch's global source and leave the generator alone, so a run cannot be "
    "repeated. Hand the generator on to dropout_mask."
)
def draws_from_the_global_source(step, xs, state, p_x, p_h, generator, training=True):
    if not training:
        return unroll(step, xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask_x = torch.nn.functional.dropout(torch.ones_like(xs[:, :1]), p_x)
    mask_h = torch.nn.functional.dropout(torch.ones_like(h), p_h)

    def dropped(x, state):
        if isinstance(state, tuple):
            return step(x, (state[0] * mask_h, *state[1:]))
        return step(x, state * mask_h)

    return unroll(dropped, xs * mask_x, state)


# --- word_dropout -------------------------------------------------------------------------------

P_WORD = 0.3


def draw_words(rng: Rng, B: int, T: int, V: int, D: int) -> tuple[torch.Tensor, torch.Tensor]:
    """tokens (B, T) with words that come again, and E (V, D); 0 is padding, and E[0] is 0."""
    E = rng.normal(V, D)
    E[0] = 0
    tokens = rng.integers(1, V, B, T)
    for b in range(B):
        tokens[b, T - b % T :] = 0  # sentences of T words, of T - 1, ...
    return tokens, E


def word_factors(
    xs: Any, tokens: torch.Tensor, E: torch.Tensor
) -> tuple[dict[str, str], torch.Tensor | None]:
    """Whether xs has the right form, and if so by what each number of it was multiplied."""
    form = f"tensor of shape {tuple(xs.shape)}" if isinstance(xs, torch.Tensor) else kind(xs)
    seen = {"the result is": form}
    if form != f"tensor of shape {(*tokens.shape, E.shape[1])}":
        return seen, None
    words = tokens != 0
    seen["padding is"] = "0, as E[0] is" if (xs[~words] == 0).all() else "not 0"
    return seen, torch.where(words.unsqueeze(2), xs / E[tokens], torch.nan)


def observe_words(subject: Any, rng: Rng) -> dict[str, Any]:
    """What becomes of the words of long sentences in a small vocabulary."""
    tokens, E = draw_words(rng, 12, 40, 9, 4)
    xs = subject(tokens.clone(), E.clone(), P_WORD, generator(subject, 2))
    seen, factors = word_factors(xs, tokens, E)
    if factors is None:
        return seen
    words = tokens != 0

    def alike(groups: list[torch.Tensor]) -> bool:
        return all(((one - one[:1]).abs() < 1e-3).all() for one in groups)

    sentences = [one[here] for one, here in zip(factors, words, strict=True)]
    occurrences = [factors[b, tokens[b] == w] for b in range(len(tokens)) for w in range(1, len(E))]
    seen["the numbers of E[w] are multiplied by"] = numbers(factors[words])
    whole = alike([factors[words].T])
    seen["a word is"] = "dropped or kept whole" if whole else "dropped in parts"
    seen["the occurrences of a word in a sentence are"] = (
        "dropped or kept together" if alike(occurrences) else "dropped one by one"
    )
    seen["the words of a sentence are"] = (
        "all treated the same" if alike(sentences) else "dropped or kept each for itself"
    )
    return seen


word_cases = Cases(
    "word_dropout",
    ("tokens", "E", "p", "seed of the generator"),
    lambda rng, s: (*draw_words(rng, s.B, s.T, s.H + 1, s.D), 0.5, 2),
    batched=(),
    run=lambda subject, *args: subject(*args[:-1], generator(subject, args[-1])),
)


def observe_words_off(subject: Any, rng: Rng) -> dict[str, Any]:
    """Outside training, and with probability 0, it is a look-up."""
    seen = {}
    for s in (rng.sizes(), rng.sizes(B=1), ONES):
        tokens, E = draw_words(rng, s.B, s.T, s.H + 1, s.D)
        for p, training in ((0.9, False), (0.0, True)):
            key = f"tokens {tuple(tokens.shape)}, E {tuple(E.shape)}, p = {p}, training={training}"
            seen[key] = attempt(
                lambda a=(tokens, E, p), training=training: subject(
                    *a, generator(subject, 1), training
                )
            )
    return seen


words = Exercise(
    "word_dropout",
    "ps7_regularization",
    regularization.word_dropout,
    points=6,
    properties=(
        Property("off", "training=False and p = 0 only look up", 0.75, observe_words_off),
        Property(
            "whole",
            "a place holds E[w] / (1 - p), whole, or 0",
            0.75,
            observe_words,
            judging("the result*", "padding*", "the numbers*", "a word*"),
        ),
        Property(
            "everywhere",
            "a word that goes, goes from the whole sentence",
            1.75,
            observe_words,
            judging("the result*", "the occ*", "the words*"),
        ),
    ),
)


@words.misconception(
    "You toss a coin for every place, so the word is still there elsewhere in the sentence. "
    "Toss one for every word of the vocabulary, and look it up with tokens."
)
def drops_single_places(tokens, E, p, generator, training=True):
    xs = E[tokens]
    return xs * dropout_mask((*tokens.shape, 1), p, generator, E) if training else xs


@words.misconception(
    "You drop single numbers of the vectors. A dropped word is gone whole: "
    "one coin for all D numbers."
)
def drops_single_numbers(tokens, E, p, generator, training=True):
    xs = E[tokens]
    return xs * dropout_mask(xs.shape, p, generator, E) if training else xs


@words.misconception(
    "You drop dimensions of the vectors, the same in all places. That is dropout of the inputs; "
    "here whole words go."
)
def drops_dimensions(tokens, E, p, generator, training=True):
    xs = E[tokens]
    return xs * dropout_mask((len(xs), 1, xs.shape[2]), p, generator, E) if training else xs


@words.misconception(
    "You drop whole sentences: one coin for each. Every word of the vocabulary has its own, "
    "a mask (B, V)."
)
def drops_whole_sentences(tokens, E, p, generator, training=True):
    xs = E[tokens]
    return xs * dropout_mask((len(xs), 1, 1), p, generator, E) if training else xs


@words.misconception(
    "You drop a row of E for the whole batch, so a word goes from all sentences or from none. "
    "Each sentence has its own coins: a mask (B, V)."
)
def one_coin_for_the_whole_batch(tokens, E, p, generator, training=True):
    return (E * dropout_mask((len(E), 1), p, generator, E) if training else E)[tokens]


@words.misconception(
    "You drop in single numbers of E instead of its rows. A dropped word is gone whole."
)
def drops_numbers_of_the_table(tokens, E, p, generator, training=True):
    return (E * dropout_mask(E.shape, p, generator, E) if training else E)[tokens]


@words.misconception(
    "Your factors are (B, T) and the vectors (B, T, D): they do not line up. Give the factors a "
    "last axis of size 1: .unsqueeze(2)."
)
def gives_the_factors_no_axis(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens]
    mask_words = dropout_mask((len(tokens), len(E)), p, generator, E)
    return E[tokens] * mask_words.gather(1, tokens)


@words.misconception(
    "You do not scale the words that stay. Divide them by 1 - p, as dropout_mask does, "
    "so that the expectation stays."
)
def leaves_the_rest_as_it_is(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens]
    gone = dropout_mask((len(tokens), len(E)), p, generator, E) == 0
    return E[tokens].masked_fill(gone.gather(1, tokens).unsqueeze(2), 0)


@words.misconception(
    "You draw the mask before you look at training. With training=False draw nothing, "
    "so that a test does not change the training after it."
)
def draws_words_outside_training(tokens, E, p, generator, training=True):
    mask = dropout_mask((len(tokens), len(E)), p, generator, E)
    return E[tokens] * mask.gather(1, tokens).unsqueeze(2) if training else E[tokens]


@words.misconception(
    "You drop outside training too. With training=False only look the words up: E[tokens]."
)
def drops_words_outside_training(tokens, E, p, generator, training=True):
    mask = dropout_mask((len(tokens), len(E)), p, generator, E)
    return E[tokens] * mask.gather(1, tokens).unsqueeze(2)


@words.misconception(
    "You scale outside training, by 1 - p, and not in training. Divide by 1 - p while training, "
    "and then only look up."
)
def scales_words_outside_training(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens] * (1 - p)
    gone = dropout_mask((len(tokens), len(E)), p, generator, E) == 0
    return E[tokens].masked_fill(gone.gather(1, tokens).unsqueeze(2), 0)


@words.misconception(
    "You put word 0 into single places and leave the rest unscaled. One coin for each word of the "
    "vocabulary, and 1 / (1 - p) times the vectors that stay."
)
def replaces_the_tokens(tokens, E, p, generator, training=True):
    if not training:
        return E[tokens]
    kept = dropout_mask(tokens.shape, p, generator, E) > 0
    return E[tokens * kept]


@words.misconception(
    "Your masks take p for the probability to keep. It is the probability to drop."
)
def keeps_words_with_p(tokens, E, p, generator, training=True):
    if not training or p == 0:
        return E[tokens]
    mask = dropout_mask((len(tokens), len(E)), 1 - p, generator, E)
    return E[tokens] * mask.gather(1, tokens).unsqueeze(2)


@words.misconception(
    "You write the zeros into the caller's E: the dropped words are lost for ever. "
    "Multiply what you have looked up, not E itself."
)
def writes_into_the_table(tokens, E, p, generator, training=True):
    if training:
        E.data.mul_(dropout_mask((len(E), 1), p, generator, E))
    return E[tokens]


@words.misconception(
    "You take the values out of E's graph (.detach(), .data, torch.tensor), "
    "so the embeddings learn nothing. Look up in E itself."
)
def detaches_the_table(tokens, E, p, generator, training=True):
    xs = E.detach()[tokens]
    if not training:
        return xs
    mask = dropout_mask((len(tokens), len(E)), p, generator, E)
    return xs * mask.gather(1, tokens).unsqueeze(2)


# --- l2_penalty ---------------------------------------------------------------------------------


def draw_parameters(rng: Rng, s: Sizes) -> tuple:
    """Parameters of all kinds of shapes: matrices, a bias, a single number."""
    return (
        (
            rng.normal(s.D, s.H),
            rng.normal(s.H),
            rng.normal(s.B, s.T, s.D),
            rng.normal(),
        ),
    )


l2_cases = Cases("l2_penalty", ("parameters",), draw_parameters, batched=())


def observe_some(subject: Any, rng: Rng) -> dict[str, Any]:
    """One parameter alone, several in a list, one that occurs for itself."""
    W, b, v = rng.normal(3, 4), rng.normal(5), rng.normal(1, 1)
    return {
        "l2_penalty([W])": attempt(lambda: subject([W])),
        "l2_penalty([b])": attempt(lambda: subject([b])),
        "l2_penalty([v, W])": attempt(lambda: subject([v, W])),
    }


def observe_once(subject: Any, rng: Rng) -> dict[str, Any]:
    """Parameters that can be gone through only once, as those of model.parameters()."""
    values = [rng.normal(3, 4), rng.normal(5)]
    run = alongside(subject, "rnncourse.checks.harness.training.with_generator")
    return {"l2_penalty(model.parameters())": attempt(lambda: run(subject, values))}


l2 = Exercise(
    "l2_penalty",
    "ps7_regularization",
    regularization.l2_penalty,
    points=3,
    properties=(
        l2_cases.shape(0.25),
        l2_cases.values(0.75),
        Property("some", "all or some parameters, as they are given", 0.5, observe_some),
    ),
)


@l2.misconception("You add up norms. The penalty is the sum of their squares: leave out the root.")
def adds_up_norms(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([W.norm() for W in parameters]).sum()


@l2.misconception(
    "You take the root of the sum. The penalty is the square of the norm: leave out the root."
)
def takes_the_root(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([(W**2).sum() for W in parameters]).sum().sqrt()


@l2.misconception(
    "You average over the entries of each parameter, so a small matrix weighs as much as a large "
    "one. Take the sum."
)
def averages_each_parameter(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([(W**2).mean() for W in parameters]).sum()


@l2.misconception("You add absolute values, which is the l1 norm. Square the entries: W ** 2.")
def adds_absolute_values(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([W.abs().sum() for W in parameters]).sum()


@l2.misconception(
    "You halve the sum, as some books do. Here the penalty is the plain sum of squares."
)
def halves_the_sum(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([(W**2).sum() for W in parameters]).sum() / 2


@l2.misconception(
    "You add up the entries and then square, so that opposite signs cancel. "
    "Square each entry first."
)
def squares_the_sum(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([W.sum() ** 2 for W in parameters]).sum()


@l2.misconception(
    "Of no parameters at all you make a penalty of 0, which hides that model.parameters() was used "
    "up. Raise a ValueError."
)
def accepts_nothing(parameters):
    return sum((W**2).sum() for W in parameters)


@l2.misconception(
    "`not parameters` is only true of an empty list; what model.parameters() gives is never false, "
    "empty or not. Make the list of squares first, and ask whether that is empty."
)
def asks_the_generator(parameters):
    if not parameters:
        raise ValueError("there are no parameters")
    return sum((W**2).sum() for W in parameters)


@l2.misconception(
    "You leave the biases out. That is a choice for the caller, who gives all parameters or some: "
    "take what you are given."
)
def leaves_out_the_biases(parameters):
    return sum((W**2).sum() for W in parameters if W.dim() > 1)


@l2.misconception(
    "You take only the last parameter: your sum starts anew for each. Add all of them up."
)
def keeps_the_last_only(parameters):
    penalty = None
    for W in parameters:
        penalty = (W**2).sum()
    if penalty is None:
        raise ValueError("there are no parameters")
    return penalty


@l2.misconception(
    "You return a Python number, from which no gradient flows. Return the tensor: "
    "leave out .item()."
)
def returns_a_number(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return sum((W**2).sum().item() for W in parameters)


@l2.misconception(
    "Your penalty has the right value and no gradient: .data and .detach() cut it off. "
    "Use the parameters themselves."
)
def detaches_the_parameters(parameters):
    parameters = list(parameters)
    if not parameters:
        raise ValueError("there are no parameters")
    return torch.stack([(W.detach() ** 2).sum() for W in parameters]).sum()


@l2.misconception(
    "You go through the parameters twice, but model.parameters() can be read only once: "
    "the second time there are none. Make a list of it first."
)
def reads_them_twice(parameters):
    if sum(1 for _ in parameters) == 0:
        raise ValueError("there are no parameters")
    return sum((W**2).sum() for W in parameters)


# --- activation_penalty and temporal_penalty ----------------------------------------------------


def draw_states(rng: Rng, s: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    """hs (B, T, H), numbers in the padding too, and the mask; the first sequence is padded."""
    lengths = rng.integers(1, s.T + 1, s.B)
    lengths[-1] = s.T
    lengths[0] = max(1, s.T - 2)
    return rng.normal(s.B, s.T, s.H), torch.arange(s.T) < lengths.unsqueeze(1)


def draw_long(rng: Rng, s: Sizes) -> tuple[torch.Tensor, torch.Tensor]:
    """As draw_states, with sentences long enough for all that can go wrong in one."""
    return draw_states(rng, s if s == ONES else s._replace(T=s.T + 3))


RUBBISH = (1e3, float("inf"), float("nan"))


def observe_padding(subject: Any, rng: Rng) -> dict[str, Any]:
    """Whatever is in the padding changes neither the penalty nor its gradient."""
    seen = {}
    for rubbish in RUBBISH:
        hs, mask = draw_long(rng, rng.sizes())
        hs[~mask] = rubbish
        hs.requires_grad_()
        seen[f"{rubbish:g} in the padding"] = penalty = attempt(
            lambda hs=hs, m=mask: subject(hs, m)
        )
        seen[f"{rubbish:g} in the padding, gradient of hs"] = gradient_of(penalty, hs)
    return seen


def gradient_of(penalty: Any, hs: torch.Tensor) -> Any:
    if not isinstance(penalty, torch.Tensor) or penalty.numel() != 1 or not penalty.requires_grad:
        return "none arrives"
    (found,) = torch.autograd.grad(penalty.sum(), hs, allow_unused=True)
    return "none arrives" if found is None else found


def observe_some_tokens(subject: Any, rng: Rng) -> dict[str, Any]:
    """Masks of all kinds: nothing masked, everything, one step, padding in front, and holes."""
    masks = {
        "all are tokens": [[1, 1, 1, 1], [1, 1, 1, 1]],
        "one step": [[1], [1]],
        "no token at all": [[0, 0, 0], [0, 0, 0]],
        "an empty sentence": [[0, 0, 0, 0], [1, 1, 1, 0]],
        "padding in front": [[0, 0, 1, 1, 1], [0, 1, 1, 1, 1]],
        "a hole": [[1, 1, 0, 1, 1, 1], [1, 0, 1, 0, 1, 1]],
    }
    seen = {}
    for text, rows in masks.items():
        mask = torch.tensor(rows).bool()
        hs = rng.normal(*mask.shape, 3)
        seen[f"{text}, mask {tuple(mask.shape)}"] = attempt(
            lambda hs=hs, mask=mask: subject(hs, mask)
        )
    return seen


activation_cases = Cases("activation_penalty", ("hs", "mask"), draw_states, batched=())

activation = Exercise(
    "activation_penalty",
    "ps7_regularization",
    regularization.activation_penalty,
    points=3,
    properties=(
        activation_cases.shape(0.25),
        activation_cases.values(1.25, "the values are right, whatever numbers the padding has"),
    ),
)


@activation.misconception(
    "You count the padding. Take only the states where the mask is True: hs[mask]."
)
def counts_the_padding(hs, mask):
    return (hs**2).sum()


@activation.misconception(
    "You count the padding and leave the tokens out. The mask is True where there is a token."
)
def counts_only_the_padding(hs, mask):
    return (hs[~mask] ** 2).sum()


@activation.misconception(
    "You average over the tokens. The lecture's penalty is a sum: the caller divides, "
    "if the loss is a mean."
)
def averages_over_the_tokens(hs, mask):
    return (hs[mask] ** 2).sum() / mask.sum()


@activation.misconception(
    "You average over all numbers, so the penalty depends on H. Take the sum."
)
def averages_over_all_numbers(hs, mask):
    return (hs[mask] ** 2).mean()


@activation.misconception(
    "You average over the sequences of the batch. Take the sum over all of them."
)
def averages_over_the_batch(hs, mask):
    return (hs.masked_fill(~mask.unsqueeze(2), 0) ** 2).sum() / len(hs)


@activation.misconception(
    "You add up the norms of the states. Each norm is squared: leave out the root."
)
def adds_up_the_norms(hs, mask):
    return hs[mask].norm(dim=-1).sum()


@activation.misconception(
    "You take the root of the whole sum. Leave it out: the penalty is a sum of squares."
)
def takes_the_root_of_the_sum(hs, mask):
    return (hs[mask] ** 2).sum().sqrt()


@activation.misconception("You add absolute values, the l1 norm. Square the numbers of h_t.")
def adds_absolute_states(hs, mask):
    return hs[mask].abs().sum()


@activation.misconception(
    "You return one number for each sequence. Add them up: the penalty is a single number."
)
def returns_one_for_each_sequence(hs, mask):
    return (hs.masked_fill(~mask.unsqueeze(2), 0) ** 2).sum(dim=(1, 2))


@activation.misconception(
    "You multiply by the mask, and 0 times nan or infinity is nan. Select the tokens, hs[mask], "
    "or use masked_fill."
)
def multiplies_by_the_mask(hs, mask):
    return ((hs * mask.unsqueeze(2)) ** 2).sum()


@activation.misconception(
    "Your value is right, but nan in the padding still reaches the gradient, because you square "
    "first and mask afterwards. Mask hs, then square."
)
def masks_the_squares(hs, mask):
    return (hs**2).masked_fill(~mask.unsqueeze(2), 0).sum()


@activation.misconception(
    "Your penalty has the right value and no gradient, so it changes nothing. "
    "Leave hs in its graph: no .detach(), no .data, no .item()."
)
def detaches_the_states(hs, mask):
    return (hs.detach()[mask] ** 2).sum()


@activation.misconception(
    "You write zeros into the caller's hs to clear its padding. Use a copy: hs.masked_fill(...)."
)
def clears_the_callers_padding(hs, mask):
    with torch.no_grad():
        hs.masked_fill_(~mask.unsqueeze(2), 0)
    return (hs**2).sum()


temporal_cases = Cases("temporal_penalty", ("hs", "mask"), draw_long, batched=())


def observe_border(subject: Any, rng: Rng) -> dict[str, Any]:
    """The pair of the last token and the first padding, where the padding is 0, as an LSTM's is."""
    hs, mask = draw_long(rng, rng.sizes())
    hs[~mask] = 0
    T = torch.ones(3, 1, dtype=torch.bool)
    return {
        "0 in the padding": attempt(lambda: subject(hs, mask)),
        "one step, so no pair": attempt(lambda: subject(rng.normal(3, 1, 4), T)),
    }


temporal = Exercise(
    "temporal_penalty",
    "ps7_regularization",
    regularization.temporal_penalty,
    points=5,
    properties=(
        temporal_cases.shape(0.25),
        temporal_cases.values(1.5, "the values are right, whatever numbers the padding has"),
        Property("border", "no pair reaches beyond the sentence", 0.75, observe_border),
    ),
)


@temporal.misconception(
    "You do not use the mask, so the padding counts. A pair counts where both are tokens: "
    "mask[:, 1:] & mask[:, :-1]."
)
def counts_pairs_of_padding(hs, mask):
    return ((hs[:, 1:] - hs[:, :-1]) ** 2).sum()


@temporal.misconception(
    "You count the pair of the last token and the first padding. Both of a pair must be tokens: "
    "mask[:, 1:] & mask[:, :-1]."
)
def counts_the_border(hs, mask):
    return ((hs[:, 1:] - hs[:, :-1])[mask[:, :-1]] ** 2).sum()


@temporal.misconception(
    "You set the padding to 0 and then take differences, so the fall from the last token to 0 "
    "counts. Select the pairs instead, both of them tokens."
)
def clears_and_subtracts(hs, mask):
    hs = hs.masked_fill(~mask.unsqueeze(2), 0)
    return ((hs[:, 1:] - hs[:, :-1]) ** 2).sum()


@temporal.misconception(
    "You take the tokens out first, so the end of one sentence becomes a neighbour of the next "
    "one's beginning. Subtract first, and select the pairs after."
)
def subtracts_across_sentences(hs, mask):
    states = hs[mask]
    return ((states[1:] - states[:-1]) ** 2).sum()


@temporal.misconception(
    "You ask only whether the second of a pair is a token. Where padding stands in front, "
    "the first is none: ask for both, mask[:, 1:] & mask[:, :-1]."
)
def asks_the_second_only(hs, mask):
    return ((hs[:, 1:] - hs[:, :-1])[mask[:, 1:]] ** 2).sum()


@temporal.misconception(
    "You count the step from 0 to the first state. The sum starts with ||h_2 - h_1||^2: "
    "T states make T - 1 pairs."
)
def counts_the_first_step(hs, mask):
    before = torch.cat([torch.zeros_like(hs[:, :1]), hs[:, :-1]], dim=1)
    both = mask.clone()
    both[:, 1:] &= mask[:, :-1]
    return ((hs - before)[both] ** 2).sum()


@temporal.misconception(
    "`torch.roll` goes round in a circle: you count the step from the last state to the first. "
    "Take hs[:, 1:] - hs[:, :-1]."
)
def goes_round_in_a_circle(hs, mask):
    return ((hs - hs.roll(1, dims=1))[mask & mask.roll(1, dims=1)] ** 2).sum()


@temporal.misconception(
    "You subtract neighbours in the batch. Time is axis 1: hs[:, 1:] - hs[:, :-1]."
)
def subtracts_along_the_batch(hs, mask):
    return ((hs[1:] - hs[:-1])[mask[1:] & mask[:-1]] ** 2).sum()


@temporal.misconception(
    "You compare the sizes of the states, not the states: ||h_t|| may stay while h_t turns round. "
    "Subtract first, then square."
)
def compares_the_norms(hs, mask):
    sizes, both = (hs**2).sum(dim=2), mask[:, 1:] & mask[:, :-1]
    return (sizes[:, 1:] - sizes[:, :-1])[both].abs().sum()


@temporal.misconception(
    "You add up the norms of the differences. Each norm is squared: leave out the root."
)
def adds_up_norms_of_differences(hs, mask):
    return (hs[:, 1:] - hs[:, :-1])[mask[:, 1:] & mask[:, :-1]].norm(dim=-1).sum()


@temporal.misconception(
    "You add up absolute differences. Each is squared: the penalty is made of ||h_t - h_{t-1}||^2."
)
def adds_absolute_differences(hs, mask):
    steps = hs[:, 1:] - hs[:, :-1]
    return steps[mask[:, 1:] & mask[:, :-1]].abs().sum()


@temporal.misconception(
    "You average over the pairs. The lecture's penalty is a sum; and where there is no pair, "
    "a mean is nan."
)
def averages_over_the_pairs(hs, mask):
    both = mask[:, 1:] & mask[:, :-1]
    return ((hs[:, 1:] - hs[:, :-1])[both] ** 2).sum() / both.sum()


@temporal.misconception("You average over all numbers, so the penalty depends on H. Take the sum.")
def averages_over_all_differences(hs, mask):
    return ((hs[:, 1:] - hs[:, :-1])[mask[:, 1:] & mask[:, :-1]] ** 2).mean()


@temporal.misconception(
    "You multiply by the mask, and 0 times nan or infinity is nan. Select the pairs with the mask."
)
def multiplies_the_differences(hs, mask):
    both = (mask[:, 1:] & mask[:, :-1]).unsqueeze(2)
    return (((hs[:, 1:] - hs[:, :-1]) * both) ** 2).sum()


@temporal.misconception(
    "Your value is right, but nan in the padding still reaches the gradient, because you square "
    "first and mask afterwards. Mask, then square."
)
def masks_the_squared_differences(hs, mask):
    both = (mask[:, 1:] & mask[:, :-1]).unsqueeze(2)
    return ((hs[:, 1:] - hs[:, :-1]) ** 2).masked_fill(~both, 0).sum()


@temporal.misconception(
    "You detach h_{t-1}, so only the later state of a pair is moved towards the earlier. "
    "Both belong to the penalty: leave the graph whole."
)
def detaches_the_earlier_state(hs, mask):
    both = mask[:, 1:] & mask[:, :-1]
    return ((hs[:, 1:] - hs[:, :-1].detach())[both] ** 2).sum()


# --- weight_drop --------------------------------------------------------------------------------

P_W = 0.3


def run_weight_drop(
    subject: Any, rng: Rng, s: Sizes, p: float, cell: Callable[..., Any] = elman_cell
) -> dict[str, Any]:
    step, W_h = cell(rng, s)
    noting, calls = watched(step, s.T)
    xs, start = rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H)
    state = start if cell is elman_cell else (start, rng.normal(s.B, s.H))
    result = subject(noting, *copied((xs, state, W_h)), p, generator(subject, 4))
    seen = followed(calls, result, xs, tensors(state))
    if "x_t" in seen and all(call[2].shape == W_h.shape for call in calls):
        seen["W_h"] = torch.stack([call[2] for call in calls]).unsqueeze(0) / W_h
    return seen


def observe_weights(subject: Any, rng: Rng) -> dict[str, Any]:
    return described(run_weight_drop(subject, rng, MASKED, P_W))


def observe_lstm_weights(subject: Any, rng: Rng) -> dict[str, Any]:
    """The matrix of an LSTM, (H, 4H), and a state that is a tuple."""
    return described(run_weight_drop(subject, rng, MASKED._replace(H=12), P_W, lstm_cell))


def observe_weights_off(subject: Any, rng: Rng) -> dict[str, Any]:
    """Outside training, and with probability 0, step gets W_h as it is."""
    seen = {}
    for s in (rng.sizes(), ONES):
        step, W_h = elman_cell(rng, s)
        args = step, rng.normal(s.B, s.T, s.D), rng.normal(s.B, s.H), W_h
        for p, training in ((0.9, False), (0.0, True)):
            key = f"p = {p}, training={training}, W_h {tuple(W_h.shape)}"
            seen[key] = attempt(
                lambda a=(*args, p), training=training: subject(*a, generator(subject, 5), training)
            )
    return seen


weight_cases = Cases(
    "weight_drop",
    ("step", "xs", "state", "W_h", "p", "seed of the generator"),
    lambda rng, s: (
        (cell := elman_cell(rng, s))[0],
        rng.normal(s.B, s.T, s.D),
        rng.normal(s.B, s.H),
        cell[1],
        0.5,
        4,
    ),
    batched=(),
    run=lambda subject, *args: subject(*args[:-1], generator(subject, args[-1])),
)

weights = Exercise(
    "weight_drop",
    "ps7_regularization",
    regularization.weight_drop,
    points=6,
    properties=(
        Property(
            "entries",
            "step gets W_h times a mask of zeros and 1 / (1 - p); x_t and the state are whole",
            0.75,
            observe_weights,
            judging("calls*", "every call*", "x_t*", "h of*", "W_h*"),
        ),
        Property(
            "steady",
            "the dropped weights are the same at every step",
            1.5,
            observe_weights,
            judging("calls*", "every call*", "the mask*"),
        ),
        Property(
            "results",
            "hs and the last state are what step returned",
            0.5,
            observe_weights,
            judging("calls*", "every call*", "hs*", "the last*"),
        ),
        Property("off", "training=False and p = 0 drop nothing at all", 0.75, observe_weights_off),
    ),
)


@weights.misconception("You drop other weights at every step. Draw the mask once, before the loop.")
def redraws_the_weights(step, xs, state, W_h, p, generator, training=True):
    def dropped(x, state):
        return step(x, state, W_h * dropout_mask(W_h.shape, p, generator, W_h))

    return unroll(dropped if training else lambda x, s: step(x, s, W_h), xs, state)


@weights.misconception(
    "You drop units of the state. Here it is the weights that go: W_h * mask, "
    "with the state left whole."
)
def drops_the_state(step, xs, state, W_h, p, generator, training=True):
    if not training:
        return unroll(lambda x, s: step(x, s, W_h), xs, state)
    h = state[0] if isinstance(state, tuple) else state
    mask = dropout_mask(h.shape, p, generator, h)

    def dropped(x, s):
        return step(x, (s[0] * mask, *s[1:]) if isinstance(s, tuple) else s * mask, W_h)

    return unroll(dropped, xs, state)


@weights.misconception(
    "You drop whole rows of W_h, which is the same as dropping units of the state. "
    "Every single weight has its own coin: a mask of the shape of W_h."
)
def drops_rows_of_weights(step, xs, state, W_h, p, generator, training=True):
    W = W_h * dropout_mask((len(W_h), 1), p, generator, W_h) if training else W_h
    return unroll(lambda x, s: step(x, s, W), xs, state)


@weights.misconception(
    "You drop whole columns of W_h. Every single weight has its own coin: "
    "a mask of the shape of W_h."
)
def drops_columns_of_weights(step, xs, state, W_h, p, generator, training=True):
    W = W_h * dropout_mask((1, W_h.shape[1]), p, generator, W_h) if training else W_h
    return unroll(lambda x, s: step(x, s, W), xs, state)


@weights.misconception(
    "You do not scale the weights that stay. Divide them by 1 - p, as dropout_mask does."
)
def leaves_the_weights_unscaled(step, xs, state, W_h, p, generator, training=True):
    W = W_h * (dropout_mask(W_h.shape, p, generator, W_h) > 0) if training else W_h
    return unroll(lambda x, s: step(x, s, W), xs, state)


@weights.misconception(
    "You scale outside training, by 1 - p, and not in training. Divide by 1 - p while training, "
    "and use W_h as it is afterwards."
)
def scales_the_weights_outside_training(step, xs, state, W_h, p, generator, training=True):
    W = W_h * (dropout_mask(W_h.shape, p, generator, W_h) > 0 if training else 1 - p)
    return unroll(lambda x, s: step(x, s, W), xs, state)


@weights.misconception(
    "You draw the mask before you look at training. With training=False draw nothing, "
    "so that a test does not change the training after it."
)
def draws_weights_outside_training(step, xs, state, W_h, p, generator, training=True):
    mask = dropout_mask(W_h.shape, p, generator, W_h)
    return unroll(lambda x, s: step(x, s, W_h * mask if training else W_h), xs, state)


@weights.misconception("You drop outside training too. With training=False step gets W_h as it is.")
def drops_weights_outside_training(step, xs, state, W_h, p, generator, training=True):
    W = W_h * dropout_mask(W_h.shape, p, generator, W_h)
    return unroll(lambda x, s: step(x, s, W), xs, state)


@weights.misconception(
    "You draw the mask and then hand on the whole W_h. Give step the product, W_h * mask."
)
def hands_on_the_whole_matrix(step, xs, state, W_h, p, generator, training=True):
    if training:
        W_h * dropout_mask(W_h.shape, p, generator, W_h)
    return unroll(lambda x, s: step(x, s, W_h), xs, state)


@weights.misconception(
    "Your mask is multiplied in again at every step, so the weights that stay grow and grow. "
    "Multiply once, before the loop."
)
def multiplies_again_and_again(step, xs, state, W_h, p, generator, training=True):
    mask = dropout_mask(W_h.shape, p, generator, W_h) if training else torch.ones_like(W_h)
    W = W_h

    def dropped(x, state):
        nonlocal W
        W = W * mask
        return step(x, state, W)

    return unroll(dropped, xs, state)


@weights.misconception(
    "Only your first step gets the dropped weights; the others get W_h whole. "
    "All steps share the same dropped matrix."
)
def drops_for_the_first_step_only(step, xs, state, W_h, p, generator, training=True):
    W = W_h * dropout_mask(W_h.shape, p, generator, W_h) if training else W_h

    def dropped(x, state):
        nonlocal W
        used, W = W, W_h
        return step(x, state, used)

    return unroll(dropped, xs, state)


@weights.misconception(
    "You write the zeros into W_h itself, so these weights are lost for ever. "
    "Make a new matrix, W_h * mask, and leave W_h as it is."
)
def writes_into_the_weights(step, xs, state, W_h, p, generator, training=True):
    if training:
        W_h.data.mul_(dropout_mask(W_h.shape, p, generator, W_h))
    return unroll(lambda x, s: step(x, s, W_h), xs, state)


@weights.misconception(
    "Your dropped matrix is cut off from W_h (.detach(), .data, nn.Parameter), so W_h learns "
    "nothing. Multiply W_h itself by the mask."
)
def detaches_the_weights(step, xs, state, W_h, p, generator, training=True):
    W = W_h.detach() * dropout_mask(W_h.shape, p, generator, W_h) if training else W_h
    return unroll(lambda x, s: step(x, s, W), xs, state)


EXERCISES = {
    one.name: one for one in (masking, variational, words, l2, activation, temporal, weights)
}
