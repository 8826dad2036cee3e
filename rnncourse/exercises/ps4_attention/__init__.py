"""Problem set 4, attention: what is checked, and the mistakes people make (lecture §4 and §5).

A misconception is a wrong answer under a telling name. It may use what the notebook
imports and the student's other functions; nothing else, because the audit submits its source.
"""

from . import (
    AttentionSeq2Seq,
    attend,
    attention_slide_bugs,
    bahdanau_score,
    concat_score,
    dot_score,
    general_score,
)

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        dot_score,
        general_score,
        bahdanau_score,
        concat_score,
        attend,
        attention_slide_bugs,
        AttentionSeq2Seq,
    )
}
