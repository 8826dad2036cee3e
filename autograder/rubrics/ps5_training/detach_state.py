"""detach_state: hidden tests and alternative right answers."""

from typing import Any

import torch

from rnncourse.checks.exercise import Property
from rnncourse.checks.harness import training as harness
from rnncourse.checks.properties import attempt
from rnncourse.checks.remote import remote
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps5_training.detach_state import detached
from rnncourse.reference.training import detach_state

from .. import Rubric


def observe_nested(subject: Any, rng: Rng) -> dict[str, Any]:
    s = rng.sizes()
    a, b, c, d = (rng.normal(s.B, n) for n in (s.H, s.D, s.H, 1))
    return {
        **detached(subject, ((a, b), c), "a state ((h, c), keys)"),
        **detached(subject, (((d,), a.clone()), (b.clone(),)), "a deeper one"),
    }


def observe_given(subject: Any, rng: Rng) -> dict[str, Any]:
    run = remote(subject, harness.given_state)
    s = rng.sizes()
    return {
        text: attempt(run, subject, state)
        for text, state in (
            ("a state h", rng.normal(s.B, s.H)),
            ("a state (h, c)", (rng.normal(s.B, s.H), rng.normal(s.B, s.H))),
        )
    }


rubric = Rubric(
    (
        Property("nested", "tuples in tuples are detached as well", 0.5, observe_nested),
        Property("given", "the state given keeps its history", 0.5, observe_given),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def detaches_a_tensor_first(state):
    if torch.is_tensor(state):
        return state.detach()
    return tuple([detach_state(part) for part in state])


@rubric.alternative
def takes_the_data(state):
    if isinstance(state, tuple):
        return tuple(map(takes_the_data, state))
    return state.data


@rubric.alternative
def copies_the_numbers(state):
    with torch.no_grad():
        if isinstance(state, tuple):
            detached_state = ()
            for part in state:
                detached_state += (detach_state(part),)
            return detached_state
        return state.clone()
