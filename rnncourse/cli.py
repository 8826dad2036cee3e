"""The command line of the student's side."""

import argparse
import sys

from .selfstudy.progress import LIMIT, ProgressError, progress


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="rnncourse", description="The reader's side of the course.")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "Show how far you are with each problem set, and what to do next."
    one = commands.add_parser("progress", help=text, description=text)
    one.add_argument(
        "--assignments",
        metavar="DIR",
        help="the folder with the problem sets; default: the nearest assignments/, else this one",
    )
    one.add_argument("--grade", action="store_true", help="run the hidden tests as well")
    one.add_argument(
        "--limit",
        type=float,
        default=LIMIT,
        metavar="SECONDS",
        help="that a notebook may take, a cell a third of it; default: %(default)g",
    )
    one.add_argument("--again", action="store_true", help="also run what has not changed")
    one.add_argument(
        "--jail", default="auto", help="what keeps your code in while it is graded; none: nothing"
    )
    return main


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit status: 0, 2 if there is nothing to look at, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that does not know ✓

    def tell(words: str) -> None:
        if sys.stderr.isatty():
            print(f"{words} …", file=sys.stderr)

    try:
        progress(
            options.assignments,
            options.grade,
            options.limit,
            options.again,
            options.jail,
            tell,
        ).print()
    except ProgressError as error:
        print(f"rnncourse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was found out so far is remembered", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
