"""A mistake is named on evidence: it explains enough, and contradicts nothing."""

import torch

from rnncourse.checks.compare import difference
from rnncourse.checks.diagnosis import Evidence, diagnose
from rnncourse.checks.exercise import Exercise, Property
from rnncourse.checks.properties import attempt


def item(name, got, expected):
    return Evidence(name, difference, got, expected, difference(got, expected) is not None)


def named(evidence, **suspects):
    """suspects: by name, what each is observed to do, property by property."""
    found = diagnose(evidence, suspects, lambda item, suspect: suspects[suspect][item.name])
    return {name: str(suspect) for name, suspect in found.items()}


def test_a_mistake_that_explains_everything_is_named_everywhere():
    evidence = [item("a", 1, 0), item("b", 2, 0), item("c", 0, 0)]
    assert named(evidence, culprit={"a": 1, "b": 2, "c": 0}) == {"a": "culprit", "b": "culprit"}


def test_a_mistake_that_fails_what_the_student_passes_is_not_named():
    evidence = [item("a", 1, 0), item("c", 0, 0)]
    assert named(evidence, resembles={"a": 1, "c": 7}) == {}
    assert named(evidence, resembles={"a": 1, "c": 7}, culprit={"a": 1, "c": 0}) == {"a": "culprit"}


def test_a_mistake_that_explains_less_than_half_is_not_named():
    evidence = [item("a", 1, 0), item("b", 2, 0), item("c", 3, 0)]
    assert named(evidence, partial={"a": 1, "b": 0, "c": 0}) == {}
    assert named(evidence, partial={"a": 1, "b": 2, "c": 0}) == {"a": "partial", "b": "partial"}


def test_of_two_mistakes_the_one_that_explains_more_is_named():
    evidence = [item("a", 1, 0), item("b", 2, 0)]
    less, more = {"a": 1, "b": 0}, {"a": 1, "b": 2}
    assert named(evidence, less=less, more=more) == {"a": "more", "b": "more"}


def raised(text):
    def fail():
        raise RuntimeError(text)

    return attempt(fail)


def test_an_exception_that_many_causes_share_is_not_enough():
    evidence = [item("a", {"call": raised("shapes")}, {"call": 0}), item("b", 2, 0)]
    same = {"a": {"call": raised("shapes")}, "b": 5}
    assert named(evidence, same_error=same) == {}
    assert named(evidence, culprit={**same, "b": 2}) == {"a": "culprit", "b": "culprit"}


def test_a_word_that_many_causes_share_is_not_enough():
    evidence = [item("a", {"scores": "stay"}, {"scores": "change"}), item("b", 2, 0)]
    same = {"a": {"scores": "stay"}, "b": 5}
    assert named(evidence, same_word=same) == {}
    assert named(evidence, culprit={**same, "b": 2}) == {"a": "culprit", "b": "culprit"}


def observe_sum(subject, rng):
    return {"sum": attempt(subject, torch.arange(4.0))}


def observe_empty(subject, rng):
    return {"empty": attempt(subject, torch.zeros(0))}


def test_the_student_s_report_has_the_sentence_only_where_it_is_true():
    exercise = Exercise(
        "total",
        "ps0_warmup",
        torch.sum,
        2.0,
        (
            Property("sum", "the sum is right", 1, observe_sum),
            Property("empty", "nothing sums to 0", 1, observe_empty),
        ),
    )

    @exercise.misconception("You take the mean.")
    def mean(x):
        return x.mean()

    # Half of the sum, as the mean of two pairs would be; but of nothing it is 0, not nan.
    report = exercise.evaluate(lambda x: x.sum() / 4, 1)
    assert [outcome.passed for outcome in report.outcomes] == [False, True]
    assert report.hints == []
    assert exercise.evaluate(mean, 1).hints == ["You take the mean."]
