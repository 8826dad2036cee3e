"""Faults at random moments of grading a class, and whether anything of it is lost.

    python benchmarks/faults.py                              # 24 faults, classes of 50
    python benchmarks/faults.py --faults 6 --submissions 12 --seed 3

A class is graded, partly marked by hand, submits again and is graded again: once
undisturbed, then in as many copies as it takes until all faults have struck, each at a random
moment. After a fault that ends the grader the same command is run again. In the end every row of
the gradebook, every autograded file and every result must be those of the undisturbed class.
Some faults need a disk of their own, which only root may mount; they are left out otherwise.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import faults as helpers  # noqa: E402
from faults import FAULTS, Fault, Grading, Struck  # noqa: E402

console = Console(width=150)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--faults", type=int, default=24)
    parser.add_argument("--submissions", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    # nbgrader calls tools that lie beside the interpreter.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        return run(Path(folder), dice, options.faults, options.submissions)


def run(folder: Path, dice: random.Random, count: int, size: int) -> int:
    released = helpers.released_course(folder / "released")
    course = helpers.submitted_class(released, folder / "class", helpers.a_class(size, dice))
    undisturbed = helpers.copied(course, folder / "undisturbed")
    started = time.monotonic()
    Grading(undisturbed, dice, iter(())).twice(0, size)
    seconds = (time.monotonic() - started) / 2
    expected = helpers.left(undisturbed)
    console.print(f"undisturbed: {size} submissions in {seconds:.1f} s")

    wrong: list[str] = []
    struck: list[Struck] = []
    queue = planned(dice, count)
    classes = 0
    while len(struck) < count:
        classes += 1
        with helpers.own_disk(folder / f"class-{classes}") as place:
            grading = Grading(helpers.copied(course, place), dice, queue)
            grading.twice(seconds, size)
            struck += grading.struck
            wrong += [
                f"class {classes}: {line}"
                for line in helpers.differences(helpers.left(grading.course), expected)
            ]
        show(classes, grading.struck, size)
    rows = sum(len(rows) for name, rows in expected.items() if name.startswith("table "))
    console.print(
        f"\n{len(struck)} faults in {classes} classes of {size}, each graded twice; compared: "
        f"{rows} rows of {sum(name.startswith('table ') for name in expected)} tables, "
        f"{len(expected['autograded notebooks'])} autograded files, "
        f"{len(expected['results'])} results"
    )
    for line in wrong:
        console.print(f"DIFFERENT: {line}", markup=False)
    if not wrong:
        console.print("all equal to the undisturbed class")
    return 1 if wrong else 0


def planned(dice: random.Random, count: int) -> Iterator[Fault]:
    """Each kind of fault as often as any other, in random order."""
    kinds = [fault for fault in FAULTS if helpers.can_mount() or not fault.on_disk]
    for fault in set(FAULTS) - set(kinds):
        console.print(f"left out, because nothing can be mounted here: {fault.name}")
    faults = [kinds[n % len(kinds)] for n in range(count)]
    dice.shuffle(faults)
    return iter(faults)


def show(number: int, struck: list[Struck], size: int) -> None:
    table = Table("fault", "after", "recorded", "status", "the last that it said", show_edge=False)
    for stroke in struck:
        table.add_row(
            stroke.fault.name,
            f"{stroke.after:.1f} s",
            f"{stroke.recorded} of {size}",
            str(stroke.status),
            stroke.said[:80],
        )
    console.print(f"\nclass {number}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
