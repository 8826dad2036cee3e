"""The capstone: what is checked of a translator, and the mistakes people make (lecture §2 to §7).

Any network that meets the interface is right, so nothing is compared number by number with a
reference network: what is observed are facts ("after a change of the second word the first scores
stay the same"), and of translations the text.
"""

from ...checks.harness.capstone import MAX_BYTES, WEIGHTS
from . import Translator, load_translator, translate

# The files that are submitted beside the notebook, and the limit of each in bytes.
ACCEPTED_FILES = {WEIGHTS: MAX_BYTES}

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        Translator,
        translate,
        load_translator,
    )
}
