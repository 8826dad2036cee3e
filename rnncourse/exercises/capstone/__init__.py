"""The capstone: what is checked of a translator, and the mistakes people make (lecture §2 to §7).

Any network that meets the interface is right, so nothing is compared number by number with a
reference network: what is observed are facts ("after a change of the second word the first scores
stay the same"), and of translations the text.
"""

from ...checks.harness.capstone import MOST, WEIGHTS
from . import Translator, load_translator, translate

# The files that are handed in beside the notebook, and how many bytes of each are accepted.
ACCEPTED_FILES = {WEIGHTS: MOST}

# In the order of the notebook.
EXERCISES = {
    module.exercise.name: module.exercise
    for module in (
        Translator,
        translate,
        load_translator,
    )
}
