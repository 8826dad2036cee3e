"""Problem set 4: what its rubric makes of answers that only look like ones."""

import pytest
import torch
from torch.nn import functional

from autograder.rubrics import graded_properties
from rnncourse.checks.pytree import map_tensors
from rnncourse.exercises.ps4_attention import EXERCISES
from rnncourse.reference import attention


def graded(name, subject, seed=1):
    return EXERCISES[name].evaluate(subject, seed, graded_properties(name))


def zeros(name):
    """A solution whose results have the right form and are all 0."""
    if name == "attention_slide_bugs":
        return lambda: {"slide": set(), "code": set()}
    if name == "AttentionSeq2Seq":

        class Zeros(attention.AttentionSeq2Seq):
            def forward_with_weights(self, *args):
                return map_tensors(torch.zeros_like, super().forward_with_weights(*args))

            def step(self, *args):
                logits, state = super().step(*args)
                return torch.zeros_like(logits), state

        return Zeros
    reference = EXERCISES[name].reference
    return lambda *args: map_tensors(torch.zeros_like, reference(*args))


@pytest.mark.parametrize("name", EXERCISES)
def test_zeros_of_the_right_shape_get_little(name):
    assert graded(name, zeros(name)).points < 0.3 * EXERCISES[name].points


def test_accusing_a_correct_line_finds_nothing():
    def everything():
        return {"slide": set("ABCDEFGHIJ"), "code": set("KLMNOP")}

    def one_too_many():
        return {"slide": set("CEJ"), "code": set("NP")}

    def one_for_another():
        return {"slide": set("CE"), "code": set("NP")}

    assert graded("attention_slide_bugs", everything).points <= 0.25
    assert graded("attention_slide_bugs", one_too_many).points <= 0.25
    assert graded("attention_slide_bugs", one_for_another).points <= 0.75


def test_uniform_weights_get_little():
    """Attention that looks everywhere alike is a mean."""

    def mean(query, keys, mask, score):
        return attention.attend(query, keys, mask, lambda f, e: 0 * attention.dot_score(f, e))

    assert graded("attend", mean).points < 0.3 * EXERCISES["attend"].points


def test_ready_made_attention_is_refused():
    def ready_made(query, keys, mask, score):
        queries = query.unsqueeze(1)
        context = functional.scaled_dot_product_attention(queries, keys, keys, mask.unsqueeze(1))
        return context.squeeze(1), mask

    report = graded("attend", ready_made)
    assert report.points == 0
    assert "what this exercise asks you to write yourself" in repr(report)


def test_a_model_that_never_looks_fails_where_it_should():
    """Luong's form with a context of 0: Seq2Seq with a matrix more."""

    class Blind(attention.AttentionSeq2Seq):
        def _predict(self, f, *source_side):
            _, a = super()._predict(f, *source_side)
            context = torch.zeros_like(f)
            if self.combine == "luong":
                context = torch.tanh(torch.cat([context, f], dim=-1) @ self.W_c)
            return context @ self.W_soft, a

    report = graded("AttentionSeq2Seq", Blind)
    failed = {outcome.name for outcome in report.outcomes if not outcome.passed}
    assert failed >= {"values", "printed", "gradient", "alone", "steps", "networks", "rows"}
    assert {outcome.name for outcome in report.outcomes if outcome.passed} >= {
        "parameters",
        "shape",
        "weights",
    }
