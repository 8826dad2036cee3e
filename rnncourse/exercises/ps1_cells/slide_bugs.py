"""slide_bugs: its visible checks and the mistakes people make."""

from ...checks.bug_hunt import BugHunt
from ...checks.exercise import Exercise
from ...reference import cells

bug_hunt = BugHunt(
    cells.slide_bugs,
    {"lstm": "ABCDEFGH", "gru": "IJKLM"},
    {"lstm": "the LSTM's", "gru": "the GRU's"},
)


exercise = Exercise(
    "slide_bugs",
    "ps1_cells",
    cells.slide_bugs,
    points=4,
    properties=(bug_hunt.form(0.25), bug_hunt.count(0.25)),
)


@exercise.misconception(
    "You let the slide's forget gate pass. A gate is a fraction from 0 to 1, "
    "and tanh goes below 0: f needs a sigmoid."
)
def accepts_the_tanh_gate():
    return {"lstm": {"D", "E", "F", "G", "H"}, "gru": {"K", "L"}}


@exercise.misconception(
    "You let the LSTM's candidate g pass. New content may have either sign, "
    "and a sigmoid is never negative: g needs a tanh."
)
def accepts_the_sigmoid_candidate():
    return {"lstm": {"B", "E", "F", "G", "H"}, "gru": {"K", "L"}}


@exercise.misconception(
    "You let the gates read h_t, which is computed from them. They can only read h_{t-1}."
)
def accepts_a_gate_that_reads_the_result():
    return {"lstm": {"B", "D", "F", "G", "H"}, "gru": {"K", "L"}}


@exercise.misconception(
    "You let W have H rows. One product makes all four blocks i, f, o and g, so it needs 4H rows."
)
def accepts_the_small_matrix():
    return {"lstm": {"B", "D", "E", "G", "H"}, "gru": {"K", "L"}}


@exercise.misconception(
    "You let the output read c_{t-1}. Then what is written at step t cannot be seen at step t: "
    "h_t needs tanh(c_t)."
)
def accepts_a_stale_memory():
    return {"lstm": {"B", "D", "E", "F", "G"}, "gru": {"K", "L"}}


@exercise.misconception(
    "You read · as elementwise, but on the slide it is the matrix product. "
    "A gate and a state are both rows of H numbers, so f and r need ⊗."
)
def reads_every_dot_as_elementwise():
    return {"lstm": {"B", "D", "E", "F", "H"}, "gru": {"K"}}


@exercise.misconception(
    "You let the GRU's candidate pass. With a sigmoid the state could never become negative: "
    "it needs a tanh, like the LSTM's g."
)
def accepts_the_gru_candidate():
    return {"lstm": {"B", "D", "E", "F", "G", "H"}, "gru": {"L"}}


@exercise.misconception(
    "You call the GRU's blend wrong, perhaps because torch swaps z and 1 - z. "
    "Both ways round are GRUs: z is only a name for the part taken from the new."
)
def calls_the_blend_wrong():
    return {"lstm": {"B", "D", "E", "F", "G", "H"}, "gru": {"K", "L", "M"}}


@exercise.misconception(
    "You call the output gate's sigmoid wrong. o is a fraction of the memory to show, "
    "like i and f: a sigmoid is right for it."
)
def calls_the_output_gate_wrong():
    return {"lstm": {"B", "C", "D", "E", "F", "G", "H"}, "gru": {"K", "L"}}


@exercise.misconception("You named the correct lines. Name the wrong ones.")
def names_the_correct_lines():
    return {"lstm": {"A", "C"}, "gru": {"I", "J", "M"}}


@exercise.misconception(
    "You name every line, which finds nothing: naming a correct line costs what was found. "
    "For each line, check its time index, its shapes and its range."
)
def names_every_line():
    return {"lstm": set("ABCDEFGH"), "gru": set("IJKLM")}
