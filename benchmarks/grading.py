"""The whole grading job, ours and stock nbgrader's, on the same honest class in one run.

    python benchmarks/grading.py                    # 100 submissions, both
    python benchmarks/grading.py --stock 20         # stock nbgrader on 20 of them, extrapolated
    python benchmarks/grading.py --submissions 1000 --stock 50
    python benchmarks/grading.py --run-demos        # ours runs unchanged demonstration cells too

Reports both times (process start to recorded marks), their ratio, whether the marks are the same,
where our time goes, and how much memory we take at first and in the end. Stock nbgrader runs with
its own defaults: a kernel for each notebook. The class draws its answers from the catalogue, so
many of them are alike, and what is alike is quicker for us: a class of true students will have
more that is new.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
from nbgrader.api import Gradebook

from autograder.demo import Paper
from autograder.gradebook.course import Course
from autograder.gradebook.release import release
from autograder.rubrics import rubric_of
from rnncourse.checks.answer_source import source_of
from rnncourse.exercises import exercises_of

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT = "ps1_cells"


def make_course(folder: Path, run_demos: bool) -> Course:
    """A course of its own, with the assignment released."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, folder / "solutions" / ASSIGNMENT)
    if run_demos:
        path = folder / "solutions" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.metadata.pop("tags", None)
        nbformat.write(notebook, path)
    course = Course(folder)
    release(course, ASSIGNMENT)
    return course


def submit_class(course: Course, number: int) -> None:
    """An honest class: some right, some in another style, some with mistakes, some unfinished."""
    dice = random.Random(number)
    source = course.sources(ASSIGNMENT)[ASSIGNMENT]
    stub = nbformat.read(
        course.path("release", ".", ASSIGNMENT) / f"{ASSIGNMENT}.ipynb", as_version=4
    )
    for n in range(number):
        paper, blank = Paper(source, course), Paper(stub, course)
        for name, exercise in exercises_of(ASSIGNMENT).items():
            luck = dice.random()
            if luck < 0.25:
                paper.answer(name, source_of(dice.choice(rubric_of(name).alternatives), name))
            elif luck < 0.40:
                paper.answer(name, source_of(dice.choice(exercise.misconceptions).wrong, name))
            elif luck < 0.45:
                paper.answer(name, blank.cell(name).source)
        folder = course.path("submitted", f"s{n:04}", ASSIGNMENT)
        folder.mkdir(parents=True)
        nbformat.write(paper.notebook, folder / f"{ASSIGNMENT}.ipynb")


def timed(*command: str | Path, cwd: Path, look: Callable[[int], None] | None = None) -> float:
    """Wall-clock seconds of a command that must succeed. look: told its process twice a second."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.Popen(command, cwd=cwd, stdout=output, stderr=subprocess.STDOUT)
        while look is not None and done.poll() is None:
            look(done.pid)
            time.sleep(0.5)
        done.wait()
        seconds = time.perf_counter() - started
        if done.returncode:
            output.seek(0)
            sys.exit(f"{command} failed:\n{output.read()[-4000:]}")
    return seconds


@dataclass
class Memory:
    """What a grader and all that it has started hold, in MB, by how many it has graded."""

    course: Course
    seen: list[tuple[int, float]] = field(default_factory=list)

    def look(self, pid: int) -> None:
        graded = sum(1 for _ in self.course.results(ASSIGNMENT).glob("*/result.json"))
        total = 0
        with contextlib.suppress(psutil.Error):
            grader = psutil.Process(pid)
            # Shared pages count for each in part, so that a fork is not counted twice.
            for process in [grader, *grader.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    total += process.memory_full_info().pss
        self.seen.append((graded, total / 2**20))

    def most(self, first: int, last: int) -> float:
        """The most that was held while so many had been graded."""
        return max((held for graded, held in self.seen if first <= graded < last), default=0)


def marks(course: Course) -> dict[tuple[str, str], float | None]:
    """Every automatic mark in the gradebook."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        return {
            (submission.student.id, grade.name): grade.auto_score
            for submission in gradebook.assignment_submissions(ASSIGNMENT)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--submissions", type=int, default=100)
    parser.add_argument("--stock", type=int, help="how many stock nbgrader grades; default: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--run-demos", action="store_true")
    options = parser.parse_args()
    count = options.submissions
    stock_count = count if options.stock is None else min(options.stock, count)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "ours")
        folder.mkdir()
        ours = make_course(folder, options.run_demos)
        submit_class(ours, count)
        stock = Course(shutil.copytree(folder, Path(scratch, "stock")))
        config = stock.root / "nbgrader_config.py"
        text = config.read_text()
        config.write_text(text + "\ndel c.Autograde.autograde_preprocessors\n")
        for extra in sorted((stock.root / "class/submitted").iterdir())[stock_count:]:
            shutil.rmtree(extra)

        detail = Path(scratch, "detail.json")
        grade = [sys.executable, "-m", "autograder.cli", "grade", ASSIGNMENT]
        grade += ["--jobs", str(options.jobs), "--json", detail]
        memory = Memory(ours)
        our_time = timed(*grade, cwd=ours.root, look=memory.look)
        nbgrader = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT]
        stock_time = timed(*nbgrader, cwd=stock.root)

        mine, theirs = marks(ours), marks(stock)
        differ = [key for key in theirs if mine[key] != theirs[key]]
        seconds = [submission["seconds"] for submission in json.loads(detail.read_text())]
        split = {
            part: sum(submission[part] for submission in seconds) / count for part in seconds[0]
        }
        print(f"submissions              {count} (stock nbgrader: {stock_count})")
        print(f"ours, {options.jobs} jobs            {our_time:8.1f} s")
        print(f"stock nbgrader           {stock_time * count / stock_count:8.1f} s")
        print(f"ratio                    {stock_time * count / stock_count / our_time:8.1f}")
        print(f"marks that differ        {len(differ):8} of {len(theirs)}  {differ[:5]}")
        tenth = max(1, count // 10)
        print(f"most memory, first {tenth:<5}{memory.most(1, tenth):9.0f} MB")
        print(f"most memory, last {tenth:<6}{memory.most(count - tenth, count + 1):9.0f} MB")
        for part, each in split.items():
            print(f"each submission, {part:8}{each * 1000:8.0f} ms")


if __name__ == "__main__":
    main()
