"""truncated_bptt: hidden tests and alternative right answers."""

from typing import Any

from rnncourse.checks.exercise import Property
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps5_training.truncated_bptt import in_chunks
from rnncourse.reference.training import detach_state

from .. import Rubric


def observe_turns(subject: Any, rng: Rng) -> dict[str, Any]:
    """With a step between the chunks, as in training."""
    return in_chunks(subject, rng, 2, rate=0.1)


def observe_tuples(subject: Any, rng: Rng) -> dict[str, Any]:
    return in_chunks(subject, rng, 2, tuples=True)


def observe_chunks_of_one(subject: Any, rng: Rng) -> dict[str, Any]:
    return in_chunks(subject, rng, 1)


rubric = Rubric(
    (
        Property("turns", "each chunk sees what the steps before it learned", 1, observe_turns),
        Property("tuples", "the state may be a tuple", 0.75, observe_tuples),
        Property(
            "ones", "chunks of one step, and states without history", 0.75, observe_chunks_of_one
        ),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def detaches_on_both_sides(loss, chunks, state):
    state = detach_state(state)
    for chunk in chunks:
        value, after = loss(chunk, state)
        state = detach_state(after)
        yield [value, state]


@rubric.alternative
def asks_for_the_next_chunk(loss, chunks, state):
    chunks, nothing = iter(chunks), object()
    while (chunk := next(chunks, nothing)) is not nothing:
        pair = loss(chunk, state)
        state = detach_state(pair[1])
        yield pair[0], state


@rubric.alternative
class WalksAlong:
    """An iterator written as a class."""

    def __init__(self, loss, chunks, state):
        self.loss, self.chunks, self.state = loss, iter(chunks), state

    def __iter__(self):
        return self

    def __next__(self):
        value, state = self.loss(next(self.chunks), self.state)
        self.state = detach_state(state)
        return value, self.state
