"""docs/results.md: the results of our runs, next to published ones.

Our rows are computed from the runs; only the published numbers are typed in, with their source.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from statistics import mean

from rnncourse.files import write_text
from rnncourse.recipes import RECIPES

__all__ = ["report"]

# By recipe and data: the measure that is compared, then rows of (model, number, source).
PUBLISHED = {
    ("words", "penn_treebank"): (
        "test perplexity",
        ("2 layers of LSTM, 200 units, no dropout", "114.5", "Zaremba et al. 2014, table 1"),
        ("2 layers of LSTM, 650 units, dropout", "82.7", "Zaremba et al. 2014, table 1"),
        ("2 layers of LSTM, 650 units, variational", "79.7", "Gal & Ghahramani 2016, table 1"),
        ("AWD-LSTM, 3 layers, 24 million parameters", "57.3", "Merity et al. 2018, table 1"),
    ),
    ("sentiment", "sst2"): (
        "test accuracy, %",
        ("CNN-rand, trained on phrases as well", "82.7", "Kim 2014, table 2"),
        ("recursive tensor network, phrases as well", "85.4", "Socher et al. 2013, table 1"),
    ),
    ("sentiment", "rotten_tomatoes"): (
        "test accuracy, %",
        ("CNN-rand, 10-fold cross-validation", "76.1", "Kim 2014, table 2"),
        ("NB-SVM, bigrams, 10-fold cross-validation", "79.4", "Wang & Manning 2012, table 2"),
    ),
    ("translation", "multi30k"): (  # as the notebooks' own outputs have it
        "test BLEU of spaCy's tokens, lower case",
        ("LSTM without attention, greedy", "13.8", "Trevett, pytorch-seq2seq (2024), notebook 1"),
        ("GRU with attention, greedy", "28.3", "Trevett, pytorch-seq2seq (2024), notebook 3"),
        ("Transformer, greedy", "36.5", "Trevett, pytorch-seq2seq (2024), legacy notebook 6"),
    ),
}  # fmt: skip


def report(folder):
    """The page, as text, of all finished runs below a folder.

    Runs that differ only in the seed share a row: the mean, the smallest and the largest.
    Errors: ValueError when there is no finished run, or a file is damaged.
    """
    from rnncourse.recipes.run import RUN_AGAIN, read_json

    paths = sorted(Path(folder).glob("*/results.json"))
    runs = [run for run in (read_json(path, RUN_AGAIN) for path in paths) if run["finished"]]
    if not runs:
        raise ValueError(
            f"there are no finished runs below {folder}: python -m rnncourse.recipes --list says "
            "what can be run"
        )
    lines = [
        "# Results",
        "",
        "Made by `python -m rnncourse.recipes report` from the runs; nothing here is",
        "typed in but the published numbers. Settings are the recipe's own where none are named.",
        "Published models differ from ours in size, training time and data preparation: they say",
        "where the goal is, not that all else is equal. Our BLEU is sacrebleu's, of whole text,",
        "lower case against lower case.",
    ]
    for name in RECIPES:
        for data in dict.fromkeys(run["data"] for run in runs if run["recipe"] == name):
            own = [run for run in runs if (run["recipe"], run["data"]) == (name, data)]
            lines += ["", f"## {name} · {data}", "", *_table(name, data, own)]
    return "\n".join(lines) + "\n"


def _table(name, data, runs):
    groups = {}
    for run in runs:
        groups.setdefault(json.dumps(run["settings"]), []).append(run)
    measures = [
        measure for measure, value in runs[0]["results"].items() if isinstance(value, float)
    ]
    head = ["model", *measures, "parameters", "epochs", "minutes", "seeds", "device"]
    rows = []
    for group in groups.values():
        cells = [_spread([run["results"].get(measure) for run in group]) for measure in measures]
        rows.append(
            [
                f"ours{_changes(name, data, group[0]['settings'])}",
                *cells,
                f"{group[0]['parameters']:,}",
                _spread([run["epochs"] for run in group], "{:.0f}"),
                _spread([run["minutes"] for run in group], "{:.1f}"),
                ", ".join(str(seed) for seed in sorted(run["seed"] for run in group)),
                group[0]["device"],
            ]
        )
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    compared, *published = PUBLISHED.get((name, data), ("",))
    if published:
        lines += ["", _row(["published", compared, "source"]), _row(["---"] * 3)]
        lines += [_row(row) for row in published]
    return lines


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _spread(values, form="{:.2f}"):
    values = [value for value in values if value is not None]
    if not values:
        return ""
    average = form.format(mean(values))
    low, high = form.format(min(values)), form.format(max(values))
    return average if low == high else f"{average} ({low} to {high})"


def _changes(name, data, settings):
    """The settings that differ from the recipe's own."""
    from rnncourse.recipes.run import recipe

    own = dataclasses.asdict(recipe(name).SETTINGS[data])
    changed = [f"{key}={value}" for key, value in settings.items() if own.get(key) != value]
    return f", {', '.join(changed)}" if changed else ""


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m rnncourse.recipes report")
    parser.add_argument("--runs", default="runs", help="the folder of the runs; default: runs")
    parser.add_argument("--out", default="docs/results.md", help="default: docs/results.md")
    options = parser.parse_args(arguments)
    try:
        text = report(options.runs)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    write_text(options.out, text)
    print(f"{options.out} is written.")
    return 0
