"""The class report in a terminal: plain text with a little emphasis, none of it markup."""

import math
from typing import Any

from rich.console import Console, Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from .attention import attention_items, urgent_students
from .class_report import ClassReport, ExerciseMarks
from .wording import format_points, percent, pluralise, truncate

MAX_WIDTH = 100  # columns
BAR = 12  # columns of a pass rate's bar
TOP = 10  # misconceptions and similar pairs; the page has them all
URGENT_LINES, ROUTINE_LINES = 8, 3  # below an item; the page has them all
RIGHT = {"justify": "right", "no_wrap": True}
WIDE = {"ratio": 1}


def print_class_report(report: ClassReport, console: Console) -> None:
    """Print the report, on at most 100 columns."""
    width = min(console.width, MAX_WIDTH)
    summary = " · ".join(f"{name} {value}" for name, value in report.summary.items())
    urgent = pluralise(len(urgent_students(report)), "student")
    group = Group(
        _heading(f"{report.assignment} · {pluralise(report.marks.count, 'student')}"),
        _text(f"{summary}\n"),
        _histogram(report, width),
        _text(report.footnote, "dim"),
        _heading("Start the next lecture here"),
        *_misconceptions(report),
        _heading("Exercises"),
        _text("Pass rates are of those whose code could be tested.", "dim"),
        *map(_exercise, report.exercises),
        _heading(f"What needs attention · urgent: {urgent}"),
        _attention(report),
        _heading("Similar code, as a hint"),
        _text(report.similarity_note, "dim"),
        *_similar_code(report),
    )
    console.print(group, width=width)


def _text(text: str, style: str = "") -> Text:
    return Text(text, style, overflow="fold")


def _heading(text: str) -> Group:
    return Group(_text(""), Rule(_text(text, "bold"), align="left", style="dim"))


def _grid(*columns: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for options in columns:
        table.add_column(overflow="fold", **options)
    return table


def _histogram(report: ClassReport, width: int) -> Table:
    bins = report.histogram()
    largest = max(marks_bin.students for marks_bin in bins)
    bar_width = min(max(10, width - 30), largest * 4)
    table = _grid(RIGHT, WIDE)
    for low, high, students in bins:
        bar = Text("█" * math.ceil(students / largest * bar_width), "cyan")
        bar.append(f" {students}" if students else "·", "default")
        table.add_row(Text(f"{format_points(low)} to {format_points(high)}"), bar)
    return table


def _misconceptions(report: ClassReport) -> list[Table | Text]:
    counts = report.misconceptions
    if not counts:
        return [_text("No catalogued mistake was recognised.")]
    table = _grid(RIGHT, WIDE)
    for count in counts[:TOP]:
        words = Text(f"{count.exercise}: {count.title}", "bold")
        if count.sentence:
            words.append(f"\n{count.sentence}", "not bold")
        table.add_row(Text(f"{count.students} of {len(report.students)}"), words)
    more = len(counts) - TOP
    if more <= 0:
        return [table]
    return [table, _text(f"… and {more} more misconceptions.", "dim")]


def _exercise(exercise: ExerciseMarks) -> Group:
    heading = _text(f"\n{exercise.name}", "bold").append(f"  {exercise.summary}", "not bold")
    table = _grid({"width": 0}, WIDE, {"width": BAR}, {"width": 5, **RIGHT}, {"width": 9, **RIGHT})
    for prop in exercise.properties.values():
        passed, tested = prop.passed, prop.tested
        length = round(BAR * passed / tested) if tested else 0
        if 0 < passed < tested:  # full only for all and empty only for none
            length = min(BAR - 1, max(1, length))
        bar = Text("█" * length, "cyan").append("░" * (BAR - length), "dim")
        table.add_row(
            "",
            Text(prop.title),
            bar,
            Text(percent(passed, tested)),
            Text(f"{passed}/{tested}"),
        )
    return Group(heading, table)


def _attention(report: ClassReport) -> Table | Text:
    items = attention_items(report)
    if not items:
        return _text("Nothing.")
    table = _grid({"no_wrap": True}, WIDE)
    for item in items:
        limit = URGENT_LINES if item.urgent else ROUTINE_LINES
        text = Text(item.text, "bold" if item.urgent else "")
        for line in item.details[:limit]:
            text.append(f"\n{line if item.urgent else truncate(line, MAX_WIDTH)}", "not bold")
        if len(item.details) > limit:
            text.append(f"\n… and {len(item.details) - limit:,} more", "not bold dim")
        table.add_row(Text("!", "bold red") if item.urgent else "·", text)
    return table


def _similar_code(report: ClassReport) -> list[Table | Text]:
    pairs = report.similar
    if not pairs:
        return []
    table = _grid(RIGHT, WIDE)
    for pair in pairs[:TOP]:
        words = Text(f"{pair.first} and {pair.second}", "bold")
        words.append(f"\nmostly in {', '.join(pair.cells[:3])}", "not bold")
        table.add_row(Text(percent(pair.share, 1)), words)
    more = len(pairs) - TOP
    if more <= 0:
        return [table]
    return [table, _text(f"… and {pluralise(more, 'pair')} more; the page has them all.", "dim")]
