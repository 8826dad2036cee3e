"""`fit`: the loop against one written out, and resumed runs against runs without a break."""

import copy
import itertools
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from rnncourse.reference.checkpoint import load_checkpoint
from rnncourse.reference.training_loop import fit


def problem(n=20, seed=4):
    """Inputs and targets of a small regression."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, generator=generator)
    return x, torch.sin(x.sum(dim=1, keepdim=True))


def network(seed, dropout=0.0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Dropout(dropout), nn.Linear(5, 1))


def loss(model, batch):
    x, y = batch
    return ((model(x) - y) ** 2).mean()


class Shuffled:
    """Batches in a new order in each epoch; lazy draws the order batch by batch."""

    def __init__(self, generator, lazy=False, size=3):
        self.x, self.y = problem()
        self.generator, self.lazy, self.size = generator, lazy, size

    def __iter__(self):
        left = torch.arange(len(self.x))
        if not self.lazy:
            left = torch.randperm(len(self.x), generator=self.generator)
        while len(left):
            if self.lazy:
                left = left[torch.randperm(len(left), generator=self.generator)]
            now, left = left[: self.size], left[self.size :]
            yield self.x[now], self.y[now]


def quiet(*args, **kwargs):
    return fit(*args, progress=False, **kwargs)


# --- the loop -----------------------------------------------------------------------------------


def test_fit_is_the_loop_written_out():
    x, y = problem()
    batches = [(x[:8], y[:8]), (x[8:], y[8:])]
    ours, theirs = network(1), network(1)
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.5, momentum=0.9)
    history = quiet(
        ours, batches, loss, optimizer, epochs=3, max_norm=0.4, schedule=lambda h: 0.5 ** len(h)
    )

    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.5, momentum=0.9)
    expected = []
    for epoch in range(3):
        optimizer.param_groups[0]["lr"] = 0.5 * 0.5**epoch
        total = 0.0
        for batch in batches:
            optimizer.zero_grad()
            value = loss(theirs, batch)
            value.backward()
            nn.utils.clip_grad_norm_(theirs.parameters(), 0.4)
            optimizer.step()
            total += value.item()
        expected.append({"train": pytest.approx(total / 2, rel=1e-5), "factor": 0.5**epoch})
    assert history == expected
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_fit_learns():
    model = network(2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    history = quiet(
        model, Shuffled(torch.Generator().manual_seed(1)), loss, optimizer, epochs=30, max_norm=5.0
    )
    assert history[-1]["train"] < history[0]["train"] / 10


def script(values):
    """A validate that gives these values in turn."""
    values = iter(values)
    return lambda model: next(values)


@pytest.mark.parametrize(
    "values, patience, epochs_run, best",
    [
        ([5, 4, 3, 2], None, 4, 4),
        ([5, 2, 3, 4], None, 4, 2),
        ([5, 2, 3, 4], 2, 4, 2),
        ([5, 2, 3, 1], 2, 4, 4),
        ([5, 2, 3, 1], 1, 3, 2),
        ([2, 2, 2, 2], 2, 3, 1),
        ([math.inf, math.inf, 1, 2], 3, 4, 3),
        ([3, 4, 5, 2.5], 3, 4, 4),
    ],
)
def test_early_stopping_restores_the_best_weights(values, patience, epochs_run, best):
    after = []  # the weights after each epoch

    scripted = script(values)

    def validate(model):
        after.append(copy.deepcopy(model.state_dict()))
        return scripted(model)

    model = network(3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = problem()
    history = quiet(
        model,
        [(x, y)],
        loss,
        optimizer,
        epochs=4,
        max_norm=1.0,
        validate=validate,
        patience=patience,
    )
    assert [epoch["valid"] for epoch in history] == values[:epochs_run]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, after[best - 1][name])
        assert name.endswith("bias") or not torch.equal(tensor, after[best % epochs_run][name])


@pytest.mark.parametrize("mode", [True, False])
def test_modes_and_gradients(mode):
    model = network(1)
    model.train(mode)
    seen = []

    def watched(model, batch):
        seen.append(("loss", model.training, torch.is_grad_enabled()))
        return loss(model, batch)

    def validate(model):
        seen.append(("validate", model.training, torch.is_grad_enabled()))
        return 1.0

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    quiet(model, [problem()], watched, optimizer, epochs=2, max_norm=1.0, validate=validate)
    assert seen == [("loss", True, True), ("validate", False, False)] * 2
    assert model.training is mode


def test_the_mode_is_put_back_after_an_error():
    model = network(1).eval()

    def broken(model, batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quiet(model, [1], broken, torch.optim.SGD(model.parameters()), epochs=1, max_norm=1.0)
    assert not model.training


def test_schedule_sees_the_history_and_scales_each_rate():
    model = network(1)
    optimizer = torch.optim.SGD(
        [
            {"params": model[0].parameters(), "lr": 0.1},
            {"params": model[3].parameters(), "lr": 0.02},
        ]
    )
    seen, rates = [], []

    def schedule(history):  # a quarter whenever validation has got worse
        seen.append([epoch["valid"] for epoch in history])
        worse = sum(b > a for a, b in itertools.pairwise(seen[-1]))
        return 0.25**worse

    def watched(model, batch):
        rates.append([group["lr"] for group in optimizer.param_groups])
        return loss(model, batch)

    quiet(
        model,
        [problem()],
        watched,
        optimizer,
        epochs=4,
        max_norm=1.0,
        validate=script([3, 4, 2, 5]),
        schedule=schedule,
    )
    assert seen == [[], [3], [3, 4], [3, 4, 2]]
    factors = [1, 1, 0.25, 0.25]
    assert rates == [[pytest.approx(0.1 * f), pytest.approx(0.02 * f)] for f in factors]


def test_without_a_schedule_the_learning_rate_is_the_callers():
    model = network(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    quiet(model, [problem()], loss, optimizer, epochs=1, max_norm=1.0, schedule=lambda h: 0.5)
    optimizer.param_groups[0]["lr"] = 0.7
    quiet(model, [problem()], loss, optimizer, epochs=1, max_norm=1.0)
    assert optimizer.param_groups[0]["lr"] == 0.7


def test_errors():
    model = network(1)
    given = (loss, torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(ValueError, match="no batches"):
        quiet(model, iter([problem()]), *given, epochs=2, max_norm=1.0)
    with pytest.raises(ValueError, match="NaN after epoch 2"):
        quiet(model, [problem()], *given, epochs=2, max_norm=1.0, validate=script([1.0, math.nan]))
    with pytest.raises(ValueError, match="patience"):
        quiet(model, [problem()], *given, epochs=2, max_norm=1.0, patience=3)


def test_progress_bar(capsys):
    model = network(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    given = (model, [problem()] * 3, loss, optimizer)
    fit(*given, epochs=2, max_norm=1.0, validate=lambda model: 0.125)
    shown = capsys.readouterr().err
    assert "epoch 2/2" in shown and "3/3" in shown and "valid=0.125" in shown
    fit(*given, epochs=2, max_norm=1.0, progress=False)
    assert capsys.readouterr().err == ""


# --- resuming -----------------------------------------------------------------------------------


def run(
    checkpoint,
    stop_at=None,
    seed=0,
    lazy=False,
    save_every=2,
    epochs=3,
    progress=False,
    seconds=None,
):
    """A run with every kind of randomness; the loss is interrupted at call number stop_at."""
    model = network(7, dropout=0.3)  # torch's own random state
    order, noise = (
        torch.Generator().manual_seed(11 + seed),
        torch.Generator().manual_seed(12 + seed),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    torch.manual_seed(13 + seed)
    calls = itertools.count()

    def noisy(model, batch):
        if next(calls) == stop_at:
            raise KeyboardInterrupt
        x, y = batch
        return loss(model, (x + 0.1 * torch.randn(x.shape, generator=noise), y))

    def validate(model):
        x, y = problem(seed=5)
        return loss(model, (x, y))

    history = fit(
        model,
        Shuffled(order, lazy),
        noisy,
        optimizer,
        epochs=epochs,
        max_norm=1.0,
        validate=validate,
        schedule=lambda history: 0.9 ** len(history),
        generators=(order, noise),
        checkpoint=checkpoint,
        save_every=save_every,
        seconds=seconds,
        progress=progress,
    )
    return history, model, order, noise


def same_run(run_1, run_2):
    history, model, order, noise = run_1
    history_2, model_2, order_2, noise_2 = run_2
    assert history == history_2
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, model_2.state_dict()[name])
    assert torch.equal(order.get_state(), order_2.get_state())
    assert torch.equal(noise.get_state(), noise_2.get_state())


# 20 examples by 3: seven batches an epoch, 21 calls. Saved after batches 2, 4, 6 and each epoch.
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("stop_at", [1, 2, 3, 6, 7, 8, 13, 14, 20])
def test_a_resumed_run_is_the_same_to_the_last_bit(tmp_path, stop_at, lazy):
    with torch.random.fork_rng():
        straight = run(None, lazy=lazy)
        end = torch.get_rng_state()
        path = tmp_path / "run.safetensors"
        with pytest.raises(KeyboardInterrupt):
            run(path, stop_at, lazy=lazy)
        # Another seed: whatever is not restored would differ. (Before the first checkpoint
        # there is nothing to restore.)
        resumed = run(path, seed=0 if stop_at < 2 else 100, lazy=lazy)
        same_run(resumed, straight)
        assert torch.equal(torch.get_rng_state(), end)


def test_a_checkpoint_at_the_end_of_an_epoch_but_before_its_validation(tmp_path):
    with torch.random.fork_rng():
        straight = run(None)
        path = tmp_path / "x"
        with pytest.raises(KeyboardInterrupt):
            run(path, stop_at=8, save_every=7)  # saved at 7 of 7, and again after validation
        assert len(load_checkpoint(path)["run"]["history"]) == 1
        same_run(run(path, seed=100, save_every=7), straight)


def test_many_interruptions(tmp_path):
    with torch.random.fork_rng():
        straight, path = run(None), tmp_path / "x"
        for _ in range(50):
            try:
                resumed = run(path, stop_at=3, seed=0 if not path.exists() else 100)
            except KeyboardInterrupt:
                continue
            break
        same_run(resumed, straight)


def test_a_finished_run_comes_back_and_can_be_made_longer(tmp_path):
    with torch.random.fork_rng():
        first = run(tmp_path / "x", epochs=2)
        again = run(tmp_path / "x", stop_at=0, seed=100, epochs=2)  # no batch is computed
        same_run(again, first)
        same_run(run(tmp_path / "x", seed=100, epochs=3), run(None, epochs=3))


def test_a_time_limit_stops_after_a_step_and_the_same_call_goes_on(tmp_path):
    path = tmp_path / "checkpoint"
    with torch.random.fork_rng():
        straight = run(None)
        epochs = []
        while len(epochs) < 100 and epochs[-1:] != [3]:  # no time at all: a step for each call
            stopped = run(path, seconds=0, save_every=1000)
            epochs.append(len(stopped[0]))
        assert len(epochs) > 3 and epochs == sorted(epochs) and set(epochs) == {0, 1, 2, 3}
        same_run(stopped, straight)
        same_run(run(tmp_path / "other", seconds=1e6), straight)


def test_resuming_says_so(tmp_path, capsys):
    with torch.random.fork_rng():
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "x", stop_at=12)
        capsys.readouterr()
        run(tmp_path / "x", progress=True)
        assert "1 epochs and 4 steps are done" in capsys.readouterr().out


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "x"
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    quiet(model, [problem()], loss, optimizer, epochs=1, max_norm=1.0, checkpoint=path)
    other = network(1)
    with pytest.raises(ValueError, match=r"another run.*delete"):
        quiet(
            other,
            [problem()],
            loss,
            torch.optim.SGD(other.parameters(), lr=0.1),
            epochs=1,
            max_norm=1.0,
            checkpoint=path,
        )
    with pytest.raises(ValueError, match="another run"):
        quiet(
            model,
            [problem()],
            loss,
            optimizer,
            epochs=1,
            max_norm=1.0,
            checkpoint=path,
            generators=(torch.Generator(),),
        )


def test_fewer_batches_than_were_done_are_refused(tmp_path):
    model = network(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def stop(model, batch):
        if batch is None:
            raise KeyboardInterrupt
        return loss(model, batch)

    given = dict(epochs=1, max_norm=1.0, checkpoint=tmp_path / "x", save_every=1)
    with pytest.raises(KeyboardInterrupt):
        quiet(model, [problem()] * 3 + [None], stop, optimizer, **given)
    with pytest.raises(ValueError, match="3 batches"):
        quiet(model, [problem()] * 2, stop, optimizer, **given)


def test_a_buffer_travels_with_the_model(tmp_path):
    class Counting(nn.Linear):
        def __init__(self):
            super().__init__(3, 1)
            self.register_buffer("seen", torch.zeros(()))

    def counting(model, batch):
        model.seen += 1
        return loss(model, batch)

    for epochs in (1, 3):
        model = Counting()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        quiet(
            model,
            [problem()] * 2,
            counting,
            optimizer,
            epochs=epochs,
            max_norm=1.0,
            checkpoint=tmp_path / "x",
        )
        assert model.seen == 2 * epochs


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
import test_reference_training_loop as t
t.run(sys.argv[2], save_every=1, epochs=10**6)
"""


def test_kill_9_leaves_a_checkpoint_that_can_be_loaded(tmp_path):
    path, tests = tmp_path / "x", Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": str(tests.parents[1])}
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tests), str(path)], env=environment)
    try:
        while not path.exists():
            assert child.poll() is None
            time.sleep(0.01)
        time.sleep(0.1)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    saved = load_checkpoint(path)
    with torch.random.fork_rng():
        epochs = len(saved["run"]["history"]) + 1
        same_run(run(path, seed=100, epochs=epochs), run(None, epochs=epochs))
