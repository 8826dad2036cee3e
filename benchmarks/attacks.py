"""What the attacks of tests/attacks achieve against stock nbgrader and against our grader.

    python benchmarks/attacks.py                  # every attack; those that could do harm only ours
    python benchmarks/attacks.py --only NAME ...  # some of them
    python benchmarks/attacks.py --markdown FILE  # the table as Markdown as well

Stock nbgrader runs the same notebooks with its own defaults: `nbgrader autograde` in a scratch
course, tests and students' code in one kernel, one attack at a time. So that this machine comes to
no harm, all of that happens in a bubblewrap sandbox which can write to nothing but that course and
has no network. Attacks that would exhaust the machine all the same are not run in it, nor those on
the machine itself, which the sandbox would hold and not nbgrader: they are not marked SAFE.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from rich.console import Console
from rich.progress import track
from rich.table import Table

from autograder.gradebook.course import Course
from autograder.grading.run import grade_assignment
from autograder.sandbox.bubblewrap import find_bwrap

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from attacks import (  # noqa: E402
    ASSIGNMENT,
    LIMITS,
    MANUAL,
    Attack,
    attacks,
    grading_cells,
    new_canaries,
    new_course,
    submit,
)

KINDS = (  # of outcomes, by their words; one attack may be of several
    ("held", "^held$"),
    ("gain points", "points too many"),
    ("read secrets", "reads "),
    ("write, mark or run what they must not", "writes|marks|runs|succeeds"),
    ("cost honest points or the mark", "points lost|no mark"),
)
TIMEOUT = 150  # seconds for stock nbgrader and one submission
STOCK = """
from pathlib import Path

c = get_config()
root = Path(__file__).resolve().parent
(root / "class").mkdir(exist_ok=True)
c.CourseDirectory.course_id = "stock"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.CourseDirectory.submitted_directory = "class/submitted"
c.CourseDirectory.autograded_directory = "class/autograded"
c.CourseDirectory.feedback_directory = "class/feedback"
c.CourseDirectory.db_url = f"sqlite:///{root / 'class' / 'gradebook.db'}"
"""


@dataclass
class Outcome:
    """The outcome of one attack in one grader."""

    points: dict[str, float] = field(default_factory=dict)  # by exercise
    graded: bool = False
    reads: list[str] = field(default_factory=list)  # whose secrets it has seen
    breaks: list[str] = field(default_factory=list)  # the rest of the harm it did

    def words(self, attack: Attack, worth: dict[str, float]) -> tuple[str, str]:
        """The outcome in a few words, and their colour."""
        if not self.graded:
            return "no mark at all", "yellow"
        allowed = {name: attack.max_points(name, points) for name, points in worth.items()}
        more = sum(max(0, self.points.get(name, 0) - allowed[name]) for name in worth)
        less = sum(
            max(0, attack.min_points(name, points) - self.points.get(name, 0))
            for name, points in worth.items()
        )
        harm = [f"{more:g} points too many"] if more > 0 else []
        harm += [f"reads {', '.join(self.reads)}"] if self.reads else []
        harm += self.breaks
        if harm:
            known = ["a known limit"] if attack.known else []
            return "; ".join(known + harm), "yellow" if known else "red"
        if less > 0:
            return f"held; {less:g} honest points lost", "yellow"
        return "held", "green"


def look(course: Course, attack: Attack, canaries: dict[str, str]) -> Outcome:
    """What the gradebook, the graded notebook and the page say of an attack."""
    outcome = Outcome()
    cells = grading_cells(course.sources(ASSIGNMENT)[ASSIGNMENT])
    with Gradebook(course.db_url, course.course_id) as gradebook:
        try:
            submission = gradebook.find_submission(ASSIGNMENT, attack.name)
        except MissingEntry:
            return outcome
        marks = {
            grade.name: (grade.manual_score, grade.auto_score)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }
    if any(manual is not None for manual, _ in marks.values()):
        outcome.breaks.append("writes the gradebook")
    for name, cell in cells.items():
        score = marks.get(cell.metadata.nbgrader.grade_id, (None, None))[1]
        outcome.graded = outcome.graded or score is not None
        outcome.points[name] = score or 0.0
    if (marks.get(MANUAL, (None, 0))[1] or 0) > 0:
        outcome.breaks.append("marks its own essay")
    if (course.root / "PWNED").exists():
        outcome.breaks.append("runs code as the grader")
        (course.root / "PWNED").unlink()
    graded = course.path("autograded", attack.name, ASSIGNMENT) / f"{ASSIGNMENT}.ipynb"
    texts = []
    if graded.exists():
        for cell in nbformat.read(graded, as_version=4).cells:
            texts += [str(output) for output in cell.get("outputs", [])]
    for page in course.path("feedback", attack.name, ASSIGNMENT).glob("*.html"):
        texts.append(page.read_text(errors="replace"))
        if attack.absent and re.search(attack.absent, texts[-1]):
            outcome.breaks.append(
                "its page runs scripts" if "<script" in attack.absent else "succeeds"
            )
    outcome.reads = sorted(
        place for place, word in canaries.items() if any(word in text for text in texts)
    )
    return outcome


def sandbox(folder: Path) -> list[str]:
    """A command prefix: everything to read, this folder to write, no network, no other process."""
    command = [str(find_bwrap()), "--unshare-all", "--die-with-parent", "--new-session"]
    command += ["--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    return [*command, "--tmpfs", "/tmp", "--bind", str(folder), str(folder), "--"]


def stock(folder: Path, attack: Attack) -> Outcome:
    """Grade one attack with stock nbgrader, in a course of its own."""
    canaries = new_canaries()
    course = new_course(folder, STOCK, canaries)
    submit(attack, attack.name, course)
    keep = ("PATH", "LANG", "OPENBLAS_CORETYPE")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    environment |= {"HOME": str(folder), "CLASS_SECRET": canaries["environment"]}
    for step in ("autograde", "generate_feedback"):
        command = [*sandbox(folder), sys.executable, "-m", "nbgrader"]
        command += [step, ASSIGNMENT, "--student", attack.name]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
    return look(course, attack, canaries)


def ours(folder: Path, chosen: list[Attack], jobs: int) -> dict[str, Outcome]:
    """Grade all of them as one class."""
    canaries = new_canaries()
    os.environ["CLASS_SECRET"] = canaries["environment"]
    course = new_course(folder, (ROOT / "nbgrader_config.py").read_text(), canaries)
    for attack in chosen:
        submit(attack, attack.name, course)
    grade_assignment(course, ASSIGNMENT, jobs=jobs, limits=LIMITS)
    for attack in track(chosen, "our pages"):
        command = [sys.executable, "-m", "nbgrader", "generate_feedback", ASSIGNMENT]
        command += ["--student", attack.name]
        if attack.absent:
            subprocess.run(command, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL)
    return {attack.name: look(course, attack, canaries) for attack in chosen}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these attacks")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-stock", action="store_true", help="do not run stock nbgrader")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here too")
    options = parser.parse_args()
    # nbgrader calls tools that lie beside the interpreter.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    chosen = [attack for attack in attacks() if not options.only or attack.name in options.only]
    place = Path(tempfile.mkdtemp(prefix="attacks-"))
    try:
        outcomes = ours(place / "ours", chosen, options.jobs)
        rows, worth = [], {}
        for number, attack in enumerate(track(chosen, "stock nbgrader, one by one")):
            source = nbformat.read(
                ROOT / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4
            )
            worth = worth or {
                name: float(cell.metadata.nbgrader.points)
                for name, cell in grading_cells(source).items()
            }
            by_stock = ("not run", "dim")
            if attack.safe and not options.no_stock:
                by_stock = stock(place / f"stock-{number}", attack).words(attack, worth)
            rows.append((attack.name, by_stock, outcomes[attack.name].words(attack, worth)))
    finally:
        # Some folders in it are deeper than Python's recursion.
        subprocess.run(["rm", "-rf", str(place)], check=False)
    show(rows, options.markdown)


def show(rows: list[tuple[str, tuple[str, str], tuple[str, str]]], markdown: Path | None) -> None:
    table = Table("attack", "stock nbgrader", "ours", show_edge=False)
    for name, (by_stock, stock_colour), (by_us, our_colour) in rows:
        table.add_row(name, f"[{stock_colour}]{by_stock}[/]", f"[{our_colour}]{by_us}[/]")
    console = Console()
    console.print(table)
    for title, column in (("stock nbgrader", 1), ("ours", 2)):
        words = [row[column][0] for row in rows if row[column][0] != "not run"]
        counts = [
            f"{kind} {sum(bool(re.search(pattern, word)) for word in words)}"
            for kind, pattern in KINDS
        ]
        console.print(f"{title}, {len(words)} attacks: {' · '.join(counts)}")
    if markdown:
        lines = ["| attack | stock nbgrader | ours |", "| --- | --- | --- |"]
        lines += [f"| {name} | {by_stock} | {by_us} |" for name, (by_stock, _), (by_us, _) in rows]
        markdown.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
