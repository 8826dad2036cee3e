"""attention_slide_bugs: hidden tests and alternative right answers."""

from rnncourse.exercises.ps4_attention.attention_slide_bugs import bug_hunt

from .. import Rubric

rubric = Rubric(
    (
        bug_hunt.finds("state", "where the decoder's state is lost is found", 1, "EP"),
        bug_hunt.finds("mask", "where the padding comes in is found", 0.75, "N"),
        bug_hunt.finds("luong", "what is only a part of Luong's attention is found", 0.75, "J"),
        bug_hunt.accuses_nobody(0.75),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def spells_the_letters():
    return {"slide": set("EJ"), "code": set("NP")}


@rubric.alternative
def takes_the_correct_lines_away():
    everything = {"slide": "ABCDEFGHIJ", "code": "KLMNOP"}
    correct = set("ABCDFGHIKLMO")
    return {key: set(lines) - correct for key, lines in everything.items()}


@rubric.alternative
def gives_reasons():
    reasons = {
        "E": "the softmax cannot see the decoder's state",
        "J": "general and concat are Luong's too, and so is tanh(W_c[c; f])",
        "N": "the padding is not masked",
        "P": "fs does not get into the logits",
    }
    return dict(
        slide=frozenset(letter for letter in reasons if letter <= "J"),
        code=frozenset(letter for letter in reasons if letter > "J"),
    )
