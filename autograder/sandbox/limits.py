"""The limits of a submission. Each that a student can meet has a sentence that says so.

Here are those that can be set for a run (`Limits`) and the constants of the trusted side. Inside
the sandbox `autograder.jailed.limits` applies, which also bounds a message. The rest, elsewhere:

- `autograder.judging.replay_cache.MAX_RECORDING`: exchanges of a grading cell that are remembered
  (costs time, never marks);
- `autograder.judging.results.MAX_NUMBER`: the largest number that is read as points;
- `rnncourse.checks.report.PRINTED`: how much of a student's own output a report shows;
- `rnncourse.checks.harness.capstone.MAX_BYTES`: the size of the capstone's weights;
- `rnncourse.exercises.capstone.load_translator.LONGEST`: the length of a translation.

The last three are in the library because self-study, which has no autograder, needs them too.
"""

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Times are seconds of wall clock unless stated otherwise, sizes are bytes."""

    call: float = 10  # one call of a student's function by a test
    call_after_timeout: float = 0.5  # each later call in a grading cell that had a timeout
    cell: float = 30  # one cell of the student's
    grade_cell: float = 60  # all tests of one exercise
    submission: float = 300  # the whole notebook
    grace: float = 1.5  # between an interrupt and the end of the process
    cpu_time: int = 600  # seconds of processor time, all threads of a process together
    memory: int = 4096 * MB  # of all processes of a submission together
    judge_memory: int = 4096 * MB  # of a judge: a callback can make it work
    processes: int = 64
    open_files: int = 256  # in one process
    file_size: int = 64 * MB  # of one written file
    scratch_size: int = 256 * MB  # of all written files
    notebook_size: int = 64 * MB  # of a submitted notebook
    outputs_size: int = 16 * MB  # of all outputs of a notebook
    extra_files_size: int = 60 * MB  # of all other submitted files; each fits into one message
    max_restarts: int = 12  # new processes after a crash, before the rest is given up


LIMITS = Limits()

# Reading a submission.
MAX_FILES = 5000
MAX_FOLDER_DEPTH = 20
MAX_PATH = 1000  # bytes of a file's path inside: it must also fit where it is copied to
MAX_CELLS = 2000  # of a notebook: likewise
# Characters of a cell, and of all cells together: a page with more takes nbgrader minutes, and one
# of a thousand cells full of tables, hours.
MAX_CELL_SOURCE = 50_000
MAX_NOTEBOOK_SOURCE = 500_000

MAX_RECORD = 200  # characters of a string that a grading cell keeps with the result
