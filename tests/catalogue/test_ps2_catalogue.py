"""Problem set 2: what its rubric gives answers of the right form with wrong values."""

import doctest

import nbformat
import pytest
import torch
from conftest import ROOT

from autograder.rubrics import graded_properties
from rnncourse.checks.pytree import map_tensors
from rnncourse.exercises.ps2_inputs import EXERCISES
from rnncourse.exercises.ps2_inputs.skipgram_pairs import judge_pairs
from rnncourse.reference import inputs


def grade(name, subject):
    return EXERCISES[name].evaluate(subject, 1, graded_properties(name))


def failed(name, subject):
    return {outcome.name for outcome in grade(name, subject).outcomes if not outcome.passed}


def zeros(name):
    """A solution whose results have the right form and are all 0."""
    reference = EXERCISES[name].reference
    if name == "build_vocab":
        return lambda *args, **limits: dict.fromkeys(reference(*args, **limits), 0)
    if name == "encode":
        return lambda words, vocab: [0] * len(words)
    return lambda *args: map_tensors(torch.zeros_like, reference(*args))


@pytest.mark.parametrize("name", EXERCISES)
def test_zeros_of_the_right_form_get_little(name):
    assert grade(name, zeros(name)).points < 0.35 * EXERCISES[name].points


@pytest.mark.parametrize("name", ["embed", "nplm_logits", "negative_sampling_loss"])
def test_a_sparse_or_a_complex_result_is_a_wrong_result(name):
    reference = EXERCISES[name].reference
    for change in (torch.Tensor.to_sparse, lambda tensor: tensor.to(torch.complex128)):
        report = grade(name, lambda *args, change=change: change(reference(*args)))
        assert report.points < EXERCISES[name].points


def test_a_mistake_costs_what_it_is_about():
    def unsorted_ties(sentences, min_count=1, max_size=None):
        misconceptions = EXERCISES["build_vocab"].misconceptions
        wrong = {mistake.name: mistake.wrong for mistake in misconceptions}
        return wrong["leaves_ties_to_the_text"](sentences, min_count, max_size)

    assert failed("build_vocab", unsorted_ties) == {"ties", "cut", "case", "sentences"}

    def int32_batch(sequences, pad=inputs.PAD):
        return tuple(tensor.int() for tensor in inputs.pad_batch(sequences, pad))

    assert failed("pad_batch", int32_batch) == {"dtype", "empty"}

    def shuffled_pairs(tokens, window):
        return inputs.skipgram_pairs(tokens, window).flip(0)

    assert {"pairs", "form"}.isdisjoint(failed("skipgram_pairs", shuffled_pairs))
    assert "order" in failed("skipgram_pairs", shuffled_pairs)


def test_missing_and_superfluous_pairs_are_named():
    def judged(pairs):
        return judge_pairs({"call": pairs}, {"call": [[1, 2], [2, 1]]})

    assert judged([[2, 1], [1, 2]]) is None
    assert judged([[1, 2]]) == "call: 1 pairs are missing, such as (2, 1)"
    assert judged([[1, 2], [2, 1], [1, 2]]) == "call: 1 pairs are too many, such as (1, 2)"
    assert "expected list of 2" in judged("None")


def test_the_examples_in_the_docstrings_are_true():
    notebook = nbformat.read(ROOT / "solutions/ps2_inputs/ps2_inputs.ipynb", as_version=4)
    space = {"__name__": "ps2"}
    for cell in notebook.cells:
        solution = cell.metadata.get("nbgrader", {}).get("solution")
        if cell.cell_type == "code" and (solution or cell.id == "setup"):
            exec(compile(cell.source, cell.id, "exec"), space)
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    for name in EXERCISES:
        for example in finder.find(space[name], name, globs=space, module=False):
            assert example.examples
            assert runner.run(example).failed == 0
