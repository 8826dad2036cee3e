"""What all recipes share: a run is a folder, and the same command goes on with it.

run.json              what is trained, on what: recipe, data, seed, settings
checkpoint            all that is needed to go on
weights.safetensors   the best weights, and
words.json            the vocabularies: `load(folder)` makes a model of both
history.json, curves.png, samples.txt, results.json
"""

import dataclasses
import importlib
import json
import math
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import rnncourse
from rnncourse.device import describe
from rnncourse.recipes import RECIPES
from rnncourse.reference.training_loop import fit

__all__ = ["Outcome", "RecipeError", "Run", "load", "parse_settings", "perform", "recipe"]


class RecipeError(ValueError):
    """A recipe that cannot be followed. The message says why, and what to do."""


@dataclasses.dataclass
class Outcome:
    """What a recipe hands back.

    words: the vocabularies, {name: words in the order of their numbers}; settings and words are
    all that `build` needs to make the model again. results: {measure: number}, as they are to be
    shown. samples: text that shows what the model does.
    """

    model: torch.nn.Module
    words: dict[str, list[str]]
    results: dict[str, float]
    samples: str


def recipe(name):
    """The module of a recipe. Errors: RecipeError for an unknown name."""
    if name not in RECIPES:
        raise RecipeError(f"there is no recipe {name!r}; there are: {', '.join(RECIPES)}")
    return importlib.import_module(f"rnncourse.recipes.{name}")


def parse_settings(settings, changes):
    """Settings with changes such as ["epochs=3", "tied=no"].

    Errors: RecipeError for a name that the settings do not have, or a value of another kind.
    """
    kinds = {
        field.name: type(getattr(settings, field.name)) for field in dataclasses.fields(settings)
    }
    values = {}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in kinds:
            raise RecipeError(
                f"there is no setting {name!r}; there are: "
                + ", ".join(f"{name}={getattr(settings, name)}" for name in kinds)
            )
        try:
            values[name] = _YES_NO[text] if kinds[name] is bool else kinds[name](text)
        except (ValueError, KeyError):
            kind = "yes or no" if kinds[name] is bool else f"of the kind {kinds[name].__name__}"
            raise RecipeError(f"{change!r}: the value of {name} must be {kind}") from None
    return dataclasses.replace(settings, **values)


_YES_NO = {"yes": True, "no": False, "True": True, "False": False}


class Run:
    """One recipe on one data set, in its folder.

    device, seed, data: what was asked for. `generator(n)` are the random numbers of the run,
    `fit` is the reference's with checkpoint, time limit and progress.
    """

    def __init__(self, name, data, folder, device, seed=0, minutes=None, progress=True):
        self.name, self.data, self.folder = name, data, Path(folder)
        self.device, self.seed = device, seed
        self.seconds = None if minutes is None else 60 * minutes
        self.progress = progress
        self.history = []
        self.finished = True
        self.trained = 0.0  # seconds, over all calls

    def generator(self, number, device="cpu"):
        """The random numbers of the seed, another sequence for each number."""
        return torch.Generator(device).manual_seed(1_000_003 * self.seed + number)

    @property
    def best(self):
        """The smallest validation loss so far; NaN before the end of the first epoch."""
        return min((epoch["valid"] for epoch in self.history), default=math.nan)

    def claim(self, settings, checksum):
        """Make the folder that of this run. Errors: RecipeError when it is of another one."""
        ours = {
            "recipe": self.name,
            "data": self.data,
            "checksum": checksum,
            "seed": self.seed,
            "settings": dataclasses.asdict(settings),
        }
        path = self.folder / "run.json"
        if path.exists():
            theirs = _read(path)
            if differing := [key for key in ours if theirs.get(key) != ours[key]]:
                key = differing[0]
                raise RecipeError(
                    f"{self.folder} holds another run: its {key} is {theirs.get(key)}, "
                    f"not {ours[key]}. Give another folder with --out, or --fresh to replace it"
                )
            if (self.folder / "time.json").exists():
                self.trained = _read(self.folder / "time.json")
        elif theirs := [name for name in FILES if (self.folder / name).exists()]:
            raise RecipeError(
                f"{self.folder} holds no run, but files that a run would replace: "
                f"{', '.join(theirs)}. Give another folder with --out"
            )
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.write("run.json", ours)

    def fit(self, model, batches, loss, optimizer, *, epochs, validate, **options):
        """`training_loop.fit` for this run. Returns nothing: the history is `self.history`."""
        started, before = time.monotonic(), self.trained

        def timed(model):
            value = validate(model)
            note_time()
            return value

        def note_time():
            self.trained = before + time.monotonic() - started
            self.write("time.json", self.trained)

        try:
            self.history = fit(
                model,
                batches,
                loss,
                optimizer,
                epochs=epochs,
                validate=timed,
                checkpoint=self.folder / "checkpoint",
                seconds=self.seconds,
                progress=self.progress,
                **options,
            )
        finally:
            note_time()
        done = self.seconds is None or time.monotonic() - started < self.seconds
        self.finished = done or len(self.history) >= epochs
        model.eval()

    def write(self, name, value):
        """A JSON file of the folder."""
        text = json.dumps(value, indent=1, ensure_ascii=False)
        (self.folder / name).write_text(text + "\n", encoding="utf-8")


def perform(run, settings, fresh=False):
    """Follow the recipe to its end, and leave its files in the folder.

    Returns (results, summary): what results.json holds, and a text of one screen.
    Errors: RecipeError, DataError; ValueError when the checkpoint is damaged.
    """
    if fresh and (run.folder / "run.json").exists():
        for name in FILES:
            (run.folder / name).unlink(missing_ok=True)
    # Initial weights are drawn from torch's own random numbers. They are put back afterwards.
    with torch.random.fork_rng(devices=[run.device] if run.device.type == "cuda" else []):
        torch.manual_seed(run.seed)
        outcome = recipe(run.name).train(run, settings)
    results = {
        "recipe": run.name,
        "data": run.data,
        "seed": run.seed,
        "settings": dataclasses.asdict(settings),
        "results": outcome.results,
        "parameters": sum(p.numel() for p in outcome.model.parameters()),
        "epochs": len(run.history),
        "finished": run.finished,
        "minutes": run.trained / 60,
        "device": describe(run.device),
        "torch": str(torch.__version__),
        "rnncourse": rnncourse.__version__,
    }
    save_file(
        {name: p.detach().cpu().contiguous() for name, p in outcome.model.named_parameters()},
        run.folder / "weights.safetensors",
    )
    run.write("words.json", outcome.words)
    run.write("history.json", run.history)
    _draw_curves(run)
    (run.folder / "samples.txt").write_text(outcome.samples.rstrip() + "\n", encoding="utf-8")
    run.write("results.json", results)  # the last one: where it is, all is there
    return results, _summary(run, results, outcome.samples)


FILES = (
    "run.json",
    "checkpoint",
    "time.json",
    "weights.safetensors",
    "words.json",
    "history.json",
    "curves.png",
    "samples.txt",
    "attention.png",
    "vectors.png",
    "results.json",
)


def load(folder, device="cpu"):
    """The trained model of a run's folder, in eval mode, and its vocabularies.

    Returns (model, {name: words in the order of their numbers}).
    Errors: RecipeError when there is no finished run, or the weights are of another model.
    """
    folder = Path(folder)
    if not (folder / "results.json").exists():
        raise RecipeError(f"{folder} holds no results: run the recipe first")
    results, words = _read(folder / "results.json"), _read(folder / "words.json")
    module = recipe(results["recipe"])
    settings = type(next(iter(module.SETTINGS.values())))(**results["settings"])
    model = module.build(settings, words)
    saved, parameters = load_file(folder / "weights.safetensors"), dict(model.named_parameters())
    shapes = [{name: p.shape for name, p in side.items()} for side in (saved, parameters)]
    if shapes[0] != shapes[1]:
        raise RecipeError(f"{folder}/weights.safetensors does not fit the model of results.json")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(saved[name])
    return model.eval().to(device), words


def _read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _draw_curves(run):
    from rnncourse.plots import curves

    losses = {key: [epoch[key] for epoch in run.history] for key in ("train", "valid")}
    # Without an epoch, or where all was lost, there is nothing to draw.
    if any(math.isfinite(loss) for line in losses.values() for loss in line):
        curves(losses, x="epoch", title=f"{run.name} · {run.data}").save(run.folder / "curves.png")


def _summary(run, results, samples):
    rows = [(measure, _number(value)) for measure, value in results["results"].items()]
    rows += [
        ("parameters", f"{results['parameters']:,}"),
        ("epochs", f"{results['epochs']}"),
        ("minutes of training", f"{results['minutes']:.1f}"),
    ]
    width = max(len(label) for label, _ in rows)
    lines = ["", f"{run.name} · {run.data} · seed {run.seed} · {results['device']}", ""]
    lines += [f"  {label:<{width}}  {value:>10}" for label, value in rows]
    lines += ["", *(f"  {line}"[:100] for line in samples.rstrip().split("\n")[:12]), ""]
    if not run.finished:
        lines.append("The time was up before the last epoch: the same command goes on from here.")
    files = [name for name in FILES if (run.folder / name).exists() and name.endswith("png")]
    lines.append(
        f"In {run.folder}: weights.safetensors, results.json, samples.txt, " + ", ".join(files)
    )
    return "\n".join(lines)


def _number(value):
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
