"""Words and numbers for people: safe to print, short, and in good English."""

from collections.abc import Iterable

# The two joiners, which are part of words in several scripts and of emoji.
JOINERS = "\u200c\u200d"


def printable(text: str, limit: int = 400) -> str:
    """Untrusted text on one line, without control, direction or malformed characters.

    limit: characters; what is longer is truncated.
    """
    text = " ".join(text[: 4 * limit].split())
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() or char in JOINERS else f"\\u{ord(char):04x}"
            for char in text
        )
    return truncate(text, limit)


def truncate(text: str, limit: int) -> str:
    """The text, or its beginning and an ellipsis: at most `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def percent(part: float, whole: float) -> str:
    """A share in whole percent; 0 % and 100 % only where it is exactly that."""
    if not whole:
        return "—"
    share = round(100 * part / whole)
    if 0 < part < whole:
        share = min(99, max(1, share))
    return f"{share} %"


def format_points(points: float | None, digits: int = 2) -> str:
    """Points with no more decimals than they need; a dash for None."""
    return "—" if points is None else f"{round(points, digits) + 0.0:.10g}"


def pluralise(count: float, noun: str) -> str:
    """1 student, 1,200 students."""
    return f"{round(count, 2):,.10g} {noun}{'' if count == 1 else 's'}"


def join_with_and(words: Iterable[str]) -> str:
    """a, b and c."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last
