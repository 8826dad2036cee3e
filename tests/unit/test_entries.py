"""A judge of some entries never judges nothing."""

import pytest

from autograder.rubrics import graded_properties
from rnncourse.checks.entries import judging, judging_all_but
from rnncourse.exercises import exercises

SEEN = {"call 1, x": 1.0, "call 2, x": 2.0, "history": 3.0}


def test_only_the_chosen_entries_are_judged():
    got = {**SEEN, "history": 4.0}
    assert judging("call*")(got, SEEN) is None
    assert judging_all_but("history")(got, SEEN) is None
    assert "history" in judging("history")(got, SEEN)
    assert "history" in judging_all_but("call*")(got, SEEN)


@pytest.mark.parametrize(
    "judge",
    [judging("calls*"), judging("call*", "the history"), judging_all_but("histories")],
)
def test_a_pattern_that_matches_nothing_is_an_error(judge):
    with pytest.raises(LookupError, match="matches none of the entries"):
        judge(SEEN, SEEN)


def test_leaving_out_all_entries_is_an_error():
    with pytest.raises(LookupError, match="no entry is left"):
        judging_all_but("call*", "history")(SEEN, SEEN)


@pytest.mark.parametrize("name", exercises())
def test_every_property_judges_something_of_the_reference(name):
    exercise = exercises()[name]
    assert exercise.evaluate(exercise.reference, 7, graded_properties(name)).passed
