"""Problem set 6: answers that only look like ones, and what is said of random results."""

import pytest
import torch

from autograder.rubrics import graded_properties
from rnncourse.checks.answer_source import source_of
from rnncourse.checks.statistics import FALSE_ALARM, looks_like, p_value
from rnncourse.exercises.ps6_decoding import EXERCISES
from rnncourse.reference.state_tree import first_tensor, select_rows


def empty(name):
    """A solution whose results have the right form and say nothing."""
    return {
        "greedy_decode": lambda step, state, bos, eos, L: [[eos] for _ in first_tensor(state)],
        "sample_decode": lambda step, state, bos, eos, *_: [[eos] for _ in first_tensor(state)],
        "beam_search": lambda step, state, *_: [[([0], -1.0)] for _ in first_tensor(state)],
        "scheduled_inputs": lambda targets, *_: torch.zeros_like(targets),
        "dad_dataset": lambda step, state, xs, inputs, targets: (
            torch.cat([inputs, torch.zeros_like(xs[:, 1:])]),
            torch.cat([targets, torch.zeros_like(xs[:, 1:])]),
        ),
        "mixer_loss": lambda logits, *_: (logits.sum() * 0, logits.sum() * 0),
        "edit_count_probs": lambda lengths, *_: torch.zeros(
            len(lengths), int(lengths.max()) + 1, dtype=torch.float64
        ),
        "raml_sample": lambda targets, *_, **__: targets.clone(),
    }[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", EXERCISES)
def test_an_answer_that_says_nothing_gets_little(name):
    points = EXERCISES[name].evaluate(empty(name), 1, graded_properties(name)).points
    assert points < 0.3 * EXERCISES[name].points


def test_p_values():
    # Of chi-square tables: 0.05 of all samples lie above 3.841 (1 degree), 9.488 (4 degrees).
    assert p_value([5098, 4902], [0.5, 0.5]) == pytest.approx(0.05, abs=1e-3)
    assert p_value([250 + 20, 250 - 20, 250, 250], [0.25] * 4) == pytest.approx(0.3618, abs=1e-3)
    assert p_value([10, 1], [1.0, 0.0]) == 0.0
    assert p_value([0, 0], [0.5, 0.5]) == 0.0
    # What is rare is put together, and a single cell cannot be wrong.
    assert p_value([95, 3, 2], [0.9, 0.05, 0.05]) == p_value([95, 5], [0.9, 0.1])


def test_what_a_sample_looks_like():
    candidates = {"fair": [0.5, 0.5], "biased": [0.9, 0.1]}
    assert looks_like([1003, 997], candidates) == "fair"
    assert looks_like([1795, 205], candidates) == "biased"
    assert looks_like([2000, 0], candidates) == "the same for all"
    assert "nor anything" in looks_like([1400, 600], candidates)


def test_a_fair_sample_is_never_taken_for_another():
    generator = torch.Generator().manual_seed(1)
    probs = [0.5, 0.3, 0.15, 0.05]
    draws = torch.multinomial(torch.tensor(probs).expand(2000, 4), 1000, True, generator=generator)
    p_values = [p_value(torch.bincount(row, minlength=4).tolist(), probs) for row in draws]
    assert min(p_values) > FALSE_ALARM
    # Were p-values not uniform, the bound would promise something else.
    assert sum(p < 0.1 for p in p_values) == pytest.approx(200, abs=60)


def test_a_catalogued_source_keeps_its_own_decorators():
    mistake = EXERCISES["greedy_decode"].misconceptions[0]
    source = source_of(mistake.wrong, "greedy_decode")
    assert source.startswith("@torch.no_grad()\ndef stops_with_the_first(")
    assert source.endswith("\ngreedy_decode = stops_with_the_first\n")


def test_rows_of_a_nested_state():
    state = (torch.arange(6).view(3, 2), (torch.tensor([7, 8, 9]),))
    assert first_tensor(state) is state[0]
    for rows in ([2, 2, 0], torch.tensor([2, 2, 0])):
        first, (other,) = select_rows(state, rows)
        assert first.tolist() == [[4, 5], [4, 5], [0, 1]] and other.tolist() == [9, 9, 7]
