"""translation_bugs: its hidden tests, and right answers of other kinds."""

from rnncourse.exercises.ps3_outputs.translation_bugs import bug_hunt

from .. import Rubric

rubric = Rubric(
    (
        bug_hunt.finds("start", "the wrong start of the decoder is found", 0.5, "B"),
        bug_hunt.finds("heads", "the wrong lines about the heads are found", 0.75, "DF"),
        bug_hunt.finds("product", "the wrong line about the probability is found", 0.5, "H"),
        bug_hunt.accuses_nobody(0.25),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def takes_the_right_lines_away():
    return set("ABCDEFGHIJ") - set("ACEGIJ")


@rubric.alternative
def returns_a_frozen_set():
    return frozenset(["H", "F", "D", "B"])


@rubric.alternative
def takes_the_letters_of_a_word():
    return set("BDFH")
