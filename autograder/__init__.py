"""autograder: the trusted side. Hidden tests, the judge, the jail, reports, the command line."""

import sys

if "jsonschema" not in sys.modules:
    # nbformat's jsonschema would import a grammar of internationalised addresses where there is
    # one: more than a second in every process, for a check that no notebook needs.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    import jsonschema  # noqa: F401

    del sys.modules["rfc3987_syntax"]

from .judging.scoring import Score, grade

__all__ = ["Score", "grade"]
