"""Checkpoints: what is stored comes back, and a crash leaves the old file or the new one."""

import math
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from rnncourse.reference.checkpoint import load_checkpoint, save_checkpoint


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for part, other_part in zip(a, b, strict=True):
            same(part, other_part)
    else:
        assert a == b


VALUES = [
    {},
    3,
    [None, True, -1, 0.1, 1e-320, math.inf, "ünï\n", 2**70],
    {0: {"a": (1, (), [])}, "0": [], "tensor": "x", "": {"list": ()}},
    torch.arange(6).view(2, 3),
    {
        "one": torch.tensor(2.5),
        "none": torch.zeros(0, 3),
        "transposed": torch.arange(6.0).view(2, 3).T,
        "rest": (
            torch.tensor([True, False]),
            torch.tensor([1, 255], dtype=torch.uint8),
            torch.tensor([1e-300], dtype=torch.float64),
            torch.tensor([1.5], dtype=torch.bfloat16),
        ),
    },
]


@pytest.mark.parametrize("value", VALUES)
def test_what_is_stored_comes_back(tmp_path, value):
    save_checkpoint(tmp_path / "a" / "run.safetensors", value)
    same(load_checkpoint(tmp_path / "a" / "run.safetensors"), value)


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.RMSprop, torch.optim.Adagrad])
def test_an_optimizer_goes_on_as_if_nothing_had_happened(tmp_path, make):
    def steps(weights, optimizer, first, last):
        for n in range(first, last):
            optimizer.zero_grad()
            (weights**2 * (n + 1)).sum().backward()
            optimizer.step()

    straight = nn.Parameter(torch.tensor([1.0, -2.0]))
    steps(straight, make([straight], lr=0.1), 0, 6)

    first = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = make([first], lr=0.1)
    steps(first, optimizer, 0, 3)
    save_checkpoint(tmp_path / "x", optimizer.state_dict())
    second = nn.Parameter(first.detach().clone())
    optimizer = make([second], lr=7.0)
    optimizer.load_state_dict(load_checkpoint(tmp_path / "x"))
    steps(second, optimizer, 3, 6)
    assert torch.equal(second, straight)


def test_tied_weights_can_be_stored(tmp_path):
    model = nn.ModuleDict({"in": nn.Embedding(5, 3), "out": nn.Linear(3, 5, bias=False)})
    model["out"].weight = model["in"].weight
    save_checkpoint(tmp_path / "x", model.state_dict())
    loaded = load_checkpoint(tmp_path / "x")
    assert torch.equal(loaded["in.weight"], model["in"].weight)
    assert torch.equal(loaded["out.weight"], model["in"].weight)


def test_other_tools_find_the_tensors_by_name(tmp_path):
    save_checkpoint(tmp_path / "x", {"model": {"cell.W": torch.ones(2)}, "more": [torch.zeros(1)]})
    assert set(load_file(tmp_path / "x")) == {"model/cell.W", "more/0"}


def test_saving_keeps_a_copy_and_gradients_out(tmp_path):
    W = nn.Parameter(torch.ones(2))
    save_checkpoint(tmp_path / "x", {"W": W})
    loaded = load_checkpoint(tmp_path / "x")["W"]
    assert not loaded.requires_grad and type(loaded) is torch.Tensor
    save_checkpoint(tmp_path / "x", {"W": torch.zeros(2)})  # what was loaded does not change
    assert (loaded == 1).all()


@pytest.mark.parametrize(
    "value, place", [({"a": [0, {1}]}, "a/1"), ({"b": {"c": object()}}, "b/c")]
)
def test_refuses_what_it_cannot_store(tmp_path, value, place):
    with pytest.raises(TypeError, match=place):
        save_checkpoint(tmp_path / "x", value)
    assert not os.listdir(tmp_path)


def test_refuses_keys_and_names_that_would_not_come_back(tmp_path):
    with pytest.raises(TypeError, match="key"):
        save_checkpoint(tmp_path / "x", {(1, 2): 3})
    with pytest.raises(ValueError, match="'1'"):
        save_checkpoint(tmp_path / "x", {1: torch.zeros(1), "1": torch.zeros(1)})


def test_refuses_files_of_other_kinds(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    save_file({"W": torch.ones(2)}, tmp_path / "weights")
    save_checkpoint(tmp_path / "good", {"W": torch.ones(100)})
    whole = (tmp_path / "good").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-10])
    for name in ("text", "empty", "weights", "cut"):
        with pytest.raises(ValueError, match=name):
            load_checkpoint(tmp_path / name)


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_crash_while_saving_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "x"
    save_checkpoint(path, {"n": 1, "W": torch.ones(1000)})

    def crash(*args, **kwargs):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        if call == "write":
            real = open

            class Half:
                """A file that takes half of what is written to it."""

                def __init__(self, *args):
                    self.file = real(*args)

                def __enter__(self):
                    return self

                def __exit__(self, *error):
                    self.file.close()

                def write(self, data):
                    self.file.write(data[: len(data) // 2])
                    crash()

            patch.setattr("builtins.open", Half)
        else:
            patch.setattr(os, call, crash)
        with pytest.raises(OSError, match="full"):
            save_checkpoint(path, {"n": 2, "W": torch.zeros(1000)})
    assert load_checkpoint(path)["n"] == 1
    save_checkpoint(path, {"n": 3})  # and what the crash has left is in nobody's way
    assert load_checkpoint(path) == {"n": 3}
    assert os.listdir(tmp_path) == [Path(path).name]
