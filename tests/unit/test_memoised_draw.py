"""A draw that takes many tries is made once for each state of the generator, and copied."""

import torch

from rnncourse.checks.rng import Rng, memoised_draw


def test_a_memoised_draw_is_made_once_and_leaves_the_generator_as_the_draw_does():
    calls = []

    def draw(rng, size):
        calls.append(size)
        return rng.normal(size)

    memoised = memoised_draw(draw)
    plain, first, second = Rng(1), Rng(1), Rng(1)
    expected = draw(plain, 3)
    result = memoised(first, 3)
    result_again = memoised(second, 3)
    assert len(calls) == 2
    assert torch.equal(expected, result) and torch.equal(expected, result_again)
    assert torch.equal(plain.normal(2), first.normal(2))
    result.zero_()
    assert torch.equal(memoised(Rng(1), 3), expected)
    memoised(Rng(2), 3)
    memoised(Rng(1), 4)
    assert calls == [3, 3, 3, 4]
