"""translation_bugs: its visible checks and the mistakes people make."""

from ...checks.bug_hunt import BugHunt
from ...checks.exercise import Exercise
from ...reference import outputs

bug_hunt = BugHunt(outputs.translation_bugs, "ABCDEFGHIJ", "the notes'")


exercise = Exercise(
    "translation_bugs",
    "ps3_outputs",
    outputs.translation_bugs,
    points=3,
    properties=(bug_hunt.form(0.25), bug_hunt.count(0.75)),
)


@exercise.misconception(
    "You let the decoder start from zeros; then it does not know what to translate. f_0 is e_4."
)
def accepts_an_ignorant_decoder():
    return {"D", "F", "H"}


@exercise.misconception(
    "You let W_soft pass. It multiplies a state f of H numbers, not a word vector of D: "
    "this is an error in the lecture."
)
def accepts_the_slides_w_soft():
    return {"B", "F", "H"}


@exercise.misconception(
    "You let the encoder have heads. While it reads, no word is generated, so there is nothing to "
    "predict: only f_1 to f_6 have heads."
)
def accepts_heads_everywhere():
    return {"B", "D", "H"}


@exercise.misconception(
    "You let probabilities be added. A sentence needs all of its words: "
    "the probabilities multiply, their logarithms add."
)
def accepts_a_sum_of_probabilities():
    return {"B", "D", "F"}


@exercise.misconception(
    "You call it wrong that seven words have six vectors. The last one, the final <s>, is only "
    "predicted and never read."
)
def misses_the_seventh_vector():
    return {"B", "C", "D", "F", "H"}


@exercise.misconception(
    "You call the index t-1 wrong. When y_t is to be predicted, the decoder has read "
    "y_1 to y_{t-1}: that is f_{t-1}."
)
def lets_the_decoder_peek():
    return {"B", "D", "F", "G", "H"}


@exercise.misconception(
    "You call it wrong that training reads the true words. It is right, and called teacher forcing."
)
def wants_free_running():
    return {"B", "D", "F", "H", "J"}


@exercise.misconception(
    "You call the loss wrong. The logarithm of a product is the sum of the logarithms."
)
def distrusts_the_logarithm():
    return {"B", "D", "F", "H", "I"}


@exercise.misconception("You name the lines that are correct. Name the wrong ones.")
def names_the_correct_lines():
    return {"A", "C", "E", "G", "I", "J"}
