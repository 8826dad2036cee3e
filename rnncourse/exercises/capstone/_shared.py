"""What several exercises of capstone share."""

from typing import Any

from ...checks.compare import difference


def facts(got: Any, expected: Any) -> str | None:
    """Judge what may be a sentence that says why there is nothing to judge."""
    return got if isinstance(got, str) else difference(got, expected)
