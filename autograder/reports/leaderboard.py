"""The leaderboard of an assignment with a score, such as the capstone's BLEU.

It is meant to be shown to the class, so it holds no name but one that a student has asked for: by
writing it into the notebook's variable, from where it crosses the wall as a string. All others have
a pseudonym, the same one each time, which only somebody with the course's secret can compute.
"""

import hashlib
import hmac
import json
import math
import unicodedata
from dataclasses import dataclass, replace
from html import escape

from rich.table import Table
from rich.text import Text

from ..gradebook.course import Course, CourseError
from ..gradebook.secret import assignment_secret
from ..judging.results import SubmissionResult
from .html_document import html_document
from .wording import pluralise, printable

RECORD_KEY = "leaderboard_name"  # under which a grading cell records the name
MAX_NAME = 30  # characters
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
STYLE = """
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
    """A line of the board."""

    place: int
    name: str
    chosen: bool  # whether the student has asked for this name
    score: float  # to one decimal, as printed
    size: int  # bytes of what was submitted with the notebook


@dataclass
class Leaderboard:
    """All that is shown. The best comes first; of equal scores, as printed, the smaller model."""

    assignment: str
    entries: list[Entry]
    without_score: int  # submissions
    runs: int  # of the grader, each with inputs of its own

    @classmethod
    def load(cls, course: Course, assignment: str) -> "Leaderboard":
        """From the results of an assignment. CourseError where none of them has a score."""
        entries, without_score, seeds = [], 0, set()
        key = str(assignment_secret(course, assignment)).encode()
        for path in sorted(course.results(assignment).glob("[!.]*/result.json")):
            try:
                result = SubmissionResult.from_json(json.loads(path.read_bytes()))
                score = score_of(result)
            except (OSError, ValueError, RecursionError):
                score = None
            if score is None:
                without_score += 1
                continue
            seeds.add(result.seed)
            chosen = chosen_name(result)
            name = chosen or pseudonym(path.parent.name, key)
            size = sum(result.submitted_files.values())
            entries.append(Entry(0, name, bool(chosen), round(score, 1), size))
        if not entries:
            raise CourseError(
                f"no result of {assignment!r} has a score: run `autograder grade {assignment}`"
            )
        return cls(printable(assignment), _ranked(entries), without_score, len(seeds))

    @property
    def notes(self) -> list[str]:
        """What a reader should know."""
        notes = [
            "BLEU by sacrebleu, in lower case, on phrases that nobody had seen before they were "
            "graded.",
            "Of equal scores the smaller file of weights comes first.",
            "Names are pseudonyms, except for those who have chosen to be named.",
        ]
        if self.runs > 1:
            notes.append(
                f"The scores come from {self.runs} runs of the grader, each with different "
                "phrases: small differences may be luck. `autograder grade --force --seed N` "
                "scores everyone on the same phrases."
            )
        if self.without_score:
            notes.append(f"{pluralise(self.without_score, 'more submission')} without a score.")
        return notes

    def table(self) -> Table:
        """For a terminal."""
        table = Table(show_edge=False)
        table.add_column("", justify="right", overflow="fold")
        table.add_column("name", justify="left", overflow="fold")
        table.add_column("BLEU", justify="right", overflow="fold")
        table.add_column("kB", justify="right", overflow="fold")
        for entry in self.entries:
            name = Text(entry.name, "bold" if entry.chosen else "italic")
            size = f"{entry.size / 1000:,.0f}"
            table.add_row(str(entry.place), name, f"{entry.score:.1f}", size)
        return table

    def page(self) -> str:
        """For a browser. Every text from outside is escaped."""
        rows = "".join(map(_row, self.entries))
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return html_document(
            f"Leaderboard: {self.assignment}",
            f"""<header><p class="soft">Leaderboard</p><h1>{escape(self.assignment)}</h1></header>
<main>
<div class="card board scroll"><table>
<thead><tr><th scope="col">place</th><th scope="col">name</th><th scope="col">BLEU</th><th></th>
<th scope="col">weights</th></tr></thead>
<tbody>{rows}</tbody>
</table></div>
<ul class="card soft">{notes}</ul>
</main>""",
            STYLE,
        )


def _ranked(entries: list[Entry]) -> list[Entry]:
    """In order, with their places; entries with equal score and size share a place."""
    # Among equals by the name that is shown, not by the one that is hidden.
    ordered = sorted(
        entries,
        key=lambda entry: (-entry.score, entry.size, entry.name.casefold(), entry.name),
    )
    ranked: list[Entry] = []
    for position, entry in enumerate(ordered, start=1):
        place = position
        if ranked and (ranked[-1].score, ranked[-1].size) == (entry.score, entry.size):
            place = ranked[-1].place
        ranked.append(replace(entry, place=place))
    return ranked


def _row(entry: Entry) -> str:
    tag = "b" if entry.chosen else "i"
    # An isolated direction: a name in a right-to-left script does not turn the row round.
    name = f"<{tag}><bdi>{escape(entry.name)}</bdi></{tag}>"
    score = f"{entry.score:.1f}"
    return (
        f'<tr><td>{entry.place}</td><th scope="row">{name}</th><td>{score}</td>'
        f'<td><meter max="100" value="{score}"></meter></td>'
        f"<td>{entry.size / 1000:,.0f} kB</td></tr>"
    )


def score_of(result: SubmissionResult) -> float | None:
    """The first number that a property measured, from 0 to 100; None where none did."""
    for cell in result.cells:
        for prop in cell.properties:
            if prop.measured is not None and math.isfinite(prop.measured):
                return float(min(100, max(0, prop.measured)))
    return None


def chosen_name(result: SubmissionResult) -> str:
    """The name that a student wants to be shown under; empty where none was given."""
    for cell in result.cells:
        if RECORD_KEY in cell.record:
            name = cell.record[RECORD_KEY][:200]
            # NFKC: what looks like other letters becomes them.
            return printable(unicodedata.normalize("NFKC", name), MAX_NAME)
    return ""


def pseudonym(student: str, key: bytes) -> str:
    """A name for a student that says nothing of them, such as "quiet otter 417"."""
    name = student.encode("utf-8", "surrogateescape")
    number = int.from_bytes(hmac.new(key, name, hashlib.sha256).digest()[:8], "big")
    number, adjective = divmod(number, len(ADJECTIVES))
    number, animal = divmod(number, len(ANIMALS))
    return f"{ADJECTIVES[adjective]} {ANIMALS[animal]} {100 + number % 900}"
