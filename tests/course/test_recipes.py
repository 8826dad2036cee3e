"""The recipes, tiny: files, tables, and runs that are interrupted and resumed."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rnncourse.data import language
from rnncourse.recipes import RECIPES, language_models, sentiment, translation, vectors, words
from rnncourse.recipes import __main__ as command
from rnncourse.recipes import run as run_module
from rnncourse.recipes.report import PUBLISHED, report
from rnncourse.recipes.run import RecipeError, Run, load, parse_settings, perform
from rnncourse.recipes.softmax_loss import softmax_loss

ROOT = Path(__file__).parents[2]
TINY = {
    "characters": "lines=60 H=7 epochs=2 steps=9 batch_size=5",
    "words": "lines=60 H=7 layers=2 epochs=2 steps=9 batch_size=5",
    "sentiment": "reviews=120 epochs=2 D=3 H=5",
    "translation": "pairs=150 tested=9 epochs=2 D=6 H=5 A=4 beam=2 batch_size=32 longest=8",
    "vectors": "lines=60 min_count=2 epochs=2 D=4 batch_size=200",
}
FILES = "run.json weights.safetensors words.json history.json curves.png samples.txt results.json"
CPU = torch.device("cpu")


def tiny(name, folder, **options):
    settings = next(iter(run_module.recipe(name).SETTINGS.values()))
    settings = parse_settings(settings, TINY[name].split())
    data = next(iter(run_module.recipe(name).SETTINGS))
    return Run(name, data, folder, CPU, progress=False, **options), settings


text = functools.cache(language)


@pytest.fixture(autouse=True)
def small_sets(monkeypatch):
    """The made-up sets at a size that is composed in no time, and the text read only once."""
    for module in (language_models, vectors):
        monkeypatch.setattr(module, "language", text)
    for module in (translation, sentiment):
        name = module.__name__.rpartition(".")[2]
        whole = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *args, whole=whole: whole(*args, train=200, valid=30, test=20)
        )


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """done(name): the folder, results and summary of a whole tiny run, made once."""
    made = {}

    def done(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name) / "run"
            made[name] = folder, *perform(*tiny(name, folder))
        return made[name]

    return done


class Stop(Exception):
    pass


def broken_off(monkeypatch, run, settings, steps):
    """Run a recipe, and break off after that number of training steps."""
    step, count = torch.optim.Adam.step, []

    def counted(self, *args, **kwargs):
        count.append(1)
        if len(count) > steps:
            raise Stop
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", counted)
        with pytest.raises(Stop):
            perform(run, settings)


# --- every recipe -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_files_and_table(done, name):
    folder, results, summary = done(name)
    for file in FILES.split():
        assert (folder / file).stat().st_size > 0, file
    assert json.loads((folder / "results.json").read_text("utf-8")) == results
    history = json.loads((folder / "history.json").read_text("utf-8"))
    assert results["epochs"] == len(history) == 2 and results["finished"]
    assert all(set(epoch) == {"train", "valid", "factor"} for epoch in history)
    for image in folder.glob("*.png"):
        assert image.read_bytes().startswith(b"\x89PNG")
    lines = summary.split("\n")
    assert len(lines) < 40
    for measure in results["results"]:
        assert any(measure in line for line in lines)


def answer(model, name):
    """What a model says about fixed inputs."""
    tokens = torch.tensor([[4, 5, 6], [7, 8, 0]])
    mask = torch.tensor([[True, True, True], [True, True, False]])
    with torch.no_grad():
        if name == "translation":
            return model(tokens, mask, tokens)
        if name == "vectors":
            return model(tokens[0], tokens[0].flip(0), tokens[:, :2].repeat(2, 1)[:3])
        if name == "sentiment":
            return model(tokens, mask)
        return model(tokens)[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_weights_load_again(done, monkeypatch, name, tmp_path):
    outcomes = []
    train = run_module.recipe(name).train

    def recorded(run, settings):
        outcomes.append(train(run, settings))
        return outcomes[-1]

    monkeypatch.setattr(run_module.recipe(name), "train", recorded)
    perform(*tiny(name, tmp_path / "run"))
    model, vocabularies = load(tmp_path / "run")
    assert vocabularies == outcomes[0].words
    assert not model.training
    torch.testing.assert_close(answer(model, name), answer(outcomes[0].model, name), rtol=0, atol=0)
    # The same command on another day: the same weights.
    ours, theirs = (load_file(f / "weights.safetensors") for f in (tmp_path / "run", done(name)[0]))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_going_on_gives_the_same_weights_to_the_last_bit(done, monkeypatch, name, tmp_path):
    whole, results, _ = done(name)
    module = run_module.recipe(name)
    fit = run_module.fit
    monkeypatch.setattr(run_module, "fit", lambda *a, **k: fit(*a, **{**k, "save_every": 2}))
    # Odd numbers of steps: the last one before the break is not in the checkpoint.
    steps = {"sentiment": 3, "translation": 7}.get(name, 5)
    broken_off(monkeypatch, *tiny(name, tmp_path / "run"), steps)
    assert not (tmp_path / "run" / "results.json").exists()
    assert (tmp_path / "run" / "checkpoint").exists()
    resumed, _ = perform(*tiny(name, tmp_path / "run"))
    assert resumed["results"] == results["results"]
    for file in ("weights.safetensors", "history.json", "samples.txt"):
        assert (tmp_path / "run" / file).read_bytes() == (whole / file).read_bytes(), file
    assert module.ABOUT


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_another_seed_gives_other_weights(done, name, tmp_path):
    if name in ("characters", "translation"):
        pytest.skip("as the others, and takes longer")
    perform(*tiny(name, tmp_path / "run", seed=1))
    ours, theirs = (load_file(f / "weights.safetensors") for f in (tmp_path / "run", done(name)[0]))
    assert not any(torch.equal(ours[key], theirs[key]) for key in ours if key != "C")


@pytest.mark.slow
def test_the_callers_random_numbers_are_left_alone(tmp_path):
    before = torch.get_rng_state()
    perform(*tiny("vectors", tmp_path / "run"))
    assert torch.equal(before, torch.get_rng_state())


# --- kill -9, Ctrl-C, time ----------------------------------------------------------------------

SLOW = ["lines=60", "H=7", "layers=2", "epochs=20", "steps=9", "batch_size=5"]


def start(folder, *more):
    arguments = ["words", "--device", "cpu", "--out", str(folder), "--set", *SLOW, *more]
    return subprocess.Popen(
        [sys.executable, "-m", "rnncourse.recipes", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # In the background of a shell Ctrl-C is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_kill_9_and_ctrl_c_then_the_same_command(tmp_path):
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    undisturbed = start(whole)
    for how, expected in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        size = _epochs(broken)
        process = start(broken)
        for _ in range(6000):
            if _epochs(broken) > size or process.poll() is not None:
                break
            time.sleep(0.01)
        process.send_signal(how)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == expected, errors
        assert not (broken / "results.json").exists()
    assert "same command" in errors
    for process in (start(broken), undisturbed):
        out, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
        assert "test perplexity" in out
    for file in ("weights.safetensors", "history.json"):
        assert (broken / file).read_bytes() == (whole / file).read_bytes()


def _epochs(folder):
    """When the time of training was last noted: at the end of each epoch."""
    path = folder / "time.json"
    return path.stat().st_mtime_ns if path.exists() else 0


@pytest.mark.parametrize("content", ["", "[1, 2", '"12"', "null"])
def test_a_damaged_time_is_no_time(tmp_path, content):
    """As a killed run of an earlier version may have left it."""
    perform(*tiny("vectors", tmp_path / "run"))
    (tmp_path / "run" / "time.json").write_text(content)
    results, _ = perform(*tiny("vectors", tmp_path / "run"))
    assert results["minutes"] < 1


@pytest.mark.parametrize(
    "file, message",
    [
        ("run.json", r"run\.json is missing or damaged: give --fresh"),
        ("checkpoint", r"checkpoint is not a checkpoint, or is damaged: .*Give --fresh"),
    ],
)
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_damaged_run_is_refused_in_words_until_fresh(tmp_path, capsys, file, message, share):
    folder = tmp_path / "run"
    perform(*tiny("vectors", folder))
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: int(share * len(content))])
    arguments = ["vectors", "--device", "cpu", "--out", str(folder)]
    arguments += ["--set", *TINY["vectors"].split()]
    assert command.main(arguments) == 2
    assert re.search(message, capsys.readouterr().err, re.DOTALL)
    assert command.main([*arguments, "--fresh"]) == 0


@pytest.mark.parametrize("file", ["results.json", "words.json", "weights.safetensors"])
def test_damaged_results_are_refused_in_words_and_made_again(tmp_path, capsys, file):
    folder = tmp_path / "run"
    perform(*tiny("vectors", folder))
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[:20])
    with pytest.raises(RecipeError, match=r"damaged.*run the recipe again"):
        load(folder)
    if file == "results.json":
        assert command.main(["report", "--runs", str(tmp_path), "--out", "x"]) == 2
        assert "run the recipe again" in capsys.readouterr().err
    perform(*tiny("vectors", folder))
    if file != "results.json":  # which has the minutes
        assert (folder / file).read_bytes() == content
    load(folder)


def test_what_a_killed_run_was_writing_is_removed(tmp_path):
    perform(*tiny("vectors", tmp_path / "run"))
    (tmp_path / "run" / ".checkpoint.0123.unfinished").write_bytes(b"half")
    perform(*tiny("vectors", tmp_path / "run"))
    assert not list((tmp_path / "run").glob(".*"))


@pytest.mark.slow
def test_the_time_limit_stops_and_the_same_command_goes_on(done, tmp_path):
    run, settings = tiny("words", tmp_path / "run", minutes=1e-9)
    results, summary = perform(run, settings)
    assert not results["finished"] and results["epochs"] == 0
    assert "the same command goes on" in summary
    with pytest.raises(ValueError, match="no finished runs"):
        report(tmp_path)
    results, _ = perform(*tiny("words", tmp_path / "run"))
    assert results["finished"]
    assert results["results"] == done("words")[1]["results"]


# --- the command --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("wrods", r"no recipe 'wrods'.*characters, words, sentiment, translation, vectors"),
        ("words --data ptb", r"no data 'ptb'.*python_manual, penn_treebank"),
        ("words --device abacus", "'abacus'.*available: .*cpu"),
        ("words --device cuda:77", "not a device of this machine"),
        ("words --set hidden=3", r"no setting 'hidden'.*H=200"),
        ("words --set H=wide", "value of H must be of type int"),
        ("words --set regularize=maybe", "must be yes or no"),
        ("words --minutes 0", "must be positive"),
    ],
)
def test_clear_errors(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments.split()) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


def test_translation_without_sacrebleu(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(RecipeError, match="pip install sacrebleu"):
        perform(*tiny("translation", tmp_path / "run"))


def test_list_names_every_recipe_and_set(capsys):
    assert command.main(["--list"]) == 0
    out = capsys.readouterr().out
    for name in RECIPES:
        for data in (name, *run_module.recipe(name).SETTINGS):
            assert data in out
            assert data == name or data in run_module.recipe(name).MINUTES


@pytest.mark.slow
def test_a_folder_of_another_run_is_refused_until_fresh(tmp_path):
    folder = tmp_path / "run"
    run, settings = tiny("vectors", folder)
    perform(run, settings)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(RecipeError, match=r"its seed is 0, not 1.*--fresh"):
        perform(*tiny("vectors", folder, seed=1))
    other = parse_settings(settings, ["D=3"])
    with pytest.raises(RecipeError, match="its settings is"):
        perform(Run("vectors", "python_manual", folder, CPU, progress=False), other)
    results, _ = perform(*tiny("vectors", folder, seed=1), fresh=True)
    assert results["seed"] == 1
    assert (folder / "notes.txt").read_text() == "mine"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "words.json").touch()
    with pytest.raises(RecipeError, match=r"would replace: words\.json"):
        perform(*tiny("vectors", tmp_path / "photos"))
    with pytest.raises(RecipeError, match="holds no results"):
        load(tmp_path / "photos")


@pytest.mark.slow
def test_the_default_folder_names_what_is_run(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["vectors", "--seed", "3", "--device", "cpu", "--set", *TINY["vectors"].split()]
    assert command.main(arguments) == 0
    [folder] = Path("runs").iterdir()
    assert folder.name.startswith("vectors-python_manual-seed3-D=4-batch_size=200")
    assert str(folder) in capsys.readouterr().out


# --- report -------------------------------------------------------------------------------------


def test_report(tmp_path, capsys):
    def pretend(folder, seed, value, finished=True, **changes):
        settings = {**vars(words.SETTINGS["penn_treebank"]), **changes}
        (tmp_path / folder).mkdir()
        content = {
            "recipe": "words", "data": "penn_treebank", "seed": seed, "settings": settings,
            "results": {"test perplexity": value, "vocabulary": 10}, "parameters": 1234,
            "epochs": 3, "minutes": 2.25, "device": "cpu", "finished": finished,
        }  # fmt: skip
        (tmp_path / folder / "results.json").write_text(json.dumps(content))

    pretend("a", 1, 101.0)
    pretend("b", 0, 104.0)
    pretend("c", 0, 140.0, regularize=False)
    pretend("d", 2, 999.0, finished=False)
    out = tmp_path / "docs" / "results.md"
    assert command.main(["report", "--runs", str(tmp_path), "--out", str(out)]) == 0
    text = out.read_text()
    assert "| ours | 102.50 (101.00 to 104.00) | 1,234 | 3 | 2.2 | 0, 1 | cpu |" in text
    assert "| ours, regularize=False | 140.00 |" in text
    assert "999" not in text and "sentiment" not in text
    for row in PUBLISHED["words", "penn_treebank"][1:]:
        assert " | ".join(row) in text
    assert command.main(["report", "--runs", str(tmp_path / "nothing"), "--out", "x"]) == 2
    assert "no finished runs" in capsys.readouterr().err


# --- their parts --------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("N", [1, 7])
def test_softmax_loss_is_torchs(monkeypatch, smoothing, dtype, N):
    monkeypatch.setattr("rnncourse.recipes.softmax_loss.CHUNK", 3)
    generator = torch.Generator().manual_seed(N)
    shapes = ((N, 2), (5, 2), (5,))
    ours = [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]
    theirs = [tensor.clone().requires_grad_() for tensor in ours]
    ours = [tensor.requires_grad_() for tensor in ours]
    targets = torch.randint(5, (N,), generator=generator)
    loss = softmax_loss(*ours, targets, smoothing)
    hs, E, b = theirs
    expected = torch.nn.functional.cross_entropy(hs @ E.T + b, targets, label_smoothing=smoothing)
    torch.testing.assert_close(loss, expected)
    (3 * loss).backward()
    (3 * expected).backward()
    for actual, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(actual.grad, reference.grad)


def test_a_language_model_goes_on_where_the_block_before_ended():
    """Two blocks in a row say what one long one says."""
    settings = parse_settings(words.SETTINGS["penn_treebank"], ["H=3", "layers=2", "batch_size=2"])
    torch.manual_seed(0)
    model = language_models.RegularizedLanguageModel(11, settings).double().eval()
    tokens = torch.randint(11, (2, 7), generator=torch.Generator().manual_seed(1))
    model.activation = model.temporal = 0
    first = model.loss(True, tokens[:, :4], tokens[:, 1:5])
    second = model.loss(False, tokens[:, 4:6], tokens[:, 5:7])
    logits, _ = model(tokens[:, :6])
    whole = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    torch.testing.assert_close((4 * first + 2 * second) / 6, whole)


def test_masks_are_drawn_in_training_only_and_regularize_no_means_none():
    settings = parse_settings(words.SETTINGS["penn_treebank"], ["H=16", "batch_size=2"])
    tokens = torch.randint(11, (2, 6), generator=torch.Generator().manual_seed(1))

    def losses(settings, train):
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(2)
        model = language_models.RegularizedLanguageModel(11, settings, generator).train(train)
        return [model.loss(True, tokens[:, :5], tokens[:, 1:]).item() for _ in range(2)]

    noisy, calm = losses(settings, True), losses(settings, False)
    assert noisy[0] != noisy[1] and calm[0] == calm[1]
    plain = parse_settings(settings, ["regularize=no"])
    without = losses(plain, True)
    assert without[0] == without[1] == losses(plain, False)[0] < calm[0]  # AR and TAR are gone


def test_a_translator_step_by_step_is_the_translator_at_once():
    settings = parse_settings(translation.SETTINGS["phrases"], ["D=4", "H=3", "A=5"])
    torch.manual_seed(0)
    model = translation.Translator(9, 11, settings).double().eval()
    source, mask = (
        torch.tensor([[4, 5, 6], [7, 8, 0]]),
        torch.tensor([[True] * 3, [True, True, False]]),
    )
    target = torch.tensor([[2, 5, 9, 4], [2, 10, 6, 7]])
    at_once = model(source, mask, target)
    state = model.start(source, mask)
    for t in range(4):
        logits, state = model.step(target[:, t], state)
        assert (logits[:, [0, 1, 2]] == -torch.inf).all()
        torch.testing.assert_close(logits[:, 3:], at_once[:, t, 3:])
    # What is in the padding of the source does not matter.
    source[1, 2] = 5
    torch.testing.assert_close(model(source, mask, target), at_once)
    _, a = model.readout(source, mask, target)
    assert (a[1, :, 2] == 0).all()
    torch.testing.assert_close(a.sum(dim=2), torch.ones(2, 4, dtype=torch.float64))


def test_translations_come_back_in_order():
    settings = parse_settings(translation.SETTINGS["phrases"], ["D=4", "H=3", "A=5", "longest=6"])
    torch.manual_seed(0)
    model = translation.Translator(9, 11, settings).eval()
    vocab = {f"w{n}": n for n in range(11)}
    pairs = [([4 + n % 5] * (1 + n % 4) + [3], [2, 3]) for n in range(60)]
    together = translation.translate(model, pairs, vocab, 2)
    for n in (0, 1, 7, 58):
        assert translation.translate(model, [pairs[n]], vocab, 2) == [together[n]]


def test_neighbours():
    vocab = {word: n for n, word in enumerate(["<pad>", "<unk>", "<s>", "</s>", "a", "b", "c"])}
    E = torch.tensor([[9.0, 9], [9, 9], [9, 9], [9, 9], [1, 1], [0, 2], [5, 5.1]])
    (first, first_cosine), (second, second_cosine) = vectors.neighbours(E, vocab, "a")
    assert (first, second) == ("c", "b")
    assert first_cosine == pytest.approx(1, abs=1e-3)
    assert second_cosine == pytest.approx(0.5**0.5)


def test_frequent_words_are_thinned_out():
    line = torch.tensor([4] * 900 + [5] * 100)
    keep = torch.tensor([0, 0, 0, 0, 0.2, 1.0])
    pairs = vectors.Pairs(
        [line], keep, vectors.Settings(window=1), torch.Generator().manual_seed(0)
    )
    centers = torch.cat([batch[:, 0] for batch in pairs])
    assert 198 <= (centers == 5).sum() <= 200  # each has two neighbours, the last one has one
    assert 250 < (centers == 4).sum() < 480
    again = torch.cat([batch[:, 0] for batch in pairs])
    assert not torch.equal(centers, again)


def test_the_package_stays_cheap():
    code = "import sys, rnncourse.recipes; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
