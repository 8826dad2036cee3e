"""attention_slide_bugs: its visible checks and the mistakes people make.

Lines A to J are the slide's, K to P those of the code. Visible is the form of an answer alone.
"""

from ...checks.bug_hunt import BugHunt
from ...checks.exercise import Exercise
from ...reference import attention

bug_hunt = BugHunt(
    attention.attention_slide_bugs,
    {"slide": "ABCDEFGHIJ", "code": "KLMNOP"},
    {"slide": "the slide's", "code": "the code's"},
)


exercise = Exercise(
    "attention_slide_bugs",
    "ps4_attention",
    attention.attention_slide_bugs,
    points=4,
    properties=(bug_hunt.form(0.25), bug_hunt.count(0.5)),
)


@exercise.misconception(
    "You let equation 8 pass. Its softmax sees the context alone, and the context says what was "
    "looked at, not how far the translation has come: f is lost."
)
def accepts_the_lost_state():
    return {"slide": {"J"}, "code": {"N", "P"}}


@exercise.misconception(
    "You let the slide's Luong attention pass. The dot product is one of three scores of that "
    "paper, and its tanh(W_c[c; f]) is missing altogether."
)
def accepts_half_of_luong():
    return {"slide": {"E"}, "code": {"N", "P"}}


@exercise.misconception(
    "You let the code's softmax pass. In a padded batch it gives weight to padding: "
    "mask the scores first."
)
def accepts_the_unmasked_softmax():
    return {"slide": {"E", "J"}, "code": {"P"}}


@exercise.misconception(
    "You found that equation 8 loses the decoder's state; its last line of code does the same. "
    "fs goes into the scores and nowhere else."
)
def accepts_the_same_slip_in_code():
    return {"slide": {"E", "J"}, "code": {"N"}}


@exercise.misconception(
    "You call six vectors for seven words wrong. f_6, which has read y_6, predicts the seventh "
    "word, and after that nothing is read: six are enough."
)
def wants_a_seventh_vector():
    return {"slide": {"C", "E", "J"}, "code": {"N", "P"}}


@exercise.misconception(
    "You call f_{t-1} in equation 7 wrong. f_t has read y_t itself, so y_t must be predicted from "
    "the state before it."
)
def wants_the_state_that_has_read_the_answer():
    return {"slide": {"D", "E", "J"}, "code": {"N", "P"}}


@exercise.misconception(
    "You call f_0 = e_4 wrong. The decoder starts where the encoder stopped, "
    "and a source of four words ends at e_4."
)
def wants_another_start():
    return {"slide": {"B", "E", "J"}, "code": {"N", "P"}}


@exercise.misconception(
    "You call Bahdanau's score wrong. Its shapes fit: rows of H numbers, added, squashed, "
    "and times v (H, 1) one number."
)
def wants_another_bahdanau():
    return {"slide": {"E", "I", "J"}, "code": {"N", "P"}}


@exercise.misconception(
    "You call the code's context wrong. bmm of (B, T, S) and (B, S, H) sums over the source words, "
    "as equation 10 asks."
)
def wants_another_context():
    return {"slide": {"E", "J"}, "code": {"N", "O", "P"}}


@exercise.misconception(
    "You named the lines that are right. Turn it round: name those that are wrong."
)
def names_the_correct_lines():
    return {"slide": set("ABCDFGHI"), "code": set("KLMO")}


@exercise.misconception(
    "You name every line, which finds nothing: accusing a correct line costs what was found. "
    "Ask of each line what it reads, and what it leaves out."
)
def names_every_line():
    return {"slide": set("ABCDEFGHIJ"), "code": set("KLMNOP")}
