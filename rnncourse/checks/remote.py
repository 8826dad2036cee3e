"""Library functions and classes in the process that runs the student's code.

Random generators, modules and optimizers cannot be copied into a sandbox. A check that passes one
to the student's function has it made there.
"""

import importlib
from typing import Any


def remote(subject: Any, target: Any) -> Any:
    """A function or class of the library, in the process of the subject.

    subject: what is being checked. target: a function or class of rnncourse or torch, or its
    import path.
    In a sandbox it comes as a handle, and so does what a call of it returns. Then nothing that it
    says can be trusted more than the student's own answers: a check takes data out of it (a
    state_dict) and judges that.
    """
    library = getattr(subject, "_library", None)
    if library is not None and not isinstance(subject, type):
        return library(import_path(target))
    if not isinstance(target, str):
        return target
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


def import_path(target: Any) -> str:
    """The path under which a function or class is imported; a path is returned as it is."""
    return target if isinstance(target, str) else f"{target.__module__}.{target.__qualname__}"
