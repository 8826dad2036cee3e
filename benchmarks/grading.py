"""The whole grading job, ours and stock nbgrader's, on the same honest class in one run.

    python benchmarks/grading.py                    # 100 submissions, both
    python benchmarks/grading.py --stock 20         # stock nbgrader on 20 of them, extrapolated
    python benchmarks/grading.py --run-demos        # ours runs unchanged demonstration cells too

Reports both times (process start to recorded marks), their ratio, whether the marks are the same,
and where our time goes. Stock nbgrader runs with its own defaults: a kernel for each notebook.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from autograder.alternatives.ps1_cells import ALTERNATIVES
from autograder.audit import source_of
from autograder.course import Course, problem_set_exercises
from autograder.demo import Paper
from autograder.release import release

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


def hand_in(course: Course, number: int) -> None:
    """An honest class: some right, some in another style, some with mistakes, some unfinished."""
    dice = random.Random(number)
    source = course.sources(ASSIGNMENT)[ASSIGNMENT]
    stub = nbformat.read(
        course.path("release", ".", ASSIGNMENT) / f"{ASSIGNMENT}.ipynb", as_version=4
    )
    for n in range(number):
        paper, blank = Paper(source, course), Paper(stub, course)
        for name, exercise in problem_set_exercises(ASSIGNMENT).items():
            luck = dice.random()
            if luck < 0.25:
                paper.answer(name, source_of(dice.choice(ALTERNATIVES[name]), name))
            elif luck < 0.40:
                paper.answer(name, source_of(dice.choice(exercise.misconceptions).wrong, name))
            elif luck < 0.45:
                paper.answer(name, blank.cell(name).source)
        folder = course.path("submitted", f"s{n:04}", ASSIGNMENT)
        folder.mkdir(parents=True)
        nbformat.write(paper.notebook, folder / f"{ASSIGNMENT}.ipynb")


def timed(*command: str | Path, cwd: Path) -> float:
    """Wall-clock seconds of a command that must succeed."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return time.perf_counter() - started


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
    many = options.submissions
    few = many if options.stock is None else min(options.stock, many)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "ours")
        folder.mkdir()
        ours = make_course(folder, options.run_demos)
        hand_in(ours, many)
        stock = Course(shutil.copytree(folder, Path(scratch, "stock")))
        config = stock.root / "nbgrader_config.py"
        text = config.read_text()
        config.write_text(text + "\ndel c.Autograde.autograde_preprocessors\n")
        for extra in sorted((stock.root / "class/submitted").iterdir())[few:]:
            shutil.rmtree(extra)

        detail = Path(scratch, "detail.json")
        grade = [sys.executable, "-m", "autograder.cli", "grade", ASSIGNMENT]
        our_time = timed(*grade, "--jobs", str(options.jobs), "--json", detail, cwd=ours.root)
        nbgrader = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT]
        stock_time = timed(*nbgrader, cwd=stock.root)

        mine, theirs = marks(ours), marks(stock)
        differ = [key for key in theirs if mine[key] != theirs[key]]
        seconds = [one["seconds"] for one in json.loads(detail.read_text())]
        split = {part: sum(one[part] for one in seconds) / many for part in seconds[0]}
        print(f"submissions              {many} (stock nbgrader: {few})")
        print(f"ours, {options.jobs} jobs            {our_time:8.1f} s")
        print(f"stock nbgrader           {stock_time * many / few:8.1f} s")
        print(f"ratio                    {stock_time * many / few / our_time:8.1f}")
        print(f"marks that differ        {len(differ):8} of {len(theirs)}  {differ[:5]}")
        for part, each in split.items():
            print(f"each submission, {part:8}{each * 1000:8.0f} ms")


if __name__ == "__main__":
    main()
