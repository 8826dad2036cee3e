"""The leaderboard of an assignment with a score, such as the capstone's BLEU.

It is meant to be shown to the class, so it holds no name but one that a student has asked for: by
writing it into the notebook's variable, from where it crosses the wall as a string. All others have
a pseudonym, the same one each time, which nobody can compute who does not know the course's secret.
"""

import hashlib
import hmac
import json
import math
import unicodedata
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ..gradebook.course import Course, CourseError
from ..nbgrader_plugins.preprocessors import secret
from .class_report import clean, many
from .html_page import POLICY, STYLE

NAME = "leaderboard_name"  # under which a grading cell records it
LONGEST = 30  # characters of a name
ADJECTIVES = str.split(
    "amber ancient blue bold brave bright calm clever cosmic crimson curious dancing eager early "
    "emerald fearless flying gentle golden happy hidden honest humble jade jolly kind lively lucky "
    "merry mighty misty modest noble patient polite proud quick quiet ruby scarlet shining silent "
    "silver sincere singing sleepy smiling snowy solar steady stormy sunny swift tall tidy tiny "
    "velvet violet wandering warm wild wise witty young"
)
ANIMALS = str.split(
    "ant badger bat bear beaver bee bison buffalo camel cat cheetah crab crane cricket crow deer "
    "dingo dolphin dove duck eagle eel falcon ferret finch fox frog gecko goose gull hare hawk "
    "hedgehog heron hornet horse ibex jackal koala lark lemur lion lizard llama lynx magpie mole "
    "moose moth mouse newt octopus orca otter owl panda parrot pelican penguin puffin quail rabbit "
    "raven robin salmon seal shark sheep shrew snail sparrow squid stork swan tapir tiger toad "
    "trout turtle viper walrus weasel whale wolf wombat wren yak zebra"
)
CSS = """
.board { padding: 0; }
.board table { width: 100%; }
.board tbody th { font-weight: 400; width: 60%; overflow: hidden; overflow-wrap: anywhere; }
.board th:nth-child(2) { text-align: left; }
.board b { font-weight: 650; }
.board i { color: var(--soft); }
meter { width: clamp(4rem, 20vw, 14rem); }
"""


@dataclass(frozen=True)
class Entry:
    """A line of the board. chosen: whether the name is one that the student asked for."""

    place: int
    name: str
    chosen: bool
    score: float
    size: int  # bytes of what was handed in beside the notebook


@dataclass
class Leaderboard:
    """All that is shown. The best comes first, of equal scores, as printed, the smaller model."""

    assignment: str
    entries: list[Entry]
    without: int  # students who have handed in something that has no score
    runs: int  # of the grader, each with inputs of its own

    @classmethod
    def load(cls, course: Course, assignment: str) -> "Leaderboard":
        """From the results of an assignment. CourseError where none of them has a score."""
        found, without, seeds = [], 0, set()
        key = str(secret(course, assignment)).encode()
        for path in sorted(course.results(assignment).glob("[!.]*/result.json")):
            try:
                raw = json.loads(path.read_bytes())
                score, name, size = score_of(raw), name_of(raw), size_of(raw)
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                score = None
            if score is None:
                without += 1
                continue
            seeds.add(raw.get("seed"))
            shown = name or pseudonym(path.parent.name, key)
            found.append((-round(score, 1), size, shown.casefold(), shown, bool(name)))
        if not found:
            raise CourseError(
                f"no result of {assignment!r} has a score: run `autograder grade {assignment}`"
            )
        found.sort()  # among equals by what is shown, not by what is hidden
        ranks = [one[:2] for one in found]
        entries = [
            Entry(ranks.index((score, size)) + 1, name, chosen, -score, size)
            for score, size, _, name, chosen in found
        ]
        return cls(clean(assignment), entries, without, len(seeds))

    @property
    def notes(self) -> list[str]:
        """What a reader should know."""
        notes = [
            "BLEU by sacrebleu, in lower case, on phrases that nobody had seen before they were "
            "graded.",
            "Of equal scores the smaller file of weights comes first.",
            "Names are pseudonyms, but for those who have chosen to be named.",
        ]
        if self.runs > 1:
            notes.append(
                f"The scores are of {self.runs} runs of the grader, each with other phrases: small "
                "differences may be luck. `autograder grade --force --seed N` scores all alike."
            )
        if self.without:
            notes.append(f"{many(self.without, 'more submission')} without a score.")
        return notes

    def table(self) -> Table:
        """For a terminal."""
        table = Table(show_edge=False)
        for name in ("", "name", "BLEU", "kB"):
            side = "left" if name == "name" else "right"
            table.add_column(name, justify=side, overflow="fold")
        for one in self.entries:
            name = Text(one.name, "bold" if one.chosen else "italic")
            table.add_row(str(one.place), name, f"{one.score:.1f}", f"{one.size / 1000:,.0f}")
        return table

    def page(self) -> str:
        """One page that needs nothing else. Every text from outside is escaped."""
        rows = "".join(
            f'<tr><td>{one.place}</td><th scope="row">{_shown(one)}</th><td>{one.score:.1f}</td>'
            f'<td><meter max="100" value="{one.score:.1f}"></meter></td>'
            f"<td>{one.size / 1000:,.0f} kB</td></tr>"
            for one in self.entries
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<title>Leaderboard: {escape(self.assignment)}</title>
<style>{STYLE}{CSS}</style>
</head>
<body>
<header><p class="soft">Leaderboard</p><h1>{escape(self.assignment)}</h1></header>
<main>
<div class="card board scroll"><table>
<thead><tr><th scope="col">place</th><th scope="col">name</th><th scope="col">BLEU</th><th></th>
<th scope="col">weights</th></tr></thead>
<tbody>{rows}</tbody>
</table></div>
<ul class="card soft">{notes}</ul>
</main>
</body>
</html>
"""

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.page(), encoding="utf-8")


def _shown(one: Entry) -> str:
    # An isolated direction: a name in a script from right to left does not turn the row round.
    tag = "b" if one.chosen else "i"
    return f"<{tag}><bdi>{escape(one.name)}</bdi></{tag}>"


def score_of(raw: dict[str, Any]) -> float | None:
    """What was measured of a submission, from 0 to 100; None where nothing was."""
    for cell in raw["cells"]:
        for one in cell["properties"]:
            score = one.get("measured")
            number = isinstance(score, (int, float)) and not isinstance(score, bool)
            if number and math.isfinite(score):
                return float(min(100, max(0, score)))
    return None


def size_of(raw: dict[str, Any]) -> int:
    """The bytes of all files that count as a part of the submission's score."""
    return sum(int(size) for size in raw.get("handed_in", {}).values())


def name_of(raw: dict[str, Any]) -> str:
    """The name that a student wants to be shown under; empty where none was given."""
    for cell in raw["cells"]:
        name = cell.get("record", {}).get(NAME)
        if isinstance(name, str):
            # NFKC: what looks like other letters becomes them.
            return clean(unicodedata.normalize("NFKC", name[:200]), LONGEST)
    return ""


def pseudonym(student: str, key: bytes) -> str:
    """A name for a student that says nothing of them, such as "quiet otter 417"."""
    name = student.encode("utf-8", "surrogateescape")
    number = int.from_bytes(hmac.new(key, name, hashlib.sha256).digest()[:8], "big")
    number, adjective = divmod(number, len(ADJECTIVES))
    number, animal = divmod(number, len(ANIMALS))
    return f"{ADJECTIVES[adjective]} {ANIMALS[animal]} {100 + number % 900}"
