"""The command line of the student's side."""

import argparse
import sys

from . import __version__
from .selfstudy.progress import LIMIT, ProgressError, progress


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="rnncourse", description="The reader's side of the course.")
    main.add_argument("--version", action="version", version=__version__)
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "Show your status in each problem set, and what to do next."
    command = commands.add_parser("progress", help=text, description=text)
    command.add_argument(
        "--assignments",
        metavar="DIR",
        help="the folder with the problem sets; default: the nearest assignments/, else this one",
    )
    command.add_argument("--grade", action="store_true", help="run the hidden tests as well")
    command.add_argument(
        "--limit",
        type=float,
        default=LIMIT,
        metavar="SECONDS",
        help="stop a notebook after SECONDS, a cell after a third of that; default: %(default)g",
    )
    command.add_argument(
        "--again", action="store_true", help="also run notebooks that have not changed"
    )
    command.add_argument(
        "--jail",
        default="auto",
        help="the sandbox for your code while it is graded; none: without one",
    )
    return main


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit status: 0, 2 if there is no such folder, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal whose encoding lacks ✓

    def show_task(task: str) -> None:
        if sys.stderr.isatty():
            print(f"{task} …", file=sys.stderr)

    try:
        progress(
            options.assignments,
            options.grade,
            options.limit,
            options.again,
            options.jail,
            show_task,
        ).print()
    except ProgressError as error:
        print(f"rnncourse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the results so far are saved", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
