"""What can be read only once cannot be copied to the student's code: it is made beside it."""

from collections.abc import Callable, Iterable
from typing import Any


def with_generator(function: Callable[[Any], Any], values: Iterable[Any]) -> Any:
    """function(a generator of the values), which gives each of them once: as a module's
    parameters() does. See `alongside`."""
    return function(one for one in values)
