"""Problem set 0, warm-up: what is checked, and the mistakes people make.

A misconception is a wrong answer under a telling name. It may use torch and nothing else, because
the audit submits its source.
"""

from . import numeric_gradient, softmax

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        softmax,
        numeric_gradient,
    )
}
