"""Problem set 7, regularization: what is checked, and the mistakes people make (lecture §7).

Two correct masks need not have a number in common, so none is compared with the reference's. An
observation says in words what a mask is like: which numbers it has, whether it stays the same at
every step, how often and how independently it drops. The last two are matters of chance: the
samples are large enough for a correct answer to be accused once in 500 million times.

A misconception is a wrong answer under a telling name. It may use torch, unroll and
the student's dropout_mask; nothing else, because the audit submits its source.
"""

from . import (
    activation_penalty,
    dropout_mask,
    l2_penalty,
    temporal_penalty,
    variational_dropout,
    weight_drop,
    word_dropout,
)

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        dropout_mask,
        variational_dropout,
        word_dropout,
        l2_penalty,
        activation_penalty,
        temporal_penalty,
        weight_drop,
    )
}
