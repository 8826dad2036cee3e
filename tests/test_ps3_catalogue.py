"""Problem set 3: answers of the right form with wrong values, and the models of its checks."""

import pytest
import torch
from torch import nn

from autograder.rubrics import graded_properties
from rnncourse.checks.model_specs import Model, Network, Restless
from rnncourse.checks.pytree import map_tensors
from rnncourse.exercises.ps3_outputs import EXERCISES
from rnncourse.reference import outputs


def points(name, subject):
    return EXERCISES[name].evaluate(subject, 1, graded_properties(name)).points


def zeros(name):
    """A solution whose results have the right form and are all 0."""
    reference = EXERCISES[name].reference
    if not isinstance(reference, type):
        return lambda *args: map_tensors(lambda tensor: 0 * tensor, reference(*args))

    class Zeros(reference):
        def forward(self, *args, **kwargs):
            return map_tensors(lambda tensor: 0 * tensor, super().forward(*args, **kwargs))

        def step(self, *args):
            return map_tensors(lambda tensor: 0 * tensor, super().step(*args))

    return Zeros


@pytest.mark.parametrize("name", [name for name in EXERCISES if name != "translation_bugs"])
def test_zeros_of_the_right_shape_get_little(name):
    assert points(name, zeros(name)) < 0.3 * EXERCISES[name].points


def test_accusing_a_correct_line_finds_nothing():
    assert points("translation_bugs", lambda: set("ABCDEFGHIJ")) <= 0.25
    assert points("translation_bugs", lambda: set("BDFHJ")) <= 0.25
    assert points("translation_bugs", lambda: "BDFH") == 2.75  # right, but not a set
    assert points("translation_bugs", set) == 0.25


def test_a_small_probability_changes_with_its_sentence():
    """However small a seed makes it, rows do not mix: partial credit does not depend on luck."""
    exercise = EXERCISES["sentence_log_prob"]
    (wrong,) = [
        mistake.wrong
        for mistake in exercise.misconceptions
        if mistake.name == "returns_the_probability"
    ]
    marks = {
        exercise.evaluate(wrong, seed, graded_properties(exercise.name)).points for seed in range(8)
    }
    assert marks == {1.75}


# --- the models that checks build -----------------------------------------------------------------


@pytest.fixture
def model():
    networks = {"rnn": Network("Elman", (2, 3))}
    shapes = {"rnn.W_x": (2, 3), "rnn.W_h": (3, 3), "E": (5, 2), "W_soft": (3, 4)}
    sizes = {"V": 5, "D": 2, "H": 3, "C": 4}
    weights = {name: torch.randn(*shape).double() for name, shape in shapes.items()}
    return Model(networks, sizes, weights)


def test_a_model_is_built_with_the_weights_given(model):
    built = model.build(outputs.SentimentClassifier)
    for name, parameter in built.named_parameters():
        assert torch.equal(parameter, model.weights[name])
    assert set(model.parameters(outputs.SentimentClassifier).values()) == {"none"}
    assert str(model) == "Elman, V=5, D=2, H=3, C=4"


def test_a_model_says_what_is_wrong_with_the_parameters(model):
    class Wrong(nn.Module):
        def __init__(self, rnn, V, D, H, C):
            super().__init__()
            self.rnn = rnn
            self.E = nn.Parameter(torch.ones(V, D), requires_grad=False)
            self.head = nn.Parameter(torch.randn(H, C))

    wrong = "W_soft (3, 4) is missing; head is not asked for"
    with pytest.raises(ValueError, match="among the parameters, ") as error:
        model.build(Wrong)
    assert wrong in str(error.value)
    assert list(model.parameters(Wrong).values()) == [wrong, "E", "E"]


def test_a_restless_network_is_right_where_there_are_words():
    torch.manual_seed(0)
    rnn, xs, h = Restless(2, 3), torch.randn(2, 4, 2), torch.randn(2, 3)
    hs, state = rnn(xs, torch.tensor([4, 2]), h)
    assert hs[1, 2:].isnan().all() and hs[0].isfinite().all()
    for b, n in ((0, 4), (1, 2)):
        alone, last = rnn(xs[b : b + 1, :n], None, h[b : b + 1])
        assert torch.allclose(hs[b, :n], alone[0]) and torch.allclose(state[b], last[0])
