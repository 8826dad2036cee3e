"""Problem set 6, decoding: what is checked, and the mistakes people make (lecture §6).

The models here are tables: a few words, logits that depend on the last word and on a phase that
moves on with every word. Random results are judged by large samples, see `checks.statistics`.

A misconception is a wrong answer under a telling name. It may use torch, math, the
two helpers for states and the student's other functions; nothing else, because the audit submits
its source.
"""

from . import (
    beam_search,
    dad_dataset,
    edit_count_probs,
    greedy_decode,
    mixer_loss,
    raml_sample,
    sample_decode,
    scheduled_inputs,
)

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        greedy_decode,
        sample_decode,
        beam_search,
        scheduled_inputs,
        dad_dataset,
        mixer_loss,
        edit_count_probs,
        raml_sample,
    )
}
