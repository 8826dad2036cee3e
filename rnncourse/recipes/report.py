"""docs/results.md: what the runs gave, beside what others have published.

A row appears where its run does: nothing in the table is from memory but the published numbers,
and these say where they are from.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from statistics import mean

from rnncourse.recipes import RECIPES

__all__ = ["report"]

# By recipe and data: the measure that is compared, then (what, number, source).
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
    """The page as text, of all finished runs below a folder.

    Runs that differ only in the seed make one row: the mean, and the smallest and largest.
    Errors: ValueError when there is no run.
    """
    runs = [json.loads(p.read_text("utf-8")) for p in sorted(Path(folder).glob("*/results.json"))]
    runs = [run for run in runs if run["finished"]]
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
            here = [run for run in runs if (run["recipe"], run["data"]) == (name, data)]
            lines += ["", f"## {name} · {data}", "", *_table(name, data, here)]
    return "\n".join(lines) + "\n"


def _table(name, data, runs):
    groups = {}
    for run in runs:
        groups.setdefault(json.dumps(run["settings"]), []).append(run)
    measures = [m for m, value in runs[0]["results"].items() if isinstance(value, float)]
    head = ["model", *measures, "parameters", "epochs", "minutes", "seeds", "device"]
    rows = []
    for group in groups.values():
        cells = [_spread([run["results"].get(m) for run in group]) for m in measures]
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
    middle, least, most = (form.format(f(values)) for f in (mean, min, max))
    return middle if least == most else f"{middle} ({least} to {most})"


def _changes(name, data, settings):
    """In which settings these are not the recipe's own."""
    from rnncourse.recipes.run import recipe

    usual = dataclasses.asdict(recipe(name).SETTINGS[data])
    changed = [f"{key}={value}" for key, value in settings.items() if usual.get(key) != value]
    return f", {', '.join(changed)}" if changed else ""


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m rnncourse.recipes report")
    parser.add_argument("--runs", default="runs", help="the folder of the runs; default: runs")
    parser.add_argument("--out", default="docs/results.md", help="default: docs/results.md")
    asked = parser.parse_args(arguments)
    try:
        text = report(asked.runs)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    path = Path(asked.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"{path} is written.")
    return 0
