"""numeric_gradient: its visible checks and the mistakes people make.

The functions are cubics with random coefficients, so that every entry of x has its own slope.
"""

from collections.abc import Callable
from typing import Any

import torch

from ...checks.compare import Raised, kind
from ...checks.exercise import Exercise, Property
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng
from ...reference import warmup

Function = Callable[[torch.Tensor], Any]

SHAPES = ((3, 2), (2, 1, 3), ())  # small: f is called twice for each number


def cubic(rng: Rng, *shape: int) -> Function:
    """sum(a * x³) + x_first * x_last, which is not a sum over single entries."""
    a = rng.normal(*shape)

    def f(x):
        return (a * x**3).sum() + x.flatten()[0] * x.flatten()[-1]

    return f


def sum_of_cubes(a: torch.Tensor) -> Function:
    return lambda x: (a * x**3).sum()


def on_a_grid(rng: Rng, *shape: int) -> torch.Tensor:
    """Multiples of 1/8 other than 0: moving them by 1/8 and back is exact."""
    return (rng.integers(1, 17, *shape) * (2 * rng.integers(0, 2, *shape) - 1)).double() / 8


numeric_cases = Cases(
    "numeric_gradient",
    ("f", "x", "eps"),
    lambda rng, s: (cubic(rng, 3, 2), on_a_grid(rng, 3, 2), 0.125),
    batched=(),
)


def slopes(subject: Any, text: str, f: Function, x: torch.Tensor, *eps: float) -> dict[str, Any]:
    """What numeric_gradient(f, x, eps) gives, under the call as a student reads it."""
    given = ", ".join(["f", f"x {tuple(x.shape)}", *(f"eps={step:g}" for step in eps)])
    return {f"numeric_gradient({given}), {text}": attempt(subject, f, x, *eps)}


def observe_gradients(subject: Any, rng: Rng) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for shape in SHAPES:
        seen |= slopes(subject, "f a cubic", cubic(rng, *shape), rng.normal(*shape))
    a = rng.normal(2, 3)
    return seen | slopes(subject, "f linear", lambda x: (a * x).sum(), rng.normal(2, 3), 0.01)


def observe_forms(subject: Any, rng: Rng) -> dict[str, Any]:
    """Shapes and dtypes alone, judged apart from the values."""
    seen: dict[str, Any] = {}
    for shape in ((4,), *SHAPES):
        seen |= slopes(subject, "f a cubic", cubic(rng, *shape), rng.normal(*shape))
    return {
        text: result if isinstance(result, Raised) else kind(result)
        for text, result in seen.items()
    }


def observe_floats(subject: Any, rng: Rng) -> dict[str, Any]:
    """f is a black box that returns a number, not a tensor."""
    f = cubic(rng, 3, 2)
    return slopes(subject, "f returns a plain float", lambda x: f(x).item(), rng.normal(3, 2))


def observe_central(subject: Any, rng: Rng) -> dict[str, Any]:
    """Steps so large that forward, backward and central differences differ clearly."""
    seen: dict[str, Any] = {}
    for eps, shape in ((0.25, (2, 3)), (0.5, (4,))):
        # At x >= 1 the curvature, which is the error of one-sided differences, is not small.
        x = 1 + rng.normal(*shape).abs()
        a = 1 + rng.normal(*shape).abs()
        seen |= slopes(subject, "f(x) = sum(a * x³)", sum_of_cubes(a), x, eps)
    return seen


exercise = Exercise(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
    "You return how much f changes, not its slope. Divide the difference by the "
    "distance of the two points, 2 * eps."
)
def forgets_to_divide_by_the_step(f, x, eps=1e-6):
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        up, down = x.detach().flatten().clone(), x.detach().flatten().clone()
        up[i] += eps
        down[i] -= eps
        slopes[i] = f(up.reshape(x.shape)) - f(down.reshape(x.shape))
    return slopes.reshape(x.shape)


@exercise.misconception(
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


@exercise.misconception(
    "You move all numbers of x at once, which gives one slope for them all. "
    "Move them one by one: each has a slope of its own."
)
def moves_all_numbers_at_once(f, x, eps=1e-6):
    x = x.detach()
    return torch.as_tensor((f(x + eps) - f(x - eps)) / (2 * eps), dtype=x.dtype)


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
    "You ask autograd, which is what this function is there to test. "
    "Use only the values of f: it may be a black box."
)
def asks_autograd(f, x, eps=1e-6):
    x = x.detach().clone().requires_grad_()
    f(x).backward()
    return x.grad


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
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


@exercise.misconception(
    "You lend x itself to f, and an f that changes what it is given changes x. "
    "Give it a copy at each call: `x.detach().clone()`."
)
def lends_x_to_f(f, x, eps=1e-6):
    flat = x.detach().view(-1)
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        original = float(flat[i])
        flat[i] = original + eps
        up = float(f(flat.view(x.shape)))
        flat[i] = original - eps
        down = float(f(flat.view(x.shape)))
        flat[i] = original
        slopes[i] = (up - down) / (2 * eps)
    return slopes.reshape(x.shape)


@exercise.misconception(
    "You give f the same copy again and again, and an f that changes it spoils the next call. "
    "Make a fresh copy for each call."
)
def reuses_one_copy(f, x, eps=1e-6):
    flat = x.detach().flatten().clone()
    slopes = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        original = float(flat[i])
        flat[i] = original + eps
        up = float(f(flat.view(x.shape)))
        flat[i] = original - eps
        down = float(f(flat.view(x.shape)))
        flat[i] = original
        slopes[i] = (up - down) / (2 * eps)
    return slopes.reshape(x.shape)
