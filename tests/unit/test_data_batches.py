"""Batches against loops over plain lists."""

import random

import pytest
import torch

from rnncourse.data import batches, blocks, stream


def generator(seed):
    return torch.Generator().manual_seed(seed)


def make(count, longest=9, seed=0):
    rng = random.Random(seed)
    return [
        (
            [rng.randint(1, 50) for _ in range(rng.randint(1, longest))],
            [rng.randint(1, 50) for _ in range(rng.randint(1, longest))],
            rng.randint(0, 4),
        )
        for _ in range(count)
    ]


def unpadded(tokens, mask):
    """The rows as lists again, by a loop over every place."""
    rows = []
    for row, keep in zip(tokens.tolist(), mask.tolist(), strict=True):
        assert keep == sorted(keep, reverse=True)  # tokens first, then padding
        rows.append([token for token, is_token in zip(row, keep, strict=True) if is_token])
    return rows


@pytest.mark.parametrize("count, batch_size", [(0, 3), (1, 1), (1, 5), (7, 3), (9, 3), (500, 4)])
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_every_example_is_in_one_batch_and_comes_back_whole(count, batch_size, seed):
    examples = make(count)
    collected = []
    sizes = []
    for (source, s_mask), (target, t_mask), labels in batches(
        examples, batch_size, None if seed is None else generator(seed)
    ):
        assert source.dtype == target.dtype == labels.dtype == torch.int64
        assert s_mask.dtype == t_mask.dtype == torch.bool
        assert source.shape == s_mask.shape and target.shape == t_mask.shape
        rows = list(
            zip(unpadded(source, s_mask), unpadded(target, t_mask), labels.tolist(), strict=True)
        )
        assert source.shape[1] == max(len(row[0]) for row in rows)
        assert target.shape[1] == max(len(row[1]) for row in rows)
        collected += rows
        sizes.append(len(rows))
    assert sorted(collected) == sorted(examples)
    assert sorted(sizes, reverse=True)[: count // batch_size] == [batch_size] * (
        count // batch_size
    )
    assert len(sizes) == -(-count // batch_size)
    if seed is None:
        assert collected == examples


def test_padding_is_what_it_is_told_to_be():
    [(tokens, mask)] = batches([[1, 2, 3], [4], []], 3, pad=9)
    assert tokens.tolist() == [[1, 2, 3], [4, 9, 9], [9, 9, 9]]
    assert mask.tolist() == [[True] * 3, [True, False, False], [False] * 3]


def test_the_generator_decides_alone():
    examples = make(300)

    def order(seed, noise):
        torch.manual_seed(noise)
        return [labels.tolist() for _, _, labels in batches(examples, 8, generator(seed))]

    assert order(0, 1) == order(0, 2) != order(1, 1)
    state = torch.get_rng_state()
    order_again = [labels.tolist() for _, _, labels in batches(examples, 8, generator(0))]
    assert torch.equal(torch.get_rng_state(), state) and order_again == order(0, 3)


def test_two_epochs_from_one_generator_differ():
    g = generator(0)
    first, second = ([row for _, _, row in batches(make(64), 8, g)] for _ in range(2))
    assert any(not torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_similar_lengths_come_together_in_random_order():
    rng = random.Random(0)
    examples = [[1] * rng.randint(1, 40) for _ in range(2000)]
    shapes = [tokens.shape for tokens, _ in batches(examples, 16, generator(0))]
    padded = sum(rows * columns for rows, columns in shapes)
    tokens = sum(map(len, examples))
    assert tokens / padded > 0.95  # in the order given it is about half
    in_order = sum(tokens.numel() for tokens, _ in batches(examples, 16))
    assert tokens / in_order < 0.6
    lengths = [columns for _, columns in shapes]
    assert lengths != sorted(lengths) and lengths != sorted(lengths, reverse=True)


def test_labels_that_are_no_whole_numbers():
    [(_, labels)] = batches([([1], 0.5), ([2], 1)], 2)
    assert labels.dtype == torch.float32 and labels.tolist() == [0.5, 1.0]


def test_shuffle_can_be_switched_off_with_a_generator_at_hand():
    g = generator(0)
    before = g.get_state()
    [(tokens, _)] = batches([[1], [2], [3]], 3, g, shuffle=False)
    assert tokens.flatten().tolist() == [1, 2, 3] and torch.equal(g.get_state(), before)


@pytest.mark.parametrize(
    "examples, arguments, error, message",
    [
        ([[1]], {"batch_size": 0}, ValueError, "batch_size is 0"),
        ([[1]], {"batch_size": 1, "shuffle": True}, ValueError, "generator="),
        ([["a", "b"]], {"batch_size": 1}, ValueError, "are words: turn them into ids"),
        (["a b"], {"batch_size": 1}, ValueError, "'a b' is text: tokenise it"),
        (
            [([1], 2), ([1], [2])],
            {"batch_size": 1},
            TypeError,
            "different kinds: a tuple of a list",
        ),
        ([{1: 2}], {"batch_size": 1}, TypeError, "dict is neither"),
    ],
)
def test_bad_input_is_refused_at_once(examples, arguments, error, message):
    with pytest.raises(error, match=message):
        batches(examples, **arguments)


def test_stream():
    assert stream([["a", "b"], [], ["c"]], "<eos>") == ["a", "b", "<eos>", "<eos>", "c", "<eos>"]
    text = "one\n\ntwo\n"
    assert "".join(stream([list(line) for line in text.split("\n")[:-1]], "\n")) == text


@pytest.mark.parametrize(
    "count, batch_size, length", [(2, 1, 1), (23, 3, 2), (22, 3, 2), (7, 3, 50), (101, 4, 25)]
)
def test_blocks_go_on_where_the_last_one_ended(count, batch_size, length):
    ids = [3 * n + 1 for n in range(count)]
    rows = [[] for _ in range(batch_size)]
    seen = list(blocks(ids, batch_size, length))
    for number, (inputs, targets) in enumerate(seen):
        assert inputs.dtype == targets.dtype == torch.int64 and inputs.shape == targets.shape
        assert inputs.shape[0] == batch_size
        assert inputs.shape[1] == length or number == len(seen) - 1
        assert torch.equal(targets, inputs + 3)  # in this text, each is the one before plus 3
        for row, part in zip(rows, inputs.tolist(), strict=True):
            row += part
    width = (count - 1) // batch_size
    assert [len(row) for row in rows] == [width] * batch_size
    assert [token for row in rows for token in row] == ids[: width * batch_size]


@pytest.mark.parametrize(
    "arguments, message",
    [((3, 2), "3 tokens are too few for 3"), ((0, 2), "batch_size is 0"), ((1, 0), "length 0")],
)
def test_blocks_refuse_what_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        blocks([1, 2, 3], *arguments)
