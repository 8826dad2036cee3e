"""Answers with exceptions that carry all inputs, weights and the stack, to learn from the feedback
what was expected. The feedback quotes the attacker's own words, cut short, and no expected value.
"""

SAFE = True
ANSWERS = {
    "gru_step": """
def gru_step(*args):
    import sys, traceback
    told = repr([one.tolist() for one in args]) + "".join(traceback.format_stack())
    raise ValueError(told + repr(sys._getframe(1).f_locals))
""",
}
SHOWS = "ValueError"
ABSENT = "BEGIN HIDDEN|observe_|autograder/rubrics"
SUSPICIOUS = "sys._getframe"
