"""Problem set 0, warm-up: what is checked, and the mistakes people make.

A misconception is a whole wrong implementation under a telling name. It may use torch and nothing
else, because the audit submits its source.
"""

import math
from collections.abc import Callable
from typing import Any

import torch

from ..reference import warmup
from .compare import Raised, kind
from .exercise import Exercise, Property
from .properties import Cases, attempt, using
from .rng import Rng

# --- softmax ------------------------------------------------------------------------------------

SOFTMAX = (
    "torch.softmax",
    "torch.log_softmax",
    "torch.Tensor.softmax",
    "torch.Tensor.log_softmax",
    "torch.special.softmax",
    "torch.special.log_softmax",
    "torch.nn.functional.softmax",
    "torch.nn.functional.log_softmax",
    "torch.nn.Softmax",
    "torch.nn.LogSoftmax",
)

softmax_cases = Cases(
    "softmax",
    ("scores", "dim"),
    lambda rng, s: (rng.normal(s.B, s.T, s.D), 1),
    batched=("scores",),
)


def weights(subject: Any, scores: torch.Tensor, *dim: int) -> dict[str, Any]:
    """What softmax(scores, dim) gives, under the call as a student reads it."""
    text = ", ".join([f"scores {tuple(scores.shape)}", *(f"dim={one}" for one in dim)])
    return {f"softmax({text})": attempt(lambda: subject(scores, *dim))}


def observe_weights(subject: Any, rng: Rng) -> dict[str, Any]:
    """Along every dimension of a matrix and of a tensor with three."""
    s = rng.sizes()
    return {
        **weights(subject, rng.normal(s.B, s.T), 1),
        **weights(subject, rng.normal(s.B, s.T), 0),
        **weights(subject, rng.normal(s.B, s.T, s.D), 1),
        **weights(subject, rng.normal(1, s.T), -1),
        **weights(subject, rng.normal(s.B, s.T)),
    }


def observe_sums(subject: Any, rng: Rng) -> dict[str, Any]:
    """The sums along dim and the range; the numbers themselves are judged elsewhere."""
    s = rng.sizes()
    seen: dict[str, Any] = {}
    for scores, dim in (
        (3 * rng.normal(s.B, s.T), 1),
        (3 * rng.normal(s.B, s.T), 0),
        (3 * rng.normal(s.B, s.T, s.D), 1),
    ):
        for text, result in weights(subject, scores, dim).items():
            seen[f"{text}, its sums along dim"] = using(
                result,
                lambda w, dim=dim: w.sum(dim) if isinstance(w, torch.Tensor) else kind(w),
            )
            seen[f"{text}, from 0 to 1"] = using(result, _range)
    return seen


def _range(found: Any) -> str:
    if not isinstance(found, torch.Tensor):
        return kind(found)
    inside = (found >= 0) & (found <= 1 + 1e-5)
    return "all weights" if inside.all() else "not all weights"


def observe_large(subject: Any, rng: Rng) -> dict[str, Any]:
    """Scores whose exponentials no float can hold, or all of whose exponentials are 0."""
    s = rng.sizes()
    scores = rng.normal(s.B, s.T)
    far = torch.linspace(-1000, 1000, s.B, dtype=torch.float64).unsqueeze(1)
    calls = {
        "scores near 1000": scores + 1000,
        "scores near -1000": scores - 1000,
        "rows from -1000 to 1000": scores + far,
        "float32 scores near 100": (scores + 100).float(),
    }
    return {text: attempt(lambda given=given: subject(given, 1)) for text, given in calls.items()}


def masked(rng: Rng, B: int) -> torch.Tensor:
    """Scores (B, 5); in each row one to three are -inf."""
    scores = rng.normal(B, 5)
    for row in scores:
        count = int(rng.integers(1, 4, 1))
        row[torch.randperm(5, generator=rng.generator)[:count]] = -math.inf
    return scores


def observe_masked(subject: Any, rng: Rng) -> dict[str, Any]:
    B = rng.sizes().B
    one_left = torch.tensor([[-math.inf, -3.0, -math.inf]], dtype=torch.float64)
    calls = {
        "-inf in some places of each row": (masked(rng, B), 1),
        "-inf in some places of each column, dim=0": (masked(rng, B).T.contiguous(), 0),
        "-inf everywhere but in one place": (one_left, 1),
    }
    return {text: attempt(lambda args=args: subject(*args)) for text, args in calls.items()}


def observe_empty(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes(B=3)
    scores = rng.normal(s.B, s.T)
    scores[1] = -math.inf
    return {"row 1 of the scores is -inf throughout": attempt(lambda: subject(scores, 1))}


softmax = Exercise(
    "softmax",
    "ps0_warmup",
    warmup.softmax,
    points=6,
    properties=(
        Property("sums", "weights are from 0 to 1 and sum to 1 along dim", 0.5, observe_sums),
        Property("values", "the weights are right along any dim", 0.75, observe_weights),
        Property("large", "scores of any size are no problem", 1.25, observe_large),
        Property("masked", "a score of -inf gets the weight 0", 0.5, observe_masked),
        Property("empty", "where all scores are -inf, all weights are 0", 0.25, observe_empty),
        softmax_cases.pure(0.25),
    ),
    forbids=SOFTMAX,
)


@softmax.misconception(
    "Where all scores are -inf you get nan, from -inf - (-inf) or from 0 / 0. "
    "Put 0 in place of such a maximum and 1 in place of a sum of 0."
)
def leaves_nan_where_all_is_masked(scores, dim=-1):
    exps = torch.exp(scores - scores.amax(dim, keepdim=True))
    return exps / exps.sum(dim, keepdim=True)


@softmax.misconception(
    "Your exp overflows: exp(1000) is infinite, and inf / inf is nan. "
    "Subtract the maximum along dim before exp; the weights stay the same."
)
def forgets_the_maximum(scores, dim=-1):
    exps = torch.exp(scores)
    return exps / exps.sum(dim, keepdim=True)


@softmax.misconception(
    "You guard against a sum of 0, but exp(1000) is still infinite, and inf / inf is nan. "
    "Subtract the maximum along dim before exp."
)
def guards_the_sum_alone(scores, dim=-1):
    exps = torch.exp(scores)
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@softmax.misconception(
    "You subtract one maximum for the whole tensor, and rows far below it vanish. "
    "Each row along dim needs its own: `scores.amax(dim, keepdim=True)`."
)
def takes_one_maximum_for_all(scores, dim=-1):
    exps = torch.exp(scores - scores.max())
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@softmax.misconception(
    "You cut large scores off, so all that are above the limit tie. "
    "Subtract the maximum along dim instead: it changes nothing, and exp stays below 1."
)
def clamps_large_scores(scores, dim=-1):
    exps = torch.exp(scores.clamp(max=80.0))
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@softmax.misconception(
    "You always work along the last dimension. Hand the `dim` that you are given to amax and sum."
)
def ignores_dim(scores, dim=-1):
    m = scores.amax(-1, keepdim=True)
    exps = torch.exp(scores - m.masked_fill(m == -torch.inf, 0))
    total = exps.sum(-1, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@softmax.misconception(
    "You divide by the sum over the whole tensor. "
    "Sum along dim only, `sum(dim, keepdim=True)`: each row is a choice of its own."
)
def sums_over_everything(scores, dim=-1):
    m = scores.amax(dim, keepdim=True)
    exps = torch.exp(scores - m.masked_fill(m == -torch.inf, 0))
    return exps / exps.sum()


@softmax.misconception(
    "Your amax and sum drop the dimension dim, and torch then lines up the wrong ones. "
    "Write keepdim=True in both, so that it stays, with size 1."
)
def drops_the_dimension(scores, dim=-1):
    exps = torch.exp(scores - scores.amax(dim))
    return exps / exps.sum(dim)


@softmax.misconception(
    "You divide the scores themselves by their sum, but scores may be negative. "
    "Apply exp first: it makes every number positive."
)
def leaves_out_the_exponential(scores, dim=-1):
    return scores / scores.sum(dim, keepdim=True)


@softmax.misconception(
    "You squash each score for itself, so the weights do not compete and do not sum to 1. "
    "Divide exp of each score by the sum of them all."
)
def squashes_each_score(scores, dim=-1):
    return torch.sigmoid(scores)


@softmax.misconception(
    "You return the logarithms of the weights. Apply exp to them, or divide instead of subtracting."
)
def returns_logarithms(scores, dim=-1):
    m = scores.amax(dim, keepdim=True)
    shifted = scores - m.masked_fill(m == -torch.inf, 0)
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


@softmax.misconception(
    "You return the exponentials without dividing by their sum, so they are no weights yet."
)
def forgets_to_divide(scores, dim=-1):
    m = scores.amax(dim, keepdim=True)
    return torch.exp(scores - m.masked_fill(m == -torch.inf, 0))


@softmax.misconception(
    "Where all scores are -inf you share the weight out evenly. "
    "There is nothing to choose from, so all weights are 0 there."
)
def shares_out_where_all_is_masked(scores, dim=-1):
    scores = scores.clamp(min=torch.finfo(scores.dtype).min)
    exps = torch.exp(scores - scores.amax(dim, keepdim=True))
    return exps / exps.sum(dim, keepdim=True)


@softmax.misconception("Your -= writes into the caller's scores. Make a new tensor: `scores - m`.")
def shifts_in_place(scores, dim=-1):
    m = scores.amax(dim, keepdim=True)
    scores -= m.masked_fill(m == -torch.inf, 0)
    exps = torch.exp(scores)
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@softmax.misconception(
    "You detach the scores, so no gradient comes back and nothing below can learn. "
    "Only the maximum may be detached."
)
def cuts_the_gradient(scores, dim=-1):
    scores = scores.detach()
    m = scores.amax(dim, keepdim=True)
    exps = torch.exp(scores - m.masked_fill(m == -torch.inf, 0))
    total = exps.sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


@softmax.misconception(
    "You detach the sum, so the gradient does not know that the weights compete. "
    "Only the maximum may be detached."
)
def detaches_the_sum(scores, dim=-1):
    m = scores.detach().amax(dim, keepdim=True)
    exps = torch.exp(scores - m.masked_fill(m == -torch.inf, 0))
    total = exps.detach().sum(dim, keepdim=True)
    return exps / total.masked_fill(total == 0, 1)


# --- numeric_gradient ---------------------------------------------------------------------------

Function = Callable[[torch.Tensor], Any]


def cubic(rng: Rng, *shape: int) -> Function:
    """sum(a * x³) + x_first * x_last: its numbers depend on each other."""
    a = rng.normal(*shape)

    def f(x):
        return (a * x**3).sum() + x.flatten()[0] * x.flatten()[-1]

    return f


SHAPES = ((3, 2), (2, 1, 3), ())  # small: f is called twice for each number


def slopes(subject: Any, text: str, f: Function, x: torch.Tensor, *eps: float) -> dict[str, Any]:
    """What numeric_gradient(f, x, eps) gives, under the call as a student reads it."""
    given = ", ".join(["f", f"x {tuple(x.shape)}", *(f"eps={one:g}" for one in eps)])
    return {f"numeric_gradient({given}), {text}": attempt(lambda: subject(f, x, *eps))}


def observe_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen = {}
    for shape in SHAPES:
        seen |= slopes(subject, "f a cubic", cubic(rng, *shape), rng.normal(*shape))
    a = rng.normal(2, 3)
    return seen | slopes(subject, "f linear", lambda x: (a * x).sum(), rng.normal(2, 3), 0.01)


def observe_forms(subject: Any, rng: Rng) -> dict[str, Any]:
    """Shapes and dtypes alone: what is wrong with them is told apart from wrong numbers."""
    seen = {}
    for shape in ((4,), *SHAPES):
        seen |= slopes(subject, "f a cubic", cubic(rng, *shape), rng.normal(*shape))
    return {text: one if isinstance(one, Raised) else kind(one) for text, one in seen.items()}


def observe_floats(subject: Any, rng: Rng) -> dict[str, Any]:
    """A black box: nothing but a number comes out."""
    f = cubic(rng, 3, 2)
    return slopes(subject, "f returns a plain float", lambda x: f(x).item(), rng.normal(3, 2))


def observe_central(subject: Any, rng: Rng) -> dict[str, Any]:
    """So large a step that each way of taking differences gives other numbers."""
    seen = {}
    for eps, shape in ((0.25, (2, 3)), (0.5, (4,))):
        # At 1 and more the curvature, by which one-sided differences are off, is not small.
        x = 1 + rng.normal(*shape).abs()
        a = 1 + rng.normal(*shape).abs()
        seen |= slopes(subject, "f(x) = sum(a * x³)", lambda x, a=a: (a * x**3).sum(), x, eps)
    return seen


def on_a_grid(rng: Rng, *shape: int) -> torch.Tensor:
    """Multiples of 1/8, none of them 0: moved by 1/8 and back they are exactly what they were."""
    return (rng.integers(1, 17, *shape) * (2 * rng.integers(0, 2, *shape) - 1)).double() / 8


numeric_cases = Cases(
    "numeric_gradient",
    ("f", "x", "eps"),
    lambda rng, s: (cubic(rng, 3, 2), on_a_grid(rng, 3, 2), 0.125),
    batched=(),
)

numeric_gradient = Exercise(
    "numeric_gradient",
    "ps0_warmup",
    warmup.numeric_gradient,
    points=6,
    properties=(
        Property("form", "the gradient has the shape and dtype of x", 0.5, observe_forms),
        Property("values", "the gradient is right", 1, observe_gradients),
        Property("floats", "f may return a plain float", 0.5, observe_floats),
        Property("central", "differences are central, with the eps given", 1, observe_central),
        numeric_cases.pure(0.5),
    ),
)


@numeric_gradient.misconception(
    "You step forward only: (f(x + eps) - f(x)) / eps, whose error shrinks like eps. "
    "Step both ways, and it shrinks like eps²: (f(x + eps) - f(x - eps)) / (2 * eps)."
)
def takes_forward_differences(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up = x.detach().flatten().clone()
        up[i] += eps
        slopes[i] = (f(up.reshape(x.shape)) - f(x.detach().clone())) / eps
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You step backward only: (f(x) - f(x - eps)) / eps, whose error shrinks like eps. "
    "Step both ways, and it shrinks like eps²: (f(x + eps) - f(x - eps)) / (2 * eps)."
)
def takes_backward_differences(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        down = x.detach().flatten().clone()
        down[i] -= eps
        slopes[i] = (f(x.detach().clone()) - f(down.reshape(x.shape))) / eps
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "Your gradient is twice too large. From x - eps to x + eps it is two steps: divide by 2 * eps."
)
def forgets_the_two(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / eps
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "`/ 2 * eps` divides by 2 and then multiplies by eps. Put parentheses around it: `/ (2 * eps)`."
)
def multiplies_by_eps(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / 2 * eps
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You return how much f changes, not its slope. Divide the difference by the way from one "
    "point to the other, 2 * eps."
)
def forgets_to_divide_by_the_step(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = f(up.reshape(x.shape)) - f(down.reshape(x.shape))
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "Your gradient points the other way. Subtract f(x - eps) from f(x + eps), in this order."
)
def subtracts_the_wrong_way(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(down.reshape(x.shape)) - f(up.reshape(x.shape))) / (2 * eps)
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You move all numbers of x at once, which gives one slope for them all. "
    "Move them one by one: each has a slope of its own."
)
def moves_all_numbers_at_once(f, x, eps=1e-6):
    x = x.detach()
    return torch.as_tensor((f(x + eps) - f(x - eps)) / (2 * eps), dtype=x.dtype)


@numeric_gradient.misconception(
    "`x[i]` of a matrix is a whole row, so you move a row at a time. "
    "Flatten a copy of x first; then i goes through single numbers."
)
def moves_whole_rows(f, x, eps=1e-6):
    slopes = torch.zeros_like(x)
    for i in range(len(x)):
        up, down = x.detach().clone(), x.detach().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(up) - f(down)) / (2 * eps)
    return slopes


@numeric_gradient.misconception(
    "You give f the flattened copy, but f expects the shape of x. Use `reshape(x.shape)` before "
    "you call f."
)
def hands_over_a_flat_copy(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(up) - f(down)) / (2 * eps)
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "Your gradient comes out flat. Give it the shape of x at the end: `reshape(x.shape)`."
)
def returns_a_flat_gradient(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / (2 * eps)
    return slopes


@numeric_gradient.misconception(
    "Your gradient is float32, torch's default, and loses half the digits. "
    "Make it with the dtype of x: `torch.zeros_like(x)`, or dtype=x.dtype."
)
def collects_in_float32(f, x, eps=1e-6):
    slopes = torch.zeros(x.shape, dtype=torch.float32).flatten()
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / (2 * eps)
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You compute in float32, whose rounding is as large as a step of 1e-6. "
    "Keep float64: do not cast x."
)
def works_in_float32(f, x, eps=1e-6):
    flat = x.detach().float().flatten()
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = flat.clone(), flat.clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / (2 * eps)
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You always step by 1e-6. Use the eps that you are given, in the steps and in the division."
)
def ignores_eps(f, x, eps=1e-6):
    eps = 1e-6
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = (f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / (2 * eps)
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You ask autograd, which is what this function is there to test. "
    "Use nothing of f but its values: it may be a black box."
)
def asks_autograd(f, x, eps=1e-6):
    x = x.detach().clone().requires_grad_()
    f(x).backward()
    return x.grad


@numeric_gradient.misconception(
    "You call .item() on what f returns, which a plain float does not have. "
    "Use float(...): it takes both."
)
def calls_item_on_a_float(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        up_value, down_value = f(up.reshape(x.shape)).item(), f(down.reshape(x.shape)).item()
        slopes[i] = (up_value - down_value) / (2 * eps)
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You move the numbers of x itself and leave them moved. "
    "Work on a copy, `x.detach().clone()`: x belongs to the caller."
)
def moves_x_itself(f, x, eps=1e-6):
    flat = x.detach().view(-1)
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        flat[i] += eps
        up = float(f(flat.reshape(x.shape).clone()))
        flat[i] -= 2 * eps
        down = float(f(flat.reshape(x.shape).clone()))
        slopes[i] = (up - down) / (2 * eps)
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You do not move a number back before you move the next, so each slope is taken somewhere "
    "else. Start every step from a fresh copy of x."
)
def never_moves_back(f, x, eps=1e-6):
    moved = x.detach().flatten().clone()
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        moved[i] += eps
        up = float(f(moved.clone().reshape(x.shape)))
        moved[i] -= 2 * eps
        down = float(f(moved.clone().reshape(x.shape)))
        slopes[i] = (up - down) / (2 * eps)
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You lend x itself to f, and an f that changes what it is given changes x. "
    "Give it a copy at each call: `x.detach().clone()`."
)
def lends_x_to_f(f, x, eps=1e-6):
    flat = x.detach().view(-1)
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        kept = float(flat[i])
        flat[i] = kept + eps
        up = float(f(flat.view(x.shape)))
        flat[i] = kept - eps
        down = float(f(flat.view(x.shape)))
        flat[i] = kept
        slopes[i] = (up - down) / (2 * eps)
    return slopes.reshape(x.shape)


@numeric_gradient.misconception(
    "You give f the same copy again and again, and an f that changes it spoils the next call. "
    "Make a fresh copy for each call."
)
def reuses_one_copy(f, x, eps=1e-6):
    flat = x.detach().flatten().clone()
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        kept = float(flat[i])
        flat[i] = kept + eps
        up = float(f(flat.view(x.shape)))
        flat[i] = kept - eps
        down = float(f(flat.view(x.shape)))
        flat[i] = kept
        slopes[i] = (up - down) / (2 * eps)
    return slopes.reshape(x.shape)


EXERCISES = {one.name: one for one in (softmax, numeric_gradient)}
