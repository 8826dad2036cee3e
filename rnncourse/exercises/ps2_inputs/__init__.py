"""Problem set 2, inputs: what is checked, and the mistakes people make (lecture §2 and §3).

A misconception is a wrong answer under a telling name. It may use torch, nn, Counter, SPECIALS,
PAD, UNK, BOS, EOS and, for nplm_logits, the student's embed; nothing else, because the audit
submits its source.
"""

from . import (
    build_vocab,
    embed,
    encode,
    negative_sampling_loss,
    nplm_logits,
    pad_batch,
    sequence_mask,
    skipgram_pairs,
)

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        build_vocab,
        encode,
        pad_batch,
        sequence_mask,
        embed,
        nplm_logits,
        skipgram_pairs,
        negative_sampling_loss,
    )
}
