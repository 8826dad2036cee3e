"""Problem set 1, cells: what is checked, and the mistakes people make (lecture §1).

A misconception is a wrong answer under a telling name. It may use torch, nn and, for LSTM, the
student's lstm_step and unroll; nothing else, because the audit submits its source.
"""

from . import (
    LSTM,
    additive_step,
    elman_step,
    enas_step,
    gru_step,
    lstm_step,
    nas_step,
    slide_bugs,
    unroll,
)

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        additive_step,
        elman_step,
        unroll,
        slide_bugs,
        lstm_step,
        gru_step,
        nas_step,
        enas_step,
        LSTM,
    )
}
