"""Problem set 5: its own loop, its task, and answers that only look like ones."""

import copy
import itertools

import pytest
import torch
from torch import nn

from autograder.rubrics import graded_properties
from rnncourse.checks import toy_translation as toy
from rnncourse.checks.harness import training as harness
from rnncourse.checks.rng import Rng
from rnncourse.exercises.ps5_training import EXERCISES
from rnncourse.exercises.ps5_training.elman_backward import draw_backward
from rnncourse.reference import minimal_loop, training_loop
from rnncourse.reference.training import elman_backward


def points(name, subject):
    return EXERCISES[name].evaluate(subject, 1, graded_properties(name)).points


# --- the loop -----------------------------------------------------------------------------------


def square(model, batch):
    x, y = batch
    return ((model(x) - y) ** 2).mean()


@pytest.mark.parametrize(
    "script, patience",
    [([5, 4, 3, 2], 9), ([5, 2, 3, 4], 9), ([5, 2, 3, 1], 1), ([2, 2, 2, 2], 2), ([1, 2, 1, 2], 3)],
)
def test_the_minimal_loop_does_what_the_long_one_does(script, patience):
    generator = torch.Generator().manual_seed(3)
    batches = [torch.randn(2, 5, 3, generator=generator) for _ in range(3)]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        start = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)).eval()
    runs = []
    for fit, more in ((minimal_loop.fit, {}), (training_loop.fit, {"progress": False})):
        model, values = copy.deepcopy(start), iter(script)
        history = fit(
            model,
            batches,
            square,
            torch.optim.Adam(model.parameters(), lr=0.1),
            epochs=4,
            max_norm=0.5,
            validate=lambda model, values=values: next(values),
            patience=patience,
            **more,
        )
        history = [{"train": entry["train"], "valid": entry["valid"]} for entry in history]
        runs.append((history, model.state_dict(), model.training))
    (history, weights, mode), (long_history, long_weights, long_mode) = runs
    assert history == long_history and mode == long_mode
    assert all(torch.equal(weight, long_weights[name]) for name, weight in weights.items())


# --- the task -----------------------------------------------------------------------------------


def test_there_are_240_sentences_and_their_translations():
    pairs = toy.sentences()
    assert len({" ".join(source) for source, _ in pairs}) == len(pairs) == 240
    assert (["the", "red", "hen", "waits"], ["la", "poule", "rouge", "attend"]) in pairs
    assert (["the", "dog", "eats"], ["le", "chien", "mange"]) in pairs


def test_batches_hold_every_sentence_once_with_its_padding():
    order = torch.randperm(240, generator=torch.Generator().manual_seed(1))
    divided = toy.splits(order)
    assert [sum(len(batch[0]) for batch in part) for part in divided] == [180, 24, 36]
    seen = set()
    for source, lengths, target, mask in itertools.chain(*divided):
        assert torch.equal(mask, target != toy.PAD)
        assert torch.equal(lengths, (source != toy.PAD).sum(dim=1))
        for row, words in zip(source, target, strict=True):
            assert words[0] == toy.BOS and toy.EOS in words
            english = toy.text(row, toy.ENGLISH)
            seen.add((english, toy.text(words)))
    assert seen == {(" ".join(source), " ".join(target)) for source, target in toy.sentences()}


# --- answers that only look like ones -----------------------------------------------------------


def with_autograd_grad(grad_hs, xs, h_0, hs, W_x, W_h):
    leaves = [value.clone().requires_grad_() for value in (xs, h_0, W_x, W_h)]
    return torch.autograd.grad(states_of(*leaves), leaves, grad_hs)


def with_backward(grad_hs, xs, h_0, hs, W_x, W_h):
    leaves = [value.clone().requires_grad_() for value in (xs, h_0, W_x, W_h)]
    states_of(*leaves).backward(grad_hs)
    return tuple(leaf.grad for leaf in leaves)


def with_vjp(grad_hs, xs, h_0, hs, W_x, W_h):
    return torch.func.vjp(states_of, xs, h_0, W_x, W_h)[1](grad_hs)


def states_of(xs, h, W_x, W_h):
    hs = []
    for x in xs.unbind(dim=1):
        h = torch.tanh(x @ W_x + h @ W_h)
        hs.append(h)
    return torch.stack(hs, dim=1)


@pytest.mark.parametrize("subject", [with_autograd_grad, with_backward, with_vjp])
def test_autograd_is_out_of_reach_of_elman_backward(subject):
    rng = Rng(1)
    args = draw_backward(rng, rng.sizes())
    for mine, theirs in zip(subject(*args), elman_backward(*args), strict=True):
        torch.testing.assert_close(mine, theirs)  # it would be right
    with pytest.raises(RuntimeError, match="write yourself"):
        harness.by_hand(subject, *args)
    assert points("elman_backward", subject) == 0
    torch.ones((), requires_grad=True).backward()  # and is back afterwards


def zero_loss(logits, targets, mask, label_smoothing=0.0):
    return 0 * logits[mask].sum()


def zero_gradients(grad_hs, xs, h_0, hs, W_x, W_h):
    return tuple(torch.zeros_like(value) for value in (xs, h_0, W_x, W_h))


def zero_clip(parameters, max_norm):
    for p in parameters:
        if p.grad is not None:
            p.grad.zero_()
    return torch.zeros(())


def zero_steps(model, batch, loss, optimizer, max_norm):
    return 0.0


def no_epochs(model, batches, loss, optimizer, **rest):
    return []


@pytest.mark.parametrize(
    "name, subject",
    [
        ("cross_entropy", zero_loss),
        ("elman_backward", zero_gradients),
        ("clip_gradients", zero_clip),
        ("truncated_bptt", lambda loss, chunks, state: iter(())),
        ("train_step", zero_steps),
        ("fit", no_epochs),
    ],
)
def test_zeros_of_the_right_form_get_little(name, subject):
    assert points(name, subject) <= 0.2 * EXERCISES[name].points
