"""The command line of the trusted side: from release and grade to leaderboard, audit and demo."""

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

import rnncourse
from rnncourse.files import write_json, write_text

from .gradebook.course import Course, CourseError
from .grading.dask_pool import ClusterError
from .grading.run import Graded, grade_assignment
from .judging.results import SubmissionResult
from .sandbox.jail import BACKENDS, JailError
from .terminal import ProgressBar, console, marks_table, plain_text, print_error, warn_no_jail


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    main = argparse.ArgumentParser(
        prog="autograder",
        description="Release, grade and report on a course, with students' code behind a wall.",
    )
    main.add_argument("--version", action="version", version=rnncourse.__version__)
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--course", type=Path, default=Path(), metavar="DIR", help="the course's folder"
        )
        return command

    add("release", "Generate the notebooks that students get.").add_argument(
        "assignment", metavar="ASSIGNMENT"
    )
    grade = add("grade", "Grade the submissions and record the marks in the gradebook.")
    grade.add_argument("assignment", metavar="ASSIGNMENT")
    grade.add_argument(
        "--student", action="append", metavar="ID", help="only this student; may be repeated"
    )
    grade.add_argument("--force", action="store_true", help="also grade what has not changed")
    grade.add_argument("--seed", type=_seed, help="seed of the random inputs; default: a new one")
    grade.add_argument("--json", type=Path, metavar="FILE", help="write every detail here")
    add("feedback", "Generate the feedback pages.").add_argument("assignment", metavar="ASSIGNMENT")
    report = add("report", "Show the class at a glance; write a page with plots.")
    report.add_argument("assignment", metavar="ASSIGNMENT")
    report.add_argument("--html", type=Path, metavar="FILE", help="where to write the page")
    board = add("leaderboard", "Rank the class by its score, with names hidden; write a page.")
    board.add_argument("assignment", metavar="ASSIGNMENT")
    board.add_argument("--html", type=Path, metavar="FILE", help="where to write the page")
    audit = add("audit", "Test the tests: submit every known mistake and alternative.")
    audit.add_argument("assignment", metavar="ASSIGNMENT", nargs="?")
    audit.add_argument(
        "--seeds", type=_positive, default=1, metavar="N", help="submit everything under N seeds"
    )
    answers = audit.add_argument_group("answers of your own, instead of the known ones")
    answers.add_argument(
        "--answers",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="Python files with a list C of (exercise, label, full, source): "
        "full says whether an answer must get full marks or lose points",
    )
    answers.add_argument("--only", metavar="EXERCISE", help="only the answers to this exercise")
    answers.add_argument("--seed", type=_seed, help="seed of the random inputs")
    answers.add_argument(
        "--json", type=Path, metavar="FILE", help="write what every answer got to a file"
    )
    demo = add("demo", "Run the whole workflow on a sample class.")
    demo.add_argument("--keep", type=Path, metavar="DIR", help="work in this empty folder")
    judges = grade.add_mutually_exclusive_group()
    judges.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="judge on the workers of the Dask scheduler at this address, such as "
        "tcp://10.0.0.5:8786, with a jail in each; marks are recorded here "
        "(docs/grading-at-scale.md)",
    )
    for command in (judges, audit, demo):
        command.add_argument(
            "--jobs",
            type=_positive,
            default=os.cpu_count() or 1,
            metavar="N",
            help="run N jails in parallel on this machine; default: one per core",
        )
    for command in (grade, audit, demo):
        command.add_argument(
            "--jail",
            choices=("auto", *BACKENDS),
            default="auto",
            help="what confines students' code; none: nothing does",
        )
    return main


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 64:
        raise argparse.ArgumentTypeError("must be at least 0 and less than 2^64")
    return number


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns the exit status: 1 if something failed, 2 if it could not be run."""
    options = parser().parse_args(arguments)
    # nbgrader runs commands from the interpreter's folder, which may not be on PATH.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        return COMMANDS[options.command](options)
    except (ClusterError, CourseError, JailError) as error:
        print_error(str(error))
        return 2
    except (OSError, SQLAlchemyError) as error:
        # A full disk, a locked gradebook: what was recorded stays.
        print_error(str(getattr(error, "orig", None) or error))
        return 2
    except KeyboardInterrupt:
        print_error("stopped. What was recorded stays; run the same command again to continue")
        return 130


def run_release(options: Any) -> int:
    from .gradebook.release import release

    console.print(f"released: {release(Course(options.course), options.assignment)}")
    return 0


def run_grade(options: Any) -> int:
    if options.jail == "none":
        warn_no_jail()
    course = Course(options.course)
    with ProgressBar(f"grading {options.assignment}") as progress:
        graded = grade_assignment(
            course,
            options.assignment,
            options.student,
            jobs=options.jobs,
            cluster=options.cluster,
            jail=options.jail,
            force=options.force,
            seed=options.seed,
            progress=progress,
        )
    console.print(marks_table(graded))
    if misplaced := course.misplaced_submissions(options.assignment):
        folder = course.path("submitted", "<student>", options.assignment).relative_to(course.root)
        console.print(plain_text(f"not graded, because not in {folder}/: {', '.join(misplaced)}"))
    if options.json:
        write_json(options.json, [details(course, submission) for submission in graded])
        console.print(f"details: {options.json}", markup=False)
    return 1 if any(submission.error for submission in graded) else 0


def details(course: Course, graded: Graded) -> dict[str, Any]:
    """Everything known about a submission: its result, with the cells that were recorded."""
    if graded.result is None:
        return {"student": graded.student, "error": graded.error}
    if graded.error:
        return {**graded.result.to_json(), "error": graded.error}
    file = course.result_file(graded.student, graded.result.assignment)
    cells = SubmissionResult.from_json(json.loads(file.read_bytes())).cells
    return replace(graded.result, cells=cells).to_json()


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
    console.print(f"to show the class: {page}", markup=False)
    return 0


def run_audit(options: Any) -> int:
    course = Course(options.course)
    if options.answers:
        if options.assignment or options.seeds != 1:
            raise CourseError("audit: --answers cannot be combined with ASSIGNMENT or --seeds")
        from .answers import check_answers

        return check_answers(
            course,
            options.answers,
            only=options.only,
            seed=options.seed,
            json_file=options.json,
            jobs=options.jobs,
            jail=options.jail,
            console=console,
        )
    if options.only or options.seed is not None or options.json:
        raise CourseError("audit: --only, --seed and --json need --answers")
    from .audit import audit

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


if __name__ == "__main__":
    sys.exit(main())
