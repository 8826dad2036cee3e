"""Problem set 3, outputs: what is checked, and the mistakes people make (lecture §4).

A misconception is a wrong answer under a telling name. It may use torch, nn, embed, sequence_mask
and the student's other functions; nothing else, because the audit submits its source.
"""

from . import (
    LanguageModel,
    SentimentClassifier,
    Seq2Seq,
    perplexity,
    sentence_log_prob,
    sum_states,
    translation_bugs,
)

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        sum_states,
        SentimentClassifier,
        LanguageModel,
        sentence_log_prob,
        perplexity,
        translation_bugs,
        Seq2Seq,
    )
}
