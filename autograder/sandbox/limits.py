"""Every limit that a submission meets, in one place. Each has a sentence for the student."""

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Times in seconds of wall clock unless said otherwise, sizes in bytes."""

    call: float = 10  # one call of a student's function by a test
    call_again: float = 0.5  # a further call in a grading cell, after one has run out of time
    cell: float = 30  # one cell of the student's
    grade_cell: float = 60  # all tests of one exercise
    submission: float = 300  # the whole notebook
    grace: float = 1.5  # between an interrupt and the end of the process
    cpu: int = 600  # seconds of processor time, threads together
    memory: int = 4096 * MB  # of all processes of a submission together
    judge_memory: int = 4096 * MB  # of a judge, which a call back can make work
    processes: int = 64
    files: int = 256  # open at once, by one process
    file_size: int = 64 * MB  # of one file that is written
    scratch: int = 256 * MB  # of all files that are written
    notebook: int = 64 * MB  # of a submitted notebook
    outputs: int = 16 * MB  # of all outputs of a notebook
    extra_files: int = 60 * MB  # of all other submitted files; each fits into one message
    lives: int = 12  # new processes after a crash, before the rest is given up


LIMITS = Limits()
