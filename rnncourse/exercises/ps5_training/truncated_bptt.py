"""truncated_bptt: its visible checks and the mistakes people make.

An Elman network reads a random sequence, in chunks of equal length and a shorter one.
"""

from typing import Any

import torch

from ...checks.entries import judging, judging_all_but
from ...checks.exercise import Exercise, Property
from ...checks.harness import training as harness
from ...checks.remote import remote
from ...checks.rng import Rng, Sizes
from ...reference import training
from ...reference.training import detach_state


def draw_chunks(rng: Rng, s: Sizes, k: int) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    weights = {
        "W_x": rng.normal(s.D, s.H, scale=0.5),
        "W_h": rng.normal(s.H, s.H, scale=0.7),
        "v": rng.normal(s.H),
    }
    return weights, list(rng.normal(s.B, s.T, s.D).split(k, dim=1))


def in_chunks(subject: Any, rng: Rng, k: int, tuples: bool = False, rate: float = 0.0) -> Any:
    """The outcome of each turn of a loop over truncated_bptt: three chunks of k steps, one of 1."""
    s = rng.sizes(T=3 * k + 1)
    weights, chunks = draw_chunks(rng, s, k)
    h = rng.normal(s.B, s.H)
    state = (h, rng.normal(s.B, s.H)) if tuples else h
    run = remote(subject, harness.in_chunks)
    turns = run(subject, weights, chunks, state, rate)
    return {
        "how many chunks come": len(turns),
        **{
            f"chunk {number} of {k} steps: {key}": value
            for number, turn in enumerate(turns, start=1)
            for key, value in turn.items()
        },
    }


def observe_chunks(subject: Any, rng: Rng) -> dict[str, Any]:
    return in_chunks(subject, rng, 3)


exercise = Exercise(
    "truncated_bptt",
    "ps5_training",
    training.truncated_bptt,
    points=5,
    properties=(
        Property(
            "carried",
            "the state is carried from chunk to chunk",
            1.25,
            observe_chunks,
            judging_all_but("*gradient*", "*history*"),
        ),
        Property(
            "border",
            "the gradient stops exactly at the border of a chunk",
            1.25,
            observe_chunks,
            judging("*gradient*", "how many*"),
        ),
    ),
)


@exercise.misconception(
    "You carry the state over with its history, so the second chunk's gradient wants to go back "
    "through the first. Detach the state in between."
)
def carries_the_history(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, state)
        yield value, state


@exercise.misconception(
    "All your chunks start from the first state. Give each the state that the chunk before it "
    "ended with, detached."
)
def starts_from_the_first_state(loss, chunks, state):
    for chunk in chunks:
        value, after = loss(chunk, state)
        yield value, detach_state(after)


@exercise.misconception(
    "Between chunks you go back to zeros, so nothing is remembered across a border. Only the "
    "gradient stops there; keep the state's numbers."
)
def zeroes_the_state(loss, chunks, state):
    def zeros(state):
        if isinstance(state, tuple):
            return tuple(zeros(part) for part in state)
        return torch.zeros_like(state)

    for chunk in chunks:
        value, state = loss(chunk, state)
        state = zeros(state)
        yield value, state


@exercise.misconception(
    "You detach the loss, so that there is nothing to train with. Only the state is detached."
)
def detaches_the_loss(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        yield value.detach(), state


@exercise.misconception(
    "You compute all chunks first and return a list, so the later ones never see what the steps "
    "in between have learned. Use yield inside the loop."
)
def computes_all_chunks_first(loss, chunks, state):
    pairs = []
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        pairs.append((value, state))
    return pairs


@exercise.misconception(
    "You yield the state before the chunk. The caller needs the one after it, detached."
)
def yields_the_state_before(loss, chunks, state):
    for chunk in chunks:
        before = state
        value, state = loss(chunk, state)
        state = detach_state(state)
        yield value, before


@exercise.misconception(
    "You yield the losses alone. Yield two things, the loss and the detached state after the chunk."
)
def yields_the_loss_alone(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        yield value


@exercise.misconception(
    "You add up the losses and yield once, at the end. Yield after every chunk, so that the "
    "caller can make a step there."
)
def yields_once_at_the_end(loss, chunks, state):
    total = 0
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        total = total + value
    yield total, state


@exercise.misconception(
    "You yield the sum of the losses so far, and its gradient wants to go back through chunks "
    "that are done. Yield the loss of this chunk."
)
def adds_up_the_losses(loss, chunks, state):
    total = 0
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        total = total + value
        yield total, state


@exercise.misconception(
    "You detach before each chunk, but the state that you yield still has its history. "
    "Detach after the call of loss, before the yield."
)
def yields_a_state_with_history(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, detach_state(state))
        yield value, state


@exercise.misconception(
    "You call backward yourself. That, and the step, are the caller's: only yield the loss."
)
def calls_backward_itself(loss, chunks, state):
    for chunk in chunks:
        value, state = loss(chunk, state)
        state = detach_state(state)
        value.backward()
        yield value, state
