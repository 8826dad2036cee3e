"""What all recipes share: a run is a folder, and the same command resumes it.

run.json              what is trained, on what: recipe, data, seed, settings
checkpoint            everything that is needed to resume
time.json             seconds of training so far
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
from safetensors import SafetensorError
from safetensors.torch import load_file, save

import rnncourse
from rnncourse.device import describe
from rnncourse.files import remove_unfinished, write_bytes, write_text
from rnncourse.recipes import RECIPES
from rnncourse.reference.checkpoint import load_checkpoint
from rnncourse.reference.training_loop import fit

__all__ = [
    "Outcome",
    "RecipeError",
    "Run",
    "load",
    "parse_settings",
    "perform",
    "read_json",
    "recipe",
]


class RecipeError(ValueError):
    """A recipe cannot be run. The message says why, and what to do."""


@dataclasses.dataclass
class Outcome:
    """What a recipe returns.

    words: the vocabularies, {name: words in the order of their numbers}; `build` makes the model
    again from settings and words alone. results: {measure: number}, in the order in which they are
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

    Errors: RecipeError for a name that the settings do not have, or a value of another type.
    """
    types = {
        field.name: type(getattr(settings, field.name)) for field in dataclasses.fields(settings)
    }
    values = {}
    for change in changes:
        name, _, text = change.partition("=")
        if name not in types:
            raise RecipeError(
                f"there is no setting {name!r}; there are: "
                + ", ".join(f"{name}={getattr(settings, name)}" for name in types)
            )
        try:
            values[name] = _YES_NO[text] if types[name] is bool else types[name](text)
        except (ValueError, KeyError):
            allowed = "yes or no" if types[name] is bool else f"of type {types[name].__name__}"
            raise RecipeError(f"{change!r}: the value of {name} must be {allowed}") from None
    return dataclasses.replace(settings, **values)


_YES_NO = {"yes": True, "no": False, "True": True, "False": False}


class Run:
    """One recipe on one data set, in its folder.

    `generator(n)` gives the run's random numbers; `fit` is the reference's, with the run's
    checkpoint, time limit and progress bars.
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
        """A generator that depends on the run's seed; each number gives another sequence."""
        return torch.Generator(device).manual_seed(1_000_003 * self.seed + number)

    @property
    def best(self):
        """The smallest validation loss so far; NaN before the end of the first epoch."""
        return min((epoch["valid"] for epoch in self.history), default=math.nan)

    def claim(self, settings, checksum):
        """Make the folder this run's. Errors: RecipeError when it belongs to another run."""
        description = {
            "recipe": self.name,
            "data": self.data,
            "checksum": checksum,
            "seed": self.seed,
            "settings": dataclasses.asdict(settings),
        }
        path = self.folder / "run.json"
        if path.exists():
            self._resume(read_json(path, "give --fresh to start this run again"), description)
        elif others := [name for name in FILES if (self.folder / name).exists()]:
            raise RecipeError(
                f"{self.folder} holds no run, but files that a run would replace: "
                f"{', '.join(others)}. Give another folder with --out"
            )
        else:
            self.write("run.json", description)

    def _resume(self, existing, description):
        """Check that the folder's run is this one, and what it left behind."""
        for key, value in description.items():
            if existing.get(key) != value:
                raise RecipeError(
                    f"{self.folder} holds another run: its {key} is {existing.get(key)}, "
                    f"not {value}. Give another folder with --out, or --fresh to replace it"
                )
        remove_unfinished(self.folder)
        if (self.folder / "checkpoint").exists():
            try:
                load_checkpoint(self.folder / "checkpoint")
            except ValueError as error:
                raise RecipeError(f"{error}. Give --fresh to start this run again") from None
        try:
            self.trained = float(json.loads((self.folder / "time.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            self.trained = 0.0  # not noted yet, or damaged: it is only shown

    def fit(self, model, batches, loss, optimizer, *, epochs, validate, **options):
        """`training_loop.fit` for this run; sets `self.history` and `self.finished`."""
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
        in_time = self.seconds is None or time.monotonic() - started < self.seconds
        self.finished = in_time or len(self.history) >= epochs
        model.eval()

    def write(self, name, value):
        """Write a JSON file of the folder."""
        text = json.dumps(value, indent=1, ensure_ascii=False)
        write_text(self.folder / name, text + "\n")


def perform(run, settings, fresh=False):
    """Run the recipe to its end, and write its files to the folder.

    Returns (results, summary): the content of results.json, and a text of one screen.
    Errors: RecipeError, DataError.
    """
    if fresh and (run.folder / "run.json").exists():
        for name in FILES:
            (run.folder / name).unlink(missing_ok=True)
    # Initial weights are drawn from torch's global generator, whose state is restored afterwards.
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
    weights = {name: p.detach().cpu().contiguous() for name, p in outcome.model.named_parameters()}
    write_bytes(run.folder / "weights.safetensors", save(weights))
    run.write("words.json", outcome.words)
    run.write("history.json", run.history)
    _draw_curves(run)
    write_text(run.folder / "samples.txt", outcome.samples.rstrip() + "\n")
    run.write("results.json", results)  # last: where it exists, the others do too
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
    Errors: RecipeError when there is no finished run, a file is damaged, or the weights belong to
    another model.
    """
    folder = Path(folder)
    if not (folder / "results.json").exists():
        raise RecipeError(f"{folder} holds no results: run the recipe first")
    results = read_json(folder / "results.json", RUN_AGAIN)
    words = read_json(folder / "words.json", RUN_AGAIN)
    module = recipe(results["recipe"])
    settings = type(next(iter(module.SETTINGS.values())))(**results["settings"])
    model = module.build(settings, words)
    path, parameters = folder / "weights.safetensors", dict(model.named_parameters())
    try:
        saved = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RecipeError(f"{path} is missing or damaged ({error}): {RUN_AGAIN}") from None
    saved_shapes = {name: tensor.shape for name, tensor in saved.items()}
    if saved_shapes != {name: parameter.shape for name, parameter in parameters.items()}:
        raise RecipeError(f"{path} does not fit the model of results.json")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(saved[name])
    return model.eval().to(device), words


RUN_AGAIN = "run the recipe again, it goes on from its checkpoint"


def read_json(path, advice):
    """The dictionary in a JSON file. Errors: RecipeError, with the advice, when there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise RecipeError(f"{path} is missing or damaged: {advice}")
    return content


def _draw_curves(run):
    from rnncourse.plots import curves

    losses = {key: [epoch[key] for epoch in run.history] for key in ("train", "valid")}
    # Before the first epoch, or where no loss is finite, there is nothing to draw.
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
