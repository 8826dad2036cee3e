"""elman_step: its visible checks and the mistakes people make."""

from typing import Any

import torch

from ...checks.exercise import Exercise, Property
from ...checks.forbidden import RECURRENT
from ...checks.properties import Cases, attempt
from ...checks.rng import Rng, Sizes
from ...reference import cells


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
    """Which activation is applied: the given one, or tanh by default."""
    x, h, W_x, W_h, _ = draw_elman(rng, rng.sizes())
    calls = {
        "g = torch.relu": (torch.relu,),
        "g = swish, a * sigmoid(a)": (swish,),
        "no g, so tanh": (),
    }
    return {text: attempt(subject, x, h, W_x, W_h, *g) for text, g in calls.items()}


exercise = Exercise(
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


@exercise.misconception("Your code always uses tanh. Apply the activation g that it is given.")
def always_tanh(x, h, W_x, W_h, g=torch.tanh):
    return torch.tanh(x @ W_x + h @ W_h)


@exercise.misconception(
    "You apply g to each product and add afterwards. Add first, then apply g once, to the sum."
)
def activates_each_product(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x) + g(h @ W_h)


@exercise.misconception(
    "You return the sum without its activation. Put g around it: g(x @ W_x + h @ W_h)."
)
def leaves_out_the_activation(x, h, W_x, W_h, g=torch.tanh):
    return x @ W_x + h @ W_h


@exercise.misconception(
    "You apply g to the old state's product only. It belongs around the whole sum."
)
def activates_the_past_only(x, h, W_x, W_h, g=torch.tanh):
    return x @ W_x + g(h @ W_h)


@exercise.misconception(
    "You multiply h by the transpose of W_h. It is square, so torch does not complain; "
    "with row vectors the product is h @ W_h."
)
def transposes_the_recurrence(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x + h @ W_h.T)


@exercise.misconception(
    "Your step looks at the input alone, so the network has no memory. Add h @ W_h before g."
)
def ignores_the_past(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x)


@exercise.misconception(
    "You add the old state once more, outside g. In Elman's network h enters only through h @ W_h."
)
def adds_the_old_state(x, h, W_x, W_h, g=torch.tanh):
    return h + g(x @ W_x + h @ W_h)


@exercise.misconception(
    "You detach h, so no gradient reaches the steps before. Leave the graph whole in the step."
)
def detaches_the_past(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x + h.detach() @ W_h)


@exercise.misconception(
    "Your result is always float32. Keep the dtype of the inputs: leave out the cast."
)
def returns_float32(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_x + h @ W_h).float()


@exercise.misconception(
    "You put the matrices on the left. Here each row of the batch is a row vector, which goes on "
    "the left: x @ W_x and h @ W_h."
)
def puts_the_matrix_first(x, h, W_x, W_h, g=torch.tanh):
    return g(W_x @ x + W_h @ h)


@exercise.misconception(
    "You multiply x by W_h and h by W_x. W_x is (D, H), for the input x of D numbers; "
    "W_h is (H, H), for the state."
)
def swaps_the_matrices(x, h, W_x, W_h, g=torch.tanh):
    return g(x @ W_h + h @ W_x)
