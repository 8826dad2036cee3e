"""Hands in a link to the instructor's solutions in place of the notebook. It is not followed."""

SAFE = True
NBGRADER = True
BLANK = ["gru_step"]
ANSWERS = {
    name: "1"
    for name in (
        "additive_step",
        "elman_step",
        "unroll",
        "slide_bugs",
        "lstm_step",
        "gru_step",
        "nas_step",
        "enas_step",
        "LSTM",
    )
}
SUSPICIOUS = "holds a link"


def edit(notebook, folder, course):
    name = "ps1_cells.ipynb"
    (folder / name).symlink_to(course / "solutions" / "ps1_cells" / name)
