"""Problem set 5, training: what is checked, and the mistakes people make (lecture §5).

A misconception is a wrong answer under a telling name. It may use torch, copy, math
and the student's other functions of this set; nothing else, because the audit submits its source.
"""

from . import (
    clip_gradients,
    cross_entropy,
    detach_state,
    elman_backward,
    fit,
    train_step,
    train_translator,
    truncated_bptt,
)

# Of the library, what a jail must not have beside the references: it computes cross_entropy.
ALSO_HIDDEN = ("rnncourse.recipes.softmax_loss",)

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        cross_entropy,
        elman_backward,
        clip_gradients,
        detach_state,
        truncated_bptt,
        train_step,
        fit,
        train_translator,
    )
}
