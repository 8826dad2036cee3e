"""python -m rnncourse.recipes NAME: trains one of the course's models, and reports."""

import argparse
import sys

from rnncourse.recipes import RECIPES


def main(arguments=None):
    """Returns the exit status: 0, 2 after a wrong command or missing data, 130 after Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["report"]:
        from rnncourse.recipes.report import main

        return main(arguments[1:])
    options = _parser().parse_args(arguments)
    from rnncourse.data import DataError
    from rnncourse.recipes.run import RecipeError

    try:
        if options.list or options.name is None:
            print(_list())
            return 0
        return _train(options)
    except (RecipeError, DataError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from the last checkpoint.", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m rnncourse.recipes",
        description="Train one of the course's models and report. The same command resumes an "
        "interrupted run.",
        epilog="python -m rnncourse.recipes report collects the results of all runs.",
    )
    parser.add_argument("name", nargs="?", help=f"one of {', '.join(RECIPES)}")
    parser.add_argument("--list", action="store_true", help="list the recipes and their times")
    parser.add_argument("--data", help="the data set; the default is built in")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps, xpu; default: the best there is")
    parser.add_argument("--out", help="the run's folder; default: runs/NAME-DATA")
    parser.add_argument("--minutes", type=float, metavar="N", help="stop training after N minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fresh", action="store_true", help="replace the run in the folder")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="change settings of the recipe: --set epochs=3 H=128",
    )
    return parser


def _train(options):
    from pathlib import Path

    from rnncourse.device import device
    from rnncourse.recipes.run import RecipeError, Run, parse_settings, perform, recipe

    module = recipe(options.name)
    data = options.data or next(iter(module.SETTINGS))
    if data not in module.SETTINGS:
        raise RecipeError(
            f"the recipe {options.name} has no data {data!r}; it has: {', '.join(module.SETTINGS)}"
        )
    settings = parse_settings(module.SETTINGS[data], options.set)
    if options.minutes is not None and not options.minutes > 0:
        raise RecipeError(f"--minutes is {options.minutes}, and must be positive")
    try:
        chosen_device = device(options.device)
    except ValueError as error:
        raise RecipeError(str(error)) from None
    seed = [f"seed{options.seed}"] if options.seed else []
    folder_name = "-".join([options.name, data, *seed, *sorted(options.set)])
    folder = options.out or Path("runs", folder_name)
    run = Run(options.name, data, folder, chosen_device, options.seed, options.minutes)
    _, summary = perform(run, settings, options.fresh)
    print(summary)
    return 0


def _list():
    from rnncourse.recipes.run import recipe

    lines = ["Recipes, and minutes on two CPU cores for each data set (the first one is built in)"]
    for name in RECIPES:
        module = recipe(name)
        lines += ["", f"{name:<12} {module.ABOUT}"]
        lines += [f"  {data:<18} {module.MINUTES[data]:>4}" for data in module.SETTINGS]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
