"""The state that a recurrent network carries from step to step: a tensor, or a tuple of states.

(h, c) of an LSTM is a state, and so is a decoder's ((h, c), encoder_states, mask). The first axis
of every tensor is the batch.
"""

import torch

__all__ = ["first_tensor", "map_state", "select_rows"]


def map_state(function, state):
    """The same state with `function` applied to each of its tensors.

    Errors: TypeError when it contains anything but tensors and tuples.
    """
    if isinstance(state, torch.Tensor):
        return function(state)
    if isinstance(state, tuple):
        rebuild = getattr(state, "_make", tuple)  # a NamedTuple stays a NamedTuple
        return rebuild([map_state(function, part) for part in state])
    raise TypeError(f"a state is a tensor or a tuple of states, not {type(state).__name__}")


def select_rows(state, rows):
    """The given rows of every tensor of a state, in that order; rows may be repeated.

    rows: integers, in a list or a tensor.
    """
    return map_state(lambda tensor: tensor[rows], state)


def first_tensor(state):
    """The first tensor of a state: its length is the batch size, its device that of all others."""
    while isinstance(state, tuple):
        state = state[0]
    return state
