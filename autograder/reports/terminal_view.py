"""The class report in a terminal: plain text with a little emphasis, none of it markup."""

import math
from typing import Any

from rich.console import Console, Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from .class_report import TOP, ClassReport, ExerciseMarks, cut, many, percent, short

WIDTH = 100
BAR = 12
URGENT, ROUTINE = 8, 3  # lines below a matter; the page has them all
RIGHT = {"justify": "right", "no_wrap": True}
WIDE = {"ratio": 1}


def show(report: ClassReport, console: Console) -> None:
    """Print all of it."""
    width = min(console.width, WIDTH)
    facts = " · ".join(f"{what} {value}" for what, value in report.facts.items())
    group = Group(
        _heading(f"{report.assignment} · {many(report.marks.n, 'student')}"),
        _text(f"{facts}\n"),
        _histogram(report, width),
        _text(report.footnote, "dim"),
        _heading("Start the next lecture here"),
        _misconceptions(report),
        _heading("Exercises"),
        _text("Pass rates are of those whose code could be tested.", "dim"),
        *map(_exercise, report.exercises),
        _heading(f"What needs attention · urgent: {many(len(report.urgent()), 'student')}"),
        _attention(report),
        _heading("Similar code, as a hint"),
        _text(report.alike_note, "dim"),
        *_alike(report),
    )
    console.print(group, width=width)


def _text(text: str, style: str = "") -> Text:
    return Text(text, style, overflow="fold")


def _heading(text: str) -> Group:
    return Group(_text(""), Rule(_text(text, "bold"), align="left", style="dim"))


def _grid(*columns: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for one in columns:
        table.add_column(overflow="fold", **one)
    return table


def _histogram(report: ClassReport, width: int) -> Table:
    bins = report.bins()
    most = max(count for *_, count in bins)
    room = min(max(10, width - 30), most * 4)
    table = _grid(RIGHT, WIDE)
    for low, high, count in bins:
        bar = Text("█" * math.ceil(count / most * room), "cyan")
        bar.append(f" {count}" if count else "·", "default")
        table.add_row(Text(f"{short(low)} to {short(high)}"), bar)
    return table


def _misconceptions(report: ClassReport) -> Group | Text:
    found = report.misconceptions
    if not found:
        return _text("No catalogued mistake was recognised.")
    table = _grid(RIGHT, WIDE)
    for one in found[:TOP]:
        words = Text(f"{one.exercise}: {one.title}", "bold")
        if one.sentence:
            words.append(f"\n{one.sentence}", "not bold")
        table.add_row(Text(f"{one.students} of {len(report.students)}"), words)
    rest = len(found) - TOP
    return Group(table, *[_text(f"… and {rest} more misconceptions.", "dim")] * (rest > 0))


def _exercise(one: ExerciseMarks) -> Group:
    heading = _text(f"\n{one.name}", "bold").append(f"  {one.facts}", "not bold")
    table = _grid({"width": 0}, WIDE, {"width": BAR}, {"width": 5, **RIGHT}, {"width": 9, **RIGHT})
    for each in one.properties.values():
        passed, tested = each.passed, each.tested
        length = round(BAR * passed / tested) if tested else 0
        if 0 < passed < tested:  # full only for all and empty only for none
            length = min(BAR - 1, max(1, length))
        bar = Text("█" * length, "cyan").append("░" * (BAR - length), "dim")
        cells = (each.title, percent(passed, tested), f"{passed}/{tested}")
        title, share, counts = map(Text, cells)
        table.add_row("", title, bar, share, counts)
    return Group(heading, table)


def _attention(report: ClassReport) -> Table | Text:
    matters = report.attention()
    if not matters:
        return _text("Nothing.")
    table = _grid({"no_wrap": True}, WIDE)
    for one in matters:
        most = URGENT if one.urgent else ROUTINE
        text = Text(one.text, "bold" if one.urgent else "")
        for line in one.details[:most]:
            text.append(f"\n{line if one.urgent else cut(line, WIDTH)}", "not bold")
        if len(one.details) > most:
            text.append(f"\n… and {len(one.details) - most:,} more", "not bold dim")
        table.add_row(Text("!", "bold red") if one.urgent else "·", text)
    return table


def _alike(report: ClassReport) -> list[Table | Text]:
    found = report.alike or []
    table = _grid(RIGHT, WIDE)
    for one in found[:TOP]:
        words = Text(f"{one.one} and {one.other}", "bold")
        words.append(f"\nmostly in {', '.join(one.cells[:3])}", "not bold")
        table.add_row(Text(percent(one.share, 1)), words)
    rest = len(found) - TOP
    more = _text(f"… and {many(rest, 'pair')} more; the page has them all.", "dim")
    return [table] * bool(found) + [more] * (rest > 0)
