"""Library objects beside the student's code, wherever that runs.

What is not data cannot be copied to a jail: a generator of random numbers, a module to be trained,
its optimizer. A check that hands such a thing to the student's function has it made there.
"""

import importlib
from typing import Any


def alongside(subject: Any, path: str) -> Any:
    """What an import path names, such as "torch.Generator", in the process of the subject.

    subject: what is being checked; path: a module of torch or rnncourse and a name in it.
    Graded behind the wall it comes as a handle, and so does what a call of it makes. Then nothing
    that it says can be believed more than the student's own answers: a check takes data out of it
    (a state_dict) and judges that.
    """
    library = getattr(subject, "_library", None)
    if library is not None and not isinstance(subject, type):
        return library(path)
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
