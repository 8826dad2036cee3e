"""Hidden tests of problem set 1, cells."""

from rnncourse.checks import ps1_cells as ps1

HIDDEN = {
    "additive_step": (ps1.additive_cases.pure(0.5),),
    "elman_step": (
        ps1.elman_cases.gradient(1),
        ps1.elman_cases.rows(0.25),
        ps1.elman_cases.dtype(0.25),
        ps1.elman_cases.pure(0.5),
    ),
}
