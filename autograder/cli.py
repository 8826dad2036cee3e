"""The command line of the trusted side: from release and grade to leaderboard, audit and demo."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from rnncourse.files import write_text

from .gradebook.course import Course, CourseError
from .grading.dask_pool import ClusterError
from .sandbox.jail import BACKENDS, JailError

console = Console()


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    main = argparse.ArgumentParser(
        prog="autograder",
        description="Release, grade and report on a course, with students' code behind a wall.",
    )
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--course", type=Path, default=Path(), metavar="DIR", help="the course's folder"
        )
        return command

    add("release", "Make the notebooks that students get.").add_argument(
        "assignment", metavar="ASSIGNMENT"
    )
    grade = add("grade", "Grade what was handed in and record it in the gradebook.")
    grade.add_argument("assignment", metavar="ASSIGNMENT")
    grade.add_argument(
        "--student", action="append", metavar="ID", help="only this student; may be repeated"
    )
    grade.add_argument("--force", action="store_true", help="also what has not changed")
    grade.add_argument("--seed", type=int, help="of the random inputs; default: a new one")
    grade.add_argument("--json", type=Path, metavar="FILE", help="write every detail here")
    add("feedback", "Make the feedback pages.").add_argument("assignment", metavar="ASSIGNMENT")
    report = add("report", "Show the class at a glance; write a page with plots.")
    report.add_argument("assignment", metavar="ASSIGNMENT")
    report.add_argument("--html", type=Path, metavar="FILE", help="where to write the page")
    board = add("leaderboard", "Rank the class by its score, with names hidden; write a page.")
    board.add_argument("assignment", metavar="ASSIGNMENT")
    board.add_argument("--html", type=Path, metavar="FILE", help="where to write the page")
    audit = add("audit", "Prove the tests: submit every known mistake and alternative.")
    audit.add_argument("assignment", metavar="ASSIGNMENT", nargs="?")
    audit.add_argument(
        "--seeds",
        type=_positive,
        default=1,
        help="submit all of it once under each of so many seeds",
    )
    demo = add("demo", "The whole main job on a sample class.")
    demo.add_argument("--keep", type=Path, metavar="DIR", help="work in this empty folder")
    where = grade.add_mutually_exclusive_group()
    where.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="judge on the workers of the Dask scheduler at this address, such as "
        "tcp://10.0.0.5:8786, a jail in each; recording stays here (docs/grading-at-scale.md)",
    )
    for command in (where, audit, demo):
        command.add_argument(
            "--jobs",
            type=_positive,
            default=os.cpu_count() or 1,
            metavar="N",
            help="so many jails on this machine at once; default: one for each core",
        )
    for command in (grade, audit, demo):
        command.add_argument(
            "--jail",
            choices=("auto", *BACKENDS),
            default="auto",
            help="what keeps students' code in; none: nothing does",
        )
    return main


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit status: 0, 1 if something fell short, 2 if it could not be done."""
    options = parser().parse_args(arguments)
    # nbgrader calls tools that lie beside the interpreter, whether its folder is on PATH or not.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        return COMMANDS[options.command](options)
    except (ClusterError, CourseError, JailError) as error:
        Console(stderr=True).print(f"autograder: {error}", style="red", markup=False)
        return 2
    except (OSError, SQLAlchemyError) as error:
        # A full disk, a gradebook that is locked: what was recorded stays.
        Console(stderr=True).print(
            f"autograder: {getattr(error, 'orig', None) or error}", style="red", markup=False
        )
        return 2
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; what was recorded stays, the same command goes on")
        return 130


def run_release(options: Any) -> int:
    from .gradebook.release import release

    console.print(f"released: {release(Course(options.course), options.assignment)}")
    return 0


def run_grade(options: Any) -> int:
    from .grading.run import grade_assignment

    if options.jail == "none":
        warn_no_jail()
    course = Course(options.course)
    with progress_bar(f"grading {options.assignment}") as step:
        graded = grade_assignment(
            course,
            options.assignment,
            options.student,
            jobs=options.jobs,
            cluster=options.cluster,
            jail=options.jail,
            force=options.force,
            seed=options.seed,
            progress=step,
        )
    console.print(table_of(graded))
    if misplaced := course.misplaced(options.assignment):
        where = course.path("submitted", "<student>", options.assignment).relative_to(course.root)
        console.print(
            _plain(f"not graded, because it does not lie in {where}/: {', '.join(misplaced)}")
        )
    if options.json:
        from .gradebook.recorder import write_json

        write_json(options.json, [details(course, options.assignment, one) for one in graded])
        console.print(f"every detail: {options.json}", markup=False)
    return 1 if any(one.error for one in graded) else 0


def details(course: Course, assignment: str, graded: Any) -> dict[str, Any]:
    """All that is known of a submission: what was found in this run, with the recorded cells."""
    if graded.error:
        return {**(graded.result or {"student": graded.student}), "error": graded.error}
    recorded = json.loads((course.results(assignment) / graded.student / "result.json").read_text())
    return {**graded.result, "cells": recorded["cells"]}


def run_feedback(options: Any) -> int:
    from .gradebook.release import feedback

    console.print(f"feedback: {feedback(Course(options.course), options.assignment)}")
    return 0


def run_report(options: Any) -> int:
    from .reports.class_report import ClassReport
    from .reports.html_page import class_report_page
    from .reports.terminal_view import print_class_report

    course = Course(options.course)
    report = ClassReport.load(course, options.assignment)
    print_class_report(report, console)
    page = options.html or course.results(options.assignment) / "report.html"
    write_text(page, class_report_page(report))
    console.print(f"with plots: {page}", markup=False)
    return 0


def run_leaderboard(options: Any) -> int:
    from .reports.leaderboard import Leaderboard

    course = Course(options.course)
    board = Leaderboard.load(course, options.assignment)
    console.print(board.table(), *board.notes, sep="\n", markup=False)
    page = options.html or course.results(options.assignment) / "leaderboard.html"
    write_text(page, board.page())
    console.print(f"to show to the class: {page}", markup=False)
    return 0


def run_audit(options: Any) -> int:
    from .audit import audit

    course = Course(options.course)
    return audit(course, options.assignment, options.jobs, options.jail, options.seeds, console)


def run_demo(options: Any) -> int:
    from .demo import demo

    return demo(Course(options.course), options.keep, options.jobs, options.jail, console)


COMMANDS = {
    "release": run_release,
    "grade": run_grade,
    "feedback": run_feedback,
    "report": run_report,
    "leaderboard": run_leaderboard,
    "audit": run_audit,
    "demo": run_demo,
}


def warn_no_jail() -> None:
    """Without a jail a submission can do all that its grader can: that must be said."""
    Console(stderr=True).print(
        "autograder: no jail: students' code can read and change everything that you can. "
        "Use this for work that you trust.",
        style="bold yellow",
    )


class progress_bar:
    """A bar on a terminal, a line now and then elsewhere; called with (graded, done, of)."""

    def __init__(self, title: str):
        self.title = title
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "progress_bar":
        self.bar.start()
        self.task = self.bar.add_task(self.title, total=None)
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()

    def __call__(self, graded: Any, done: int, of: int) -> None:
        self.bar.update(self.task, completed=done, total=of)
        if not console.is_terminal and (done == of or done % max(1, of // 10) == 0):
            console.print(f"{self.title}: {done} of {of}")


def table_of(graded: list[Any]) -> Table:
    """The marks of a run, one line a student."""
    table = Table(title=None, show_edge=False)
    for name, justify in (("student", "left"), ("points", "right"), ("of", "right"), ("", "left")):
        table.add_column(name, justify=justify, overflow="fold")
    for one in graded:
        result = one.result or {}
        remarks = [one.error] if one.error else []
        remarks += [f"! {line}" for line in result.get("suspicious", [])]
        remarks += list(result.get("problems", {}).values()) + result.get("notes", [])
        if beside := sum(cell["beside"] for cell in result.get("cells", [])):
            remarks.append(f"{beside} tests ran beside the student's code")
        remarks += _of_people(result)
        if one.skipped:
            remarks.append("unchanged")
        points = f"{result['points']:g}" if result and not one.error else "—"
        table.add_row(
            _plain(one.student),
            points,
            f"{result.get('max_points', 0):g}",
            _plain("; ".join(remarks)),
        )
    return table


def _of_people(result: dict[str, Any]) -> list[str]:
    """What people have marked and what awaits them; a mark that is there is no longer awaited."""
    found = result.get("by_hand")
    if found is None:  # not recorded
        return ["awaits manual grading"] if result.get("needs_manual_grade") else []
    remarks = ["awaits manual grading"] if found["waiting"] else []
    if found["given"]:
        in_all = f"{found['points_in_all']:g} in all"
        before = f"marked by hand before ({in_all}): look again"
        remarks.append(before if found["again"] else f"marked by hand: {in_all}")
    return remarks


def _plain(text: str) -> Any:
    """Text from outside, which may look like markup and may not even be UTF-8."""
    from rich.text import Text

    return Text(json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace").decode())


if __name__ == "__main__":
    sys.exit(main())
