"""slide_bugs: its hidden tests, and right answers of other kinds."""

from rnncourse.exercises.ps1_cells.slide_bugs import bug_hunt

from .. import Rubric

rubric = Rubric(
    (
        bug_hunt.finds("activations", "the LSTM's wrong activations are found", 0.75, "BD"),
        bug_hunt.finds("time", "the LSTM's wrong time indices are found", 0.75, "EH"),
        bug_hunt.finds("shapes", "the LSTM's wrong shapes and products are found", 0.75, "FG"),
        bug_hunt.finds("gru", "the GRU's wrong lines are found", 0.75, "KL"),
        bug_hunt.accuses_nobody(0.5),
    )
)


# --- alternative right answers --------------------------------------------------------------------


@rubric.alternative
def spells_the_letters():
    return {"lstm": set("BDEFGH"), "gru": set("KL")}


@rubric.alternative
def takes_the_correct_lines_away():
    everything = {"lstm": "ABCDEFGH", "gru": "IJKLM"}
    correct = "ACIJM"
    return {key: set(lines).difference(correct) for key, lines in everything.items()}


@rubric.alternative
def keeps_a_table_of_reasons():
    reasons = {
        "lstm": dict(B="range", D="range", E="time", F="shape", G="product", H="time"),
        "gru": dict(K="range", L="product"),
    }
    return dict(lstm=frozenset(reasons["lstm"]), gru=frozenset(reasons["gru"]))
